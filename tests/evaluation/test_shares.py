"""Pairs with a share of votes: the probability that a model gives is compared with the share itself."""

import numpy as np
import pytest
from scipy import special

import rmkit
from rmkit.errors import InputError
from rmkit.theory.calibration import calibration, reliability_curve

GAP = float(np.log(2))  # sigma(GAP) is 2/3


def votes(up: int, of: int, prompts: int = 10) -> list[dict]:
    """Of each prompt so many votes for "wren", the others for "crow"."""
    two = [("wren", "crow"), ("crow", "wren")]
    rows = [(f"p{p}", *two[vote >= up]) for p in range(prompts) for vote in range(of)]
    return [{"prompt": p, "chosen": better, "rejected": worse} for p, better, worse in rows]


def rewards(preferences, gap: float) -> list[list[float]]:
    return [[gap if text == "wren" else 0.0 for text in record.responses] for record in preferences]


def test_two_votes_of_three_are_two_thirds():
    shared = rmkit.load(votes(2, 3), votes="share", clean=False)
    found = rmkit.evaluate(rewards(shared, GAP), shared)
    assert found.comparisons["share"].tolist() == pytest.approx([2 / 3] * 10)
    assert found.calibration["brier"] == pytest.approx(0, abs=1e-12)
    assert found.calibration["ece"] == pytest.approx(0, abs=1e-12)
    assert found.calibration["temperature"] == pytest.approx(1)
    assert found.accuracy == 1  # as most people said
    assert found.reliability.agreement == pytest.approx([2 / 3] * 10)
    assert not any(note.startswith("Of the ECE") for note in found.notes)


def test_a_model_that_is_too_sure_of_a_share():
    shared = rmkit.load(votes(2, 3), votes="share", clean=False)
    found = rmkit.evaluate(rewards(shared, 3.0), shared).calibration
    assert found["brier"] == pytest.approx((special.expit(3.0) - 2 / 3) ** 2)
    assert found["ece"] == pytest.approx(special.expit(3.0) - 2 / 3)
    assert found["temperature"] == pytest.approx(3.0 / GAP)


def test_a_pick_against_the_majority_agrees_with_the_rest():
    shared = rmkit.load(votes(2, 3), votes="share", clean=False)
    found = rmkit.evaluate(rewards(shared, -GAP), shared)
    assert found.accuracy == 0
    assert found.calibration["ece"] == pytest.approx(2 / 3 - 1 / 3)
    assert found.calibration["brier"] == pytest.approx((1 / 3 - 2 / 3) ** 2)


def test_shares_and_single_votes_fit_the_same_temperature():
    shared, each = (rmkit.load(votes(2, 3), votes=how, clean=False) for how in ("share", "each"))
    found = [rmkit.evaluate(rewards(data, 2.0), data).calibration for data in (shared, each)]
    assert found[0]["temperature"] == pytest.approx(found[1]["temperature"])
    assert found[0]["brier"] < found[1]["brier"]  # a single vote is never two thirds


def test_shares_in_the_formulas():
    gaps, share = np.array([2.0, -1.0, 0.0]), np.array([0.9, 0.6, 0.5])
    found = calibration(gaps, bins=1, share=share)
    p = special.expit(gaps)
    assert found.brier == pytest.approx(np.mean((share - p) ** 2))
    assert found.log_loss == pytest.approx(np.mean(-share * np.log(p) - (1 - share) * np.log(1 - p)))
    assert reliability_curve(gaps, 1, share).agreement[0] == pytest.approx(np.mean([0.9, 0.4, 0.5]))
    assert calibration(gaps, share=np.ones(3)) == calibration(gaps)


@pytest.mark.parametrize("share", [[0.5], [0.5, 2.0], [-0.1, 1.0]])
def test_what_is_no_share(share):
    with pytest.raises(InputError, match="share needs a number from 0 to 1 for each of the 2 gaps"):
        calibration([1.0, 2.0], share=share)
