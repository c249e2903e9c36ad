"""Checks of lesson 03: where a row is read, positions under left padding, a ledger, the cut."""

import itertools
from collections import Counter

import numpy as np
import torch
from torch import Tensor

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


Row = tuple[str, str, str]  # prompt, chosen, rejected


_ORDER = ("empty", "identical", "duplicate")


def count_rows(
    rows: list[Row], order=_ORDER, votes="asked again", strip=str.strip, unordered=False
) -> dict[str, int]:
    """What becomes of (prompt, chosen, rejected): the first reason in `order` that applies, else kept.

    empty: a response without text. identical: both the same. duplicate: an earlier row is the same; but where
    any pair of the list was judged both ways, people were asked again: equal rows are votes, and stay.
    """
    clean = [tuple(strip(text) for text in row) for row in rows]
    usable = {(prompt, a, b) for prompt, a, b in clean if a and b and a != b}
    both_ways = {(prompt, a, b) for prompt, a, b in usable if (prompt, b, a) in usable}
    counts: Counter = Counter()
    seen: set[Row] = set()
    for row in clean:
        prompt, chosen, rejected = row
        again = row in seen or (unordered and (prompt, rejected, chosen) in seen)
        applies = {
            "empty": not chosen or not rejected,
            "identical": chosen == rejected,
            "contradictory": row in both_ways,
            "duplicate": again and not (both_ways and votes == "asked again"),
        }
        counts[next((reason for reason in order if applies[reason]), "kept")] += 1
        seen.add(row)
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
            lambda rows: count_rows(rows, order=("empty", "identical", "contradictory", "duplicate")),
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
            lambda rows: count_rows(rows, order=("empty", "identical")),
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
        Mistake(
            lambda rows: dict.fromkeys(("kept", *_ORDER), 0) | count_rows(rows),
            "reasons that no row has are in it with 0; leave them out.",
        ),
        Mistake(
            lambda rows: count_rows(rows, order=("identical", "empty", "duplicate")),
            "two empty responses are `empty`: the first reason that applies counts.",
        ),
        Mistake(
            lambda rows: count_rows(rows, votes="each pair", unordered=True),
            "a pair judged the other way around is no duplicate: somebody disagreed, and that vote stays.",
        ),
        Mistake(
            lambda rows: count_rows(rows, order=("empty", "duplicate")),
            "two responses that are the same are not sorted out as `identical`.",
        ),
    ),
)


def cut_prompt(prompt: list[int], responses: list[list[int]], limit: int) -> list[int]:
    """The end of the prompt that leaves room for the longest response: one prompt for all of them."""
    return prompt[max(0, len(prompt) + max(map(len, responses)) - limit) :]


def _too_long(rng: np.random.Generator):
    yield [1, 2, 3, 4], [[5], [6, 7]], 10  # fits
    yield [1, 2, 3, 4], [[5], [6, 7]], 5
    yield [1, 2, 3, 4, 5, 6], [[7, 8, 9], [7]], 6
    for n in (8, 12):
        responses = [rng.integers(2, 9, k).tolist() for k in rng.choice(np.arange(1, 6), 2, replace=False)]
        yield rng.integers(2, 9, n).tolist(), responses, n - 2


def _room(prompt, responses, limit, longest=max):
    return max(0, limit - longest(map(len, responses)))


_NO_ROOM = (
    "no room is left for the prompt, so nothing of it stays. (prompt[-0:] is the *whole* prompt, and a "
    "negative start counts from the end.)"
)

CUT = Check(
    "cut_prompt",
    reference=cut_prompt,
    cases=_too_long,
    mistakes=(
        Mistake(
            lambda prompt, responses, limit: prompt[: _room(prompt, responses, limit)],
            "the end of the prompt goes, where the question stands; drop its start.",
        ),
        Mistake(
            lambda prompt, responses, limit: prompt[-_room(prompt, responses, limit) :],
            _NO_ROOM,
        ),
        Mistake(
            lambda prompt, responses, limit: cut_prompt(prompt, responses[:1], limit),
            "only the first response was measured; the longest of all must fit.",
        ),
        Mistake(
            lambda prompt, responses, limit: prompt[
                max(0, len(prompt) - _room(prompt, responses, limit, longest=min)) :
            ],
            "it leaves room for the shortest response; the longest must fit too.",
        ),
        Mistake(
            lambda prompt, responses, limit: cut_prompt(prompt, [[*itertools.chain(*responses)]], limit),
            "it leaves room for all responses at once; each makes a row of its own with the prompt.",
        ),
        Mistake(
            lambda prompt, responses, limit: prompt[-limit:],
            "the prompt alone fits; the longest response must fit behind it.",
        ),
        Mistake(
            lambda prompt, responses, limit: prompt,
            "nothing is cut. Then the limit cuts the end of each row, and that is the response.",
        ),
        Mistake(
            lambda prompt, responses, limit: cut_prompt(prompt, responses, limit - 1),
            "off by one: exactly `limit` tokens are allowed.",
        ),
        Mistake(
            lambda prompt, responses, limit: cut_prompt(prompt, responses, limit + 1),
            "off by one: the longest row has one token more than `limit`.",
        ),
        Mistake(
            lambda prompt, responses, limit: [
                (prompt + response)[max(0, len(prompt + response) - limit) :] for response in responses
            ],
            "these are rows, and each has a prompt of its own; return one prompt for all responses.",
        ),
    ),
    traps=(
        Trap(([1, 2, 3], [[4, 5, 6, 7], [8]], 4), _NO_ROOM),
        Trap(([1, 2, 3], [[4, 5, 6, 7, 8], [9]], 4), _NO_ROOM),
        Trap(([1, 2, 3], [[4], [5, 6]], 5), "what fits exactly stays whole."),
        Trap(([], [[4], [5, 6]], 5), "an empty prompt stays empty."),
    ),
)

CHECKS = (LAST_TOKEN, POSITIONS, COUNT_ROWS, CUT)
