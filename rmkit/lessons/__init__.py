"""One room a lesson, named as its notebook: its figures, the checks of its exercises, its museum."""

import pkgutil
import sys
from importlib import import_module
from pathlib import Path
from typing import Any


def rooms(file: str) -> list[str]:
    """The modules `file` of all lessons that have one. Lessons in use come first: the others need not be
    imported to find what is theirs."""
    found = [Path(__path__[0], room.name, f"{file}.py") for room in pkgutil.iter_modules(__path__)]
    names = [f"{__name__}.{path.parent.name}" for path in found if path.is_file()]
    return [f"{name}.{file}" for name in sorted(names, key=lambda name: name not in sys.modules)]


def parts(file: str, names: str) -> dict[str, Any]:
    """What every lesson has in the tuple `names` of its `file`, by name: parts("checks", "CHECKS")."""
    found: dict[str, Any] = {}
    for room in sorted(rooms(file)):
        for part in getattr(import_module(room), names):
            if part.name in found:
                raise RuntimeError(f"two {file} are called {part.name!r}")
            found[part.name] = part
    return found
