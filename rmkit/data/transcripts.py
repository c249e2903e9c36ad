"""Prompts in every shape they come in: text, chat messages, transcripts such as "Human: ... Assistant: ...".

Everything becomes text, or chat messages {"role": "system", "user" or "assistant", "content": text}.
"""

import re

from rmkit.data.columns import BadValueError, UnusableError

Messages = list[dict[str, str]]

# Names that data sets use for the two sides of a conversation.
_ROLES = {"human": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant"}
_TURN = re.compile(r"(?:\A|\n\n)(Human|User|Assistant|System):[ \t]?")
_HELPSTEER_TURN = "<extra_id_1>"


def messages(value: object, column: str) -> Messages:
    """Chat messages in the common form, from {"role", "content"} or {"from", "value"} dictionaries."""
    wanted = 'a list of chat messages, each {"role": ..., "content": text}'
    if not isinstance(value, list) or not value or not all(isinstance(item, dict) for item in value):
        raise BadValueError(column, wanted)
    result = []
    for item in value:
        role, content = item.get("role", item.get("from")), item.get("content", item.get("value"))
        if isinstance(content, list) and all(isinstance(part, dict) and "text" in part for part in content):
            content = "".join(part["text"] for part in content)
        if not isinstance(role, str) or not isinstance(content, str):
            raise BadValueError(column, wanted)
        result.append({"role": _ROLES.get(role, role), "content": content})
    return result


def transcript(text: str) -> Messages | None:
    """The turns of a text such as "Human: Hi.\\n\\nAssistant: Hello.", or None where it is not clearly one.

    It is one where it begins with a turn and user and assistant strictly alternate, the user first (a system
    turn may stand before). An empty last assistant turn is the cue to answer, and no message.
    """
    text = text.strip("\n")
    pieces = _TURN.split(text)
    if pieces[0].strip() or len(pieces) < 3:
        return None
    names, contents = pieces[1::2], [piece.strip() for piece in pieces[2::2]]
    if {"Human", "User"} <= set(names):
        return None
    turns = [
        {"role": _ROLES.get(name.lower(), name.lower()), "content": content}
        for name, content in zip(names, contents, strict=True)
    ]
    return _alternating(turns)


def helpsteer(text: str) -> str | Messages:
    """A HelpSteer2 prompt: text, or turns set apart by "<extra_id_1>User" and "<extra_id_1>Assistant"."""
    first, *rest = text.split(_HELPSTEER_TURN)
    turns = [{"role": "user", "content": first.strip()}]
    for piece in rest:
        name, _, content = piece.partition("\n")
        turns.append({"role": name.strip().lower(), "content": content.strip()})
    return (_alternating(turns) or text) if rest else text


def _alternating(turns: Messages) -> Messages | None:
    if turns[-1] == {"role": "assistant", "content": ""}:
        turns = turns[:-1]
    roles = [turn["role"] for turn in turns]
    spoken = roles[1:] if roles[:1] == ["system"] else roles
    expected = [("user", "assistant")[i % 2] for i in range(len(spoken))]
    return turns if spoken and spoken == expected else None


def prompt(value: object, column: str = "prompt") -> str | Messages:
    """A prompt as text or chat messages; a clear transcript that ends with the user becomes messages."""
    if isinstance(value, str):
        turns = transcript(value)
        return turns if turns and turns[-1]["role"] == "user" else value
    if isinstance(value, list):
        return messages(value, column)
    raise BadValueError(column, "text or a list of chat messages")


def prompt_and_responses(given: object, answers: list, columns: list[str]) -> tuple[str | Messages, list]:
    """The prompt that all answers share, and what each answers to it.

    given: the prompt column, or None where the prompt is the beginning that all answers have in common.
    answers: texts, or conversations (lists of messages) that may or may not repeat the prompt.
    """
    if any(isinstance(answer, list) for answer in answers):
        return _from_conversations(given, [messages(a, c) for a, c in zip(answers, columns, strict=True)])
    if given is not None:
        return prompt(given), answers
    if not all(isinstance(answer, str) for answer in answers):
        return "", answers
    turns = [transcript(answer) for answer in answers]
    if all(turns) and all(t[-1]["role"] == "assistant" for t in turns):
        return _from_conversations(None, turns)
    return _from_texts(answers)


def _from_conversations(given: object, conversations: list[Messages]) -> tuple[str | Messages, list[str]]:
    shared = 0
    # The last message is always the answer, even where all answers are the same.
    while all(shared < len(c) - 1 for c in conversations) and all(
        c[shared] == conversations[0][shared] for c in conversations
    ):
        shared += 1
    beginning, rest = conversations[0][:shared], [c[shared:] for c in conversations]
    if any(len(r) != 1 or r[0]["role"] != "assistant" for r in rest):
        raise UnusableError("prompts differ")
    said = [r[0]["content"] for r in rest]
    if given is None:
        return beginning or "", said
    return _joined(prompt(given), beginning), said


def _joined(stated: str | Messages, beginning: Messages) -> str | Messages:
    """The stated prompt and the shared beginning of the conversations, which may repeat it."""
    if not beginning:
        return stated
    if isinstance(stated, str):
        asked = any(message["role"] == "user" for message in beginning)
        return beginning if asked else [*beginning, {"role": "user", "content": stated}]
    if stated[-len(beginning) :] == beginning:
        return stated
    n = len(stated)
    return beginning if stated in (beginning[:n], beginning[-n:]) else stated + beginning


def _from_texts(answers: list[str]) -> tuple[str, list[str]]:
    shortest = min(len(answer) for answer in answers)
    n = next((i for i in range(shortest) if len({answer[i] for answer in answers}) > 1), shortest)
    shared = answers[0][:n]
    cue = shared.rfind("\n\nAssistant:")
    if cue >= 0:
        n = cue + len("\n\nAssistant:")
    else:
        n = max((i + 1 for i, letter in enumerate(shared) if letter.isspace()), default=0)  # whole words only
    return answers[0][:n].strip(), [answer[n:] for answer in answers]
