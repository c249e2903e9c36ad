"""Which items comparisons connect, and whether finite scores exist (Ford 1957; Hunter 2004)."""

from collections.abc import Hashable, Sequence

import numpy as np
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from rmkit.errors import InputError, shown


def listing(names: Sequence[Hashable], most: int = 5) -> str:
    """A few names, and how many more there are."""
    few = ", ".join(map(shown, names[:most]))
    return few if len(names) <= most else f"{few} and {len(names) - most} more"


def parts_of(who: np.ndarray, whom: np.ndarray, names: Sequence[Hashable]) -> list[list[Hashable]]:
    """The items in groups that some comparison connects, the smallest first. who, whom (E,): item numbers."""
    return _groups(*_components(who, whom, len(names), "weak"), names)


def _components(who: np.ndarray, whom: np.ndarray, n: int, connection: str) -> tuple[int, np.ndarray]:
    graph = sparse.csr_array((np.ones(len(who)), (who, whom)), shape=(n, n))
    return connected_components(graph, connection=connection)


def _groups(number: int, label: np.ndarray, names: Sequence[Hashable]) -> list[list[Hashable]]:
    groups: list[list[Hashable]] = [[] for _ in range(number)]
    for name, part in zip(names, label.tolist(), strict=True):
        groups[part].append(name)
    return sorted(groups, key=len)


def check_bounded(who: np.ndarray, whom: np.ndarray, names: Sequence[Hashable]) -> None:
    """InputError unless every item can be reached from every other by "beat or tied with".

    who, whom (E,): numbers of items of which the first beat, or tied with, the second. The sentence names
    every unconnected part, or every group that never lost or never won, at once.
    """
    number, label = _components(who, whom, len(names), "strong")
    if number == 1:
        return
    parts = parts_of(who, whom, names)
    over, under = label[who], label[whom]
    across = over != under
    never_lost = np.setdiff1d(over[across], under[across])
    never_won = np.setdiff1d(under[across], over[across])
    if len(parts) > 1:
        ends = [
            _within(label, never_lost, "never lost", names),
            _within(label, never_won, "never won", names),
        ]
        also = "".join(f"; {each}" for each in ends if each)
        what = f"Nothing compares {listing(parts[0])} with {listing(parts[-1])}, so no score can{also}:"
        if len(parts) > 2:
            each = listing([f"({listing(part)})" for part in parts])
            what = (
                f"Nothing compares these {len(parts)} parts with one another, so no score can: {each}{also};"
            )
        raise InputError(f"{what} use a prior, such as fit(comparisons, prior=0.1), or fit each part alone.")
    said = [_sentence(label, never_lost, "never lost to", names)]
    said += [_sentence(label, never_won, "never beat", names)]
    raise InputError(
        f"{'; '.join(said)}: maximum likelihood puts such scores infinitely high or low; "
        "use a prior, such as fit(comparisons, prior=0.1), or leave these items out."
    )


def _within(label: np.ndarray, ends: np.ndarray, verb: str, names: Sequence[Hashable]) -> str:
    """ "a, b never lost", in the part of each; empty where there is none."""
    found = [names[i] for i in np.flatnonzero(np.isin(label, ends))]
    return f"{listing(found)} {verb}" if found else ""


def _sentence(label: np.ndarray, ends: np.ndarray, verb: str, names: Sequence[Hashable]) -> str:
    """ "a, b never lost to c": groups of several items stand in brackets, where there are several groups."""
    members = sorted((np.flatnonzero(label == end).tolist() for end in ends), key=lambda g: (len(g), g))
    groups = [[names[i] for i in group] for group in members]
    if len(groups) == 1:
        rest = [names[i] for i in np.flatnonzero(label != ends[0])]
        return f"{listing(groups[0])} {verb} {listing(rest)}"
    named = [f"({listing(group)})" if len(group) > 1 else str(group[0]) for group in groups]
    return f"{listing(named)} {verb} any other"
