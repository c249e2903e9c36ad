"""Losses against oracles: torch's functions, brute force over orders, and what must not change a value."""

import itertools
import math
from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from rmkit import losses
from rmkit.errors import InputError

torch.set_num_threads(1)
NAN = float("nan")
PAIRWISE = ("bradley-terry", "margin", "scaled-bradley-terry", "label-smoothing", "hinge", "focal")
RANKED = (*PAIRWISE, "davidson", "plackett-luce")
FLAT = (*RANKED, "regression", "outcome")  # those that take rewards (G, K)


def labels_for(name, ranks):
    """The columns that a (G, K) loss needs, made from ranks so that they move along with a reordering."""
    known = ranks > 0
    lead = (ranks[:, None, :] - ranks[:, :, None]).float() / 2
    columns = {
        "ranks": ranks,
        "margin": lead,
        "ratings": torch.where(known, 5.0 - ranks, torch.tensor(NAN)),
        "correct": torch.where(known, (ranks == 1).float(), torch.tensor(-1.0)),
    }
    return {column: columns[column] for column in losses.needs(name)}


def call(name, rewards, mask, ranks, **dials):
    return losses.get(name)(rewards, mask, **labels_for(name, ranks), **dials)


def value_and_gradient(name, rewards, mask, ranks, **dials):
    rewards = rewards.clone().requires_grad_()
    value = call(name, rewards, mask, ranks, **dials)
    return value.detach(), torch.autograd.grad(value.sum(), rewards)[0]


def batch(seed=0, groups=6, size=5, most_ranks=4):
    generator = torch.Generator().manual_seed(seed)
    rewards = torch.randn(groups, size, generator=generator) * 2
    ranks = torch.randint(0, most_ranks + 1, (groups, size), generator=generator)
    mask = torch.ones(groups, size, dtype=torch.bool)
    return rewards, mask, ranks


def all_pairs(ranks):
    """Couples (i, j) in which i beats j, in plain Python."""
    places = range(len(ranks))
    return [(i, j) for i, j in itertools.product(places, places) if 0 < ranks[i] < ranks[j]]


# The pairs themselves


def test_pairs_are_the_better_ranked_over_the_worse_without_ties_unranked_or_padding():
    ranks = torch.tensor([[1, 2, 2, 0, 3]])
    mask = torch.tensor([[True, True, True, True, False]])
    found = [tuple(index) for index in losses.pairs(ranks, mask)[0].nonzero().tolist()]
    assert found == [(0, 1), (0, 2)]
    assert losses.ties(ranks, mask)[0].nonzero().tolist() == [[1, 2]]


def test_group_weights_count_groups_or_pairs():
    ranks = torch.tensor([[1, 2, 3, 4], [1, 2, 0, 0], [1, 1, 1, 0], [1, 1, 2, 0]])
    mask = ranks > 0
    assert losses.group_weights(mask, ranks, "group").tolist() == [1, 1, 0, 1]
    assert losses.group_weights(mask, ranks, "pair").tolist() == [6, 1, 0, 2]
    assert losses.group_weights(mask, ranks, "pair", loss="davidson").tolist() == [6, 1, 3, 3]
    assert losses.group_weights(mask, ranks, "pair", loss="plackett-luce").tolist() == [1, 1, 0, 1]


def test_group_weights_count_labels_where_a_loss_has_no_ranks():
    mask = torch.tensor([[True, True, False], [True, True, True]])
    ratings = torch.tensor([[-3.0, NAN, 1.0], [NAN, NAN, NAN]])
    assert losses.group_weights(mask, None, "pair", loss="regression", labels=ratings).tolist() == [1, 0]
    correct = torch.tensor([[1, 0, 1], [-1, 1, -1]])
    assert losses.group_weights(mask, None, "pair", loss="outcome", labels=correct).tolist() == [2, 1]
    assert losses.group_weights(mask, None, "group", loss="outcome", labels=correct).tolist() == [1, 1]


def test_pair_weighting_makes_the_step_the_mean_over_all_pairs():
    rewards, mask, ranks = batch()
    value = call("bradley-terry", rewards, mask, ranks)
    weights = losses.group_weights(mask, ranks, "pair")
    each = [
        F.softplus(rewards[g, j] - rewards[g, i]) for g in range(6) for i, j in all_pairs(ranks[g].tolist())
    ]
    torch.testing.assert_close((weights * value).sum() / weights.sum(), torch.stack(each).mean())


def test_an_unknown_weighting_or_loss_is_told_the_known_ones():
    _, mask, ranks = batch()
    with pytest.raises(InputError, match="'group' or 'pair'"):
        losses.group_weights(mask, ranks, "groups")
    with pytest.raises(InputError, match="bradley-terry, margin"):
        losses.get("bradley_terry")


def test_needs_come_from_the_signature():
    assert losses.needs("margin") == ("ranks", "margin")
    assert losses.needs("davidson") == ("ranks",)
    assert losses.needs("quantile") == ("ratings",)
    assert losses.needs("process") == ("step_labels",)


# Values and gradients against an oracle in float64


def oracle_pair(name, d, lead):
    """One pair's loss, by torch's own functions or by the formula where torch has none."""
    one, zero = torch.ones_like(d), torch.zeros_like(d)
    if name == "bradley-terry":
        return F.binary_cross_entropy_with_logits(d, one)
    if name == "margin":
        return F.binary_cross_entropy_with_logits(d - lead, one)
    if name == "scaled-bradley-terry":
        return lead * F.binary_cross_entropy_with_logits(d, one)
    if name == "label-smoothing":
        return F.cross_entropy(torch.stack([zero, d])[None], torch.tensor([1]), label_smoothing=0.2)
    if name == "hinge":
        return F.margin_ranking_loss(d, zero, one, margin=1.0)
    return -((1 - torch.sigmoid(d)) ** 2) * torch.log(torch.sigmoid(d))  # focal


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", PAIRWISE)
def test_pairwise_losses_equal_their_oracle_and_its_gradient(name, seed):
    rewards, mask, ranks = batch(seed)
    value, gradient = value_and_gradient(name, rewards, mask, ranks)
    exact = rewards.double().requires_grad_()
    expected = []
    for g, row in enumerate(ranks.tolist()):
        each = [
            oracle_pair(name, exact[g, i] - exact[g, j], (row[j] - row[i]) / 2) for i, j in all_pairs(row)
        ]
        expected.append(torch.stack(each).mean() if each else exact[g].sum() * 0)
    expected = torch.stack(expected)
    (slope,) = torch.autograd.grad(expected.sum(), exact)
    torch.testing.assert_close(value, expected.detach().float(), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradient, slope.float(), rtol=1e-5, atol=1e-6)


def test_torch_smooths_two_classes_by_half_so_its_0_2_is_our_0_1():
    d = torch.tensor([[1.5, 0.0]])
    ours = losses.label_smoothing(d, d > -1, ranks=torch.tensor([[1, 2]]), smoothing=0.1)
    theirs = F.cross_entropy(torch.tensor([[0.0, 1.5]]), torch.tensor([1]), label_smoothing=0.2)
    assert ours.item() == pytest.approx(theirs.item(), abs=1e-6)


@given(st.floats(-60, 60), st.floats(-60, 60))
@settings(max_examples=60, deadline=None)
def test_both_printed_forms_of_bradley_terry_are_one(winner, loser):
    rewards = torch.tensor([[winner, loser]], dtype=torch.float32)
    ours = losses.bradley_terry(rewards, rewards < 99, ranks=torch.tensor([[1, 2]])).item()
    d = rewards[0, 0].item() - rewards[0, 1].item()
    first = -math.log(1 / (1 + math.exp(-d)))
    second = math.log1p(math.exp(-d))
    assert ours == pytest.approx(second, rel=1e-5, abs=1e-30)
    assert first == pytest.approx(second, rel=1e-9, abs=1e-15)


def test_the_gradient_is_minus_the_probability_given_to_the_other_outcome():
    for d in (-4.0, 0.0, 3.0):
        rewards = torch.tensor([[d, 0.0]])
        _, gradient = value_and_gradient("bradley-terry", rewards, rewards < 99, torch.tensor([[1, 2]]))
        expected = torch.sigmoid(torch.tensor(-d))
        torch.testing.assert_close(gradient, torch.stack([-expected, expected])[None])


@pytest.mark.parametrize("name", FLAT)
def test_autograd_agrees_with_finite_differences(name):
    rewards, mask, ranks = batch(seed=4, groups=3, size=4)
    rewards = rewards + torch.arange(4) * 0.013  # off hinge's corner
    _, gradient = value_and_gradient(name, rewards, mask, ranks)
    step = 1e-2
    for k in range(4):
        shift = F.one_hot(torch.tensor(k), 4) * step
        up, down = (call(name, rewards + s * shift, mask, ranks) for s in (1, -1))
        torch.testing.assert_close(gradient[:, k], (up - down) / (2 * step), rtol=2e-2, atol=2e-3)


def test_a_margin_per_group_is_the_same_as_per_pair_and_a_missing_one_asks_for_no_lead():
    rewards, mask, ranks = batch()
    plain = losses.bradley_terry(rewards, mask, ranks=ranks)
    missing = torch.full((6,), NAN)
    for name in ("margin", "scaled-bradley-terry"):
        per_group = losses.get(name)(rewards, mask, ranks=ranks, margin=torch.full((6,), 0.7))
        per_pair = losses.get(name)(rewards, mask, ranks=ranks, margin=torch.full((6, 5, 5), 0.7))
        assert torch.equal(per_group, per_pair)
        assert torch.equal(losses.get(name)(rewards, mask, ranks=ranks, margin=missing), plain)


# Davidson


def test_davidson_probabilities_of_win_loss_and_tie_sum_to_one_and_follow_the_formula():
    rewards, mask = torch.tensor([[0.8, -0.5]]), torch.tensor([[True, True]])
    outcomes = [torch.tensor([ranks]) for ranks in ([1, 2], [2, 1], [1, 1])]
    shares = [losses.davidson(rewards, mask, ranks=ranks, nu=0.6).neg().exp().item() for ranks in outcomes]
    p, q = math.exp(0.8), math.exp(-0.5)
    total = p + q + 0.6 * math.sqrt(p * q)
    assert sum(shares) == pytest.approx(1, abs=1e-6)
    assert shares == pytest.approx([p / total, q / total, 0.6 * math.sqrt(p * q) / total], abs=1e-6)


def test_davidson_without_ties_and_with_nu_near_zero_is_bradley_terry():
    rewards, mask, _ = batch()
    ranks = torch.arange(1, 6).expand(6, 5)
    ours = losses.davidson(rewards, mask, ranks=ranks, nu=1e-12)
    torch.testing.assert_close(ours, losses.bradley_terry(rewards, mask, ranks=ranks), rtol=1e-5, atol=1e-5)


def test_davidson_counts_each_tie_once_learns_nu_and_refuses_an_impossible_one():
    rewards, mask = torch.tensor([[1.0, 0.2, -0.3]]), torch.ones(1, 3, dtype=torch.bool)
    ranks = torch.tensor([[1, 2, 2]])
    nu = torch.tensor(0.5, requires_grad=True)
    value = losses.davidson(rewards, mask, ranks=ranks, nu=nu)
    r = rewards[0].double()

    def total(i, j):
        return r[i].exp() + r[j].exp() + 0.5 * ((r[i] + r[j]) / 2).exp()

    won = [total(0, j).log() - r[0] for j in (1, 2)]
    tied = total(1, 2).log() - math.log(0.5) - (r[1] + r[2]) / 2
    assert value.item() == pytest.approx(((won[0] + won[1] + tied) / 3).item(), abs=1e-6)
    value.sum().backward()
    assert nu.grad.isfinite()
    with pytest.raises(InputError, match="nu"):
        losses.davidson(rewards, mask, ranks=ranks, nu=0.0)


# Plackett-Luce by brute force


def order_probability(rewards, order):
    """Probability of one complete order, best first, in float64."""
    chances = [rewards[k].exp() / rewards[list(order[place:])].exp().sum() for place, k in enumerate(order)]
    return torch.stack(chances).prod()


def brute_force(rewards, ranks):
    """-log of the summed probability of every complete order in which no rank precedes a better one."""
    places = range(len(ranks))
    total = 0
    for order in itertools.permutations(places):
        if all(ranks[order[k]] <= ranks[order[k + 1]] for k in places[:-1]):
            total = total + order_probability(rewards, order)
    return -total.log()


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 6])
def test_the_probabilities_of_all_orders_sum_to_one(size):
    orders = list(itertools.permutations(range(1, size + 1)))
    rewards = (torch.randn(size, generator=torch.Generator().manual_seed(size)) * 2).expand(len(orders), size)
    value = losses.plackett_luce(rewards, torch.ones_like(rewards).bool(), ranks=torch.tensor(orders))
    assert value.neg().exp().sum().item() == pytest.approx(1, abs=2e-5)


@pytest.mark.parametrize(
    "ranks",
    [
        [3, 1, 2, 4],
        [1, 1, 2, 2],
        [1, 1, 1, 2],
        [2, 1, 1, 3],
        [1, 2, 2, 2],
        [2, 2, 1, 3, 3],
        [1, 1, 2, 2, 3, 3],
        [1, 2, 2, 2, 2, 3],
        [1, 1, 1, 1, 1, 2],
    ],
)
def test_rankings_with_ties_equal_the_sum_over_all_orders_and_its_gradient(ranks):
    generator = torch.Generator().manual_seed(sum(ranks))
    for spread in (0.3, 2.0, 6.0):
        rewards = torch.randn(len(ranks), generator=generator) * spread
        value, gradient = value_and_gradient(
            "plackett-luce", rewards[None], torch.ones(1, len(ranks)).bool(), torch.tensor([ranks])
        )
        exact = rewards.double().requires_grad_()
        expected = brute_force(exact, ranks)
        (slope,) = torch.autograd.grad(expected, exact)
        torch.testing.assert_close(value[0], expected.detach().float(), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(gradient[0], slope.float(), rtol=1e-5, atol=1e-5)


def test_a_tied_set_stays_exact_where_it_is_nearly_certain_and_nearly_impossible():
    """Two tied against one, in closed form 1 - 1/(1+a) - 1/(1+b) + 1/(1+a+b), in exact fractions."""
    for high, low in ((12.0, 9.0), (-12.0, -9.0), (14.0, -14.0), (-120.0, -121.0)):
        a, b = Fraction(math.exp(high)), Fraction(math.exp(low))
        exact = -math.log(1 - 1 / (1 + a) - 1 / (1 + b) + 1 / (1 + a + b))
        rewards = torch.tensor([[high, low, 0.0]])
        ours = losses.plackett_luce(rewards, rewards < 99, ranks=torch.tensor([[1, 1, 2]])).item()
        assert ours == pytest.approx(exact, rel=1e-5, abs=1e-6)


def test_two_responses_make_bradley_terry_and_best_only_makes_a_softmax():
    rewards, mask, _ = batch(size=2)
    ranks = torch.tensor([[1, 2], [2, 1]] * 3)
    for scale in (1, 1e29):
        far = scale * rewards - scale
        assert torch.equal(
            losses.plackett_luce(far, mask, ranks=ranks), losses.bradley_terry(far, mask, ranks=ranks)
        )
    rewards, mask, _ = batch(size=5)
    best = torch.tensor([0, 1, 2, 3, 4, 0])
    value = losses.plackett_luce(rewards, mask, ranks=2 - F.one_hot(best, 5))
    torch.testing.assert_close(value, F.cross_entropy(rewards, best, reduction="none"))


def test_top_keeps_the_first_choices_only():
    rewards, mask, _ = batch(size=5)
    ranks = torch.tensor([[1, 2, 3, 4, 5]]).expand(6, 5)
    stages = [rewards[:, k:].logsumexp(-1) - rewards[:, k] for k in range(5)]
    for top in (1, 2, 5):
        value = losses.plackett_luce(rewards, mask, ranks=ranks, top=top)
        torch.testing.assert_close(value, torch.stack(stages[:top]).sum(0), rtol=1e-5, atol=1e-6)
    tied = torch.tensor([[1, 1, 2, 3, 3]]).expand(6, 5)
    first = losses.plackett_luce(rewards, mask, ranks=torch.tensor([[1, 1, 2, 2, 2]]).expand(6, 5))
    torch.testing.assert_close(losses.plackett_luce(rewards, mask, ranks=tied, top=2), first)


# Losses on labels


def test_regression_is_mean_squared_error_over_the_rated():
    rewards = torch.tensor([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]])
    ratings = torch.tensor([[0.0, NAN, 5.0], [NAN, NAN, NAN]])
    value = losses.regression(rewards, torch.ones(2, 3).bool(), ratings=ratings)
    expected = F.mse_loss(rewards[0, [0, 2]], ratings[0, [0, 2]])
    assert value.tolist() == pytest.approx([expected.item(), 0.0])


def test_outcome_is_cross_entropy_over_the_known_and_takes_soft_labels():
    rewards, mask, _ = batch(groups=2, size=3)
    correct = torch.tensor([[1.0, 0.25, NAN], [-1.0, 0.0, 1.0]])
    known = correct >= 0
    value = losses.outcome(rewards, mask, correct=correct)
    for g in (0, 1):
        expected = F.binary_cross_entropy_with_logits(rewards[g][known[g]], correct[g][known[g]])
        assert value[g].item() == pytest.approx(expected.item(), abs=1e-6)
    asked = losses.outcome(rewards, mask, correct=torch.tensor([[True, False, True], [False, False, True]]))
    assert asked.isfinite().all()


def test_outcome_per_token_weighs_a_long_response_like_a_short_one():
    rewards = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0))
    mask = torch.tensor([[[True, True, True, True], [True, False, False, False]]])
    correct = torch.tensor([[1.0, 0.0]])
    value = losses.outcome(rewards, mask, correct=correct)
    expected = (F.softplus(-rewards[0, 0]).mean() + F.softplus(rewards[0, 1, 0])) / 2
    assert value.item() == pytest.approx(expected.item(), abs=1e-6)
    assert losses.outcome(rewards, mask, correct=torch.tensor([[NAN, 0.0]])).item() == pytest.approx(
        F.softplus(rewards[0, 1, 0]).item(), abs=1e-6
    )


def test_process_ignores_unjudged_steps():
    rewards = torch.randn(1, 2, 3, generator=torch.Generator().manual_seed(0), requires_grad=True)
    labels = torch.tensor([[[1.0, NAN, 0.0], [-1.0, 1.0, NAN]]])
    mask = torch.tensor([[[True, True, True], [True, True, False]]])
    value = losses.process(rewards, mask, step_labels=labels)
    judged = labels >= 0
    expected = F.binary_cross_entropy_with_logits(rewards[judged], labels[judged])
    assert value.item() == pytest.approx(expected.item(), abs=1e-6)
    value.sum().backward()
    assert torch.equal(rewards.grad != 0, judged)


def test_quantile_loss_is_smallest_at_the_quantiles_of_the_ratings():
    ratings = torch.rand(1, 999, generator=torch.Generator().manual_seed(0)) ** 2
    levels = torch.tensor([0.1, 0.5, 0.9])
    mask = torch.ones(1, 999).bool()
    best = torch.quantile(ratings[0], levels)

    def loss(q):
        return losses.quantile(q.expand(1, 999, 3), mask, ratings=ratings, levels=levels).item()

    for q in range(3):
        for shift in (-0.02, 0.02):
            assert loss(best) < loss(best + shift * F.one_hot(torch.tensor(q), 3))
    guess = torch.tensor([[[0.3, 0.8]]])
    value = losses.quantile(guess, torch.tensor([[True]]), ratings=torch.tensor([[0.5]]))
    assert value.item() == pytest.approx(
        (0.25 * 0.2 + 0.25 * 0.3) / 2, abs=1e-6
    )  # default levels 1/4 and 3/4


# What must not matter


@pytest.mark.parametrize("garbage", [0.0, 1e30, NAN, float("inf")])
@pytest.mark.parametrize("name", FLAT)
def test_padding_changes_nothing_whatever_it_holds(name, garbage):
    rewards, mask, ranks = batch()
    value, gradient = value_and_gradient(name, rewards, mask, ranks)
    wide = torch.cat([rewards, torch.full((6, 2), garbage)], dim=1)
    wide_mask = torch.cat([mask, torch.zeros(6, 2).bool()], dim=1)
    wide_ranks = torch.cat(
        [ranks, torch.ones(6, 2, dtype=ranks.dtype)], dim=1
    )  # even a rank there is ignored
    padded, slope = value_and_gradient(name, wide, wide_mask, wide_ranks)
    torch.testing.assert_close(padded, value, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(slope[:, :5], gradient, rtol=1e-6, atol=1e-7)
    assert torch.equal(slope[:, 5:], torch.zeros(6, 2))


@given(st.permutations(range(5)), st.integers(0, 99))
@settings(max_examples=15, deadline=None)
@pytest.mark.parametrize("name", FLAT)
def test_the_order_in_which_responses_are_listed_changes_nothing(name, order, seed):
    rewards, mask, ranks = batch(seed)
    value = call(name, rewards, mask, ranks)
    torch.testing.assert_close(
        call(name, rewards[:, order], mask, ranks[:, order]), value, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("name", RANKED)
def test_adding_a_constant_to_a_groups_rewards_changes_nothing(name):
    rewards, mask, ranks = batch()
    value = call(name, rewards, mask, ranks)
    torch.testing.assert_close(call(name, rewards + 16, mask, ranks), value, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", FLAT)
def test_groups_do_not_see_each_other(name):
    rewards, mask, ranks = batch()
    value = call(name, rewards, mask, ranks)
    alone = torch.cat(
        [call(name, rewards[g : g + 1], mask[g : g + 1], ranks[g : g + 1]) for g in range(len(ranks))]
    )
    torch.testing.assert_close(alone, value, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", RANKED)
def test_a_group_that_says_nothing_gives_zero_and_pulls_on_nothing(name):
    silent = [[1, 0, 0], [0, 0, 0]] if name == "davidson" else [[1, 1, 1], [1, 0, 0], [0, 0, 0], [2, 2, 0]]
    ranks = torch.tensor(silent)
    rewards = torch.tensor([[3.0, -1.0, 0.5]]).expand(len(silent), 3)
    value, gradient = value_and_gradient(name, rewards, torch.ones_like(ranks).bool(), ranks)
    assert torch.equal(value, torch.zeros(len(silent)))
    assert torch.equal(gradient, torch.zeros(len(silent), 3))


@pytest.mark.parametrize("name", FLAT)
def test_a_group_of_one_response_is_welcome(name):
    value, gradient = value_and_gradient(
        name, torch.tensor([[2.0]]), torch.tensor([[True]]), torch.tensor([[1]])
    )
    assert value.shape == (1,)
    assert value.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64])
@pytest.mark.parametrize("name", FLAT)
def test_the_arithmetic_is_float32_whatever_the_rewards_are(name, dtype):
    rewards, mask, ranks = batch()
    rewards = rewards.to(dtype)
    value = call(name, rewards, mask, ranks)
    assert value.dtype == torch.float32
    assert torch.equal(value, call(name, rewards.float(), mask, ranks))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(call(name, rewards, mask, ranks), value)


# Extremes


@pytest.mark.parametrize("scale", [1e4, 1e10, 1e30, 3.4e38])
@pytest.mark.parametrize("ranks", [[1, 2, 3, 4], [4, 3, 2, 1], [1, 1, 2, 2], [2, 2, 1, 1], [1, 1, 1, 2]])
@pytest.mark.parametrize("name", FLAT)
def test_value_and_gradient_are_finite_at_any_finite_gap(name, ranks, scale):
    rewards = torch.tensor([[1.0, 0.5, -0.5, -1.0]]) * scale
    value, gradient = value_and_gradient(name, rewards, rewards < math.inf, torch.tensor([ranks]))
    assert value.isfinite().all()
    assert gradient.isfinite().all()


@pytest.mark.parametrize("name", [name for name in RANKED if name not in ("hinge", "focal")])
def test_a_lost_pair_costs_its_gap_and_pulls_with_full_strength(name):
    rewards = torch.tensor([[-5e5, 5e5]])
    value, gradient = value_and_gradient(
        name,
        rewards,
        rewards < math.inf,
        torch.tensor([[1, 2]]),
        **({"nu": 1.0} if name == "davidson" else {}),
    )
    share = {"scaled-bradley-terry": 0.5, "label-smoothing": 0.9}.get(name, 1.0)  # half a rank of lead; 1 - e
    assert value.item() == pytest.approx(share * 1e6, rel=1e-5)
    assert gradient[0].tolist() == pytest.approx([-share, share], rel=1e-5)


@given(st.lists(st.floats(-3e38, 3e38), min_size=3, max_size=3), st.permutations([1, 1, 2]))
@settings(max_examples=40, deadline=None)
def test_any_finite_rewards_give_finite_losses(numbers, ranks):
    rewards = torch.tensor([numbers])
    for name in FLAT:
        value, gradient = value_and_gradient(name, rewards, rewards.isfinite(), torch.tensor([ranks]))
        assert value.isfinite().all(), name
        assert gradient.isfinite().all(), name


@pytest.mark.parametrize("gamma", [0.5, 1.0, 5.0])
def test_focal_has_a_finite_gradient_where_a_power_would_not(gamma):
    d = torch.tensor([200.0, -200.0], requires_grad=True)
    power = ((1 - torch.sigmoid(d)) ** gamma * F.softplus(-d)).sum()
    assert torch.autograd.grad(power, d)[0].isnan().any() == (gamma < 1)
    rewards = torch.tensor([[200.0, 0.0], [-200.0, 0.0]], requires_grad=True)
    value = losses.focal(rewards, rewards < 999, ranks=torch.tensor([[1, 2], [1, 2]]), gamma=gamma)
    assert torch.autograd.grad(value.sum(), rewards)[0].isfinite().all()


@pytest.mark.parametrize(("dtype", "gap"), [(torch.float32, -100.0), (torch.float16, -12.0)])
def test_the_naive_forms_break_where_ours_do_not(dtype, gap):
    """log(1 + exp(-d)) overflows and log(sigmoid(d)) underflows; both then have no usable gradient."""
    d = torch.tensor([gap], dtype=dtype, requires_grad=True)
    naive = torch.log(1 + torch.exp(-d))
    assert naive.isinf()
    assert torch.autograd.grad(naive.sum(), d)[0].isnan()
    far = torch.tensor([-120.0], requires_grad=True)
    assert (-torch.log(torch.sigmoid(far))).isinf()
    rewards = torch.tensor([[gap, 0.0]], dtype=dtype)
    value, gradient = value_and_gradient("bradley-terry", rewards, rewards < 99, torch.tensor([[1, 2]]))
    assert value.item() == pytest.approx(-gap, rel=1e-5)
    assert gradient[0, 0].item() == pytest.approx(-1, abs=1e-4)


def test_an_infinite_or_missing_reward_stays_visible():
    ranks, mask = torch.tensor([[1, 2]]), torch.tensor([[True, True]])
    for broken in (float("inf"), NAN):
        value = losses.bradley_terry(torch.tensor([[0.0, broken]]), mask, ranks=ranks)
        assert not value.isfinite().all()


@pytest.mark.parametrize("scale", [1e4, 1e30])
def test_quantile_and_process_and_outcome_per_token_are_finite_far_out(scale):
    rewards = (torch.tensor([[[1.0, -1.0], [-1.0, 1.0]]]) * scale).requires_grad_()
    mask = torch.ones(1, 2, 2).bool()
    for value in (
        losses.quantile(rewards, mask[..., 0], ratings=torch.tensor([[1.0, 2.0]])),
        losses.process(rewards, mask, step_labels=torch.tensor([[[1, 0], [1, 0]]])),
        losses.outcome(rewards, mask, correct=torch.tensor([[1, 0]])),
    ):
        assert value.isfinite().all()
        assert torch.autograd.grad(value.sum(), rewards)[0].isfinite().all()


def test_shares_mix_both_orders_and_their_gradient_is_the_share():
    rewards = torch.tensor([[0.3, -0.4], [1.0, 2.0], [0.0, 5.0]], requires_grad=True)
    mask, ranks = torch.ones(3, 2, dtype=torch.bool), torch.tensor([[1, 2], [2, 1], [1, 2]])
    share = torch.tensor([0.7, 0.9, float("nan")])
    values = losses.under_shares(losses.bradley_terry, rewards, mask, ranks=ranks, share=share)
    gap = torch.tensor([0.7, 1.0, -5.0])  # reward of the better minus that of the worse
    q = torch.tensor([0.7, 0.9, 1.0])
    expected = F.binary_cross_entropy_with_logits(gap, q, reduction="none")
    torch.testing.assert_close(values.detach(), expected)
    values.sum().backward()  # dL/dgap = sigma(gap) - q
    torch.testing.assert_close(rewards.grad[0, 0], torch.sigmoid(gap[0]) - 0.7)
