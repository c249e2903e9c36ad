"""Checks of lesson 03: where a row is read, positions under left padding; those of rows and of training."""

import numpy as np
import torch
from torch import Tensor

from rmkit.lessons.a_reward_model_from_scratch.encode_checks import ENCODE
from rmkit.lessons.a_reward_model_from_scratch.row_checks import COUNT_ROWS, CUT
from rmkit.lessons.a_reward_model_from_scratch.training_checks import FORWARD, LOOP, LOSS
from rmkit.notebook.check import Check, Mistake, Trap


def _padded(rows: list[list[int]], pad_id: int, left: bool = False) -> tuple[Tensor, Tensor]:
    """(token ids, attention mask), each (R, L)."""
    longest = max(map(len, rows))
    fill = [[0] * (longest - len(row)) for row in rows]
    real = [[1] * len(row) for row in rows]
    mask = torch.tensor([f + r if left else r + f for f, r in zip(fill, real, strict=True)])
    ids = torch.full(mask.shape, pad_id)
    ids[mask == 1] = torch.tensor([token for row in rows for token in row])
    return ids, mask


def _random_rows(rng: np.random.Generator) -> list[list[int]]:
    """Texts of words 2 to 9, an EOS (1) at the end and sometimes one inside."""
    rows = [[*rng.integers(2, 10, n).tolist(), 1] for n in rng.integers(2, 8, 5)]
    return [[*row[:1], 1, *row[1:]] if rng.random() < 0.5 else row for row in rows]


def _batches(rng: np.random.Generator):
    yield *_padded([[5, 6, 1], [5, 1]], 0), 0  # pad is a token of its own
    yield *_padded([[5, 6, 7, 1], [5, 1, 6, 1], [5, 1]], 1), 1  # pad is the EOS
    yield *_padded([[5, 6, 7, 1], [5, 1]], 0, left=True), 0
    yield *_padded([[5, 1], [6, 1]], 0), 0  # nothing to pad
    for left in (False, True):
        for pad_id in (0, 1):
            yield *_padded(_random_rows(rng), pad_id, left), pad_id


def _last(ids: Tensor, mask: Tensor, pad_id: int) -> Tensor:
    return (mask * torch.arange(mask.shape[1])).argmax(dim=1)


def _rightmost_other_token(ids: Tensor, mask: Tensor, pad_id: int) -> Tensor:
    return ((ids != pad_id) * torch.arange(ids.shape[1])).argmax(dim=1)


LAST_TOKEN = Check(
    "last_token_index",
    reference=_last,
    cases=_batches,
    mistakes=(
        Mistake(
            lambda ids, mask, pad_id: torch.full((len(ids),), ids.shape[1] - 1),
            "this is the last column: right for the longest row, and padding for every other one.",
        ),
        Mistake(
            lambda ids, mask, pad_id: (ids == pad_id).int().argmax(dim=1) - 1,
            "it looks for the first pad token: where pad is the EOS it stops inside the prompt, and where "
            "nothing is padded it finds -1.",
        ),
        Mistake(
            lambda ids, mask, pad_id: ((ids == pad_id).int().argmax(dim=1) - 1) % ids.shape[1],
            "it looks for the first pad token: where pad is the EOS, one inside the prompt stops it early.",
        ),
        Mistake(
            _rightmost_other_token,
            "it takes the last token that is not the pad token: where pad is the EOS it skips the EOS that "
            "ends the response. Ask the mask, not the tokens.",
        ),
        Mistake(
            lambda ids, mask, pad_id: mask.sum(dim=1) - 1,
            "the number of real tokens less one is right for right padding only; on the left, padding "
            "comes first.",
        ),
        Mistake(
            lambda ids, mask, pad_id: mask.sum(dim=1),
            "off by one: n tokens stand at the indices 0 to n - 1.",
        ),
        Mistake(
            lambda ids, mask, pad_id: ((ids == 1) * torch.arange(ids.shape[1])).argmax(dim=1),
            "it takes the last EOS: where pad is the EOS too, that is padding. Ask the mask, not the tokens.",
        ),
        Mistake(
            lambda ids, mask, pad_id: (ids != pad_id).sum(dim=1) - 1,
            "it counts what is not the pad token: where pad is the EOS, the EOS of the text is not counted. "
            "Ask the mask.",
        ),
        Mistake(
            lambda ids, mask, pad_id: torch.full((len(ids),), -1),
            "-1 is the last column: right for left padding, and padding for short rows padded on the right.",
        ),
    ),
    traps=(
        Trap(
            (torch.tensor([[1, 1, 5, 1]]), torch.tensor([[0, 1, 1, 1]]), 1),
            "a row may be all that there is, and begin with the token that also pads.",
        ),
    ),
)


def _masks(rng: np.random.Generator):
    yield (torch.tensor([[1, 1, 1], [0, 1, 1]]),)
    yield (torch.tensor([[1, 1, 1], [1, 1, 0]]),)
    for left in (True, False):
        yield (_padded(_random_rows(rng), 0, left)[1],)


POSITIONS = Check(
    "padding_positions",
    reference=lambda mask: (mask.cumsum(dim=1) - 1) * mask,
    cases=_masks,
    mistakes=(
        Mistake(
            lambda mask: torch.arange(mask.shape[1]).expand(mask.shape),
            "it counts columns. With left padding the first real token must be at 0, not at its column.",
        ),
        Mistake(
            lambda mask: mask.cumsum(dim=1),
            "it counts from 1; positions start at 0.",
        ),
        Mistake(
            lambda mask: mask.cumsum(dim=1) * mask,
            "it counts from 1; positions start at 0, at the first real token.",
        ),
        Mistake(
            lambda mask: mask.cumsum(dim=1) - 1,
            "padding on the left gets position -1, and an embedding has no such row: give padding 0.",
        ),
        Mistake(
            lambda mask: (mask.cumsum(dim=1) - 1).clamp(min=0),
            "right on the left; but padding on the right goes on with the last position. Give all padding 0.",
        ),
        Mistake(
            lambda mask: (mask.cumsum(dim=1) - 1).masked_fill(mask == 0, 1),
            "padding gets position 1 here, as in transformers' generate; the lesson gives it 0.",
        ),
        Mistake(
            lambda mask: torch.arange(mask.shape[1]) * mask,
            "it counts columns, and only then blanks the padding: the first real token must be 0.",
        ),
    ),
)


CHECKS = (CUT, ENCODE, COUNT_ROWS, LAST_TOKEN, FORWARD, POSITIONS, LOSS, LOOP)
