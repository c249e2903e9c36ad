"""Lesson 05: what gaps are worth, by one blunt instrument and by two sharp ones.

d (N,) are a head's gaps, g (N,) the true ones, of gold reward. The instruments are those of
`rmkit.evaluation.true_gaps` at the pocket annotators' temperature T: one number a pair whose mean is the
measure, so that heads are compared pair by pair.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import optimize

from rmkit.evaluation import true_gaps
from rmkit.evaluation.true_gaps import missed
from rmkit.lessons.margin_and_strength.heads import Pairs, sigma
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.theory import statistics
from rmkit.theory.intervals import Interval

Values = Mapping[str, Mapping[str, np.ndarray]]  # {measure: {name of a head: (sets, pairs)}}
LOG_TEMPERATURES = np.linspace(-3, 3, 13)  # half a unit apart: tried first, then the best is sought nearby


def agreement(d, g) -> np.ndarray:
    """(N,) how often a fresh annotator would agree with the head (`true_gaps.agreement`)."""
    return true_gaps.agreement(d, g, TEMPERATURE)


def log_loss(d, g) -> np.ndarray:
    """(N,) expected -log probability, in nats, that gaps in log-odds gave to a fresh annotator's vote."""
    return true_gaps.log_loss(d, g, TEMPERATURE)


MEASURES: dict[str, Callable] = {"agreement": agreement, "log-loss": log_loss, "missed": missed}


# --- the penalty and the temperature, chosen on votes that the head has not seen ----------------------------


def temperature_of(gaps, turned: float = 0.0) -> tuple[float, float]:
    """(t, loss): the temperature at which gaps (N,) explain votes best, and the mean log-loss there.

    gaps: chosen minus rejected. turned: the known share of votes that were turned round; a vote is then seen
    with probability (1 - e) sigma(d / t) + e sigma(-d / t), which `statistics.temperature` does not know.
    """
    # log[(1 - e) sigma(z) + e sigma(-z)] = log[(1 - e) + e exp(-z)] - softplus(-z), and no exp may overflow
    right, wrong = np.log1p(-turned), np.log(turned) if turned else -np.inf

    def loss(t):
        z = np.asarray(gaps) / t
        return (np.logaddexp(0, -z) - np.logaddexp(right, wrong - z)).mean()

    tried = [loss(np.exp(x)) for x in LOG_TEMPERATURES]
    near = LOG_TEMPERATURES[int(np.argmin(tried))]
    found = optimize.minimize_scalar(
        lambda x: loss(np.exp(x)),
        bounds=(near - 0.5, near + 0.5),
        method="bounded",
        options={"xatol": 1e-3},
    )
    return float(np.exp(found.x)), float(found.fun)


def calibrated(d, g) -> np.ndarray:
    """d divided by the temperature at which it explains fresh votes on gaps g best."""
    return d / statistics.temperature(d, sigma(g / TEMPERATURE))[0]


def choose(
    heads: Sequence[Sequence[np.ndarray]], sets: Sequence[Pairs], turned: float = 0.0
) -> list[tuple[int, np.ndarray]]:
    """For each set, (which penalty, weights in log-odds): the lowest log-loss on the OTHER sets' votes.

    heads[b][j] was fitted to set b with penalty j. Its weights are divided by its own temperature there.
    """
    best = []
    for b, row in enumerate(heads):
        votes = np.concatenate([each.x for i, each in enumerate(sets) if i != b])
        tried = [temperature_of(votes @ w, turned) for w in row]
        j = min(range(len(row)), key=lambda j: tried[j][1])
        best.append((j, row[j] / tried[j][0]))
    return best


# --- comparing ----------------------------------------------------------------------------------------------


def measure(heads: Mapping[str, Sequence[np.ndarray]], pairs: Pairs) -> Values:
    """Every measure of {name: one head a set} on the same test pairs."""
    return {
        label: {name: np.stack([value(pairs.x @ w, pairs.gold) for w in row]) for name, row in heads.items()}
        for label, value in MEASURES.items()
    }


def gains(values: Values, base: str) -> dict[str, dict[str, Interval]]:
    """{measure: {name: paired difference to `base`}}; training sets and test pairs both count as samples."""
    return {
        label: {
            name: statistics.crossed_interval(each - of[base]) for name, each in of.items() if name != base
        }
        for label, of in values.items()
    }


def won(values: Values, base: str, pairs: Pairs) -> dict[str, dict[str, tuple]]:
    """Gains as shares of the way from `base` to a judge who knows the true gaps: (mean, low, high)."""
    shares = {}
    for label, each in gains(values, base).items():
        truth = MEASURES[label](pairs.gold / TEMPERATURE, pairs.gold).mean()
        way = truth - values[label][base].mean()
        shares[label] = {
            name: (gain.mean / way, *sorted((gain.low / way, gain.high / way))) for name, gain in each.items()
        }
    return shares


def table(values: Values, base: str) -> pd.DataFrame:
    """A row a head: each measure and its difference to `base`, 95 % interval. Agreement is in percent."""
    columns = {}
    for label, each in gains(values, base).items():
        unit, digits = (100, 2) if label == "agreement" else (1, 4)
        of = values[label]
        columns[label, "mean"] = {name: f"{unit * of[name].mean():.{digits - 1}f}" for name in of}
        columns[label, f"against {base}"] = {name: said(gain, unit, digits) for name, gain in each.items()}
    return pd.DataFrame(columns).reindex(list(values["agreement"])).fillna("")


def said(gain: Interval, unit: float = 1, digits: int = 4) -> str:
    """A difference in words: "+0.0031 [+0.0012, +0.0050]"."""
    mean, low, high = (f"{unit * value:+.{digits}f}" for value in gain)
    return f"{mean} [{low}, {high}]"
