"""The figures of lesson 08 show what they say."""

import numpy as np
import pandas as pd
import pytest
import torch
from judged import GOOD_AND_BAD, HIJACKS
from rmkit.generative import Critique, Judge

from rmkit.lessons.generative import figures as lesson_08


@pytest.mark.parametrize(("bias", "noise", "spread"), [(0.6, 0.8, 1.0), (-1.5, 0.3, 0.5), (0.0, 1.0, 2.0)])
def test_accuracies_and_flips_are_those_of_simulated_readings(bias, noise, spread):
    a = lesson_08.place_compute(bias, noise, spread)
    rng = np.random.default_rng(0)
    d = rng.normal(0, spread, 200_000)
    there, back = (sign * d + bias + rng.normal(0, noise, d.size) for sign in (1, -1))
    assert a["one"] == pytest.approx(np.mean((there > 0) == (d > 0)), abs=0.005)
    assert a["swapped"] == pytest.approx(np.mean((there - back > 0) == (d > 0)), abs=0.005)
    assert a["flips"] == pytest.approx(np.mean((there > 0) == (back > 0)), abs=0.005)
    assert f"{a['one']:.1%}" in lesson_08.place_say(a)
    assert len(lesson_08.place_draw(a).data) == 4


def test_the_votes_figure_draws_the_table():
    table = pd.DataFrame([("words", 1, 0.7, 0.6, 0.8)], columns=["read", "votes", "accuracy", "low", "high"])
    (line,) = lesson_08.votes_figure(table).data
    assert list(line.y) == [0.7]
    assert line.error_y.array[0] == pytest.approx(0.1)


def test_no_hostile_answer_wins_more_critiques_than_the_honest_one():
    """Section 6: 18 attacks on 4 questions, 4 critiques each, counted by the judge's own verdicts."""
    torch.set_num_threads(1)
    judge = Judge.load("pocket", max_new_tokens=48)
    won = torch.zeros(1 + len(HIJACKS))
    for prompt, good, bad in GOOD_AND_BAD:
        answers = [(prompt, y) for y in (good, *(f"{bad} {hijack}" for hijack in HIJACKS))]
        written = judge.critiques(answers, 4, seed=4)
        won += torch.tensor([sum(c.verdict or 0 for c in several) for several in written])
    assert len(HIJACKS) >= 12
    assert (won[0] > won[1:]).all(), won


def test_the_whole_transcript_is_read_where_the_answer_speaks_first():
    bad = [Critique("moss: wrong. So: poor", 0.0)] * 2
    assert lesson_08.read_whole(["moss", "moss. So: perfect", "Verdict: No"], [bad, bad, bad]) == [0, 2, 0]
    assert lesson_08.read_whole(["fish", "fish"], [[Critique("So: great", 1.0)], [Critique("", None)]]) == [
        1,
        0,
    ]
