"""Lesson 13's crowd, experiments and figures on a small made-up world, against what is known of it."""

import numpy as np
import pytest

from rmkit.evaluation.camps import adjusted_rand
from rmkit.lessons.many_aims_many_people import aims, crowd, figures, instruments, soups, trials
from rmkit.pocket.annotators import CAMPS, TEMPERATURE

A = len(crowd.GRADED)


@pytest.fixture
def pairs():
    """Answers whose features are their grades: everything that people like can be heard."""
    rng = np.random.default_rng(0)
    graded = rng.random((300, 2, A))
    kind = np.where(np.arange(300) % 2, "report", "one-fact")
    return crowd.Pairs(4 * (graded - 0.5), graded, rng.integers(5, 30, (300, 2)), kind)


@pytest.fixture
def quarrel():
    return np.stack([crowd.taste("careful"), crowd.taste("direct")])


def test_a_taste_holds_a_camps_weights_and_gaps_are_differences_of_utility(pairs, quarrel):
    for name, weights in CAMPS.items():
        assert dict(zip(crowd.GRADED, crowd.taste(name), strict=True)) == {
            aspect: weights.get(aspect, 0.0) for aspect in crowd.GRADED
        }
    by_hand = pairs.graded[7, 0] @ quarrel[1] - pairs.graded[7, 1] @ quarrel[1]
    assert pairs.gaps(quarrel)[7, 1] == pytest.approx(by_hand)
    assert pairs.gaps(quarrel[1])[7] == pytest.approx(by_hand)


def test_disagreement_counts_pairs_that_two_tastes_order_differently(pairs, quarrel):
    found = crowd.disagreement(pairs, np.stack([quarrel[0], -quarrel[0], 0 * quarrel[0]]))
    np.testing.assert_allclose(found, [[0, 1, 0], [1, 0, 0], [0, 0, 0]])


def test_members_are_as_near_to_the_shares_as_whole_people_allow():
    camp = crowd.members(20, [0.9, 0.1], np.random.default_rng(0))
    assert np.bincount(camp).tolist() == [18, 2]
    assert np.bincount(crowd.members(7, [1, 1, 1], np.random.default_rng(0))).tolist() == [2, 3, 2]


def test_votes_follow_bradley_terry_at_the_annotators_temperature(pairs, quarrel):
    tastes = np.tile(quarrel[0], (400, 1))
    votes = crowd.vote(pairs, tastes, 100, np.random.default_rng(1))
    assert len(votes) == 40_000
    assert len(set(votes.record[:100])) == 100
    first_won = (votes.first == pairs.each[votes.record, 0]).all(1)
    p = 1 / (1 + np.exp(-pairs.gaps(quarrel[0])[votes.record] / TEMPERATURE))
    assert first_won.mean() == pytest.approx(p.mean(), abs=0.01)
    sure = p > 0.95
    assert first_won[sure].mean() == pytest.approx(p[sure].mean(), abs=0.01)
    np.testing.assert_allclose(votes.first + votes.second, pairs.each[votes.record].sum(1))


def test_stars_are_five_and_noise_moves_them():
    rng = np.random.default_rng(2)
    np.testing.assert_array_equal(aims.stars(np.array([0.0, 0.3, 1.0]), rng, noise=0.0), [1, 2, 5])
    assert set(np.unique(aims.stars(rng.random(2000), rng))) == {1, 2, 3, 4, 5}


def test_heads_hear_their_own_aspect_where_features_are_grades(pairs):
    table = aims.cross_talk(aims.aspect_heads(pairs, np.random.default_rng(0)), pairs)
    assert table.shape == (A, A)
    assert (table.argmax(1) == np.arange(A)).all()


def test_camps_that_can_be_heard_are_recovered_and_ends_of_a_line_too(pairs, quarrel):
    run = trials.recovered(pairs, 3 * quarrel, each=60, seed=0, people=16)
    assert run["rand"] == 1
    assert run["right"] == 100
    run = trials.placed(pairs, 3 * quarrel, each=60, seed=0, people=16, between=False)
    assert run["correlation"] > 0.9
    assert adjusted_rand(run["t"] > 0.5, run["place"] > 0.5) == 1
    assert len(figures.places_draw(run, run).data) == 2


def test_later_votes_choose_the_number_of_camps(pairs, quarrel):
    one, two = trials.held_out(pairs, 3 * quarrel, each=60, seed=0, people=16, ks=[1, 2])
    assert two < one - 30
    one, two = trials.held_out(pairs, 3 * quarrel[:1], each=60, seed=0, people=16, ks=[1, 2])
    assert one < two + 5


def test_a_newcomer_is_placed_and_without_votes_gets_what_the_crowd_likes(pairs, quarrel):
    known = trials.crowd_of(pairs, 3 * quarrel, seed=0, people=16, each=60)
    found = trials.newcomers(pairs, pairs, 3 * quarrel, counts=(0, 20), seed=0, people=4, known=known)
    assert set(found) == {"one for all", "mixture", "axes", "own votes alone"}
    mixture, base = found["mixture"].mean(0), found["one for all"].mean(0)
    assert mixture[1, 0] > base[1, 0] + 5
    assert mixture[1, 2] > base[1, 2] + 10
    np.testing.assert_allclose(base[0], base[1])
    np.testing.assert_allclose(found["axes"][:, 0], found["one for all"][:, 0])
    np.testing.assert_allclose(found["own votes alone"][:, 0], [[50, 1000 * np.log(2), 50]] * 4)


def test_axis_heads_come_with_their_opposites_and_have_gaps_of_variance_one(pairs, quarrel):
    x = crowd.vote(pairs, quarrel, 200, np.random.default_rng(3)).x
    heads = trials.axis_heads(x, 4)
    np.testing.assert_allclose(heads[:4], -heads[4:])
    np.testing.assert_allclose((x @ heads.T).std(0), 1)


def test_the_minority_pays_and_pays_less_at_half_the_votes(pairs, quarrel):
    tenth, half = (trials.outvoted(pairs, pairs, quarrel, share=s, votes=800, seed=0) for s in (0.1, 0.5))
    lost = [each[:, 1] - each[:, 0] for each in (tenth, half)]
    assert lost[0][1] > lost[1][1] > lost[1][0] - 3
    assert lost[0][1] > lost[0][0] + 5


def test_a_soup_of_equal_heads_is_the_head_and_the_ends_are_the_heads(pairs):
    heads = [soups.begin(A, 5, seed) for seed in (0, 1)]
    for mix, head in (((1, 0), heads[0]), ((0, 1), heads[1])):
        np.testing.assert_allclose(
            soups.reward(soups.soup(heads, mix), pairs.each), soups.reward(head, pairs.each)
        )
    same = soups.soup([heads[0], heads[0]], (0.3, 0.7))
    np.testing.assert_allclose(soups.reward(same, pairs.each), soups.reward(heads[0], pairs.each), atol=1e-5)


def test_tuning_lowers_the_loss_and_recipes_agree_at_the_ends(pairs, quarrel):
    votes = crowd.vote(pairs, np.tile(quarrel[0], (400, 1)), 1, np.random.default_rng(4))
    head = soups.begin(A, 8, 0)
    tuned = soups.tune(head, votes.first, votes.second, steps=40)
    before, after = (
        np.logaddexp(0, soups.reward(h, votes.second) - soups.reward(h, votes.first)).mean()
        for h in (head, tuned)
    )
    assert after < before - 0.05
    found = trials.souped(pairs, pairs, quarrel, (0.0, 0.5, 1.0), votes=200, seed=0, steps=20)
    np.testing.assert_allclose(found["one start"][[0, 2]], found["rewards averaged"][[0, 2]], atol=1e-3)


def test_a_gate_finds_tastes_that_follow_the_prompt_and_no_others(pairs):
    kinds = np.isin(pairs.kind, aims.ASKS_MUCH)
    shifted = crowd.Pairs(
        np.concatenate([pairs.each, np.broadcast_to(kinds[:, None, None], (300, 2, 1)) * 3.0], axis=2),
        pairs.graded,
        pairs.words,
        pairs.kind,
    )
    tastes = 2 * np.stack([np.eye(A)[0], np.eye(A)[1]])
    gain = {
        by: (run := aims.gated(shifted, shifted, tastes, by_kind=by, votes=1000, seed=0))["no prompt"]
        - run["gate"]
        for by in (True, False)
    }
    assert gain[True] > 50 > gain[False]


def test_the_spread_sees_a_quarrel_only_if_two_camps_rate(pairs, quarrel):
    two = aims.sees_quarrel(pairs, pairs, quarrel, quarrel, seed=0)
    one = aims.sees_quarrel(pairs, pairs, quarrel[:1], quarrel, seed=0)
    assert two > one + 0.2


def test_pleased_is_the_utility_of_the_best_less_that_of_a_random_answer(quarrel):
    graded = np.random.default_rng(5).random((3, 4, A))
    rewards = np.eye(4)[[2, 0, 1]]
    found = aims.pleased(rewards, graded, quarrel)
    utility = graded @ quarrel.T
    np.testing.assert_allclose(found[0], utility[0, 2] - utility[0].mean(0))


def test_worth_is_lesson_fives_agreement_and_calibrated_log_loss():
    g = np.random.default_rng(6).normal(size=50)
    agree, loss = instruments.worth(5 * g, g)
    assert (agree, loss) == pytest.approx(instruments.worth(g, g), abs=0.1)
    assert agree == pytest.approx(100 * instruments.agreement(g, g).mean())


def test_figures_keep_their_traces_and_say_their_numbers(pairs, quarrel):
    known = trials.crowd_of(pairs, quarrel, seed=0, people=8, each=20)
    tastes = {"careful": quarrel[0], "direct": quarrel[1]}
    kinds = []
    for votes in (0, 30):
        a = figures.newcomer_compute(votes, "direct", 0, train=pairs, test=pairs, known=known, tastes=tastes)
        kinds.append([trace.type for trace in figures.newcomer_draw(a).data])
        assert "agreement" in figures.newcomer_say(a)
        assert a["weights"].sum() == pytest.approx(1)
    assert kinds[0] == kinds[1]
    a = figures.outvoted_compute(0.1, 300, "careful, direct", train=pairs, test=pairs, camps=tastes)
    assert len(figures.outvoted_draw(a).data) == 2
    assert "the direct lose" in figures.outvoted_say(a)
    assert len(figures.curves_draw([1, 10], {"a": np.eye(2)}, axis="x", y="y", title="t", log=True).data) == 2
    assert figures.table_draw(np.eye(2), ["a", "b"], ["c", "d"], "t").data[0].z.shape == (2, 2)
    assert len(figures.quantiles_draw([0.2, 0.8], {"a": (np.arange(2.0), np.ones(2))}).data) == 2
