"""Checks of lesson 09: the process loss, implicit step rewards, first errors; others in credit_checks.py."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from rmkit.lessons.outcome_and_process.credit_checks import DELTA, VERDICT
from rmkit.notebook.check import Check, Mistake, Trap

# --- the process loss ---------------------------------------------------------------------------------------

_NAN = float("nan")


def _labeled(rng):
    """Rewards (S,) of the steps of one solution and labels (S,): 1, 0, NaN = not judged."""
    yield torch.tensor([2.0]), torch.tensor([1.0])
    yield torch.tensor([2.0, -1.0]), torch.tensor([1.0, 0.0])
    yield torch.tensor([2.0, -1.0, 0.5]), torch.tensor([1.0, 0.0, _NAN])
    for n in (4, 7):
        labels = torch.tensor(rng.choice([0.0, 1.0, _NAN], size=n))
        labels[0] = 0.0
        yield torch.tensor(rng.normal(size=n) * 2), labels.double()


def _each(r, labels):
    """(S,) cross-entropy of each step; unjudged ones are 0."""
    c = labels.nan_to_num()
    return torch.where(labels.isnan(), 0.0, F.softplus(r) - c * r)


def _process_loss(r, labels):
    return _each(r, labels).sum() / (~labels.isnan()).sum()


PROCESS = Check(
    "process_loss",
    reference=_process_loss,
    cases=_labeled,
    gradient=1,
    mistakes=(
        Mistake(
            lambda r, c: _each(r, c).mean(),
            "it divides by all steps; the mean is over the judged ones, or a solution with many unjudged "
            "steps would weigh less.",
        ),
        Mistake(
            lambda r, c: (F.softplus(r) - c.nan_to_num() * r).mean(),
            "steps that nobody judged are counted as wrong: leave them out of the sum and of the count.",
        ),
        Mistake(
            lambda r, c: (F.softplus(r) - c.nan_to_num(nan=1.0) * r).mean(),
            "steps that nobody judged are counted as right: leave them out of the sum and of the count.",
        ),
        Mistake(
            lambda r, c: (F.softplus(r) - c.nan_to_num(nan=0.5) * r).mean(),
            "an unjudged step is no half-right step: leave it out of the sum and of the count.",
        ),
        Mistake(
            lambda r, c: F.binary_cross_entropy_with_logits(r, c.to(r.dtype)),
            "a NaN label makes the whole loss NaN: choose the judged steps first.",
        ),
        Mistake(
            lambda r, c: _each(r, c).sum(),
            "it returns the sum; take the mean over the judged steps, or long solutions weigh more.",
        ),
        Mistake(
            lambda r, c: _each(-r, c).sum() / (~c.isnan()).sum(),
            "the sign of the reward is turned round: a right step should have a high one.",
        ),
        Mistake(
            lambda r, c: -_process_loss(r, c),
            "the minus sign is missing: a loss must fall as right steps get higher rewards.",
        ),
    ),
    traps=(
        Trap(
            (torch.tensor([200.0, -200.0]), torch.tensor([1.0, 0.0])),
            "log(1 - sigma(200)) is minus infinity in float32, and the loss must be finite for any reward: "
            "F.logsigmoid or F.softplus.",
        ),
        Trap(
            (torch.tensor([-200.0, 200.0, 1.0]), torch.tensor([1.0, 0.0, _NAN])),
            "sigma(-200) is 0 in float32, and the loss must be finite for any reward: F.logsigmoid or "
            "F.softplus.",
        ),
    ),
)

# --- implicit rewards of steps ------------------------------------------------------------------------------


def _ratios(rng):
    """Log-ratios (T,) of an answer's tokens, ends of its steps, beta."""
    yield np.array([1.0, -0.5, 2.0]), [2], 0.5
    yield np.array([1.0, -0.5, 2.0, 0.25]), [1, 3], 0.5
    for n, steps in ((9, 3), (14, 4)):
        ends = sorted(rng.choice(n - 1, size=steps, replace=False).tolist())
        yield rng.normal(size=n), [int(end) for end in ends], 0.05


def _implicit(ratios, ends, beta, *, shift=1, start=0.0):
    q = beta * np.cumsum(ratios)[np.asarray(ends) + shift - 1]
    return np.diff(q, prepend=start)


def _levels(ratios, ends, beta):
    return beta * np.cumsum(ratios)[ends]


def _late(ratios, ends, beta):
    q = beta * np.concatenate([[0.0], np.cumsum(ratios)])
    return np.diff(q[np.asarray(ends)], prepend=0.0)


def _means(ratios, ends, beta):
    starts = [0, *(end + 1 for end in ends[:-1])]
    return np.array([beta * ratios[a : b + 1].mean() for a, b in zip(starts, ends, strict=True)])


IMPLICIT = Check(
    "implicit_steps",
    reference=_implicit,
    cases=_ratios,
    mistakes=(
        Mistake(
            _levels,
            "these are the sums q_t from the start; a step's reward is the rise from the end before.",
        ),
        Mistake(
            _late,
            "a step ends WITH its last token: the sum to index t has t + 1 tokens in it.",
        ),
        Mistake(
            lambda x, ends, beta: _implicit(x, ends, 1.0),
            "beta is missing: a reward is beta times the log-ratio.",
        ),
        Mistake(
            lambda x, ends, beta: _implicit(x, ends, 1 / beta),
            "beta divides; it multiplies the log-ratio.",
        ),
        Mistake(
            lambda x, ends, beta: beta * x[ends],
            "only the last token of each step is read; a step's reward is the sum over its tokens.",
        ),
        Mistake(
            lambda x, ends, beta: np.diff(_levels(x, ends, beta)),
            "the first step is missing: before it the sum is 0.",
        ),
        Mistake(
            _means,
            "these are means over a step's tokens; take sums, so that the steps add up to the whole.",
        ),
        Mistake(
            lambda x, ends, beta: -_implicit(x, ends, beta),
            "the sign is turned round: a step that the model likes more than its reference earns.",
        ),
        Mistake(
            lambda x, ends, beta: np.exp(_implicit(x, ends, beta)),
            "the logarithm was undone; rewards are log-ratios, so that they add up.",
        ),
    ),
)

# --- ProcessBench's F1 --------------------------------------------------------------------------------------


def _found(rng):
    """Steps said to be the first wrong ones, and where they are; -1 = none."""
    yield [1, -1], [1, -1]
    yield [1, 0, -1, 2], [1, 2, -1, -1]
    yield [0, 0, -1, -1, -1], [0, 3, 2, -1, -1]
    for n in (12, 30):
        said, first = rng.integers(-1, 3, size=(2, n))
        first[:2] = -1, 1
        yield said.tolist(), first.tolist()


def _parts(said, first):
    pairs = list(zip(said, first, strict=True))
    wrong = [s == f for s, f in pairs if f >= 0]
    right = [s == f for s, f in pairs if f < 0]
    return sum(wrong) / len(wrong), sum(right) / len(right)


def _harmonic(a, b):
    return 2 * a * b / (a + b) if a + b else 0.0


def _binary(said, first):
    "F1 of the question whether there is any error."
    hits = sum(s >= 0 and f >= 0 for s, f in zip(said, first, strict=True))
    called, real = sum(s >= 0 for s in said), sum(f >= 0 for f in first)
    return 2 * hits / (called + real) if called + real else 0.0


def _anywhere(said, first):
    pairs = list(zip(said, first, strict=True))
    a = [s >= 0 for s, f in pairs if f >= 0]
    b = [s < 0 for s, f in pairs if f < 0]
    return _harmonic(sum(a) / len(a), sum(b) / len(b))


FOUND = Check(
    "first_error_f1",
    reference=lambda said, first: _harmonic(*_parts(said, first)),
    cases=_found,
    mistakes=(
        Mistake(
            lambda said, first: sum(s == f for s, f in zip(said, first, strict=True)) / len(said),
            "that is accuracy over all solutions: a judge that never calls anything wrong does well where "
            "most are right. Take the harmonic mean of the two shares.",
        ),
        Mistake(
            lambda said, first: sum(_parts(said, first)) / 2,
            "that is the arithmetic mean of the two shares; the harmonic one is 0 as soon as one of them is.",
        ),
        Mistake(
            _binary,
            "that is the usual F1 of 'is there an error?'. Here the STEP must be the right one, and right "
            "solutions left alone count as well.",
        ),
        Mistake(
            _anywhere,
            "an error found at the wrong step counts as found; the step must be the first wrong one.",
        ),
        Mistake(
            lambda said, first: math.prod(_parts(said, first)),
            "the product of the two shares is not their harmonic mean: 2ab / (a + b).",
        ),
        Mistake(
            lambda said, first: 100 * _harmonic(*_parts(said, first)),
            "it is in percent; return a share between 0 and 1.",
        ),
        Mistake(
            lambda said, first: _harmonic(*_parts(said, first)) / 2,
            "the factor 2 is missing: 2ab / (a + b) is 1 where both shares are.",
        ),
    ),
    traps=(
        Trap(
            ([0, 1, 0], [1, 2, -1]),
            "nothing was found and nothing left alone: a + b is 0, and so is F1.",
        ),
    ),
)

CHECKS = (PROCESS, IMPLICIT, FOUND, DELTA, VERDICT)
