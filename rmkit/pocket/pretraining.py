"""Pretraining a small Llama-type model on weighted documents, on the cores of one ordinary computer.

What makes it quick: short sequences in batches of equal length, attention written
out (at these lengths the fused CPU kernel's backward pass is three times slower), logits only where a
token counts, Muon for the inner matrices, and one process for each core, which meet every few steps to
average their weights (local SGD, Stich 2019): a core that is busy with other work then holds up nobody.
"""

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rmkit.pocket import corpus
from rmkit.pocket.muon import Muon
from rmkit.pocket.tokenizer import Encoder


@dataclass
class Recipe:
    """What decides the weights, given the code: change one and the model is another."""

    sittings: tuple[int, ...] = (2800, 6000)  # steps by which the rate has fallen to 0, to begin anew
    tokens: int = 2048  # a step and process, padding included
    processes: int = 2
    meet: int = 8  # steps after which the processes average their weights
    seed: int = 0
    width: int = 128
    layers: int = 4
    heads: int = 4
    inner: int = 352
    embedding: float = 0.3  # standard deviation of the first embeddings
    back: tuple[int, ...] = (1, 2, 3)  # heads of the first layer that begin by looking so many tokens back
    muon_lr: float = 0.01
    adam_lr: float = 3e-3
    warmup: int = 100
    decay: float = 0.7  # the last part of the steps so far, in which the learning rate falls to 0
    stages: tuple[int, ...] = (1000, 1700, 2800)  # steps at which the next of corpus.STAGES begins
    bfloat16: bool = False  # products in half the bits: quicker on processors that have them, slow on others
    pool: int = 512  # documents that are sorted by length together


def network(recipe: Recipe, tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """The model with its first weights.

    Embeddings begin 15 times as large as transformers' own: beside them the first layers' outputs are
    small, so that which word stands where stays readable, and words that are used alike stay apart.
    With 0.02 the model needed several times as long to find a word on a card again. See also `look_back`.
    """
    torch.manual_seed(recipe.seed)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=recipe.width,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        attention_bias=True,
        tie_word_embeddings=True,
        max_position_embeddings=512,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
        bos_token_id=None,
    )
    model = LlamaForCausalLM._from_config(config, attn_implementation="eager")
    with torch.no_grad():
        model.model.embed_tokens.weight.normal_(0.0, recipe.embedding)
        model.model.norm.weight.fill_(0.3)  # they are the output's weights too: logits of moderate size
    look_back(model, recipe.back[: recipe.heads])
    return model


@torch.no_grad()
def look_back(
    model: LlamaForCausalLM, offsets: tuple[int, ...], peak: float = 9.0, spread: float = 0.08
) -> None:
    """Head h of the first layer begins as a previous-token head: it attends offsets[h] tokens back.

    Such heads carry the animal's name to the value that is told of it, which makes one token of the pair (as
    the smeared keys of Olsson et al. 2022, "In-context learning and induction heads"). Without them, and
    without much practice, it saw which values stand on a card, and not of whom: the model's card has numbers.

    Rotary positions turn the pair f by t w_f at position t. So biases  k = a (1, 0)  and
    q = a (cos c w_f, -sin c w_f)  of the five fastest pairs give, whatever the tokens are, the logit
    peak * mean_f cos((t_q - t_k - c) w_f),  which is largest c tokens back. spread: standard deviation of
    the values' and outputs' weights, so that what is carried is about as large as an embedding.
    """
    attention, width = model.model.layers[0].self_attn, model.config.head_dim
    speeds = model.model.rotary_emb.inv_freq[:5]
    size = (peak * width**0.5 / len(speeds)) ** 0.5
    for head, offset in enumerate(offsets):
        rows = slice(head * width, (head + 1) * width)
        for projection in (attention.q_proj, attention.k_proj):
            projection.weight[rows] *= 0.3
        query, key = torch.zeros(2, 2, width // 2)
        query[0, : len(speeds)] = size * (offset * speeds).cos()
        query[1, : len(speeds)] = -size * (offset * speeds).sin()
        key[0, : len(speeds)] = size
        attention.q_proj.bias[rows], attention.k_proj.bias[rows] = query.flatten(), key.flatten()
        attention.v_proj.weight[rows].normal_(0.0, spread)
        attention.o_proj.weight[:, rows].normal_(0.0, spread)


def batches(
    encoder: Encoder, recipe: Recipe, rng: random.Random, stage: Callable[[], int]
) -> Iterator[tuple[Tensor, Tensor]]:
    """(ids (B, L + 1), weights (B, L + 1)) without end; B L is at most recipe.tokens, L a multiple of 16.

    Few different shapes: the matrix library prepares a kernel for each.
    """
    waiting: list[tuple[list[int], list[float]]] = []
    while True:
        new = islice(corpus.documents(rng, corpus.STAGES[stage()]), recipe.pool)
        pool = sorted(
            waiting + [encoder.pieces(pieces) for pieces in new], key=lambda document: len(document[0])
        )
        waiting, full = [], []
        for length, group in _by_length(pool):
            rows = max(1, recipe.tokens // length)
            whole = len(group) // rows * rows
            full += [(length, group[i : i + rows]) for i in range(0, whole, rows)]
            waiting += group[whole:]
        rng.shuffle(full)
        for length, rows in full:
            ids, weights = (
                np.zeros((len(rows), length + 1), np.int64),
                np.zeros((len(rows), length + 1), np.float32),
            )
            for row, (tokens, weight) in enumerate(rows):
                ids[row, : len(tokens)], weights[row, : len(tokens)] = tokens, weight
            yield torch.from_numpy(ids), torch.from_numpy(weights)


def _by_length(pool: list) -> list[tuple[int, list]]:
    groups: dict[int, list] = {}
    for document in pool:
        groups.setdefault(-(-(len(document[0]) - 1) // 16) * 16, []).append(document)
    return sorted(groups.items())


def loss(model: LlamaForCausalLM, ids: Tensor, weights: Tensor, bfloat16: bool = False) -> Tensor:
    """Weighted mean cross-entropy of the next token: sum w_t (-log p(x_t | x_<t)) / sum w_t."""
    targets, weights = ids[:, 1:].reshape(-1), weights[:, 1:].reshape(-1)
    counted = weights.nonzero().squeeze(1)
    # rounded up to few different sizes with positions of weight 0
    spare = (weights == 0).nonzero().squeeze(1)[: -len(counted) % 512]
    counted = torch.cat([counted, spare])
    with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
        hidden = model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state
        logits = model.lm_head(hidden.flatten(0, 1)[counted])
    each = F.cross_entropy(logits.float(), targets[counted], reduction="none")
    return (each * weights[counted]).sum() / weights.sum()


def optimizers(model: LlamaForCausalLM, recipe: Recipe) -> list[torch.optim.Optimizer]:
    """Muon (Jordan 2024) for the inner matrices, Adam for embeddings and norms."""
    inner = [p for name, p in model.named_parameters() if p.ndim == 2 and "embed" not in name]
    others = [p for name, p in model.named_parameters() if p.ndim != 2 or "embed" in name]
    return [
        Muon(inner, lr=recipe.muon_lr, momentum=0.95, weight_decay=0.01),
        torch.optim.Adam(others, lr=recipe.adam_lr, betas=(0.9, 0.98)),
    ]


def schedule(step: int, begin: int, end: int, recipe: Recipe) -> float:
    """Share of the peak learning rate in the sitting begin..end: up, level, and down to 0 in a straight line.

    A later sitting begins at the rate that one run of `end` steps would have by then.
    """
    return min(1.0, (step - begin + 1) / recipe.warmup, (end - step) / (recipe.decay * end))


@torch.no_grad()
def _average(parameters: list[torch.nn.Parameter], processes: int) -> None:
    """Weights averaged over processes (one message)."""
    if processes > 1:
        flat = torch.cat([p.flatten() for p in parameters])
        dist.all_reduce(flat)
        flat /= processes
        for p, part in zip(parameters, flat.split([p.numel() for p in parameters]), strict=True):
            p.copy_(part.view_as(p))


def run(
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    watch: Callable[[int, LlamaForCausalLM, float, float], None],
    every: int = 500,
) -> None:
    """Train; the first process calls watch(step, model, loss, seconds) every so many steps and at the end."""
    if recipe.processes == 1:
        _work(0, recipe, tokenizer, watch, every, "")
        return
    with tempfile.TemporaryDirectory() as folder:
        arguments = (recipe, tokenizer, watch, every, str(Path(folder) / "meeting"))
        torch.multiprocessing.start_processes(_work, arguments, nprocs=recipe.processes, start_method="fork")


def _work(
    rank: int,
    recipe: Recipe,
    tokenizer: PreTrainedTokenizerFast,
    watch: Callable,
    every: int,
    meeting: str,
) -> None:
    if recipe.processes > 1:
        torch.set_num_threads(1)
        dist.init_process_group(
            "gloo",
            init_method=f"file://{meeting}",
            rank=rank,
            world_size=recipe.processes,
            timeout=timedelta(days=1),  # a run that is paused for an hour goes on
        )
    model, started, recent, step = network(recipe, tokenizer), time.monotonic(), [], 0

    def stage() -> int:
        return sum(step >= first for first in recipe.stages)

    for begin, end in pairwise((0, *recipe.sittings)):
        tuned = optimizers(model, recipe)
        peaks = [optimizer.param_groups[0]["lr"] for optimizer in tuned]
        stream = batches(Encoder(tokenizer), recipe, random.Random(f"{recipe.seed}/{rank}/{begin}"), stage)
        for step in range(begin, end):
            for optimizer, peak in zip(tuned, peaks, strict=True):
                optimizer.param_groups[0]["lr"] = peak * schedule(step, begin, end, recipe)
            value = loss(model, *next(stream), recipe.bfloat16)
            value.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in tuned:
                optimizer.step()
                optimizer.zero_grad()
            recent.append(value.item())
            seen = (step + 1) % every == 0 or step + 1 == end
            if seen or (step + 1) % recipe.meet == 0:
                _average(list(model.parameters()), recipe.processes)
            if rank == 0 and seen:
                model.eval()
                watch(step + 1, model, float(np.mean(recent)), time.monotonic() - started)
                model.train()
                recent = []
    if recipe.processes > 1:
        dist.barrier()
        dist.destroy_process_group()
