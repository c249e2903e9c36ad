"""Solutions in steps, with a label for each step: 1 good, 0 wrong, None not judged."""

import re
from dataclasses import replace

from rmkit.data.columns import (
    BadRowError,
    BadValueError,
    Columns,
    Row,
    UnusableError,
    are_objects,
    decoded,
    items,
    number,
    objects,
)
from rmkit.data.formats.ranked_objects import beside
from rmkit.data.formats.registry import register
from rmkit.data.transcripts import Messages, is_talk, messages

_NEUTRAL_IS_GOOD = {-1: 0, 0: 1, 1: 1}  # PRM800K's scale


def solution(parts: list[str], labels: list, **more) -> dict:
    """A record of one solution; it is correct where every step is good, wrong where one is wrong."""
    whole = False if 0 in labels else True if labels and None not in labels else None
    return {
        "responses": ["\n".join(parts)],
        "steps": [parts],
        "step_labels": [labels],
        "correct": [whole],
    } | more


def _one_scale(rows: list[Row]) -> list[Row]:
    """Tell the rows whether the file has labels of -1: then 0 is PRM800K's neutral, which counts as good.

    As in the scores of Lightman et al. 2023 (arXiv:2305.20050, appendix F.2).
    """
    labels = [decoded(row.values.get(name)) for row in rows for name in _LABELS]
    three = any(number(label) == -1 for each in labels if isinstance(each, list) for label in each)
    return [replace(row, about={"neutral": three}) for row in rows]


_STEPS = ("steps", "solution_steps", "reasoning_steps", "chain_of_thoughts")
_LABELS = ("labels", "step_labels", "step_ratings")
_SAID = {
    **dict.fromkeys(("+", "good", "correct", "right", "true", "yes", "positive", "valid"), 1),
    **dict.fromkeys(("-", "bad", "incorrect", "wrong", "false", "no", "negative", "invalid"), 0),
    **dict.fromkeys(("", "null", "none", "nan", "n/a"), None),
}


def _label(label: object, column: str, scale: dict) -> int | None:
    """1, 0 or None of a word (true, "+", null), or of a number on the scale of the file."""
    word = str(label).strip().lower()
    if word in _SAID:
        return _SAID[word]
    if (known := number(label)) not in scale:
        raise BadValueError(
            column, "1 (good), 0 (wrong) or null for each step; choose a threshold for soft labels"
        )
    return scale[known]


@register(
    "labeled steps",
    *[(steps, labels) for steps in _STEPS for labels in _LABELS],
    together=_one_scale,
    joins=True,
)
def steps(row: Columns) -> dict:
    """A solution in steps with a label for each: 1, 0 and null, or PRM800K's 1, 0 (neutral) and -1.

    {"prompt": "What is 3 + 4?", "steps": ["3 + 4 = 7.", "So it is 8."], "labels": [1, 0]}
    """
    return _labeled(row, row.among(_STEPS)[0])


def _objects(row: Columns) -> bool:
    found = decoded(row.peek("steps"))
    return (
        bool(found)
        and are_objects(found)
        and all(len({"text", "content", "step"} & set(step)) == 1 and "label" in step for step in found)
    )


@register("steps as objects", ("steps",), when=_objects, joins=True)
def labeled_objects(row: Columns) -> dict:
    """Steps as objects, each with its text and its label: 1, 0 and null, or words as "correct".

    {"problem": "3 + 4?", "steps": [{"text": "Add them.", "label": 1}, {"text": "It is 8.", "label": 0}]}
    """
    found = items(row, "steps", dict)
    texts = [
        next((step[name] for name in ("text", "content", "step") if name in step), None) for step in found
    ]
    if not all(isinstance(text, str) for text in texts):
        raise BadValueError("steps", "objects with a text and a label")
    labels = [_label(step.get("label"), "steps", {0: 0, 1: 1}) for step in found]
    return solution(texts, labels, **beside("steps", found, {"text", "content", "step", "label"}))


@register(
    "stepwise supervision",
    ("completions", "labels"),
    ("completions", "step_labels"),
    together=_one_scale,
    joins=True,
)
def stepwise(row: Columns) -> dict:
    """TRL's name for the same: the steps are completions.

    {"prompt": "What is 3 + 4?", "completions": ["3 + 4 = 7.", "So it is 8."], "labels": [true, false]}
    """
    return _labeled(row, "completions")


def _labeled(row: Columns, column: str) -> dict:
    parts = items(row, column, str)
    if row.scoring:
        return solution(parts, [None] * len(parts))
    labels = row.among(_LABELS)[0]
    scale = _NEUTRAL_IS_GOOD if row.about.get("neutral") else {0: 0, 1: 1}
    given = [_label(each, labels, scale) for each in items(row, labels)]
    if len(parts) != len(given):
        raise BadValueError(labels, f"one label for each of the {len(parts)} steps")
    return solution(parts, given)


def _published(row: Columns) -> bool:
    return isinstance(row.peek("question"), dict) and isinstance(row.peek("label"), dict)


@register("PRM800K", ("question", "label"), when=_published, joins=True)
def prm800k(row: Columns) -> dict:
    """PRM800K as published: the trajectory of chosen steps, or the first candidate where none was chosen.

    {"labeler": "L", "question": {"problem": "3 + 4?"},
     "label": {"steps": [{"completions": [{"text": "It is 7.", "rating": 1}], "human_completion": null,
     "chosen_completion": 0}]}}
    """
    question, label = row["question"], row["label"]
    if not isinstance(question, dict) or not isinstance(label, dict) or "steps" not in label:
        raise BadValueError("label", 'an object with "steps", beside a question with "problem"')
    parts, labels = [], []
    for step in objects(label["steps"], "label"):
        chosen, candidates = step.get("chosen_completion"), objects(step.get("completions"), "completions")
        if chosen is None and step.get("human_completion"):
            human = step["human_completion"]  # written by the labeler as a good step
            parts, labels = [*parts, human.get("text") if isinstance(human, dict) else human], [*labels, 1]
        elif candidates:
            if chosen not in (None, *range(len(candidates))):
                raise BadValueError("chosen_completion", f"one of 0 to {len(candidates) - 1}")
            candidate = candidates[chosen or 0]
            parts.append(candidate.get("text"))
            labels.append(_NEUTRAL_IS_GOOD.get(number(candidate.get("rating"))))
    if not all(isinstance(part, str) for part in parts):
        raise BadValueError("completions", "steps, each with a text")
    return solution(parts, labels, prompt=question.get("problem"))


_TALK = ("conversations", "messages")
_MARKS = {"+": 1, "-": 0}
_BEGIN = re.compile(r"Step 1\s*:")


def _turns(row: Columns) -> tuple[Messages, list[str], list[str]]:
    """(a system message, if any; what the user says; what the assistant answers), turn by turn."""
    talk = messages(row.peek(row.among(_TALK)[0]), row.among(_TALK)[0])
    before = [turn for turn in talk[:1] if turn["role"] == "system"]
    texts = [turn["content"] for turn in talk[len(before) :]]
    return before, texts[::2], [text.strip() for text in texts[1::2]]


def _marked(row: Columns) -> bool:
    if not is_talk(row.peek(row.among(_TALK)[0])):
        return False
    try:
        _, said, marks = _turns(row)
    except (BadRowError, UnusableError):  # no texts in turn
        return False
    told = len(marks) > 1 or bool(marks and _BEGIN.search(said[0]))  # one "+" may answer any question
    return told and set(marks) <= set(_MARKS)


@register("steps and marks in turn", *[(name,) for name in _TALK], when=_marked, joins=True)
def marked(row: Columns) -> dict:
    """RLHFlow: every step is the user's turn, and the assistant answers "+" (good) or "-" (wrong).

    {"conversations": [{"role": "user", "content": "3 + 4? Step 1: 3 + 4 = 7."}, {"role": "assistant",
     "content": "+"}, {"role": "user", "content": "Step 2: It is 8."}, {"role": "assistant", "content": "-"}]}
    """
    column = row.among(_TALK)[0]
    before, parts, marks = _turns(row)
    if not parts or len(parts) != len(marks) or not set(marks) <= set(_MARKS):
        raise BadValueError(column, 'steps, each followed by "+" or "-"')
    begin = _BEGIN.search(parts[0])
    if begin is None:
        raise BadValueError(column, 'a first turn with "Step 1:" after the question')
    question, steps = parts[0][: begin.start()].strip(), [parts[0][begin.start() :], *parts[1:]]
    row[column]
    asked = [*before, {"role": "user", "content": question}] if before else question
    return solution([step.strip() for step in steps], [_MARKS[mark] for mark in marks], prompt=asked)


def _first_error(row: Columns, column: str, parts: list[str], where: float | None) -> dict:
    """Good before the first error, wrong there, not judged after it. where: its index, None for no error."""
    if where is None or row.scoring:
        return solution(parts, [1] * len(parts))
    if where != int(where) or not 0 <= where < len(parts):
        raise BadValueError(column, f"the number of one of the {len(parts)} steps")
    n = int(where)
    return solution(parts, [1] * n + [0] + [None] * (len(parts) - n - 1))


@register("ProcessBench", ("problem", "steps", "label"), benchmark=True, joins=True)
def processbench(row: Columns) -> dict:
    """label is the index of the first wrong step, -1 where all are right.

    {"id": "g-1", "problem": "Ann has 3 pens and buys 4.", "steps": ["3 + 4 = 7.", "She has 8."], "label": 1}
    """
    where = number(row["label"])
    if where is None and not row.scoring:
        raise BadValueError("label", "the index of the first wrong step, or -1")
    return _first_error(row, "label", items(row, "steps", str), None if where == -1 else where)


@register("BIG-Bench Mistake", ("input", "steps", "mistake_index"), joins=True)
def mistake(row: Columns) -> dict:
    """mistake_index is the index of the first wrong step, null where all are right.

    {"input": "Sort: b, a.", "steps": ["a before b.", "So: b, a."], "mistake_index": 1}
    """
    where = number(row["mistake_index"])
    if where is None and row["mistake_index"] not in (None, "") and not row.scoring:
        raise BadValueError("mistake_index", "the index of the first wrong step, or null")
    return _first_error(row, "mistake_index", items(row, "steps", str), where)


@register(
    "MR-GSM8K",
    ("question", "model_solution_steps", "model_solution_first_error_step"),
    ("question", "model_output_steps", "model_output_solution_first_error_step"),
    benchmark=True,
    joins=True,
)
def mrgsm8k(row: Columns) -> dict:
    """The first wrong step is counted from 1; "N/A" where all are right.

    {"question": "3 + 4?", "model_solution_steps": ["Add them.", "It is 8."],
     "model_solution_first_error_step": 2}
    """
    stem = "model_solution" if "model_solution_steps" in row else "model_output"
    column = (
        "model_solution_first_error_step"
        if stem == "model_solution"
        else "model_output_solution_first_error_step"
    )
    value = row[column]
    where = number(value)
    if where is None and str(value or "").strip().lower() not in ("n/a", "na", "none") and not row.scoring:
        raise BadValueError(column, 'a number from 1, or "N/A"')
    return _first_error(row, column, items(row, f"{stem}_steps", str), None if where is None else where - 1)


_TAG = re.compile(r"\s*ки")


def _tagged(row: Columns) -> bool:
    return isinstance(row.peek("label"), str) and _TAG.search(str(row.peek("input"))) is not None


@register("Math-Shepherd", ("input", "label", "task"), ("input", "label"), when=_tagged, joins=True)
def math_shepherd(row: Columns) -> dict:
    """The tag "ки" ends every step of `input`; `label` has "+" (good) or "-" there.

    {"input": "Tom has 5 eggs and eats 2. Step 1: 5 - 2 = 3. ки\\nStep 2: It is 4. ки",
     "label": "Tom has 5 eggs and eats 2. Step 1: 5 - 2 = 3. +\\nStep 2: It is 4. -", "task": "GSM8K"}
    """
    text, judged = row["input"], row["label"]
    if not isinstance(text, str) or not isinstance(judged, str) or "ки" not in text:
        raise BadValueError("input", 'text in which the tag "ки" ends every step')
    pieces, labels, place = _TAG.split(text), [], 0
    for piece in pieces[:-1]:
        place = judged.find(piece, place) + len(piece)
        mark = judged[place:].lstrip()[:1]
        if mark not in ("+", "-"):
            raise BadRowError("column 'label' must repeat the steps with + or - after each", "column 'label'")
        labels.append(int(mark == "+"))
        place += len(judged[place:]) - len(judged[place:].lstrip()) + 1
    begin = _BEGIN.search(pieces[0])
    if begin is None:
        raise BadRowError("column 'input' has no \"Step 1:\" where the solution begins", "column 'input'")
    parts = [pieces[0][begin.start() :], *pieces[1:-1]]
    tail = [pieces[-1].strip()] if pieces[-1].strip() else []
    return solution(
        [part.strip() for part in parts] + tail,
        labels + [None] * len(tail),
        prompt=pieces[0][: begin.start()].strip(),
        **({"subset": row["task"]} if "task" in row else {}),
    )


@register("tagged steps", ("process", "label"), ("process", "labels"), joins=True)
def tagged(row: Columns) -> dict:
    """OmegaPRM: the tag "ки" ends every step of `process`; `label` is a list of "+" and "-".

    {"question": "3 + 4?", "process": "Step 1: Add. ки\\nStep 2: It is 8. ки", "label": ["+", "-"]}
    """
    column, text = row.among(("label", "labels"))[0], row["process"]
    if not isinstance(text, str):
        raise BadValueError("process", 'text in which the tag "ки" ends every step')
    parts = [part.strip() for part in _TAG.split(text) if part.strip()]
    labels = [_label(each, column, {0: 0, 1: 1}) for each in items(row, column)]
    if len(parts) != len(labels):
        raise BadValueError(column, f"one label for each of the {len(parts)} steps")
    return solution(parts, labels)
