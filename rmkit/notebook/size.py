"""The one dial of how much a notebook computes: RMKIT_SIZE = smoke, lab or research."""

import os
from typing import TypeVar

from rmkit.errors import InputError

Value = TypeVar("Value")
SIZES = ("smoke", "lab", "research")


def size() -> str:
    """How much a notebook computes: "smoke", "lab" (default) or "research", from $RMKIT_SIZE."""
    name = os.environ.get("RMKIT_SIZE", "lab")
    if name not in SIZES:
        raise InputError(f"RMKIT_SIZE is {name!r}; set it to one of {', '.join(SIZES)}.")
    return name


def pick(*, smoke: Value, lab: Value, research: Value) -> Value:
    """The value for the current size, so that one notebook serves a test, a class and a study."""
    return {"smoke": smoke, "lab": lab, "research": research}[size()]
