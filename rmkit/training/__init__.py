"""How a reward model learns: the loop, its batches, checkpoints and schedule; heads on frozen features."""

from importlib import import_module

_WHERE = {"fit": "loop", "Run": "run", "Settings": "settings"}


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_WHERE)
