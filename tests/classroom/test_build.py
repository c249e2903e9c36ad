"""What `make classroom` writes: nothing of a solution in the student's form, a guide that adds up, slides."""

import re

import nbformat
import pytest

from rmkit.classroom import build, guide, plots, reading, slides
from rmkit.classroom.key import FOLD, KEY, PYTHON, SOLUTION, exercises, key
from rmkit.classroom.markers import BEGIN, END, STUB, WRITE_HERE, marks, release
from rmkit.errors import InputError
from tests.notebook_hygiene import notebooks

BOOKS = {path.stem: nbformat.read(path, 4) for path in notebooks()}


@pytest.mark.parametrize("name", BOOKS)
def test_the_student_form_holds_no_solution_and_no_key(name):
    lesson = BOOKS[name]
    solved = key(lesson)
    student = release(solved)
    text = "\n".join(cell.source for cell in student.cells)
    prose = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")
    folds = [body for title, body in FOLD.findall(prose) if title in (SOLUTION, KEY)]
    code = "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "code")
    shown = code + FOLD.sub(lambda m: "" if m.group(1) in (SOLUTION, KEY) else m.group(0), prose)
    for body in folds:
        lines = [line.strip() for line in body.splitlines()]
        telling = [line for line in lines if len(line) > 40 and not line.startswith("def ")]
        assert [line for line in telling if line in text and line not in shown] == []
    assert not re.search(rf"{BEGIN}|{END}|<summary>({SOLUTION}|{KEY})", text)
    assert text.count(STUB.splitlines()[0]) == len(exercises(student)) == len(exercises(lesson))
    assert text.count(WRITE_HERE) == sum(title == KEY for title, _ in FOLD.findall(prose))
    nbformat.validate(student)


@pytest.mark.parametrize("name", BOOKS)
def test_the_key_keeps_every_line_of_the_solutions_and_all_other_cells(name):
    lesson, solved = BOOKS[name], key(BOOKS[name])
    text = "\n".join(cell.source for cell in solved.cells)
    for cell in lesson.cells:
        for title, body in FOLD.findall(cell.source):
            for code in PYTHON.findall(body) if title == SOLUTION else ():
                inside = [line.strip() for line in code.splitlines() if line.strip()]
                assert [x for x in inside if x not in text and not x.startswith("def ")] == []
        if cell.cell_type == "code" and "rmkit.checks." not in cell.source:
            assert cell in solved.cells
    ids = [cell.id for cell in solved.cells]
    assert len(set(ids)) == len(ids)


def test_marks_are_those_that_nbgrader_wants():
    found = [marks(cell) for cell in key(BOOKS["00_start_here"]).cells if marks(cell)]
    assert [m.get("points", 0) for m in found] == [0, 1, 0, 2, 2, 2, 2]
    assert len({m["grade_id"] for m in found}) == len(found)
    assert {m["schema_version"] for m in found} == {3}


def _lesson(stub, fold):
    heading = "### Exercise 9.1: x (difficulty 1/5, 5 minutes)"
    cells = [nbformat.v4.new_markdown_cell(heading), nbformat.v4.new_code_cell(stub)]
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_markdown_cell(fold)])


def test_an_exercise_without_a_solution_is_refused():
    stub = "def f(x):\n    raise NotImplementedError\n\n\nf = rmkit.checks.f(f)"
    with pytest.raises(InputError, match="no folded solution"):
        key(_lesson(stub, "nothing"))
    other = "<details><summary>Solution</summary>\n\n```python\ndef f(y):\n    return y\n```\n</details>"
    with pytest.raises(InputError, match="parameters"):
        key(_lesson(stub, other))


def test_the_guide_counts_every_exercise_and_every_part():
    keys = {name: key(book) for name, book in BOOKS.items()}
    text = guide.guide(guide.prose(build.ROOT / "docs"), keys)
    for name, book in keys.items():
        told = sum(solving for _, solving in guide.parts(book).values())
        assert told == sum(e.minutes for e in exercises(book)), name
        assert f"### {guide.title(book)}" in text
    assert "equal rewards count nothing here" in text
    for lesson in set(re.findall(r"\b0\d\b", guide.prose(build.ROOT / "docs"))):
        assert any(name.startswith(lesson) for name in BOOKS)


def _executed(figures: int):
    cells = [
        nbformat.v4.new_markdown_cell("# 99 · A lesson\n\n**Why?** Because."),
        nbformat.v4.new_markdown_cell("## Part"),
    ]
    plot = {
        "data": [{"x": [1, 2], "y": [1, 2], "type": "scatter"}],
        "layout": {"title": {"text": "</script>A & B"}},
    }
    shown = [nbformat.v4.new_output("display_data", {reading.PLOT: plot}) for _ in range(figures)]
    return nbformat.v4.new_notebook(cells=[*cells, nbformat.v4.new_code_cell("x", outputs=shown)])


def test_slides_show_every_figure_and_ask_no_network(tmp_path):
    page, other = (
        path.read_text(encoding="utf-8")
        for path in slides.write({"98": _executed(2), "99": _executed(0)}, tmp_path)
    )
    assert (page.count("<section"), other.count("<section")) == (3, 1)
    assert page.count('class="rmkit-plot"') == 2
    assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "</script>A" not in page
    assert {path.name for path in tmp_path.iterdir()} == {
        "98.slides.html",
        "99.slides.html",
        "plotly.min.js",
        "plots.js",
        "plots.css",
    }


def test_a_run_is_kept_until_the_lesson_changes(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_SIZE", "smoke")
    source = """import os, time, ipywidgets, plotly.graph_objects as go
from rmkit.notebook.widgets import LiveCurve
print(os.environ['RMKIT_STATIC'], time.time_ns())
live = LiveCurve(3, loss=(0, 1))
display(live, ipywidgets.Button(), go.Figure())
live({"step": 3, "loss": 0.25})"""
    path = tmp_path / "a.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    first = reading.executed(path, tmp_path / "kept")
    assert first == reading.executed(path, tmp_path / "kept")
    told, curve, button, figure = first.cells[0].outputs
    assert told.text.startswith("1 ")
    assert reading.alternative(curve.data[reading.PLOT]) == "loss against step. loss: 0.25"
    assert button.data == {"text/plain": reading.LIVE}
    assert list(figure.data) == [reading.PLOT]
    assert "widgets" not in first.metadata
    path.write_text(path.read_text().replace("go.Figure()", "go.Figure( )"))
    assert reading.executed(path, tmp_path / "kept") != first


def test_a_figure_has_words():
    words = "sharp against blunt"
    assert words in plots.figure_html({"data": [], "layout": {}}, words)


def test_the_student_form_fails_only_in_exercises_and_the_key_nowhere(monkeypatch):
    """One lesson is run here, whole; the grader's tests judge the exercises of all."""
    from nbclient import NotebookClient

    monkeypatch.setenv("RMKIT_SIZE", "smoke")
    solved = key(BOOKS["05_margin_and_strength"])
    failed = {}
    for form, book in {"key": solved, "student": release(solved)}.items():
        NotebookClient(book, timeout=3600, kernel_name="python3").execute()
        failed[form] = [
            cell.id
            for cell in book.cells
            if cell.cell_type == "code" and any(o.output_type == "error" for o in cell.outputs)
        ]
    graded = [cell.id for cell in solved.cells if cell.cell_type == "code" and marks(cell).get("points")]
    assert failed == {"key": [], "student": graded}
