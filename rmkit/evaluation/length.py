"""How far rewards go with length (or another style): the correlation within prompts, and what it is worth.

Each measure is given as one number a group whose mean is the measure, so that intervals over groups, and
paired differences of two rewards on the same groups, are those of means.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from rmkit.data.preferences import as_preferences
from rmkit.errors import InputError
from rmkit.evaluation.comparisons import rewards_of
from rmkit.theory.intervals import Interval, mean_interval


def correlation_values(rewards: Sequence[ArrayLike], lengths: Sequence[ArrayLike]) -> np.ndarray:
    """(G,) values whose mean is rho = A / sqrt(B C), the correlation within groups.

    rewards, lengths: (K,) for each group; their group's mean is taken out of both. A, B and C are the sums
    over groups of a = r~ . l~, b = r~ . r~ and c = l~ . l~. The value of a group is rho plus G times the
    slope of rho in that group's weight (the infinitesimal jackknife). All are 0 where nothing varies.
    """
    sizes = np.array([len(each) for each in rewards])
    flat = [np.concatenate([np.zeros(0), *given]) for given in (rewards, lengths)]
    return _correlation_values(*flat, np.repeat(np.arange(len(sizes)), sizes))


def _correlation_values(rewards: np.ndarray, lengths: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The same of M responses in one array each, group (M,) rising from 0."""
    count = np.bincount(group)
    r, s = (x - (np.bincount(group, weights=x) / count)[group] for x in (rewards, lengths))
    a, b, c = (np.bincount(group, weights=product) for product in (r * s, r * r, s * s))
    if not b.sum() * c.sum():
        return np.zeros(len(a))
    scale = np.sqrt(b.sum() * c.sum())
    rho = a.sum() / scale
    return rho + len(a) * (a / scale - rho / 2 * (b / b.sum() + c / c.sum()))


def worth_values(
    rewards: Sequence[ArrayLike], lengths: Sequence[ArrayLike], gold: Sequence[ArrayLike]
) -> np.ndarray:
    """(G,) values whose mean is what one unit of length is worth to these rewards, in units of gold.

    The least-squares fit r~ = u gold~ + v l~ within groups, and v / u: by how much the gold of an answer may
    be lower if it is one unit longer and the reward is to stay the same. 0 is a reward that asks for no
    length of its own. Values as in `correlation_values`.
    """
    r, s, g = ([_within(each) for each in given] for given in (rewards, lengths, gold))
    gg, gl, ll, gr, lr = (
        np.array([x @ y for x, y in zip(*two, strict=True)])
        for two in ((g, g), (g, s), (s, s), (g, r), (s, r))
    )
    # u and v have one denominator, so their ratio is p / q.
    p = gg.sum() * lr.sum() - gl.sum() * gr.sum()
    q = ll.sum() * gr.sum() - gl.sum() * lr.sum()
    if q <= 0:
        raise InputError("These rewards do not rise with gold at equal length, so length has no price in it.")
    of_p = gg * lr.sum() + gg.sum() * lr - gl * gr.sum() - gl.sum() * gr
    of_q = ll * gr.sum() + ll.sum() * gr - gl * lr.sum() - gl.sum() * lr
    return p / q + len(gg) * (of_p / q - p / q**2 * of_q)


def length_correlation(scores: Sequence, preferences, lengths: Sequence | None = None) -> Interval:
    """rho of scores with length within prompts, and its 95 % interval over groups.

    scores: (K,) rewards for each group.   preferences: whatever `rmkit.load` takes; labels are not used.
    lengths: (K,) numbers for each group; default: words of each response.
    """
    preferences = as_preferences(preferences)
    if lengths is None:
        lengths = [[len(text.split()) for text in record.responses] for record in preferences]
    rewards = rewards_of(scores, preferences)
    for number, (r, own) in enumerate(zip(rewards, lengths, strict=True)):
        if len(r) != len(own):
            raise InputError(f"Group {number} has {len(r)} responses but {len(own)} lengths.")
    return mean_interval(correlation_values(rewards, lengths))


def within_prompts(rewards: np.ndarray, lengths: np.ndarray, sizes: np.ndarray) -> Interval | None:
    """rho and its interval over the groups in which it can be seen; None where there are fewer than two.

    rewards, lengths (M,): of all responses, group after group.   sizes (N,): how many each group has. A group
    without two different lengths, such as a single answer, says nothing of length.
    """
    ends = np.cumsum(sizes)
    seen = np.maximum.reduceat(lengths, ends - sizes) > np.minimum.reduceat(lengths, ends - sizes)
    kept = np.repeat(seen, sizes)
    group = np.repeat(np.cumsum(seen) - 1, sizes)[kept]
    values = _correlation_values(rewards[kept], lengths[kept].astype(float), group)
    return mean_interval(values) if len(values) > 1 and values.any() else None


def _within(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    return values - values.mean()
