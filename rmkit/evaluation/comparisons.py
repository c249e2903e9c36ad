"""Rewards beside labels: one row for every pair that people ordered, or for every answer judged right or
wrong."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rmkit.data.preferences import Preferences, prompt_key
from rmkit.data.records import Record, ranks_of
from rmkit.data.stored_records import labels_alone
from rmkit.errors import InputError

REFERENCE = -1  # the item of reward 0 against which a single answer is compared
COLUMNS = ["gap", "longer", "earlier", "group", "better", "worse", "at", "prompt", "subset"]


class _Items(dict):
    """A number for every (prompt, text): two pairs that share an answer share its number."""

    def __missing__(self, key: tuple[str, str]) -> int:
        self[key] = len(self)
        return self[key]


def judged_ranks(record: Record) -> list[int]:
    """K ranks (1 = best, 0 = none) as most votes say: an even share orders nothing, a smaller one turns."""
    ranks, share = ranks_of(record), record.share
    if share is None or share > 0.5:
        return ranks
    return [1] * len(ranks) if share == 0.5 else ranks[::-1]  # a share goes with two responses


def compare(rewards: list[np.ndarray], preferences: Preferences) -> pd.DataFrame:
    """One row for each pair (better, worse) of a group whose ranks differ.

    gap, longer, earlier   how much more reward and length (characters) the better one has, and how many
                           places before the other it stands
    group, prompt, subset  where the pair is from.   better, worse: the items, equal where prompt and text are
    at                     the better one's place in its group; the worse one's is at + earlier
    """
    items, keys, subsets, lengths, numbers, ranks, counts = _Items(), [], [], [], [], [], []
    for record in preferences:
        key = prompt_key(record)
        place = _place(record, key)
        keys.append(key)
        subsets.append(record.subset or "")
        lengths += map(len, record.responses)
        numbers += [items[place, text] for text in record.responses]
        ranks += judged_ranks(record)
        counts.append(len(record.responses))
    group, i, j = _ordered(np.array(ranks, dtype=np.int64), np.array(counts, dtype=np.int64))
    first = np.cumsum([0, *counts])[group]
    a, b = first + i, first + j
    reward = np.concatenate([np.zeros(0), *rewards])
    length, item = np.array(lengths, dtype=np.int64), np.array(numbers, dtype=np.int64)
    columns = (reward[a] - reward[b], length[a] - length[b], j - i, group, item[a], item[b], i)
    names = (np.array(each, dtype=object)[group] for each in (keys, subsets))
    return pd.DataFrame(dict(zip(COLUMNS, (*columns, *names), strict=True)))


def _ordered(ranks: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(group, i, j) of every two responses with 0 < rank i < rank j, in this order.

    ranks: of all responses, group after group.   counts (G,): how many each group has.
    """
    starts, found = np.cumsum(counts) - counts, []
    for k in np.unique(counts):
        groups = np.flatnonzero(counts == k)
        table = ranks[starts[groups][:, None] + np.arange(k)]  # (groups of this size, K)
        row, i, j = np.nonzero((table[:, :, None] > 0) & (table[:, :, None] < table[:, None, :]))
        found.append(np.stack([groups[row], i, j]))
    group, i, j = np.concatenate(found, axis=1) if found else np.zeros((3, 0), dtype=np.int64)
    order = np.argsort(group, kind="stable")
    return group[order], i[order], j[order]


def compare_with_zero(rewards: list[np.ndarray], preferences: Preferences) -> pd.DataFrame:
    """One row for each answer known to be right or wrong, compared with a reference of reward 0.

    A right answer should have a positive reward and a wrong one a negative: the gap is r or -r, so that
    sigma(gap) is the probability given to what is true. Its length is compared with the median length.
    """
    items, rows = _Items(), []
    if not any(record.correct for record in labels_alone(preferences.records)):
        return pd.DataFrame(rows, columns=COLUMNS)
    for group, (record, reward) in enumerate(zip(preferences, rewards, strict=True)):
        key, subset = prompt_key(record), record.subset or ""
        answers = zip(record.responses, reward, record.correct or [], strict=False)
        for at, (text, r, right) in enumerate(answers):
            if right is not None:
                item, sign = items[_place(record, key), text], 1 if right else -1
                two = (item, REFERENCE)[::sign]
                rows.append((sign * r, sign * len(text), 0, group, *two, at, key, subset))
    frame = pd.DataFrame(rows, columns=COLUMNS)
    sign = np.where(frame["worse"] == REFERENCE, 1, -1)
    lengths = sign * frame["longer"]
    frame["longer"] = sign * (lengths - lengths.median()) + 0.0  # no -0
    return frame


def _place(record: Record, key: str) -> str:
    """What an answer's text is the same in: its prompt, or nothing where there is none."""
    prompt = record.prompt
    empty = not prompt if isinstance(prompt, str) else not any(message["content"] for message in prompt)
    return "" if empty else key


def rewards_of(scores: Sequence, preferences: Preferences) -> list[np.ndarray]:
    """One finite (K,) array for each group."""
    if len(scores) != len(preferences):
        raise InputError(f"There are {len(scores):,} rows of rewards for {len(preferences):,} groups.")
    counts = [len(record.responses) for record in labels_alone(preferences.records)]
    array = getattr(scores, "ndim", 1) == 2
    if array and scores.shape[1] != max(counts):
        raise InputError(
            f"The rewards have {scores.shape[1]} columns; the largest group has {max(counts)} responses."
        )
    rows = float_array(scores) if array else map(float_array, scores)
    rewards = [row[:k] if array else row for row, k in zip(rows, counts, strict=True)]
    for number, (row, k) in enumerate(zip(rewards, counts, strict=True)):
        if row.shape != (k,):
            raise InputError(f"Group {number} has {k} responses but rewards of shape {row.shape}.")
    finite = np.isfinite(np.concatenate(rewards))
    if not finite.all():
        number = int(np.searchsorted(np.cumsum(counts), np.argmin(finite), side="right"))
        raise InputError(f"Group {number} has a reward that is NaN or infinite: {rewards[number].tolist()}.")
    return rewards


def float_array(values) -> np.ndarray:
    """float64 array from numbers, an array, or a tensor on any device."""
    values = values.detach().cpu().double() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float64)
