"""Questions with right and wrong answers: multiple choice, and lists of true and false ones."""

import re
from dataclasses import replace

from rmkit.data.columns import BadValueError, Columns, Row, decoded, items, number, plain, yes_or_no
from rmkit.data.formats.registry import register

_OPTIONS = ("choices", "options", "endings", "answer_choices")
_INDEX = ("answer_index", "answer_idx", "correct_index", "correct_idx")  # counted from 0
_RIGHT = (
    "answer_key",
    "answer",
    "label",
    "correct_answer",
    "correct_option",
    "correct_choice",
    "gold",
    "target",
)


def _listed(row: Columns) -> tuple[list[str], list[str]]:
    """(texts, names) of the options: a list of texts, {"text": [...], "label": [...]}, or {"A": text ...}."""
    column = row.among(_OPTIONS)[0]
    found = decoded(row.peek(column))
    names = [chr(ord("A") + i) for i in range(26)]
    if isinstance(found, dict) and isinstance(found.get("text"), list):
        found, names = found["text"], list(map(str, found.get("label") or names))
    elif isinstance(found, dict):
        found, names = list(found.values()), list(map(str, found))
    texts = found if isinstance(found, list) and all(isinstance(text, str) for text in found) else []
    return texts, names[: len(texts)]


# Answers of a model: beside them the options, or the right and wrong answers, are part of the question.
_SAID = (
    *("chosen", "rejected", "response", "completion", "generation", "output", "prediction", "steps"),
    *("responses", "completions", "generations", "outputs", "samples", "candidates"),
    *("model_response", "model_answer", "model_output", "llm_response", "messages", "conversations"),
)


def _alone(row: Columns) -> bool:
    return not row.among(_SAID)


def _is_choice(row: Columns) -> bool:
    return _alone(row) and len(_listed(row)[0]) > 1


def _counted_from(rows: list[Row]) -> list[Row]:
    """Tell the rows whether their numbers count the options from 0 or from 1; None where both may be."""
    seen, last = set(), set()
    for row in rows:
        columns = Columns(row.values)
        value = number(columns.peek(next(iter(columns.among(_RIGHT)), "")))
        if value is not None and columns.among(_OPTIONS):
            seen.add(value)
            last.add(value == len(_listed(columns)[0]))
    first = 0 if 0 in seen and True not in last else 1 if True in last and 0 not in seen else None
    return [replace(row, about={"first": first}) for row in rows]


@register(
    "multiple choice",
    *[(options, right) for options in _OPTIONS for right in (*_INDEX, *_RIGHT)],
    when=_is_choice,
    together=_counted_from,
)
def choice(row: Columns) -> dict:
    """Options of which one is right, named by its letter, its text, or its number.

    Numbers count from 0 in `answer_index` and in a file that has a 0; from 1 where one is the last option's.

    {"question": "Which is a fern?", "choices": ["Oak.", "Maidenhair."], "answer": "B"}
    """
    texts, names = _listed(row)
    row[row.among(_OPTIONS)[0]]
    more = {"prompt": row["ctx"]} if "ctx" in row else {}  # HellaSwag
    if row.scoring:
        return {"responses": texts} | more
    told = row.among(_RIGHT) or row.among(_INDEX)
    right = _place(row, told[0], texts, names)
    if also := row.among(_INDEX):
        row[also[0]]
    return {"responses": texts, "correct": [i == right for i in range(len(texts))]} | more


def _place(row: Columns, column: str, texts: list[str], names: list[str]) -> int:
    value = row[column]
    letter = value.strip(" ().:") if isinstance(value, str) else value
    for known, said in ((texts, value), (names, letter)):
        if known.count(said) == 1:
            return known.index(said)
    # MMLU has a subject, HellaSwag a ctx; both count from 0.
    first = 0 if column in _INDEX or row.among(("subject", "ctx")) else row.about.get("first")
    place = number(value)
    if place is not None and first is None:
        raise BadValueError(column, "the letter or the text of an option: do its numbers begin at 0 or 1")
    if place is None or place != int(place) or not 0 <= place - first < len(texts):
        raise BadValueError(column, "the letter, the text or the number of an option")
    return int(place) - first


_TRUE = ("correct_answers", "correct_answer", "right_answers")
_FALSE = ("incorrect_answers", "incorrect_answer", "wrong_answers", "distractors")
_NUMBERED = ("incorrect_answer_1", "distractor_1", "wrong_answer_1")


@register(
    "right and wrong answers",
    *[(right, wrong) for right in _TRUE for wrong in (*_FALSE, *_NUMBERED)],
    when=_alone,
)
def right_and_wrong(row: Columns) -> dict:
    """TruthfulQA, SciQ, GPQA: right answers and wrong ones, in lists, or in numbered columns.

    {"question": "Is an oak a fern?", "best_answer": "No.", "correct_answers": ["No.", "It is a tree."],
     "incorrect_answers": ["Yes."]}
    """
    right = _texts(row, row.among(_TRUE)[0])
    best = row.get("best_answer")
    right = [best, *right] if isinstance(best, str) and best.strip() not in map(str.strip, right) else right
    wrong = [text for name in row.among(_FALSE) for text in _texts(row, name)]
    for stem in dict.fromkeys(plain(name).removesuffix("1") for name in row.among(_NUMBERED)):
        numbered = [column for column in row if re.fullmatch(rf"{stem}\d+", plain(column))]
        wrong += [row[column] for column in numbered if row.peek(column) not in (None, "")]
    return {"responses": right + wrong, "correct": [True] * len(right) + [False] * len(wrong)}


def _texts(row: Columns, column: str) -> list[str]:
    """A list of texts; in a CSV file TruthfulQA sets them apart by semicolons."""
    value = decoded(row[column])
    if isinstance(value, str):
        return (
            [part.strip() for part in value.split(";") if part.strip()] if column.endswith("s") else [value]
        )
    return items(row, column, str)


@register("TruthfulQA choices", ("question", "mc1_targets"), ("question", "mc2_targets"), when=_alone)
def targets(row: Columns) -> dict:
    """TruthfulQA's multiple choice: mc1_targets with one right choice, else mc2_targets with several.

    {"question": "Is an oak a fern?", "mc1_targets": {"choices": ["No.", "Yes."], "labels": [1, 0]}}
    """
    column = row.among(("mc1_targets", "mc2_targets"))[0]
    found = decoded(row[column])
    texts, labels = (found.get(name) if isinstance(found, dict) else None for name in ("choices", "labels"))
    if not isinstance(texts, list) or not isinstance(labels, list) or len(texts) != len(labels):
        raise BadValueError(column, "an object with choices and a label for each")
    return {"responses": texts, "correct": [yes_or_no(label, column) for label in labels]}


def _objects(row: Columns) -> bool:
    found = decoded(row.peek("options"))
    return isinstance(found, list) and bool(found) and all(isinstance(o, dict) and "text" in o for o in found)


@register("Prodigy choices", ("options", "accept"), when=_objects)
def prodigy(row: Columns) -> dict:
    """Prodigy: the options that `accept` names are better; no label where the task was not accepted.

    {"text": "Name a fern.", "options": [{"id": 1, "text": "Oak."}, {"id": 2, "text": "Maidenhair."}],
     "accept": [2], "answer": "accept"}
    """
    found, accepted = items(row, "options", dict), items(row, "accept")
    made = {"responses": [option.get("text") for option in found]}
    chosen = [option.get("id") in accepted for option in found]
    if row.get("answer", "accept") == "accept" and len(set(chosen)) == 2:
        made["ranks"] = [1 if good else 2 for good in chosen]
    return made | ({"prompt": row["text"]} if "text" in row else {})
