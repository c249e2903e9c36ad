"""Checks of lesson 05: the margin loss, Llama 2's tables, scaled Bradley-Terry, flipping by votes."""

import math

import numpy as np
import torch
import torch.nn.functional as F

from rmkit.lessons.margin_and_strength.instrument_checks import MISSED
from rmkit.notebook.check import Check, Mistake, Trap

_OVERFLOW = (
    "exp(200) is infinite and sigma(-200) is 0 in float32, and the loss must be finite for any gap: "
    "F.softplus or F.logsigmoid."
)

# --- the margin loss ----------------------------------------------------------------------------------------


def _batches(rng):
    """Rewards (B, 1) as a model's head gives them, margins (B,) as a column of data."""
    yield torch.tensor([[2.0]]), torch.tensor([[0.5]]), torch.tensor([1.0])
    yield torch.tensor([[1.0], [0.0]]), torch.tensor([[0.0], [0.0]]), torch.tensor([0.0, 3.0])
    for n in (3, 5):
        chosen, rejected = torch.tensor(rng.normal(size=(2, n, 1)) * 2)
        yield chosen, rejected, torch.tensor(rng.choice([0.0, 1.0, 2.0, 3.0], size=n))


def _lead(chosen, rejected):
    return (chosen - rejected).squeeze(-1)


MARGIN = Check(
    "margin_loss",
    reference=lambda chosen, rejected, m: F.softplus(m - _lead(chosen, rejected)),
    cases=_batches,
    gradient=2,
    mistakes=(
        Mistake(
            lambda c, r, m: -F.logsigmoid(c - r - m),
            "(B, 1) minus (B,) is (B, B): every pair met every margin. Bring both to one shape first.",
        ),
        Mistake(
            lambda c, r, m: -F.logsigmoid(c - r - m).mean(-1),
            "the shape is right, but (B, 1) minus (B,) was (B, B) on the way, and a mean over all margins is "
            "left. Bring both to one shape before you subtract.",
        ),
        Mistake(
            lambda c, r, m: -F.logsigmoid(_lead(c, r) + m),
            "the margin has the wrong sign: -log sigma(d + m) is content before the pair is even won.",
        ),
        Mistake(
            lambda c, r, m: -F.logsigmoid(_lead(c, r)) - m,
            "the margin stands outside the sigma: a constant added to a loss has no gradient.",
        ),
        Mistake(
            lambda c, r, m: -F.logsigmoid(_lead(c, r)) + m,
            "the margin stands outside the sigma: a constant added to a loss has no gradient.",
        ),
        Mistake(
            lambda c, r, m: (m - _lead(c, r)).clamp(min=0.0),
            "that is a hinge, which lets go at d = m; -log sigma(d - m) lets go slowly.",
        ),
        Mistake(
            lambda c, r, m: F.softplus(m - _lead(c, r)).mean(),
            "it returns the mean; return one number a pair and leave the mean to the caller.",
        ),
        Mistake(
            lambda c, r, m: F.softplus(m - (c - r)).mean(),
            "two things: (B, 1) minus (B,) is (B, B); and one number a pair is asked for, no mean.",
        ),
        Mistake(
            lambda c, r, m: m * F.softplus(-_lead(c, r)),
            "the margin multiplies the loss, as in scaled Bradley-Terry; here it is subtracted from the gap.",
        ),
        Mistake(
            lambda c, r, m: F.softplus(-m * _lead(c, r)),
            "the margin multiplies the gap; it is subtracted from it.",
        ),
        Mistake(
            lambda c, r, m: F.softplus(_lead(c, r) - m),
            "the minus sign inside is missing: this grows as the pair is won by more.",
        ),
        Mistake(lambda c, r, m: F.softplus(-_lead(c, r)), "the margin is ignored."),
    ),
    traps=(
        Trap(
            (torch.tensor([[-200.0], [200.0]]), torch.zeros(2, 1), torch.tensor([3.0, 3.0])),
            _OVERFLOW,
        ),
    ),
)

# --- Llama 2's tables ---------------------------------------------------------------------------------------

_WORDS = ("significantly better", "better", "slightly better", "negligibly better", "unsure")


def _strengths(rng):
    yield ["better"], True
    yield ["better"], False
    yield list(_WORDS), True
    yield list(_WORDS), False
    yield ["slightly better", None, "significantly better"], True
    for large in (True, False):
        yield [_WORDS[i] for i in rng.integers(0, 5, 7)], large


def _table(strengths, large, steps=(3, 2, 1, 0, 0), unit=(1 / 3, 1.0), missing=0.0):
    known = dict(zip(_WORDS, steps, strict=True))
    return [missing if word is None else known[word] * unit[bool(large)] for word in strengths]


TABLES = Check(
    "llama2_margins",
    reference=_table,
    cases=_strengths,
    mistakes=(
        Mistake(
            lambda s, large: _table(s, large, steps=(0, 1, 2, 3, 3)),
            "the table stands on its head: 'significantly better' has the largest margin.",
        ),
        Mistake(
            lambda s, large: _table(s, large, unit=(1, 1 / 3)),
            "small and large are exchanged: large goes up to 3, small up to 1.",
        ),
        Mistake(
            lambda s, large: _table(s, large, unit=(1, 1)),
            "`large` changes nothing: the small margins are 1, 2/3, 1/3, 0.",
        ),
        Mistake(
            lambda s, large: _table(s, large, steps=(4, 3, 2, 1, 1)),
            "the weakest word must have margin 0: there is no lead to ask for.",
        ),
        Mistake(
            lambda s, large: _table([word for word in s if word is not None], large),
            "pairs without a strength were left out, and every margin after them moved to another pair: give "
            "them 0.",
        ),
        Mistake(
            lambda s, large: _table(s, large, missing=float("nan")),
            "a NaN margin makes the loss of the whole batch NaN: a pair without a strength asks for no lead.",
        ),
        Mistake(
            lambda s, large: [round(margin, 2) for margin in _table(s, large)],
            "2/3 is not 0.67: leave the fractions whole.",
        ),
        Mistake(
            lambda s, large: [round(margin, 1) for margin in _table(s, large)],
            "2/3 is not 0.7: leave the fractions whole.",
        ),
        Mistake(
            lambda s, large: [
                dict(zip(_WORDS, (3, 2, 1, 0, 0), strict=True))[w] * (1 if large else 1 / 3) for w in s
            ],
            "`None` has no row in the table: a pair without a word keeps its place and asks for no lead.",
        ),
    ),
)

# --- scaled Bradley-Terry -----------------------------------------------------------------------------------


def _scaled(rng):
    yield torch.tensor([2.0]), torch.tensor([0.5]), torch.tensor([3.0])
    yield torch.tensor([0.0, -1.0]), torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])
    for n in (3, 6):
        chosen, rejected = torch.tensor(rng.normal(size=(2, n)))
        yield chosen, rejected, torch.tensor(rng.choice([0.0, 1.0, 2.0, 3.0], size=n))


SCALED = Check(
    "scaled_loss",
    reference=lambda chosen, rejected, s: s * F.softplus(rejected - chosen),
    cases=_scaled,
    gradient=2,
    mistakes=(
        Mistake(
            lambda c, r, s: F.softplus(s * (r - c)),
            "the strength stands inside the sigma and scales the gap: a pair of strength 0 would have no "
            "gap at all, and a strong pair would be content sooner.",
        ),
        Mistake(
            lambda c, r, s: F.softplus(s - (c - r)),
            "that is the margin loss; here the strength multiplies the loss.",
        ),
        Mistake(
            lambda c, r, s: s * F.softplus(r - c) / s.sum().clamp(min=1e-9),
            "it is divided by the sum of the strengths; HelpSteer2-Preference does not, and neither does the "
            "library.",
        ),
        Mistake(
            lambda c, r, s: s * F.logsigmoid(c - r),
            "the minus sign is missing: a loss must fall as the gap grows.",
        ),
        Mistake(
            lambda c, r, s: (s * F.softplus(r - c)).mean(),
            "it returns the mean; return one number a pair and leave the mean to the caller.",
        ),
        Mistake(
            lambda c, r, s: s / s.mean() * F.softplus(r - c),
            "the strengths are divided by their mean; asked is the loss without renormalizing.",
        ),
        Mistake(
            lambda c, r, s: (1 + s) * F.softplus(r - c),
            "it is scaled by 1 + s: a pair of strength 0 must say nothing.",
        ),
        Mistake(
            lambda c, r, s: s * F.softplus(c - r),
            "the two rewards are swapped: it grows as the chosen response gets better.",
        ),
        Mistake(lambda c, r, s: F.softplus(r - c), "the strength is ignored."),
    ),
    traps=(
        Trap(
            (torch.tensor([-200.0, 200.0]), torch.zeros(2), torch.tensor([3.0, 1.0])),
            _OVERFLOW,
        ),
    ),
)

# --- votes --------------------------------------------------------------------------------------------------


def _ensembles(rng):
    yield np.array([[2.0, -1.0, 0.1, 3.0], [1.0, -3.0, -0.2, 2.0]]), 0.25
    yield np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 1.0]]), 0.0
    for n, share in ((8, 0.25), (10, 0.3), (20, 0.2), (40, 0.5)):  # heads of very different loudness
        yield (rng.normal(size=(5, n)) + rng.normal(size=n)) * [[0.5], [0.5], [1], [1], [4]], share


def _flip(gaps, share, measure=lambda gaps: gaps.mean(0), whole=round):
    chosen = np.zeros(gaps.shape[1], dtype=bool)
    chosen[np.argsort(measure(gaps))[: whole(share * gaps.shape[1])]] = True
    return chosen


def _gaps(n, heads=5):
    return np.random.default_rng(n).normal(size=(heads, n))


FLIP = Check(
    "least_supported",
    reference=_flip,
    cases=_ensembles,
    mistakes=(
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: -g.mean(0)),
            "these are the best supported pairs: a label is doubtful where the mean gap is LOW.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: abs(g.mean(0))),
            "a mean gap near 0 is an ambiguous pair; a wrong label is one that the heads contradict, far "
            "below 0.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: -g.std(0)),
            "that asks where the heads disagree with one another; ask where they disagree with the label.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: g.min(0)),
            "one head's opinion decides: take the mean over the heads, axis 0.",
        ),
        Mistake(
            lambda gaps, share: gaps.mean(0) < 0,
            "every pair with a negative mean is marked; mark only the given share of all pairs.",
        ),
        Mistake(
            lambda gaps, share: np.argsort(gaps.mean(0))[: round(share * gaps.shape[1])],
            "these are the places of the pairs; return N booleans, True where the label is to be turned.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: np.median(g, axis=0)),
            "it takes the median head; asked is the mean, in which a head that is sure counts for more.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: (g > 0).mean(0)),
            "it counts heads for and against; asked is the mean gap, in which it matters by how much.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: g.max(0)),
            "one head's opinion decides: take the mean over the heads, axis 0.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, lambda g: g[0]),
            "only the first head is asked: take the mean over the heads, axis 0.",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, whole=int),
            "int cuts 6.6 down to 6 pairs: use round(share * N).",
        ),
        Mistake(
            lambda gaps, share: _flip(gaps, share, whole=math.ceil),
            "ceil makes 7 pairs of 6.2: use round(share * N).",
        ),
        Mistake(
            lambda gaps, share: gaps.mean(0) <= np.quantile(gaps.mean(0), share),
            "a quantile lies between two pairs and marks another number of them: take round(share * N).",
        ),
        Mistake(
            lambda gaps, share: ~_flip(gaps, share),
            "the marks are turned round: True is for the labels to be turned.",
        ),
    ),
    traps=(
        Trap((_gaps(33), 0.2), "33 pairs and a share of 0.2 make 6.6: round(share * N) is 7."),
        Trap((_gaps(31), 0.2), "31 pairs and a share of 0.2 make 6.2: round(share * N) is 6."),
        Trap((_gaps(7), 0.0), "a share of 0 marks nothing."),
        Trap((_gaps(7), 1.0), "a share of 1 marks everything."),
    ),
)

CHECKS = (MARGIN, TABLES, SCALED, MISSED, FLIP)
