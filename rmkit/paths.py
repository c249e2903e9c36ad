"""Where shipped data and cached files live, and the one dial of size (RMKIT_SIZE)."""

import os
from pathlib import Path
from typing import TypeVar

from rmkit.errors import InputError

Value = TypeVar("Value")
SIZES = ("smoke", "lab", "research")


def data_folder() -> Path:
    """The data that ships with rmkit: the repository's data/, or the copy inside an installed wheel."""
    package = Path(__file__).resolve().parent
    repository = package.parent / "data"
    return repository if (package.parent / "pyproject.toml").is_file() else package / "shipped"


def cache_folder() -> Path:
    """Where converted models and frozen features are kept: $RMKIT_CACHE, or ~/.cache/rmkit."""
    folder = Path(os.environ.get("RMKIT_CACHE", Path.home() / ".cache" / "rmkit")).expanduser()
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def size() -> str:
    """How much a notebook computes: "smoke", "lab" (default) or "research", from $RMKIT_SIZE."""
    name = os.environ.get("RMKIT_SIZE", "lab")
    if name not in SIZES:
        raise InputError(f"RMKIT_SIZE is {name!r}; set it to one of {', '.join(SIZES)}.")
    return name


def pick(*, smoke: Value, lab: Value, research: Value) -> Value:
    """The value for the current size, so that one notebook serves a test, a class and a study."""
    return {"smoke": smoke, "lab": lab, "research": research}[size()]
