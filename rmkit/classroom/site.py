"""`make site`: the whole course as static HTML in dist/site, read without a kernel and without a network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

from rmkit.classroom import plots, reading, rooms
from rmkit.classroom.build import ROOT, lessons
from rmkit.classroom.opening import CELL, LINKS
from rmkit.errors import InputError
from rmkit.lessons import museum

PICTURE = "docs/picture.svg"
MATHJAX = "mathjax@3.2.2"  # the version whose tex-mml-chtml.js and fonts work by themselves
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")
# page: (file of the repository, its title where it has none)
PAGES = {
    "claims": "CLAIMS.md",
    "papers": "PAPERS.md",
    "classroom": "docs/classroom.md",
    "a_lesson": "docs/a_lesson.md",
    "data": "docs/data.md",
    "formats": "docs/formats.md",
    "training": "docs/training.md",
    "intervals": "docs/intervals.md",
    "leaderboards": "docs/leaderboards.md",
    "scale": "docs/scale.md",
    "real_runs": "docs/real_runs.md",
}
# page: the section of the README that it shows
SECTIONS = {
    "troubleshooting": "If something is off",
    "compare": "How it compares",
    "cite": "How to cite",
}
SCRIPTS = '<script src="../_static/plotly.min.js"></script><script src="../_static/plots.js"></script>'


def source(folder: Path, kept: Path) -> None:
    """Write what Sphinx reads: lessons with their figures, pages, rooms, and the scripts they need."""
    paths = lessons()
    known = {path.name: f"lessons/{path.stem}" for path in paths} | {
        Path(file).name: page for page, file in PAGES.items()
    }
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "lessons").mkdir(parents=True)
    for path in paths:
        print(f"{path.name}: running it, or reading the run that is kept", flush=True)
        nbformat.write(lesson(reading.executed(path, kept), known), folder / "lessons" / path.name)
    for page, file in PAGES.items():
        text = relinked((ROOT / file).read_text(encoding="utf-8"), known, "")
        (folder / f"{page}.md").write_text(text, encoding="utf-8")
    (folder / "rooms").mkdir()
    for room, text in rooms.pages(ROOT / "rmkit").items():
        (folder / "rooms" / f"{room}.md").write_text(text, encoding="utf-8")
    (folder / "museum.md").write_text(exhibits(), encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for page, heading in SECTIONS.items():
        text = f"# {heading}\n\n{relinked(section(readme, heading), known, '')}\n"
        (folder / f"{page}.md").write_text(text, encoding="utf-8")
    (folder / "index.md").write_text(index(readme, known, [path.stem for path in paths]), encoding="utf-8")
    shutil.copy(ROOT / PICTURE, folder)
    plots.copy_scripts(folder / "_static")
    shutil.copy(plots.TEMPLATES / "site" / "conf.py", folder)
    shutil.copy(plots.TEMPLATES / "site" / "site.css", folder / "_static")
    mathjax(folder / "_static" / "mathjax", kept)


def lesson(book: Any, known: dict[str, str]) -> Any:
    """An executed lesson as a page: each figure as HTML with its words, links to other pages of the site."""
    book = nbformat.from_dict(book)
    book.cells = [cell for cell in book.cells if cell.id not in (CELL, LINKS)]
    for cell in book.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, known, "../")
            continue
        for output in cell.outputs:
            plot = output.get("data", {}).get(reading.PLOT)
            if plot:
                html = plots.figure_html(plot, reading.alternative(plot))
                output.data = nbformat.from_dict({"text/html": html})
    book.cells.append(nbformat.v4.new_markdown_cell(SCRIPTS))
    book.metadata["language_info"] = nbformat.from_dict({"name": "python", "pygments_lexer": "python"})
    return book


def relinked(text: str, known: dict[str, str], up: str) -> str:
    """Markdown whose links lead to pages of the site; what has none becomes the link's words."""

    def one(match: re.Match) -> str:
        words, target = match.groups()
        if re.match(r"https?://|#|mailto:", target):
            return match.group(0)
        page = known.get(Path(target.partition("#")[0]).name)
        return f"[{words}]({up}{page}.{'ipynb' if page.startswith('lessons/') else 'md'})" if page else words

    return LINK.sub(one, text)


def exhibits() -> str:
    """The museum's page: every exhibit with its symptom, cause, cure and source."""
    lines = [
        "# The bug museum",
        "",
        "Real bugs of reward modeling. In its lesson each can be planted with one switch.",
    ]
    for exhibit in sorted(museum.exhibits().values(), key=lambda e: (e.lesson, e.name)):
        lines += ["", f"## {exhibit.name}", ""]
        told = {
            "Symptom": exhibit.symptom,
            "Cause": exhibit.cause,
            "Cure": exhibit.cure,
            "Seen in": exhibit.source,
        }
        lines += [f"- **{word}.** {rooms.plain(text)}" for word, text in told.items()]
        lines += [f"- **Lesson.** [{exhibit.lesson}](lessons/{exhibit.lesson}.ipynb)"]
    return "\n".join(lines) + "\n"


def section(readme: str, heading: str) -> str:
    """The section of the README below `heading`. Raises InputError where there is none."""
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", readme, re.M | re.S)
    if not found:
        raise InputError(f"README.md has no section {heading!r}, which the site shows.")
    return found.group(1).strip()


def index(readme: str, known: dict[str, str], names: list[str]) -> str:
    """The first page: the README's opening and its course, and the contents of the site."""
    opening = readme.partition("## The course")[0].partition("\n")[2].strip()
    opening = relinked(opening, known, "").replace(PICTURE, Path(PICTURE).name)
    course = relinked(section(readme, "The course"), known, "")
    parts = {
        "Lessons": [f"lessons/{name}" for name in names],
        "What was measured": ["claims", "papers", "museum", "real_runs"],
        "Use it": ["data", "formats", "training", "scale", "leaderboards", "intervals", "troubleshooting"],
        "Teach and contribute": ["classroom", "a_lesson", "compare", "cite"],
        "The library": [f"rooms/{room}" for room in rooms.pages(ROOT / "rmkit")],
    }
    trees = [
        "\n".join(["```{toctree}", ":hidden:", f":caption: {caption}", "", *pages, "```"])
        for caption, pages in parts.items()
    ]
    note = (
        "These pages are read without a kernel: a figure's sliders move between values that were computed "
        "before. The lessons do not run inside the page: Pyodide, Python for a browser, has no PyTorch, and "
        "what a registry gives of it holds no NumPy."
    )
    return "\n\n".join(["# rmkit", opening, "## The course", course, note, *trees]) + "\n"


def mathjax(to: Path, kept: Path) -> None:
    """MathJax's script and fonts, from npm's registry the first time. Raises InputError without npm."""
    place = kept / "mathjax"
    if not (place / "package").is_dir():
        if not shutil.which("npm"):
            raise InputError(
                f"formulas need {MATHJAX} once, and there is no npm; install Node.js, then `make site`."
            )
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["npm", "pack", "--silent", MATHJAX], cwd=place, check=True, stdout=subprocess.DEVNULL)
        (archive,) = place.glob("mathjax-*.tgz")
        shutil.unpack_archive(archive, place, filter="data")
    es5 = place / "package" / "es5"
    shutil.copytree(es5 / "output" / "chtml" / "fonts", to / "output" / "chtml" / "fonts")
    shutil.copy(es5 / "tex-mml-chtml.js", to)


def build(folder: Path, out: Path) -> None:
    """Sphinx, where a warning is an error."""
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        str(folder),
        str(out),
    ]
    if subprocess.run(command, check=False).returncode:
        raise InputError(f"Sphinx warned, see above; its source is in {folder}.")


def main() -> int:
    """Build the site into dist/site. Returns 0, or 2 with a sentence."""
    folder, out = ROOT / "build" / "site", ROOT / "dist" / "site"
    try:
        source(folder, ROOT / "build" / "read")
        shutil.rmtree(out, ignore_errors=True)
        build(folder, out)
    except InputError as error:
        print(f"rmkit: {error}", file=sys.stderr)
        return 2
    print(f"open {out / 'index.html'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
