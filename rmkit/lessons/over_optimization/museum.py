"""Lesson 11's exhibit: the price of disagreement is set to 0, and becomes 1."""

import numpy as np

from rmkit.notebook.exhibit import Exhibit

PRICES = (1.0, 0.3, 0.1, 0.0)


def _sweep(planted: bool) -> dict[str, float]:
    """Share of prompts where an ensemble of 5 picks, of 16 responses, the one that its plain mean picks.

    200 prompts; members agree on most responses and disagree on some. planted: the price is handed on only
    `if price`, else always.
    """
    rng = np.random.default_rng(0)
    apart = rng.exponential(size=(200, 16))
    rewards = rng.normal(size=(200, 16)) + apart * rng.normal(
        size=(5, 200, 16)
    )  # (members, prompts, responses)

    def careful(rewards: np.ndarray, price: float = 1.0) -> np.ndarray:
        return rewards.mean(0) - price * rewards.var(0)

    best = rewards.mean(0).argmax(-1)
    shares = {}
    for price in PRICES:
        combined = careful(rewards, price) if price or not planted else careful(rewards)
        shares[f"price {price:g}"] = round(float((combined.argmax(-1) == best).mean()), 3)
    return shares


EXHIBITS = (
    Exhibit(
        name="free_is_full_price",
        lesson="11_over_optimization",
        symptom="A sweep over the price of disagreement moves towards the plain mean as the price falls, and "
        "at a price of exactly 0 it jumps back to where it began.",
        cause="The price is handed on with `if weight`, and 0 is false in Python: the function then takes "
        "its default, a price of 1.",
        cure="Ask `weight is not None`, or give the function no default; and test both ends of every sweep "
        "against what they must be (a price of 0 is the mean).",
        source="tlc4418/llm_optimization, src/bon/ensemble_rm.py, get_ensemble_score (commit 911b2f8): "
        "the code of Coste et al. (2024)",
        run=_sweep,
        symptom_in=lambda seen: seen["price 0"] == seen["price 1"],
    ),
)
