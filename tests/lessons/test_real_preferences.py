"""Lesson 15: the stand-in's dirt is counted, figures hold to their formulas, a server's mistakes show."""

import numpy as np
import pytest
from rmkit.preferences import Preferences, Record, prompt_key
from scipy import stats

import rmkit
from rmkit.evaluation import evaluate
from rmkit.lessons.real_preferences import figures, measures, stand_in
from rmkit.theory import statistics


def test_the_stand_in_has_votes_that_like_length_and_dirt_that_the_ledger_counts():
    rows = stand_in.rows(100)
    data = rmkit.load(rows)
    planted = {what: round(share * 100) for what, share in stand_in.DIRT.items()}
    assert data.ledger.dropped == planted
    assert len(data) == 150
    assert data.ledger.read == len(rows) == 150 + sum(planted.values())
    assert len({prompt_key(record) for record in data}) <= 100
    longer = [len(r.responses[0]) > len(r.responses[1]) for r in rmkit.load(stand_in.rows(400))]
    assert 0.58 < np.mean(longer) < 0.72
    assert stand_in.rows(100) == rows
    assert stand_in.rows(100, seed=1) != rows


def test_the_power_of_a_design_is_what_simulation_gives():
    prompts, pairs, alike, differ, lead = 80, 3, 0.4, 0.5, 0.1
    rng = np.random.default_rng(0)
    gain = (differ + lead) / 2
    seen = []
    for _ in range(4000):
        # Two pairs of a prompt both copy its draw with the chance `alike`, so they correlate by that.
        copies = rng.random((prompts, pairs)) < alike**0.5
        own, common = rng.random((prompts, pairs)), rng.random((prompts, 1))
        draw = np.where(copies, common, own)
        value = np.where(draw < gain, 1.0, np.where(draw < differ, -1.0, 0.0))
        seen.append(value.mean())
    error = figures.error_of(lead, prompts, pairs, alike, differ)
    assert np.std(seen) == pytest.approx(error, rel=0.06)
    arrays = figures.design_compute(prompts, pairs, alike, differ)
    at = float(np.interp(100 * lead, arrays["lead"], arrays["power"]))
    assert at == pytest.approx(np.mean(np.abs(seen) > stats.norm.ppf(0.975) * error), abs=0.03)
    assert arrays["power"][0] == pytest.approx(0.05)


def test_more_prompts_and_less_alike_pairs_show_smaller_leads():
    few, many = (figures.design_compute(n, 2, 0.3)["seen"] for n in (100, 400))
    assert few == pytest.approx(2 * many, rel=0.1)
    alike, apart = (figures.design_compute(100, 5, rho)["seen"] for rho in (1.0, 0.0))
    assert alike == pytest.approx(apart * 5**0.5, rel=0.1)
    assert figures.design_compute(100, 9, 1.0)["worth"] == pytest.approx(100)
    none = figures.design_compute(20, 1, 0.0)
    assert np.isnan(none["seen"])
    assert "no lead up to 20 points" in figures.design_say(none)
    assert len(figures.design_draw(none).data) == 3
    predicted = figures.design_compute(160, 2, 0.3, 0.4)
    assert round(float(np.interp(5, predicted["lead"], predicted["power"])), 2) == 0.24  # what the text says


def test_an_engine_keeps_a_score_or_does_not():
    rewards = np.random.default_rng(0).normal(0, 2, (300, 2))
    raw = figures.served_compute("none", "float32", 0.0, rewards)
    assert raw["tied"] == 0
    assert raw["agreement"] == raw["before"]
    np.testing.assert_allclose(raw["served"], raw["reward"], rtol=1e-6)
    one = figures.served_compute("softmax of one", "float32", 3.0, rewards)
    assert set(one["served"]) == {1.0}
    assert one["tied"] == 1
    assert one["agreement"] == 0.5
    sigmoid = figures.served_compute("sigmoid", "float32", 0.0, rewards)
    assert sigmoid["tied"] == 0
    np.testing.assert_allclose(sigmoid["served"], 1 / (1 + np.exp(-sigmoid["reward"])), rtol=1e-5)
    rough = [
        figures.served_compute("sigmoid", "bfloat16", shift, rewards)["tied"] for shift in (2.0, 5.0, 10.0)
    ]
    assert 0 < rough[0] < rough[1] < rough[2]
    assert figures.served(np.array([6.5]), "sigmoid", "bfloat16") == 1  # pencil exercise 3: from 6.2 on
    assert figures.served(np.array([5.8]), "sigmoid", "bfloat16") < 1
    assert figures.served(np.array([17.4]), "sigmoid", "float32") == 1
    assert figures.served(np.array([16.0]), "sigmoid", "float32") < 1
    assert "tied by serving" in figures.served_say(one)
    assert len(figures.served_draw(one).data) == 2


def _reports(seeds, prompts=30, pairs=2):
    records = [Record(f"p{i // pairs}", [f"a{i}", f"b{i}"], ranks=[1, 2]) for i in range(prompts * pairs)]
    data = Preferences(records, name="toy")
    drawn = (np.random.default_rng(seed).normal([0.5, 0.0], 1, (len(records), 2)) for seed in seeds)
    return [evaluate(rewards, data) for rewards in drawn]


def test_one_run_has_an_interval_over_prompts_and_several_a_wider_one_over_both():
    reports = _reports([0, 1, 2])
    one = measures.crossed(measures.agreement(reports[:1]), reports[0])
    assert one.mean == pytest.approx(reports[0].accuracy)
    assert one.low < one.mean < one.high
    low, high = reports[0].interval
    assert one.high - one.low == pytest.approx(high - low, rel=0.1)
    single = _reports([0], pairs=1)
    twice = np.repeat(measures.agreement(single), 2, axis=1)  # second pairs say what first ones do
    assert measures.crossed(twice, reports[0]) == pytest.approx(
        measures.crossed(measures.agreement(single), single[0])
    )
    same = measures.crossed(measures.agreement([reports[0]] * 3), reports[0])
    assert same == pytest.approx(one)
    three = measures.crossed(measures.agreement(reports), reports[0])
    assert three.mean == pytest.approx(np.mean([each.accuracy for each in reports]))
    prompts = measures.crossed(measures.agreement(reports).mean(0, keepdims=True), reports[0])
    assert three.high - three.low > prompts.high - prompts.low
    lost = measures.loss(reports)
    assert lost.shape == (3, 60)
    gaps, unseen = reports[2].gaps[::2], reports[2].gaps[1::2]
    np.testing.assert_allclose(
        lost[2, ::2], np.logaddexp(0, -gaps / statistics.temperature(unseen)[0]), rtol=1e-9
    )


def test_the_candidates_are_drawn_with_their_ends():
    rows = [("longest", 0.6, 0.5, 0.7), ("random", 0.5, 0.45, 0.55), ("heads", 0.8, 0.72, 0.85)]
    rules, learned = figures.candidates_draw(rows, 2).data
    assert list(rules.x) == [0.6, 0.5]
    assert list(learned.y) == ["heads"]
    assert learned.error_x.array[0] == pytest.approx(0.05)
    assert learned.error_x.arrayminus[0] == pytest.approx(0.08)
