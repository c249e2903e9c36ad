"""Lesson 09: a solution that says one of its good steps again, and what each credit pays for it."""

from dataclasses import replace

import numpy as np
from scipy.special import expit

from rmkit.data.preferences import Preferences
from rmkit.data.records import Record
from rmkit.lessons.outcome_and_process.chains import Chains, judged
from rmkit.pocket import grader
from rmkit.theory import credit

REPEATS = 7  # variants of a solution: its best step said 0, 1, ... 6 times more


def singles(preferences: Preferences) -> list[Record]:
    """Every solution with a step as a record of its own, in the order of `chains_of`; unjudged sentences are
    no steps.
    """
    return [
        replace(
            record,
            responses=[record.responses[k]],
            ranks=None,
            strength=None,
            ratings={"gold": [record.ratings["gold"][k]]},
            correct=[record.correct[k]],
            steps=[[record.steps[k][i] for i in judged(labels)]],
            step_labels=[[labels[i] for i in judged(labels)]],
        )
        for record in preferences
        for k, labels in enumerate(record.step_labels)
        if judged(labels)
    ]


def farmed(single: Record, step: int, repeats: int = REPEATS) -> Record:
    """The solution, and the same with its step `step` said 1, 2, ... times more at its end."""
    text, steps, labels = single.responses[0], single.steps[0], single.step_labels[0]
    tails = [[steps[step]] * times for times in range(repeats)]
    responses = [" ".join([text, *tail]) for tail in tails]
    return replace(
        single,
        responses=responses,
        ratings={"gold": [grader.grade(single.prompt, each).gold for each in responses]},
        correct=single.correct * repeats,
        steps=[[*steps, *tail] for tail in tails],
        step_labels=[[*labels, *[labels[step]] * len(tail)] for tail in tails],
    )


def returns(z: np.ndarray, chains: Chains, ceiling: float) -> dict[str, np.ndarray]:
    """{credit: (P, R) what the solution of prompt p with r repeats earns in all}, from log-odds z (P R, S).

    ceiling: that of Clip, a probability.
    """
    p = [expit(row[real]) for row, real in zip(z, chains.real, strict=True)]
    pay = {
        "sum": lambda p: p.sum(),
        "mean": lambda p: p.mean(),
        "Clip": lambda p: credit.clipped(p, ceiling).sum(),
        "Delta": lambda p: credit.differenced(p).sum(),
        "min": lambda p: credit.min_form(p, 0).sum(),
        "PURE": lambda p: credit.min_form(2 * p - 1).sum(),
    }
    # rounded, so that equal sums in another order are equal
    return {name: np.round([rule(each) for each in p], 9).reshape(-1, REPEATS) for name, rule in pay.items()}
