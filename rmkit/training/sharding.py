"""`fit(shard=True)`: weights, gradients and moments in parts over processes, by PyTorch's `fully_shard`.

Each layer of the language model is gathered when it computes, and let go of after that; so is what remains,
embeddings and last norm, which belong to the RewardModel itself. Every process must make every forward pass.
The same code runs on GPUs (NCCL) and on CPUs (gloo): accelerate or torchrun has made the group of processes.
"""

import copy
from collections.abc import Sequence

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch import Tensor, nn
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor
from torch.nn.utils import clip_grads_with_norm_, get_total_norm
from transformers.modeling_layers import GradientCheckpointingLayer

from rmkit.errors import InputError
from rmkit.models import networks
from rmkit.models.reward_model import RewardModel
from rmkit.models.spread import META


def is_sharded(model: nn.Module) -> bool:
    """Whether the weights of a model lie in parts over processes."""
    return any(isinstance(parameter, DTensor) for parameter in model.parameters())


def shard(model: RewardModel, accelerator: Accelerator, precision: str) -> None:
    """Spread a model over all processes, in place: each gets its part of the first one's weights.

    The others may have loaded none (`RewardModel.load(..., shard=True)`). With precision "bf16" layers are
    gathered and computed in bfloat16, while the parts themselves, and their gradients, stay float32.
    Raises InputError where the processes do not hold the same model.
    """
    network = model.network
    _same_everywhere(model)
    weights = network.state_dict() if accelerator.is_main_process else {}
    buffers = {name: buffer.detach().clone() for name, buffer in network.named_buffers()}
    network.to(META)
    model.__dict__["empty"] = copy.deepcopy(network)  # no submodule: it has no weights
    mesh = init_device_mesh(accelerator.device.type, (accelerator.num_processes,))
    _split(model, mesh, precision)
    model.to_empty(device=accelerator.device)
    options = StateDictOptions(full_state_dict=True, broadcast_from_rank0=True)
    set_model_state_dict(network, weights, options=options)  # one tensor after the other
    for name, buffer in network.named_buffers():
        if accelerator.is_main_process:
            buffer.copy_(buffers[name])
        dist.broadcast(buffer, 0)
    model._first_head = None  # a part cannot be compared with it


def _split(model: RewardModel, mesh: DeviceMesh, precision: str) -> None:
    half = {"param_dtype": torch.bfloat16, "reduce_dtype": torch.float32} if precision == "bf16" else {}
    policy = MixedPrecisionPolicy(**half)
    for name in networks.head_parts(model.classifier):  # rewards are float32 whatever the rest is
        head = getattr(model.classifier, name)
        fully_shard(head, mesh=mesh, mp_policy=MixedPrecisionPolicy(param_dtype=torch.float32))
    for layer in list(model.network.modules()):
        if isinstance(layer, GradientCheckpointingLayer):  # what transformers calls a layer
            fully_shard(layer, mesh=mesh, mp_policy=policy)
    # Said, since the outermost would stay whole after a pass without gradient: no checkpoint must find it so.
    fully_shard(model, mesh=mesh, mp_policy=policy, reshard_after_forward=True)


def _same_everywhere(model: RewardModel) -> None:
    """The first process says how the model is laid out; an InputError where another has other weights."""
    network = model.network
    if len(list(network.named_parameters(remove_duplicate=False))) > len(list(network.parameters())):
        raise InputError(f"{model.name} has one weight in two places, which shard=True cannot split.")
    form = {name: (tuple(p.shape), str(p.dtype)) for name, p in network.named_parameters()}
    first = [(form, model.layout, model.max_length, model.classifier.config._attn_implementation)]
    broadcast_object_list(first)
    wanted, model.layout, model.max_length, attention = first[0]
    model.classifier.set_attn_implementation(attention)
    odd = sorted(name for name in form.keys() | wanted.keys() if form.get(name) != wanted.get(name))
    everywhere: list = [None] * dist.get_world_size()
    dist.all_gather_object(everywhere, odd[:1])  # so that all of them stop
    if odd := [name for names in everywhere for name in names]:
        raise InputError(
            f"The processes do not hold the same {model.name} ({odd[0]} differs): load it without "
            f"shard=True, whole in every process."
        )


def clip(accelerator: Accelerator, parameters: Sequence[Tensor], largest: float) -> Tensor:
    """Scale gradients, parts of them or whole, to a norm of at most `largest`; the norm before."""
    trained = [p for p in parameters if p.grad is not None]
    parts = [p for p in trained if isinstance(p.grad, DTensor)]
    if not parts:
        return accelerator.clip_grad_norm_(parameters, largest)
    whole = [p for p in trained if not isinstance(p.grad, DTensor)]  # a loss's own are on every process
    norms = [get_total_norm([p.grad for p in group]) for group in (parts, whole) if group]
    norm = torch.stack([n.full_tensor() if isinstance(n, DTensor) else n for n in norms]).norm()
    for group in (parts, whole):
        clip_grads_with_norm_(group, largest, norm)
    return norm
