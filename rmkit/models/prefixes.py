"""Lists of tokens that begin alike, as groups: what they share is then computed once (`packing.pack`)."""

from collections.abc import Sequence
from itertools import takewhile

from rmkit.models.packing import TokenGroup

LEAST = 16  # tokens that lists must share to be one group
MOST = 8  # lists of a group; more would make rows long, and attention slow


def grouped(lists: Sequence[list[int]]) -> tuple[list[TokenGroup], list[list[int]]]:
    """Groups whose prompt is the beginning that their lists share, and for each group its lists' places.

    Every list keeps a last token of its own. A list joins a group only where that leaves its members at least
    3/4 of what they share without it.
    """
    places: list[list[int]] = []
    shared: list[int] = []  # of each group, and of a single list all but its last token
    for i in sorted(range(len(lists)), key=lambda i: lists[i]):  # those that begin alike side by side
        if places and len(places[-1]) < MOST:
            common = min(_common(lists[places[-1][0]], lists[i]), shared[-1], len(lists[i]) - 1)
            if common >= LEAST and (len(places[-1]) == 1 or common >= 0.75 * shared[-1]):
                places[-1].append(i)
                shared[-1] = common
                continue
        places.append([i])
        shared.append(len(lists[i]) - 1)
    groups = [
        TokenGroup(lists[own[0]][:cut], [lists[i][cut:] for i in own])
        for own, cut in zip(places, shared, strict=True)
    ]
    return groups, places


def _common(one: list[int], other: list[int]) -> int:
    """How many tokens two lists share at their beginning."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
