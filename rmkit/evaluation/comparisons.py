"""Rewards beside labels: one row for every pair that people ordered, or for every answer judged right or
wrong."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rmkit.data.preferences import Preferences, prompt_key
from rmkit.data.records import Record, ranks_of
from rmkit.errors import InputError

REFERENCE = -1  # the item of reward 0 against which a single answer is compared
COLUMNS = ["gap", "longer", "earlier", "group", "better", "worse", "prompt", "subset"]


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
    """
    items, rows = _Items(), []
    for group, (record, reward) in enumerate(zip(preferences, rewards, strict=True)):
        lengths, ranks = [len(response) for response in record.responses], judged_ranks(record)
        key, subset = prompt_key(record), record.subset or ""
        item = [items[_place(record, key), text] for text in record.responses]
        for i, a in enumerate(ranks):
            for j, b in enumerate(ranks):
                if 0 < a < b:
                    gap, longer = reward[i] - reward[j], lengths[i] - lengths[j]
                    rows.append((gap, longer, j - i, group, item[i], item[j], key, subset))
    return pd.DataFrame(rows, columns=COLUMNS)


def compare_with_zero(rewards: list[np.ndarray], preferences: Preferences) -> pd.DataFrame:
    """One row for each answer known to be right or wrong, compared with a reference of reward 0.

    A right answer should have a positive reward and a wrong one a negative: the gap is r or -r, so that
    sigma(gap) is the probability given to what is true. Its length is compared with the median length.
    """
    items, rows = _Items(), []
    for group, (record, reward) in enumerate(zip(preferences, rewards, strict=True)):
        key, subset = prompt_key(record), record.subset or ""
        for text, r, right in zip(record.responses, reward, record.correct or [], strict=False):
            if right is not None:
                item, sign = items[_place(record, key), text], 1 if right else -1
                two = (item, REFERENCE)[::sign]
                rows.append((sign * r, sign * len(text), 0, group, *two, key, subset))
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
    array = getattr(scores, "ndim", 1) == 2
    widest = max(len(record.responses) for record in preferences)
    if array and scores.shape[1] != widest:
        raise InputError(
            f"The rewards have {scores.shape[1]} columns; the largest group has {widest} responses."
        )
    rewards = []
    for number, (row, record) in enumerate(zip(scores, preferences, strict=True)):
        row = float_array(row)[: len(record.responses)] if array else float_array(row)
        if row.shape != (len(record.responses),):
            raise InputError(
                f"Group {number} has {len(record.responses)} responses but rewards of shape {row.shape}."
            )
        if not np.isfinite(row).all():
            raise InputError(f"Group {number} has a reward that is NaN or infinite: {row.tolist()}.")
        rewards.append(row)
    return rewards


def float_array(values) -> np.ndarray:
    """float64 array from numbers, an array, or a tensor on any device."""
    values = values.detach().cpu().double() if hasattr(values, "detach") else values
    return np.asarray(values, dtype=np.float64)
