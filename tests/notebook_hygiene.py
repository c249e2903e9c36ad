"""Notebook hygiene: `python tests/notebook_hygiene.py [--fix] [notebooks/NAME.ipynb ...]`.

A committed notebook holds text and code and nothing that running it leaves behind, in one canonical form, so
that a diff shows what its author changed. --fix puts right what needs no judgment and prints the rest.
"""

import argparse
import json
import re
import sys
from pathlib import Path

import nbformat

from rmkit.classroom import opening

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
# Run by nbmake after the last cell: every slider of the notebook is moved to both ends.
SLIDERS = {"nbmake": {"post_cell_execute": ["import rmkit.widgets", "rmkit.widgets.exercise_all()"]}}
TAGS = {"raises-exception"}
LINES = 25
BANNED = {
    r"https?://": "an address in code, but notebooks run offline",
    r"""["'](/[A-Za-z]|~/|[A-Za-z]:\\\\)""": "an absolute path",
    r"\bipywidgets\b|\binteract(ive|ive_output)?\(": "its own widgets: use rmkit.widgets.explore",
    r"^\s*[!%]+\s*(pip|conda|apt)": "an installation",
}


def notebooks() -> list[Path]:
    """Every notebook of the course; not the copies that JupyterLab keeps in hidden folders."""
    inside = (path.relative_to(NOTEBOOKS) for path in NOTEBOOKS.rglob("*.ipynb"))
    return sorted(NOTEBOOKS / path for path in inside if not any(part.startswith(".") for part in path.parts))


def problems(path: Path) -> list[str]:
    """What is wrong with the notebook at `path`, one sentence each."""
    text = path.read_text(encoding="utf-8")
    ids = [cell.get("id") for cell in json.loads(text)["cells"]]  # nbformat mends ids as it reads
    if None in ids or len(set(ids)) != len(ids):
        return ["cells without an id, or two with the same"]
    book = nbformat.reads(text, 4)
    try:
        nbformat.validate(book)
    except nbformat.ValidationError as error:
        return [f"not a valid notebook: {error.message}"]
    found = [] if book.metadata == METADATA else ["notebook metadata is not the canonical one"]
    last = _last_code(book)
    for number, cell in enumerate(book.cells):
        found += [f"cell {number}: {what}" for what in _cell_problems(cell, cell is last)]
    if text != canonical(book):
        found.append("not in canonical JSON")
    return found


def _cell_problems(cell, is_last: bool) -> list[str]:
    found = [] if cell.source.strip() else ["is empty"]
    ours = opening.written_here(cell)
    extra = set(cell.metadata) - {"tags", "nbmake"} or set(cell.metadata.get("tags", [])) - TAGS
    if cell.metadata != opening.FOLDED if ours else extra:
        found.append(f"metadata or tags not on the list: {sorted(extra)}")
    if (cell.metadata.get("nbmake") or None) != (SLIDERS["nbmake"] if is_last else None):
        found.append("the slider test must stand in the last code cell's metadata, and only there")
    if cell.cell_type != "code" or ours:
        return found
    if cell.outputs or cell.execution_count is not None:
        found.append("has outputs or an execution count")
    lines = [line for line in cell.source.splitlines() if line.strip()]
    if len(lines) > LINES:
        found.append(f"{len(lines)} lines, more than {LINES}")
    found += [
        f"{why}: {line.strip()}" for line in lines for bad, why in BANNED.items() if re.search(bad, line)
    ]
    return found


def canonical(book) -> str:
    """The one way to write a notebook: as nbformat does, and a newline."""
    return nbformat.writes(book, version=4).rstrip("\n") + "\n"


def fix(path: Path) -> None:
    """Strip what running left, set the metadata, give ids, and write the canonical form."""
    book = nbformat.read(path, 4)
    book.nbformat_minor = 5
    book.metadata = nbformat.from_dict(METADATA)
    book.cells = [cell for cell in book.cells if cell.source.strip()]
    last = _last_code(book)
    for cell in book.cells:
        tags = [tag for tag in cell.metadata.get("tags", []) if tag in TAGS]
        folded = opening.FOLDED if opening.written_here(cell) else {}
        cell.metadata = nbformat.from_dict(
            {**({"tags": tags} if tags else {}), **folded, **(SLIDERS if cell is last else {})}
        )
        cell.pop("attachments", None)
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    path.write_text(canonical(book), encoding="utf-8")


def _last_code(book):
    return next((cell for cell in reversed(book.cells) if cell.cell_type == "code"), None)


def main(arguments: list[str] | None = None) -> int:
    """Check or fix the notebooks named, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path)
    parser.add_argument("--fix", action="store_true")
    options = parser.parse_args(arguments)
    bad = 0
    for path in options.notebooks or notebooks():
        if options.fix:
            fix(path)
        for what in problems(path):
            print(f"{path.name}: {what}")
            bad += 1
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
