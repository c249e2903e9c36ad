"""Which layout a model can take: a prompt shared by its responses, or repeated before each."""

import warnings
from collections.abc import Callable

import torch
from torch import Tensor
from transformers import PreTrainedModel

from rmkit.models import packed_attention
from rmkit.models.networks import why_not_packed, why_not_shared
from rmkit.models.packing import Batch, TokenGroup, attention_mask, pack, pad


def usable(model) -> str:
    """ "packed" where it gives the same rewards, else "padded" and a warning that says why."""
    reason = why_not_packed(model.classifier, model.max_length)
    if reason is None and not skips_hidden(model) and not _agrees(model):
        reason = "its attention does not take a mask of our own"
    if reason is None:
        return "packed"
    warnings.warn(f"{model.name} uses the padded layout: {reason}.", stacklevel=3)
    return "padded"


def skips_hidden(model) -> bool:
    """Let attention leave out what nobody sees (`packed_attention`), where that gives the same rewards."""
    if packed_attention.adopt(model.classifier):
        if _agrees(model):
            return True
        model.classifier.set_attn_implementation("sdpa")
    return False


def _agrees(model) -> bool:
    exact = model.classifier.dtype == torch.float32
    return agree(model.hidden, model.device, model.tokenizer.pad_token_id, exact)


@torch.no_grad()
def agree(hidden: Callable[[Batch], Tensor], device: torch.device, pad_id: int, exact: bool = True) -> bool:
    """Whether both layouts give a network the same states, measured on one small group, as no list of
    architectures is complete.

    hidden: the network's (R, L, D) states of a batch.   exact: its weights are float32.
    """
    ids = [i for i in range(10, 26) if i != pad_id]
    group = [TokenGroup(ids[:6], [ids[6:9], ids[9:14]])]
    found = []
    for layout in (pack, pad):
        batch = layout(group, pad_id).to(device)
        try:
            found.append(hidden(batch)[batch.last[..., 0], batch.last[..., 1]].float())
        except (ValueError, RuntimeError, TypeError):  # a network that refuses a 4-D mask
            return False
    error = (found[0] - found[1]).norm() / found[1].norm()
    return bool(error < (1e-4 if exact else 3e-2))


def shares(network: PreTrainedModel, longest: int) -> bool:
    """Whether a base model may compute a beginning once for the texts, of up to `longest` tokens, that share
    it."""
    if why_not_shared(network, longest):
        return False
    exact = network.dtype == torch.float32
    return agree(lambda batch: network(**inputs(network, batch)).last_hidden_state, network.device, 0, exact)


def inputs(network: PreTrainedModel, batch: Batch) -> dict:
    """What the forward of a base model takes of a batch, in either layout. Padding is masked."""
    mask = attention_mask(batch, network.config._attn_implementation, network.dtype)
    given = {"input_ids": batch.input_ids, "attention_mask": mask}
    return given | {"position_ids": batch.position_ids, "use_cache": False} if batch.packed else given
