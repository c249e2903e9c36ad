"""How good is a reward model? Accuracy with its interval, subsets, null baselines and calibration.

Evaluation needs rewards only, so scores saved by another program are evaluated the same way as a model.
"""

import html
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from rmkit.data.ledger import Example, Ledger, place_of
from rmkit.data.outlines import texts
from rmkit.data.preferences import Preferences, as_preferences
from rmkit.errors import InputError, shown
from rmkit.evaluation.baselines import accuracy, baselines, ceiling, is_single
from rmkit.evaluation.comparisons import (
    COLUMNS,
    REFERENCE,
    Judged,
    all_rewards,
    compare,
    compare_with_zero,
    judged,
)
from rmkit.evaluation.length import within_prompts
from rmkit.evaluation.outcomes import Outcomes, outcomes
from rmkit.evaluation.steps import StepReport
from rmkit.theory import statistics
from rmkit.theory.intervals import Interval


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
    calibration   {"ece", "brier", "temperature"} of sigma(gap) as a probability: that a person prefers the
                  better response, or the share of people where several voted
    ledger        what became of the rows
    notes         sentences about what the numbers do not say by themselves
    outcomes      AUC, accuracy at 0 and Brier of answers known to be right or wrong; None where none is
    ceiling       how often one judgment agrees with the majority of the others; None = one each
    steps         of a process reward model: how well it finds wrong steps (see `evaluate_steps`)
    length        correlation of rewards with characters within prompts, and its interval over groups; None
                  where no prompt has answers of different rewards and lengths, and in subsets
    comparisons   one row for each pair (see `evaluation.comparisons`), for figures; not in report.json

    Where no group orders two of its responses but answers are known to be right or wrong (K = 1), every
    answer is compared with a reward of 0: accuracy is then that at 0, and "pairs" counts answers.
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
    outcomes: Outcomes | None = None
    ceiling: float | None = None
    steps: StepReport | None = None
    length: Interval | None = None
    comparisons: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=COLUMNS), repr=False)

    @property
    def gaps(self) -> np.ndarray:
        """(pairs,) reward(better) - reward(worse)."""
        return self.comparisons["gap"].to_numpy(np.float64)

    @property
    def reliability(self) -> statistics.Reliability:
        """Arrays of the reliability diagram: the model's confidence in its pick against how often it is
        right."""
        return statistics.reliability_curve(self.gaps, share=self.comparisons["share"])

    def by_length(self, bins: int = 5) -> pd.DataFrame:
        """Does the accuracy hang on length? Accuracy in bins of equally many pairs.

        One row for each bin: shortest, longest and mean `difference` in characters (the better response's
        length minus the worse one's), accuracy, its interval `low` to `high`, and pairs. Equal differences
        stay together, so there may be fewer bins.
        """
        frame = self.comparisons
        parts = frame.groupby(pd.qcut(frame["longer"], bins, duplicates="drop", labels=False), dropna=False)
        rows = []
        for _, part in parts:
            found, longer = accuracy(part["gap"], part["prompt"]), part["longer"]
            ends = [longer.min(), longer.max(), longer.mean()]
            rows.append([*ends, found["accuracy"], *found["interval"], len(part)])
        names = ["shortest", "longest", "difference", "accuracy", "low", "high", "pairs"]
        return pd.DataFrame(rows, columns=names)

    def to_dict(self) -> dict:
        """The contents of report.json: plain numbers, lists and dictionaries."""
        return {
            **self._numbers(),
            "length_correlation": None if self.length is None else self.length._asdict(),
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
            **({"outcomes": self.outcomes.to_dict()} if self.outcomes else {}),
            **({"steps": self.steps.to_dict()} if self.steps else {}),
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
        judges = [] if self.ceiling is None else [f"One judgment agrees with the others: {self.ceiling:.3f}."]
        return [
            *([tied] if self.tied_rewards else []),
            calibration,
            *([] if self.length is None else [f"Correlation with length within prompts: {self.length}."]),
            *judges,
            *self.notes,
            f"Ledger: {self.ledger.line()}.",
        ]

    def _tables(self) -> list[pd.DataFrame]:
        return [self.table(), *(part.table() for part in (self.outcomes, self.steps) if part)]

    def __str__(self) -> str:
        tables = [table.to_string(float_format=lambda number: f"{number:.3f}") for table in self._tables()]
        return "\n".join([*tables, *self._remarks()])

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
        tables = "".join(
            table.to_html(float_format=lambda number: f"{number:.3f}", border=0, escape=True)
            for table in self._tables()
        )
        remarks = "".join(f"<p>{html.escape(remark)}</p>" for remark in self._remarks())
        return fold("Accuracy, baselines and subsets as a table", tables) + fold("Fine print", remarks)


def evaluate(model_or_scores, preferences) -> Report:
    """Compare rewards with what people said.

    model_or_scores: something with `score_all(preferences)`, such as a RewardModel; or the rewards
    themselves, one sequence of K numbers for each group, or an array (groups, largest K). Ranks give the
    pairs; where there are none, `correct` does (right beats wrong, or is compared with a reward of 0).
    preferences: whatever `rmkit.load` takes. Raises InputError where nothing is labeled, before anything is
    scored, or a reward is not finite.
    """
    preferences = as_preferences(preferences)
    labels = judged(preferences)
    pairwise = _has_pairs(labels, preferences)
    scores, ledger = model_or_scores, preferences.ledger
    if hasattr(scores, "score_all"):
        ledger = _with_truncated(ledger, scores, preferences)
        scores = scores.score_all(preferences)
    rewards, said = all_rewards(scores, labels.groups.sizes), texts(preferences.records)
    answers = compare_with_zero(rewards, labels, said)
    comparisons = compare(rewards, labels, said) if pairwise else answers
    report = _report(comparisons, answers, ledger)
    parts = dict(list(comparisons.groupby("subset", sort=True)))
    known = dict(list(answers.groupby("subset")))
    names = sorted(set(parts) - {""})
    report.subsets = {name: _report(parts[name], known.get(name, answers[:0]), ledger) for name in names}
    report.notes += _left_out(preferences, labels.groups.subsets, report)
    report.length = within_prompts(rewards, said.lengths, labels.groups.sizes)
    return report


def check_labeled(preferences: Preferences) -> bool:
    """Whether some group orders two of its responses; InputError where nothing is known of any."""
    return _has_pairs(judged(preferences), preferences)


def _has_pairs(labels: Judged, preferences: Preferences) -> bool:
    if not len(preferences):
        raise InputError(f"{preferences.name} has no groups; there is nothing to evaluate.")
    if labels.ordered.any():
        return True
    if labels.correct:
        return False
    raise InputError(
        f"{preferences.name} orders no two responses: its {len(preferences):,} groups have neither different "
        f"`ranks` nor `correct`; evaluation needs labeled preferences."
    )


def _left_out(preferences: Preferences, subsets: np.ndarray, report: Report) -> list[str]:
    """Sentences about groups, and whole subsets, that no number of the report counts."""
    silent = len(preferences) - report.groups
    notes = (
        [f"{silent:,} of {len(preferences):,} groups order nothing and are not counted."] if silent else []
    )
    gone = sorted({name for name in subsets if name is not None} - set(report.subsets))
    return notes + ([f"Subsets in which nothing is ordered: {', '.join(gone)}."] if gone else [])


def _with_truncated(ledger: Ledger, model, preferences: Preferences) -> Ledger:
    """The ledger, and in it how many groups the model reads only in part, and of which side."""
    if not hasattr(model, "encode"):
        return ledger
    counted = ledger.merge(Ledger())
    for group in model.encode(preferences, training=False)[0]:
        for what, done in group.cuts().items():
            record = preferences[group.index]
            split, subset = place_of(ledger, record)
            counted.add(what, split=split, subset=subset, example=Example.of(record, done))
    return counted


def _report(comparisons: pd.DataFrame, answers: pd.DataFrame, ledger: Ledger) -> Report:
    gaps = comparisons["gap"].to_numpy(np.float64)
    measured, nulls = statistics.calibration(gaps, share=comparisons["share"]), baselines(comparisons)
    found = accuracy(gaps, comparisons["prompt"])
    return Report(
        **found,
        groups=int(comparisons["group"].nunique()),
        pairs=len(gaps),
        tied_rewards=int((gaps == 0).sum()),
        baselines=nulls,
        calibration={"ece": measured.ece, "brier": measured.brier, "temperature": measured.temperature},
        ledger=ledger,
        notes=_notes(comparisons, found["accuracy"], nulls, measured),
        outcomes=outcomes(answers),
        ceiling=ceiling(comparisons),
        comparisons=comparisons,
    )


def _notes(
    comparisons: pd.DataFrame, right: float, nulls: dict[str, dict], measured: statistics.Calibration
) -> list[str]:
    """Sentences about what the numbers do not say by themselves; each only where it informs."""
    notes, pairs, prompts = [], len(comparisons), comparisons["prompt"].nunique()
    alone = (comparisons["share"] == 1).all()  # the floor is that of one vote a pair
    if alone and 0.02 < measured.ece < 2 * measured.ece_floor:
        notes.append(
            f"Of the ECE of {measured.ece:.3f}, chance alone gives about {measured.ece_floor:.3f} on "
            f"{pairs:,} pairs."
        )
    notes += [f"Temperature: {measured.note}"] if measured.note else []
    if prompts < 20 and pairs >= 5 * prompts:
        notes.append(f"{pairs:,} pairs are from only {prompts:,} prompts, which is what the interval counts.")
    first = nulls.get("first")
    # Exactly 1 or 0 is how a file is written, such as chosen before rejected.
    if first and first["accuracy"] not in (0, 1) and not first["interval"][0] <= 0.5 <= first["interval"][1]:
        notes.append("The order of the responses in the data tells which is better (see `baseline: first`).")
    better = [name for name, null in nulls.items() if name != "random" and null["accuracy"] > right]
    if better and nulls[better[0]]["accuracy"] not in (0, 1):
        notes.append(f"A rule that knows nothing of quality is right on more of these pairs: {better[0]}.")
    if is_single(comparisons):
        rewards = np.where(comparisons["worse"] == REFERENCE, 1, -1) * comparisons["gap"]
        if (rewards > 0).all() or (rewards < 0).all():
            notes.append("All rewards have one sign, so their zero says nothing: look at the AUC.")
    return notes
