"""Slides of a lesson's figures: `jupyter nbconvert --to slides` with a template that needs no network."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat

from rmkit.classroom.guide import title
from rmkit.classroom.plots import TEMPLATES, copy_scripts, figure_html
from rmkit.classroom.reading import figures


def slides(lesson: Any) -> Any:
    """A notebook of slides: the lesson's title and question, then each figure under its heading."""
    v4 = nbformat.v4
    question = lesson.cells[0].source.split("\n\n")[1] if "\n\n" in lesson.cells[0].source else ""
    cells = [v4.new_markdown_cell(f"# {title(lesson)}\n\n{question}")]
    for heading, plot, words in figures(lesson):
        shown = v4.new_output(
            "display_data", {"text/html": f"<h2>{_plain(heading)}</h2>{figure_html(plot, words)}"}
        )
        cells.append(v4.new_code_cell("", outputs=[shown]))
    for cell in cells:
        cell.metadata["slideshow"] = {"slide_type": "slide"}
    return v4.new_notebook(cells=cells, metadata={"title": title(lesson)})


def _plain(heading: str) -> str:
    return heading.replace("&", "&amp;").replace("<", "&lt;")


def write(lessons: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write folder/NAME.slides.html for every {NAME: executed lesson}, and the scripts that all share."""
    copy_scripts(folder)
    books = {folder / f"{name}.ipynb": slides(lesson) for name, lesson in lessons.items()}
    for path, book in books.items():
        nbformat.write(book, path)
    command = [sys.executable, "-m", "nbconvert", "--to", "slides", "--template=figures", "--log-level=WARN"]
    command += [f"--TemplateExporter.extra_template_basedirs={TEMPLATES}", *map(str, books)]
    subprocess.run(command, check=True)
    for path in books:
        path.unlink()
    return [path.with_suffix(".slides.html") for path in books]
