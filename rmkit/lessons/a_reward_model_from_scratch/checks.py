"""Checks of lesson 03: where a row is read, positions under left padding, accuracy with ties, a ledger."""

from collections import Counter

import numpy as np
import torch
from torch import Tensor

from rmkit.notebook.check import Check, Mistake


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
            "nothing "
            "is padded it finds -1.",
        ),
        Mistake(
            lambda ids, mask, pad_id: ((ids == pad_id).int().argmax(dim=1) - 1) % ids.shape[1],
            "it looks for the first pad token: where pad is the EOS, an EOS inside the prompt stops it "
            "early.",
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
            "it counts columns. With left padding the first real token must be told position 0, not the "
            "number of "
            "its column.",
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
    ),
)


def _rewards(rng: np.random.Generator):
    yield torch.tensor([1.0, 0.0]), torch.tensor([0.0, 0.0])
    yield torch.tensor([0.5, 0.5]), torch.tensor([0.5, 0.5])
    yield torch.tensor([1.0, 2.0, 3.0]), torch.tensor([2.0, 1.0, 3.0])
    for n in (5, 9):
        yield torch.tensor(rng.integers(0, 3, n)).float(), torch.tensor(rng.integers(0, 3, n)).float()


def _without_ties(chosen: Tensor, rejected: Tensor) -> float:
    gap = (chosen - rejected)[chosen != rejected]
    return (gap > 0).float().mean().item()


ACCURACY = Check(
    "accuracy_ties_half",
    reference=lambda chosen, rejected: (((chosen - rejected).sign() + 1) / 2).mean().item(),
    cases=_rewards,
    mistakes=(
        Mistake(
            lambda chosen, rejected: (chosen > rejected).float().mean().item(),
            "a tie counts as lost here: a model that gives everything the same reward would look worse "
            "than a coin, "
            "which it equals.",
        ),
        Mistake(
            lambda chosen, rejected: (chosen >= rejected).float().mean().item(),
            "a tie counts as won here: a model that gives everything the same reward would score 100 %.",
        ),
        Mistake(
            _without_ties,
            "ties are left out: then a model may abstain on all that is hard, and has no accuracy at all "
            "if it always "
            "does.",
        ),
        Mistake(
            lambda chosen, rejected: (chosen - rejected).sign().mean().item(),
            "this runs from -1 to 1 (Kendall's tau); a share runs from 0 to 1.",
        ),
    ),
)

Row = tuple[str, str, str]  # prompt, chosen, rejected


def count_rows(
    rows: list[Row], again=lambda seen, row: row in seen, votes="asked again", strip=str.strip
) -> dict:
    """What becomes of (prompt, chosen, rejected): the first reason that applies, else kept.

    empty: a response without text. identical: both the same. duplicate: an earlier row is the same; but where
    any pair of the list was judged both ways, people were asked again: equal rows are votes, and stay.
    """
    clean = [tuple(strip(text) for text in row) for row in rows]
    usable = {(prompt, a, b) for prompt, a, b in clean if a and b and a != b}
    both_ways = {(prompt, a, b) for prompt, a, b in usable if (prompt, b, a) in usable}
    counts: Counter = Counter()
    seen: set[Row] = set()
    for row in clean:
        if not row[1] or not row[2]:
            reason = "empty"
        elif row[1] == row[2]:
            reason = "identical"
        elif row in both_ways and votes == "none":
            reason = "contradictory"
        elif again(seen, row) and not (both_ways and votes == "asked again"):
            reason = "duplicate"
        else:
            reason = "kept"
        seen.add(row)
        counts[reason] += 1
    return dict(counts)


def _lists(rng: np.random.Generator):
    yield ([("q", "a", "b"), ("q", "b", "a"), ("p", "a", "b")],)
    yield ([("q", "a", "b"), ("q", "b", "a"), ("p", "a", "b"), ("p", "a ", "b")],)
    yield ([("q", "a", "b"), ("q", "a", "b"), ("p", "a", "a"), ("p", "a", " "), ("r", "a ", "b")],)
    yield ([("q", "a", "b"), ("q", "a ", "b"), ("p", "b", "b\n"), ("r", "", ""), ("p", "b", "c")],)
    texts = ["a", "b", "a ", "", "c"]
    for n in (8, 16):
        yield ([tuple(rng.choice(["q", "p"], 1).tolist() + rng.choice(texts, 2).tolist()) for _ in range(n)],)


def _pairs_only(rows: list[Row]) -> dict:
    """Looks at the responses and forgets their prompt."""
    return count_rows([("", chosen, rejected) for _, chosen, rejected in rows])


def _kept_only(rows: list[Row]) -> dict:
    return {"kept": count_rows(rows).get("kept", 0)}


COUNT_ROWS = Check(
    "count_rows",
    reference=count_rows,
    cases=_lists,
    mistakes=(
        Mistake(
            lambda rows: count_rows(rows, votes="none"),
            "rows that were judged both ways are dropped: people disagreed, and that is what we want to "
            "learn. They are votes; all stay.",
        ),
        Mistake(
            lambda rows: count_rows(rows, votes="each pair"),
            "votes that agree are dropped and votes that differ stay: where 70 % of people prefer an answer, "
            "you would read 64 %.",
        ),
        Mistake(
            lambda rows: count_rows(rows, strip=lambda text: text),
            "' a' and 'a' are one answer, and ' ' is none: strip the texts before you compare them.",
        ),
        Mistake(
            lambda rows: count_rows(rows, again=lambda seen, row: False),
            "duplicates are kept: a pair that stands twice in the file pulls twice.",
        ),
        Mistake(
            _pairs_only,
            "the prompt is forgotten: the same two answers may be better and worse to another question.",
        ),
        Mistake(
            _kept_only,
            "the dropped rows are not counted: they must sum up to the rows that were read.",
        ),
    ),
)

CHECKS = (LAST_TOKEN, POSITIONS, ACCURACY, COUNT_ROWS)
