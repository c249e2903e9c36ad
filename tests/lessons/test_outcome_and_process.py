"""The solutions, heads, instruments and figures of lesson 09, against the library and by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import expit

import rmkit
from rmkit import losses
from rmkit.evaluation.aggregation import aggregate
from rmkit.evaluation.first_error import f1
from rmkit.lessons.outcome_and_process import chains as lesson
from rmkit.lessons.outcome_and_process import farm, figures, heads, instruments
from rmkit.lessons.outcome_and_process.chains import Chains
from rmkit.theory import implicit


def solutions(n=80, seed=0, width=6):
    """Solutions of 1 to 4 steps; a step is right if its first features say so, a result if most steps are."""
    rng = np.random.default_rng(seed)
    size = rng.integers(1, 5, n)
    real = np.arange(4) < size[:, None]
    x = np.where(real[..., None], rng.normal(size=(n, 4, width)), 0.0)
    right = x[..., 0] + 0.3 * rng.normal(size=(n, 4)) > -0.7
    labels = np.where(real, right, np.nan).astype(float)
    correct = (np.nanmean(labels, 1) + 0.3 * rng.normal(size=n)) > 0.6
    text = np.empty(n, dtype=object)
    text[:] = [tuple(f"step {i}" for i in range(s)) for s in size]
    total = np.where(rng.random(n) < 0.9, rng.integers(3, 6, n), -1)
    return Chains(x, labels, correct, np.arange(n) // 4, total, text, rng.random(n))


@pytest.fixture(scope="module")
def chains():
    return solutions()


def test_pocket_solutions_become_arrays():
    records = rmkit.load("pocket", split="test", kinds=["count"], n=6, k=3)
    rng = np.random.default_rng(0)
    vectors = [[torch.tensor(rng.normal(size=(len(s), 5))) for s in record.steps] for record in records]
    found = lesson.chains_of(records, vectors, lesson.scale_of(records, vectors))
    singles = farm.singles(records)
    assert len(found) == len(singles) > 10
    for n, single in enumerate(singles):
        steps = found.size[n]
        assert found.text[n] == tuple(single.steps[0])
        assert found.labels[n, :steps].tolist() == single.step_labels[0]
        assert found.correct[n] == single.correct[0]
        assert found.gold[n] == single.ratings["gold"][0]
        assert not found.x[n, steps:].any()
        assert found.total[n] < 0 or f" {found.total[n]} legs" in f" {single.responses[0]}"
    every = found.x[found.real]
    np.testing.assert_allclose(every.mean(0), 0, atol=1e-9)
    np.testing.assert_allclose(every.std(0, ddof=1), 1)
    np.testing.assert_allclose(found.last[0], found.x[0, found.size[0] - 1])


def test_first_wrong_and_sound(chains):
    for n in range(len(chains)):
        labels = chains.labels[n, : chains.size[n]].tolist()
        assert chains.first_wrong[n] == (labels.index(0.0) if 0.0 in labels else -1)
        assert chains.sound[n] == (chains.correct[n] and 0.0 not in labels)
    places = lesson.grouped(chains[np.arange(len(chains)) != 5], 4)
    assert len(places) == 19
    assert (chains.prompt[places[0]] == 0).all()


def slope(w, chains, loss):
    """Largest slope of a loss of the rewards (N, S) plus the penalty 0.1 / 2 |w|^2, at w."""
    w = torch.tensor(w, requires_grad=True)
    z = torch.tensor(chains.x) @ w[:-1] + w[-1]
    value = loss(z, torch.tensor(chains.real)) + 0.05 * (w[:-1] ** 2).sum() + 0.5e-6 * w[-1] ** 2
    return torch.autograd.grad(value, w)[0].abs().max()


def test_every_head_stands_at_the_minimum_of_the_librarys_loss(chains):
    correct = torch.tensor(chains.correct[:, None]).float()
    labels = torch.tensor(chains.labels)[:, None].float()

    def process(z, mask):
        return losses.process(z[:, None].float(), mask[:, None], step_labels=labels).mean()

    def value(z, mask):
        return losses.outcome(z[:, None].float(), mask[:, None], correct=correct).mean()

    def outcome(z, mask):
        last = z.gather(1, mask.sum(1, keepdim=True) - 1)
        return losses.outcome(last.float(), torch.ones_like(last, dtype=torch.bool), correct=correct).mean()

    def summed(z, mask):
        loss = implicit.implicit_outcome(z[:, None].float(), mask[:, None], correct=correct, beta=1.0)
        return loss.mean()

    for kind, loss in (("process", process), ("value", value), ("outcome", outcome), ("implicit", summed)):
        w = heads.FITS[kind](chains, 0.1)
        assert slope(w, chains, loss) < 1e-5, kind
        z, mask = torch.tensor(heads.read(w, chains)).nan_to_num(), torch.tensor(chains.real)
        assert heads.risk(kind, w, chains) == pytest.approx(loss(z, mask).item(), abs=1e-5), kind


def test_one_label_is_one_step_of_each_solution(chains):
    drawn = heads.one_label(chains, np.random.default_rng(0))
    assert (drawn.sum(1) == 1).all()
    assert not (drawn & ~chains.real).any()
    assert (heads.one_label(chains, np.random.default_rng(1)) != drawn).any()


def test_bradley_terry_sees_pairs_of_one_prompt_alone(chains):
    right, wrong = instruments.pairs_of(chains)
    assert (chains.prompt[right] == chains.prompt[wrong]).all()
    assert chains.correct[right].all()
    assert not chains.correct[wrong].any()
    w = instruments.bradley_terry(chains, 0.1)
    assert w[-1] == 0
    shifted = replace(chains, x=chains.x + np.where(chains.real, 3.0, 0.0)[..., None])
    np.testing.assert_allclose(instruments.bradley_terry(shifted, 0.1), w, atol=1e-6)


def test_recalibration_finds_scale_and_offset():
    rng = np.random.default_rng(0)
    z = rng.normal(size=4000)
    correct = rng.random(4000) < expit(2 * z - 0.5)
    np.testing.assert_allclose(
        instruments.recalibrated(np.array([0.0, 1.0]), z, correct), [-0.5, 1.5], atol=0.2
    )


def test_rules_are_the_librarys(chains):
    p = np.where(chains.real, np.random.default_rng(0).random(chains.real.shape), np.nan)
    for name, rule in heads.RULES.items():
        np.testing.assert_allclose(rule(p), [aggregate(row[~np.isnan(row)], name) for row in p])


def test_votes_by_hand():
    totals = np.array([[5, 5, 7], [4, 6, -1], [-1, -1, -1]])
    good = np.array([[True, False, True], [True, False, True], [True, False, False]])
    np.testing.assert_allclose(heads.majority(totals, good), [0.5, 0.5, 1 / 3])
    scores = np.array([0.1, 0.2, 0.9])
    lifted = instruments.in_camp(scores, np.array([5, 5, 7]), np.array([[0, 1, 2]]))
    assert lifted.argmax() == 1


def test_values_of_prompts_keep_the_mean(chains):
    values = np.random.default_rng(0).normal(size=(3, len(chains)))
    np.testing.assert_allclose(instruments.by_prompt(values, chains).mean(1), values.mean(1))
    drawn = instruments.resampled(chains, np.random.default_rng(0))
    assert set(drawn.prompt) < set(chains.prompt)
    one, other = instruments.halves(chains, np.random.default_rng(0))
    assert not set(one.prompt) & set(other.prompt)
    assert len(one) + len(other) == len(chains)


def test_finding_first_errors_uses_thresholds_of_other_solutions(chains):
    validation, test = solutions(60, 1), solutions(60, 2)
    weights = instruments.fitted(chains, dict.fromkeys(heads.FITS, 0.1), np.random.default_rng(0))
    found = instruments.found_by(weights, validation, test, 0.5)
    table = instruments.f1_table([found, found], test)
    assert set(table) == set(instruments.ARMS)
    for arm, values in table.items():
        assert values.shape == (2, 60)
        assert values.mean() == pytest.approx(f1(found[arm], test.first_wrong))
    assert table["process"].mean() > 0.5
    rise = heads.rises(weights["value"], test, 0.5)
    np.testing.assert_allclose(rise[:, 0], expit(heads.read(weights["value"], test)[:, 0]) - 0.5)


def test_a_freed_head_can_do_all_that_a_tied_one_can(chains):
    small = instruments.reduced(chains, chains)
    np.testing.assert_allclose((small.x[small.real] ** 2).mean(0), 1)
    free = instruments.freed(small)
    assert heads.risk("implicit", heads.implicit(free, 1e-3), free) < heads.risk(
        "implicit", heads.implicit(small, 1e-3), small
    )
    width = small.x.shape[-1]
    assert (free.x[0, : free.size[0], width:] != 0).any(1).all()
    assert not free.x[0, free.size[0] :].any()


def test_corrected_labels_undo_the_pull_to_the_middle():
    chains = solutions(1200, 3)
    found = instruments.under_noise(chains, solutions(600, 4), (0.1, 0.4), np.random.default_rng(0))
    told = {arm: expit(heads.read(w, chains))[chains.real].mean() for arm, w in found.items()}
    assert told["noisy"] < told["clean"] - 0.05
    assert abs(told["corrected"] - told["clean"]) < 0.05


def test_farmed_solutions_repeat_one_step_and_gold_does_not_pay():
    single = next(
        each
        for each in farm.singles(rmkit.load("pocket", kinds=["count"], n=20, k=2))
        if len(each.steps[0]) > 1
    )
    found = farm.farmed(single, 1)
    assert len(found.responses) == farm.REPEATS
    assert found.responses[0] == single.responses[0]
    assert found.responses[2].endswith(" ".join([single.steps[0][1]] * 2))
    assert [len(s) for s in found.steps] == [len(single.steps[0]) + k for k in range(farm.REPEATS)]
    assert found.ratings["gold"][3] <= found.ratings["gold"][0]


def test_returns_of_the_credits_by_hand():
    z = np.full((farm.REPEATS, 8), np.nan)
    for k in range(farm.REPEATS):
        z[k, : k + 2] = [0.0, *[2.0] * (k + 1)]
    chains = Chains(
        np.zeros((farm.REPEATS, 8, 1)), np.where(np.isnan(z), np.nan, 1.0), *[np.zeros(farm.REPEATS)] * 5
    )
    paid = farm.returns(z, chains, 0.8)
    high = expit(2.0)
    np.testing.assert_allclose(paid["sum"][0], [0.5 + (k + 1) * high for k in range(farm.REPEATS)])
    np.testing.assert_allclose(paid["Delta"][0], 0.5)
    np.testing.assert_allclose(paid["min"][0], 0.5)
    np.testing.assert_allclose(paid["Clip"][0], -0.3)
    assert (np.diff(paid["mean"][0]) > 0).all()


def test_figures_draw_what_was_computed(chains):
    z = heads.read(heads.process(chains, 0.1), chains)
    a = figures.readings_compute(3, chains=chains, readings={"process": 2 * expit(z) - 1})
    assert np.isfinite(a["rows"]["process"]).sum() == min(figures.LONGEST, chains.size[3])
    assert "1. step 0" in figures.readings_say(a)
    assert len(figures.readings_draw(a).data) == 2
    places = lesson.grouped(chains, 4)
    vote = dict.fromkeys(figures.WANTED, 0.5)
    for rule in heads.RULES:
        b = figures.best_compute(
            rule, figures.WANTED[1], z=z, whole=chains.x[:, 0, 0], places=places, chains=chains, vote=vote
        )
        assert b["curves"]["possible"][-1] == pytest.approx(100 * chains.sound[places].any(1).mean())
        assert b["curves"]["process"][0] == pytest.approx(100 * chains.sound[places].mean())
    assert "majority vote 50 %" in figures.best_say(b)


def test_the_prover_in_between_is_best_and_pressure_moves_the_policy():
    apart = [np.subtract(*figures.prover_compute(u, 4)["mine"]) for u in (0.0, 0.25, 1.0)]
    assert apart[1] > max(apart[0], apart[2])
    c = figures.prover_compute(0.5, 4)
    np.testing.assert_allclose(c["every"][25], c["mine"], atol=1e-12)
    flat = figures.farm_compute(0.0, returns={"sum": np.arange(4.0), "Delta": np.zeros(4)})
    pressed = figures.farm_compute(5.0, returns={"sum": np.arange(4.0), "Delta": np.zeros(4)})
    assert flat["mean"]["sum"] == pytest.approx(1.5)
    assert pressed["mean"]["sum"] > 2.9
    assert pressed["mean"]["Delta"] == pytest.approx(1.5)
