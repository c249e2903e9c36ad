"""Where the steps of a solution end, in tokens: a process reward model is read there.

The label of a step stands at its last token (Lightman et al. 2023, section 2.4); others are not judged.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rmkit.errors import InputError
from rmkit.models.chat import Rendering
from rmkit.models.templates import Turns

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

UNREAD = -1  # a step that was cut away


def step_ends(
    tokenizer: "PreTrainedTokenizerBase", rendering: Rendering, turns: Turns, steps: Sequence[Sequence[str]]
) -> list[list[int]]:
    """K lists: the index, among the tokens of response k, of the last token of each of its S_k steps.

    Raises InputError where a step is no part of its response, or where its tokens cannot be told.
    """
    if turns.pair or not tokenizer.is_fast:
        raise InputError(
            f"{tokenizer.name_or_path} cannot be read step by step: that takes a model which reads from left "
            f"to right and a fast tokenizer."
        )
    whole = bool(tokenizer.chat_template) and not rendering.apart
    found = []
    for text, parts, tokens in zip(rendering.finished, steps, turns.responses, strict=True):
        options = {} if whole else {"split_special_tokens": True}
        read = tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, verbose=False, **options
        )
        before = len(turns.prompt) if whole else 0
        if read.input_ids[before : before + len(tokens)] != tokens[: len(read.input_ids) - before]:
            raise InputError(
                "A solution holds text that looks like a special token: its steps cannot be told."
            )
        begin = len(rendering.opened) if whole and text.startswith(rendering.opened) else 0
        starts = [start for start, _ in read.offset_mapping]
        found.append([_last(starts, end) - before for end in _ends(text, parts, begin)])
    return found


def _ends(text: str, steps: Sequence[str], begin: int) -> list[int]:
    """Where each step ends in the text, in characters; steps follow each other from `begin` on."""
    ends = []
    for number, step in enumerate(steps, 1):
        at = text.find(step.strip(), begin)
        if at < 0:
            raise InputError(
                f"Step {number} ({step[:40]!r}) is no part of its response, or stands too early in it."
            )
        begin = at + len(step.strip())
        ends.append(begin)
    return ends


def _last(starts: Sequence[int], end: int) -> int:
    """The last token that begins before a character."""
    return sum(start < end for start in starts) - 1
