"""Attention of the packed layout without the pairs of tokens that nobody sees.

A product with a mask compares all L x L tokens of a row, and of a group of many responses most pairs are
hidden. Here the layout's runs, its prompts and responses, part while attention lasts: runs of similar length
stand side by side, each over what it may see, its group's prompt and itself. All else in the network reads
the tokens in one row without padding. It gives what the mask gives, but for rounding.

transformers calls a function of ours in every layer (`AttentionInterface`), and a model's forward hands on
the plan: no model code is copied. On a CPU; CUDA has FlexAttention, which skips what is hidden too.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.nn.utils.rnn import pad_sequence
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from rmkit.models.packing import PADDING, Batch

NAME = "rmkit_packed"
BLOCK = 512  # tokens that look at once: what they see then stays in a processor's cache
Run = tuple[Tensor, Tensor]  # where the tokens of its prompt are, and where its own
MORE = ("softcap", "s_aux", "position_bias")  # what some attention has beyond a softmax of q . k


@dataclass
class Block:
    """N runs of up to C tokens side by side, and the up to M tokens that each may see."""

    looking: Tensor  # (N, C) int64: which of the R x L tokens; 0 where a run is shorter
    seen: Tensor  # (N, M) int64: those of its prompt, then its own
    mask: Tensor | None  # (N or 1, 1, C, M) bool; None: no prompt, so a token sees those up to itself


@dataclass
class Plan:
    """How the tokens of a batch part for attention, and how what they have read comes back."""

    blocks: list[Block]
    back: Tensor  # (R x L,) int64: where each token stands among those that look, block after block


def plan(batch: Batch) -> Plan:
    """How a packed batch parts, from its groups and segments."""
    numbers = batch.groups * (int(batch.segments.max()) + 1) + batch.segments  # one for each run
    numbers = numbers.masked_fill(batch.groups == PADDING, PADDING).flatten()
    lengths = numbers.unique_consecutive(return_counts=True)[1]
    first = lengths.cumsum(0) - lengths
    labels = torch.stack([batch.groups.flatten()[first], batch.segments.flatten()[first]], 1).tolist()
    places = torch.arange(len(numbers))
    prompts: dict[int, Tensor] = {}
    runs: list[Run] = []
    for (group, segment), own in zip(labels, places.split(lengths.tolist()), strict=True):
        if group != PADDING:
            runs.append((prompts.get(group, places[:0]), own))
            if segment == 0:
                prompts[group] = own
    blocks, back, before = [], torch.zeros_like(places), 0
    for some in _alike(runs):
        block, real = _block(some)
        back[block.looking[real]] = before + real.flatten().nonzero().squeeze(1)
        before += real.numel()
        blocks.append(block)
    return Plan(blocks, back)


def _alike(runs: list[Run]) -> Iterator[list[Run]]:
    """The runs in blocks: of lengths that differ little, and those without a prompt apart."""
    some: list[Run] = []
    for prompt, own in sorted(runs, key=lambda run: (len(run[0]) > 0, len(run[1]))):
        if some:
            other = (len(prompt) > 0) != (len(some[0][0]) > 0)
            longer = len(own) > 1.3 * len(some[0][1]) + 4  # padding would cost more than a block of their own
            if other or longer or (len(some) + 1) * len(own) > BLOCK:
                yield some
                some = []
        some.append((prompt, own))
    yield some


def _block(runs: list[Run]) -> tuple[Block, Tensor]:
    """(these runs as a block, (N, C) bool: where a token looks)."""
    prompt, own = (pad_sequence(list(part), batch_first=True) for part in zip(*runs, strict=True))
    sizes = torch.tensor([[len(tokens) for tokens in run] for run in runs])
    real = torch.arange(own.shape[1]) < sizes[:, 1:]
    if not prompt.shape[1]:
        return Block(own, own, None), real
    same = len(sizes[:, 0].unique()) == 1  # then one mask is enough
    before = sizes[:1, :1] if same else sizes[:, :1]
    there = (torch.arange(prompt.shape[1]) < before)[:, None].expand(-1, own.shape[1], -1)
    itself = torch.ones(own.shape[1], own.shape[1], dtype=torch.bool).tril().expand(len(before), -1, -1)
    return Block(own, torch.cat([prompt, own], 1), torch.cat([there, itself], -1)[:, None]), real


def adopt(network: PreTrainedModel) -> bool:
    """Let a network read plans, where all its attention goes through transformers' interface to SDPA."""
    here = network.config._attn_implementation == "sdpa" and network._supports_attention_backend
    if not here or network.device.type != "cpu":
        return False
    network.set_attn_implementation(NAME)
    return True


def reads_plans(network: PreTrainedModel) -> bool:
    """Whether a network reads packed batches with a plan: `adopt` has been called, and it is on a CPU."""
    return network.config._attn_implementation == NAME and network.device.type == "cpu"


def inputs(batch: Batch) -> dict:
    """What a forward takes in place of a mask.

    It gets one of four dimensions all the same, which nobody reads: transformers would make one of L x L.
    """
    return {"attention_mask": torch.ones(1, 1, 1, 1, dtype=torch.bool), "packed": plan(batch)}


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    packed: Plan | None = None,
    scaling: float | None = None,
    dropout: float = 0.0,
    **more,
) -> tuple[Tensor, None]:
    """What transformers calls in each layer: query (R, H, L, D), key and value (R, G, L, D): (R, L, H, D)."""
    if packed is None:  # the padded layout
        how = {"scaling": scaling, "dropout": dropout}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **how, **more)
    if any(more.get(name) is not None for name in MORE):
        raise ValueError(f"{NAME} is a softmax of q . k and no more")
    rows, heads, length, _ = query.shape
    query, key, value = (x.transpose(1, 2).flatten(0, 1) for x in (query, key, value))
    read = [
        scaled_dot_product_attention(
            _at(query, block.looking),
            _at(key, block.seen),
            _at(value, block.seen),
            attn_mask=block.mask,
            is_causal=block.mask is None,
            dropout_p=dropout,
            scale=scaling,
            enable_gqa=True,
        )
        for block in packed.blocks
    ]
    every = torch.cat([x.transpose(1, 2).flatten(0, 1) for x in read])
    return every.index_select(0, packed.back).view(rows, length, heads, -1), None


def _at(x: Tensor, places: Tensor) -> Tensor:
    """(T, H, D) -> (N, H, C, D): those at (N, C) places."""
    return x.index_select(0, places.flatten()).unflatten(0, places.shape).transpose(1, 2)


AttentionInterface.register(NAME, _attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
