"""What the pocket world should be like as an instrument, beside what it is: measured on the shipped sets.

The aims come from what lessons need: half-good answers, aspects that do not stand for each other, people who
disagree, lengths that mislead, calculations long enough to assign blame.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np

from rmkit.pocket import annotators, grader, nulls

NEAR = 0.06  # how far from an aim counts as near it, in gold reward or correlation


@dataclass(frozen=True)
class Aim:
    """What is measured, what it should be, what it is, and whether that is so."""

    what: str
    aim: str
    value: str
    holds: bool

    @property
    def line(self) -> str:
        return f"| {self.what} | {self.aim} | {self.value} | {'yes' if self.holds else 'no'} |"


def near(what: str, aim: float, value: float, window: float = NEAR) -> Aim:
    return Aim(what, f"about {aim:g}", f"{value:.2f}", abs(value - aim) <= window)


def column(rows: list[dict], name: str) -> np.ndarray:
    """(groups, 2) ratings."""
    return np.array([row["ratings"][name] for row in rows])


def measured(sets: dict[str, list[dict]]) -> list[Aim]:
    """Every aim of the sets, by the rows of {split: rows} as `make data` writes them."""
    train = sets["train"]
    return [*_gold(train), *_camps(train), *_lengths(sets), *_steps(train), *_judges(sets)]


def _gold(rows: list[dict]) -> list[Aim]:
    gold = column(rows, "gold")
    quartiles = np.quantile(gold, [0.25, 0.5, 0.75])
    perfect = float((gold > 0.985).mean())
    aspects = np.corrcoef([column(rows, name).ravel() for name in grader.WEIGHTS])
    largest = float(np.abs(aspects - np.eye(len(aspects))).max())
    names = ("lower quartile of gold", "median of gold", "upper quartile of gold")
    return [
        *(
            near(name, aim, value)
            for name, aim, value in zip(names, (0.4, 0.65, 0.9), quartiles, strict=True)
        ),
        Aim("perfect answers", "at most 10%", f"{perfect:.1%}", perfect <= 0.1),
        Aim("largest correlation of two aspects", "below 0.6", f"{largest:.2f}", largest < 0.6),
    ]


def disagreement(rows: list[dict]) -> dict[tuple[str, str], float]:
    """{(camp, camp): share of pairs that they order differently}, by their utilities, without noise."""

    def gaps(weights: dict[str, float]) -> np.ndarray:
        return np.diff(sum(weight * column(rows, name) for name, weight in weights.items())).ravel()

    signs = {name: np.sign(gaps(weights)) for name, weights in annotators.CAMPS.items()}
    return {(a, b): float((signs[a] * signs[b] < 0).mean()) for a, b in combinations(signs, 2)}


def _camps(rows: list[dict]) -> list[Aim]:
    found = disagreement(rows)
    told = "pairs that the {} and the {} order differently"
    return [
        Aim(told.format(*camps), "25 to 40%", f"{found[camps]:.0%}", 0.25 <= found[camps] <= 0.4)
        for camps in (("thorough", "hurried"), ("careful", "direct"))
    ]


def length_says(rows: list[dict]) -> float:
    """Correlation of words and gold reward among the answers to one question (of the gaps of pairs)."""
    words = [[len(text.split()) for text in row["responses"]] for row in rows]
    return float(np.corrcoef(np.diff(words).ravel(), np.diff(column(rows, "gold")).ravel())[0, 1])


def _lengths(sets: dict[str, list[dict]]) -> list[Aim]:
    return [
        near(f"words and gold in `{split}`, within questions", aim, length_says(sets[split]))
        for split, aim in (("confounded", 0.4), ("unconfounded", 0.0))
    ]


def _steps(rows: list[dict]) -> list[Aim]:
    counted = [
        (right, [label for label in labels if label is not None])
        for row in rows
        if "steps" in row
        for right, labels in zip(row["correct"], row["step_labels"], strict=True)
    ]
    shown = [(right, labels) for right, labels in counted if len(labels) > 1]
    right = [labels for ok, labels in shown if ok]
    lucky = sum(0 in labels for labels in right) / len(right)
    low, high = min(len(labels) for _, labels in shown), max(len(labels) for _, labels in shown)
    return [
        Aim("steps of a calculation shown", "2 to 8 or more", f"{low} to {high}", low == 2 and high >= 8),
        Aim(
            "right results through a wrong step, of those shown",
            "a fifth or more",
            f"{lucky:.0%}",
            lucky >= 0.2,
        ),
    ]


def _judges(sets: dict[str, list[dict]]) -> list[Aim]:
    ideal = annotators.ceiling(column(sets["test"], "gold").tolist())
    rules = nulls.table(sets["train"], sets["test"])
    best = max(rules, key=rules.get)
    return [
        Aim("agreement of the ideal judge", "about 80%", f"{ideal:.1%}", abs(ideal - 0.8) <= 0.015),
        Aim(
            f"best rule without understanding ({best})", "below 60%", f"{rules[best]:.1%}", rules[best] < 0.6
        ),
    ]
