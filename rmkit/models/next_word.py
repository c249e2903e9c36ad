"""What a causal language model expects next: its own logits at the end of each list of tokens.

Lists of similar length share a batch. They are padded on the right, where a causal model cannot look, so
positions of every kind (learned, rotary, ALiBi, recurrent) are what they are without padding. Lists that
begin alike, such as answers to one prompt, are packed, so that their beginning is computed once.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from rmkit.errors import InputError
from rmkit.models import last_layer, layouts, prefixes
from rmkit.models.packing import batches, budget, pack

Tokens = list[int]


@torch.no_grad()
def next_word(model: PreTrainedModel, heads: Sequence[Tokens], batch: int = 64) -> Tensor:
    """(N, V) float32 logits of the word that follows each list of tokens.

    They are what the model's forward gives, with its soft cap, scale or bias, and are computed at the last
    places only.
    """

    def read(given: dict, rows: Tensor, last: Tensor) -> Tensor:
        places, which = last.unique(return_inverse=True)  # few, since lengths are similar
        with last_layer.read_at(model.base_model, rows * given["input_ids"].shape[1] + last):
            return model(**given, logits_to_keep=places).logits[rows, which].float()

    return _at_ends(model, heads, batch, read)


@torch.no_grad()
def hidden(model: PreTrainedModel, heads: Sequence[Tokens], batch: int = 64) -> Tensor:
    """(N, D) last hidden state at the end of each list of tokens."""

    def read(given: dict, rows: Tensor, last: Tensor) -> Tensor:
        with last_layer.read_at(model.base_model, rows * given["input_ids"].shape[1] + last):
            return model.base_model(**given).last_hidden_state[rows, last]

    return _at_ends(model, heads, batch, read)


@torch.no_grad()
def surprise(
    model: PreTrainedModel, heads: Sequence[Tokens], said: Sequence[Tokens], batch: int = 64
) -> Tensor:
    """(N,) nats: max of -log p over the tokens of said[i], written by the model after heads[i]."""
    return surprise_and_next(model, heads, said, batch)[0]


@torch.no_grad()
def surprise_and_next(
    model: PreTrainedModel, heads: Sequence[Tokens], said: Sequence[Tokens], batch: int = 64
) -> tuple[Tensor, Tensor]:
    """(N,) nats as `surprise`, and (N, V) logits of the word that follows said[i], from one pass."""
    begins = torch.tensor([len(head) for head in heads])

    def read(ids: Tensor, seen: Tensor, last: Tensor, rows: Tensor) -> Tensor:
        first = max(0, int(begins[rows].min()) - 1)  # no word before it is looked at
        places = torch.arange(first, ids.shape[1], device=ids.device)
        out = model(input_ids=ids, attention_mask=seen, use_cache=False, logits_to_keep=places)
        logits = out.logits.float()
        came = ids[:, first + 1 :]
        nats = logits[:, :-1].logsumexp(-1) - logits[:, :-1].gather(2, came[..., None])[..., 0]
        after = begins[rows, None].to(ids.device)
        inside = (places[1:] >= after) & (places[1:] <= last[:, None])
        most = nats.masked_fill(~inside, 0.0).amax(1) if nats.shape[1] else nats.sum(1)
        following = logits[torch.arange(len(ids), device=ids.device), last - first]
        return torch.cat([most[:, None], following], 1)

    whole = [[*head, *tokens] for head, tokens in zip(heads, said, strict=True)]
    _check(model, whole)
    found = _in_batches(model, whole, batch, read)
    return found[:, 0], found[:, 1:]


def _at_ends(
    model: PreTrainedModel,
    heads: Sequence[Tokens],
    batch: int,
    read: Callable[[dict, Tensor, Tensor], Tensor],
) -> Tensor:
    """read(inputs of a forward pass, rows, columns) where lists end, in the order of the lists.

    At most `batch` lists go through the model at a time. Where they begin alike, and the model can do it,
    they go packed instead, `budget` tokens at a time, and what they share is computed once.
    """

    def padded(ids: Tensor, seen: Tensor, last: Tensor, _: Tensor) -> Tensor:
        rows = torch.arange(len(ids), device=ids.device)
        return read({"input_ids": ids, "attention_mask": seen, "use_cache": False}, rows, last)

    _check(model, heads)
    groups, places = prefixes.grouped(heads)
    pays = sum(map(len, groups)) < 0.8 * sum(map(len, heads))
    if not pays or not layouts.shares(model.base_model, max(map(len, heads))):
        return _in_batches(model, heads, batch, padded)
    found, order = [], []
    for indices in batches([len(group) for group in groups], budget(model.device)):
        packed = pack([groups[i] for i in indices], pad_id=0).to(model.device)
        rows, last = packed.last[packed.mask].unbind(-1)
        found.append(read(layouts.inputs(model.base_model, packed), rows, last))
        order += [place for i in indices for place in places[i]]
    return torch.cat(found)[torch.tensor(order).argsort().to(model.device)]


def _in_batches(
    model: PreTrainedModel,
    heads: Sequence[Tokens],
    batch: int,
    read: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
) -> Tensor:
    """read(ids, attention mask, last places, which lists) on at most `batch` lists at a time, in order."""
    order = sorted(range(len(heads)), key=lambda i: len(heads[i]))
    rows = []
    for start in range(0, len(order), batch):
        part = [torch.tensor(heads[i]) for i in order[start : start + batch]]
        ids = pad_sequence(part, batch_first=True)
        last = torch.tensor([len(head) - 1 for head in part])
        seen = (torch.arange(ids.shape[1]) <= last[:, None]).long()
        which = torch.tensor(order[start : start + batch])
        rows.append(read(ids.to(model.device), seen.to(model.device), last.to(model.device), which))
    return torch.cat(rows)[torch.tensor(order).argsort().to(model.device)]


def _check(model: PreTrainedModel, heads: Sequence[Tokens]) -> None:
    if not heads or not all(heads):
        raise InputError("There is nothing to read: every question needs at least one token.")
    check_length(model, heads)


def check_length(model: PreTrainedModel, heads: Sequence[Tokens], more: int = 0) -> None:
    """InputError where a list of tokens, and `more` that it shall grow by, has more places than the model."""
    longest, most = max(map(len, heads)), _learned_positions(model)
    if most and longest + more > most:
        grows = f" and shall grow by {more:,}" if more else ""
        raise InputError(
            f"A prompt is {longest:,} tokens long{grows}, and this model has {most:,} positions: "
            "shorten it, or take a model with more."
        )


def _learned_positions(model: PreTrainedModel) -> int | None:
    """How many positions the model can tell apart; None where they are computed (rotary, ALiBi)."""
    most = getattr(model.config, "max_position_embeddings", None)
    words = model.get_input_embeddings()
    tables = [m for m in model.modules() if isinstance(m, nn.Embedding) and m is not words]
    offsets = (0, 2)  # OPT and BART keep two rows before the first position
    return most if any(table.num_embeddings - most in offsets for table in tables if most) else None


@torch.no_grad()
def is_plain_product(model: PreTrainedModel) -> bool:
    """Whether a logit is e . h, output vector times last hidden state, and nothing else.

    Measured, with the product made large, so that a soft cap shows. False for Cohere and Granite (a scale),
    Gemma 2 (a cap), Phi and GPT-J (a bias).
    """
    layer, passed = model.get_output_embeddings(), {}
    if getattr(layer, "bias", None) is not None:
        return False

    def enlarge(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        passed["in"], passed["out"] = inputs[0][:, -1], 1000 * output
        return passed["out"]

    probe = [[0, 1]]
    hook = layer.register_forward_hook(enlarge)
    try:
        logits = next_word(model, probe)
    finally:
        hook.remove()
    same_state = torch.allclose(passed["in"], hidden(model, probe), atol=1e-4, rtol=1e-3)
    return same_state and torch.allclose(logits, passed["out"][:, -1].float(), rtol=1e-3)
