"""Simulated annotators: their probabilities are the models' own, and every dial does what it says."""

import math
import random
from collections import Counter
from dataclasses import dataclass, field
from itertools import permutations

import pytest

from rmkit.errors import InputError
from rmkit.pocket import annotators, grader, rows
from rmkit.pocket.annotators import Annotator


@dataclass
class Answer:
    gold: float
    words: int = 10
    courtesies: int = 0
    aspects: dict = field(default_factory=dict)


def shares(person, answers, n=8000, key=lambda said: tuple(said["ranks"])):
    rng = random.Random("shares")
    counts = Counter(key(person.judge(answers, rng)) for _ in range(n))
    return {what: count / n for what, count in counts.items()}


def sigma(x):
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("gap", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("temperature", [0.1, 0.5])
def test_two_answers_follow_bradley_terry(gap, temperature):
    found = shares(Annotator(temperature), [Answer(0.3 + gap), Answer(0.3)])
    assert found.get((1, 2), 0) == pytest.approx(sigma(gap / temperature), abs=0.02)
    assert annotators.preference(gap, temperature) == pytest.approx(sigma(gap / temperature))


def test_rankings_follow_plackett_luce():
    golds, temperature = (0.9, 0.7, 0.4), 0.3
    found = shares(Annotator(temperature), [Answer(gold) for gold in golds], n=12000)
    worth = [math.exp(gold / temperature) for gold in golds]
    for order in permutations(range(3)):
        expected = worth[order[0]] / sum(worth) * worth[order[1]] / (worth[order[1]] + worth[order[2]])
        ranks = tuple(order.index(i) + 1 for i in range(3))
        assert found.get(ranks, 0) == pytest.approx(expected, abs=0.02)


def test_ties_follow_davidson():
    gap, temperature, nu = 0.1, 0.2, 0.7
    found = shares(Annotator(temperature, ties=nu), [Answer(0.5 + gap), Answer(0.5)])
    a, b = math.exp(gap / temperature), 1.0
    total = a + b + nu * math.sqrt(a * b)
    assert found[1, 1] == pytest.approx(nu * math.sqrt(a * b) / total, abs=0.02)
    assert found[1, 2] == pytest.approx(a / total, abs=0.02)
    assert found[2, 1] == pytest.approx(b / total, abs=0.02)


def test_at_temperature_zero_the_better_always_wins():
    assert shares(Annotator(0.0), [Answer(0.51), Answer(0.5)], n=200) == {(1, 2): 1.0}


def test_noise_is_the_share_of_blind_judgments():
    found = shares(Annotator(0.0, noise=0.3), [Answer(0.9), Answer(0.1)])
    assert found[2, 1] == pytest.approx(0.15, abs=0.02)


@pytest.mark.parametrize(
    ("dial", "favored"),
    [
        ({"length_bias": 0.2}, Answer(0.5, words=20)),
        ({"flattery_bias": 0.2}, Answer(0.5, courtesies=1)),
        ({"position_bias": 0.2}, Answer(0.5)),
    ],
)
def test_a_bias_is_worth_what_it_says(dial, favored):
    found = shares(Annotator(0.2, **dial), [favored, Answer(0.5)])
    assert found[1, 2] == pytest.approx(sigma(1.0), abs=0.02)
    assert shares(Annotator(0.2), [favored, Answer(0.5)])[1, 2] == pytest.approx(0.5, abs=0.02)


def test_strength_and_likert_rise_with_the_gap():
    def mean(gap, key):
        found = shares(Annotator(0.1), [Answer(0.3 + gap), Answer(0.3)], n=2000, key=key)
        return sum(value * share for value, share in found.items())

    strengths = [mean(gap, lambda said: said["strength"]) for gap in (0.0, 0.2, 0.6)]
    assert 0 <= strengths[0] < strengths[1] < strengths[2] <= 3
    likert = [mean(gap, lambda said: said["likert"][0]) for gap in (0.0, 0.3, 0.65)]
    assert 1 <= likert[0] < likert[1] < likert[2] <= 5
    tied = shares(Annotator(0.1, ties=1e9), [Answer(0.5), Answer(0.5)], 50, key=lambda said: said["strength"])
    assert tied == {None: 1.0}


def test_camps_value_other_things():
    for camp, weights in annotators.CAMPS.items():
        assert set(weights) <= {*grader.WEIGHTS, *grader.TASTES}, camp
        assert weights["correctness"] >= 0.3, camp
    plain = dict.fromkeys(grader.WEIGHTS, 1.0) | dict.fromkeys(grader.TASTES, 0.0)
    short = Answer(0.0, aspects=plain)
    detailed = Answer(0.0, aspects=plain | {"detail": 1.0, "brevity": 0.6})
    careful = Answer(0.0, aspects=plain | {"caution": 1.0, "courtesy": 1.0})
    people = {person.name: person for person in rows.panel(camps=5)}
    assert list(people) == list(annotators.CAMPS)
    assert shares(people["thorough"], [detailed, short], 2000)[1, 2] > 0.8
    assert shares(people["hurried"], [detailed, short], 2000)[1, 2] < 0.2
    assert shares(people["careful"], [careful, short], 2000)[1, 2] > 0.8
    assert shares(people["direct"], [careful, short], 2000)[1, 2] < 0.2


def test_the_ceiling_is_how_often_a_perfect_judge_agrees():
    golds = [[0.2, 0.9], [0.5, 0.6], [0.3, 0.3]]
    rng = random.Random("ceiling")
    agree = 0.0
    for pair in golds * 3000:
        ranks = Annotator(0.2).judge([Answer(gold) for gold in pair], rng)["ranks"]
        right = (pair[0] > pair[1]) == (ranks[0] < ranks[1])
        agree += 0.5 if pair[0] == pair[1] else right
    assert annotators.ceiling(golds, 0.2) == pytest.approx(agree / 9000, abs=0.015)


@pytest.mark.parametrize(
    "dials",
    [
        {"noise": 2.0},
        {"temperature": -1.0},
        {"ties": -0.1},
        {"camps": ["nobody"]},
        {"camps": {"us": {"wit": 1.0}}},
    ],
)
def test_bad_dials_are_refused(dials):
    with pytest.raises(InputError):
        rows.panel(**dials)
