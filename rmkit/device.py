"""The device on which models run."""

from typing import TYPE_CHECKING

from rmkit.errors import InputError

if TYPE_CHECKING:
    import torch


def best_device() -> str:
    """ "cuda" where there is one, else "cpu".

    An Apple GPU ("mps") is used only where it is asked for: no test of ours has run on one.
    """
    import torch  # here, so that the doctor can say that torch is broken

    return "cuda" if torch.cuda.is_available() else "cpu"


def usable(device: "str | torch.device | None") -> "torch.device":
    """The device of this name, or the best one. Raises InputError where this machine has no such device."""
    import torch

    try:
        found = torch.device(device or best_device())
        torch.empty(0, device=found)
    except (RuntimeError, AssertionError, TypeError) as error:  # each is raised for some name
        there = ["cpu", *(f"cuda:{i}" for i in range(torch.cuda.device_count()))]
        raise InputError(f"device is {device!r}; here it can be {', '.join(there)}.") from error
    return found
