"""Repeated and contradictory judgments, found and left out with a note of each."""

from collections import defaultdict
from dataclasses import dataclass

from rmkit.data.records import Record, prompt_key


@dataclass(frozen=True)
class Event:
    """What became of a row that is not simply a record: dropped, joined to a group, or kept and altered."""

    what: str  # a reason, or "grouped", or "responses removed", or what was done to a kept row
    where: str  # "file.jsonl, line 3"
    subset: str | None = None
    prompt: str = ""  # the prompt's key: a split puts the event where it puts the prompt
    n: int = 1
    done: str = ""  # the sentence that says why a row could not be read
    kept: bool = False  # a remark about a row that was kept: "no prompt", "prompt taken off the answers" ...


def without_repeats(records: list[tuple[str, Record]]) -> tuple[list[tuple[str, Record]], list[Event]]:
    """Leave out contradictions (all sides) and repetitions (all but the first)."""
    same_texts = defaultdict(list)
    for where, record in records:
        texts = frozenset(text.strip() for text in record.responses)
        same_texts[prompt_key(record), texts, record.annotator].append((where, record))
    contradicted = {
        id(r) for group in same_texts.values() if _contradict(group) for _, r in group if r.pairs()
    }
    kept, events, seen = [], [], set()
    for where, record in records:
        key, content = prompt_key(record), _content(record)
        reason = "contradictory" if id(record) in contradicted else "duplicate" if content in seen else None
        seen.add(content)
        if reason:
            events.append(Event(reason, where, record.subset, key))
        else:
            kept.append((where, record))
    return kept, events


def _contradict(group: list[tuple[str, Record]]) -> bool:
    if len(group) < 2:
        return False
    said = {
        (record.responses[i].strip(), record.responses[j].strip())
        for _, record in group
        for i, j in record.pairs()
    }
    return any((loser, winner) in said for winner, loser in said)


def _content(record: Record) -> tuple:
    """What makes two records the same judgment of the same texts by the same person."""
    k = len(record.responses)
    texts = [text.strip() for text in record.responses]
    judged = [record.ranks or [None] * k, record.correct or [None] * k, record.step_labels or [None] * k]
    each = sorted(map(repr, zip(texts, *judged, strict=True)))
    return prompt_key(record), tuple(each), record.annotator
