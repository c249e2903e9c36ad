"""Checks of lesson 09: Delta, and the corrected verdict of a checker that errs."""

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap

# --- Delta --------------------------------------------------------------------------------------------------


def _rewards(rng):
    yield (np.array([0.75]),)
    yield (np.array([0.5, 0.25]),)
    yield (np.array([0.9, 0.8, 0.8, 0.8]),)
    for n in (4, 7):
        yield (rng.random(n),)


def _delta(r):
    return r - np.append(r[1:], 0.0)


DELTA = Check(
    "delta_credit",
    reference=_delta,
    cases=_rewards,
    mistakes=(
        Mistake(
            lambda r: np.diff(r, prepend=0.0),
            "that is r_k less the step BEFORE: the sum is then the last reward, and saying the best step "
            "last would be paid. Take r_k - r_(k+1).",
        ),
        Mistake(
            lambda r: r[:-1] - r[1:],
            "the last step is missing: nothing follows it, so it keeps its own reward.",
        ),
        Mistake(
            lambda r: np.append(r[:-1] - r[1:], 0.0),
            "the last step gets 0; nothing follows it, so it keeps its own reward, and the sum is r_1.",
        ),
        Mistake(
            lambda r: np.append(r[1:], 0.0) - r,
            "the sign is turned round: r_k - r_(k+1).",
        ),
        Mistake(
            lambda r: r - np.append(r[1:], r[0]),
            "the last step is compared with the first (np.roll?): the sum is then 0 for every solution.",
        ),
        Mistake(
            lambda r: np.cumsum(r[::-1])[::-1],
            "these are sums of what follows, which grow with every further step; Delta takes differences.",
        ),
        Mistake(
            lambda r: np.minimum(r - r.mean(), 0.0), "that is Clip, at the mean; Delta takes differences."
        ),
        Mistake(lambda r: r.copy(), "the rewards come back as they were, and repeating a step still pays."),
    ),
)

# --- a verifier that errs -----------------------------------------------------------------------------------


def _verdicts(rng):
    yield np.array([1.0, 0.0]), 0.0, 0.0
    yield np.array([1.0, 0.0]), 0.25, 0.0
    yield np.array([1.0, 0.0, 0.0]), 0.0, 0.25
    for n in (5, 8):
        yield rng.integers(0, 2, size=n).astype(float), float(rng.uniform(0, 0.4)), float(rng.uniform(0, 0.4))


VERDICT = Check(
    "unbiased_reward",
    reference=lambda said, rho0, rho1: (said - rho0) / (1 - rho0 - rho1),
    cases=_verdicts,
    mistakes=(
        Mistake(
            lambda said, rho0, rho1: (said - rho1) / (1 - rho0 - rho1),
            "the two rates are exchanged in the numerator: subtract what a WRONG answer gets on average, "
            "rho0.",
        ),
        Mistake(
            lambda said, rho0, rho1: said - rho0,
            "a wrong answer now has mean 0, but a right one has 1 - rho0 - rho1: divide by it.",
        ),
        Mistake(
            lambda said, rho0, rho1: said / (1 - rho0 - rho1),
            "subtract what a wrong answer gets on average, rho0, before you divide.",
        ),
        Mistake(
            lambda said, rho0, rho1: said / (1 - rho1),
            "a right answer now has mean 1, but a wrong one still gets rho0 / (1 - rho1).",
        ),
        Mistake(
            lambda said, rho0, rho1: np.clip((said - rho0) / (1 - rho0 - rho1), 0, 1),
            "the result was clipped into [0, 1], and that brings the bias back: single rewards may leave it, "
            "only their mean must not.",
        ),
        Mistake(
            lambda said, rho0, rho1: (said - rho0) / (1 + rho0 + rho1),
            "the denominator is 1 - rho0 - rho1: what tells right from wrong has shrunk to that.",
        ),
        Mistake(
            lambda said, rho0, rho1: said * (1 - rho1) + (1 - said) * rho0,
            "that is what the checker says on average of an answer; asked is the way back.",
        ),
        Mistake(
            lambda said, rho0, rho1: (said - rho0) * (1 - rho0 - rho1),
            "it multiplies by 1 - rho0 - rho1 where it must divide.",
        ),
    ),
    traps=(
        Trap(
            (np.array([1.0, 0.0]), 0.75, 0.75),
            "a checker that is wrong more often than right still tells: the denominator is negative then, "
            "and that is right.",
        ),
    ),
)
