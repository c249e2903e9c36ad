"""What a head is asked to do: its setting, and what its seed draws."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import torch
from torch import Tensor

from rmkit.arguments import argument, seen
from rmkit.errors import InputError


@dataclass(frozen=True)
class Setting:
    """One head: what it minimizes, and on which data.

    loss, parameters   a name of rmkit.losses and its own arguments, such as {"smoothing": 0.2}
    weighting          "group" or "pair"
    l2                 strength of the penalty, above 0; None: chosen by log-loss on held-out training prompts
    seed               of everything random here: the split, the sample of groups, the bootstrap and the noise
    groups             how many training groups it sees (None: all)
    bootstrap          whether it sees a bootstrap sample of them (drawn with replacement)
    noise              the share of training groups whose labels are turned round
    """

    loss: str = "bradley-terry"
    parameters: dict = field(default_factory=dict)
    weighting: str = "group"
    l2: float | None = None
    seed: int = 0
    groups: int | None = None
    bootstrap: bool = False
    noise: float = 0.0

    def __post_init__(self):
        argument("loss", self.loss, kind=str)
        argument("weighting", self.weighting, choices=("group", "pair"))
        argument("seed", self.seed, kind=int, least=0)
        argument("bootstrap", self.bootstrap, kind=bool)
        argument("noise", self.noise, kind=float)
        for name, rules in (("l2", {"kind": float}), ("groups", {"kind": int, "least": 0})):
            if getattr(self, name) is not None:
                argument(name, getattr(self, name), **rules)
        if not isinstance(self.parameters, dict):
            raise InputError(
                f"parameters is {self.parameters!r}; it must be a dictionary, {{option: number}}."
            )


def grid(**choices) -> list[Setting]:
    """Every combination: grid(loss=["hinge", "focal"], l2=[0.01, 0.1], seed=range(20)) has 80 settings."""
    unknown = set(choices) - {f.name for f in fields(Setting)}
    if unknown:
        raise InputError(
            f"A setting has no {sorted(unknown)[0]!r}; it has {', '.join(f.name for f in fields(Setting))}."
        )
    spread = {
        name: list(value)
        if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str)
        else [value]
        for name, value in choices.items()
    }
    return [
        Setting(**dict(zip(spread, values, strict=True))) for values in itertools.product(*spread.values())
    ]


def draws(
    keys: list[str], settings: Sequence[Setting], test, useless: np.ndarray
) -> tuple[Tensor, Tensor, Tensor]:
    """held_out (S, G) bool, samples (S, G) how often a group is seen, turned (S, G) bool.

    keys (G,): the groups' prompts.   useless (G,) bool: groups to train on in no case.
    """
    places = test if isinstance(test, Sequence | np.ndarray | Tensor) and not isinstance(test, str) else None
    inside = places is not None and all(int(i) == i and 0 <= i < len(keys) for i in places)
    if not inside and not (isinstance(test, float) and 0 < test < 1):
        raise InputError(
            f"test={seen(test)}: give a share of the prompts between 0 and 1, or the groups to hold out, "
            f"numbers from 0 to {len(keys) - 1}."
        )
    numbers = {prompt: number for number, prompt in enumerate(sorted(set(keys)))}
    prompt = np.array([numbers[key] for key in keys])
    rows = [_draw(prompt, setting, test, useless) for setting in settings]
    return tuple(torch.from_numpy(np.stack(part)) for part in zip(*rows, strict=True))


def _draw(
    prompt: np.ndarray, setting: Setting, test, useless: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One head's; prompt (G,): the number of each group's prompt, in the order of the texts."""
    held_out = np.zeros(len(prompt), dtype=bool)
    if isinstance(test, float):
        inside = np.zeros(int(prompt.max()) + 1, dtype=bool)
        inside[_stream(setting, 0).permutation(len(inside))[: max(1, round(test * len(inside)))]] = True
        held_out = inside[prompt]
    else:
        held_out[list(test)] = True
    counts = (~held_out & ~useless).astype(np.int64)
    if setting.groups is not None or setting.bootstrap:
        sample = _stream(setting, 1)
        train = sample.permutation(np.flatnonzero(counts))[: setting.groups]
        if setting.bootstrap and len(train):
            train = sample.choice(train, len(train))
        counts = np.bincount(train, minlength=len(prompt))
    turned = _stream(setting, 2).random(len(prompt)) < setting.noise if setting.noise else held_out & False
    return held_out, counts, turned


def _stream(setting: Setting, purpose: int) -> np.random.Generator:
    """A stream for each purpose: more noise must not change the split."""
    return np.random.default_rng([setting.seed, purpose])
