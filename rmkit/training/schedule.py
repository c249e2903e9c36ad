"""How fast to learn: the default learning rate, and its rise and fall over a run."""

import math

from torch import nn

from rmkit.errors import InputError

DECAYS = ("linear", "cosine", "constant")


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
    if decay not in DECAYS:
        raise InputError(f"decay is {decay!r}; it can be {', '.join(DECAYS)}.")
    rising = math.ceil(warmup * steps)
    if step < rising:
        return (step + 1) / (rising + 1)
    late = (step - rising) / max(1, steps - rising)  # 0 ... 1
    return {"linear": 1 - late, "cosine": (1 + math.cos(math.pi * late)) / 2, "constant": 1.0}[decay]
