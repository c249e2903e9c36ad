"""Rewards beside labels: one row for every pair that people ordered, or for every answer judged right or
wrong."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from rmkit.arguments import seen
from rmkit.data.outlines import Outline, Texts, outline, ranked
from rmkit.data.preferences import Preferences
from rmkit.data.records import Record, ranks_of
from rmkit.data.stored_records import chosen, labels_alone
from rmkit.errors import InputError

REFERENCE = -1  # the item of reward 0 against which a single answer is compared
COLUMNS = ["gap", "longer", "earlier", "group", "better", "worse", "at", "prompt", "subset", "share"]
_ODD = np.uint64(0x9E3779B97F4A7C15)  # so that (prompt, text) and (text, prompt) are two things


def judged_ranks(record: Record) -> list[int]:
    """K ranks (1 = best, 0 = none) as most votes say: an even share orders nothing, a smaller one turns."""
    ranks, share = ranks_of(record), record.share
    if share is None or share > 0.5:
        return ranks
    return [1] * len(ranks) if share == 0.5 else ranks[::-1]  # a share goes with two responses


class Judged(NamedTuple):
    """What people said about N groups with M responses.

    groups     their outline.   starts (N,)  the number of each group's first response
    ranks (M,) as most votes say (`judged_ranks`).   correct {response: whether it is right}, where known
    shares (N,) the share of votes for these ranks: 1/2 or more, 1 where one person judged
    """

    groups: Outline
    starts: np.ndarray
    ranks: np.ndarray
    correct: dict[int, bool]
    shares: np.ndarray

    @property
    def ordered(self) -> np.ndarray:
        """(N,) whether two responses of the group have different ranks."""
        lowest, highest, _ = ranked(self.ranks, self.groups.sizes)
        return lowest < highest


def judged(preferences: Preferences) -> Judged:
    """The labels of all groups, read once."""
    groups = outline(preferences.records)
    starts, ranks, correct = np.cumsum(groups.sizes) - groups.sizes, groups.ranks.copy(), {}
    asked, shares = np.flatnonzero(groups.asked).tolist(), np.ones(len(groups.sizes))
    for number, record in zip(asked, labels_alone(chosen(preferences.records, asked)), strict=True):
        first = int(starts[number])
        ranks[first : first + len(record.responses)] = judged_ranks(record)
        shares[number] = 1.0 if record.share is None else max(record.share, 1 - record.share)
        known = enumerate(record.correct or [])
        correct |= {first + i: right for i, right in known if right is not None}
    return Judged(groups, starts, ranks, correct, shares)


def compare(rewards: np.ndarray, labels: Judged, said: Texts) -> pd.DataFrame:
    """One row for each pair (better, worse) of a group whose ranks differ. rewards (M,): of all responses.

    gap, longer, earlier   how much more reward and length (characters) the better one has, and how many
                           places before the other it stands
    group, prompt, subset  where the pair is from; prompt is a hash (`Texts`), equal where the prompts are
    better, worse          the items, equal where prompt and text are
    share                  the share of votes for this order, 1 where one person judged
    at                     the better one's place in its group; the worse one's is at + earlier
    """
    group, i, j = _ordered(labels.ranks, labels.groups.sizes)
    a, b = labels.starts[group] + i, labels.starts[group] + j
    item, length = _items(labels, said), said.lengths
    columns = (rewards[a] - rewards[b], length[a] - length[b], j - i, group, item[a], item[b], i)
    return _frame(labels, said, columns, labels.shares[group])


def _frame(labels: Judged, said: Texts, columns: tuple, share: np.ndarray) -> pd.DataFrame:
    group = columns[COLUMNS.index("group")]
    subset = labels.groups.subsets[group]
    subset = np.where(pd.isna(subset), "", subset)
    return pd.DataFrame(dict(zip(COLUMNS, (*columns, said.prompts[group], subset, share), strict=True)))


def _items(labels: Judged, said: Texts) -> np.ndarray:
    """(M,) a number for every (prompt, text): two pairs that share an answer share its number.

    Without a prompt the text alone tells.
    """
    place = np.repeat(np.where(said.blank, np.uint64(0), said.prompts), labels.groups.sizes)
    return pd.factorize(place * _ODD ^ said.responses)[0]


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


def compare_with_zero(rewards: np.ndarray, labels: Judged, said: Texts) -> pd.DataFrame:
    """One row for each answer known to be right or wrong, compared with a reference of reward 0.

    A right answer should have a positive reward and a wrong one a negative: the gap is r or -r, so that
    sigma(gap) is the probability given to what is true. Its length is compared with the median length.
    """
    if not labels.correct:
        return pd.DataFrame([], columns=COLUMNS)
    answers, right = np.array(list(labels.correct)), np.array(list(labels.correct.values()))
    sign, item, length = np.where(right, 1, -1), _items(labels, said)[answers], said.lengths[answers]
    longer = sign * (length - np.median(length)) + 0.0  # no -0
    group = np.searchsorted(labels.starts, answers, side="right") - 1
    two = (np.where(right, item, REFERENCE), np.where(right, REFERENCE, item))
    at = answers - labels.starts[group]
    columns = (sign * rewards[answers], longer, np.zeros_like(sign), group, *two, at)
    return _frame(labels, said, columns, np.ones(len(answers)))


def rewards_of(scores: Sequence, preferences: Preferences) -> list[np.ndarray]:
    """One finite (K,) array for each group."""
    sizes = outline(preferences.records).sizes
    return np.split(all_rewards(scores, sizes), np.cumsum(sizes)[:-1])


def all_rewards(scores: Sequence, sizes: np.ndarray) -> np.ndarray:
    """(M,) finite rewards of all responses, group after group. sizes (N,): how many each group has."""
    if not hasattr(scores, "__len__") or isinstance(scores, str | Mapping | Preferences):
        raise InputError(
            f"Rewards come from a loaded model, or are K numbers for each group; {seen(scores)} is neither."
        )
    if len(scores) != len(sizes):
        raise InputError(f"There are {len(scores):,} rows of rewards for {len(sizes):,} groups.")
    if getattr(scores, "ndim", 1) == 2:
        table, most = float_array(scores), int(sizes.max(initial=0))
        if table.shape[1] != most:
            raise InputError(
                f"The rewards have {table.shape[1]} columns; the largest group has {most} responses."
            )
        rewards = table[np.arange(most) < sizes[:, None]]
    else:
        rows = list(map(float_array, scores))
        if set(sizes.tolist()) == {1}:  # then a number is a row
            rows = [np.atleast_1d(row) for row in rows]
        for number, (row, k) in enumerate(zip(rows, sizes.tolist(), strict=True)):
            if row.shape != (k,):
                raise InputError(f"Group {number} has {k} responses but rewards of shape {row.shape}.")
        rewards = np.concatenate([np.zeros(0), *rows])
    finite = np.isfinite(rewards)
    if not finite.all():
        number = int(np.searchsorted(np.cumsum(sizes), np.argmin(finite), side="right"))
        row = np.split(rewards, np.cumsum(sizes)[:-1])[number]
        raise InputError(f"Group {number} has a reward that is NaN or infinite: {row.tolist()}.")
    return rewards


def float_array(values) -> np.ndarray:
    """float64 array from numbers, an array, or a tensor on any device; InputError for anything else."""
    values = values.detach().cpu().double() if hasattr(values, "detach") else values
    try:
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"Rewards must be numbers, not {seen(values)}.") from error
