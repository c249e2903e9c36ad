"""What a causal language model expects next: its own logits at the end of each list of tokens.

Lists of similar length share a batch. They are padded on the right, where a causal model cannot look, so
positions of every kind (learned, rotary, ALiBi, recurrent) are what they are without padding.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

from rmkit.errors import InputError

Tokens = list[int]


@torch.no_grad()
def next_word(model: PreTrainedModel, heads: Sequence[Tokens], batch: int = 64) -> Tensor:
    """(N, V) float32 logits of the word that follows each list of tokens.

    They are what the model's forward gives, with its soft cap, scale or bias, and are computed at the last
    places only.
    """

    def read(ids: Tensor, seen: Tensor, last: Tensor, _: Tensor) -> Tensor:
        places, which = last.unique(return_inverse=True)  # few, since lengths are similar
        out = model(input_ids=ids, attention_mask=seen, use_cache=False, logits_to_keep=places)
        return out.logits[torch.arange(len(ids), device=ids.device), which].float()

    return _in_batches(model, heads, batch, read)


@torch.no_grad()
def hidden(model: PreTrainedModel, heads: Sequence[Tokens], batch: int = 64) -> Tensor:
    """(N, D) last hidden state at the end of each list of tokens."""

    def read(ids: Tensor, seen: Tensor, last: Tensor, _: Tensor) -> Tensor:
        out = model.base_model(input_ids=ids, attention_mask=seen, use_cache=False)
        return out.last_hidden_state[torch.arange(len(ids), device=ids.device), last]

    return _in_batches(model, heads, batch, read)


@torch.no_grad()
def surprise(
    model: PreTrainedModel, heads: Sequence[Tokens], said: Sequence[Tokens], batch: int = 64
) -> Tensor:
    """(N,) nats: max of -log p over the tokens of said[i], written by the model after heads[i]."""
    begins = torch.tensor([len(head) for head in heads])

    def read(ids: Tensor, seen: Tensor, last: Tensor, rows: Tensor) -> Tensor:
        logits = model(input_ids=ids, attention_mask=seen, use_cache=False).logits[:, :-1].float()
        nats = -logits.log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
        places = torch.arange(1, ids.shape[1], device=ids.device)
        inside = (places >= begins[rows, None].to(ids.device)) & (places <= last[:, None])
        return nats.masked_fill(~inside, 0.0).amax(1)

    whole = [[*head, *tokens] for head, tokens in zip(heads, said, strict=True)]
    return _in_batches(model, whole, batch, read)


def _in_batches(
    model: PreTrainedModel,
    heads: Sequence[Tokens],
    batch: int,
    read: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor],
) -> Tensor:
    """read(ids, attention mask, last places, which lists) on at most `batch` lists at a time, in order."""
    if not heads or not all(heads):
        raise InputError("There is nothing to read: every question needs at least one token.")
    check_length(model, heads)
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
