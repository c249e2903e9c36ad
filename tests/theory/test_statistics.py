"""Intervals, paired tests and calibration, against SciPy, closed forms and simulation."""

import warnings

import numpy as np
import pytest
from rmkit.statistics import (
    accuracy_interval,
    calibration,
    crossed_interval,
    fit_temperature,
    mean_interval,
    paired_difference,
    power,
    reliability_curve,
    temperature,
)
from scipy import optimize, special, stats

from rmkit.errors import InputError
from rmkit.theory import intervals
from rmkit.theory.calibration import log_loss


def clustered(rng, prompts, accuracy, correlation):
    """(credits, prompts) of prompts with 1 to 6 pairs that share one beta-distributed accuracy."""
    spread = 1 / correlation - 1 if correlation else np.inf
    p = rng.beta(accuracy * spread, (1 - accuracy) * spread, prompts) if correlation else accuracy
    sizes = rng.integers(1, 7, prompts)
    clusters = np.repeat(np.arange(prompts), sizes)
    return (rng.random(len(clusters)) < np.broadcast_to(p, prompts)[clusters]).astype(float), clusters


def test_one_pair_a_prompt_is_wilsons_interval():
    correct = np.array([1.0] * 1460 + [0.0] * 540)
    expected = stats.binomtest(1460, 2000).proportion_ci(method="wilson")
    assert accuracy_interval(correct) == pytest.approx((expected.low, expected.high), abs=2e-4)
    assert accuracy_interval(correct, np.arange(2000)) == accuracy_interval(correct)


@pytest.mark.parametrize("truth", [0.0, 1.0])
def test_all_right_and_all_wrong_count_prompts_and_not_pairs(truth):
    low, high = accuracy_interval(np.full(300, truth), np.repeat(range(100), 3))
    n, t = 100, stats.t.ppf(0.975, 99)
    width = t**2 / (n + t**2)  # Wilson's interval at 0 of n
    assert (low, high) == pytest.approx((0, width) if truth == 0 else (1 - width, 1))
    assert accuracy_interval([truth]) != (truth, truth)


def test_pairs_that_repeat_their_prompt_add_nothing():
    rng = np.random.default_rng(0)
    correct = (rng.random(80) < 0.7).astype(float)
    once = accuracy_interval(correct)
    five = accuracy_interval(np.repeat(correct, 5), np.repeat(range(80), 5))
    assert five == pytest.approx(once, abs=4e-3)  # Student's quantile instead of the normal one
    pretend = accuracy_interval(np.repeat(correct, 5))  # what ignoring prompts would claim
    assert pretend[1] - pretend[0] < 0.5 * (five[1] - five[0])


def test_prompts_that_balance_themselves_are_not_believed_beyond_their_pairs():
    correct = [1, 0] * 49 + [1, 1]  # every prompt but one is exactly half right: a variance near 0
    low, high = accuracy_interval(correct, np.repeat(range(50), 2))
    expected = stats.binomtest(51, 100).proportion_ci(method="wilson")
    assert low <= expected.low < expected.high <= high


def test_half_credit_is_a_half_and_never_narrower_than_independent_pairs():
    low, high = accuracy_interval(np.full(100, 0.5))
    assert (low + high) / 2 == pytest.approx(0.5)
    expected = stats.binomtest(50, 100).proportion_ci(method="wilson")
    assert (low, high) == pytest.approx((expected.low, expected.high), abs=2e-3)


@pytest.mark.parametrize(
    ("prompts", "accuracy", "correlation"), [(60, 0.7, 0.0), (60, 0.7, 0.3), (150, 0.93, 0.2), (25, 0.6, 0.5)]
)
def test_accuracy_intervals_cover_at_their_nominal_rate(prompts, accuracy, correlation):
    rng = np.random.default_rng(1)
    hits = []
    for _ in range(1500):
        low, high = accuracy_interval(*clustered(rng, prompts, accuracy, correlation))
        hits.append(low <= accuracy <= high)
    assert 0.93 < np.mean(hits) < 0.975


@pytest.mark.parametrize("prompts", [6, 20, 100])
def test_accuracy_intervals_cover_with_few_prompts_of_uneven_size(prompts):
    """K of 2 to 9 makes 1 to 36 pairs; two pairs of a prompt correlate by 0.2."""
    rng, hits = np.random.default_rng(0), []
    for _ in range(600):
        k = rng.integers(2, 10, prompts)
        clusters = np.repeat(np.arange(prompts), k * (k - 1) // 2)
        own = rng.beta(0.75 * 4, 0.25 * 4, prompts)[clusters]
        low, high = accuracy_interval((rng.random(len(own)) < own).astype(float), clusters)
        hits.append(low <= 0.75 <= high)
    assert 0.92 < np.mean(hits) < 0.98


def test_degrees_of_freedom_are_satterthwaites_by_matrices():
    sizes, shared = np.array([1.0, 3, 36, 6, 1]), 0.3
    h, g = sizes / sizes.sum(), len(sizes)
    weights = sizes * (1 + (sizes - 1) * shared)
    residual = (np.eye(g) - np.outer(h, np.ones(g))) / np.sqrt(1 - h)[:, None]
    covariance = residual @ np.diag(weights) @ residual.T
    wanted = np.trace(covariance) ** 2 / (covariance**2).sum()
    totals = np.array([1.0, 1, 20, 4, 0])
    variance, freedom = intervals.clustered(totals, sizes, 0.5, shared)
    assert freedom == pytest.approx(wanted)
    assert variance == pytest.approx(((totals - sizes / 2) ** 2 / (1 - h)).sum() / sizes.sum() ** 2)
    assert intervals.clustered(totals, np.full(5, 7.0), 0.5, shared)[1] == pytest.approx(4)


def test_a_narrower_confidence_is_narrower():
    correct = [1, 0, 1, 1, 1, 0, 1, 0, 1, 1]
    wide, narrow = accuracy_interval(correct), accuracy_interval(correct, confidence=0.5)
    assert wide[0] < narrow[0] < 0.7 < narrow[1] < wide[1]


def test_paired_interval_is_the_paired_t_interval():
    rng = np.random.default_rng(2)
    a, b = rng.integers(0, 2, (2, 50)).astype(float)
    found = paired_difference(a, b)
    expected = stats.ttest_rel(a, b).confidence_interval()
    assert found.mean == pytest.approx(a.mean() - b.mean())
    assert found.interval == pytest.approx((expected.low, expected.high))


@pytest.mark.parametrize(("better", "worse"), [(5, 0), (9, 2), (7, 7), (1, 0)])
def test_paired_p_value_is_exact_mcnemar(better, worse):
    a = np.array([1] * better + [0] * worse + [1] * 40)
    b = np.array([0] * better + [1] * worse + [1] * 40)
    assert paired_difference(a, b).p_value == pytest.approx(stats.binomtest(better, better + worse).pvalue)
    assert paired_difference(b, a).p_value == paired_difference(a, b).p_value


def test_paired_p_value_with_many_differences_is_mcnemars_chi_square():
    a, b = np.array([1] * 40 + [0] * 20 + [1] * 200), np.array([0] * 40 + [1] * 20 + [1] * 200)
    assert paired_difference(a, b).p_value == pytest.approx(stats.chi2.sf((40 - 20) ** 2 / 60, 1))


def test_paired_difference_counts_prompts_and_not_pairs():
    a, b = np.array([1, 1, 0, 1, 1, 0, 1, 1.0]), np.array([0, 1, 1, 0, 1, 0, 0, 0.0])
    once = paired_difference(a, b)
    many = paired_difference(np.repeat(a, 4), np.repeat(b, 4), np.repeat(range(8), 4))
    assert many.mean == once.mean
    assert many.interval == pytest.approx(once.interval)
    assert many.p_value == once.p_value


def test_models_that_never_differ_are_not_claimed_equal_without_doubt():
    found = paired_difference([1, 1, 0] * 20, [1, 1, 0] * 20)
    assert (found.mean, found.p_value) == (0, 1)
    low, high = found.interval
    assert low == -high
    assert 0.03 < high < 0.1


def test_paired_difference_covers_and_keeps_its_size():
    rng = np.random.default_rng(3)
    covered, rejected = [], []
    for _ in range(1500):
        sizes = rng.integers(1, 6, 60)
        clusters = np.repeat(np.arange(60), sizes)
        hard = rng.normal(size=60)[clusters]
        a = (hard + rng.normal(size=len(clusters)) < 0.8).astype(float)
        b = (hard + rng.normal(size=len(clusters)) < 0.8).astype(float)
        found = paired_difference(a, b, clusters)
        covered.append(found.interval[0] <= 0 <= found.interval[1])
        rejected.append(found.p_value < 0.05)
    assert 0.935 < np.mean(covered) < 0.965
    assert 0.035 < np.mean(rejected) < 0.065


def test_mean_interval_is_students_and_covers():
    values = [0.71, 0.74, 0.69, 0.73, 0.75]
    found = mean_interval(values)
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    assert tuple(found) == pytest.approx((np.mean(values), *expected))
    rng = np.random.default_rng(4)
    draws = [mean_interval(rng.normal(3, 2, 4)) for _ in range(2000)]
    assert 0.935 < np.mean([i.low <= 3 <= i.high for i in draws]) < 0.965


def test_brier_and_log_loss_are_those_of_the_probability_of_the_better_answer():
    gaps = np.array([2.0, -1.0, 0.0, 0.5])
    p = 1 / (1 + np.exp(-gaps))
    found = calibration(gaps, bins=2)
    assert found.brier == pytest.approx(np.mean((1 - p) ** 2))
    assert found.log_loss == pytest.approx(-np.mean(np.log(p)))
    # Bins of two, by confidence: {0, 0.5} and {-1, 2}; agreement 0.75 and 0.5.
    sure = special.expit(np.abs(gaps))
    by_hand = abs(0.75 - (sure[2] + sure[3]) / 2) / 2 + abs(0.5 - (sure[0] + sure[1]) / 2) / 2
    assert found.ece == pytest.approx(by_hand)


@pytest.mark.parametrize(("pairs", "spread"), [(30, 1.0), (500, 0.3), (500, 6.0)])
def test_the_floor_of_the_ece_is_what_calibrated_picks_show(pairs, spread):
    rng = np.random.default_rng(0)
    gaps = rng.normal(0, spread, pairs)
    sure = special.expit(np.abs(gaps))
    draws = []
    for _ in range(1500):
        right = rng.random(pairs) < sure
        draws.append(calibration(np.where(right, np.abs(gaps), -np.abs(gaps))).ece)
    assert calibration(gaps).ece_floor == pytest.approx(np.mean(draws), rel=0.03)


def test_shares_of_votes_are_the_votes():
    gaps, share = np.array([2.0, -1.0, 0.5]), np.array([0.75, 0.5, 0.25])
    votes = np.concatenate(
        [np.repeat(g * np.array([1, -1]), [4 * q, 4 - 4 * q]) for g, q in zip(gaps, share, strict=True)]
    )
    assert temperature(gaps, share)[0] == pytest.approx(fit_temperature(votes))
    assert log_loss(gaps, share).mean() == pytest.approx(log_loss(votes).mean())


def labeled_gaps(rng, n, temperature):
    """Gaps of pairs whose labels are drawn from sigma(gap / temperature)."""
    gaps = rng.normal(0, 3, n)
    return np.where(rng.random(n) < special.expit(gaps / temperature), gaps, -gaps)


def test_a_calibrated_model_sits_at_the_floor_and_an_overconfident_one_far_above():
    rng = np.random.default_rng(5)
    good = [calibration(labeled_gaps(rng, 2000, 1.0)) for _ in range(20)]
    assert np.mean([c.ece for c in good]) == pytest.approx(np.mean([c.ece_floor for c in good]), rel=0.15)
    sure = calibration(labeled_gaps(rng, 2000, 4.0))
    assert sure.ece > 4 * sure.ece_floor
    repaired = calibration(labeled_gaps(np.random.default_rng(6), 2000, 4.0) / sure.temperature)
    assert repaired.ece < 2 * repaired.ece_floor
    assert (good[0].note, sure.note) == ("", "")


@pytest.mark.parametrize("truth", [0.3, 1.0, 5.0])
def test_temperature_is_the_maximum_of_the_likelihood_and_near_the_truth(truth):
    gaps = labeled_gaps(np.random.default_rng(7), 4000, truth)
    found = fit_temperature(gaps)
    best = optimize.minimize_scalar(
        lambda log_t: -special.log_expit(gaps / np.exp(log_t)).sum(), bounds=(-4, 4), method="bounded"
    )
    assert found == pytest.approx(np.exp(best.x), rel=1e-4)
    assert found == pytest.approx(truth, rel=0.12)


def test_temperature_has_the_unit_of_the_rewards():
    gaps = labeled_gaps(np.random.default_rng(8), 500, 2.0)
    for unit in (1e-6, 1e6):
        assert fit_temperature(gaps * unit) == pytest.approx(fit_temperature(gaps) * unit, rel=1e-6)


@pytest.mark.parametrize(
    ("gaps", "says"),
    [
        ([1.0, 2.0, 3.0], "T = 0"),
        ([0.0, 2.0], "T = 0"),
        ([-1.0, -2.0], "T = infinity"),
        ([0.0, 0.0], "All gaps are 0"),
    ],
)
def test_temperature_stays_finite_and_says_so(gaps, says):
    with pytest.warns(RuntimeWarning, match=says):
        found = fit_temperature(gaps)
    assert np.isfinite(found)
    assert found > 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert says in calibration(gaps).note
    assert np.isfinite([v for v in calibration(gaps).to_dict().values() if not isinstance(v, str)]).all()


def test_separated_gaps_are_sharpened_and_useless_ones_flattened():
    with pytest.warns(RuntimeWarning):
        sharp, flat = fit_temperature(np.full(1000, 0.01)), fit_temperature([-1.0, -2.0])
    assert special.expit(0.01 / sharp) == pytest.approx(1001 / 1002)  # Platt's target
    assert special.expit(2 / flat) == pytest.approx(0.5, abs=1e-3)


def test_reliability_is_about_the_models_pick():
    gaps = np.array([3.0, -3.0, 1.0, 1.0, 0.0, 0.0])
    curve = reliability_curve(gaps, bins=3)
    np.testing.assert_allclose(curve.confidence, special.expit([0, 1, 3]))
    np.testing.assert_allclose(curve.agreement, [0.5, 1.0, 0.5])
    assert curve.count.tolist() == [2, 2, 2]
    assert (curve.low <= curve.agreement).all()
    assert (curve.agreement <= curve.high).all()
    assert len(reliability_curve(gaps[:2], bins=10).count) == 2
    assert reliability_curve(np.arange(1, 24.0)).count.sum() == 23


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: accuracy_interval([]), "is empty"),
        (lambda: accuracy_interval([1, np.nan]), "NaN or infinity at position 1"),
        (lambda: accuracy_interval([1, 2]), "between 0 and 1"),
        (lambda: accuracy_interval([1, 0], ["a"]), "2 values but 1 cluster labels"),
        (lambda: paired_difference([1, 0], [1]), "same pairs"),
        (lambda: paired_difference([1, 0], [1, 1], ["a", "a"]), "at least 2 prompts"),
        (lambda: paired_difference([3, 0], [1, 1]), "between 0 and 1"),
        (lambda: mean_interval([0.5]), "at least 2 values"),
        (lambda: mean_interval([]), "is empty"),
        (lambda: calibration([]), "gaps is empty"),
        (lambda: calibration([[1.0]]), "one-dimensional"),
        (lambda: fit_temperature([np.inf]), "NaN or infinity"),
        (lambda: reliability_curve([]), "gaps is empty"),
        (lambda: reliability_curve([1.0], bins=0), "bins"),
    ],
)
def test_bad_input_is_one_clear_sentence(call, says):
    with pytest.raises(InputError, match=says):
        call()


@pytest.mark.parametrize(("shape", "by_row", "by_column"), [((3, 150), 0.03, 0.4), ((10, 50), 0.3, 1.0)])
def test_a_crossed_interval_covers_where_runs_and_prompts_vary(shape, by_row, by_column):
    rng, hits = np.random.default_rng(0), 0
    for _ in range(400):
        rows, columns = rng.normal(0, by_row, (shape[0], 1)), rng.normal(0, by_column, (1, shape[1]))
        _, low, high = crossed_interval(rows + columns + rng.normal(0, by_column, shape))
        hits += low < 0 < high
    assert hits / 400 > 0.93


def test_a_crossed_interval_of_equal_runs_is_students():
    pairs = np.random.default_rng(1).normal(size=(1, 40))
    mean, low, high = crossed_interval(np.repeat(pairs, 4, 0))
    assert (low, high) == pytest.approx(stats.t.interval(0.95, 39, pairs.mean(), stats.sem(pairs[0])))
    assert mean == pytest.approx(pairs.mean())
    assert crossed_interval(np.zeros((2, 5))) == (0, 0, 0)


def test_a_crossed_interval_leaves_out_what_was_not_tested():
    values, weights = np.random.default_rng(0).normal(size=(6, 30)), np.ones((6, 30))
    weights[np.random.default_rng(1).random((6, 30)) < 0.5] = 0
    untested = np.where(weights > 0, values, np.nan)
    found = crossed_interval(untested, weights)
    assert found.mean == pytest.approx(values[weights > 0].mean())
    assert found == crossed_interval(np.where(weights > 0, values, 9.0), weights)
    assert crossed_interval(values, np.full((6, 30), 3.0)) == pytest.approx(crossed_interval(values))
    with pytest.raises(InputError, match="at least 2"):
        crossed_interval(values[:1])
    with pytest.raises(InputError, match="NaN"):
        crossed_interval(untested)


def test_power_is_the_chance_to_see_the_effect_in_simulated_designs():
    seen = np.abs(np.random.default_rng(0).normal(0.5, 0.25, 200_000)) > 1.959964 * 0.25
    half = 1.959964 * 0.25
    assert power(0.5, (0.1 - half, 0.1 + half)) == pytest.approx(seen.mean(), abs=0.005)
    assert power(0.0, (-1.0, 1.0)) == pytest.approx(0.05)
    assert power(0.1, (0.0, 0.0)) == 1.0
