"""How long until a lesson shows its first figure, from a kernel that has just started?

    python benchmarks/first_figure.py [NAME ...] [--repeats 2]

Runs a lesson's cells up to the first with a figure. Beside it stands what the libraries that it shows figures
and computes with take to import, in a kernel too: nothing can be faster than that. Processor seconds of the
kernel, the least of the repeats.
"""

import argparse
import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import nbformat
from nbclient import NotebookClient
from tables import machine, row, show

from notebooks import NOTEBOOKS, kernel_seconds

LIBRARIES = "import torch, pandas, scipy.stats, plotly.graph_objects, ipywidgets"
LESSONS = ("01_", "02_", "06_")
SHOWN = ("application/vnd.jupyter.widget-view+json", "application/vnd.plotly.v1+json")


def shows(cell) -> bool:
    """Whether a cell's output holds a figure."""
    return any(kind in output.get("data", {}) for output in cell.get("outputs", []) for kind in SHOWN)


def seconds(book, repeats: int) -> tuple[float, int]:
    """(processor seconds of a kernel until the first figure, or the end; code cells until then)."""
    best = float("inf")
    for _ in range(repeats):
        before, number = kernel_seconds(), 0
        where = {"metadata": {"path": NOTEBOOKS}}
        client = NotebookClient(book, timeout=None, kernel_name="python3", resources=where)
        with client.setup_kernel():
            for index, cell in enumerate(book.cells):
                if cell.cell_type == "code":
                    client.execute_cell(cell, index)
                    number += 1
                    if shows(cell):
                        break
        best = min(best, kernel_seconds() - before)
    return best, number


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("names", nargs="*", default=LESSONS)
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    print(machine())
    bare = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(LIBRARIES)])
    least, _ = seconds(bare, options.repeats)
    print(f"{LIBRARIES}: {least:.1f} s")
    rows = []
    for path in sorted(p for p in NOTEBOOKS.glob("*.ipynb") if any(name in p.name for name in options.names)):
        taken, cells = seconds(nbformat.read(path, as_version=4), options.repeats)
        print(f"{path.stem}: {taken:.1f} s, {cells} cells")
        why = "its first cells compute, or load transformers too"
        rows.append(row(f"{path.stem}, over its libraries alone", taken / least, "at most", 1.5, why=why))
    show("First figure", rows)


if __name__ == "__main__":
    main()
