"""Checks of lesson 12: correlation with length, subtracting it, ODIN's terms, and Davidson's tie."""

import numpy as np
import torch
import torch.nn.functional as F

from rmkit.notebook.check import Check, Mistake, Trap

# --- the correlation within prompts -------------------------------------------------------------------------


def _answers(rng):
    """Rewards and lengths (G, K): long prompts have long answers and other rewards."""
    yield np.array([[1.0, 2.0], [5.0, 3.0]]), np.array([[10.0, 20.0], [30.0, 36.0]])
    yield np.array([[0.0, 1.0, 3.0]]), np.array([[4.0, 2.0, 9.0]])
    for groups, k in ((6, 2), (8, 3), (20, 4)):
        of_prompt = rng.normal(size=(groups, 1))
        lengths = 20 + 8 * of_prompt + 5 * rng.normal(size=(groups, k))
        yield 2 * of_prompt + 0.05 * lengths + rng.normal(size=(groups, k)), lengths


def _within(values):
    return values - values.mean(1, keepdims=True)


def _rho(r, s):
    down = np.sqrt((r**2).sum() * (s**2).sum())
    return float((r * s).sum() / down) if down else 0.0


def _each(r, s):
    """Pearson's correlation of every row; 0 where a row does not vary."""
    r, s = _within(r), _within(s)
    down = np.sqrt((r**2).sum(1) * (s**2).sum(1))
    return np.where(down > 0, (r * s).sum(1) / np.where(down > 0, down, 1.0), 0.0)


CORRELATION = Check(
    "length_correlation",
    reference=lambda r, s: _rho(_within(r), _within(s)),
    cases=_answers,
    mistakes=(
        Mistake(
            lambda r, s: _rho(r - r.mean(), s - s.mean()),
            "all answers are thrown together: a prompt that asks for long answers counts as if length earned "
            "its rewards. Take each prompt's own mean out first.",
        ),
        Mistake(
            lambda r, s: float(_each(r, s).mean()),
            "it averages one correlation for each prompt. With two answers each of them is 1 or -1, however "
            "small the gap: sum over all prompts before you divide.",
        ),
        Mistake(
            lambda r, s: _rho(r, s),
            "no mean was taken out: this is the cosine of raw numbers, near 1 whenever both are positive.",
        ),
        Mistake(
            lambda r, s: _rho(_within(r), s - s.mean()),
            "the prompt's mean was taken out of the rewards only; take it out of the lengths too.",
        ),
        Mistake(
            lambda r, s: float((_within(r) * _within(s)).mean()),
            "that is a covariance, which has units; divide by the root of both sums of squares.",
        ),
        Mistake(
            lambda r, s: float((_within(r) * _within(s)).sum() / (_within(s) ** 2).sum()),
            "that is the slope of reward on length; divide by the root of BOTH sums of squares.",
        ),
        Mistake(
            lambda r, s: _rho(_within(r), _within(s)) ** 2,
            "it is squared, and the sign is lost: does the reward like length, or mind it?",
        ),
        Mistake(
            lambda r, s: _rho(np.diff(r, axis=1), np.diff(s, axis=1)),
            "only neighbors were compared; with more than two answers every one counts, against the mean.",
        ),
    ),
    traps=(
        Trap(
            (np.array([[1.0, 1.0], [2.0, 2.0]]), np.array([[3.0, 5.0], [4.0, 9.0]])),
            "no reward differs within its prompt, so nothing goes with length: 0, and not 0 / 0.",
        ),
    ),
)

# --- subtracting length -------------------------------------------------------------------------------------


def _slope(r, s):
    return (r * s).sum() / (s**2).sum()


SUBTRACT = Check(
    "subtract_length",
    reference=lambda r, s: r - _slope(_within(r), _within(s)) * s,
    cases=_answers,
    mistakes=(
        Mistake(
            lambda r, s: r + _slope(_within(r), _within(s)) * s,
            "length was added; it is to be taken away.",
        ),
        Mistake(
            lambda r, s: r - _slope(r - r.mean(), s - s.mean()) * s,
            "the slope was taken over all answers together: take each prompt's mean out of both first.",
        ),
        Mistake(
            lambda r, s: r - _slope(r, s) * s,
            "the slope goes through zero: take each prompt's mean out of both before you fit it.",
        ),
        Mistake(
            lambda r, s: r - _rho(_within(r), _within(s)) * s,
            "the correlation was used as a slope. It has no unit; the slope has reward per word.",
        ),
        Mistake(
            lambda r, s: r - s / _slope(_within(s), _within(r)),
            "length was regressed on reward. Divide by the sum of squares of the lengths.",
        ),
        Mistake(
            lambda r, s: _within(r) - _slope(_within(r), _within(s)) * _within(s),
            "the prompts' means are gone too. Fit without them, but subtract from the rewards as they are.",
        ),
        Mistake(
            lambda r, s: r - _slope(_within(r), _within(s)) * _within(s),
            "lengths were centered before they were subtracted. No gap changes, but asked is r - slope s.",
        ),
        Mistake(
            lambda r, s: r / s,
            "reward per word is another reward: it punishes long answers however it was earned.",
        ),
    ),
)

# --- ODIN's terms -------------------------------------------------------------------------------------------


def _two_heads(rng):
    """Gaps (N,) of the quality head, of the length head and in length; weights (2, D)."""
    yield (
        torch.tensor([1.0, -1.0, 2.0]),
        torch.tensor([1.0, 2.0, 3.0]),
        torch.tensor([1.0, 2.0, 2.0]),
        torch.tensor([[3.0, 4.0], [4.0, -3.0]]),
    )
    for n, d in ((4, 3), (12, 5), (30, 6)):
        lengths = torch.tensor(rng.normal(size=n) + 0.4)
        quality = torch.tensor(rng.normal(size=n) + 0.3) - 0.3 * lengths
        sign = -1 if n == 12 else 1  # a length head may have begun the wrong way round
        length = 0.8 * sign * lengths + torch.tensor(0.5 * rng.normal(size=n))
        yield quality, length, lengths, torch.tensor(2 * rng.normal(size=(2, d)))


def _cos(a, b):
    return (a * b).sum() / (a.square().sum() * b.square().sum()).sqrt()


def _pearson(a, b):
    return _cos(a - a.mean(), b - b.mean())


ODIN = Check(
    "odin_terms",
    reference=lambda q, r, s, w: _cos(q, s).abs() + 1 - _cos(r, s) + _cos(*w).abs(),
    cases=_two_heads,
    gradient=2,
    mistakes=(
        Mistake(
            lambda q, r, s, w: _cos(q, s) + 1 - _cos(r, s) + _cos(*w).abs(),
            "the quality head's correlation has no absolute value: it is driven to -1, to short answers.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).abs() + 1 - _cos(r, s).abs() + _cos(*w).abs(),
            "the length head's correlation has an absolute value: it may then go against length as well.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).abs() + 1 + _cos(r, s) + _cos(*w).abs(),
            "the length head is pushed away from length; it shall go with it: 1 - rho.",
        ),
        Mistake(
            lambda q, r, s, w: _pearson(q, s).abs() + 1 - _pearson(r, s) + _cos(*w).abs(),
            "means were taken out of the gaps. Exchange the answers of a pair, and gaps turn their sign: "
            "0 must stay 0.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).abs() + 1 - _cos(r, s) + (w[0] * w[1]).sum().abs(),
            "the weights were not brought to length 1: that term is made small by making the heads small.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).abs() + 1 - _cos(r, s) + _cos(*w),
            "the angle's cosine has no absolute value: the heads end up opposed, not at right angles.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).square() + 1 - _cos(r, s) + _cos(*w).square(),
            "squares instead of absolute values: their pull dies out near 0, so a little of each stays.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q + r, s).abs() + 1 - _cos(r, s) + _cos(*w).abs(),
            "the SUM of the heads was kept from length; the quality head alone shall be free of it.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).abs() + 1 - _cos(r, s),
            "the two weights have no term: |cos| of their angle is missing.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(q, s).abs() + _cos(*w).abs(),
            "the length head has no term: 1 - rho(length, r_L) is missing.",
        ),
        Mistake(
            lambda q, r, s, w: _cos(r, s).abs() + 1 - _cos(q, s) + _cos(*w).abs(),
            "the two heads changed places: the quality head is the one to be free of length.",
        ),
    ),
)

# --- a tie --------------------------------------------------------------------------------------------------


def _gaps(rng):
    yield torch.tensor([0.0]), 2.0
    yield torch.tensor([2.0, -2.0]), 1.0
    for n in (4, 9):
        yield torch.tensor(2 * rng.normal(size=n)), float(rng.uniform(0.3, 3))


def _log_z(d, nu):
    return torch.logsumexp(torch.stack([d / 2, -d / 2, torch.full_like(d, nu).log()]), 0)


TIE = Check(
    "tie_loss",
    reference=lambda d, nu: _log_z(d, nu) - float(np.log(nu)),
    cases=_gaps,
    gradient=1,
    mistakes=(
        Mistake(
            _log_z,
            "log nu is missing. The slope is right, but -log P(tie) at d = 0 is log((2 + nu) / nu).",
        ),
        Mistake(
            lambda d, nu: _log_z(d, nu) - d / 2,
            "that is -log P(the first one wins): the numerator of a tie is nu, once the root is taken out.",
        ),
        Mistake(
            lambda d, nu: _log_z(2 * d, nu) - float(np.log(nu)),
            "the halves are missing: a tie is weighed against e^(d/2) and e^(-d/2).",
        ),
        Mistake(
            lambda d, nu: (F.softplus(d) + F.softplus(-d)) / 2,
            "that counts a tie as half a win each way. In Davidson's model a tie is an outcome of its own.",
        ),
        Mistake(
            lambda d, nu: d.square(),
            "a square pulls without bound; -log P(tie) ends up with the slope of a straight line, 1/2.",
        ),
        Mistake(
            lambda d, nu: (_log_z(d, nu) - float(np.log(nu))).mean(),
            "it returns the mean; return one number a pair and leave the mean to the caller.",
        ),
        Mistake(
            lambda d, nu: -(_log_z(d, nu) - float(np.log(nu))),
            "the minus sign is missing: a loss must be lowest where the two are equal.",
        ),
        Mistake(
            lambda d, nu: (float(np.log(nu)) - _log_z(d, nu)).exp(),
            "that is P(tie) itself; asked is minus its logarithm.",
        ),
    ),
    traps=(
        Trap(
            (torch.tensor([-400.0, 400.0]), 1.0),
            "e^200 is infinite in float32, and the loss must be finite for any gap: torch.logsumexp.",
        ),
    ),
)

CHECKS = (CORRELATION, SUBTRACT, ODIN, TIE)
