"""Which layout a model can take: a prompt shared by its responses, or repeated before each."""

import warnings

import torch

from rmkit.models.networks import why_not_packed
from rmkit.models.packing import TokenGroup, pack, pad


def usable(model) -> str:
    """ "packed" where it gives the same rewards, else "padded" and a warning that says why."""
    reason = why_not_packed(model.classifier, model.max_length)
    if reason is None and not _agree(model):
        reason = "its attention does not take a mask of our own"
    if reason is None:
        return "packed"
    warnings.warn(f"{model.name} uses the padded layout: {reason}.", stacklevel=3)
    return "padded"


@torch.no_grad()
def _agree(model) -> bool:
    """Measured on one small group, as no list of architectures is complete."""
    ids = [i for i in range(10, 26) if i != model.tokenizer.pad_token_id]
    group = [TokenGroup(ids[:6], [ids[6:9], ids[9:14]])]
    hidden = []
    for layout in (pack, pad):
        batch = layout(group, model.tokenizer.pad_token_id).to(model.device)
        try:
            hidden.append(model.hidden(batch)[batch.last[..., 0], batch.last[..., 1]].float())
        except (ValueError, RuntimeError, TypeError):  # a network that refuses a 4-D mask
            return False
    error = (hidden[0] - hidden[1]).norm() / hidden[1].norm()
    return bool(error < (1e-4 if model.classifier.dtype == torch.float32 else 3e-2))
