"""From preferences to groups of tokens, and the ledger of what was cut and dropped on the way."""

from collections.abc import Iterator

from transformers import PreTrainedTokenizerBase

from rmkit.data.ledger import KEPT, Example, Ledger
from rmkit.data.preferences import Preferences
from rmkit.errors import InputError
from rmkit.models.chat import TemplateRefusal, looks_special
from rmkit.models.packing import TokenGroup, encode_groups
from rmkit.models.templates import render

CHUNK = 1024  # groups that are tokenized in one call


def encode(
    tokenizer: PreTrainedTokenizerBase,
    preferences: Preferences,
    max_length: int,
    *,
    training: bool = True,
    steps: bool = False,
) -> tuple[list[TokenGroup], Ledger]:
    """Tokens of every record (`.index` says which), and the ledger.

    training: a record that the chat template refuses is dropped, and so is a group in which two responses
    became the same tokens although one is ranked above the other. Otherwise every record is kept, and one
    that the template refuses is an InputError.   steps: find the steps of the responses among their tokens.
    """
    ledger, groups = Ledger(), []
    for group in _groups(tokenizer, preferences, max_length, training, steps, ledger):
        record = preferences[group.index]
        ranks = record.ranks
        same = [(i, j) for i, j in group.same() if ranks is not None and ranks[i] != ranks[j]]
        if training and same:
            cut = any(group.responses_cut)
            reason = "identical after the cut" if cut else "identical"
            ledger.drop(reason, subset=record.subset, example=Example.of(record, "left out"))
            continue
        groups.append(group)
        ledger.add(KEPT, subset=record.subset)
        for what, done in group.cuts().items():
            ledger.add(what, subset=record.subset, example=Example.of(record, done))
    return groups, ledger


def _groups(
    tokenizer: PreTrainedTokenizerBase,
    preferences: Preferences,
    max_length: int,
    training: bool,
    steps: bool,
    ledger: Ledger,
) -> Iterator[TokenGroup]:
    pattern = looks_special(tokenizer)
    for start in range(0, len(preferences), CHUNK):
        renderings, indices = [], []
        for index in range(start, min(start + CHUNK, len(preferences))):
            record = preferences[index]
            try:
                renderings.append(render(tokenizer, record.prompt, record.responses, pattern))
                indices.append(index)
            except TemplateRefusal as refusal:
                if not training:
                    raise InputError(f"{preferences.name}, record {index + 1}: {refusal}") from refusal
                example = Example.of(record, f"left out: {refusal}")
                ledger.drop("refused by the chat template", subset=record.subset, example=example)
        parts = [_steps(preferences, index, training) for index in indices] if steps else None
        yield from encode_groups(tokenizer, renderings, max_length, indices, parts)


def _steps(preferences: Preferences, index: int, training: bool) -> list[list[str]]:
    record = preferences[index]
    if record.steps is None and not training:
        raise InputError(f"{preferences.name}, record {index + 1} has no `steps`: there is nothing to read.")
    return record.steps or [[] for _ in record.responses]
