"""The exercise of lesson 00."""

import torch

from rmkit.notebook.check import Check, Mistake, Trap


def _accuracy(chosen: torch.Tensor, rejected: torch.Tensor) -> float:
    return float(((chosen - rejected).sign() + 1).mean() / 2)


def _without_ties(chosen: torch.Tensor, rejected: torch.Tensor) -> float:
    return float((chosen > rejected)[chosen != rejected].float().mean())


def _cases(rng):
    yield torch.tensor([1.0]), torch.tensor([0.0])
    yield torch.tensor([1.0, 0.0]), torch.tensor([1.0, 2.0])
    for n in (3, 8, 21):
        chosen, rejected = (torch.tensor(rng.integers(-2, 3, size=n), dtype=torch.float32) for _ in range(2))
        yield chosen, rejected


CHECKS = (
    Check(
        "pair_accuracy",
        reference=_accuracy,
        cases=_cases,
        traps=(
            Trap(
                (torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.5])),
                "a model that gives every answer the same reward scores like a coin, one half.",
            ),
            Trap(
                (torch.tensor([1.0, 2.0]), torch.tensor([1.0 - 1e-6, 0.0])),
                "a small lead is a lead: only equal rewards are a tie.",
            ),
        ),
        mistakes=(
            Mistake(
                lambda c, r: float((c > r).float().mean()),
                "equal rewards count nothing here; they should count half.",
            ),
            Mistake(
                lambda c, r: float((c >= r).float().mean()),
                "equal rewards count as won here; they should count half.",
            ),
            Mistake(
                _without_ties,
                "equal rewards are left out; they should count half, or a model could abstain on all that "
                "is hard.",
            ),
            Mistake(
                lambda c, r: float(((r - c).sign() + 1).mean() / 2),
                "the sign is flipped: a pair is won where the chosen answer has the higher reward.",
            ),
            Mistake(
                lambda c, r: float(((c - r).sign() + 1).sum() / 2),
                "this is the number of pairs won; divide by how many there are.",
            ),
            Mistake(
                lambda c, r: float((c - r).sign().mean()),
                "this runs from -1 to 1 (Kendall's tau); a share runs from 0 to 1.",
            ),
            Mistake(
                lambda c, r: float(torch.sigmoid(c - r).mean()),
                "this is the mean probability; accuracy counts each pair as won, lost or tied.",
            ),
        ),
    ),
)
