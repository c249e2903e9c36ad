"""Lessons run once for readers without a kernel: figures move between values that were computed before.

A figure inside a widget stays as it was at the end; what only a kernel can do is named in a line. Used by the
slides and by the site. A run is kept below build/read until the lesson, the library or the size changes.
"""

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import nbformat

from rmkit.notebook.alternative import alternative
from rmkit.notebook.size import size

PLOT = "application/vnd.plotly.v1+json"
WIDGET = "application/vnd.jupyter.widget-view+json"
STATE = "application/vnd.jupyter.widget-state+json"
LIVE = "Here the notebook has controls, which need a kernel."
SECONDS_A_CELL = 3600  # never a reason to fail: a slow machine is no bug


def executed(path: Path, kept: Path) -> Any:
    """The notebook at `path` with its outputs, from `kept` where it has been run before.

    Raises nbclient's CellExecutionError where a cell fails.
    """
    from nbclient import NotebookClient

    text = path.read_text(encoding="utf-8")
    there = kept / f"{path.stem}-{_key(text)}.ipynb"
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
        NotebookClient(book, **options).execute()
    finally:
        os.environ.pop("RMKIT_STATIC") if before is None else os.environ.update(RMKIT_STATIC=before)
    widgets = book.metadata.pop("widgets", {}).get(STATE, {}).get("state", {})
    for cell in book.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.outputs = [shown for output in cell.outputs for shown in _readable(output, widgets)]
    kept.mkdir(parents=True, exist_ok=True)
    part = there.with_suffix(".part")
    part.write_text(nbformat.writes(book), encoding="utf-8")
    part.replace(there)
    return book


def _key(lesson: str) -> str:
    """What a run depends on: the lesson, the size, and the library without this room."""
    package = Path(__file__).parents[1]
    told = hashlib.sha256(f"{size()} {lesson}".encode())
    for path in sorted(package.rglob("*.py")):
        if not path.is_relative_to(package / "classroom"):
            told.update(path.read_bytes())
    return told.hexdigest()[:16]


def _readable(output: Any, widgets: Mapping[str, Any]) -> Iterator[Any]:
    """The output without what only a kernel could draw; nothing where it is only chatter."""
    if output.output_type == "stream":
        if output.name == "stdout":
            yield output
        return
    data = output.get("data")
    if data is not None and WIDGET in data:
        drawn = list(_drawings(data[WIDGET]["model_id"], widgets))
        for forms in drawn or [{"text/plain": LIVE}]:
            yield nbformat.v4.new_output("display_data", forms)
        return
    if data is not None and PLOT in data:  # one form of it is enough
        output.data = nbformat.from_dict({PLOT: data[PLOT]})
    yield output


def _drawings(widget: str, widgets: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """What the figures inside a widget show at the end of the run, in order."""
    state = widgets[widget.removeprefix("IPY_MODEL_")]["state"]
    if "_drawing" in state:
        yield {PLOT: json.loads(widgets[state["_drawing"].removeprefix("IPY_MODEL_")]["state"]["value"])}
    for child in state.get("children", ()):
        yield from _drawings(child, widgets)


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
