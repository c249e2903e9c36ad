"""The exercise of lesson 00."""

import torch

from rmkit.notebook.check import Check, Mistake


def _accuracy(chosen: torch.Tensor, rejected: torch.Tensor) -> float:
    return float(((chosen - rejected).sign() + 1).mean() / 2)


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
                lambda c, r: float(((r - c).sign() + 1).mean() / 2),
                "the sign is flipped: a pair is won where the chosen answer has the higher reward.",
            ),
            Mistake(
                lambda c, r: float(((c - r).sign() + 1).sum() / 2),
                "this is the number of pairs won; divide by how many there are.",
            ),
        ),
    ),
)
