"""Conversations that a chat template has written into one text, read back as messages.

Only answers that stand for whole conversations are read so; marks in any other text stay text.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Template:
    """How a template marks a turn (`turn` names its role, if only by its words), and what ends one."""

    turn: re.Pattern
    end: re.Pattern


def _template(turn: str, end: str = r"(?!)") -> Template:
    return Template(re.compile(turn), re.compile(rf"\s*(?:{end})\s*\Z"))


_ROLES = "system|user|assistant|model|tool"
_TEMPLATES = (
    _template(rf"<\|im_start\|>({_ROLES})\n", r"<\|im_end\|>"),
    _template(rf"<\|start_header_id\|>({_ROLES})<\|end_header_id\|>\s*", r"<\|eot_id\|>"),
    _template(rf"<\|({_ROLES})\|>\n?", r"</s>|<\|end\|>|<\|endoftext\|>"),
    _template(r"<start_of_turn>(user|model)\n", "<end_of_turn>"),
    _template(r"(?:<s>\s*)?(\[INST\]) ?|(\[/INST\]) ?", "</s>"),
    _template(r"(?:\A|\n\n?)### ?(Instruction|Response|Human|Assistant|User): ?\n?"),
)
_BEGIN = re.compile(r"\A\s*(?:<\|begin_of_text\|>|<bos>|<s>(?!\s*\[INST\]))?")
_MARKS = ("<", "[INST]", "###")
_NAMES = {
    **dict.fromkeys(("[INST]", "Instruction", "Human", "User"), "user"),
    **dict.fromkeys(("[/INST]", "Response", "Assistant", "model"), "assistant"),
}
_SYSTEM = re.compile(r"\A<<SYS>>\s*(.*?)\s*<</SYS>>\s*", re.DOTALL)  # Llama 2 keeps it in the first question


def templated(text: str) -> list[dict[str, str]] | None:
    """The turns of a text that begins with a turn of a known template and goes on to the assistant's."""
    if not text.lstrip().startswith(_MARKS):
        return None
    text = _BEGIN.sub("", text, count=1)
    for template in _TEMPLATES:
        found = list(template.turn.finditer(text))
        if found and found[0].start() == 0:
            return _turns(text, found, template)
    return None


def _turns(text: str, found: list[re.Match], template: Template) -> list[dict[str, str]] | None:
    turns = []
    for mark, after in zip(found, [*found[1:], None], strict=True):
        name = next(group for group in mark.groups() if group)
        content = template.end.sub("", text[mark.end() : after.start() if after else len(text)])
        turns.append({"role": _NAMES.get(name, name), "content": content.strip() if after else content})
    if (told := _SYSTEM.match(turns[0]["content"])) and turns[0]["role"] == "user":
        turns[0]["content"] = turns[0]["content"][told.end() :]
        turns.insert(0, {"role": "system", "content": told[1]})
    spoken = [turn["role"] for turn in turns if turn["role"] != "system"]
    return turns if spoken[:1] == ["user"] and spoken[-1] == "assistant" else None
