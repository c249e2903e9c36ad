"""A network whose weights lie in parts over processes, of which only the first ever holds it whole.

Before: the first process loads the weights, and the others a form without any (torch's meta device). After:
the first gathers them, one after the other, on its CPU. What lies between, `rmkit.training.sharding` does.
"""

import copy
import os

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedModel

META = torch.device("meta")


def is_elsewhere() -> bool:
    """Whether a launcher has started this process and another one is the first."""
    return int(os.environ.get("RANK", "0")) > 0


def form(
    where: str, dtype: torch.dtype, attention: str | None = None, revision: str | None = None
) -> PreTrainedModel:
    """The classifier that `networks.load_network` gives, without weights: only its config is read."""
    config = AutoConfig.from_pretrained(where, revision=revision)
    config.num_labels = 1
    how = {} if attention is None else {"attn_implementation": attention}
    with META:
        network = AutoModelForSequenceClassification.from_config(config, dtype=dtype, **how)
    if hasattr(network, "score"):
        network.score.float()  # rewards are float32 whatever the rest is
    return network


def gathered(network: nn.Module, empty: nn.Module) -> nn.Module | None:
    """The network with all its weights on the CPU of the first process; None on the others.

    empty: the same network before it was spread, without weights.   All processes must call at once.
    """
    # Here, since only a run over several processes needs it.
    from torch.distributed.checkpoint.state_dict import StateDictOptions, get_model_state_dict

    options = StateDictOptions(full_state_dict=True, cpu_offload=True)
    weights = get_model_state_dict(network, options=options)
    if is_elsewhere():
        return None
    whole = copy.deepcopy(empty)
    whole.load_state_dict(weights, assign=True)
    return whole
