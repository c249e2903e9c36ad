"""One room a lesson, named as its notebook: its figures, the checks of its exercises, its museum."""

import pkgutil
import sys
from collections.abc import Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any


class Parts(Mapping[str, Any]):
    """What every lesson has in the tuple `names` of its `file`, by name: Parts("checks", "CHECKS").

    One part is looked for in the lessons in use first, so that the others need not be imported.
    """

    def __init__(self, file: str, names: str):
        self.file, self.names = file, names

    def _lessons(self) -> list[str]:
        found = [Path(__path__[0], room.name, f"{self.file}.py") for room in pkgutil.iter_modules(__path__)]
        return sorted(f"{__name__}.{path.parent.name}" for path in found if path.is_file())

    def _of(self, lesson: str) -> tuple:
        return getattr(import_module(f"{lesson}.{self.file}"), self.names)

    def __getitem__(self, name: str) -> Any:
        for lesson in sorted(self._lessons(), key=lambda lesson: lesson not in sys.modules):
            for part in self._of(lesson):
                if part.name == name:
                    return part
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        found = [part.name for lesson in self._lessons() for part in self._of(lesson)]
        if twice := {name for name in found if found.count(name) > 1}:
            raise RuntimeError(f"two {self.file} are called {min(twice)!r}")
        return iter(found)

    def __len__(self) -> int:
        return sum(1 for _ in self)
