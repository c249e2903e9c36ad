"""Frozen features of steps: the vector at the last token of each step, where a process reward is read."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm.auto import tqdm

from rmkit.data.preferences import as_preferences
from rmkit.device import best_device
from rmkit.models import encoding, features
from rmkit.models.hub import resolve
from rmkit.models.packing import TokenGroup, batches, budget, pad
from rmkit.models.steps import UNREAD
from rmkit.models.vectors import Text, Vectors
from rmkit.paths import cache_folder


def step_features(
    preferences, model: str | Path = "pocket", *, max_length: int | None = None, progress: bool = True
) -> list[list[Tensor]]:
    """For each record K tensors (S_k, D) float32: the last hidden state at the end of each step.

    preferences: whatever `rmkit.load` takes, with `steps`.   model: a causal model: "pocket", a folder or a
    Hub id.   max_length: tokens of prompt and response; default 512. A step that was cut away is NaN.
    It is the vector that `rmkit.features` gives to the response cut off after that step, at the cost of one
    pass for all of its steps; both are kept in one cache. Raises InputError where a record has no steps, and
    for a model that does not read from left to right.
    """
    preferences, where = as_preferences(preferences), resolve(model)
    commit = features.commit_of(where)
    tokenizer = features.load_part("AutoTokenizer", model, where, commit)
    limit = max_length or features.LONGEST
    groups, _ = encoding.encode(tokenizer, preferences, limit, training=False, steps=True)
    ends = [list(zip(_prefixes(group), group.steps, strict=True)) for group in groups]
    weights = features.weights_of(where) if commit is None else commit
    store = Vectors(cache_folder() / "features", [features.VERSION, weights, -1])
    known = store.read({text for group in ends for texts, _ in group for text in texts if text})
    rows = {  # a response is read again where any of its steps is new
        (tuple(group.prompt), tuple(tail)): places
        for group, row in zip(groups, ends, strict=True)
        for tail, (texts, places) in zip(group.responses, row, strict=True)
        if any(text and text not in known for text in texts)
    }
    if rows:
        network = features.load_part("AutoModel", model, where, commit, dtype=torch.float32).eval()
        computed = dict(_compute(network, rows, str(model), progress))
        store.add({text: vector for text, vector in computed.items() if text not in known})
        known |= computed
    width = len(next(iter(known.values()))) if known else 0
    return [[_stack(texts, known, width) for texts, _ in group] for group in ends]


def _prefixes(group: TokenGroup) -> list[list[Text | None]]:
    """For each response, its text up to the end of each step, as tokens; None where that was cut away."""
    head = tuple(group.prompt)
    return [
        [None if end == UNREAD else (head, tuple(tail[: end + 1])) for end in row]
        for tail, row in zip(group.responses, group.steps, strict=True)
    ]


@torch.no_grad()
def _compute(
    network, rows: dict[Text, list[int]], name: str, progress: bool
) -> Iterator[tuple[Text, Tensor]]:
    """(text up to the end of a step, (D,)) for each step of each (prompt, response) and its ends."""
    device = torch.device(best_device())
    network.to(device)
    texts = list(rows)
    groups = [TokenGroup(list(head), [list(tail)]) for head, tail in texts]
    with tqdm(total=len(groups), desc=f"step features of {name}", disable=not progress) as bar:
        for indices in batches([len(group) for group in groups], budget(device)):
            batch = pad([groups[i] for i in indices], pad_id=0)  # padding is masked, so any token will do
            seen = (batch.groups >= 0).long().to(device)
            hidden = network(input_ids=batch.input_ids.to(device), attention_mask=seen).last_hidden_state
            for row, i in enumerate(indices):
                head, tail = texts[i]
                for end in sorted({end for end in rows[texts[i]] if end != UNREAD}):
                    yield (head, tail[: end + 1]), hidden[row, len(head) + end].float().cpu()
            bar.update(len(indices))


def _stack(texts: list[Text | None], known: dict[Text, Tensor], width: int) -> Tensor:
    missing = torch.full((width,), torch.nan)
    return torch.stack([known.get(text, missing) for text in texts]) if texts else torch.zeros(0, width)
