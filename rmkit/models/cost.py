"""What reading many responses with a model will cost on this machine, said before it is done."""

import time
from functools import lru_cache
from pathlib import Path

import torch

from rmkit.device import best_device
from rmkit.errors import InputError
from rmkit.models.packing import TokenGroup
from rmkit.models.reward_model import RewardModel

ROWS = 8  # responses in the timed pass: few, so that a large model answers soon
TRAINING = 3  # one step costs about three readings: forward, and backward at twice its price


def estimate(model_name: str | Path, responses: int, tokens: int = 60) -> str:
    """One sentence: how long this machine takes to read so many responses with a model.

    model_name: what `RewardModel.load` takes.   tokens: of a prompt and its response together.
    It loads the model and times one small forward pass. Raises InputError.
    """
    for name, number in (("responses", responses), ("tokens", tokens)):
        if number < 1:
            raise InputError(f"{name} is {number}; it must be at least 1.")
    reading = responses * seconds_per_response(str(model_name), tokens)
    return (
        f"{model_name} on this machine ({best_device()}): reading {responses:,} responses of {tokens} tokens "
        f"takes {duration(reading)}; one training pass over them {duration(TRAINING * reading)}."
    )


@lru_cache
def seconds_per_response(model_name: str, tokens: int) -> float:
    """Seconds of one response in a forward pass over ROWS of them; the first pass only warms up."""
    model = RewardModel.load(model_name, layout="padded")
    words = [i for i in range(10, 42) if i not in model.tokenizer.all_special_ids]
    row = (words * (tokens // len(words) + 1))[:tokens]
    batch = model.batch([TokenGroup(row[: tokens // 2], [row[tokens // 2 :]])] * ROWS)
    with torch.inference_mode():
        model.rewards(batch).cpu()
        begun = time.perf_counter()
        model.rewards(batch).cpu()  # a GPU is done when the rewards have come back
    return (time.perf_counter() - begun) / ROWS


def duration(seconds: float) -> str:
    """Seconds in words: "less than a second", "about 40 seconds", "about 3 minutes", "about 5 hours"."""
    if seconds < 1:
        return "less than a second"
    unit, length = ("hour", 3600) if seconds >= 5400 else ("minute", 60) if seconds >= 90 else ("second", 1)
    count = round(seconds / length)
    return f"about {count:,} {unit}{'s' * (count != 1)}"
