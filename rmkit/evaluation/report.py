"""How good is a reward model? Accuracy with its interval, subsets, null baselines, calibration, and
best-of-n.

Evaluation needs rewards only, so scores saved by another program are evaluated the same way as a model.
"""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special, stats

from rmkit.data.ledger import TRUNCATED, Ledger
from rmkit.data.preferences import Preferences, prompt_key
from rmkit.data.records import ranks_of
from rmkit.errors import InputError, shown
from rmkit.theory import statistics


@dataclass
class Report:
    """What `evaluate` found; `to_dict` gives the keys of report.json.

    accuracy      share of pairs with different ranks that the rewards order alike; equal rewards count half
    interval      (low, high) of the accuracy at 95 %, over prompts
    groups, pairs   groups with at least one ordered pair, and those pairs
    tied_rewards  pairs with different ranks but equal rewards
    subsets       {name: Report}
    baselines     {"longest", "shortest", "first", "random": {"accuracy", "interval"}}: what knowing nothing
                  would give
    calibration   {"ece", "brier", "temperature"} of sigma(gap) as a probability
    ledger        what became of the rows
    notes         sentences about what the numbers do not say by themselves
    gaps          (pairs,) reward(better) - reward(worse), for figures; not in report.json
    """

    accuracy: float
    interval: tuple[float, float]
    groups: int
    pairs: int
    tied_rewards: int
    baselines: dict[str, dict]
    calibration: dict[str, float]
    ledger: Ledger
    subsets: "dict[str, Report]" = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    gaps: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False)

    def to_dict(self) -> dict:
        """The contents of report.json: plain numbers, lists and dictionaries."""
        return {
            **self._numbers(),
            "subsets": {name: part._numbers() for name, part in self.subsets.items()},
            "ledger": self.ledger.to_dict(),
        }

    def _numbers(self) -> dict:
        return {
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "groups": self.groups,
            "pairs": self.pairs,
            "tied_rewards": self.tied_rewards,
            "baselines": self.baselines,
            "calibration": self.calibration,
        }

    def save(self, path: str | Path) -> None:
        """Write report.json."""
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
        Path(path).write_text(text + "\n", encoding="utf-8")

    def table(self) -> pd.DataFrame:
        """One row for the rewards, each baseline and each subset: accuracy, its interval, groups and
        pairs."""
        rows = {"rewards": self._row()}
        for name, value in self.baselines.items():
            rows[f"baseline: {name}"] = [value["accuracy"], *value["interval"], self.groups, self.pairs]
        for name, part in self.subsets.items():
            rows[f"subset: {shown(name)}"] = part._row()
        columns = ["accuracy", "low", "high", "groups", "pairs"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def _row(self) -> list:
        return [self.accuracy, *self.interval, self.groups, self.pairs]

    def _remarks(self) -> list[str]:
        c = self.calibration
        tied = f"{self.tied_rewards:,} of {self.pairs:,} pairs have equal rewards."
        calibration = f"ECE {c['ece']:.3f}, Brier {c['brier']:.3f}, temperature {c['temperature']:.3g}."
        return [tied, calibration, *self.notes, f"Ledger: {self.ledger.line()}."]

    def __str__(self) -> str:
        table = self.table().to_string(float_format=lambda number: f"{number:.3f}")
        return "\n".join([table, *self._remarks()])

    def figure(self):
        """A plotly figure: a forest of subsets, null rules and ceiling as lines, reliability below."""
        from rmkit.evaluation import figures

        return figures.figure(self)

    def _ipython_display_(self) -> None:
        from rmkit.notebook import page

        page.show(self)

    def _repr_html_(self) -> str:
        from rmkit.notebook.page import fold

        # to_html escapes the names of subsets, which come from data.
        table = self.table().to_html(float_format=lambda number: f"{number:.3f}", border=0, escape=True)
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in self._remarks())
        return fold("Accuracy, baselines and subsets as a table", table) + fold("Fine print", remarks)


def evaluate(model_or_scores, preferences: Preferences) -> Report:
    """Compare rewards with what people said.

    model_or_scores: something with `score_all(preferences)`, such as a RewardModel; or the rewards
    themselves, one sequence of K numbers for each group, or an array (groups, largest K). Ranks give the
    pairs; where there are none, `correct` does (right beats wrong). Raises InputError where nothing orders
    anything, or a reward is not finite.
    """
    if not len(preferences):
        raise InputError(f"{preferences.name} has no groups; there is nothing to evaluate.")
    labels = [ranks_of(record) for record in preferences]
    if not any(len(set(row) - {0}) > 1 for row in labels):
        raise InputError(
            f"{preferences.name} orders no two responses: its {len(preferences):,} groups have neither "
            f"different `ranks` nor different `correct`; evaluation needs labeled preferences."
        )
    scores, ledger = model_or_scores, preferences.ledger
    if hasattr(scores, "score_all"):
        ledger = _with_truncated(ledger, scores, preferences)
        scores = scores.score_all(preferences)
    comparisons = _compare(_rewards(scores, preferences), labels, preferences)
    report = _report(comparisons, ledger)
    names = [subset for subset in comparisons["subset"].unique() if subset]
    if names:
        parts = dict(list(comparisons.groupby("subset", sort=True)))
        report.subsets = {name: _report(parts[name], ledger) for name in sorted(names)}
    return report


def _with_truncated(ledger: Ledger, model, preferences: Preferences) -> Ledger:
    """The ledger, and in it how many groups the model reads only in part."""
    if not hasattr(model, "encode"):
        return ledger
    splits = {split for split, _, _ in ledger.cells}
    split = min(splits) if len(splits) == 1 else None
    counted = ledger.merge(Ledger())
    for (_, subset, what), n in model.encode(preferences, training=False)[1].cells.items():
        if what == TRUNCATED:
            counted.add(TRUNCATED, n, split=split, subset=subset)
    return counted


def _rewards(scores: Sequence, preferences: Preferences) -> list[np.ndarray]:
    """One finite (K,) array for each group."""
    if len(scores) != len(preferences):
        raise InputError(f"There are {len(scores):,} rows of rewards for {len(preferences):,} groups.")
    array = getattr(scores, "ndim", 1) == 2
    widest = max(len(record.responses) for record in preferences)
    if array and scores.shape[1] != widest:
        raise InputError(
            f"The rewards have {scores.shape[1]} columns; the largest group has {widest} responses."
        )
    rewards = []
    for number, (row, record) in enumerate(zip(scores, preferences, strict=True)):
        row = _numpy(row)[: len(record.responses)] if array else _numpy(row)
        if row.shape != (len(record.responses),):
            raise InputError(
                f"Group {number} has {len(record.responses)} responses but rewards of shape {row.shape}."
            )
        if not np.isfinite(row).all():
            raise InputError(f"Group {number} has a reward that is NaN or infinite: {row.tolist()}.")
        rewards.append(row)
    return rewards


def _compare(rewards: list[np.ndarray], labels: list[list[int]], preferences: Preferences) -> pd.DataFrame:
    """One row for each pair (better, worse): the gap in reward, length and place, and which group and prompt
    it is of."""
    rows = []
    for group, (record, reward, ranks) in enumerate(zip(preferences, rewards, labels, strict=True)):
        lengths = [len(response) for response in record.responses]
        key, subset = prompt_key(record), record.subset or ""
        for i, a in enumerate(ranks):
            for j, b in enumerate(ranks):
                if 0 < a < b:
                    gap = reward[i] - reward[j]
                    rows.append((gap, lengths[i] - lengths[j], j - i, group, i, j, key, subset))
    columns = ["gap", "longer", "earlier", "group", "better", "worse", "prompt", "subset"]
    return pd.DataFrame(rows, columns=columns)


def _report(comparisons: pd.DataFrame, ledger: Ledger) -> Report:
    gaps = comparisons["gap"].to_numpy(np.float64)
    measured = statistics.calibration(gaps)
    baselines = {
        "longest": _accuracy(comparisons["longer"], comparisons["prompt"]),
        "shortest": _accuracy(-comparisons["longer"], comparisons["prompt"]),
        "first": _accuracy(comparisons["earlier"], comparisons["prompt"]),
        "random": _random(comparisons),
    }
    notes = [f"A perfectly calibrated model would show an ECE of {measured.ece_floor:.3f} on so few pairs."]
    notes += [f"Temperature: {measured.note}"] if measured.note else []
    low, high = baselines["first"]["interval"]
    if not low <= 0.5 <= high:
        notes.append("The order of the responses in the data tells which is better (see `baseline: first`).")
    return Report(
        **_accuracy(gaps, comparisons["prompt"]),
        groups=int(comparisons["group"].nunique()),
        pairs=len(gaps),
        tied_rewards=int((gaps == 0).sum()),
        baselines=baselines,
        calibration={"ece": measured.ece, "brier": measured.brier, "temperature": measured.temperature},
        ledger=ledger,
        notes=notes,
        gaps=gaps,
    )


def _accuracy(gaps: ArrayLike, prompts: Sequence[str]) -> dict:
    """Share of pairs with a positive gap, a gap of 0 counting half, and its interval over prompts."""
    credit = (np.sign(np.asarray(gaps)) + 1) / 2
    return {
        "accuracy": float(credit.mean()),
        "interval": [float(end) for end in statistics.accuracy_interval(credit, clusters=prompts)],
    }


def _random(comparisons: pd.DataFrame) -> dict:
    """What a random scorer expects, 1/2, and where its accuracy falls 95 % of the time.

    Two pairs of a group that share a response are correlated: 1[r_i > r_j] has variance 1/4, and covariance
    +1/12 with a pair that i also wins or j also loses, -1/12 with one that i loses or j wins.
    """
    wins = comparisons.value_counts(["group", "better"]).rename_axis(["group", "response"])
    losses = comparisons.value_counts(["group", "worse"]).rename_axis(["group", "response"])
    w, l = (column.to_numpy() for column in wins.align(losses, fill_value=0))  # noqa: E741
    variance = len(comparisons) / 4 + float((w * (w - 1) + l * (l - 1) - 2 * w * l).sum()) / 12
    half = stats.norm.ppf(0.975) * variance**0.5 / len(comparisons)
    return {"accuracy": 0.5, "interval": [float(max(0.0, 0.5 - half)), float(min(1.0, 0.5 + half))]}


def best_of_n(rewards: ArrayLike, gold: ArrayLike) -> np.ndarray:
    """Expected gold reward of the response with the highest reward among n, for every n from 1 to N.

    rewards, gold (G, N), or (N,) for one prompt: N responses drawn for each prompt.   Returns the same shape:
    column n - 1 holds best-of-n, so `.mean(0)` is the curve over prompts and its rows give the interval.
    All n come from the one pool, without bias (Nakano et al. 2021, WebGPT): in ascending order of
    reward the i-th response is the best of n drawn without replacement with probability C(i - 1, n - 1) /
    C(N, n). Equal rewards share their probability. Raises InputError for other shapes, NaN and infinity.
    """
    r, g = _numpy(rewards), _numpy(gold)
    if r.shape != g.shape or r.ndim not in (1, 2) or r.size == 0:
        raise InputError(
            f"rewards {r.shape} and gold {g.shape} must have one shape (prompts, responses), not empty."
        )
    if not (np.isfinite(r).all() and np.isfinite(g).all()):
        raise InputError("rewards or gold hold NaN or infinity; drop those prompts and say how many.")
    curves = np.stack([_ascending(*row) for row in zip(np.atleast_2d(r), np.atleast_2d(g), strict=True)])
    return (curves @ _best_of_n_weights(r.shape[-1])).reshape(r.shape)


def best_of_n_kl(n: ArrayLike) -> np.ndarray:
    """KL(best-of-n || policy) in nats, for n >= 1: log n - (n - 1) / n.

    Exact where no two responses are the same text or have the same reward, else an upper bound (Stiennon et
    al. 2020, appendix G.3; Beirami et al. 2024).
    """
    n = np.asarray(n, dtype=np.float64)
    if (n < 1).any():
        raise InputError("best-of-n needs n >= 1.")
    return np.log(n) - (n - 1) / n


def _ascending(rewards: np.ndarray, gold: np.ndarray) -> np.ndarray:
    """Gold (N,) in ascending order of reward, averaged within equal rewards."""
    _, block = np.unique(rewards, return_inverse=True)
    means = np.bincount(block, weights=gold) / np.bincount(block)
    return means[np.sort(block)]


def _best_of_n_weights(size: int) -> np.ndarray:
    """(N, N): row i - 1, column n - 1 holds C(i - 1, n - 1) / C(N, n), by log-gamma so that nothing
    overflows."""
    i = np.arange(1, size + 1)[:, None]
    n = np.arange(1, size + 1)[None, :]
    possible = i >= n
    below = _log_choose(np.where(possible, i - 1, size), n - 1)
    weights = np.where(possible, np.exp(below - _log_choose(size, n)), 0.0)
    return weights / weights.sum(0)


def _log_choose(n: ArrayLike, k: ArrayLike) -> np.ndarray:
    n, k = np.asarray(n, dtype=np.float64), np.asarray(k, dtype=np.float64)
    return special.gammaln(n + 1) - special.gammaln(k + 1) - special.gammaln(n - k + 1)


def _numpy(values) -> np.ndarray:
    """float64 array from numbers, an array, or a tensor on any device."""
    values = values.detach().cpu().double() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float64)
