"""nbgrader 0.9.6 takes the key unchanged: its release is ours, and it grades as the checks do."""

import os
import shutil
import sqlite3
import subprocess
from pathlib import Path

import nbformat
import pytest

from rmkit.classroom.key import key
from rmkit.classroom.markers import STUB, release

ROOT = Path(__file__).parents[2]
BIN = Path(os.environ.get("RMKIT_NBGRADER", ROOT / ".venv" / "nbgrader")) / "bin"
pytestmark = pytest.mark.skipif(
    not (BIN / "nbgrader").exists(), reason="nbgrader has a place of its own: `make nbgrader` installs it"
)
LESSON = "00_start_here"


def _nbgrader(folder, *words):
    env = os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(folder), "RMKIT_SIZE": "smoke"}
    env |= {"PYTHONPATH": str(ROOT), "JUPYTER_PATH": "", "JUPYTER_CONFIG_DIR": str(folder / "config")}
    done = subprocess.run(
        [BIN / "nbgrader", *words], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]


def _exercises_only(book):
    """The lesson's imports and exercises: a course would run it whole, a test has no time for it."""
    wanted = ("setup", "exercise-code", "exercise-code-grade", "exercise-2-code", "exercise-2-code-grade")
    book = nbformat.from_dict(book)
    book.cells = [c for c in book.cells if c.id in wanted or c.cell_type == "markdown"]
    return book


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course")
    # By default a cell has 30 seconds and its messages 4, which an import on a busy machine may take.
    patient = "".join(f"c.ExecutePreprocessor.{what} = 3600\n" for what in ("timeout", "iopub_timeout"))
    (folder / "nbgrader_config.py").write_text(f"c = get_config()\n{patient}")
    solved = _exercises_only(key(nbformat.read(ROOT / "notebooks" / f"{LESSON}.ipynb", 4)))
    (folder / "source" / "ps1").mkdir(parents=True)
    nbformat.write(solved, folder / "source" / "ps1" / f"{LESSON}.ipynb")
    _nbgrader(folder, "generate_assignment", "ps1", "--create")
    return folder, solved


def test_its_release_is_ours(course):
    folder, solved = course
    theirs = nbformat.read(folder / "release" / "ps1" / f"{LESSON}.ipynb", 4)
    ours = release(solved)
    assert [(c.id, c.source) for c in theirs.cells] == [(c.id, c.source) for c in ours.cells]


def test_it_grades_as_the_checks_do(course):
    folder, solved = course
    released = nbformat.read(folder / "release" / "ps1" / f"{LESSON}.ipynb", 4)
    half = nbformat.from_dict(released)
    for cell in half.cells:
        if cell.source.startswith("def best_gold("):
            cell.source = cell.source.replace(STUB.splitlines()[1], "return 0.5")
        if cell.source.startswith("def my_accuracy("):
            cell.source = next(c.source for c in solved.cells if c.id == cell.id)
    for name, book in {"ada": solved, "ben": half, "cid": released}.items():
        place = folder / "submitted" / name / "ps1"
        place.mkdir(parents=True)
        nbformat.write(book, place / f"{LESSON}.ipynb")
    _nbgrader(folder, "autograde", "ps1", "--create")
    with sqlite3.connect(folder / "gradebook.db") as book:
        rows = book.execute(
            "select sa.student_id, sum(g.auto_score) from grade g "
            "join submitted_notebook sn on g.notebook_id = sn.id "
            "join submitted_assignment sa on sn.assignment_id = sa.id group by sa.student_id"
        ).fetchall()
    assert dict(rows) == {"ada": 3.0, "ben": 1.0, "cid": 0.0}
    shutil.rmtree(folder / "autograded")
