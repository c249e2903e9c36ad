"""A tokenizer's own chat template, ready to write many conversations.

`apply_chat_template` looks up and copies everything anew for each conversation, which takes ten times as long
as the template itself. So the compiled template of transformers is called with its variables at hand. What
it writes is compared, once for each way of writing, with what `apply_chat_template` writes; where the two
differ, and for messages with more than a role and a text, `apply_chat_template` writes everything.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from jinja2 import TemplateError

from rmkit.errors import InputError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Messages = list[dict[str, str]]


class TemplateRefusal(InputError):
    """The chat template cannot write a conversation."""


class ChatTemplate:
    """The chat template of a tokenizer as it is now.

    looks_special: finds the tokenizer's special tokens in a text.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase"):
        self.tokenizer, self.name = tokenizer, tokenizer.name_or_path
        self.looks_special = looks_special(tokenizer)
        self._quick = _compiled(tokenizer)
        self._compared: set[bool] = set()

    def write(self, messages: Messages) -> str:
        """The conversation as it stands. Raises TemplateRefusal, as `write_opened` does."""
        return self._written(messages, opened=False)

    def write_opened(self, messages: Messages) -> str:
        """The conversation up to where a response begins; an assistant turn at its end stays open."""
        return self._written(messages, opened=True)

    def _written(self, messages: Messages, opened: bool) -> str:
        try:
            if (
                self._quick is None
                or (opened and messages[-1]["role"] == "assistant")
                or not _plain(messages)
            ):
                return self._applied(messages, opened)
            text = self._quick(messages, opened)
            if opened not in self._compared:
                applied = self._applied(messages, opened)
                self._compared.add(opened)
                if applied != text:
                    self._quick = None
                    return applied
            return text
        except (TemplateError, TypeError, ValueError) as error:  # ValueError: a turn that it cannot continue
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            roles = ", ".join(message["role"] for message in messages)
            raise TemplateRefusal(
                f"The chat template of {self.name} refuses messages of the roles {roles}: {reason}"
            ) from error

    def _applied(self, messages: Messages, opened: bool) -> str:
        how = {"add_generation_prompt": True} if opened else {}
        if opened and messages[-1]["role"] == "assistant":
            how = {"continue_final_message": True}
        return self.tokenizer.apply_chat_template(messages, tokenize=False, **how)


def looks_special(tokenizer: "PreTrainedTokenizerBase") -> re.Pattern:
    """A pattern that finds the special tokens of a tokenizer in a text, the longest first."""
    names = {str(token) for token in tokenizer.added_tokens_decoder.values() if token.special}
    longest = sorted(names | set(tokenizer.all_special_tokens), key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest)) or r"(?!)")


def _plain(messages: Messages) -> bool:
    """Whether every message is a role and a text, and nothing that transformers would change first."""
    return all(
        len(message) == 2 and type(message.get("role")) is str and type(message.get("content")) is str
        for message in messages
    )


def _compiled(tokenizer: "PreTrainedTokenizerBase") -> Callable[[Messages, bool], str] | None:
    """(messages, opened) -> text, by the compiled template; None where a tokenizer writes in its own way."""
    from transformers.utils import chat_template_utils

    compile_template = getattr(chat_template_utils, "_compile_jinja_template", None)
    own = type(tokenizer).apply_chat_template
    if compile_template is None or not own.__module__.startswith("transformers.tokenization_utils"):
        return None
    if not isinstance(tokenizer.chat_template, str):  # none, or several by name
        return None
    template = compile_template(tokenizer.chat_template)
    known = dict(template.globals) | {"tools": None, "documents": None} | tokenizer.special_tokens_map

    def write(messages: Messages, opened: bool) -> str:
        values = known | {"messages": messages, "add_generation_prompt": opened}
        return "".join(template.root_render_func(template.new_context(values, shared=True)))

    return write
