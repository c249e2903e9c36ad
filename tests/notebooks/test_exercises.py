"""Every solution passes its check; every check refuses its catalogue, the stub, a constant and NaN."""

import copy
import re
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from rmkit.checks import every_check
from rmkit.generative import parse_verdict

from rmkit.notebook.values import numbers, plain, same
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


@pytest.mark.parametrize("name", CHECKS)
def test_every_trap_catches_whoever_is_right_on_all_the_rest(name):
    check = CHECKS[name]
    for trap in check.traps:

        def careless(*case, trap=trap):
            met = all(same(plain(x), y, 0.0) for x, y in zip(case, trap.arguments, strict=True))
            return "wrong" if met else check.reference(*case)

        verdict = check.judge(careless)
        assert not verdict.passed
        assert verdict.message.startswith(trap.says)


def _nan_like(value):
    if isinstance(value, torch.Tensor):
        return value.float() * float("nan")
    if isinstance(value, Mapping):
        return {key: _nan_like(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_nan_like(inner) for inner in value)
    return np.full(np.shape(value), np.nan) if isinstance(value, np.ndarray) else float("nan")


TYPES = {
    "numpy": lambda x: np.asarray(plain(x)),
    "list": lambda x: np.asarray(plain(x)).tolist(),
    "tuple": lambda x: tuple(x) if np.ndim(plain(x)) else x,
    "torch": lambda x: x if isinstance(x, torch.Tensor) else torch.as_tensor(np.asarray(x)),
    "float64": lambda x: x.double() if isinstance(x, torch.Tensor) else np.asarray(x, dtype=np.float64),
    "int": lambda x: x.astype(int) if isinstance(x, np.ndarray) and x.dtype.kind == "b" else x,
}


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("name", CHECKS)
def test_an_answer_of_another_type_is_lent_as_the_reference_or_named(name, kind):
    """Right in numpy, torch, lists or float64: later cells get the reference's type, or a named mistake."""
    check = CHECKS[name]

    def answer(*case):
        right = check.reference(*case)
        return TYPES[kind](right) if numbers(plain(right)) else right

    verdict = check.judge(answer)
    if not verdict.passed:  # only where numbers were taken out of a loss that must train a model
        assert check.gradient
        assert "gradient" in verdict.message
        return
    inputs = [*check.cases(np.random.default_rng(check.seed)), *(trap.arguments for trap in check.traps)]
    for case in inputs:
        lent, right = verdict.lends(*copy.deepcopy(case)), check.reference(*copy.deepcopy(case))
        assert same(lent, right, check.tolerance)
        assert isinstance(lent, type(right)) or type(lent) is float
        assert getattr(lent, "dtype", None) == getattr(right, "dtype", None) or type(right) is np.float64
        if isinstance(right, list) and right:
            assert {type(x) for x in lent} == {type(x) for x in right}


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.gradient])
def test_a_cut_gradient_is_named_in_every_argument(name):
    check = CHECKS[name]
    for place in range(check.gradient):

        def answer(*case, place=place):
            return check.reference(*case[:place], case[place].detach(), *case[place + 1 :])

        assert "is cut" in check.judge(answer).message


@pytest.mark.parametrize("name", [name for name, check in CHECKS.items() if check.without])
def test_what_is_forbidden_is_refused(name):
    check = CHECKS[name]
    answer = {"loss_gradient": _by_autograd, "stable_loss": lambda d: -torch.nn.functional.logsigmoid(d)}[
        name
    ]
    assert "asks to do without" in check.judge(answer).message


def _by_autograd(chosen, rejected):
    chosen, rejected = (x.clone().requires_grad_() for x in (chosen, rejected))
    torch.nn.functional.softplus(rejected - chosen).mean().backward()
    return torch.stack([chosen.grad, rejected.grad])


def test_the_lesson_and_the_library_read_verdicts_alike():
    check = CHECKS["own_verdict"]
    for (said,) in [*check.cases(None), *(trap.arguments for trap in check.traps)]:
        assert check.reference(said) == parse_verdict(said), said


@pytest.mark.parametrize("name", CHECKS)
def test_sentences_are_short(name):
    for one in (*CHECKS[name].mistakes, *CHECKS[name].traps):
        for sentence in re.split(r"(?<=[.!?;:])\s", one.says):
            assert len(sentence.split()) <= 25, sentence
