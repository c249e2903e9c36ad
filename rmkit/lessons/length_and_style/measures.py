"""Lesson 12: heads measured on the same test pairs, one number a pair whose mean is the measure."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rmkit.evaluation.length import correlation_values, worth_values
from rmkit.lessons.length_and_style.heads import Head, Pairs, fit, votes
from rmkit.lessons.margin_and_strength.instruments import agreement, calibrated, log_loss, missed, said
from rmkit.theory.intervals import Interval, crossed_interval

NAMES = ("correlation", "agreement", "log-loss", "missed", "price")
Values = dict[str, dict[str, np.ndarray]]  # {measure: {cure: (sets, pairs)}}


def both(gaps: np.ndarray) -> np.ndarray:
    """(N, 2) rewards of pairs whose gaps are (N,)."""
    return np.stack([gaps, -gaps], 1) / 2


def correlation(gaps: np.ndarray, length: np.ndarray) -> np.ndarray:
    """(N,) values whose mean is the correlation of gaps with gaps in length."""
    return correlation_values(both(gaps), both(length))


def worth(gaps: np.ndarray, pairs: Pairs) -> float:
    """What ten words are worth to a reward, in gold reward."""
    return float(worth_values(both(gaps), both(pairs.length), both(pairs.gold)).mean())


def price_values(part: Pairs, bias: float, pairs: Pairs, l2: float, seed: int) -> np.ndarray:
    """(N,) values whose mean is the price of ten words in a head fitted to fresh votes on `part`."""
    head = Head(fit(part.x, votes(part, bias, np.random.default_rng(seed)), l2=l2)[0])
    return worth_values(both(head.gaps(pairs)), both(pairs.length), both(pairs.gold))


def measure(heads: Mapping[str, Sequence[Head]], pairs: Pairs) -> Values:
    """{measure: {cure: (sets, pairs)}}; heads: {cure: one for each training set}.

    correlation with length; agreement with fair annotators (a share); log-loss of their votes in thousandths
    of a nat, each head at its own best temperature; missed share of the true gaps; the price of ten words.
    """
    found: Values = {name: {} for name in NAMES}
    for cure, row in heads.items():
        gaps = [head.gaps(pairs) for head in row]
        known = [(calibrated(d, pairs.gold) if (d @ pairs.gold) > 0 else 0 * d) for d in gaps]
        found["correlation"][cure] = np.stack([correlation(d, pairs.length) for d in gaps])
        found["agreement"][cure] = np.stack([agreement(d, pairs.gold) for d in gaps])
        found["log-loss"][cure] = np.stack([1000 * log_loss(d, pairs.gold) for d in known])
        found["missed"][cure] = np.stack([missed(d, pairs.gold) for d in gaps])
        found["price"][cure] = np.stack([_price(d, pairs) for d in gaps])
    return found


def _price(d: np.ndarray, pairs: Pairs) -> np.ndarray:
    """`worth_values` of gaps; NaN where they do not rise with gold at equal length: no price then."""
    s, g = pairs.length, pairs.gold
    if (s @ s) * (g @ d) <= (g @ s) * (s @ d):
        return np.full(len(d), np.nan)
    return worth_values(both(d), both(s), both(g))


def nearer_zero(rho: Mapping[str, np.ndarray], cure: str, base: str) -> Interval:
    """By how much |correlation| falls from `base` to `cure`; a value a pair keeps its set's sign."""

    def absolute(values: np.ndarray) -> np.ndarray:
        return values * np.sign(values.mean(1, keepdims=True))

    return crossed_interval(absolute(rho[base]) - absolute(rho[cure]))


def ahead(values: Values, measure: str, cure: str, base: str = "nothing done") -> Interval:
    """By how much a measure is larger for `cure` than for `base`; sets and pairs both count as samples."""
    return crossed_interval(values[measure][cure] - values[measure][base])


def table(values: Values, base: str = "nothing done") -> pd.DataFrame:
    """A row a cure: correlation and price with 95 % intervals; what changes against `base`."""
    units = {"agreement": (100, 2), "log-loss": (1, 1)}
    rows = {}
    for cure in values["correlation"]:
        price = values["price"][cure]
        priced = "none" if np.isnan(price).any() else said(crossed_interval(price), 1, 3)
        rho = said(crossed_interval(values["correlation"][cure]), 1, 2)
        change = {
            f"{name}, change": said(ahead(values, name, cure, base), *unit) for name, unit in units.items()
        }
        rows[cure] = {"correlation": rho, "price of ten words": priced} | change
    frame = pd.DataFrame(rows).T
    frame.loc[base, [f"{name}, change" for name in units]] = ""
    return frame
