"""How well do the rewards of steps find what went wrong? Beside two rules that read nothing.

A step is called right where its reward is above a threshold, 0 for a model trained with loss="process". Found
first errors are counted as ProcessBench does (Zheng et al. 2024, arXiv:2412.06559).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from rmkit.arguments import check_model, seen
from rmkit.data.preferences import Preferences, as_preferences, prompt_key
from rmkit.errors import InputError
from rmkit.evaluation.comparisons import float_array
from rmkit.theory.intervals import accuracy_interval


@dataclass(frozen=True)
class StepScore:
    """What one way of judging steps reaches.

    accuracy   share of the judged steps that it calls as labelled; interval: at 95 %, over prompts
    f1         harmonic mean of `error` and `right`
    error      share of the solutions with a wrong step whose first wrong step it finds
    right      share of the solutions without one in which it calls no step wrong; None: there is none
    """

    accuracy: float
    interval: tuple[float, float]
    f1: float | None
    error: float | None
    right: float | None


@dataclass(frozen=True)
class StepReport:
    """Steps, solutions, and a StepScore of the rewards and of each rule.

    majority: every step as most steps of the other prompts are labelled. position: every step as most steps
    of other prompts with its number, counted from the first.
    """

    steps: int
    solutions: int
    threshold: float
    scores: dict[str, StepScore]

    def to_dict(self) -> dict:
        """Plain numbers, for report.json."""
        return asdict(self)

    def table(self) -> pd.DataFrame:
        """A row for the rewards and for each rule."""
        rows = {name: [s.accuracy, *s.interval, s.f1, s.error, s.right] for name, s in self.scores.items()}
        columns = ["step accuracy", "low", "high", "F1 first error", "error found", "right left alone"]
        return pd.DataFrame.from_dict(rows, orient="index", columns=columns)

    def __str__(self) -> str:
        head = f"{self.steps:,} judged steps of {self.solutions:,} solutions; threshold {self.threshold:g}"
        return f"{head}\n{self.table().round(3).to_string()}"


def evaluate_steps(rewards: object, preferences: Preferences, *, threshold: float = 0.0) -> StepReport:
    """Judge the rewards of steps by the `step_labels` of preferences.

    rewards: a reward model, or what its `score_steps` gives: for each record K sequences of S_k numbers, NaN
    where a step was not read, which counts as called right.   threshold: choose it on other data.
    Raises InputError where no step is labelled, or where the numbers do not fit the steps.
    """
    preferences = as_preferences(preferences)
    if not any(
        label is not None for record in preferences for row in record.step_labels or [] for label in row
    ):
        raise InputError(
            f"No step of {preferences.name} is labelled (`step_labels`): there is nothing to judge."
        )
    if not hasattr(rewards, "__len__") or isinstance(rewards, str | Preferences):
        check_model(rewards, "score_steps", "evaluate_steps")
    found = rewards.score_steps(preferences) if hasattr(rewards, "score_steps") else rewards
    if len(found) != len(preferences):
        raise InputError(f"There are rewards of {len(found):,} records for {len(preferences):,} records.")
    solutions = _solutions(found, preferences, threshold)
    rules = {"rewards": [called for _, called, _ in solutions], **_rules(solutions)}
    scores = {name: _score(solutions, calls) for name, calls in rules.items()}
    judged = sum(label is not None for labels, _, _ in solutions for label in labels)
    return StepReport(judged, len(solutions), threshold, scores)


Solution = tuple[list[int | None], list[bool], str]  # labels, whether each is called right, prompt


def _solutions(found: Sequence, preferences: Preferences, threshold: float) -> list[Solution]:
    solutions = []
    for number, (rows, record) in enumerate(zip(found, preferences, strict=True), 1):
        k = len(record.step_labels or [])
        if not hasattr(rows, "__len__") or len(rows) != k:
            raise InputError(
                f"{preferences.name}, record {number}: give {k} lists of rewards, not {seen(rows)}."
            )
        for given, labels in zip(rows, record.step_labels or [], strict=True):
            numbers = float_array(given)
            if numbers.shape != (len(labels),):
                raise InputError(
                    f"{preferences.name}, record {number}: {numbers.size} rewards for {len(labels)} steps."
                )
            if any(label is not None for label in labels):
                solutions.append((labels, [not x < threshold for x in numbers], prompt_key(record)))
    return solutions


def _rules(solutions: list[Solution]) -> dict[str, list[list[bool]]]:
    """What the two rules call each step of each solution, from the labels of other prompts."""
    every, own = Counter(), {}
    for labels, _, prompt in solutions:
        seen = Counter((place, label) for place, label in enumerate(labels) if label is not None)
        every.update(seen)
        own.setdefault(prompt, Counter()).update(seen)
    majority, position = [], []
    for labels, _, prompt in solutions:
        others = every - own[prompt]
        good = sum(n for (_, label), n in others.items() if label)
        most = 2 * good >= others.total()
        majority.append([most] * len(labels))
        position.append([_most(others[place, 1], others[place, 0], most) for place in range(len(labels))])
    return {"majority": majority, "position": position}


def _most(good: int, wrong: int, otherwise: bool) -> bool:
    return good >= wrong if good + wrong else otherwise


def _score(solutions: list[Solution], calls: list[list[bool]]) -> StepScore:
    right, prompts, errors, clean = [], [], [], []
    for (labels, _, prompt), called in zip(solutions, calls, strict=True):
        judged = [(label, call) for label, call in zip(labels, called, strict=True) if label is not None]
        right += [bool(label) == call for label, call in judged]
        prompts += [prompt] * len(judged)
        said = next((i for i, call in enumerate(called) if not call), None)
        first = next((i for i, label in enumerate(labels) if label == 0), None)
        (clean if first is None else errors).append(said == first)
    error, alone = _share(errors), _share(clean)
    known = error is not None and alone is not None
    f1 = (2 * error * alone / (error + alone) if error + alone else 0.0) if known else None
    values = np.asarray(right, float)
    return StepScore(float(values.mean()), accuracy_interval(values, prompts), f1, error, alone)


def _share(found: list[bool]) -> float | None:
    return float(np.mean(found)) if found else None
