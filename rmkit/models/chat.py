"""A conversation as the text of the model's own chat template: opened for a response, and finished with one.

A published reward model was trained on finished turns, and plain transformers reads it at their last token.
So the whole conversation is rendered, response included, and nothing is added to what the template writes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rmkit.data.records import Prompt
from rmkit.models.chat_template import ChatTemplate, Messages, TemplateRefusal

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# What a template did not allow, and what was done instead. Each is the end of "NAME: its chat template ...".
FOLDED = "has no place for a system message, which stands before the first user message instead"
PARTED = "opens a turn otherwise than it finishes one; the finished one is read, and split where the two part"
APART = "does not write a finished turn whole; the opened turn is read, then the response, then EOS"


class Guard:
    """Private characters around text that only looks like a special token, so that it stays text.

    They are characters that stand in none of the texts, and go before anything is tokenized.
    """

    def __init__(self, looks_special: re.Pattern, texts: Sequence[str]):
        texts = [text for text in texts if not text.isascii()]
        free = (chr(code) for code in range(0xE000, 0xF900) if not any(chr(code) in text for text in texts))
        self.start, self.end, self.probe = next(free), next(free), next(free)
        self._looks_special = looks_special

    def __call__(self, text: str) -> str:
        """The text with its look-alikes guarded."""
        return self._looks_special.sub(f"{self.start}\\g<0>{self.end}", text)

    def pieces(self, text: str) -> list[tuple[str, bool]]:
        """(piece, whether it is a look-alike) of a rendering, in order and without private characters."""
        parts = re.split(f"{self.start}(.*?){self.end}", text, flags=re.DOTALL)
        lone = str.maketrans("", "", self.start + self.end)  # a template may have cut between the two
        return [(part.translate(lone), i % 2 == 1) for i, part in enumerate(parts) if part.translate(lone)]


@dataclass(frozen=True)
class Rendering:
    """One prompt and its K responses as text, ready to be tokenized."""

    opened: str  # the prompt, up to where a response begins
    finished: list[str]  # K: the whole conversation; the bare response where `apart`
    guard: Guard
    notes: tuple[str, ...] = ()  # what the template did not allow: FOLDED, PARTED, APART
    apart: bool = False  # the template writes no finished turn


def messages_of(prompt: Prompt) -> Messages:
    """A prompt as chat messages; an empty assistant turn at its end is the cue to answer, and no message."""
    messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else list(prompt)
    if messages and messages[-1]["role"] == "assistant" and not messages[-1]["content"].strip():
        messages = messages[:-1]
    return messages or [{"role": "user", "content": ""}]


def render(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: Prompt,
    responses: Sequence[str],
    template: ChatTemplate | None = None,
) -> Rendering:
    """The prompt opened for a response, and the conversation finished with each response.

    A text is one user message. An assistant turn at the end is continued by the response. A system message
    that the template has no place for joins the first user message. template: the tokenizer's, where it is
    at hand. Raises TemplateRefusal where the template cannot write the prompt.
    """
    template = template or ChatTemplate(tokenizer)
    given = messages_of(prompt)
    texts = [*(message["content"] for message in given), *responses]
    guard = Guard(template.looks_special, texts)
    given = [message | {"content": guard(message["content"])} for message in given]
    messages, opened = _open(template, given, guard.probe)
    notes = [FOLDED] if messages != given else []
    answers = [guard(response) for response in responses]
    try:
        finished = [template.write(answered(messages, answer)) for answer in answers]
        whole = _nothing_lost(template, messages, answers, opened, finished, guard.probe)
    except TemplateRefusal:
        whole = False
    if not whole:
        return Rendering(opened, list(responses), guard, (*notes, APART), apart=True)
    notes += [PARTED] if not all(text.startswith(opened) for text in finished) else []
    return Rendering(opened, finished, guard, tuple(notes))


def answered(messages: Messages, response: str) -> Messages:
    """The messages and a response, which continues an assistant turn at their end."""
    if messages[-1]["role"] != "assistant":
        return [*messages, {"role": "assistant", "content": response}]
    return [*messages[:-1], messages[-1] | {"content": messages[-1]["content"] + response}]


def _open(template: ChatTemplate, messages: Messages, probe: str) -> tuple[Messages, str]:
    """(the messages, their system messages folded where the template wants that, and their text)."""
    has_system = any(message["role"] == "system" for message in messages)
    try:
        opened = template.write_opened(messages)
        missing = _left_out(template, messages, opened, probe)
    except TemplateRefusal:
        if not has_system:
            raise
        missing = {"system"}
    if missing == {"system"}:
        messages = _folded(messages)
        opened = template.write_opened(messages)
        missing = _left_out(template, messages, opened, probe)
    if missing:
        raise TemplateRefusal(
            f"The chat template of {template.name} leaves out messages of the role "
            f"{sorted(missing)[0]!r}: use the roles that it knows, or another template."
        )
    return messages, opened


def _left_out(template: ChatTemplate, messages: Messages, text: str, probe: str) -> set[str]:
    """Roles of messages of which the template writes nothing."""
    roles = set()
    for i, message in enumerate(messages):
        content, system = message["content"].strip(), message["role"] == "system"
        if content and (system or content not in text):  # a system text may stand elsewhere by chance
            asked = [*messages[:i], message | {"content": probe}, *messages[i + 1 :]]
            if probe not in template.write_opened(asked):
                roles.add(message["role"])
    return roles


def _folded(messages: Messages) -> Messages:
    system = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    first = next((i for i, message in enumerate(others) if message["role"] == "user"), None)
    if first is None:
        return [{"role": "user", "content": "\n\n".join(system)}, *others]
    text = "\n\n".join([*system, others[first]["content"]])
    return [*others[:first], others[first] | {"content": text}, *others[first + 1 :]]


def _nothing_lost(
    template: ChatTemplate,
    messages: Messages,
    answers: Sequence[str],
    opened: str,
    finished: Sequence[str],
    probe: str,
) -> bool:
    """Whether the finished conversations hold every response, and every message that the opened one holds."""
    for answer, text in zip(answers, finished, strict=True):
        unseen = answer.strip() and answer.strip() not in text
        if unseen and probe not in template.write(answered(messages, probe)):
            return False
        contents = [message["content"].strip() for message in messages]
        if not text.startswith(opened) and any(c in opened and c not in text for c in contents):
            return False
    return True
