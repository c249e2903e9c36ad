"""Every solution passes its check; every check refuses its catalogue, the stub, a constant and NaN."""

import copy
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from rmkit.checks import every_check

from tests.notebook_hygiene import notebooks
from tests.notebooks import solutions

CHECKS = every_check()
BOOKS = notebooks()
EXERCISES = [exercise for path in BOOKS for exercise in solutions.exercises(path)]
CATALOGUE = [(check, i) for check in CHECKS.values() for i in range(len(check.mistakes))]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: f"{e.notebook.stem}-{e.check}")
def test_solution_passes(exercise, capsys):
    answer = solutions.solve(exercise)
    verdict = CHECKS[exercise.check].judge(answer)
    assert verdict.passed, verdict.message
    assert CHECKS[exercise.check](answer) is answer
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_every_exercise_says_how_hard_and_how_long(path):
    checks = len(solutions.exercises(path))
    assert solutions.headings(path) == (checks, checks)


@pytest.mark.skipif(not BOOKS, reason="no notebooks")
def test_every_check_has_an_exercise():
    assert sorted(CHECKS) == sorted({exercise.check for exercise in EXERCISES})


@pytest.mark.parametrize("name", CHECKS)
def test_reference_and_library_pass(name):
    check = CHECKS[name]
    assert check.judge(check.reference).passed
    assert check.judge(check.library or check.reference).passed


@pytest.mark.parametrize(("check", "i"), CATALOGUE, ids=[f"{check.name}-{i}" for check, i in CATALOGUE])
def test_mistake_is_refused_with_its_own_sentence(check, i, capsys):
    mistake = check.mistakes[i]
    verdict = check.judge(mistake.answer)
    assert not verdict.passed
    assert verdict.message == mistake.says
    assert check(mistake.answer) is (check.library or check.reference)
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("name", CHECKS)
def test_stub_constant_and_nan_are_refused(name):
    check = CHECKS[name]
    first = next(iter(check.cases(np.random.default_rng(check.seed))))
    right = check.reference(*copy.deepcopy(first))

    def stub(*_):
        raise NotImplementedError

    for unsolved in (stub, lambda *_: None, lambda *_: ...):
        verdict = check.judge(unsolved)
        assert (verdict.passed, verdict.solved) == (False, False)
    refused = {
        "right for the first input only": lambda *_: right,
        "zero": lambda *_: 0.0,
        "NaN": lambda *_: float("nan"),
        "NaN in the right shape": lambda *case: _nan_like(check.reference(*case)),
    }
    for what, answer in refused.items():
        verdict = check.judge(answer)
        assert not verdict.passed, what
        assert "\n" not in verdict.message


def _nan_like(value):
    if isinstance(value, torch.Tensor):
        return value.float() * float("nan")
    if isinstance(value, Mapping):
        return {key: _nan_like(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_nan_like(inner) for inner in value)
    return np.full(np.shape(value), np.nan) if isinstance(value, np.ndarray) else float("nan")
