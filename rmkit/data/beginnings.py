"""What answers begin with: the prompt that all of them repeat, or TRL's implicit one that only they hold."""

import re

from rmkit.data.transcripts import Messages

# The last thing before an answer: "Assistant:", "### Response:", "Answer:" at the start of a line.
_CUE = re.compile(r"(?:\A|\n)[#\s]*(?:assistant|response|answer|bot|gpt|ai|a|model)[ \t]*:", re.IGNORECASE)
# What a template writes after a question: "Answer:", "### Response:", "TL;DR:" ...
_LABEL = re.compile(
    r"(?:\A|[\s#*])(?:assistant|response|answer|output|reply|completion|solution|summary|tl;dr|bot|gpt|ai|a|model)"
    r"[ \t*]*:\Z",
    re.IGNORECASE,
)
_GAP = re.compile(r"\A[ \t]*(?:\r?\n)+|\A[ \t]+")  # an indentation after a line break is the answer's own


def taken_off(stated: str, answers: list[str]) -> tuple[str, list[str]] | None:
    """(the prompt, the answers without it) where all repeat it, alone or between the words of a template.

    It takes two answers, and a prompt of three words or more; else None.
    """
    prompt = stated.strip()
    if len(answers) < 2 or not all(prompt in answer for answer in answers):  # most rows
        return None
    if len(prompt.split()) < 3 and len(prompt) < 20:
        return None
    if not all(answer.lstrip().startswith(prompt) for answer in answers):
        begun, rest = shared(answers) or ("", [])
        _, found, after = begun.rpartition(prompt)
        around = found and _LABEL.search(after)
        return (begun, [_GAP.sub("", text) for text in rest]) if around else None
    rest = [answer.lstrip()[len(prompt) :] for answer in answers]
    if any(not text.strip() or (text[0].isalnum() and prompt[-1].isalnum()) for text in rest):
        return None
    return stated, [_GAP.sub("", text) for text in rest]


def shared(answers: list[str]) -> tuple[str, list[str]] | None:
    """(the beginning in common up to the last cue for an answer, or whole word; the rests); else None."""
    shortest = min(len(answer) for answer in answers)
    n = next((i for i in range(shortest) if len({answer[i] for answer in answers}) > 1), shortest)
    begun = answers[0][:n]
    cues = [cue.end() for cue in _CUE.finditer(begun)]
    words = (i + 1 for i, letter in enumerate(begun) if letter.isspace())  # whole words only
    n = cues[-1] if cues else max(words, default=0)
    if len(begun[:n].split()) < 3:  # two answers may well begin with the same word
        return None
    return begun[:n].strip(), [answer[n:] for answer in answers]


def same_turn(one: dict, other: dict) -> bool:
    """Whether two turns say the same, whatever the white space at their ends."""
    if one["role"] != other["role"]:
        return False
    return one["content"] == other["content"] or one["content"].strip() == other["content"].strip()


def joined(stated: str | Messages, beginning: Messages) -> str | Messages:
    """The stated prompt and the shared beginning of the conversations, which may repeat it."""
    if not beginning:
        return stated
    if isinstance(stated, str):
        asked_in_it = any(message["role"] == "user" for message in beginning)
        return beginning if asked_in_it or not stated else [*beginning, {"role": "user", "content": stated}]
    if stated[-len(beginning) :] == beginning or stated[: len(beginning)] == beginning:
        return stated
    told = [turn for turn in stated if turn["role"] != "system"]
    said = [turn for turn in beginning if turn["role"] != "system"]
    if told not in (said[: len(told)], said[-len(told) :]):
        return stated if _end_with(told, said) else stated + beginning
    return [turn for turn in stated if turn["role"] == "system" and turn not in beginning] + beginning


def _end_with(stated: Messages, beginning: Messages) -> bool:
    """Whether each turn ends with what the other says: a text, such as a `context`, stands before it."""
    if [turn["role"] for turn in stated] != [turn["role"] for turn in beginning]:
        return False
    pairs = zip(stated, beginning, strict=True)
    return all(one["content"].endswith(other["content"]) for one, other in pairs)
