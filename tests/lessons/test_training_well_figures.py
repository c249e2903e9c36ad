"""The mathematics behind the figures of lesson 04, without a browser."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rmkit.ablation import fit_heads, grid
from rmkit.preferences import Preferences, Record
from scipy.special import expit

from rmkit import statistics
from rmkit.lessons.training_well import figures


@pytest.fixture(scope="module")
def labeled():
    """120 pairs whose features decide the vote, the better one first or second."""
    rng = np.random.default_rng(0)
    features = [torch.tensor(rng.normal(size=(2, 5)), dtype=torch.float32) for _ in range(120)]
    truth = torch.tensor([1.0, -1.0, 0.5, 0.0, 0.0])
    records = []
    for i, x in enumerate(features):
        first = rng.random() < expit(float((x[0] - x[1]) @ truth))
        records.append(Record(f"question {i}", ["a", "b"], ranks=[1, 2] if first else [2, 1]))
    return features, Preferences(records)


def test_gaps_are_chosen_minus_rejected(labeled):
    _, pairs = labeled
    rewards = torch.tensor(np.random.default_rng(1).normal(size=(3, 120, 2)))
    found = figures.pair_gaps(rewards, pairs)
    for g, record in enumerate(pairs):
        chosen, rejected = record.ranks.index(1), record.ranks.index(2)
        np.testing.assert_allclose(found[:, g], rewards[:, g, chosen] - rewards[:, g, rejected])


def test_training_loss_is_that_of_the_head_itself(labeled):
    features, pairs = labeled
    heads = fit_heads(features, pairs, grid(l2=[0.01, 1.0], seed=range(2)), test=range(80, 120))
    direct = F.softplus(-torch.tensor(figures.pair_gaps(heads.rewards[:, :80], pairs[:80]))).mean(1)
    np.testing.assert_allclose(figures.training_loss(heads, features), direct, atol=1e-5)


def test_the_recipe_overfits_where_it_must_and_answers_its_dials(labeled):
    a = figures.recipe_compute(*labeled, range(80, 120), pairs=20, noise=0.0, l2=1e-3)
    assert a["train"][0] < a["test"][0] - 0.1
    assert a["temperature"] > 1
    assert (np.diff(a["train"]) > 0).all()  # a stronger penalty leaves more training loss
    noisy = figures.recipe_compute(*labeled, range(80, 120), pairs=80, noise=0.4, l2=1e-3)
    assert noisy["accuracy"] < figures.recipe_compute(*labeled, range(80, 120), 80, 0.0, 1e-3)["accuracy"]
    one, two = figures.recipe_draw(a), figures.recipe_draw(noisy)
    assert [t.name for t in one.data] == [t.name for t in two.data]
    assert one.layout.yaxis.range == two.layout.yaxis.range
    assert "training loss" in figures.recipe_say(a)


def test_a_temperature_comes_from_the_other_half():
    rng = np.random.default_rng(2)
    gaps = rng.normal(1.0, 2.0, size=40)
    found = figures.tempered(gaps)
    np.testing.assert_allclose(found[::2], gaps[::2] / statistics.fit_temperature(gaps[1::2]))
    np.testing.assert_allclose(found[1::2], gaps[1::2] / statistics.fit_temperature(gaps[::2]))
    np.testing.assert_allclose(figures.tempered(np.stack([gaps, 3 * gaps])), np.stack([found, found]))


def test_the_expected_loss_is_the_mean_over_votes():
    rng = np.random.default_rng(3)
    gaps, chances = rng.normal(size=(2, 6)), rng.uniform(0.1, 0.9, size=6)
    votes = rng.random((200_000, 6)) < chances
    sampled = np.where(votes, -np.log(expit(gaps[1])), -np.log(expit(-gaps[1]))).mean(0)
    found = figures.expected_loss(gaps, chances)
    np.testing.assert_allclose(found[1], sampled, atol=0.02)
    assert found.shape == gaps.shape
    floor = -(chances * np.log(chances) + (1 - chances) * np.log(1 - chances))
    assert (found >= floor - 1e-12).all()


def test_the_missed_share_sees_no_scale():
    rng = np.random.default_rng(4)
    golds, noise = rng.normal(size=500), rng.normal(size=500)
    perfect, half, none = figures.missed_share(np.stack([3 * golds, golds + noise, noise]), golds)
    assert perfect == pytest.approx(0, abs=1e-12)
    assert half == pytest.approx(0.5, abs=0.08)  # var(noise) / (var(golds) + var(noise))
    assert none > 0.95


def test_a_number_stands_with_its_interval():
    mean, low, high = statistics.mean_interval([0.1, 0.2, 0.4])
    assert figures.with_interval([0.1, 0.2, 0.4]) == f"{mean:.3f} [{low:.3f}, {high:.3f}]"


def test_a_head_without_order_has_no_temperature_to_show(labeled):
    a = figures.recipe_compute(*labeled, range(80, 120), pairs=20, noise=0.0, l2=1e-3)
    assert "as good as a coin" in figures.recipe_say(a | {"temperature": 5000.0})
    assert "temperature 2.50." in figures.recipe_say(a | {"temperature": 2.5})


def test_the_ceiling_counts_votes():
    rng = np.random.default_rng(3)
    golds, temperature, noise = rng.uniform(-1, 1, size=50), 0.3, 0.2
    a = figures.ceiling_compute(golds, temperature, noise)
    blind = rng.random((2, 20_000, 50)) < noise
    first = np.where(
        blind, rng.random(blind.shape) < 0.5, rng.random(blind.shape) < expit(golds / temperature)
    )
    assert a["ceiling"] == pytest.approx((first == (golds > 0)).mean(), abs=0.002)
    assert a["second"] == pytest.approx((first[0] == first[1]).mean(), abs=0.002)
    assert a["height"].sum() == pytest.approx(1)
    assert a["ceiling"] <= (1 + np.sqrt(2 * a["second"] - 1)) / 2
    assert "ideal judge" in figures.ceiling_say(a)
    assert len(figures.ceiling_draw(a).data) == 4


def test_the_reliability_figure_shows_scaled_gaps():
    gaps = np.random.default_rng(4).normal(0.5, 1.0, size=200)
    a = figures.reliability_compute(3 * gaps, 3.0)
    np.testing.assert_allclose(a["curve"].confidence, statistics.reliability_curve(gaps).confidence)
    drawn = figures.reliability_draw(a)
    np.testing.assert_allclose(drawn.data[1].error_y.array, a["curve"].high - a["curve"].agreement)
    assert f"ECE {statistics.calibration(gaps).ece:.3f}" in figures.reliability_say(a)


def test_curves_show_means_over_seeds():
    losses = np.array([[0.6, 0.5], [0.8, 0.7], [0.7, 0.6]])
    f = figures.epochs_draw({"test": losses}, floor=0.4)
    np.testing.assert_allclose(f.data[1].y, [0.7, 0.6])
    low, high = statistics.mean_interval(losses[:, 0])[1:]
    assert f.data[0].y[0] == pytest.approx(high)
    assert f.data[0].y[-1] == pytest.approx(low)
    drawn = figures.learning_draw([50, 100], {"test": losses}, ("ideal judge", 0.8), "agreement", (0.5, 1.0))
    assert len(drawn.data) == 3
    assert drawn.data[2].y[0] == 0.8


def test_the_lowest_point_of_each_size_is_marked():
    losses = {40: np.array([0.3, 0.1, 0.2]), 80: np.array([0.1, 0.2, 0.3])}
    f = figures.penalty_draw([0.1, 1.0, 10.0], losses, y_range=(0, 0.5))
    assert [trace.name for trace in f.data] == ["40 pairs", "80 pairs", "lowest"]
    assert list(f.data[-1].x) == [1.0, 0.1]
    assert list(f.data[-1].y) == [0.1, 0.1]
