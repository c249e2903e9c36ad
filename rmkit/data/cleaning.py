"""Repeated rows, told from votes and left out with a note of each."""

from hashlib import blake2b

from rmkit.data.ledger import Event
from rmkit.data.records import Record, prompt_key

__all__ = ["Event", "without_repeats"]

Placed = tuple[str, Record]  # where it stands, and what was read there
_JUDGED = ("ranks", "correct", "step_labels")  # one judgment for each response


def without_repeats(records: list[Placed]) -> tuple[list[Placed], list[Event]]:
    """Leave out repeats: rows equal in every field, the id too, white space aside. The first one stays.

    Several judgments of one pair are votes, and stay. Where a set shows that it asked again (two rows differ
    in nothing but the judgment), equal rows are votes too. Dropping only the votes that agree would bias
    what is left: a truth of 0.70, judged twice a pair, would be read as 0.64.
    """
    contents = [_content(record) for _, record in records]
    asked_again = _asked_again(contents)
    first: dict[tuple, int] = {}
    kept, events = [], []
    for number, ((where, record), content) in enumerate(zip(records, contents, strict=True)):
        twin = first.setdefault(content, number)
        is_vote = asked_again and content[1] is not None
        if twin == number or is_vote:
            kept.append((where, record))
        else:
            done = f"left out: repeats {records[twin][0]}"
            events.append(Event("duplicate", where, record.subset, prompt_key(record), done=done))
    return kept, events


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
