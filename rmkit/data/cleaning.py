"""Repeated rows, told from votes and left out with a note of each."""

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from rmkit.data.ledger import Event
from rmkit.data.records import Record, prompt_key
from rmkit.data.stored_records import chosen

__all__ = ["Event", "mark", "repeats"]

_JUDGED = ("ranks", "correct", "step_labels")  # one judgment for each response


def mark(record: Record) -> int:
    """A number that two records share where their responses are the same texts."""
    return hash(frozenset(map(str.strip, record.responses)))


def repeats(records: Sequence[Record], marks: Sequence[int]) -> dict[int, Event]:
    """{number of a record: what to note} of repeats: records equal in every field, the id too, white space
    aside. The first one is none. marks: `mark` of each record.

    Several judgments of one pair are votes, and stay. Where a set shows that it asked again (two rows differ
    in nothing but the judgment), equal rows are votes too. Dropping only the votes that agree would bias
    what is left: a truth of 0.70, judged twice a pair, would be read as 0.64.
    """
    alike = _alike(marks)
    contents = dict(zip(alike, map(_content, chosen(records, alike)), strict=True))
    asked_again = _asked_again(list(contents.values()))
    first: dict[tuple, int] = {}
    events = {}
    for number, content in contents.items():
        twin = first.setdefault(content, number)
        is_vote = asked_again and content[1] is not None
        if twin != number and not is_vote:
            record = records[number]
            done = f"left out: repeats {records[twin].where}"
            key = prompt_key(record)
            events[number] = Event("duplicate", record.where, record.subset, key, done=done)
    return events


def _alike(marks: Sequence[int]) -> list[int]:
    """Numbers of the records that share their responses with another: no other can repeat a row."""
    _, each, several = np.unique(np.asarray(marks, dtype=np.int64), return_inverse=True, return_counts=True)
    return np.flatnonzero(several[each] > 1).tolist()


def _asked_again(contents: list[tuple]) -> bool:
    """Whether two rows put the same question and were judged differently."""
    said: dict[bytes, bytes] = {}
    return any(
        said.setdefault(question, judgment) != judgment
        for question, judgment in contents
        if judgment is not None
    )


def _content(record: Record) -> tuple[bytes, bytes | None]:
    """(what was asked of whom, what was said): digests, the second None where nothing was.

    The order of the responses and the white space around them make no difference.
    """
    texts = [text.strip() for text in record.responses]
    judged = {name: values for name in _JUDGED if (values := getattr(record, name)) is not None}
    judged |= {f"ratings.{aspect}": values for aspect, values in sorted((record.ratings or {}).items())}
    columns = [[values[i] for values in judged.values()] for i in range(len(texts))]
    steps = record.steps or [None] * len(texts)
    order = sorted(range(len(texts)), key=lambda i: (texts[i], repr(columns[i]), repr(steps[i])))
    names = (record.annotator, record.subset, record.id, getattr(record, "extra", None))
    asked = (prompt_key(record), [texts[i] for i in order], [steps[i] for i in order], names)
    said = (list(judged), [columns[i] for i in order], record.strength, record.share)
    return _digest(asked), _digest(said) if judged else None


def _digest(value: tuple) -> bytes:
    return blake2b(repr(value).encode(), digest_size=16).digest()
