"""The exercises of lesson 00: agreement with votes, and what the best of n answers is worth."""

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


def _best(rewards: torch.Tensor, gold: torch.Tensor) -> float:
    return float(gold.gather(1, rewards.argmax(1, keepdim=True)).mean())


def _drafts(rng):
    yield torch.tensor([[0.1, 0.9]]), torch.tensor([[1.0, 0.25]])
    yield torch.tensor([[2.0, -1.0, 0.5], [-3.0, 0.0, 1.0]]), torch.tensor([[0.5, 0.9, 0.1], [0.3, 0.8, 0.6]])
    for prompts, n in ((3, 4), (5, 8), (8, 3)):
        rewards, gold = rng.normal(size=(prompts, n)), rng.uniform(size=(prompts, n))
        yield torch.tensor(rewards).float(), torch.tensor(gold).float()


BEST_GOLD = Check(
    "best_gold",
    reference=_best,
    cases=_drafts,
    traps=(
        Trap(
            (torch.tensor([[-2.0, -1.0]]), torch.tensor([[0.2, 0.7]])),
            "rewards have no zero: the highest of negative rewards is as good a choice as any.",
        ),
    ),
    mistakes=(
        Mistake(
            lambda r, g: float(g.max(1).values.mean()),
            "this is the best answer by gold. Whoever chooses sees the rewards only.",
        ),
        Mistake(
            lambda r, g: float(r.max(1).values.mean()),
            "this is the reward of the chosen answers; asked is their gold reward.",
        ),
        Mistake(
            lambda r, g: float(g.mean()),
            "this is the mean of all answers, with no choice among them.",
        ),
        Mistake(
            lambda r, g: float(g[:, 0].mean()),
            "this takes the first answer of every prompt; choose by the reward.",
        ),
        Mistake(
            lambda r, g: float(g.gather(1, r.argmin(1, keepdim=True)).mean()),
            "this chooses the answer with the lowest reward.",
        ),
        Mistake(
            lambda r, g: float(g.flatten()[r.argmax()]),
            "this chooses one answer for all prompts together; choose one for each prompt, a row.",
        ),
        Mistake(
            lambda r, g: float(g[:, r.argmax(1)].mean()),
            "gold[:, best] takes every prompt's best place from all rows; gather takes one from each row.",
        ),
        Mistake(
            lambda r, g: float(g.gather(0, r.argmax(0, keepdim=True)).mean()),
            "this chooses along a column; a row holds the answers to one prompt, so choose along the row.",
        ),
        Mistake(
            lambda r, g: float(g.gather(1, r.argmax(1, keepdim=True)).sum()),
            "this is the sum over prompts; asked is the mean.",
        ),
        Mistake(
            lambda r, g: float((r.softmax(1) * g).sum(1).mean()),
            "this weighs all answers by their rewards; best-of-n keeps the highest and drops the rest.",
        ),
    ),
)

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
    BEST_GOLD,
)
