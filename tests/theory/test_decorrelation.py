"""ODIN's terms against numpy and scipy, and against autograd's finite differences."""

import numpy as np
import pytest
import torch
from scipy import stats

from rmkit.theory.decorrelation import correlation, odin, overlap, within


def drawn(seed=0, groups=7, k=4):
    rng = np.random.default_rng(seed)
    rewards, lengths = rng.normal(size=(2, groups, k))
    mask = rng.random((groups, k)) < 0.8
    return torch.tensor(rewards), torch.tensor(lengths), torch.tensor(mask)


def test_within_is_pearson_after_each_groups_own_mean_is_out():
    rewards, lengths, mask = drawn()
    flat = [[], []]
    for r, s, m in zip(rewards.numpy(), lengths.numpy(), mask.numpy(), strict=True):
        for values, kept in zip((r[m], s[m]), flat, strict=True):
            kept.extend(values - values.mean() if len(values) else values)
    assert correlation(rewards, lengths, mask).item() == pytest.approx(
        np.corrcoef(flat[0], flat[1])[0, 1], abs=1e-6
    )


def test_one_group_of_all_answers_is_scipys_pearson():
    rewards, lengths, _ = drawn(1, 1, 30)
    mask = torch.ones(1, 30, dtype=torch.bool)
    expected = stats.pearsonr(rewards[0].numpy(), lengths[0].numpy()).statistic
    assert correlation(rewards, lengths, mask).item() == pytest.approx(expected, abs=1e-6)


def test_for_pairs_it_is_the_cosine_of_the_gaps():
    rewards, lengths, _ = drawn(2, 9, 2)
    r, s = (values[:, 0] - values[:, 1] for values in (rewards, lengths))
    expected = (r @ s / (r.norm() * s.norm())).item()
    assert correlation(rewards, lengths, torch.ones(9, 2, dtype=torch.bool)).item() == pytest.approx(
        expected, abs=1e-6
    )


def test_a_prompts_own_level_and_padding_move_nothing():
    rewards, lengths, mask = drawn(3)
    base = correlation(rewards, lengths, mask).item()
    shift = torch.arange(7.0)[:, None]
    noise = torch.where(mask, 0.0, 1e6)
    moved = correlation(rewards + 5 * shift + noise, lengths - 3 * shift - noise, mask).item()
    assert moved == pytest.approx(base, abs=1e-4)
    assert (within(rewards + noise, mask)[~mask] == 0).all()


def test_nothing_that_varies_is_0_with_a_finite_gradient():
    rewards = torch.zeros(3, 2, requires_grad=True)
    lengths, mask = torch.tensor([[1.0, 2.0], [3.0, 1.0], [2.0, 2.0]]), torch.ones(3, 2, dtype=torch.bool)
    for value in (correlation(rewards, lengths, mask), correlation(rewards, torch.ones(3, 2), mask)):
        (slope,) = torch.autograd.grad(value, rewards, retain_graph=True)
        assert value.item() == 0
        assert slope.isfinite().all()


def test_overlap_is_the_cosine_without_its_sign():
    assert overlap(torch.tensor([3.0, 4.0]), torch.tensor([-4.0, 3.0])).item() == pytest.approx(0)
    assert overlap(torch.tensor([1.0, 0.0]), torch.tensor([-1.0, 1.0])).item() == pytest.approx(0.5**0.5)
    assert overlap(torch.zeros(2), torch.ones(2)).item() == 0


def test_odin_is_the_sum_of_its_terms_and_lowest_where_the_heads_are_parted():
    rewards, lengths, mask = drawn(4)
    other = drawn(5)[0]
    heads = (torch.tensor([1.0, 2.0]), torch.tensor([2.0, 1.0]))
    by_hand = 0.3 * (
        abs(correlation(rewards, lengths, mask)) + 1 - correlation(other, lengths, mask)
    ) + 0.7 * abs(4 / 5)
    got = odin(rewards, other, lengths, mask, heads=heads, decorrelate=0.3, orthogonal=0.7)
    assert got.item() == pytest.approx(by_hand.item(), abs=1e-6)
    gone = within(rewards, mask) - correlation(rewards, lengths, mask) * (
        within(rewards, mask).norm() / within(lengths, mask).norm()
    ) * within(lengths, mask)
    right_angle = (torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    assert odin(gone, 3 * lengths, lengths, mask, heads=right_angle).item() == pytest.approx(0, abs=1e-5)


def test_gradients_agree_with_finite_differences():
    rewards, lengths, mask = (
        values.double() if values.is_floating_point() else values for values in drawn(6)
    )
    rewards.requires_grad_()
    (slope,) = torch.autograd.grad(correlation(rewards, lengths, mask).abs(), rewards)
    for place in ((0, 0), (3, 2), (6, 1)):
        bump = torch.zeros_like(rewards)
        bump[place] = 1e-2
        up, down = (correlation(rewards.detach() + sign * bump, lengths, mask).abs() for sign in (1, -1))
        assert slope[place].item() == pytest.approx(((up - down) / 2e-2).item(), abs=1e-3)
