"""The heads, instruments and figures of lesson 05, against the library, brute force and each other."""

import numpy as np
import pytest
import torch

from rmkit import losses
from rmkit.lessons.margin_and_strength import figures, instruments, starts
from rmkit.lessons.margin_and_strength import heads as lesson
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
    path = starts.descend(pairs.x, start=np.ones(6), scale=scale, l2=0.1, steps=400)
    assert path.shape == (401, 6)
    assert np.abs(path[-1] - best).max() < 1e-4 < np.abs(path[0] - best).max()


def test_pull_is_the_slope_of_the_margin_loss(pairs):
    a = figures.pull_compute(2.0, "by strength", True, train=pairs, test=pairs)
    for strength in range(4):
        m = 2 * strength / 3
        gap = a["gap"][strength]
        lower, upper = (np.logaddexp(0, m - gap - h) for h in (1e-5, -1e-5))
        np.testing.assert_allclose(a["pull"][strength], (upper - lower) / 2e-5, atol=1e-6)
    assert a["share"].sum() == pytest.approx(1)
    still = figures.pull_compute(2.0, "by strength", False, train=pairs, test=pairs)
    none = figures.pull_compute(0.0, "by strength", True, train=pairs, test=pairs)
    assert still["median"] == none["median"] < a["median"]


def test_votes_find_turned_labels_and_come_from_heads_that_did_not_see_them(pairs):
    planted = np.arange(len(pairs)) % 5 == 0
    mean, spread = lesson.votes(pairs.turned(planted), np.random.default_rng(0), l2=0.1)
    worst = np.argsort(mean)[: planted.sum()]
    assert planted[worst].mean() > 0.7
    assert (spread >= 0).all()


def test_agreement_is_the_chance_that_a_fresh_vote_goes_the_heads_way():
    gaps, gold = np.array([2.0, -1.0, 0.0]), np.array([0.3, 0.3, 0.3])
    p = lesson.sigma(0.3 / TEMPERATURE)
    np.testing.assert_allclose(instruments.agreement(gaps, gold), [p, 1 - p, 0.5])
    np.testing.assert_allclose(instruments.agreement(-gaps, -gold), [p, 1 - p, 0.5])


def test_log_loss_is_lowest_at_the_true_gaps_and_missed_is_zero_there():
    gold = np.random.default_rng(0).normal(size=50)
    truth = gold / TEMPERATURE
    for other in (0 * truth, 2 * truth, np.sign(truth), -truth):
        assert instruments.log_loss(truth, gold).mean() < instruments.log_loss(other, gold).mean()
    assert instruments.missed(3 * truth, gold).mean() == pytest.approx(0)
    assert instruments.missed(-truth, gold).mean() == 1


def test_missed_share_and_its_values_a_pair_follow_from_the_weighted_formula():
    rng = np.random.default_rng(1)
    gold = rng.normal(size=40)
    gaps = gold + rng.normal(size=40)

    def share(weights):
        best = (weights * gaps * gold).sum() / (weights * gaps**2).sum()
        return (weights * (gold - best * gaps) ** 2).sum() / (weights * gold**2).sum()

    each, ones = instruments.missed(gaps, gold), np.ones(40)
    assert each.mean() == pytest.approx(share(ones))
    for i in (0, 7, 39):
        bump = 1e-6 * (np.arange(40) == i)
        slope = (share(ones + bump) - share(ones - bump)) / 2e-6
        assert each[i] == pytest.approx(share(ones) + 40 * slope, abs=1e-4)


@pytest.mark.parametrize("turned", [0.0, 0.25])
def test_the_temperature_of_loud_gaps_is_found_from_votes_and_from_partly_turned_votes(turned):
    rng = np.random.default_rng(2)
    gaps = 2 * rng.normal(size=20_000)
    won = rng.random(gaps.size) < lesson.sigma(gaps)
    seen = np.where(won ^ (rng.random(gaps.size) < turned), gaps, -gaps)
    found, loss = instruments.temperature_of(5 * seen, turned)
    assert 4.5 < found < 5.6
    by_hand = -np.log(
        (1 - turned) * lesson.sigma(5 * seen / found) + turned * lesson.sigma(-5 * seen / found)
    )
    assert loss == pytest.approx(by_hand.mean())
    assert np.isfinite(instruments.temperature_of(1e4 * seen, turned)[1])


def test_the_chosen_penalty_has_the_lowest_loss_on_the_other_sets_whatever_the_own_set_says(pairs):
    good, loud = np.linspace(-1, 1, 6), np.linspace(1, -1, 6)
    sets = [pairs[:40], pairs[40:80], pairs[80:].turned(np.ones(40, dtype=bool))]  # the last one is all wrong
    chosen = instruments.choose([[loud, 3 * good]] * 3, sets)
    assert [j for j, _ in chosen][2] == 1  # two good sets choose for the third
    np.testing.assert_allclose(chosen[2][1] / np.linalg.norm(chosen[2][1]), good / np.linalg.norm(good))


def test_gains_are_shares_of_the_way_to_the_truth(pairs):
    truth = np.linspace(-1, 1, 6) / TEMPERATURE
    poor = truth * [1, 1, 1, 0, 0, 0]
    heads = {"base": [poor, poor], "same": [poor, poor], "all": [truth, truth]}
    shares = instruments.won(instruments.measure(heads, pairs), "base", pairs)
    for each in shares.values():
        assert each["same"] == (0, 0, 0)
        assert each["all"][0] == pytest.approx(1)
        assert each["all"][1] < 1 < each["all"][2]
    assert len(figures.gains_draw(shares, "a title").data) == 3
    assert list(instruments.table(instruments.measure(heads, pairs), "base").index) == ["base", "same", "all"]


def test_dealt_words_are_the_same_words_on_other_pairs(pairs):
    rng = np.random.default_rng(3)
    order = np.random.default_rng(3).permutation(len(pairs))
    got = lesson.controls(pairs, rng, 0.1)
    again = lesson.fit_gaps(pairs.x, at_least=lesson.LARGE[pairs.strength[order]], l2=0.1)
    np.testing.assert_allclose(got["margin, large, dealt"], again)
    assert set(got) == {"margin, large, dealt", "scaled, dealt", "two-sided, dealt", "regression on words"}
