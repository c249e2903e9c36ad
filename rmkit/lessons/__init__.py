"""One room a lesson, named as its notebook: its figures, the checks of its exercises, its museum."""

import pkgutil
from importlib import import_module
from importlib.util import find_spec
from typing import Any


def parts(file: str, names: str) -> dict[str, Any]:
    """What every lesson has in the tuple `names` of its `file`, by name: parts("checks", "CHECKS")."""
    found: dict[str, Any] = {}
    for room in pkgutil.iter_modules(__path__):
        where = f"{__name__}.{room.name}.{file}"
        if room.ispkg and find_spec(where):
            for part in getattr(import_module(where), names):
                if part.name in found:
                    raise RuntimeError(f"two {file} are called {part.name!r}")
                found[part.name] = part
    return found
