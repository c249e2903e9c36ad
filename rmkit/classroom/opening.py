"""Open a lesson anywhere: its first code cell installs rmkit where it is missing, and links lead there.

`make badges REPO=owner/name` writes both into every notebook and the links into the README; a second time
changes nothing. Without REPO no address is invented: the cell says what to do, and there are no links.
"""

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nbformat

from rmkit.errors import InputError

CELL, LINKS = "open-alone", "open-links"  # ids of the two cells
FOLDED = {"jupyter": {"source_hidden": True}}  # a lesson begins with its subject; a click unfolds the cell
BEGIN, END = "<!-- links -->", "<!-- /links -->"
SOURCE = """\
# Opened alone, on Colab or Kaggle? Then this installs rmkit. Where it is installed, nothing happens.
import importlib.util
import os
import subprocess
import sys

REPOSITORY = "{repository}"  # owner/name on GitHub; `make badges REPO=owner/name` writes it
if importlib.util.find_spec("rmkit") is None:
    address = f"git+https://github.com/{{REPOSITORY}}" if REPOSITORY else ""
    source = os.environ.get("RMKIT_SOURCE", address)  # or the address of a wheel
    if not source:
        raise ModuleNotFoundError("No rmkit: write owner/name into REPOSITORY, or start with `make lab`.")
    wanted = f"rmkit[lab] @ {{source}}"
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", wanted], check=True)
    importlib.invalidate_caches()"""


def source(repository: str = "") -> str:
    """The code of the cell; repository: "owner/name", or empty."""
    return SOURCE.format(repository=repository)


def links(repository: str, path: str) -> str:
    """A line of Markdown: a lesson on Colab, Kaggle and Binder. Text, not pictures: it reads offline."""
    on_github = f"https://github.com/{repository}/blob/main/{path}"
    colab = on_github.replace("https://github.com", "https://colab.research.google.com/github")
    kaggle = f"https://kaggle.com/kernels/welcome?src={on_github}"
    binder = f"https://mybinder.org/v2/gh/{repository}/main?labpath={path.replace('/', '%2F')}"
    return f"Open this in [Colab]({colab}), [Kaggle]({kaggle}) or [Binder]({binder})."


def opened(book: Any, repository: str, path: str) -> Any:
    """The notebook with the cell, and with links where there is a repository, right after its title."""
    book = nbformat.from_dict(book)
    rest = [cell for cell in book.cells if cell.id not in (CELL, LINKS)]
    ours = [nbformat.v4.new_code_cell(source(repository), id=CELL, metadata=FOLDED)]
    if repository:
        ours.insert(0, nbformat.v4.new_markdown_cell(links(repository, path), id=LINKS))
    book.cells = [*rest[:1], *ours, *rest[1:]]
    return book


def written_here(cell: Any) -> bool:
    """Whether a cell is exactly what `opened` writes, for some repository or none."""
    found = re.search(r'^REPOSITORY = "([\w./-]*)"', cell.source, re.M)
    return cell.id == CELL and found is not None and cell.source == source(found.group(1))


def readme(text: str, repository: str) -> str:
    """The README's text with its links between two comments under the title, or without any."""
    text = re.sub(rf"{BEGIN}.*?{END}\n\n", "", text, flags=re.S)
    if not repository:
        return text
    title, _, rest = text.partition("\n\n")
    return f"{title}\n\n{BEGIN}\n{links(repository, 'notebooks/00_start_here.ipynb')}\n{END}\n\n{rest}"


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Write cell and links into the repository at `root` (by default this one)."""
    parser = argparse.ArgumentParser(
        description="Write the cell that installs rmkit, and links, into all lessons."
    )
    parser.add_argument("repository", nargs="?", default="", help="owner/name on GitHub")
    repository = parser.parse_args(arguments).repository.strip()
    root = root or Path(__file__).resolve().parents[2]
    try:
        if repository and not re.fullmatch(r"[\w-]+/[\w.-]+", repository):
            raise InputError(f"REPO is {repository!r}; write it as owner/name.")
    except InputError as error:
        print(f"rmkit: {error}", file=sys.stderr)
        return 2
    for path in sorted((root / "notebooks").glob("*.ipynb")):
        book = opened(nbformat.read(path, 4), repository, f"notebooks/{path.name}")
        path.write_text(nbformat.writes(book, version=4).rstrip("\n") + "\n", encoding="utf-8")
    page = root / "README.md"
    page.write_text(readme(page.read_text(encoding="utf-8"), repository), encoding="utf-8")
    where = (
        f"links to github.com/{repository}" if repository else "no links, for no REPO=owner/name was given"
    )
    print(f"every notebook has the cell that installs rmkit; {where}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
