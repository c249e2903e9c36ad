"""Votes on one pair that stand in one row: counts for each answer, one-hot columns, or a list of verdicts."""

from functools import lru_cache

from rmkit.data.columns import BadRowError, BadValueError, Columns, decoded, number, plain, unsaid
from rmkit.data.formats.verdicts import WINNER, side

NOTE = "votes of one row"  # a note of the ledger
# What a count, or a share, of votes may be called: votes_a, n_votes_a, a_wins, winner_model_a ...
_ONE_HOT = ("winner", "preferred", "is_preferred", "better", "is_better")
_COUNTED = (
    "votes",
    "n_votes",
    "num_votes",
    "vote_count",
    "votes_for",
    "wins",
    "win",
    "n_wins",
    "vote",
    "prefer",
    "n_prefer",
    "num_prefer",
)
PREDICTED = ("prob", "probability")  # nobody's votes where a verdict stands beside them
_SHARES = ("vote_share", "share", "fraction", "percent", "percentage", "pct", *PREDICTED)
_TIED = ("tie", "ties", "tied", "draw", "draws", "both_bad", "tie(bothbad)", "neither")
# Where several verdicts may stand, in a list or an object {"a": 5, "b": 1}.
_LISTED = (
    "votes",
    "labels",
    "winners",
    "judgments",
    "judgements",
    "verdicts",
    "preferences",
    "choices",
    "annotations",
    *WINNER,
)
_OF_ONE = (*WINNER, "answer", "response")  # where one annotator's object holds the verdict


def tally(row: Columns, first: str, second: str, judged: bool) -> tuple[str, list[float]] | None:
    """("votes" or "percent" ..., [for the first, for the second, ties]), or None where a row holds no votes.

    A true one-hot is a single vote. judged: whether a verdict stands beside the votes; then a list that is
    not understood is of something else. Raises BadRowError where one-hot columns name two winners.
    """
    for stem, pair, ties in _columns(tuple(row), first, second):
        counts = [_count(row.peek(column)) for column in pair]
        if None not in counts:
            counts.append(sum(_count(row.peek(column)) or 0 for column in ties))
            for column in (*pair, *ties):
                row[column]
            if stem in _ONE_HOT and sum(counts) > 1:
                raise BadRowError(f"exactly one of {', '.join((*pair, *ties))} must be 1", "no winner")
            return stem if stem in _SHARES else "votes", counts
    for name in row.among(("tie", "is_tie")):
        if _count(row[name]) == 1:
            return "tie", [0.0, 0.0, 1.0]
    lists = (_listed(row, name, first, second, judged) for name in row.among(_LISTED))
    return next((found for found in lists if found), None)


def judged(counts: list[float]) -> dict:
    """ranks and share of [votes for the first, for the second, ties]; nothing where nobody voted."""
    if not sum(counts):
        return {}
    for_first = (counts[0] + counts[2] / 2) / sum(counts)
    if round(2 * for_first - 1, 9) == 0:
        return {"ranks": [1, 1]}
    share = max(for_first, 1 - for_first)
    return {"ranks": [1, 2] if for_first > 0.5 else [2, 1], "share": share if share < 1 else None}


def as_ratings(counted: tuple[str, list[float]]) -> dict[str, list[float]]:
    """{"votes": [for the first, for the second]}; a tie counts half to each. {} for a single vote."""
    name, (first, second, ties) = counted
    several = first + second + ties and sorted((first, second, ties)) != [0, 0, 1]
    return {name: [first + ties / 2, second + ties / 2]} if several else {}


def votes_in(value: object) -> list:
    """The verdicts that a cell lists, without unsaid ones: ["a", "b"], or [{"worker": 7, "label": "a"}]."""
    value = decoded(value)
    if not isinstance(value, list):
        return []
    each = [Columns(vote).first(*_OF_ONE) if isinstance(vote, dict) else vote for vote in value]
    return [vote for vote in each if not unsaid(vote)]


def listed(row: Columns) -> tuple[str, ...]:
    """The columns of a row in which several verdicts may stand."""
    return row.among(_LISTED)


def _listed(row: Columns, name: str, first: str, second: str, judged: bool) -> tuple[str, list[float]] | None:
    value = decoded(row.peek(name))
    if isinstance(value, dict):
        return _by_side(row, name, value, first, second)
    if not isinstance(value, list):
        return None
    if name == "votes" and len(value) == 2 and None not in map(number, value):
        return name, [*map(number, decoded(row[name])), 0.0]
    votes = votes_in(value)
    sides = [_side(vote, name, row, first, second) for vote in votes]
    numbers = None not in map(number, votes)
    if name == "choices" and {1, -1} <= set(sides) and len(set(sides)) == len(sides):
        return None  # what there was to choose from
    if set(sides) <= {None} or (numbers and len(votes) == 2) or (judged and None in sides):
        return None  # tags; numbers that name no answer; a vote each, or a number for each answer
    if None in sides:
        raise BadValueError(name, 'a list of "a", "b" and "tie"')
    if not isinstance(value[0], dict):
        row[name]  # objects say more, such as who judged: they stay in `extra`
    return "votes", [float(sides.count(way)) for way in (1, -1, 0)]


def _side(vote: object, name: str, row: Columns, first: str, second: str) -> int | None:
    """What one vote of a list says, or None where that cannot be told."""
    try:
        return side(vote, name, row, first, second)
    except BadValueError:
        return None


def _by_side(row: Columns, name: str, value: dict, first: str, second: str) -> tuple[str, list[float]] | None:
    """{"a": 5, "b": 1, "tie": 2}: counts under the names of the sides."""
    counts = [0.0, 0.0, 0.0]
    for key, given in value.items():
        way, count = _side(str(key), name, row, first, second), _count(given)
        if None in (way, count):
            return None
        counts[(1, -1, 0).index(way)] += count
    row[name]
    return "votes", counts


def _count(value: object) -> float | None:
    if isinstance(value, bool) or str(value).strip().lower() in ("true", "false"):
        return float(str(value).strip().lower() == "true")
    found = number(str(value).rstrip("% ") if isinstance(value, str) else value)
    return found if found is not None and found >= 0 else None


@lru_cache(maxsize=1024)
def _columns(columns: tuple[str, ...], first: str, second: str) -> list[tuple[str, list[str], list[str]]]:
    """(what is counted, its two columns, its columns of ties) of all counts that a row may have."""
    row, found = Columns(dict.fromkeys(columns)), []
    for stem in (*_ONE_HOT, *_COUNTED, *_SHARES):
        pair = [_spelled(row, stem, (name[-1], f"model_{name[-1]}", name)) for name in (first, second)]
        numbered = stem == "vote" and first[-1] != "a"  # vote_1 may be the vote of the first person
        if None not in pair and pair[0] != pair[1] and not numbered:
            of_ties = {
                plain(spelled) for word in _TIED for spelled in (word, f"{stem}_{word}", f"{word}_{stem}")
            }
            of_ties |= {plain(f"{more}_{word}") for more in ("is", "n", "num") for word in _TIED}
            ties = [column for column in columns if plain(column) in of_ties]
            found.append((stem, pair, ties))
    return found


def _spelled(row: Columns, stem: str, sides: tuple[str, ...]) -> str | None:
    names = [name for of in sides for name in (f"{stem}_{of}", f"{of}_{stem}")]
    return next((row.find(name) for name in names if row.find(name)), None)
