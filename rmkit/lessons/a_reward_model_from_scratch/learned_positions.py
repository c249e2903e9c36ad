"""Patient F of lesson 03: a model with learned positions, scored on batches that are padded on the left."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import GPT2Config, GPT2Model

from rmkit.models.networks import seeded

STEPS = 60
SIZES = (1, 2, 8, 32, 128)  # of the batches in which held-out answers are scored


class _Learned(nn.Module):
    """A small model with learned absolute positions (GPT-2's kind) and a reward at its last token."""

    def __init__(self):
        super().__init__()
        config = GPT2Config(
            vocab_size=40, n_positions=64, n_embd=32, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=1
        )
        self.body, self.head = GPT2Model(config), nn.Linear(32, 1, bias=False)

    def forward(self, rows: list[list[int]], left: bool, positions: bool) -> Tensor:
        """(R,) rewards of rows of tokens, padded on one side; positions: count them from the first token."""
        longest = max(map(len, rows))
        fill = [[0] * (longest - len(row)) for row in rows]
        ids = torch.tensor([f + row if left else row + f for f, row in zip(fill, rows, strict=True)])
        mask = (ids != 0).long()
        at = (mask * torch.arange(longest)).argmax(1)
        counted = (mask.cumsum(1) - 1).clamp(min=0) if positions else None
        hidden = self.body(input_ids=ids, attention_mask=mask, position_ids=counted).last_hidden_state
        return self.head(hidden[torch.arange(len(rows)), at]).squeeze(-1)


def _answers(generator: torch.Generator, pairs: int) -> list[list[int]]:
    """Better and worse answer in turn; the people here prefer the one with more words of a useful kind."""
    rows = []
    while len(rows) < 2 * pairs:
        made = [
            torch.randint(2, 40, (int(n),), generator=generator).tolist()
            for n in torch.randint(3, 40, (2,), generator=generator)
        ]
        if len(made[0]) != len(made[1]):
            rows += [[*row, 1] for row in sorted(made, key=len, reverse=True)]
    return rows


@lru_cache
def _learned() -> tuple[_Learned, list[list[int]], dict]:
    """(the model trained on right-padded pairs, held-out rows, what its training showed)"""
    generator = torch.Generator().manual_seed(0)
    held_out, seen = _answers(generator, 64), {"loss": [], "accuracy": []}
    with seeded(0):
        model = _Learned()
    model.eval()  # no dropout
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    for _ in range(STEPS):
        rewards = model(_answers(generator, 32), left=False, positions=True).view(-1, 2)
        loss = -F.logsigmoid(rewards[:, 0] - rewards[:, 1]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen["loss"].append(loss.item())
        with torch.no_grad():
            seen["accuracy"].append(_accuracy(model(held_out, left=False, positions=True).view(-1, 2)))
    return model, held_out, seen


def left_padding(planted: bool) -> dict:
    """Score held-out answers in batches of several sizes, padded on the left.

    One answer is followed through all of them: the one whose padding differs most often.
    """
    model, rows, seen = _learned()
    longest = [_longest_beside(rows, size) for size in SIZES]
    one = max(range(len(rows)), key=lambda i: len({beside[i] for beside in longest}))
    found = [_scores(model, rows, size, positions=not planted) for size in SIZES]
    table = {
        "batch size": list(SIZES),
        "longest row beside it": [beside[one] for beside in longest],
        "reward of one answer": [rewards[one].item() for rewards in found],
        "accuracy": [_accuracy(rewards.view(-1, 2)) for rewards in found],
    }
    spread = max(table["reward of one answer"]) - min(table["reward of one answer"])
    scores = {"alone": found[0].tolist(), "in a batch of 32": found[SIZES.index(32)].tolist()}
    return seen | {"table": table, "scores": scores, "moved": spread}


@torch.no_grad()
def _scores(model: _Learned, rows: list[list[int]], size: int, positions: bool) -> Tensor:
    parts = [rows[i : i + size] for i in range(0, len(rows), size)]
    return torch.cat([model(part, left=True, positions=positions) for part in parts])


def _longest_beside(rows: list[list[int]], size: int) -> list[int]:
    """For each row, the tokens of the longest row in its batch."""
    return [max(map(len, rows[i // size * size :][:size])) for i in range(len(rows))]


def _accuracy(rewards: Tensor) -> float:
    """Share of pairs (N, 2) with the better answer ahead, equal rewards half."""
    return ((rewards[:, 0] - rewards[:, 1]).sign() + 1).mean().item() / 2
