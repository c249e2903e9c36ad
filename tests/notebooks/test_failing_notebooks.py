"""The test of notebooks can fail: bugs planted in callbacks turn it red, a good one stays green."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from tests.notebook_hygiene import fix

ROOT = Path(__file__).parent.parent.parent
FIGURE = """
import numpy as np, rmkit
from rmkit.notebook import theme
def draw(a):
    f = theme.figure("x", "y", x_range=(0, 1), y_range=(0, 9))
    return f.add_trace(theme.line([0, 1], a["y"], "line"))
def compute(top):
    {body}
    return {{"y": [0, top]}}
rmkit.widgets.explore(compute, draw, readout=str, top=(0, 9, 1, 3))
"""
SWALLOWED = """
import ipywidgets
out, slider = ipywidgets.Output(), ipywidgets.IntSlider()
def moved(change):
    with out:
        raise RuntimeError("planted")
slider.observe(moved, "value")
slider.value = 3
slider.close()
"""
BOOKS = {
    "good": (FIGURE.format(body="pass"), ""),
    "raises": (
        FIGURE.format(body="assert top < 9, 'planted at the end of the slider'"),
        "planted at the end",
    ),
    "swallowed": (SWALLOWED, "planted"),
}


@pytest.fixture(scope="module")
def outcome(tmp_path_factory) -> tuple[str, dict[str, str]]:
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "conftest.py", folder)
    for name, (source, _) in BOOKS.items():
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source.strip())])
        nbformat.write(book, folder / f"{name}.ipynb")
        fix(folder / f"{name}.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbmake",
        "--nbmake-kernel=python3",
        "-rA",
        "-p",
        "no:cacheprovider",
    ]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*command, str(folder)], cwd=folder, env=env, capture_output=True, text=True, check=False
    )
    results = {name: word for word, name in re.findall(r"^(PASSED|FAILED) (\w+)\.ipynb", done.stdout, re.M)}
    return done.stdout, results


@pytest.mark.parametrize("name", BOOKS)
def test_a_planted_bug_fails_its_notebook_and_says_why(name, outcome):
    text, results = outcome
    why = BOOKS[name][1]
    assert results[name] == ("FAILED" if why else "PASSED"), text
    assert why in text
