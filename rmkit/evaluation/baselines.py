"""What scorers that know nothing of quality would reach on the same comparisons."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from rmkit.evaluation.comparisons import REFERENCE
from rmkit.theory import statistics
from rmkit.theory.intervals import credit


def accuracy(gaps: ArrayLike, prompts: ArrayLike) -> dict:
    """Share of comparisons with a positive gap, a gap of 0 counting half, and its interval over prompts."""
    right = credit(gaps)
    ends = statistics.accuracy_interval(right, clusters=prompts)
    return {"accuracy": float(right.mean()), "interval": [float(end) for end in ends]}


def baselines(frame: pd.DataFrame) -> dict[str, dict]:
    """{"longest", "shortest", "first", "random"}: accuracy and interval of each rule on these pairs.

    Of single answers: "longest" calls right what is longer than the median, and "all right" stands in the
    place of "first".
    """
    single = is_single(frame)
    first = np.where(frame["worse"] == REFERENCE, 1, -1) if single else frame["earlier"]
    return {
        "longest": accuracy(frame["longer"], frame["prompt"]),
        "shortest": accuracy(-frame["longer"], frame["prompt"]),
        "all right" if single else "first": accuracy(first, frame["prompt"]),
        "random": random(frame),
    }


def is_single(frame: pd.DataFrame) -> bool:
    """Whether these are single answers against a reference, and no pairs."""
    return bool(((frame["better"] == REFERENCE) | (frame["worse"] == REFERENCE)).any())


def random(frame: pd.DataFrame) -> dict:
    """What a random scorer expects, 1/2, and where its accuracy falls 95 % of the time.

    It draws one reward for every text of a prompt, however many pairs the text stands in. Then
    1[r_i > r_j] has variance 1/4, and two pairs covary by 1/12 for each text that both prefer or both reject,
    by -1/12 for each that one prefers and the other rejects, and by 1/4 if they are the same pair. All this
    sums to (sum over texts (wins - losses)**2 + sum over couples (votes - votes against)**2) / 12. A single
    answer against 0 has 1/4 for itself.
    """
    better, worse = frame["better"].to_numpy(), frame["worse"].to_numpy()
    if is_single(frame):
        right = worse == REFERENCE
        net = np.bincount(np.where(right, better, worse), weights=np.where(right, 1.0, -1.0))
        variance = (net**2).sum() / 4
    else:
        unlike = better != worse
        better, worse = better[unlike], worse[unlike]
        texts = np.bincount(better, minlength=frame["worse"].max() + 1).astype(np.float64)
        texts = texts - np.bincount(worse, minlength=len(texts))
        couples = pd.DataFrame({"a": np.minimum(better, worse), "b": np.maximum(better, worse)})
        votes = couples.assign(net=np.sign(worse - better)).groupby(["a", "b"])["net"].sum()
        variance = ((texts**2).sum() + (votes**2).sum()) / 12
    half = special.ndtri(0.975) * variance**0.5 / len(frame)
    return {"accuracy": 0.5, "interval": [float(max(0.0, 0.5 - half)), float(min(1.0, 0.5 + half))]}


def ceiling(frame: pd.DataFrame) -> float | None:
    """How often a judgment agrees with the majority of the other judgments of the same two answers.

    Known where several people judged the same two answers, else None; an even split of the others counts
    half. No scorer can be expected to agree with single judgments much more often than that.
    """
    if is_single(frame):
        return None
    a, b = frame["better"], frame["worse"]
    couples = pd.DataFrame({"low": np.minimum(a, b), "high": np.maximum(a, b), "up": (a < b).astype(int)})
    votes = couples.groupby(["low", "high"])["up"].agg(["sum", "count"])
    votes = votes[votes["count"] > 1]
    if votes.empty:
        return None
    one, other = votes["sum"], votes["count"] - votes["sum"]
    agree = one * (np.sign(one - 1 - other) + 1) / 2 + other * (np.sign(other - 1 - one) + 1) / 2
    return float(agree.sum() / votes["count"].sum())
