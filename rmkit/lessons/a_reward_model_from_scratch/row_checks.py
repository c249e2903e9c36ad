"""Checks of lesson 03 on the data pipeline: what becomes of rows, and what is cut from a prompt."""

import itertools
from collections import Counter

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap

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
