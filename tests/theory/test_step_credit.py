"""Credit of steps, implicit rewards, an erring verifier, progress: against brute force and by hand."""

from itertools import product

import numpy as np
import pytest
import torch

from rmkit.errors import InputError
from rmkit.theory import credit, implicit, losses, progress, verifier

R = np.array([0.9, 0.4, 0.9, 0.7])


def test_credits_by_hand():
    np.testing.assert_allclose(credit.clipped(R, 0.8), [0, -0.4, 0, -0.1])
    np.testing.assert_allclose(credit.differenced(R), [0.5, -0.5, 0.2, 0.7])
    np.testing.assert_allclose(credit.min_form(R, 0), [0, 0.4, 0, 0])
    w = np.exp(-R / 0.1)
    np.testing.assert_allclose(credit.min_form(R), R * w / w.sum())


def test_saying_a_good_step_again_pays_under_the_sum_alone():
    rng = np.random.default_rng(0)
    for size in (1, 3, 6):
        r = rng.random(size)
        again = np.append(r, np.full(4, r.max()))
        assert again.sum() > r.sum()
        assert credit.clipped(again, 0.5).sum() <= credit.clipped(r, 0.5).sum()
        assert credit.differenced(again).sum() == pytest.approx(credit.differenced(r).sum())
        assert credit.differenced(r).sum() == pytest.approx(r[0])
        assert credit.min_form(again, 0).sum() == pytest.approx(credit.min_form(r, 0).sum())
        assert credit.min_form(r).sum() >= r.min()


@pytest.mark.parametrize("bad", [[], [[0.1]], [np.nan]])
def test_credit_needs_numbers(bad):
    with pytest.raises(InputError, match="finite rewards"):
        credit.differenced(bad)
    with pytest.raises(InputError, match="temperature"):
        credit.min_form(R, -1)


def test_implicit_outcome_is_the_outcome_loss_of_the_sum_and_its_gradient_is_one_number():
    ratios = torch.randn(2, 3, 5, generator=torch.Generator().manual_seed(0), requires_grad=True)
    mask = torch.arange(5) < torch.tensor([[5, 3, 1], [2, 4, 5]])[..., None]
    correct = torch.tensor([[1.0, 0.0, 1.0], [0.0, float("nan"), 1.0]])
    loss = implicit.implicit_outcome(ratios, mask, correct=correct, beta=0.5)
    sums = torch.stack([(0.5 * ratios[i, j][mask[i, j]]).sum() for i in range(2) for j in range(3)]).view(
        2, 3
    )
    torch.testing.assert_close(loss, losses.outcome(sums, mask.any(-1), correct=correct))
    (pull,) = torch.autograd.grad(loss.sum(), ratios)
    for i, j in product(range(2), range(3)):  # every token of an answer is pulled alike: only the sum is seen
        assert pull[i, j][mask[i, j]].unique().numel() == 1
    assert pull[1, 1].abs().max() == 0
    assert pull[~mask].abs().max() == 0


def test_step_rewards_add_up_and_leave_out_what_was_cut():
    ratios = torch.tensor([1.0, -0.5, 2.0, 0.25, 3.0])
    found = implicit.step_rewards(ratios, [1, 3, -1], beta=0.5)
    torch.testing.assert_close(found[:2], torch.tensor([0.25, 1.125]))
    assert found[2].isnan()
    torch.testing.assert_close(implicit.step_rewards(ratios, [0, 4], 1.0).sum(), ratios.sum())
    assert implicit.step_rewards(ratios, []).shape == (0,)
    for bad in ([2, 1], [5], [1, 1]):
        with pytest.raises(InputError, match="rise"):
            implicit.step_rewards(ratios, bad)


@pytest.mark.parametrize(("rho0", "rho1"), [(0.0, 0.0), (0.1, 0.3), (0.45, 0.2), (0.8, 0.9)])
def test_the_corrected_reward_is_unbiased_exactly(rho0, rho1):
    right, wrong = verifier.unbiased([1.0, 0.0], rho0, rho1)
    mean_of_right = (1 - rho1) * right + rho1 * wrong  # over what the checker may say
    mean_of_wrong = rho0 * right + (1 - rho0) * wrong
    assert mean_of_right == pytest.approx(1)
    assert mean_of_wrong == pytest.approx(0, abs=1e-12)
    assert right - wrong == pytest.approx(1 / (1 - rho0 - rho1))


@pytest.mark.parametrize("rates", [(0.5, 0.5), (-0.1, 0.2), (0.1, 1.2)])
def test_a_checker_that_says_nothing_is_refused(rates):
    with pytest.raises(InputError, match="two shares"):
        verifier.unbiased([1], *rates)


def test_values_against_every_path():
    p = np.array([[0.7, 0.2, 0.1], [0.3, 0.3, 0.4], [0.0, 0.5, 0.5]])
    success = np.array([1.0, 0.25, 0.0])
    found = progress.values(p, success, 3)
    for start in range(3):
        total = 0.0
        for path in product(range(3), repeat=3):
            chance = np.prod([p[a, b] for a, b in zip((start, *path), path, strict=False)])
            total += chance * success[path[-1]]
        assert found[3, start] == pytest.approx(total)


def test_progress_has_mean_zero_under_the_prover_and_two_states_have_a_closed_form():
    slips, repairs, left = 0.2, 0.1, 4
    p = np.array([[1 - slips, slips], [repairs, 1 - repairs]])
    found = progress.progress(p, [1.0, 0.0], left)
    np.testing.assert_allclose((p * found).sum(1), 0, atol=1e-12)
    apart = (1 - slips - repairs) ** (left - 1)  # the table's second eigenvalue
    assert found[0, 0] - found[0, 1] == pytest.approx(apart)


def test_a_table_that_is_none_is_refused():
    with pytest.raises(InputError, match="rows that sum to 1"):
        progress.values([[0.5, 0.2], [0, 1]], [1, 0], 2)
    with pytest.raises(InputError, match="step left"):
        progress.progress(np.eye(2), [1, 0], 0)
