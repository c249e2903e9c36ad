"""The heads, instruments, rubric and figures of lesson 11, against brute force and each other."""

import numpy as np
import pytest
import torch
from scipy import optimize, special

from rmkit.evaluation.best_of import best_of_n
from rmkit.evaluation.pool_policy import best_of_n_policy, tilted
from rmkit.lessons.checks import every_check
from rmkit.lessons.over_optimization import figures, heads, instruments, rubric, words
from rmkit.pocket.grader import grade
from rmkit.pocket.samples import Pool


@pytest.fixture
def rewards():
    return np.random.default_rng(0).normal(size=(3, 4, 16))


@pytest.fixture
def gold():
    return np.random.default_rng(1).random((4, 16))


def test_members_are_trained_apart_and_learn_their_own_votes():
    rng = np.random.default_rng(0)
    truth = torch.tensor(np.linspace(-1, 1, 6), dtype=torch.float32)
    pairs = torch.tensor(rng.normal(size=(60, 2, 6)), dtype=torch.float32)
    right = torch.arange(60)
    rows = torch.stack(
        [torch.where((p @ truth)[:, 0] > (p @ truth)[:, 1], right, -1 - right) for p in [pairs] * 3]
    )
    rows[2] = -1 - rows[2]  # the third member is told the contrary
    start = heads.draw(3, 6, torch.Generator().manual_seed(0))
    trained = heads.train(start, pairs, rows, epochs=40)
    new = torch.tensor(rng.normal(size=(50, 6)), dtype=torch.float32)
    fit = [np.corrcoef(r, new @ truth)[0, 1] for r in heads.score(trained, new).numpy()]
    assert min(fit[:2]) > 0.8
    assert fit[2] < -0.8
    alone = heads.train({k: v[:1] for k, v in start.items()}, pairs, rows[:1], epochs=1, batch=60)
    together = heads.train(start, pairs, rows, epochs=1, batch=60)
    torch.testing.assert_close(alone["W"], together["W"][:1], atol=1e-5, rtol=1e-4)


def test_scores_and_averages_by_hand():
    members = heads.draw(4, 5, torch.Generator().manual_seed(1))
    features = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(2))
    got = heads.score(members, features)
    by_hand = torch.tanh(features[1, 2] @ members["W"][3] + members["b"][3]) @ members["w"][3]
    assert got.shape == (4, 2, 3)
    torch.testing.assert_close(got[3, 1, 2], by_hand)
    mean = heads.averaged(members, 2)
    torch.testing.assert_close(mean["w"][1], members["w"][2:].mean(0))
    same = heads.averaged(heads.repeat(members, 3), 3)
    torch.testing.assert_close(heads.score(same, features), got)


def test_votes_of_a_seed_are_shared_and_turned_alike():
    rows = heads.votes(2, 3, range(100, 140), 20, 0.3, np.random.default_rng(0))
    assert rows.shape == (6, 20)
    index = torch.where(rows < 0, -1 - rows, rows)
    assert index.min() >= 100
    assert index.max() < 140
    for s in range(2):
        own = {}
        for value in rows[3 * s : 3 * s + 3].flatten().tolist():
            assert own.setdefault(max(value, -1 - value), value) == value


def test_each_different_text_is_read_once(tmp_path, monkeypatch):
    seen = []

    def fake(preferences, model, progress):
        seen.extend(text for record in preferences for text in record.responses)
        return [torch.tensor([[len(t), 1.0] for t in record.responses]) for record in preferences]

    monkeypatch.setattr(instruments, "features", fake)
    pool = Pool(["p", "q"], [["a", "bb", "a", "ccc"], ["d", "d", "d", "ee"]], np.zeros((2, 4)), 1.0)
    some = instruments.part(pool, range(2), 3)
    assert some.gold.shape == (2, 3)
    assert instruments.part(pool, range(1, 2), 4).prompts == ["q"]
    got = instruments.read(some, "any")
    assert seen == ["a", "bb", "d"]
    np.testing.assert_array_equal(got[..., 0], [[1, 2, 1], [1, 1, 1]])


def test_curves_and_distances_are_those_of_each_reward_model(rewards, gold):
    ns = [1, 4, 16]
    got, far = instruments.curves(rewards, gold, ns), instruments.distances(rewards, ns)
    np.testing.assert_allclose(got[2], best_of_n(rewards[2], gold)[:, [0, 3, 15]])
    np.testing.assert_allclose(got[0, :, 2], gold[np.arange(4), rewards[0].argmax(1)])
    np.testing.assert_allclose(far[..., 0], 0, atol=1e-12)
    stars = rewards.round()  # many answers have one reward
    for table, kls in ((rewards, far), (stars, instruments.distances(stars, ns))):
        np.testing.assert_allclose(kls, np.stack([best_of_n_policy(table, n).kl for n in ns], -1), atol=1e-9)
    assert (np.diff(far, axis=-1) > 0).all()


def test_tilted_goes_as_far_as_asked(rewards, gold):
    got = instruments.tilted(rewards, gold, [0.5, 1.5])
    assert got.shape == (3, 4, 2)
    own = instruments.tilted(rewards, rewards, [0.5, 1.5])
    assert (own.mean(1)[:, 1] > own.mean(1)[:, 0]).all()


def test_the_pigeonhole_interval_is_near_the_formula_and_draws_both_margins(rewards):
    values = rewards + np.arange(4)[:, None]
    mean, low, high = instruments.pigeonhole(lambda m: m[0], values)
    assert mean == pytest.approx(values[..., 0].mean())
    wide = 2 * 1.96 * values[..., 0].mean(0).std() / 2
    assert 0.6 * wide < high - low < 2 * wide


def test_a_rubric_is_a_weighted_share():
    card = "Card: The otter eats fish. It lives in rivers.\nVisitor: What does the otter eat?"
    met = rubric.criteria(card, "The otter eats fish.")
    assert met["names the animal"] == met["sounds sure"] == 1
    assert 0 < met["uses the card's words"] < 1
    assert rubric.criteria(card, "Maybe fish.")["sounds sure"] == 0
    share = sum(rubric.WEIGHTS[name] * value for name, value in met.items()) / 5
    assert rubric.rubric(card, "The otter eats fish.") == pytest.approx(share)


def test_the_moving_figure_shows_the_answer_that_stands_there(rewards, gold):
    texts = [[f"{p} {i}" for i in range(16)] for p in range(4)]
    world = figures.world(["a\nVisitor: why?"] * 4, texts, gold, {"r": rewards[0]}, [1, 4, 16])
    a = figures.push_compute(2, "r", "best-of-n", 3, of=world)
    best = rewards[0, 3].argmax()
    assert (a["text"], a["worth"], a["n"]) == (f"3 {best}", gold[3, best], 16)
    assert a["proxy"][-1] == pytest.approx(1)
    rl = figures.push_compute(1, "r", figures.WAYS[1], 0, of=world)
    assert rl["d"][1] ** 2 == pytest.approx(a["d"][1] ** 2)
    assert rl["d"][2] ** 2 < tilted(rewards[0], 1e-3).kl.mean()
    assert "KL" in figures.push_say(rl)
    assert len(figures.push_draw(a).data) == len(figures.push_draw(rl).data) == 6


def test_curves_with_bands_and_fits():
    x, values = [0, 1, 2], np.random.default_rng(0).random((5, 6, 3))
    mean, low, high = figures.bands(values)
    assert (low <= mean).all()
    assert (mean <= high).all()
    drawn = figures.curves_draw({"a": (x, mean, low, high), "b": (x, mean)}, "x", "y", "t")
    assert len(drawn.data) == 3


def test_word_counts_by_hand():
    got = words.counts("The otter eats fish.", ["Fish, fish!", "Stones"])
    assert got.sum(1).tolist() == [4, 1]  # two words, both of the prompt; one word, not of it
    assert got[:, words.WIDTH // 2 :].sum(1).tolist() == [2, 0]


def test_shared_errors_are_a_correlation_and_one_for_the_same_reward():
    rng = np.random.default_rng(0)
    gold, noise = rng.normal(size=(4, 2000)), rng.normal(size=(2, 3, 4, 2000))
    a, b = gold + noise
    assert instruments.shared_errors(a, 5 * a + 1, gold) == pytest.approx(1)
    errors = [
        (r - r.mean()) / r.std() - (gold[1] - gold[1].mean()) / gold[1].std() for r in (a[0, 1], b[0, 1])
    ]
    exact = np.corrcoef(*errors)
    assert instruments.shared_errors(a, b, gold)[0, 1] == pytest.approx(exact[0, 1])


def test_a_fall_is_found_where_there_is_one_and_not_in_noise():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(20, 60, 8))
    assert abs(instruments.fall(noise).mean()) < 0.2
    hump = noise + np.array([0, 1, 2, 3, 3, 2, 1, 0])
    assert instruments.fall(hump).mean() == pytest.approx(3, abs=0.3)


def test_expected_rloo_without_a_leash_climbs_and_with_one_ends_at_the_tilted_policy(rewards, gold):
    free = instruments.expected_rloo(rewards, gold, beta=0.0, steps=60)
    assert (np.diff(free.kl, axis=-1) > -1e-9).all()
    assert (free.kl[..., -1] > free.kl[..., 1]).all()
    np.testing.assert_allclose(free.gold[..., 0], np.broadcast_to(gold.mean(1), (3, 4)))
    held = instruments.expected_rloo(rewards, rewards[0], beta=1.0, steps=1500, most=0.02)
    end = instruments.ends(rewards, rewards[0], [3.0, 1.0])
    np.testing.assert_allclose(end.kl[..., 0], 0, atol=1e-12)
    np.testing.assert_allclose(end.kl[..., 2], tilted(rewards, 1.0).kl)
    np.testing.assert_allclose(held.kl[..., -1], end.kl[..., 2], atol=0.02)
    np.testing.assert_allclose(held.gold[..., -1], end.gold[..., 2], atol=0.02)


ANSWERS = {
    "exact_kl": [
        lambda p, n: special.rel_entr(np.diff(np.cumsum(p) ** n, prepend=0), p).sum(),
        lambda p, n: torch.tensor(every_check()["exact_kl"].reference(p, n)),
    ],
    "gao_fit": [
        lambda d, gain: list(optimize.curve_fit(lambda d, a, b: d * (a - b * d), d, gain)[0]),
        lambda d, gain: np.linalg.solve((a := np.stack([d, -(d**2)], 1)).T @ a, a.T @ gain),
    ],
    "careful": [lambda r, w: (t := torch.tensor(r)).mean(0) - w * t.var(0, correction=0)],
    "leave_one_out": [
        lambda r, p, q, beta: (
            ((x := r - beta * (p - q)) - x.mean(1, keepdims=True)) * r.shape[1] / (r.shape[1] - 1)
        ),
    ],
    "preference_as_reward": [
        lambda r, s: torch.sigmoid(torch.tensor(r)[:, None] - torch.tensor(s)).mean(1),
        lambda r, s: [float(special.expit(each - s).mean()) for each in r],
    ],
}


@pytest.mark.parametrize(("name", "answer"), [(n, a) for n, each in ANSWERS.items() for a in each])
def test_another_way_to_be_right_passes(name, answer):
    verdict = every_check()[name].judge(answer)
    assert verdict.passed, verdict.message


WRONG = [
    (
        "exact_kl",
        lambda p, n: np.sum((q := np.diff(np.cumsum(p) ** n, prepend=0)) * np.log(q / p)),
        "0 log 0",
    ),
    ("exact_kl", lambda p, n: n * every_check()["exact_kl"].reference(p, 1), "expected"),
    ("gao_fit", lambda d, gain: np.polyfit(d, gain, 2)[:2][::-1], "expected"),
    ("gao_fit", lambda d, gain: np.linalg.lstsq(np.stack([d, -(d**2)], 1), gain)[0] * 2, "2 times"),
    ("careful", lambda r, w: np.median(r, 0) - w * r.var(0), "expected"),
    ("leave_one_out", lambda r, p, q, beta: r - beta * (p - q), "expected"),
    (
        "preference_as_reward",
        lambda r, s: (np.exp(r)[:, None] / (np.exp(r)[:, None] + np.exp(s))).mean(1),
        "exp(800)",
    ),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG)
def test_a_wrong_answer_is_told_why(name, answer, says):
    verdict = every_check()[name].judge(answer)
    assert not verdict.passed
    assert says in verdict.message, verdict.message


def test_votes_on_the_policys_answers_stay_with_their_prompts_and_prefer_the_better():
    rng = np.random.default_rng(0)
    gold = rng.random((4, 30))
    pool = Pool([f"p{i}" for i in range(4)], [[f"{i} {j}" for j in range(30)] for i in range(4)], gold, 1.0)
    x = np.stack([gold, rng.normal(size=gold.shape)], -1)
    vectors, groups = instruments.votes_on_pool(pool, x, [1, 3], 200, 0)
    assert {record.prompt for record in groups} == {"p1", "p3"}
    better = [
        float(v[np.argmin(r.ranks), 0] - v[np.argmax(r.ranks), 0])
        for v, r in zip(vectors, groups, strict=True)
    ]
    assert 0.7 < np.mean(np.array(better) > 0) < 1
    rewards = instruments.heads_on_pool(pool, x, 60, 2, 0.0, 0.1)
    assert rewards.shape == (2, 4, 30)
    assert np.corrcoef(rewards[0, 0], gold[0])[0, 1] > 0.8


def test_a_list_of_words_ticks_every_box_and_is_worth_next_to_nothing():
    prompt = (
        "Card: The otter eats fish. It lives in rivers. It has four legs.\n"
        "Visitor: What does the otter eat, and where does it live?"
    )
    right = "It eats fish and lives in rivers."
    cheat = rubric.list_of_words(prompt)
    assert rubric.rubric(prompt, cheat) > rubric.rubric(prompt, right)
    assert grade(prompt, cheat).gold < 0.1 < 0.7 < grade(prompt, right).gold
