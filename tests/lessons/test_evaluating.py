"""The population, measures, made-up scores and figures of lesson 10, against brute force and each other."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import special, stats

from rmkit.errors import InputError
from rmkit.evaluation import benchmark, best_of_n, policy_gradient
from rmkit.lessons.evaluating import figures, measures, population, scores
from rmkit.pocket.annotators import TEMPERATURE, Annotator

# --- the population -----------------------------------------------------------------------------------------


def record(gold, texts=("one two", "one two three four"), caution=(0.0, 1.0)):
    return SimpleNamespace(responses=list(texts), ratings={"gold": list(gold), "caution": list(caution)})


def share(annotator, gold, n=4000, **answers):
    return (population.voted([record(gold, **answers)] * n, annotator, "test") > 0).mean()


def test_votes_are_bradley_terry_votes_of_what_each_annotator_values():
    assert share(Annotator(), (0.5, 0.4)) == pytest.approx(special.expit(0.1 / TEMPERATURE), abs=0.03)
    wordy = 0.15 * 2 / 10  # two more words in the second answer
    expected = special.expit((0.1 - wordy) / TEMPERATURE)
    assert share(population.ANNOTATORS["wordy"], (0.5, 0.4)) == pytest.approx(expected, abs=0.03)
    expected = special.expit((0.1 - 0.35) / TEMPERATURE)
    assert share(population.ANNOTATORS["cautious"], (0.5, 0.4)) == pytest.approx(expected, abs=0.03)
    expected = 0.6 / 2 + 0.4 * special.expit(0.5 / TEMPERATURE)
    assert share(population.ANNOTATORS["careless"], (0.9, 0.4)) == pytest.approx(expected, abs=0.03)


@pytest.fixture
def readings():
    rng = np.random.default_rng(0)
    made = {}
    for name in ("own", "other"):
        others = {"judged": rng.normal(size=(4, 16, 5)), "test": rng.normal(size=(9, 2, 5))}
        made[name] = population.Reading(rng.normal(size=(60, 5)), rng.normal(size=(120, 5)), others)
    return made


def test_twins_differ_in_their_lineage_only_and_learn_from_the_same_votes(readings):
    rng = np.random.default_rng(1)
    train = [record(rng.random(2)) for _ in range(60)]
    recipes = population.recipes(["own", "other"], [20, 60], [0.1, 1.0], 2)
    heads = population.fit(readings, train, recipes)
    made = population.table(heads)
    assert len(heads) == 2 * 4 * 2 * 2 * 2
    assert (made.groupby("pair").size() == 2).all()
    for _, twins in made.groupby("pair"):
        assert (twins[["annotator", "votes", "l2", "seed"]].nunique() == 1).all()
        assert set(twins["lineage"]) == {"own", "other"}
    same = dict.fromkeys(("own", "other"), readings["own"])  # equal features: equal twins
    for one, two in zip(*[iter(population.fit(same, train, recipes))] * 2, strict=True):
        np.testing.assert_allclose(one.w, two.w)
    rewards = population.rewards(heads, readings, "judged")
    assert rewards.shape == (len(heads), 4, 16)
    np.testing.assert_allclose(rewards[1, 2], readings["other"].others["judged"][2] @ heads[1].w)


def test_a_heavier_penalty_and_fewer_votes_change_a_head(readings):
    train = [record((0.9, 0.1))] * 30 + [record((0.1, 0.9))] * 30
    recipes = [
        population.Recipe("own", "plain", votes, l2, 0) for votes, l2 in ((60, 0.1), (60, 10.0), (20, 0.1))
    ]
    loud, held, few = population.fit(readings, train, recipes)
    assert np.linalg.norm(held.w) < np.linalg.norm(loud.w)
    assert (len(loud.gaps), len(few.gaps)) == (60, 20)


# --- measures -----------------------------------------------------------------------------------------------


def test_groups_have_one_best_and_do_not_overlap():
    gold = np.random.default_rng(0).integers(0, 9, size=(5, 35)) / 8
    prompt, places, right = measures.groups_of(gold, 8)
    for p, own, best in zip(prompt, places, right, strict=True):
        values = gold[p, own].tolist()
        assert values[best] == max(values)
        assert values.count(max(values)) == 1
    cells = np.stack([np.repeat(prompt, 8), places.ravel()])
    assert len(np.unique(cells, axis=1).T) == cells.shape[1]


def test_the_missed_share_is_one_less_r2_within_prompts():
    rng = np.random.default_rng(1)
    gold, rewards = rng.normal(size=(2, 6, 20))
    rewards = rewards + gold
    x, y = (each - each.mean(1, keepdims=True) for each in (rewards, gold))
    r2 = stats.linregress(x.ravel(), y.ravel()).rvalue ** 2
    assert measures.missed(rewards, gold) == pytest.approx(1 - r2)
    assert measures.missed(gold * 3 + np.arange(6)[:, None], gold) == pytest.approx(0)
    assert measures.missed(-gold, gold) == 1


def test_the_perfect_head_has_the_best_of_every_measure_and_fate(readings, monkeypatch):
    monkeypatch.setattr(measures, "STEPS", 20)  # in fewer, noise with a long tail is ahead for a while
    rng = np.random.default_rng(2)
    gold = rng.random((4, 16))
    rewards = np.stack([gold, gold + 0.3 * rng.normal(size=gold.shape), rng.normal(size=gold.shape), -gold])
    true = rng.normal(size=200) / 4
    gaps = np.stack([true + spread * rng.normal(size=200) / 4 for spread in (0, 1, 3, 9)]) / TEMPERATURE
    heads = [population.Head(None, None, np.ones(3))] * 4
    numbers = measures.measures(
        heads, gaps * np.where(rng.random(200) < special.expit(true / TEMPERATURE), 1, -1), rewards, gold
    )
    fates = {name: each.mean(1) for name, each in measures.fates(rewards, gold).items()}
    for column in (
        "one against one",
        "one against many",
        "missed share",
        "best-of-16",
        "log-loss, test votes",
    ):
        assert numbers[column].argmax() == 0, column
    for name, each in fates.items():
        assert each.argmax() == 0, name
        assert each[3] < gold.mean(), name
    np.testing.assert_allclose(fates["best-of-16"][1], best_of_n(rewards[1], gold)[:, 15].mean())


def test_within_and_between_add_up():
    r = np.random.default_rng(3).normal(size=(2, 7, 30)) + np.arange(7)[:, None]
    between = r.mean(-1).var(-1) / r.var(axis=(1, 2))
    np.testing.assert_allclose(measures.within(r) + between, 1)


def test_the_gap_at_equal_accuracy_is_found_where_both_kinds_are():
    rng = np.random.default_rng(4)
    other = np.tile([False, True], 60)
    x = rng.uniform(0, 2, 120) + other  # the other kind is more accurate, and worse at equal accuracy
    y = 2 * x - 0.5 * other + 0.1 * rng.normal(size=120)
    y[~other & (x < 0.9)] -= 5  # where only one kind is, anything may be true
    found, models = measures.gap_at_equal(x, y, other)
    assert found.low < -0.5 < found.high < 0
    assert found.high - found.low < 0.3
    assert models < 120
    with pytest.raises(InputError, match="no range"):
        measures.gap_at_equal(x + 9 * other, y, other)


def test_loss_beyond_noise_is_least_for_who_knows_the_truth():
    gold = np.random.default_rng(5).normal(size=50) / 4
    np.testing.assert_allclose(measures.beyond_noise(gold / TEMPERATURE, gold), 0, atol=1e-12)
    assert (measures.beyond_noise(np.stack([0 * gold, -gold]), gold) > 0).all()


# --- made-up scores -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", scores.SETS)
def test_the_scores_are_complete_and_skill_pays(name):
    coin, judge, oracle = (
        benchmark(name, scores.SETS[name](skill, np.random.default_rng(0))) for skill in (0.0, 1.0, 20.0)
    )
    assert coin.total < judge.total < oracle.total
    assert oracle.total == pytest.approx(1.0, abs=0.011)
    assert judge.missing == []


@pytest.mark.parametrize(("name", "rivals"), [("rewardbench", 1), ("rewardmath", 9)])
def test_the_totals_are_those_of_theory(name, rivals):
    found = benchmark(name, scores.SETS[name](1.0, np.random.default_rng(0)))
    theory = figures.beats_all(special.ndtr(1 / np.sqrt(2)), np.array([rivals]))[0]
    assert found.interval[0] - 0.02 < theory < found.interval[1] + 0.02


# --- figures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("unequal", [0.0, 1.5])
def test_the_chance_against_many_is_that_of_a_simulation(unequal):
    rng, p, runs = np.random.default_rng(0), 0.72, 100_000
    skill = np.sqrt(2 + unequal**2) * special.ndtri(p) + unequal * rng.normal(size=runs)
    own, others = skill + rng.normal(size=runs), rng.normal(size=(9, runs))
    chances = figures.beats_all(p, np.array([1, 9]), unequal)
    assert chances == pytest.approx([p, (own > others.max(0)).mean()], abs=0.005)
    assert (own > others[0]).mean() == pytest.approx(p, abs=0.005)


def test_prompts_that_resemble_each_other_cost_the_intervals_over_pairs_their_coverage():
    alike = figures.covered(10, 10, 0.3, 200).mean(0)
    alone = figures.covered(100, 1, 0.0, 200, seed=1).mean(0)
    assert alike[1] < 0.8 < 0.9 < alike[2]
    assert (alone > 0.9).all()


def test_simulated_pairs_of_a_prompt_correlate_as_asked():
    drawn = figures.simulated(20_000, 2, 0.3, np.random.default_rng(0))
    assert np.corrcoef(drawn.T)[0, 1] == pytest.approx(0.3, abs=0.03)
    assert drawn.mean() == pytest.approx(figures.TRUTH, abs=0.01)


def test_a_flat_teacher_orders_all_pairs_right_and_its_student_stands_still():
    gold = np.random.default_rng(6).random((8, 20))
    flat, lively = figures.perfect(gold, 0.04), figures.perfect(gold, 1.0)
    for reward, within in ((flat, 0.04), (lively, 1.0)):
        assert figures.ordered(reward, gold) == 1
        assert measures.within(reward) == pytest.approx(within)
        assert reward.var() == pytest.approx(1)
    students = [policy_gradient(reward, [10], lr=0.1)[0].expected(gold).mean() for reward in (flat, lively)]
    assert gold.mean() < students[0] < students[1]
    assert 0.5 < figures.ordered(figures.noisy(gold, 2.0), gold) < 0.8


def test_the_figures_say_what_they_draw():
    gold = np.random.default_rng(7).random((4, 12))
    a = figures.teacher_compute(0.04, 1.0, gold=gold)
    assert len(figures.teacher_draw(a).data) == 3
    assert "100%" in figures.teacher_say(a)
    b = figures.many_compute(0.72, 0.0)
    assert (b["independent"] <= b["model"]).all()
    assert (b["chance"] <= b["model"]).all()
    assert "72% against one" in figures.many_say(b)
