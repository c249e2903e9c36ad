"""Exports of annotation tools that hold a task and every judgment of it in one row."""

from rmkit.data.columns import BadValueError, Columns, Row, are_objects
from rmkit.data.formats.registry import register
from rmkit.data.formats.side_by_side import SIDES, side_by_side


def _each(rows: list[Row]) -> list[Row]:
    """One row for each annotation of a task: its data, the winner and the annotator."""
    return [one for row in rows for one in _annotated(row)]


def _annotated(row: Row) -> list[Row]:
    task, told = row.values.get("data"), row.values.get("annotations")
    if not isinstance(task, dict) or not are_objects(told):
        return [row]
    found = []
    for number, annotation in enumerate(told, 1):
        who = annotation.get("completed_by")
        who = who.get("id", who.get("email")) if isinstance(who, dict) else who
        values = task | {"data": None, "annotations": None, "annotator": who, "winner": _selected(annotation)}
        found.append(Row(f"{row.where}, annotation {number}", values, row.fault))
    return found or [Row(row.where, task | {"data": None, "annotations": None}, row.fault)]


def _selected(annotation: dict) -> object:
    """What was selected: "left" or "right", or a choice by its name; None where the task was skipped."""
    if annotation.get("was_cancelled"):
        return None
    results = annotation.get("result")
    for value in (result.get("value") for result in results) if are_objects(results) else ():
        if isinstance(value, dict) and (value.get("selected") or value.get("choices")):
            return value.get("selected") or value["choices"][0]
    return None


def _has_task(row: Columns) -> bool:
    return isinstance(row.peek("data"), dict) and are_objects(row.peek("annotations"))


@register("Label Studio", ("data", "annotations"), when=_has_task, together=_each)
def label_studio(row: Columns) -> dict:
    """Label Studio's JSON: two answers in `data`, and one judgment for each annotation.

    {"data": {"prompt": "Name a fern.", "answer1": "Oak.", "answer2": "Maidenhair."},
     "annotations": [{"completed_by": 1, "result": [{"type": "pairwise", "value": {"selected": "right"}}]}]}
    """
    row["data"], row["annotations"]
    if not any(first in row and second in row for first, second in SIDES):
        raise BadValueError("data", "a prompt and two answers, such as answer1 and answer2")
    return side_by_side(row)
