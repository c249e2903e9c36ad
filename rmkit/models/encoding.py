"""From preferences to groups of tokens, and the ledger of what was cut and dropped on the way.

Tokens of a large set are made once: they lie in the cache, by what they are made of (texts, tokenizer and
chat template, the longest length).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from functools import partial

import numpy as np
import pyarrow
from transformers import PreTrainedTokenizerBase

from rmkit.data import stored
from rmkit.data.ledger import KEPT, Example, Ledger
from rmkit.data.preferences import Preferences
from rmkit.data.stored_records import chosen, labels_alone
from rmkit.errors import InputError
from rmkit.models.chat import TemplateRefusal, looks_special
from rmkit.models.packing import encode_groups
from rmkit.models.templates import render
from rmkit.models.token_groups import SCHEMA, TokenGroups, batch_of, chunks

LARGE = 4096  # records from which on tokens are kept on disk
VERSION = 1  # of how tokens are made: raise it, and everything on disk is made anew


def encode(
    tokenizer: PreTrainedTokenizerBase, preferences: Preferences, max_length: int, *, training: bool = True
) -> tuple[TokenGroups, Ledger]:
    """Tokens of every record (`.index` says which), and the ledger.

    training: a record that the chat template refuses is dropped, and so is a group in which two responses
    became the same tokens although one is ranked above the other. Otherwise every record is kept, and one
    that the template refuses is an InputError.
    """
    key = _key(tokenizer, preferences, max_length) if len(preferences) >= LARGE else None
    make = partial(_batches, tokenizer, preferences, max_length, strict=not training)
    table = stored.table("tokens", key, SCHEMA, make)
    groups, ledger = TokenGroups(table), Ledger()
    useful = _useful(groups, preferences, ledger) if training else np.ones(len(groups), dtype=bool)
    groups = groups.take(np.flatnonzero(useful))
    places = groups.places.tolist()
    subsets = [record.subset for record in labels_alone(chosen(preferences.records, places))]
    for subset, n in Counter(subsets).items():
        ledger.add(KEPT, n, subset=subset)
    for number, what, done in groups.cuts():
        example = Example.of(preferences[places[number]], done) if ledger.wants(what) else None
        ledger.add(what, subset=subsets[number], example=example)
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


def _batches(
    tokenizer: PreTrainedTokenizerBase, preferences: Preferences, max_length: int, strict: bool
) -> Iterator[pyarrow.RecordBatch]:
    """Tokens of the records in order. strict: a record that the chat template refuses is an InputError."""
    pattern, records = looks_special(tokenizer), iter(preferences)
    for numbers in chunks(len(preferences)):
        renderings, refusals = {}, {}
        for number in numbers:
            record = next(records)
            try:
                renderings[number] = render(tokenizer, record.prompt, record.responses, pattern)
            except TemplateRefusal as refusal:
                if strict:
                    raise InputError(f"{preferences.name}, record {number + 1}: {refusal}") from refusal
                refusals[number] = str(refusal)
        made = encode_groups(tokenizer, list(renderings.values()), max_length, list(renderings))
        found = refusals | dict(zip(renderings, made, strict=True))
        yield batch_of(found[number] for number in numbers)


def _key(tokenizer: PreTrainedTokenizerBase, preferences: Preferences, max_length: int) -> str | None:
    """A digest of all that tokens are made of; None for a tokenizer that cannot be written down."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        return None
    about = [VERSION, max_length, type(tokenizer).__name__, backend.to_str(), tokenizer.chat_template]
    digest = hashlib.sha256(json.dumps([*about, str(tokenizer.special_tokens_map)]).encode())
    for record in preferences:
        digest.update(json.dumps([record.prompt, record.responses]).encode())
    return digest.hexdigest()[:40]
