"""The engine of exercise checks: right answers pass, wrong ones are named, and NaN never slips through."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from rmkit.notebook.check import Check, Mistake, same


def _pairs(rng):
    for n in (1, 2, 5):
        yield torch.tensor(rng.normal(size=n)), torch.tensor(rng.normal(size=n))
    yield torch.tensor([-120.0]), torch.tensor([0.0])


def right(a, b):
    return -F.logsigmoid(a - b)


def stub(a, b):
    raise NotImplementedError


def shouts(a, b):
    raise ValueError("two\nlines")


def spoils(a, b):
    result = right(a, b)
    b += 1
    return result


CHECK = Check("loss", right, _pairs, (Mistake(lambda a, b: F.logsigmoid(a - b), "the sign."),), gradient=True)
WRONG = {
    "mistake": (lambda a, b: F.logsigmoid(a - b), "the sign."),
    "exception": (lambda a: a, "raised TypeError"),
    "long exception": (shouts, "raised ValueError: two lines"),
    "mean": (lambda a, b: right(a, b).mean(), "expected shape (1,), got one number"),
    "constant": (lambda a, b: 3.0, "3 whatever the input"),
    "NaN": (lambda a, b: a * float("nan"), "NaN or infinity"),
    "underflow": (lambda a, b: -torch.log(torch.sigmoid(a - b)), "loss([-120], [0]) it gives [inf]"),
    "cut": (lambda a, b: right(a, b).detach(), "gradient is cut"),
    "gradient": (lambda a, b: right(a, b).detach() + 0 * a, "gradient is wrong"),
    "value": (lambda a, b: right(2 * a, 2 * b), "expected [0."),
    "in place": (spoils, "changed its arguments"),
    "nothing, once": (lambda a, b: right(a, b) if len(a) > 1 else None, "returned nothing"),
    "text": (lambda a, b: "three", "'three' whatever the input"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers_are_named(name, capsys):
    answer, says = WRONG[name]
    assert CHECK(answer) is right
    out = capsys.readouterr().out
    assert out.startswith("loss: ")
    assert out.count("\n") == 1
    assert says in out


def test_right_answer_is_returned_and_a_stub_falls_back_to_the_library(capsys):
    def mine(a, b):
        return F.softplus(b - a)

    assert CHECK(mine) is mine
    assert "right, on all 4 inputs" in capsys.readouterr().out
    assert CHECK(stub) is right
    assert CHECK(lambda a, b: None) is right
    assert capsys.readouterr().out.count("not solved yet") == 2
    library = Check("loss", right, _pairs, library=F.softplus)
    assert library(stub) is F.softplus


def test_a_broken_reference_is_a_bug_not_a_verdict():
    with pytest.raises(NotImplementedError):
        Check("loss", stub, _pairs).judge(right)


def test_the_mistake_may_raise_or_give_nan():
    def cases(rng):
        yield from ((x,) for x in (1.0, 4.0, 0.0))

    says = {"divides": lambda x: 1 / x, "nan": lambda x: float("nan")}
    check = Check("f", lambda x: x, cases, tuple(Mistake(f, name) for name, f in says.items()))
    for name, answer in says.items():
        assert check.judge(answer).message == name


@pytest.mark.parametrize(
    ("a", "b", "equal"),
    [
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.1, False),
        (float("nan"), float("nan"), True),
        (float("nan"), 0.0, False),
        (np.zeros((2, 1)), np.zeros(2), False),
        ([1, 2], (1.0, 2.0), True),
        ([1, [2, 3]], [1, [2, 3]], True),
        ([1, [2, 3]], [1, [2, 4]], False),
        (["a", None], ["a", None], True),
        ({"a": 1.0}, {"a": 1.0}, True),
        ({"a": 1.0}, {"b": 1.0}, False),
        ("a", 1.0, False),
        (None, 0.0, False),
        (torch.ones(2), np.ones(2), True),
        (torch.ones(2), None, False),
    ],
)
def test_same(a, b, equal):
    assert same(a, b, 1e-5) is equal
    assert same(b, a, 1e-5) is equal
