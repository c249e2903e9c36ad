"""Several judgments of one pair are votes: each a record, or one record with their majority or share."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, replace
from hashlib import blake2b
from itertools import chain, islice
from statistics import fmean

from rmkit.data.ledger import JOINED, Event
from rmkit.data.records import Record, prompt_key
from rmkit.data.stored_records import CHUNK, chosen
from rmkit.errors import InputError

WAYS = ("each", "majority", "share")
_MADE = ("prompt", "responses", "ranks", "ratings", "strength", "share", "subset", "where")


def check(votes: str) -> None:
    """An InputError where `votes` names no way to count them."""
    if votes not in WAYS:
        raise InputError(f"votes={votes!r} is none of {', '.join(map(repr, WAYS))}.")


def join(records: Sequence[Record], votes: str) -> tuple[list[Record], list[Event]]:
    """Records in which the votes on a pair are counted as `votes` says, and an event for each vote joined.

    "each": every judgment stays a record of its own. "majority": one record a pair, ranked as most people
    ranked it; an even split is a tie. "share": one record a pair, and `Record.share` is the share of votes
    for the order of its ranks (which is the majority's); a tied vote counts half to each side.
    A pair is two judged responses to one prompt, of one subset; everything else passes unchanged. Ratings
    and strengths become means; annotator, id and every other field stay where all votes agree on them, else
    they are None, and the events say which rows were joined.
    """
    check(votes)
    if votes == "each":
        return list(records), []
    events: list[Event] = []
    return list(joined(records, votes, events)), events


def joined(records: Sequence[Record], votes: str, events: list[Event]) -> Iterator[Record]:
    """The records that `join` gives, one after the other; what became of the other votes goes to `events`.

    Of the pairs only digests are held, and where their votes stand.
    """
    ballots: dict[object, list[int]] = {}
    for number, record in enumerate(records):
        ballots.setdefault(_pair_digest(record) or number, []).append(number)
    for ballot in _read(records, ballots.values()):
        yield _joined(ballot, votes)
        done = f"joined the votes of {ballot[0].where or ballot[0].id or 'its pair'}"
        for vote in ballot[1:]:
            place = vote.where or vote.id or ""
            events.append(Event(JOINED, place, vote.subset, prompt_key(vote), done=done))


def _read(records: Sequence[Record], ballots: Iterable[list[int]]) -> Iterator[list[Record]]:
    """The records of each ballot; many ballots are read together."""
    ballots = iter(ballots)
    while some := list(islice(ballots, CHUNK)):
        found = iter(chosen(records, list(chain.from_iterable(some))))
        yield from ([next(found) for _ in ballot] for ballot in some)


def _pair_digest(record: Record) -> bytes | None:
    if (key := pair_key(record)) is None:
        return None
    prompt, responses, subset = key
    return blake2b(repr((prompt, sorted(responses), subset)).encode(), digest_size=16).digest()


def pair_key(record: Record) -> tuple | None:
    """What makes two judgments votes on one pair, or None where a record is no judged pair."""
    if len(record.responses) != 2 or not record.ranks or 0 in record.ranks:
        return None
    return prompt_key(record), frozenset(text.strip() for text in record.responses), record.subset


def _joined(ballot: list[Record], votes: str) -> Record:
    first = ballot[0]
    if pair_key(first) is None:
        return first
    if len(ballot) == 1 and first.share is None:
        return replace(first, share=1.0) if votes == "share" and first.pairs() else first
    one_order = len({_texts(vote) for vote in ballot}) == 1
    turned = [vote if _texts(vote) == _texts(first) else vote.choose([1, 0]) for vote in ballot]
    shares = [_for_first(vote) for vote in turned]
    share = fmean(shares, [_weight(vote) for vote in turned])
    even, tied = round(2 * share - 1, 9) == 0, all(vote.ties() for vote in turned)
    for_first = even or share > 0.5
    ranks = [1, 1] if tied or (even and votes == "majority") else [1, 2] if for_first else [2, 1]
    soft = votes == "share" and not tied
    record = replace(
        first,
        ranks=ranks,
        ratings=_mean_ratings(turned),
        strength=_mean_strength(turned, ranks, soft),
        share=max(share, 1 - share) if soft else None,
        **{f.name: _agreed(turned, f.name) for f in fields(Record) if f.name not in _MADE},
    )
    # Pairs read from chosen and rejected have the preferred response first; a file's own order stays.
    return record if one_order or for_first else record.choose([1, 0])


def _texts(record: Record) -> tuple[str, ...]:
    return tuple(text.strip() for text in record.responses)


def _for_first(vote: Record) -> float:
    """The share of this vote that goes to its first response."""
    if vote.ties():
        return 0.5
    share = 1.0 if vote.share is None else vote.share
    return share if vote.ranks[0] < vote.ranks[1] else 1 - share


def _weight(vote: Record) -> float:
    """How many people a record speaks for: the sum of its rating `votes` (in files of counts), or one."""
    counts = (vote.ratings or {}).get("votes") or [None]
    return 1.0 if None in counts or sum(counts) <= 0 else float(sum(counts))


def _mean_strength(votes: list[Record], ranks: list[int], soft: bool) -> float | None:
    """The mean strength; in a majority those against it count with a minus (a share counts them itself)."""
    known = [vote for vote in votes if vote.strength is not None]
    if not known:
        return None
    if soft:
        return fmean(vote.strength for vote in known)
    # A tie has no preferred response, and so no strength.
    return (ranks[1] - ranks[0]) * fmean(vote.strength * (2 * _for_first(vote) - 1) for vote in known)


def _mean_ratings(votes: list[Record]) -> dict[str, list[float | None]] | None:
    aspects = list(dict.fromkeys(aspect for vote in votes for aspect in vote.ratings or {}))
    means = {}
    for aspect in aspects:
        given = [vote.ratings[aspect] for vote in votes if aspect in (vote.ratings or {})]
        known = [[values[i] for values in given if values[i] is not None] for i in range(2)]
        means[aspect] = [fmean(values) if values else None for values in known]
    if "votes" in means and len(votes) > 1:
        for_first = sum(_weight(vote) * _for_first(vote) for vote in votes)
        means["votes"] = [for_first, sum(map(_weight, votes)) - for_first]
    return means or None


def _agreed(votes: list[Record], name: str) -> object:
    """The field's value where all votes agree on it, else None."""
    values = [getattr(vote, name) for vote in votes]
    return values[0] if all(value == values[0] for value in values) else None
