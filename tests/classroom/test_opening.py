"""Lessons opened anywhere: the cell that installs, the links, the image, Binder, and how to cite."""

import os
import re
import shutil
import site
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import nbformat
import pytest
import yaml

from rmkit.classroom import opening
from tests import notebook_hygiene

ROOT = Path(__file__).parents[2]
LESSON = ROOT / "notebooks" / "00_start_here.ipynb"


@pytest.fixture
def course(tmp_path):
    (tmp_path / "notebooks").mkdir()
    shutil.copy(LESSON, tmp_path / "notebooks")
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def _texts(course):
    return {path: path.read_text() for path in [*course.glob("notebooks/*"), course / "README.md"]}


def test_twice_is_once_and_without_an_address_nothing_is_left_of_it(course, capsys):
    assert opening.main([], course) == 0
    plain = _texts(course)
    assert opening.main(["ada/course"], course) == 0
    linked = _texts(course)
    assert all(text.count("ada/course") >= 3 for text in linked.values())
    assert opening.main(["ada/course"], course) == 0
    assert _texts(course) == linked
    assert opening.main([], course) == 0
    assert _texts(course) == plain
    assert not any("github.com/" in t and "mybinder" in t for t in plain.values())
    assert opening.main(["not a repository"], course) == 2
    assert "owner/name" in capsys.readouterr().err


@pytest.mark.parametrize("repository", ["", "ada/course"])
def test_the_opened_notebook_is_clean_and_otherwise_the_same(repository, course):
    path = course / "notebooks" / LESSON.name
    before = [c for c in nbformat.read(path, 4).cells if c.id not in (opening.CELL, opening.LINKS)]
    opening.main([repository] if repository else [], course)
    assert notebook_hygiene.problems(path) == []
    cells = nbformat.read(path, 4).cells
    assert [cell for cell in cells if cell.id not in (opening.CELL, opening.LINKS)] == before
    assert cells[0] == before[0]
    assert opening.written_here(cells[1 + bool(repository)])


@pytest.mark.parametrize("path", notebook_hygiene.notebooks(), ids=lambda path: path.stem)
def test_every_notebook_begins_with_the_cell(path):
    cells = [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]
    assert opening.written_here(cells[0]), "write it with `make badges`"
    assert not any(cell.id == opening.CELL for cell in cells[1:])


def test_where_rmkit_is_installed_the_cell_does_nothing(monkeypatch):
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: pytest.fail("it installs again"))
    exec(opening.source("ada/course"), {})


def test_an_address_elsewhere_is_still_refused(course):
    path = course / "notebooks" / LESSON.name
    opening.main(["ada/course"], course)
    book = nbformat.read(path, 4)
    cell = next(cell for cell in book.cells if cell.id == opening.CELL)
    cell.source = cell.source.replace("github.com", "elsewhere.example")
    path.write_text(notebook_hygiene.canonical(book))
    assert any("offline" in problem for problem in notebook_hygiene.problems(path))


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory):
    """Another Python, with the libraries and without rmkit."""
    folder = tmp_path_factory.mktemp("elsewhere")
    venv.create(folder, with_pip=True, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    libraries = folder / "libraries"
    libraries.mkdir()
    for installed in (path for place in site.getsitepackages() for path in Path(place).iterdir()):
        if "rmkit" not in installed.name:
            (libraries / installed.name).symlink_to(installed)
    (packages / "libraries.pth").write_text(f"{libraries}\n")
    return folder / "bin" / "python"


def _run(python, code, **variables):
    unwanted = ("PYTHONPATH", "RMKIT_SOURCE", "VIRTUAL_ENV")
    env = {k: v for k, v in os.environ.items() if k not in unwanted} | variables
    return subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=False, env=env, cwd=python.parent
    )


def test_alone_and_without_an_address_the_cell_says_what_to_do(elsewhere):
    done = _run(elsewhere, opening.source())
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("ModuleNotFoundError: No rmkit: write owner/name")


def test_a_lesson_opened_alone_runs_after_its_first_cell(elsewhere, tmp_path):
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path, ROOT]
    built = subprocess.run(command, capture_output=True, text=True, check=False)
    if built.returncode:
        pytest.skip(f"no wheel can be built here, pip found no hatchling: {built.stderr[-200:]}")
    (wheel,) = tmp_path.glob("*.whl")
    book = opening.opened(nbformat.read(LESSON, 4), "", "notebooks/00_start_here.ipynb")
    first = [cell.source for cell in book.cells if cell.cell_type == "code"][:2]
    lesson = "\n".join([*first, "print(len(rmkit.load('pocket')), rmkit.__file__)"])
    done = _run(elsewhere, lesson, RMKIT_SOURCE=wheel.as_uri())
    assert done.returncode == 0, done.stderr
    count, where = done.stdout.splitlines()[-1].split(" ", 1)
    assert int(count) > 100
    assert Path(where).is_relative_to(elsewhere.parents[1])


def test_the_image_copies_what_exists_and_installs_what_the_readme_says():
    text = (ROOT / "Dockerfile").read_text()
    plain = re.sub(r"^#.*\n", "", text, flags=re.M).replace("\\\n", " ")
    steps = [line.split(None, 1) for line in plain.splitlines() if line.strip()]
    assert {word for word, _ in steps} <= {"FROM", "RUN", "WORKDIR", "ENV", "COPY", "USER", "EXPOSE", "CMD"}
    assert steps[0][0] == "FROM"
    assert steps[-1][0] == "CMD"
    for word, rest in steps:
        if word == "COPY":
            *sources, _ = [part for part in rest.split() if not part.startswith("--")]
            assert [source for source in sources if not (ROOT / source).exists()] == []
    minor = int(re.search(r"FROM python:3\.(\d+)", text).group(1))
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert minor >= int(wanted.split(".")[-1])
    assert '-c constraints.txt -e ".[lab]"' in text
    assert ("USER", "learner") in [tuple(step) for step in steps]
    assert ".venv" in (ROOT / ".dockerignore").read_text().split()


def test_binder_installs_this_package_with_the_same_versions():
    lines = (ROOT / "binder" / "requirements.txt").read_text().splitlines()
    assert "-c ../constraints.txt" in lines
    assert "-e .[lab]" in lines
    assert re.fullmatch(r"python-3\.1[12]", (ROOT / "binder" / "runtime.txt").read_text().strip())


def test_how_to_cite_agrees_with_the_package():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert cited["version"] == project["version"]
    assert cited["license"] == project["license"]
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
