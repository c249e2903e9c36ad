"""The engine of exercise checks: right answers pass, wrong ones are named, and NaN never slips through."""

import functools
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch.autograd import backward
from torch.nn.functional import softplus

from rmkit.notebook.check import Check, Mistake, Trap


def _pairs(rng):
    for n in (1, 2, 5):
        yield torch.tensor(rng.normal(size=n)), torch.tensor(rng.normal(size=n))


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


def spoils_the_first(a, b):
    a -= b
    return -F.logsigmoid(a)


FAR = Trap((torch.tensor([-120.0]), torch.tensor([0.0])), "far pairs must be right.")
CHECK = Check(
    "loss", right, _pairs, (Mistake(lambda a, b: F.logsigmoid(a - b), "the minus."),), (FAR,), gradient=2
)
WRONG = {
    "mistake": (lambda a, b: F.logsigmoid(a - b), "the minus."),
    "mistake that fails far away too": (lambda a, b: torch.log(torch.sigmoid(a - b)), "the minus."),
    "exception": (lambda a: a, "raised TypeError"),
    "long exception": (shouts, "raised ValueError: two lines"),
    "mean": (lambda a, b: right(a, b).mean(), "it returns the mean"),
    "column": (lambda a, b: right(a, b)[:, None], "in shape (1, 1)"),
    "half": (lambda a, b: right(a, b) / 2, "0.5 times the right answer"),
    "swapped": (lambda a, b: right(b, a), "have changed places"),
    "constant": (lambda a, b: 3.0, "3 whatever the input"),
    "NaN": (lambda a, b: a * float("nan"), "NaN or infinity"),
    "trap": (
        lambda a, b: -torch.log(torch.sigmoid(a - b)),
        "far pairs must be right. For loss([-120], [0]) it",
    ),
    "cut": (lambda a, b: right(a, b).detach(), "gradient in argument 1 is cut"),
    "cut by lists": (
        lambda a, b: [math.log(1 + math.exp(y - x)) for x, y in zip(a, b, strict=True)],
        "is cut",
    ),
    "half cut": (lambda a, b: right(a, b.detach()), "gradient in argument 2 is cut"),
    "gradient": (lambda a, b: right(a, b).detach() + 0 * (a + b), "gradient in argument 1 is [0]"),
    "value": (lambda a, b: right(2 * a, 2 * b), "expected [0."),
    "in place": (spoils, "changes its arguments in place"),
    "in place, with a gradient": (spoils_the_first, "changes its arguments in place"),
    "nothing, once": (lambda a, b: right(a, b) if len(a) > 1 else None, "returned nothing"),
    "text": (lambda a, b: "three", "'three' whatever the input"),
    "numpy": (lambda a, b: np.log(1 + np.exp(b.numpy() - a.numpy())), "numpy knows no gradients"),
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
    assert "right, on all 4 inputs." in capsys.readouterr().out
    assert CHECK(stub) is right
    assert CHECK(lambda a, b: None) is right
    assert capsys.readouterr().out.count("not solved yet") == 2
    library = Check("loss", right, _pairs, library=F.softplus)
    assert library(stub) is F.softplus


FORMS = {
    "a list of tensors": lambda a, b: list(right(a, b)),
    "float64": lambda a, b: right(a.double(), b.double()),
}


@pytest.mark.parametrize("form", FORMS)
def test_a_right_answer_is_lent_to_the_lesson_in_the_type_of_the_reference(form):
    verdict = CHECK.judge(FORMS[form])
    assert verdict.passed
    a, b = torch.tensor([1.0, -2.0], requires_grad=True), torch.zeros(2)
    lent = verdict.lends(a, b)
    assert (lent.shape, lent.dtype) == ((2,), torch.float32)
    lent.sum().backward()
    assert torch.allclose(a.grad, -torch.sigmoid(-a.detach()))


def _lists(rng):
    yield ([3, 1, 2],)
    yield ([4, 4],)


ORDER = Check("order", sorted, _lists)


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (set, "returns a set"),
        (frozenset, "returns a set"),
        (iter, "returns a generator"),
        (lambda x: map(int, sorted(x)), "returns a generator"),
        (lambda x: (each for each in sorted(x)), "returns a generator"),
        (lambda x: x.sort() or x, "in place"),
        (lambda x: sorted(x)[::-1], "another order"),
        (lambda x: [each + 1 for each in sorted(x)], "1 too large"),
    ],
)
def test_containers_that_are_no_list_are_named(answer, says):
    verdict = ORDER.judge(answer)
    assert not verdict.passed
    assert says in verdict.message


@pytest.mark.parametrize("answer", [np.sort, lambda x: tuple(sorted(x)), lambda x: torch.tensor(sorted(x))])
def test_containers_that_hold_a_list_become_one(answer):
    verdict = ORDER.judge(answer)
    assert verdict.message == "right, on all 2 inputs. The lesson goes on with its results as a list of ints."
    assert verdict.lends([2, 1]) == [1, 2]
    assert [type(each) for each in verdict.lends([2, 1])] == [int, int]


BANNED = {
    "softplus": lambda a, b: F.softplus(b - a),
    "imported before": lambda a, b: softplus(b - a),
    "as a module": lambda a, b: torch.nn.Softplus()(b - a),
    "below": lambda a, b: torch.ops.aten.softplus(b - a),
    "logsigmoid": right,
    "LogSigmoid": lambda a, b: -torch.nn.LogSigmoid()(a - b),
}


@pytest.mark.parametrize("name", BANNED)
def test_a_forbidden_function_is_found_however_it_is_called(name):
    check = Check("loss", right, _pairs, without=("softplus", "log_sigmoid"))
    verdict = check.judge(BANNED[name])
    assert not verdict.passed
    assert "asks to do without" in verdict.message
    assert "softplus" in verdict.message or "logsigmoid" in verdict.message
    assert check.judge(lambda a, b: torch.logaddexp(b - a, torch.zeros_like(a))).passed


def _by_backward(a, b, call):
    a = a.clone().requires_grad_()
    loss = right(a, b).sum()
    loss.backward() if call == "method" else backward(
        loss
    ) if call == "imported" else torch.autograd.backward(loss)
    return a.grad


AUTOGRAD = {
    "grad": lambda a, b: torch.autograd.grad(right(x := a.clone().requires_grad_(), b).sum(), x)[0],
    "method": functools.partial(_by_backward, call="method"),
    "imported": functools.partial(_by_backward, call="imported"),
    "function": functools.partial(_by_backward, call="function"),
    "torch.func": lambda a, b: torch.func.grad(lambda x: right(x, b).sum())(a),
    "jacobian": lambda a, b: torch.autograd.functional.jacobian(lambda x: right(x, b).sum(), a),
}


@pytest.mark.parametrize("name", AUTOGRAD)
def test_autograd_can_be_forbidden(name):
    slope = Check("slope", lambda a, b: -torch.sigmoid(b - a), _pairs, without=("grad", "backward"))
    assert Check("slope", lambda a, b: -torch.sigmoid(b - a), _pairs).judge(AUTOGRAD[name]).passed
    verdict = slope.judge(AUTOGRAD[name])
    assert not verdict.passed
    assert "asks to do without" in verdict.message


def test_a_broken_reference_is_a_bug_not_a_verdict():
    with pytest.raises(RuntimeError, match="check loss is broken"):
        Check("loss", stub, _pairs).judge(right)


def test_the_mistake_may_raise_or_give_nan():
    def cases(rng):
        yield from ((x,) for x in (1.0, 4.0, 0.0))

    says = {"divides": lambda x: 1 / x, "nan": lambda x: float("nan")}
    check = Check("f", lambda x: x, cases, tuple(Mistake(f, name) for name, f in says.items()))
    for name, answer in says.items():
        assert check.judge(answer).message == name
