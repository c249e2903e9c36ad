"""How quick is the ablation lab? From a dial to its new picture in a real browser, and a grid of heads.

    python benchmarks/ablation.py [--moves 50] [--seeds 8] [--no-browser]

The panel of lesson 14 at lab size in JupyterLab: each move is a key pressed on a dial, and ends when plotly
has drawn the picture of the heads that were taught for it. Then 4 losses x 4 levels of noise x 20 seeds, the
penalty of every head chosen, without the cache. On two idle cores the aims are 300 ms for 95 of 100 moves,
and a minute for the grid.
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
import numpy as np

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("HF_HUB_OFFLINE", "1")

NOTEBOOK = """
import rmkit
from rmkit import ablation
from rmkit.lessons.ablation_lab import panel

bench = ablation.Bench(progress=False)
panel.lab(bench, labels=[80, 160, 320], seeds={seeds})
"""
LISTEN = "g => { window.drawn = []; g.on('plotly_afterplot', () => window.drawn.push(performance.now())); }"
# loss, answers ranked, labels, noise, length bias, penalty, seeds; margin and weights do not always matter
DIALS = (0, 3, 4, 5, 6, 7, 8)
KEYS = ("ArrowRight", "ArrowRight", "ArrowLeft", "ArrowRight", "ArrowLeft", "ArrowLeft")


def moves(number: int, seeds: int) -> list[float]:
    """Milliseconds from key to picture of so many moves, dial after dial."""
    from tests.browser import lab
    from tests.notebook_hygiene import METADATA

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        root = Path(folder, "notebooks")
        root.mkdir()
        cells = [nbformat.v4.new_code_cell(NOTEBOOK.format(seeds=seeds).strip())]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), root / "lab.ipynb")
        path = {"PYTHONPATH": str(ROOT)}
        with lab.server(root, Path(folder, "jupyter"), **path) as url, lab.browser() as (page, _):
            state = lab.open_and_run(page, url, "lab.ipynb")
            if state["errors"]:
                raise RuntimeError(state["errors"][0])
            lab.wait_for_figures(page, state["figures"])
            panel = page.locator(".rmkit-panel")
            panel.locator(".js-plotly-plot").element_handle().evaluate(LISTEN)
            handles, took = panel.locator(".noUi-handle"), []
            for move in range(number):
                handle = handles.nth(DIALS[move % len(DIALS)])
                handle.focus()
                key = KEYS[move // len(DIALS) % len(KEYS)]
                at, low, high = (float(handle.get_attribute(f"aria-value{x}")) for x in ("now", "min", "max"))
                key = {low: "ArrowRight", high: "ArrowLeft"}.get(at, key)
                began = page.evaluate("() => { window.drawn.length = 0; return performance.now(); }")
                page.keyboard.press(key)
                page.wait_for_function("() => window.drawn.length > 0")
                page.wait_for_timeout(100)  # a dial that sends twice draws twice
                took.append(page.evaluate("() => window.drawn.at(-1)") - began)
            page.evaluate(lab.SHUT_DOWN)
    return took


def grid() -> tuple[float, int]:
    """(seconds, heads): 4 losses x 4 levels of noise x 20 seeds; the features are read before."""
    from rmkit import ablate, ablation

    bench = ablation.Bench(progress=False)
    losses = ["bradley-terry", "label-smoothing", "hinge", "focal"]
    began = time.perf_counter()
    table = ablate(
        {"loss": losses, "noise": [0.0, 0.1, 0.2, 0.3], "labels": 160},
        20,
        data=bench,
        keep=False,
        progress=False,
    )
    return time.perf_counter() - began, len(table)


def main() -> None:
    """Read the command line and print both."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--moves", type=int, default=50)
    parser.add_argument("--seeds", type=int, default=8, help="heads that each move teaches")
    parser.add_argument("--no-browser", action="store_true", help="the grid alone")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if not options.no_browser:
        took = moves(options.moves, options.seeds)
        low, middle, high = np.percentile(took, [5, 50, 95])
        print(f"{len(took)} moves of {options.seeds} heads each, from dial to picture:")
        print(f"5 % within {low:.0f} ms, half within {middle:.0f} ms, 95 % within {high:.0f} ms")
    seconds, heads = grid()
    print(f"grid of {heads} heads, each with its penalty chosen: {seconds:.1f} s")


if __name__ == "__main__":
    main()
