"""Open Assistant's trees: every message whose replies are ranked becomes one row."""

from collections import defaultdict
from dataclasses import replace

from rmkit.data.columns import BadRowError, BadValueError, Columns, Row, UnusableError, number, objects, ranks
from rmkit.data.formats.registry import register
from rmkit.data.transcripts import messages

_USED = ("message_id", "parent_id", "message_tree_id", "text", "role", "rank", "replies")


def _branches(rows: list[Row]) -> list[Row]:
    """One row for each message with assistant replies; a tree without any stays as it is, and is counted."""
    found = []
    for row in rows:
        root = row.values.get("prompt")
        inside = _below(root, [], row) if isinstance(root, dict) else []
        found += inside or [_unanswered(row)]
    return found


def _unanswered(row: Row) -> Row:
    return Row(row.where, {"replies": [], "message_tree_id": None, "prompt": None}, row.fault)


def _below(message: dict, before: list[dict], row: Row) -> list[Row]:
    talk = [*before, {"role": message.get("role"), "content": message.get("text")}]
    try:
        replies = objects(message.get("replies"), "replies")
    except BadValueError as error:
        return [replace(row, fault=error)]
    rows = []
    if replies and all(reply.get("role") == "assistant" for reply in replies):
        name = message.get("message_id")
        values = {
            "message_tree_id": row.values.get("message_tree_id"),
            "prompt": talk,
            "replies": replies,
            "id": name,
        }
        rows.append(Row(f"{row.where}, message {name}", values))
    for reply in replies:
        rows += _below(reply, talk, row)
    return rows


@register("Open Assistant trees", ("message_tree_id", "prompt"), together=_branches)
def tree(row: Columns) -> dict:
    """A tree of messages: the assistant's replies to a message are ranked, 0 = best. A row may give several
    records.

    {"message_tree_id": "t1", "prompt": {"message_id": "m0", "text": "Name a fern.", "role": "prompter",
     "replies": [{"message_id": "m1", "text": "Maidenhair.", "role": "assistant", "rank": 0, "replies": []},
     {"message_id": "m2", "text": "Oak.", "role": "assistant", "rank": 1, "replies": []}]}}
    """
    replies = row["replies"]
    if not replies:
        raise UnusableError("no replies")
    places = [number(reply.get("rank")) for reply in replies]
    made = {
        "prompt": messages(row["prompt"], "prompt"),
        "responses": [reply.get("text") for reply in replies],
    }
    row["message_tree_id"]
    others = [{name: value for name, value in reply.items() if name not in _USED} for reply in replies]
    made |= {"extra": {"replies": others}} if any(others) else {}
    return made | {
        "ranks": ranks([None if p is None else -p for p in places])
        if any(p is not None for p in places)
        else None
    }


def _grown(rows: list[Row]) -> list[Row]:
    """Messages, one a row, as trees: what `_branches` gives; each knows of how many rows it is made."""
    children: dict[object, list[dict]] = defaultdict(list)
    known = {_key(row.values.get("message_id")) for row in rows}
    for row in rows:
        children[_key(row.values.get("parent_id"))].append(row.values)
    found = []
    for row in rows:
        if _key(row.values.get("parent_id")) not in known:
            root = _with_replies(row.values, children)
            values = {"message_tree_id": row.values.get("message_tree_id"), "prompt": root}
            inside = _branches([Row(row.where, values, row.fault)])
            found += [replace(each, about={"rows": 1 + len(each.values["replies"])}) for each in inside]
        elif row.values.get("role") == "prompter" and not children[_key(row.values.get("message_id"))]:
            found.append(_unanswered(row))
    circle = BadRowError("the messages above it form a circle: correct a parent_id", "a circle of messages")
    return found + [replace(row, fault=circle) for row in _without_root(rows, children, known)]


def _without_root(rows: list[Row], children: dict, known: set) -> list[Row]:
    """The messages from which no way leads up to a first one."""
    below = [row.values for row in rows if _key(row.values.get("parent_id")) not in known]
    reached = set()
    while below:
        message = below.pop()
        reached.add(_key(message.get("message_id")))
        below += children[_key(message.get("message_id"))]
    return [row for row in rows if _key(row.values.get("message_id")) not in reached]


def _key(name: object) -> object:
    """What a message is known by: text, a number or null; anything else is no name of another message."""
    return name if isinstance(name, str | int | None) else repr(name)


def _with_replies(message: dict, children: dict) -> dict:
    replies = [_with_replies(reply, children) for reply in children[_key(message.get("message_id"))]]
    return message | {"replies": replies}


@register("Open Assistant messages", ("message_id", "parent_id", "text", "role"), together=_grown)
def message(row: Columns) -> dict:
    """The same as a table, one message a row (oasst1 and oasst2 on the Hub).

    {"message_id": "m0", "parent_id": null, "message_tree_id": "m0", "text": "Name a fern.",
     "role": "prompter"}
    {"message_id": "m1", "parent_id": "m0", "message_tree_id": "m0", "text": "Maidenhair.",
     "role": "assistant", "rank": 0}
    {"message_id": "m2", "parent_id": "m0", "message_tree_id": "m0", "text": "Oak.", "role": "assistant",
     "rank": 1}
    """
    return tree(row)
