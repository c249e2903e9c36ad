"""The heads and figures of lesson 05, against the library, brute force and each other."""

import numpy as np
import pytest
import torch

from rmkit import losses
from rmkit.lessons.margin_and_strength import figures as lesson
from rmkit.pocket.annotators import STRENGTH_STEPS, TEMPERATURE


@pytest.fixture
def pairs():
    rng = np.random.default_rng(0)
    each = rng.normal(size=(120, 2, 6))
    gold = (each[:, 0] - each[:, 1]) @ np.linspace(-1, 1, 6)
    strength = np.digitize(abs(gold), (0.5, 1.0, 2.0))
    made = lesson.Pairs(each[:, 0] - each[:, 1], strength, gold, each, each @ np.linspace(-1, 1, 6))
    return made.turned(gold < 0)


def test_turning_pairs_exchanges_the_two_sides_and_twice_is_nothing(pairs):
    flips = np.arange(len(pairs)) % 3 == 0
    turned = pairs.turned(flips)
    np.testing.assert_allclose(turned.gold[flips], -pairs.gold[flips])
    np.testing.assert_allclose(turned.each[:, 0] - turned.each[:, 1], turned.x)
    np.testing.assert_allclose(turned.likert[flips], pairs.likert[flips][:, ::-1])
    np.testing.assert_allclose(turned.turned(flips).x, pairs.x)


@pytest.mark.parametrize("name", ["bradley-terry", "margin", "scaled-bradley-terry", "label-smoothing"])
def test_fit_gaps_stands_at_the_minimum_of_the_librarys_loss(pairs, name):
    strength = torch.tensor(pairs.strength)
    options = {
        "bradley-terry": ({}, {}),
        "margin": ({"at_least": lesson.LARGE[pairs.strength]}, {"margin": strength}),
        "scaled-bradley-terry": ({"up": pairs.strength.astype(float)}, {"margin": strength}),
        "label-smoothing": ({"up": 0.8, "down": 0.2}, {"smoothing": 0.2}),
    }
    mine, theirs = options[name]
    w = torch.tensor(lesson.fit_gaps(pairs.x, l2=0.1, **mine), dtype=torch.float32, requires_grad=True)
    gaps = torch.tensor(pairs.x, dtype=torch.float32) @ w
    rewards = torch.stack([gaps, torch.zeros_like(gaps)], 1)
    mask, ranks = torch.ones(len(pairs), 2, dtype=torch.bool), torch.tensor([[1, 2]]).expand(len(pairs), 2)
    value = losses.get(name)(rewards, mask, ranks=ranks, **theirs).mean() + 0.05 * w @ w
    (slope,) = torch.autograd.grad(value, w)
    assert slope.abs().max() < 1e-5


def test_a_word_is_a_lead_between_two_ends():
    # Minus the log probability that a logistic lead falls between the ends, up to a constant in d.
    ends = [0.0, *(step / TEMPERATURE for step in STRENGTH_STEPS), np.inf]
    d = np.linspace(-4, 8, 25)
    for strength in range(4):
        p = lesson.sigma(ends[strength + 1] - d) - lesson.sigma(ends[strength] - d)
        between = {key: value[0] if np.ndim(value) else value for key, value in _felt(strength).items()}
        up = between["up"] * np.logaddexp(0, between["at_least"] - d)
        down = between["down"] * np.logaddexp(0, d - between["at_most"])
        assert np.ptp(up + down + np.log(p)) < 1e-6


def _felt(strength):
    return lesson.felt_between(np.array([strength]))


def test_ratings_of_a_linear_reward_are_recovered(pairs):
    np.testing.assert_allclose(
        lesson.fit_ratings(pairs.each, pairs.likert, l2=1e-9), np.linspace(-1, 1, 6), atol=1e-6
    )


def test_descent_goes_down_and_ends_where_newton_does(pairs):
    scale = pairs.strength.astype(float)
    best = lesson.fit_gaps(pairs.x, up=scale, l2=0.1)
    path = lesson.descend(pairs.x, start=np.ones(6), scale=scale, l2=0.1, steps=400)
    assert path.shape == (401, 6)
    assert np.abs(path[-1] - best).max() < 1e-4 < np.abs(path[0] - best).max()


def test_pull_is_the_slope_of_the_margin_loss(pairs):
    a = lesson.pull_compute(2.0, "by strength", True, train=pairs, test=pairs)
    for strength in range(4):
        m = 2 * strength / 3
        gap = a["gap"][strength]
        lower, upper = (np.logaddexp(0, m - gap - h) for h in (1e-5, -1e-5))
        np.testing.assert_allclose(a["pull"][strength], (upper - lower) / 2e-5, atol=1e-6)
    assert a["share"].sum() == pytest.approx(1)
    still = lesson.pull_compute(2.0, "by strength", False, train=pairs, test=pairs)
    none = lesson.pull_compute(0.0, "by strength", True, train=pairs, test=pairs)
    assert still["median"] == none["median"] < a["median"]


def test_votes_find_turned_labels_and_come_from_heads_that_did_not_see_them(pairs):
    planted = np.arange(len(pairs)) % 5 == 0
    mean, spread = lesson.votes(pairs.turned(planted), np.random.default_rng(0), l2=0.1)
    worst = np.argsort(mean)[: planted.sum()]
    assert planted[worst].mean() > 0.7
    assert (spread >= 0).all()
