"""Which layout a model can take: a prompt shared by its responses, or repeated before each."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from rmkit.models.networks import why_not_packed, why_not_shared
from rmkit.models.packing import Batch, TokenGroup, attention_mask, pack, pad


def usable(model) -> str:
    """ "packed" where it gives the same rewards, else "padded" and a warning that says why."""
    reason = why_not_packed(model.classifier, model.max_length)
    if reason is None and not _agree(model.hidden, model.classifier, model.tokenizer.pad_token_id):
        reason = "its attention does not take a mask of our own"
    if reason is None:
        return "packed"
    warnings.warn(f"{model.name} uses the padded layout: {reason}.", stacklevel=3)
    return "padded"


def shares(network, longest: int) -> bool:
    """Whether a plain language model reads texts of up to `longest` tokens alike where they share prompts."""

    def hidden(batch: Batch) -> Tensor:
        mask = attention_mask(batch, network.config._attn_implementation, network.dtype)
        positions = {"position_ids": batch.position_ids} if batch.packed else {}
        return network(input_ids=batch.input_ids, attention_mask=mask, **positions).last_hidden_state

    return why_not_shared(network.config, longest) is None and _agree(hidden, network, 0)


@torch.no_grad()
def _agree(hidden: Callable[[Batch], Tensor], network, pad_id: int) -> bool:
    """Measured on one small group, as no list of architectures is complete."""
    ids = [i for i in range(10, 26) if i != pad_id]
    group = [TokenGroup(ids[:6], [ids[6:9], ids[9:14]])]
    found = []
    for layout in (pack, pad):
        batch = layout(group, pad_id).to(network.device)
        try:
            found.append(hidden(batch)[batch.last[..., 0], batch.last[..., 1]].float())
        except (ValueError, RuntimeError, TypeError):  # a network that refuses a 4-D mask
            return False
    error = (found[0] - found[1]).norm() / found[1].norm()
    return bool(error < (1e-4 if network.dtype == torch.float32 else 3e-2))
