"""From preferences to groups of tokens, and the ledger of what was cut and dropped on the way.

Tokens of a large set are made once: they lie in the cache, by what they are made of (texts, tokenizer and
chat template, the longest length, and the steps where they are looked for).
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pyarrow

from rmkit.data import stored
from rmkit.data.ledger import KEPT, Example, Ledger
from rmkit.data.outlines import outline
from rmkit.data.preferences import Preferences
from rmkit.data.records import Record
from rmkit.data.stored_records import chosen, digest_of_texts, labels_alone
from rmkit.data.uncollected import uncollected
from rmkit.errors import InputError
from rmkit.models.chat_template import ChatTemplate, TemplateRefusal
from rmkit.models.packing import encode_groups
from rmkit.models.templates import render
from rmkit.models.token_groups import SCHEMA, TokenGroups, batch_of, chunks

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

LARGE = 4096  # records from which on tokens are kept on disk
VERSION = 3  # of how tokens are made: raise it, and everything on disk is made anew


def encode(
    tokenizer: "PreTrainedTokenizerBase",
    preferences: Preferences,
    max_length: int,
    *,
    training: bool = True,
    steps: bool = False,
) -> tuple[TokenGroups, Ledger]:
    """Tokens of every record (`.index` says which), and the ledger.

    training: a record that the chat template refuses is dropped, and so is a group in which two responses
    became the same tokens although one is ranked above the other. Otherwise every record is kept, and one
    that the template refuses is an InputError.   steps: find the steps of the responses among their tokens.
    """
    if steps and not training:
        _all_have_steps(preferences)
    key = _key(tokenizer, preferences, max_length, steps) if len(preferences) >= LARGE else None
    make = partial(_batches, tokenizer, preferences, max_length, steps)
    table = stored.table("tokens", key, SCHEMA, make)
    groups, ledger = TokenGroups(table), Ledger()
    if training:
        groups = groups.take(np.flatnonzero(_useful(groups, preferences, ledger)))
    else:
        _none_refused(groups, preferences)
    places = groups.places.tolist()
    subsets = outline(chosen(preferences.records, places)).subsets
    ledger.add_each(KEPT, subsets.tolist(), ())
    for what, done, cut in groups.cuts():
        looks = (Example.of(preferences[places[number]], done) for number in np.flatnonzero(cut).tolist())
        ledger.add_each(what, subsets[cut].tolist(), looks)
    return groups, ledger


def _useful(groups: TokenGroups, preferences: Preferences, ledger: Ledger) -> np.ndarray:
    """(N,) which of the groups can be trained on; the ledger counts the others."""
    useful = np.ones(len(groups), dtype=bool)
    refusals = groups.table.column("refusal")
    refused = refusals.is_valid().to_numpy()
    for number in np.flatnonzero(refused | groups.column("same")).tolist():
        record = preferences[number]
        ranks, subset = record.ranks, record.subset
        if refused[number]:
            example = Example.of(record, f"left out: {refusals[number].as_py()}")
            ledger.drop("refused by the chat template", subset=subset, example=example)
            useful[number] = False
            continue
        group = groups[number]
        if ranks is not None and any(ranks[i] != ranks[j] for i, j in group.same()):
            reason = "identical after the cut" if any(group.responses_cut) else "identical"
            ledger.drop(reason, subset=subset, example=Example.of(record, "left out"))
            useful[number] = False
    return useful


def _none_refused(groups: TokenGroups, preferences: Preferences) -> None:
    refusals = groups.table.column("refusal")
    for number in np.flatnonzero(refusals.is_valid().to_numpy()).tolist():
        raise InputError(f"{preferences.name}, record {number + 1}: {refusals[number].as_py()}")


def _all_have_steps(preferences: Preferences) -> None:
    for number, record in enumerate(labels_alone(preferences.records), 1):
        if record.steps is None:
            raise InputError(f"{preferences.name}, record {number} has no `steps`: there is nothing to read.")


def _batches(
    tokenizer: "PreTrainedTokenizerBase", preferences: Preferences, max_length: int, steps: bool
) -> Iterator[pyarrow.RecordBatch]:
    """Tokens of the records in order, and the reason in place of a record that the chat template refuses."""
    template, records = ChatTemplate(tokenizer), iter(preferences)
    for numbers in chunks(len(preferences)):
        with uncollected():
            batch = _batch(tokenizer, template, numbers, islice(records, len(numbers)), max_length, steps)
        yield batch


def _batch(
    tokenizer: "PreTrainedTokenizerBase",
    template: ChatTemplate,
    numbers: range,
    records: Iterable[Record],
    max_length: int,
    steps: bool,
) -> pyarrow.RecordBatch:
    renderings, parts, refusals = {}, [], {}
    for number, record in zip(numbers, records, strict=True):
        try:
            renderings[number] = render(tokenizer, record.prompt, record.responses, template)
        except TemplateRefusal as refusal:
            refusals[number] = str(refusal)
            continue
        parts.append(record.steps or [[] for _ in record.responses])
    texts, places = list(renderings.values()), list(renderings)
    made = encode_groups(tokenizer, texts, max_length, places, parts if steps else None)
    found = refusals | dict(zip(renderings, made, strict=True))
    return batch_of(found[number] for number in numbers)


def _key(
    tokenizer: "PreTrainedTokenizerBase", preferences: Preferences, max_length: int, steps: bool
) -> str | None:
    """A digest of all that tokens are made of; None for a tokenizer that cannot be written down."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    about = [VERSION, max_length, steps, type(tokenizer).__name__, backend.to_str(), tokenizer.chat_template]
    digest = hashlib.sha256(json.dumps([*about, str(tokenizer.special_tokens_map)]).encode())
    digest.update(digest_of_texts(preferences.records))
    for record in labels_alone(preferences.records) if steps else ():
        digest.update(json.dumps(record.steps).encode())
    return digest.hexdigest()[:40]
