"""Prompts in every shape they come in: text, chat messages, transcripts such as "Human: ... Assistant: ...".

Everything becomes text, or chat messages {"role": "system", "user" or "assistant", "content": text}.
"""

import json
import re

from rmkit.data.columns import BadValueError, Row, UnusableError, are_objects, decoded

Messages = list[dict[str, str]]

# Names that data sets use for the two sides of a conversation.
_ROLES = {
    "human": "user",
    "prompter": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "function": "tool",
    "observation": "tool",
    "ipython": "tool",
    "tool_response": "tool",
    "function_call": "assistant",
    "tool_call": "assistant",
    "ai": "assistant",
    "chatbot": "assistant",
    "developer": "system",
}
_SILENT = ("tool", "function", "observation", "ipython", "tool_response")  # a tool may well return nothing
_TURN = re.compile(r"(?:\A|\r?\n\r?\n)(Human|User|Assistant|System):[ \t]?")
_SIDES = ("Human:", "User:", "Assistant:", "System:")
_HELPSTEER_TURN = "<extra_id_1>"


def messages(value: object, column: str) -> Messages:
    """Chat messages in the common form, from {"role", "content"} or {"from", "value"} dictionaries.

    Parts of a content are joined. Raises UnusableError for what no text can hold: "images", "null content",
    and "tool calls" where the last message is nothing but a call. Calls in earlier messages become JSON text.
    """
    wanted = 'a list of chat messages, each {"role": ..., "content": text}'
    value = decoded(value)
    if isinstance(value, dict):
        value = [value]
    if not value or not are_objects(value):
        raise BadValueError(column, wanted)
    result = []
    if not all("role" in item for item in value):
        value = [turn for item in value for turn in turns_named(item) or [item]]
    for i, item in enumerate(value):
        role = item.get("role", item.get("from"))
        names = [name for name in ("content", "value", "text", "parts") if name in item]
        calls = item.get("tool_calls") or item.get("function_call")
        if not isinstance(role, str) or not (names or calls):
            raise BadValueError(column, wanted)
        role, content = role.lower(), _content(item[names[0]], column, wanted) if names else None
        if calls:
            if not content and i == len(value) - 1:
                raise UnusableError("tool calls")
            content = "\n".join(part for part in (content, json.dumps(calls, ensure_ascii=False)) if part)
        elif content is None:
            if role not in _SILENT:
                raise UnusableError("null content")
            content = ""
        result.append({"role": _ROLES.get(role, role), "content": content})
    return result


# Turns as {"user": ..., "assistant": ...}, or with other names of the two sides.
_NAMED = {
    "system": "system",
    **dict.fromkeys(("user", "human", "prompter", "question", "query", "prompt", "instruction"), "user"),
    **dict.fromkeys(("assistant", "bot", "gpt", "chatgpt", "answer", "response", "output"), "assistant"),
}


def turns_named(item: dict) -> Messages | None:
    """The messages of {"user": ..., "assistant": ...}, or None where this is another object."""
    if not item or not all(name in _NAMED and isinstance(text, str | None) for name, text in item.items()):
        return None
    return [{"role": _NAMED[name], "content": text} for name, text in item.items() if text is not None]


def earlier_turns(value: object, column: str) -> str | Messages:
    """Turns before a question: messages, pairs [question, answer], texts in turn, a transcript, or a text."""
    value = decoded(value)
    if isinstance(value, str):
        return transcript(value) or value
    if isinstance(value, list) and all(isinstance(turn, list | tuple) and len(turn) == 2 for turn in value):
        value = [text for turn in value for text in turn]
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        roles = ("user", "assistant")
        return [{"role": roles[i % 2], "content": text} for i, text in enumerate(value)]
    return messages(value, column)


def _content(content: object, column: str, wanted: str) -> str | None:
    """The text of one message; parts ({"type": "text", "text": ...}, or plain texts) are joined."""
    if content is None or isinstance(content, str):
        return content
    if not isinstance(content, list) or not all(isinstance(part, dict | str) for part in content):
        raise BadValueError(column, wanted)
    texts = []
    for part in content:
        text = part if isinstance(part, str) else part.get("text")
        if isinstance(part, dict) and not isinstance(text, str):
            if str(part.get("type", "text")) == "text":
                raise BadValueError(column, wanted)
            raise UnusableError("images")
        texts.append(text)
    return "".join(texts)


def is_talk(value: object) -> bool:
    """Whether this is a message or a list of messages, or text that writes one down."""
    value = decoded(value)
    value = [value] if isinstance(value, dict) else value
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(item, dict) and ("role" in item or "from" in item) for item in value)
    )


def is_plain(value: object) -> bool:
    """Whether this is a text that begins neither as a transcript nor as messages written down."""
    return isinstance(value, str) and not value.lstrip().startswith((*_SIDES, "[", "{", "<", "###"))


def transcript(text: str) -> Messages | None:
    """The turns of a text such as "Human: Hi.\\n\\nAssistant: Hello.", or None where it is not clearly one.

    It is one where it begins with a turn and both sides speak (or an empty "Assistant:" asks for the answer),
    the user first; a system turn may stand before. Turns of one side in a row are joined. "User: ..." alone
    is an ordinary text.
    """
    names, contents = _pieces(text)
    if len(names) < 2 or {"Human", "User"} <= set(names) or "System" in names[1:]:
        return None
    turns: Messages = []
    for name, content in zip(names, contents, strict=True):
        role = _ROLES.get(name.lower(), name.lower())
        if turns and turns[-1]["role"] == role and content:
            turns[-1]["content"] = f"{turns[-1]['content']}\n\n{content}"
        elif content or not turns or turns[-1]["role"] != role:
            turns.append({"role": role, "content": content})
    roles = [turn["role"] for turn in turns]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    if spoken[:2] != ["user", "assistant"]:
        return None
    return turns[:-1] if turns[-1] == {"role": "assistant", "content": ""} else turns


def is_unsplit(text: str) -> bool:
    """Whether a text begins as a transcript and goes on as one, but cannot be told apart into turns."""
    names, _ = _pieces(text)
    return len(names) > 1 and transcript(text) is None


def _pieces(text: str) -> tuple[list[str], list[str]]:
    """Names and contents of the turns, none where the text does not begin with one."""
    if not text.lstrip().startswith(_SIDES):
        return [], []
    text = text.strip("\r\n")
    pieces = _TURN.split(text)
    if pieces[0].strip() or len(pieces) < 3:
        return [], []
    return pieces[1::2], [piece.strip() for piece in pieces[2::2]]


def sides_told(rows: list[Row]) -> set[str]:
    """What the asking side is called ("Human", "User") in the prompts that are transcripts."""
    texts = (row.values.get("prompt") for row in rows)
    begun = (text for text in texts if isinstance(text, str) and _begins_as_turn(text))
    return {_pieces(text)[0][0] for text in begun if transcript(text)}


def sides_alone(rows: list[Row]) -> set[str]:
    """What the asking side is called in prompts that are one turn."""
    texts = (row.values.get("prompt") for row in rows)
    names = [_pieces(text)[0] for text in texts if isinstance(text, str)]
    return {found[0] for found in names if len(found) == 1}


def _begins_as_turn(text: str) -> bool:
    return text.lstrip("\n").startswith(("Human:", "User:"))


def first_turns(rows: list[Row]) -> list[Row]:
    """Prompts that are one turn ("User: ...") as messages, where other prompts of the file are transcripts.

    Alone such a text is ordinary; in a file of transcripts it is a conversation's first turn.
    """
    texts, told = [row.values.get("prompt") for row in rows], sides_told(rows)
    result = []
    for row, text in zip(rows, texts, strict=True):
        names, contents = _pieces(text) if told and isinstance(text, str) else ([], [])
        if len(names) == 1 and names[0] in told and contents[0]:
            row = Row(
                row.where, row.values | {"prompt": [{"role": "user", "content": contents[0]}]}, row.fault
            )
        result.append(row)
    return result


def helpsteer(text: str) -> str | Messages:
    """A HelpSteer2 prompt: text, or turns set apart by "<extra_id_1>User" and "<extra_id_1>Assistant"."""
    first, *rest = text.split(_HELPSTEER_TURN)
    turns = [{"role": "user", "content": first.strip()}]
    for piece in rest:
        name, _, content = piece.partition("\n")
        turns.append({"role": name.strip().lower(), "content": content.strip()})
    if turns[-1] == {"role": "assistant", "content": ""}:
        turns = turns[:-1]
    alternate = all(turn["role"] == ("user", "assistant")[i % 2] for i, turn in enumerate(turns))
    return turns if rest and alternate else text


def prompt(value: object, column: str = "prompt") -> str | Messages:
    """A prompt as text or chat messages; a clear transcript that ends with the user becomes messages.

    The one reader of prompts: `load` and `model.score` both come here, so they agree.
    """
    if isinstance(value, str) and not is_talk(value):
        turns = transcript(value)
        return turns if turns and turns[-1]["role"] == "user" else value
    if isinstance(value, list | dict | str):
        return messages(value, column)
    raise BadValueError(column, "text or a list of chat messages")


def written(turns: Messages) -> str:
    """Turns as one response: the first turn's text, every later turn under its name."""
    later = [f"{turn['role'].capitalize()}: {turn['content']}" for turn in turns[1:]]
    return "\n\n".join([turns[0]["content"], *later])
