"""How fast to learn: what is decayed, the default learning rate, and its rise and fall over a run."""

import math
from collections.abc import Callable

import torch
from torch import nn
from torch.optim import Optimizer

from rmkit.errors import InputError
from rmkit.training.settings import Settings


def default_lr(model: nn.Module) -> float:
    """A learning rate by size: 1e-3 below 20 million weights (pocket), 5e-5 below 500 million, 1e-5 above.

    Large models follow InstructGPT (9e-6) and Llama 2 (5e-6 to 1e-5). Ten times as much where only adapters
    are trained (LoRA).
    """
    weights = sum(parameter.numel() for parameter in model.parameters())
    trained = sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)
    lr = 1e-3 if weights < 20e6 else 5e-5 if weights < 500e6 else 1e-5
    return 10 * lr if trained < weights / 2 else lr


def rate(step: int, steps: int, warmup: float, decay: str) -> float:
    """Share of the peak learning rate at a step (counted from 0): a linear rise, then the decay towards 0."""
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    late = (step - rising) / max(1, steps - rising)  # 0 ... 1
    return {"linear": 1 - late, "cosine": (1 + math.cos(math.pi * late)) / 2, "constant": 1.0}[decay]


def rates(settings: Settings, steps: int) -> list[float]:
    """The share of the peak learning rate at every step, known before the first."""
    if settings.schedule is None:
        return [rate(step, steps, settings.warmup, settings.decay) for step in range(steps)]
    shares = []
    for step in range(steps):
        try:
            share = float(settings.schedule(step, steps))
        except TypeError as error:
            raise InputError(
                f"schedule must be a function (step, steps) -> a number; it says: {error}."
            ) from error
        if not 0 <= share < math.inf:
            raise InputError(f"schedule gives {share} at step {step} of {steps}; it must be 0 or more.")
        shares.append(share)
    return shares


def parameter_groups(model: nn.Module, loss: nn.Module, loss_lr: float) -> list[dict]:
    """What an optimizer is made from. Norms, biases and the loss's own parameters are not decayed."""
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    own = [parameter for parameter in loss.parameters() if parameter.requires_grad]
    groups = [
        {"params": [p for p in trained if p.dim() >= 2]},
        {"params": [p for p in trained if p.dim() < 2], "weight_decay": 0.0},  # norms and biases are vectors
        {"params": own, "weight_decay": 0.0, "lr": loss_lr},
    ]
    return [group for group in groups if group["params"]]


def make_optimizer(
    own: Optimizer | Callable[[list[dict]], Optimizer] | None,
    model: nn.Module,
    loss: nn.Module,
    settings: Settings,
) -> Optimizer:
    """AdamW, or the optimizer of the caller; the learning rates that it has are the peaks of the schedule."""
    groups = parameter_groups(model, loss, settings.loss_lr)
    if own is None:
        # Fused: one pass over the weights and not ten. Sharded weights are not plain tensors.
        how = {"lr": settings.lr, "weight_decay": settings.weight_decay, "fused": not settings.shard}
        optimizer = torch.optim.AdamW(groups, **how)
    else:
        if settings.lr is not None or settings.weight_decay:
            raise InputError(
                "An optimizer of your own has its lr and weight_decay; leave lr= and weight_decay= out."
            )
        optimizer = own if isinstance(own, Optimizer) else own(groups)
    if not isinstance(optimizer, Optimizer):
        raise InputError(
            f"optimizer= gave a {type(optimizer).__name__}; give a torch optimizer, or what makes one from "
            f"parameter groups, such as functools.partial(torch.optim.SGD, lr=0.1)."
        )
    held = {id(p) for group in optimizer.param_groups for p in group["params"]}
    if held != {id(p) for group in groups for p in group["params"]}:
        raise InputError(
            "The optimizer does not hold the parameters that this run trains; give the class or a partial of "
            "it, and fit makes it."
        )
    for group in optimizer.param_groups:
        group["peak_lr"] = group["lr"]
    return optimizer


def set_rates(optimizer: Optimizer, share: float) -> None:
    """Put every group of an optimizer at this share of its peak learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * share
