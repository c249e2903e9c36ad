"""Solutions in steps, with a label for each step: 1 good, 0 wrong, None not judged."""

import re
from dataclasses import replace

from rmkit.data.columns import BadRowError, BadValueError, Columns, Row, decoded, items, number, objects
from rmkit.data.formats.registry import register

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
    three = any(-1.0 in _numbers(decoded(row.values.get("labels"))) for row in rows)
    return [replace(row, about={"neutral": three}) for row in rows]


_SIGNS = {"+": 1.0, "-": 0.0, "": None}


def _numbers(labels: object) -> list:
    """Labels as numbers; what is neither a number, true, false, "+", "-" nor null stays as it is."""
    if not isinstance(labels, list):
        return []
    known = [
        float(x) if isinstance(x, bool) else _SIGNS.get(x, x) if isinstance(x, str) else x for x in labels
    ]
    return [x if number(x) is None else number(x) for x in known]


@register("labeled steps", ("steps", "labels"), together=_one_scale, joins=True)
def steps(row: Columns) -> dict:
    """A solution in steps with a label for each: 1, 0 and null, or PRM800K's 1, 0 (neutral) and -1.

    {"prompt": "What is 3 + 4?", "steps": ["3 + 4 = 7.", "So it is 8."], "labels": [1, 0]}
    """
    return _labeled(row, "steps")


@register("stepwise supervision", ("completions", "labels"), together=_one_scale, joins=True)
def stepwise(row: Columns) -> dict:
    """TRL's name for the same: the steps are completions.

    {"prompt": "What is 3 + 4?", "completions": ["3 + 4 = 7.", "So it is 8."], "labels": [true, false]}
    """
    return _labeled(row, "completions")


def _labeled(row: Columns, column: str) -> dict:
    parts = items(row, column, str)
    if row.scoring:
        return solution(parts, [None] * len(parts))
    given = _numbers(items(row, "labels"))
    allowed = (-1, 0, 1, None) if row.about.get("neutral") else (0, 1, None)
    if any(label not in allowed for label in given):
        raise BadValueError(
            "labels", "1 (good), 0 (wrong) or null for each step; choose a threshold for soft labels"
        )
    if len(parts) != len(given):
        raise BadValueError("labels", f"one label for each of the {len(parts)} steps")
    scale = _NEUTRAL_IS_GOOD if row.about.get("neutral") else {0: 0, 1: 1}
    return solution(parts, [None if label is None else scale[label] for label in given])


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


def _marked(row: Columns) -> bool:
    talk = decoded(row.peek("conversations"))
    if not isinstance(talk, list) or not all(isinstance(turn, dict) for turn in talk):
        return False
    said = [turn.get("content") for turn in talk[1::2]]
    return bool(said) and all(mark in ("+", "-") for mark in said)


@register("steps and marks in turn", ("conversations",), when=_marked, joins=True)
def marked(row: Columns) -> dict:
    """RLHFlow: every step is the user's turn, and the assistant answers "+" (good) or "-" (wrong).

    {"conversations": [{"role": "user", "content": "3 + 4? Step 1: 3 + 4 = 7."}, {"role": "assistant",
     "content": "+"}, {"role": "user", "content": "Step 2: It is 8."}, {"role": "assistant", "content": "-"}]}
    """
    talk = items(row, "conversations", dict)
    parts, marks = [turn.get("content") for turn in talk[::2]], [turn.get("content") for turn in talk[1::2]]
    texts = all(isinstance(part, str) for part in parts)
    if not parts or len(parts) != len(marks) or not texts or any(mark not in ("+", "-") for mark in marks):
        raise BadValueError("conversations", 'steps, each followed by "+" or "-"')
    begin = re.search(r"Step 1\s*:", parts[0])
    if begin is None:
        raise BadValueError("conversations", 'a first turn with "Step 1:" after the question')
    steps = [parts[0][begin.start() :], *parts[1:]]
    question = parts[0][: begin.start()].strip()
    return solution([step.strip() for step in steps], [int(mark == "+") for mark in marks], prompt=question)


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


@register("Math-Shepherd", ("input", "label", "task"), joins=True)
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
    begin = re.search(r"Step 1\s*:", pieces[0])
    if begin is None:
        raise BadRowError("column 'input' has no \"Step 1:\" where the solution begins", "column 'input'")
    parts = [pieces[0][begin.start() :], *pieces[1:-1]]
    tail = [pieces[-1].strip()] if pieces[-1].strip() else []
    return solution(
        [part.strip() for part in parts] + tail,
        labels + [None] * len(tail),
        prompt=pieces[0][: begin.start()].strip(),
        subset=row["task"],
    )
