"""Lessons run once for readers without a kernel: figures move by plotly's own sliders, widgets are left out.

Used by the slides and by the site. A run is kept below build/read until the lesson or its size changes.
"""

import hashlib
import os
from pathlib import Path
from typing import Any

import nbformat

from rmkit.notebook.size import size

PLOT = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
SECONDS_A_CELL = 3600  # never a reason to fail: a slow machine is no bug


def executed(path: Path, kept: Path) -> Any:
    """The notebook at `path` with its outputs, from `kept` where it has been run before.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    from nbclient import NotebookClient

    text = path.read_text(encoding="utf-8")
    name = hashlib.sha256(f"{size()} {text}".encode()).hexdigest()[:16]
    there = kept / f"{path.stem}-{name}.ipynb"
    if there.is_file():
        return nbformat.read(there, 4)
    book = nbformat.reads(text, 4)
    options = {
        "timeout": SECONDS_A_CELL,
        "kernel_name": "python3",
        "resources": {"metadata": {"path": path.parent}},
    }
    before = os.environ.get("RMKIT_STATIC")
    os.environ["RMKIT_STATIC"] = "1"  # the kernel inherits it
    try:
        NotebookClient(book, store_widget_state=False, **options).execute()
    finally:
        os.environ.pop("RMKIT_STATIC") if before is None else os.environ.update(RMKIT_STATIC=before)
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [output for output in map(_readable, cell.outputs) if output]
    kept.mkdir(parents=True, exist_ok=True)
    part = there.with_suffix(".part")
    part.write_text(nbformat.writes(book), encoding="utf-8")
    part.replace(there)
    return book


def _readable(output: Any) -> Any | None:
    """The output without what only a kernel could draw; None where nothing is left, or only chatter."""
    if output.output_type == "stream":
        return output if output.name == "stdout" else None
    data = output.get("data")
    if data is None:
        return output
    if WIDGET in data:
        return None
    if PLOT in data:  # one form of it is enough
        output.data = nbformat.from_dict({PLOT: data[PLOT]})
    return output


def figures(book: Any) -> list[tuple[str, Any, str]]:
    """(the heading above it, plotly's JSON, what it says in words) of every figure of an executed lesson."""
    found, heading = [], ""
    for cell in book.cells:
        if cell.cell_type == "markdown":
            heading = next(
                (x.lstrip("# ") for x in reversed(cell.source.splitlines()) if x.startswith("#")), heading
            )
            continue
        for output in cell.outputs:
            plot = output.get("data", {}).get(PLOT)
            if plot:
                found.append((heading, plot, alternative(plot)))
    return found


def alternative(plot: Any) -> str:
    """A figure's text: its own description, else its title and the names of its axes and traces."""
    layout = plot.get("layout", {})
    if isinstance(layout.get("meta"), dict) and "description" in layout["meta"]:
        return layout["meta"]["description"]
    title = layout.get("title", {}).get("text", "")
    axes = [layout.get(a, {}).get("title", {}).get("text", "") for a in ("xaxis", "yaxis")]
    names = [trace.get("name", "") for trace in plot.get("data", ())]
    told = [
        title,
        f"{axes[1]} against {axes[0]}" if all(axes) else "",
        ", ".join(dict.fromkeys(filter(None, names))),
    ]
    return ". ".join(part for part in told if part) or "A figure."
