"""Checks and exhibits are found by name, and only in the lessons that a reader uses."""

import subprocess
import sys

import pytest

import rmkit
from rmkit.lessons import Parts
from rmkit.lessons.checks import every_check

LOOK = """
import sys
import rmkit
import rmkit.lessons.bradley_terry.figures
assert rmkit.checks.mm_step.name == "mm_step"
assert rmkit.museum.exhibits()["stops_early"].name == "stops_early"
print(*sorted(name for name in sys.modules if name.endswith((".checks", ".museum")) and "." in name[14:]))
print("transformers" in sys.modules)
"""


def test_a_lesson_in_use_is_asked_before_the_others_are_imported():
    done = subprocess.run([sys.executable, "-c", LOOK], capture_output=True, text=True, check=True)
    modules, transformers = done.stdout.splitlines()
    assert modules.split() == ["rmkit.lessons.bradley_terry.checks", "rmkit.lessons.bradley_terry.museum"]
    assert transformers == "False"


def test_a_part_of_any_lesson_is_found_and_no_other_name():
    every = every_check()
    assert len(every) == len(list(every)) == len(dict(every)) > 70
    assert all(every[name].name == name for name in every)
    assert "nonsense" not in every
    with pytest.raises(AttributeError, match="no check is called 'nonsense'"):
        _ = rmkit.checks.nonsense


def test_two_parts_of_one_name_are_an_error(monkeypatch):
    monkeypatch.setattr(Parts, "_of", lambda parts, lesson: (twin(),))
    with pytest.raises(RuntimeError, match="two checks are called 'twin'"):
        list(Parts("checks", "CHECKS"))


def twin():
    return type("Twin", (), {"name": "twin"})()
