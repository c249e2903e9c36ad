"""Attention of many responses that grow from one prompt: its keys and values are read once for all of them.

One softmax over the prompt's tokens and a response's own, in two products: the first has the queries of all
responses on one side (Juravsky et al. 2024, "Hydragen", arXiv:2402.05099). It gives what attention over a
copy of the prompt for each response gives, but for rounding.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, DynamicCache, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from rmkit.models.sampling_cache import RoomyLayer

NAME = "rmkit_shared_prompt"
MORE = ("softcap", "s_aux", "position_bias")  # what some attention has beyond a softmax of q . k
_now: ContextVar[DynamicCache] = ContextVar("cache")


def usable(model: PreTrainedModel, cache: DynamicCache) -> bool:
    """Whether all attention of a model goes through transformers' interface, over all that came before."""
    here = model.config.get_text_config()._attn_implementation == "sdpa" and model._supports_attention_backend
    return here and all(isinstance(layer, RoomyLayer) for layer in cache.layers)


@contextmanager
def shared(model: PreTrainedModel, cache: DynamicCache, rows: int) -> Iterator[None]:
    """Inside, `rows` responses grow from the one prompt that the cache holds."""
    for layer in cache.layers:
        layer.share(rows)
    config = model.config.get_text_config()
    before, token = config._attn_implementation, _now.set(cache)
    config._attn_implementation = NAME  # no mask is made for it: there is no padding, and nothing to come
    try:
        yield
    finally:
        config._attn_implementation = before
        _now.reset(token)


def attention(
    query: Tensor, key: Tensor, value: Tensor, prompt_key: Tensor, prompt_value: Tensor, scale: float
) -> Tensor:
    """(R, H, 1, D) queries over prompt_key (1, G, P, D) and key (R, G, L, D): (R, H, 1, D); G divides H."""
    rows, heads, _, width = query.shape
    groups = key.shape[1]
    q = (query * scale).view(rows, groups, -1, width)  # heads that share a key: (R, G, H/G, D)
    every = q.transpose(0, 1).reshape(groups, -1, width)  # (G, R H/G, D)
    there = (every @ prompt_key[0].transpose(1, 2)).view(groups, rows, heads // groups, -1).transpose(0, 1)
    shares = torch.cat([there, q @ key.transpose(2, 3)], -1).softmax(-1, dtype=torch.float32).to(query.dtype)
    to_prompt, to_own = shares.split([prompt_key.shape[2], key.shape[2]], -1)
    read = to_prompt.transpose(0, 1).reshape(groups, -1, prompt_key.shape[2]) @ prompt_value[0]
    read = read.view(groups, rows, heads // groups, -1).transpose(0, 1)
    return (read + to_own @ value).reshape(rows, heads, 1, -1)


def _attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    mask: Tensor | None,
    scaling: float | None = None,
    **more,
) -> tuple[Tensor, None]:
    """What transformers calls in each layer: (R, 1, H, D)."""
    prompt = _now.get().layers[module.layer_idx].prompt
    if any(more.get(name) is not None for name in MORE):
        whole = [
            torch.cat([p.expand(len(x), -1, -1, -1), x], 2) for p, x in zip(prompt, (key, value), strict=True)
        ]
        return sdpa_attention_forward(module, query, *whole, mask, scaling=scaling, **more)
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    return attention(query, key, value, *prompt, scale).transpose(1, 2), None


AttentionInterface.register(NAME, _attend)
