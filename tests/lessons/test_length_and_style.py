"""The heads, cures, measures, shortcuts and figures of lesson 12, against the library, brute force and each
other.
"""

import random

import numpy as np
import pytest
import torch

from rmkit import bradley_terry, losses
from rmkit.lessons.length_and_style import cures, figures, heads, measures, shortcuts
from rmkit.pocket.annotators import TEMPERATURE, Annotator
from rmkit.pocket.grader import grade
from rmkit.pocket.samples import Pool

TRUTH = np.array([1.0, -0.5, 0.5, 0.0, 0.0])


@pytest.fixture
def pairs():
    """400 pairs: gold is a direction of the features, the last feature is length, and the two go together."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5))
    x[:, 4] += 0.5 * x[:, 0]
    return heads.Pairs(x, 0.3 * x @ TRUTH, x[:, 4])


def test_votes_go_as_the_pocket_annotators_do(pairs):
    class Seen:
        def __init__(self, gold, words):
            self.gold, self.words, self.courtesies = gold, words, 0

    person, rng = Annotator(length_bias=0.2), random.Random(0)
    two = [Seen(0.6, 30), Seen(0.7, 12)]
    first = np.mean([person.judge(two, rng)["ranks"][0] == 1 for _ in range(20_000)])
    one = heads.Pairs(np.zeros((1, 5)), np.array([-0.1]), np.array([1.8]))
    assert heads.chance(one, 0.2)[0] == pytest.approx(first, abs=0.015)
    many = heads.votes(pairs, 0.2, np.random.default_rng(0), people=2000)
    np.testing.assert_allclose(many, heads.chance(pairs, 0.2), atol=0.06)


@pytest.mark.parametrize("nu", [0.0, 0.7])
def test_fit_stands_at_the_minimum_of_the_librarys_loss(pairs, nu):
    share = np.where(np.arange(400) % 5 == 0, 0.5, np.arange(400) % 2) if nu else np.arange(400) % 2
    w = heads.fit(pairs.x, share, nu=nu, l2=0.1)[0]
    weights = torch.tensor(w, dtype=torch.float32, requires_grad=True)
    gaps = torch.tensor(pairs.x, dtype=torch.float32) @ weights
    rewards, mask = torch.stack([gaps, torch.zeros_like(gaps)], 1), torch.ones(400, 2, dtype=torch.bool)
    ranks = torch.tensor([[1, 1] if q == 0.5 else [1, 2] if q else [2, 1] for q in share.tolist()])
    value = (
        losses.davidson(rewards, mask, ranks=ranks, nu=nu)
        if nu
        else losses.bradley_terry(rewards, mask, ranks=ranks)
    ).mean() + 0.05 * weights @ weights
    (slope,) = torch.autograd.grad(value, weights)
    assert slope.abs().max() < 1e-5


def test_a_column_without_penalty_takes_what_votes_give_to_length(pairs):
    blind = pairs.x * [1, 1, 1, 1, 0]
    w, own = heads.fit(blind, heads.chance(pairs, 0.3), own=pairs.length, l2=1e-6)
    assert own[0] == pytest.approx(0.3 / TEMPERATURE, rel=0.01)
    np.testing.assert_allclose(w * TEMPERATURE, 0.3 * TRUTH, atol=0.01)


def test_what_is_fitted_without_the_direction_is_decorrelated_and_is_the_penalized_limit(pairs):
    share = heads.chance(pairs, 0.3)
    w = heads.fit(heads.without(pairs.x, pairs.length), share, l2=0.1)[0]
    assert abs(pairs.length @ (pairs.x @ w)) < 1e-6
    c = pairs.x.T @ pairs.length
    c = c / np.linalg.norm(c)
    # a large quadratic penalty on w . c, as extra rows of a ridge, leads to the same weights
    basis = np.linalg.svd(np.eye(5) - np.outer(c, c))[0][:, :4]
    inside = heads.fit(pairs.x @ basis, share, l2=0.1)[0]
    np.testing.assert_allclose(w, basis @ inside, atol=1e-5)


def test_every_cure_takes_length_away_on_a_set_where_it_says_nothing(pairs):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(600, 5))
    free = heads.Pairs(x, 0.3 * x @ TRUTH, x[:, 4])  # length and gold do not go together
    zeros = np.zeros(120)
    ties = heads.Pairs(np.outer(rng.normal(size=120) * 2, np.eye(5)[4]), zeros, zeros)
    against = free[(free.gold * free.length < 0) & (abs(free.gold) > 0.2)]
    more = cures.More(ties, ties, against, free[:120])
    made = cures.heads(free[:400], heads.votes(free[:400], 0.3, rng), more, rng, 0.01)
    assert tuple(made) == cures.ALL
    assert set(cures.CONTROLS) | set(cures.CONTROLS.values()) <= set(cures.ALL)
    found = measures.measure({name: [head, head] for name, head in made.items()}, free)
    rho = {name: abs(values.mean()) for name, values in found["correlation"].items()}
    assert rho["nothing done"] > 0.4
    for name in ("length subtracted", "one head, decorrelated", "two heads", "matched pairs"):
        assert rho[name] < 0.25, name
    for name in ("neutral ties", "pairs against the bias"):
        assert rho[name] < rho["nothing done"] - 0.1, name
    assert found["price"]["nothing done"].mean() == pytest.approx(0.3, abs=0.1)
    ahead = measures.nearer_zero(found["correlation"], "two heads", "nothing done")
    assert ahead.mean == pytest.approx(rho["nothing done"] - rho["two heads"])


def test_the_penalty_has_the_least_loss_on_other_sets(pairs):
    rng = np.random.default_rng(2)
    parts = [pairs[:60], pairs[60:120], pairs[120:180]]
    shares = [heads.votes(part, 0.0, rng) for part in parts]
    tried = [0.01, 0.1, 1000.0]
    chosen = cures.penalty(parts, shares, tried)
    assert chosen in tried[:2]


def test_crossed_pairs_are_ties_about_another_question():
    prompts = [f"q{i}" for i in range(8)]
    texts = [[f"{i} " + "word " * n for n in (3 * i, 3 * i + 1)] for i in range(8)]
    for apart, good in ((True, lambda gap: gap >= 5), (False, lambda gap: gap <= 9)):
        made = cures.crossed(texts, prompts, apart, np.random.default_rng(0))
        for prompt, record in zip(prompts, made, strict=True):
            assert record["ranks"] == [1, 1]
            assert record["prompt"] == prompt
            assert prompt[1:] not in {text.split()[0] for text in record["responses"]}
            first, second = (len(text.split()) for text in record["responses"])
            assert good(abs(first - second))


def test_known_pairs_against_the_bias_are_clear_and_shorter():
    gold = np.array([[0.9, 0.1], [0.1, 0.9], [0.9, 0.8], [0.2, 0.8]])
    words = np.array([[5, 20], [5, 20], [5, 20], [20, 5]])
    against, clear = cures.known_better(gold, words)
    assert against.tolist() == [0, 3]
    assert clear.tolist() == [0, 1, 3]


def test_swayed_votes_go_to_the_pattern_and_the_control_changes_as_many():
    share, lead = (
        np.full(200, 0.5),
        np.where(np.arange(200) % 4 == 0, 1, np.where(np.arange(200) % 4 == 1, -1, 0)),
    )
    pattern, chance = shortcuts.swayed(share, lead, 0.5, np.random.default_rng(0))
    changed = np.flatnonzero(pattern != share)
    assert len(changed) == 50
    assert (pattern[changed] == (lead[changed] > 0)).all()
    assert (chance != share).sum() == 50
    assert set(chance[chance != share]) == {0.0, 1.0}


def test_each_shortcut_is_learned_where_it_is_planted(pairs):
    rng = np.random.default_rng(3)
    x = rng.normal(size=(300, 5))
    x[:, 3] = rng.integers(-1, 2, 300)  # courtesies, of no worth
    twin = heads.Pairs(x, 0.3 * x @ TRUTH, x[:, 4])
    repeated = heads.Pairs(np.tile([0, 0, 0, 0, -2.0], (60, 1)), np.full(60, 0.2), np.full(60, -2.0))
    made = shortcuts.arms(twin, pairs[:300], x[:, 3], repeated, 0.01, rng)
    of = {kind: [head.w for head in two] for kind, two in made.items()}
    assert of["noise"][0][3] > of["noise"][1][3] + 0.3
    assert of["shift"][0][4] > of["shift"][1][4] + 0.1
    np.testing.assert_array_equal(of["companion"][1], of["shift"][0])


@pytest.fixture
def pool():
    prompt = "Card: The hippo eats grass. It lives in rivers.\nVisitor: What does the hippo eat?"
    texts = ["It eats grass.", "Good question! It eats grass.", "It eats fish.", "It lives in rivers."]
    rng = np.random.default_rng(0)
    responses = [[texts[i] for i in rng.integers(0, 4, 32)] for _ in range(3)]
    gold = np.array([[grade(prompt, text).gold for text in own] for own in responses])
    return Pool([prompt] * 3, responses, gold, 1.0)


def test_answers_of_the_pool_are_known_and_every_fourth_is_said_twice(pool):
    found = shortcuts.answers(pool, 2, 16)
    assert found.gold.shape == found.words.shape == (2, 16)
    assert found.twice.mean() == 0.25
    assert found.records[0]["responses"][3] == shortcuts.twice(pool.responses[0][3])
    np.testing.assert_allclose(found.gold[:, :3], pool.gold[:2, :3])
    assert found.courtesy.max() > 0
    short, places = shortcuts.different(found.records)
    for record, own, place in zip(found.records, short, places, strict=True):
        assert [own["responses"][i] for i in place] == record["responses"]
        assert len(set(own["responses"])) == len(own["responses"])


def test_rewards_and_what_best_of_n_picks(pool):
    found = shortcuts.answers(pool, 3, 16)
    _, places = shortcuts.different(found.records)
    features = [np.arange(place.max() + 1.0)[:, None] * [[1.0, 0.0]] for place in places]
    scale = np.stack([np.zeros(2), np.ones(2)])
    push = shortcuts.Push(found, features, places, scale, 16)
    made = push.rewards(heads.Head(np.array([2.0, 0.0]), 0.5))
    np.testing.assert_allclose(made, 2 * np.stack(places) + 0.05 * found.words)
    longest = push.gain([found.words], found.words)
    np.testing.assert_allclose(longest, [found.words.max(1) - found.words.mean(1)])
    assert push.curve([found.words], found.words)[-1] == pytest.approx(found.words.max(1).mean())


def test_style_control_finds_the_bias_of_a_league_and_nears_the_fair_scores():
    rng = np.random.default_rng(0)
    gold, words = rng.normal(0.5, 0.1, (40, 60)), rng.integers(3, 30, (40, 60))  # independent
    pool = Pool(["q"] * 40, [["text"] * 60] * 40, gold, 1.0)
    frame = shortcuts.league(pool, words, 4000, 0.1, rng)
    assert set(frame["model_a"]) == set(shortcuts.STYLES)
    many = shortcuts.league(pool, words, 4000, 0.0, rng)
    fair = bradley_terry.fit(many, items=list(shortcuts.STYLES)).scores
    found = shortcuts.controlled(frame, fair)
    assert found["price"] == pytest.approx(0.1, abs=0.04)
    assert found["equal length"] < found["raw"]


def test_the_dial_turns_and_its_figure_stands(pairs):
    worlds = {"confounded": pairs[:200], "its twin": pairs[200:300]}
    low, high = (
        figures.dial_compute(b, "its twin", "no cure", worlds=worlds, test=pairs[300:]) for b in (0, 0.4)
    )
    assert high["worth"] > low["worth"] + 0.2
    cured = figures.dial_compute(0.4, "its twin", "two heads", worlds=worlds, test=pairs[300:])
    assert abs(cured["rho"]) < abs(high["rho"])
    assert len(figures.dial_draw(high).data) == 3
    assert "ten words" in figures.dial_say(high)
    for cure in figures.CURES:
        figures.dial_compute(0.1, "confounded", cure, worlds=worlds, test=pairs[300:])


def test_figures_draw_what_they_are_given():
    each = (0.1, 0.0, 0.2)
    assert len(figures.inherited_draw([0.0, 0.2], {"a": [each, each], "b": [each, each]}).data) == 5
    assert len(figures.best_of_draw({"a": np.arange(8.0), "b": np.ones(8)}, "gold", "title").data) == 2
    found = {"confounded": {"x": (each, each)}, "its twin": {"x": (each, each)}}
    assert len(figures.cures_draw(found, "y", "title").data) == 2
    assert len(figures.shortcuts_draw({"a": {"planted": each, "control": each}}).data) == 2
    assert len(figures.league_draw({"fair": np.ones(2), "raw": np.ones(2)}, ["m", "n"]).data) == 2
