"""The record: one prompt, K responses, and what people said about them. Checked here, once, on reading."""

import json
import math
from collections import defaultdict
from dataclasses import dataclass, field, fields, replace

from rmkit.data.columns import BadValueError, UnusableError

Prompt = str | list[dict[str, str]]
_json = json.JSONEncoder().encode  # what json.dumps gives, called quicker


@dataclass
class Record:
    """One group: a prompt, K >= 1 responses, and what is known about them.

    prompt       text, or a list of chat messages {"role": ..., "content": ...}
    responses    K texts
    ranks        K integers, 1 = best, equal = tie, 0 = not ranked; None = unlabelled
    ratings      {aspect: [K numbers, None = not rated]}
    strength     how much better the preferred response is (K = 2; pairs read from files have it first)
    share        share of the votes, 0 to 1, that agree with the order of the ranks (K = 2); None = all
    correct      K booleans, None = unknown (verifiable answers)
    steps        K lists of texts: the steps of each response
    step_labels  K lists of 1 (good), 0 (wrong) or None (not judged)
    annotator, subset, id   names, where known
    where        "file.jsonl, line 3", where it was read; it is not saved, and equal records may differ in it
    extra        columns that were read from a file and not used; carried along, no part of a comparison
    """

    prompt: Prompt
    responses: list[str]
    ranks: list[int] | None = None
    ratings: dict[str, list[float | None]] | None = None
    strength: float | None = None
    correct: list[bool | None] | None = None
    steps: list[list[str]] | None = None
    step_labels: list[list[int | None]] | None = None
    annotator: str | None = None
    subset: str | None = None
    id: str | None = None
    share: float | None = None
    where: str | None = field(default=None, compare=False, repr=False)
    extra: dict | None = field(default=None, compare=False)

    def pairs(self) -> list[tuple[int, int]]:
        """Every (winner, loser) that the ranks order."""
        ranks = self.ranks or []
        return [(i, j) for i, a in enumerate(ranks) for j, b in enumerate(ranks) if 0 < a < b]

    def ties(self) -> list[tuple[int, int]]:
        """Every two responses of equal rank."""
        ranks = self.ranks or []
        if len(set(ranks)) == len(ranks):
            return []
        return [(i, j) for j, b in enumerate(ranks) for i, a in enumerate(ranks[:j]) if 0 < a == b]

    def choose(self, indices: list[int]) -> "Record":
        """The record with only these responses, in this order."""
        keep = {
            name: [value[i] for i in indices]
            for name in ("responses", "ranks", "correct", "steps", "step_labels")
            if (value := getattr(self, name)) is not None
        }
        if self.ratings is not None:
            keep["ratings"] = {
                aspect: [values[i] for i in indices] for aspect, values in self.ratings.items()
            }
        if sorted(indices) != list(range(len(self.responses))):
            keep |= {"strength": None, "share": None}  # they speak of both responses
        return replace(self, **keep)

    def to_dict(self) -> dict:
        """The record as one JSON object; what is unknown is left out."""
        named = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "where"}
        if self.ranks is not None:
            named["ranks"] = [rank or None for rank in self.ranks]  # null: a 0 in a file may mean the best
        return {name: value for name, value in named.items() if value is not None}


def ranks_of(record: Record) -> list[int]:
    """K ranks (1 = best, 0 = not ranked): those given, else right before wrong, else all 0."""
    if record.ranks is not None:
        return [rank or 0 for rank in record.ranks]
    if record.correct is not None:
        return [0 if right is None else 2 - bool(right) for right in record.correct]
    return [0] * len(record.responses)


def prompt_key(record: Record) -> str:
    """What makes two records share a prompt: the same words, whatever the white space between them.

    One user message is the same prompt as its text. A record without a prompt stands for itself.
    """
    prompt = record.prompt
    if isinstance(prompt, str):
        words = " ".join(prompt.split())
        if words:  # most prompts
            return key_of_words(words)
        prompt = [{"role": "user", "content": prompt}]
    content = [[message["role"], " ".join(message["content"].split())] for message in prompt]
    if not any(words for _, words in content):
        content = ["", *sorted(record.responses)]
    return json.dumps(content)


def key_of_words(words: str) -> str:
    """The key of a prompt that is a text of these words, one space between them: JSON, written quickly."""
    return f'[["user", {_json(words)}]]'


# --- from a row that an adapter made to a record ------------------------------------------------------------


def build(values: dict) -> tuple[Record, int]:
    """(the record, how many single responses were taken out of it).

    Raises BadValueError where a column has a wrong type, and UnusableError where nothing usable is left.
    """
    responses = values["responses"]
    if not isinstance(responses, list) or not responses:
        raise BadValueError("responses", "a list of one or more texts")
    record = _checked(values)
    faults = {i: fault for i, text in enumerate(responses) if (fault := fault_of(text))}
    if faults and len(responses) - len(faults) < 2:
        raise UnusableError("not text" if "not text" in faults.values() else "empty")
    again = _repeated(record, faults) if record.ranks else set()
    keep = [i for i in range(len(responses)) if i not in faults and i not in again]
    if again and len(keep) < 2:
        raise UnusableError("identical")
    return (record if len(keep) == len(responses) else record.choose(keep)), len(responses) - len(keep)


def fault_of(text: object) -> str | None:
    """Why a response cannot be used: "empty" or "not text"; None where it can."""
    if text is None or (isinstance(text, str) and not text.strip()):
        return "empty"
    if not isinstance(text, str):
        return "not text"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair: no tokenizer and no file can hold it
        return "not text"
    return None


def _repeated(record: Record, faults: dict[int, str]) -> set[int]:
    """Responses to take out because their text stands in the group more than once.

    Of copies with one rank the first stays; of copies with different ranks none does.
    """
    if not faults and len(set(map(str.strip, record.responses))) == len(record.responses):
        return set()
    copies: dict[str, list[int]] = defaultdict(list)
    for i, text in enumerate(record.responses):
        if i not in faults:
            copies[text.strip()].append(i)
    out: set[int] = set()
    for places in copies.values():
        same = len({record.ranks[i] for i in places}) == 1
        out.update(places[1:] if same else places if len(places) > 1 else ())
    return out


def _checked(values: dict) -> Record:
    k = len(values["responses"])
    prompt = _prompt(values["prompt"])
    known = {name: check(values, k) for name, check in _CHECKS.items() if values.get(name) is not None}
    return Record(prompt, values["responses"], **known)


# How each column is read where it is given, in the order in which faults are told.
_CHECKS = {
    "ranks": lambda values, k: _ranks(values["ranks"], k),
    "ratings": lambda values, k: _ratings(values["ratings"], k),
    "strength": lambda values, k: _number(values["strength"], "strength"),
    "share": lambda values, k: _share(values["share"], values.get("ranks")),
    "correct": lambda values, k: _correct(values["correct"], k),
    "steps": lambda values, k: _steps(values["steps"], k),
    "step_labels": lambda values, k: _step_labels(values["step_labels"], values.get("steps"), k),
    "annotator": lambda values, k: _name(values["annotator"], "annotator"),
    "subset": lambda values, k: _name(values["subset"], "subset"),
    "id": lambda values, k: _name(values["id"], "id"),
    "extra": lambda values, k: _object(values["extra"], "extra"),
}


def _prompt(prompt: object) -> Prompt:
    texts = (
        [prompt] if isinstance(prompt, str) else [m["content"] for m in prompt] if prompt is not None else []
    )
    if not texts or any(fault_of(text) == "not text" for text in texts):
        raise UnusableError("not text")
    return prompt


def _list_of(value: object, k: int, column: str, wanted: str, good) -> list | None:
    if value is None:
        return None
    if not isinstance(value, list) or len(value) != k or not all(good(item) for item in value):
        raise BadValueError(column, f"a list of {k} {wanted}, one for each response")
    return value


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _ranks(value: object, k: int) -> list[int] | None:
    def good(rank: object) -> bool:
        return rank is None or (_is_number(rank) and 0 <= rank < 2**31 and rank == int(rank))

    ranks = _list_of(value, k, "ranks", "whole numbers (1 = best, null = not ranked)", good)
    return None if ranks is None else [int(rank or 0) for rank in ranks]


def _ratings(value: object, k: int) -> dict[str, list[float | None]] | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise BadValueError("ratings", "an object {aspect: [one number for each response]}")
    found = {
        aspect: _list_of(numbers, k, f"ratings.{aspect}", "numbers", lambda x: x is None or _is_number(x))
        for aspect, numbers in value.items()
    }
    known = {aspect: numbers for aspect, numbers in found.items() if numbers is not None}
    return {
        a: [None if x is None or not math.isfinite(x) else x for x in n] for a, n in known.items()
    } or None


def _number(value: object, column: str) -> float | None:
    if value is not None and (not _is_number(value) or not math.isfinite(value)):
        raise BadValueError(column, "a number")
    return value


def _share(value: object, ranks: object) -> float | None:
    ordered = isinstance(ranks, list) and len(ranks) == 2 and all(ranks) and ranks[0] != ranks[1]
    if value is not None and not (_is_number(value) and 0 <= value <= 1 and ordered):
        raise BadValueError("share", "a number from 0 to 1, beside the different `ranks` of two responses")
    return value


def _correct(value: object, k: int) -> list[bool | None] | None:
    correct = _list_of(value, k, "correct", "true or false", lambda x: x is None or x in (0, 1))
    return None if correct is None else [None if x is None else bool(x) for x in correct]


def _steps(steps: object, k: int) -> list[list[str]]:
    def texts(each: object) -> bool:
        return isinstance(each, list) and all(isinstance(step, str) for step in each)

    return _list_of(steps, k, "steps", "lists of texts", texts)


def _step_labels(labels: object, steps: list | None, k: int) -> list[list[int | None]]:
    def judged(each: object) -> bool:
        return isinstance(each, list) and all(label is None or label in (0, 1) for label in each)

    labels = _list_of(labels, k, "step_labels", "lists of 1 (good), 0 (wrong) or null (not judged)", judged)
    if steps is None or list(map(len, steps)) != list(map(len, labels)):
        raise BadValueError("step_labels", "one label for each step")
    return [[None if label is None else int(label) for label in each] for each in labels]


def _object(value: object, column: str) -> dict | None:
    if value is not None and not isinstance(value, dict):
        raise BadValueError(column, "an object")
    return value or None


def _name(value: object, column: str) -> str | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, str | int)):
        raise BadValueError(column, "text")
    return None if value is None else str(value)
