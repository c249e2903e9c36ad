"""Hundreds of heads in one call are the heads that one would fit one by one."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from rmkit.ablation import Setting, fit_heads, grid
from rmkit.features import Cut, Features
from rmkit.preferences import Preferences, Record, prompt_key
from rmkit.statistics import mean_interval
from scipy import optimize

from rmkit import losses
from rmkit.data.ledger import Ledger
from rmkit.errors import InputError
from rmkit.theory.minimize import minimize
from rmkit.training.head_fitting import HeadData, _over_groups, _over_pairs, labels_of
from rmkit.training.head_penalty import FOLDS, PENALTIES


def world(groups=40, width=6, seed=0, most=4, prompts=None):
    """Groups of 2 to `most` responses, ranked by a hidden direction and chance; all columns known."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=width)
    records, features = [], []
    for number in range(groups):
        k = int(rng.integers(2, most + 1))
        x = rng.normal(size=(k, width)) * np.linspace(0.2, 3, width) + rng.normal(size=width)
        gold = x @ direction / 2 + rng.gumbel(size=k)
        better = [int((gold > each).sum()) + 1 for each in gold]
        ranks = [min(rank, 3) for rank in better]  # some ties
        record = Record(
            f"prompt {number % (prompts or groups)}",
            [f"{number} {i}" for i in range(k)],
            ranks,
            ratings={"gold": [float(round(each, 2)) for each in gold]},
            strength=float(rng.integers(1, 4)),
            correct=[rank == 1 for rank in better],
        )
        records.append(record)
        features.append(torch.tensor(x, dtype=torch.float32))
    return features, Preferences(records)


def standardized(features):
    every = torch.cat(features).double()
    return [(each.double() - every.mean(0)) / every.std(0) for each in features]


def _part(setting, x, record):
    """(features, mask, labels, weight) of one group."""
    ranks, mask = torch.tensor([record.ranks]), torch.ones(1, len(x), dtype=torch.bool)
    known = {
        "ranks": ranks,
        "margin": torch.tensor([record.strength]),
        "ratings": torch.tensor([record.ratings["gold"]]),
        "correct": torch.tensor([record.correct]).float(),
    }
    labels = {name: known[name] for name in losses.needs(setting.loss)}
    pointwise = next((labels[name] for name in ("ratings", "correct") if name in labels), None)
    weight = losses.group_weights(mask, ranks, setting.weighting, loss=setting.loss, labels=pointwise)
    return x, mask, labels, weight


def one_by_one(setting, features, preferences, held_out):
    """A plain loop over the training groups, minimized by SciPy in float64; gradients by autograd."""
    x, loss = standardized(features), losses.get(setting.loss)
    parts = [_part(setting, x[i], preferences[i]) for i in range(len(x)) if not held_out[i]]
    total = sum(weight for *_, weight in parts)

    def value(w):
        each = [
            weight * loss((f @ w[:-1] + w[-1])[None], mask, **labels, **setting.parameters)
            for f, mask, labels, weight in parts
        ]
        return (sum(each) / total)[0].double() + setting.l2 / 2 * (w[:-1] ** 2).sum()

    def both(w):
        w = torch.tensor(w, requires_grad=True)
        found = value(w)
        found.backward()
        return found.item(), w.grad.numpy()

    best = optimize.minimize(both, np.zeros(x[0].shape[1] + 1), jac=True, method="L-BFGS-B", tol=1e-12)
    w = torch.tensor(best.x)
    return best.fun, [(each @ w[:-1] + w[-1]).numpy() for each in x]


SETTINGS = [
    Setting("bradley-terry", l2=0.01, seed=1),
    Setting("bradley-terry", weighting="pair", l2=1.0),
    Setting("margin", l2=0.01),
    Setting("scaled-bradley-terry", l2=0.1, seed=2),
    Setting("label-smoothing", {"smoothing": 0.2}, l2=0.01),
    Setting("davidson", {"nu": 0.5}, l2=0.01, seed=3),
    Setting("plackett-luce", l2=0.1),
    Setting("focal", {"gamma": 1.0}, l2=0.1),
    Setting("regression", l2=0.1, seed=4),
    Setting("outcome", weighting="pair", l2=0.05),
]


@pytest.fixture(scope="module")
def fitted():
    features, preferences = world(20)
    return features, preferences, fit_heads(features, preferences, SETTINGS)


@pytest.mark.parametrize("number", range(len(SETTINGS)), ids=lambda n: SETTINGS[n].loss)
def test_a_batch_of_heads_equals_a_plain_loop(fitted, number):
    features, preferences, results = fitted
    assert results.converged[number]
    objective, rewards = one_by_one(SETTINGS[number], features, preferences, results.held_out[number])
    assert results.objective[number] == pytest.approx(objective, abs=2e-6)
    for group, expected in enumerate(rewards):
        np.testing.assert_allclose(results.rewards[number, group, : len(expected)], expected, atol=2e-2)


def test_bradley_terry_by_its_formula():
    features, preferences = world(80, most=2)
    results = fit_heads(features, preferences, [Setting(l2=0.05)], test=[0, 1, 2])
    x = standardized(features)
    pairs = [(i, *pair) for i, record in enumerate(preferences) for pair in record.pairs() if i > 2]
    gaps = np.stack([(x[i][w] - x[i][lost]).numpy() for i, w, lost in pairs])
    # J = mean log(1 + e^-d) + l2/2 |w|^2
    best = optimize.minimize(
        lambda w: np.logaddexp(0, -gaps @ w).mean() + 0.025 * w @ w, np.zeros(6), tol=1e-12
    )
    assert results.objective[0] == pytest.approx(best.fun, abs=1e-6)
    np.testing.assert_allclose(results.weights[0] * torch.cat(features).std(0), best.x, atol=5e-3)


def test_hinge_comes_close_although_it_has_kinks():
    features, preferences = world(60, most=2)
    results = fit_heads(features, preferences, [Setting("hinge", l2=0.05)], test=[0])
    x = standardized(features)
    gaps = [(x[i][w] - x[i][lost]).numpy() for i, r in enumerate(preferences) for w, lost in r.pairs() if i]
    gaps, n = np.stack(gaps), len(gaps)
    # The dual of a support vector machine: a in [0, 1 / (l2 n)], one coordinate at a time.
    a, w = np.zeros(n), np.zeros(6)
    for _ in range(500):
        for i in range(n):
            new = np.clip(a[i] - (w @ gaps[i] - 1) / (gaps[i] @ gaps[i]), 0, 1 / (0.05 * n))
            w, a[i] = w + (new - a[i]) * gaps[i], new
    smallest = np.maximum(0, 1 - gaps @ w).mean() + 0.025 * w @ w
    assert smallest - 1e-6 <= results.objective[0] <= smallest * 1.005


def test_a_head_does_not_depend_on_its_company():
    features, preferences = world(40)
    settings = [*SETTINGS, *grid(l2=[0.01, 0.3], seed=range(6), bootstrap=[False, True], noise=[0.0, 0.2])]
    together = fit_heads(features, preferences, settings)
    for number in (0, 4, 8, 12, 25, len(settings) - 1):
        alone = fit_heads(features, preferences, [settings[number]])
        assert alone.objective[0] == pytest.approx(together.objective[number], abs=2e-6)
        torch.testing.assert_close(alone.rewards[0], together.rewards[number], atol=2e-2, rtol=0)
        assert torch.equal(alone.held_out[0], together.held_out[number])


def test_held_out_labels_and_their_prompts_are_never_seen():
    features, preferences = world(60, prompts=30)
    settings = grid(
        loss=["bradley-terry", "outcome"], l2=0.01, seed=range(3), bootstrap=[False, True], noise=[0.0, 0.3]
    )
    results = fit_heads(features, preferences, settings)
    for number, held_out in enumerate(results.held_out):
        keys = [
            {prompt_key(r) for r, out in zip(preferences, held_out, strict=True) if out == side}
            for side in (True, False)
        ]
        assert not keys[0] & keys[1]
        assert len(keys[0]) == round(0.2 * 30)
        changed = [
            Record(r.prompt, r.responses, [5 - rank for rank in r.ranks], correct=[not c for c in r.correct])
            if out
            else r
            for r, out in zip(preferences, held_out, strict=True)
        ]
        again = fit_heads(features, Preferences(changed), [settings[number]])
        torch.testing.assert_close(again.weights[0], results.weights[number], atol=5e-3, rtol=0)
        if not settings[number].noise:
            assert again.accuracy[0] != results.accuracy[number]


def test_samples_are_what_they_say():
    features, preferences = world(50)
    more = ({"groups": 10}, {"bootstrap": True}, {"noise": 1.0}, {})
    settings = [Setting(l2=0.01, **each) for each in more]
    few, boot, turned, plain = (fit_heads(features, preferences, [s], test=[0, 1]) for s in settings)
    # All labels turned round: the same head with the other sign.
    torch.testing.assert_close(turned.weights, -plain.weights, atol=5e-3, rtol=0)
    assert turned.accuracy[0] == pytest.approx(1 - plain.accuracy[0])
    assert few.train_accuracy[0] >= plain.train_accuracy[0]
    assert not torch.allclose(boot.weights, plain.weights, atol=1e-2)
    # A bootstrap sample is a fit on the groups drawn, as often as they were drawn.
    rng = np.random.default_rng([0, 1])
    train = rng.permutation(np.arange(2, 50))
    drawn = [0, 1, *rng.choice(train, len(train)).tolist()]
    mean, std = torch.cat(features).mean(0), torch.cat(features).std(0)
    copies = [(features[i] - mean) / std for i in drawn]
    again = Preferences([preferences[i] for i in drawn])
    explicit = fit_heads(copies, again, [Setting(l2=0.01)], test=[0, 1])
    # The copies are standardized once more, which moves the penalty a little: compare what they order.
    assert np.corrcoef(explicit.rewards[0, 0, :2], boot.rewards[0, 0, :2])[0, 1] > 0.99


def test_score_repeats_the_rewards():
    features, preferences = world(30)
    results = fit_heads(features, preferences, [Setting(l2=0.01), Setting("regression", l2=0.01)])
    for group, found in enumerate(results.score(features)):
        torch.testing.assert_close(found, results.rewards[:, group, : found.shape[1]], atol=1e-4, rtol=1e-4)
    assert (results.rewards[:, 0, len(features[0]) :] == 0).all()


def test_a_hidden_direction_is_found():
    features, preferences = world(600, seed=3)
    results = fit_heads(features, preferences, grid(l2=0.01, seed=range(10)))
    assert results.accuracy.mean() > 0.75
    # Features that know nothing: 8 draws of them, since the splits of one draw share its luck.
    generator, found = torch.Generator().manual_seed(0), []
    for _ in range(8):
        noise = [torch.randn(each.shape, generator=generator) for each in features]
        found.append(fit_heads(noise, preferences, grid(l2=0.01, seed=range(5))).accuracy.mean())
    assert abs(np.mean(found) - 0.5) < 0.03


def test_accuracy_counts_equal_rewards_half():
    features, preferences = world(30)
    same = [torch.ones_like(each) for each in features]
    results = fit_heads(same, preferences, [Setting(l2=0.01)])
    assert results.accuracy[0] == results.train_accuracy[0] == 0.5
    assert torch.equal(results.weights, torch.zeros_like(results.weights))


def test_tables():
    features, preferences = world(30)
    results = fit_heads(features, preferences, grid(l2=[0.1, 1.0], seed=range(4)))
    table, summary = results.table(), results.summary()
    assert list(table["l2"]) == [0.1] * 4 + [1.0] * 4
    assert list(summary["seeds"]) == [4, 4]
    assert summary["accuracy"][0] == pytest.approx(results.accuracy[:4].mean())
    assert (summary["low"] <= summary["accuracy"]).all()
    assert (summary["longest"] + summary["shortest"]).tolist() == [1, 1]
    assert np.isfinite(table[["log_loss", "temperature"]].to_numpy()).all()
    assert len(fit_heads(features, preferences, [Setting(l2=0.01)]).summary()) == 1


def test_chosen_penalties_are_those_of_the_least_log_loss_and_see_no_test_pair():
    features, preferences = world(60, width=30, seed=4)
    test = list(range(12))
    results = fit_heads(features, preferences, grid(seed=range(3)), test=test)
    assert results.table()["l2_chosen"].all()
    turned = [
        Record(r.prompt, r.responses, [5 - rank for rank in r.ranks]) if i in test else r
        for i, r in enumerate(preferences)
    ]
    again = fit_heads(features, Preferences(turned), grid(seed=range(3)), test=test)
    assert again.l2.tolist() == results.l2.tolist()
    assert again.temperature.tolist() == results.temperature.tolist()
    # A head of the chosen penalty is the head that was fitted.
    fixed = [Setting(l2=each, seed=seed) for seed, each in enumerate(results.l2)]
    same = fit_heads(features, preferences, fixed, test=test)
    torch.testing.assert_close(same.rewards, results.rewards, atol=2e-2, rtol=0)
    assert same.temperature == pytest.approx(results.temperature, rel=1e-2)


def test_a_penalty_has_the_least_log_loss_on_prompts_left_out_by_hand():
    features, preferences = world(50, most=2, width=30, seed=5)
    test, learned = list(range(10)), range(10, 50)
    sharp = np.geomspace(0.01, 10, 400)[:, None]  # 1 / temperature
    for seed in range(3):
        keys = sorted(prompt_key(preferences[i]) for i in learned)
        order = np.random.default_rng([seed, 3]).permutation(len(keys)).tolist()
        fold = {keys[prompt]: place % FOLDS for place, prompt in enumerate(order)}
        losses = []
        for l2 in PENALTIES:
            gaps = []
            for each in range(FOLDS):
                out = [i for i in learned if fold[prompt_key(preferences[i])] == each]
                head = fit_heads(features, preferences, [Setting(l2=l2, seed=seed)], test=test + out)
                gaps += [
                    head.rewards[0, i, w] - head.rewards[0, i, v]
                    for i in out
                    for w, v in preferences[i].pairs()
                ]
            losses.append(np.logaddexp(0, -sharp * np.array(gaps)).mean(1).min())
        chosen = fit_heads(features, preferences, [Setting(seed=seed)], test=test).l2[0]
        assert chosen == PENALTIES[np.argmin(losses)]


def test_a_chosen_penalty_is_near_the_best_of_the_grid():
    """On new pairs, over worlds of which some need a strong penalty (few groups) and some do not."""
    behind, typical = [], []
    for seed in range(4):
        for groups, noise in ((400, 5), (450, 40)):
            features, preferences = world(groups, most=2, seed=seed)
            generator = torch.Generator().manual_seed(seed)
            features = [torch.cat([x, torch.randn(2, noise, generator=generator)], 1) for x in features]
            tries = [Setting(), *(Setting(l2=each) for each in PENALTIES)]
            chosen, *fixed = fit_heads(
                features, preferences, tries, test=range(groups - 300, groups)
            ).log_loss
            behind.append(chosen - min(fixed))
            typical.append(np.mean(fixed) - min(fixed))
    assert np.mean(behind) < 0.02
    assert np.mean(behind) < np.mean(typical)


def test_features_that_know_nothing_have_the_log_loss_of_a_coin_and_an_interval_around_a_half():
    features, preferences = world(200, width=20, most=2, seed=5)
    generator = torch.Generator().manual_seed(1)
    noise = [torch.randn(each.shape, generator=generator) for each in features]
    results = fit_heads(noise, preferences)
    assert len(results) == 20
    assert results.log_loss.mean() == pytest.approx(np.log(2), abs=0.03)
    row = results.summary().iloc[0]
    assert row["low"] < 0.5 < row["high"]


def test_the_interval_of_a_summary_holds_over_prompts_and_not_only_over_seeds():
    """Data sets of features that know nothing: nearly all intervals must hold a half."""
    held, narrow = [], []
    for number in range(60):
        features, preferences = world(40, width=3, most=2, seed=number)
        generator = torch.Generator().manual_seed(number)
        noise = [torch.randn(each.shape, generator=generator) for each in features]
        results = fit_heads(noise, preferences, grid(l2=1.0, seed=range(6)))
        row = results.summary().iloc[0]
        held.append(row["low"] <= 0.5 <= row["high"])
        _, low, high = mean_interval(results.accuracy)
        narrow.append(low <= 0.5 <= high)
    assert np.mean(held) > 0.9
    assert np.mean(held) > np.mean(narrow)


def outcomes(groups=200, seed=0):
    """One answer a prompt, right or wrong by a hidden direction."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(groups, 4))
    right = x[:, 0] + 0.5 * rng.normal(size=groups) > 0.2
    records = [Record(f"p{i}", [f"a{i}"], correct=[bool(c)]) for i, c in enumerate(right)]
    return [torch.tensor(row[None], dtype=torch.float32) for row in x], Preferences(records)


def test_single_answers_that_are_right_or_wrong_are_learned_and_measured():
    features, preferences = outcomes()
    results = fit_heads(features, preferences, grid(loss="outcome", seed=range(4)))
    by_hand = [
        np.mean([(row[i, 0] > 0) == preferences[i].correct[0] for i in np.flatnonzero(held)])
        for row, held in zip(results.rewards, results.held_out, strict=True)
    ]
    assert results.accuracy == pytest.approx(by_hand)
    assert results.accuracy.mean() > 0.7
    assert not results.summary().isna().to_numpy().any()
    assert not results.table().isna().to_numpy().any()
    assert results.log_loss.mean() < np.log(2)


def test_nothing_held_out_has_no_accuracy_column_and_no_error():
    features, preferences = world(20)
    results = fit_heads(features, preferences, [Setting(l2=0.1)], test=[])
    assert not results.summary().isna().to_numpy().any()
    assert "accuracy" not in results.table()


@dataclass
class Voted(Record):
    share: float | None = None


def test_shares_of_votes_are_learned_as_soft_labels():
    rng = np.random.default_rng(0)
    features = [torch.tensor(rng.normal(size=(2, 1)), dtype=torch.float32) for _ in range(40)]
    up = [bool(each[0] > each[1]) for each in features]
    voted, each = [], []
    for i, first in enumerate(up):  # 3 of 4 people prefer the larger feature
        order = [1, 2] if first else [2, 1]
        voted.append(Voted(f"p{i}", ["a", "b"], order, share=0.75))
        each += [Record(f"p{i}", ["a", "b"], order if vote else order[::-1]) for vote in (1, 1, 1, 0)]
    soft = fit_heads(features, Preferences(voted), [Setting(l2=0.05)], test=[0])
    copies = [x for x in features for _ in range(4)]
    hard = fit_heads(copies, Preferences(each), [Setting(l2=0.05)], test=[0, 1, 2, 3])
    torch.testing.assert_close(soft.weights, hard.weights, rtol=0.02, atol=1e-3)
    assert soft.log_loss[0] == pytest.approx(hard.log_loss[0], abs=0.02)


def test_groups_whose_responses_became_equal_are_not_trained_on():
    features, preferences = world(30, most=2)
    cuts = [Cut(0.0, 0.5, True) if i % 2 else None for i in range(30)]
    ledger = Ledger()
    ledger.drop("identical after the cut", 15)
    marked = Features(features, cuts, ledger, "x")
    results = fit_heads(marked, preferences, [Setting(l2=0.1)], test=[0])
    assert not results.seen[0, 1::2].any()
    assert results.ledger.dropped == {"identical after the cut": 15}
    other = [
        r if i % 2 == 0 else Record(r.prompt, r.responses, r.ranks[::-1]) for i, r in enumerate(preferences)
    ]
    again = fit_heads(marked, Preferences(other), [Setting(l2=0.1)], test=[0])
    assert torch.equal(again.weights, results.weights)


def test_what_load_takes_has_heads():
    rows = [{"prompt": f"p{i}", "chosen": "a" * (i + 2), "rejected": "b"} for i in range(20)]
    features = [torch.tensor([[float(i)], [0.0]]) for i in range(20)]
    results = fit_heads(features, rows, [Setting(l2=0.1)])
    assert results.accuracy[0] == 1
    assert results.summary()["longest"][0] == 1


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ([], "at least one"),
        ([Setting("process")], "one reward for a response"),
        ([Setting("nonsense")], "known losses"),
        ([Setting(l2=0.0)], "above 0"),
        ([Setting(noise=2.0)], "between 0 and 1"),
        ([Setting("regression", noise=0.1)], "ratings"),
        ([Setting(groups=0, l2=0.1)], "No training group"),
        ([Setting(groups=0)], "l2 cannot be chosen"),
    ],
)
def test_settings_that_cannot_be_fitted(settings, says):
    features, preferences = world(10)
    with pytest.raises(InputError, match=says):
        fit_heads(features, preferences, settings)


def test_features_that_do_not_fit_the_groups():
    features, preferences = world(10)
    with pytest.raises(InputError, match="9 groups"):
        fit_heads(features[1:], preferences, [Setting(l2=0.01)])
    with pytest.raises(InputError, match="Group 3"):
        fit_heads([*features[:3], features[3] * torch.nan, *features[4:]], preferences, [Setting(l2=0.01)])
    with pytest.raises(InputError, match="between 0 and 1"):
        fit_heads(features, preferences, [Setting(l2=0.01)], test=1.5)
    with pytest.raises(InputError, match="'penalty'"):
        grid(penalty=[1])


def test_minimize_finds_the_bottom_of_every_bowl():
    generator = torch.Generator().manual_seed(0)
    root = torch.randn(7, 5, 5, generator=generator)
    curve = root @ root.mT + 0.1 * torch.eye(5)
    bottom = torch.randn(7, 5, generator=generator)

    def objective(w, rows):
        gap = w - bottom[rows]
        pull = (curve[rows] @ gap[..., None])[..., 0]
        return (gap * pull).sum(1) / 2, pull

    found, value, done = minimize(objective, torch.zeros(7, 5), torch.ones(7, 5))
    assert done.all()
    torch.testing.assert_close(found, bottom, atol=5e-3, rtol=0)
    assert (value < 1e-6).all()
    _, _, done = minimize(objective, torch.zeros(7, 5), torch.ones(7, 5), steps=1)
    assert not done.any()


@pytest.mark.parametrize("most", [2, 4, 8])
@pytest.mark.parametrize("votes", [False, True])
@pytest.mark.parametrize("name", ["bradley-terry", "label-smoothing", "hinge", "focal"])
def test_losses_of_gaps_are_the_same_over_pairs_as_over_groups(name, votes, most):
    features, preferences = world(30, most=most)
    if most == 8:  # without ties there are more pairs than responses: no differences are made ahead
        ordered = [replace(record, ranks=list(range(1, len(record.responses) + 1))) for record in preferences]
        preferences = Preferences(ordered)
    if votes:
        shared = [replace(record, share=0.5 + 0.01 * i) for i, record in enumerate(preferences)]
        preferences = Preferences([*shared[:-1], preferences[-1]])
    data = HeadData(features, preferences, None)
    generator = torch.Generator().manual_seed(0)
    turned = torch.rand(3, 30, generator=generator) < 0.3
    weight, w = torch.rand(3, 30, generator=generator), torch.randn(3, 6, generator=generator)
    setting, rows = Setting(name), torch.tensor([0, 2])
    plain = data.x.flatten(0, 1)
    over_groups = plain, _over_groups(setting, data, labels_of(name, data, turned), weight)
    over_pairs = _over_pairs(setting, data, turned, weight, plain)
    assert (over_pairs[0] is plain) == (most == 8)
    found = []
    for z, values in (over_groups, over_pairs):
        here = w[rows].requires_grad_()
        value = values(here @ z.T, rows)
        found.append((value.detach(), *torch.autograd.grad(value.sum(), here)))
    for a, b in zip(*found, strict=True):
        torch.testing.assert_close(a, b)
