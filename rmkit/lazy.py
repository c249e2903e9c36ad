"""The face of a room: names that load the file that has them on first use, so that importing is instant."""

from collections.abc import Callable, Collection, Mapping
from importlib import import_module


def face(
    room: str, where: Mapping[str, str], modules: Collection[str] = ()
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """(__getattr__, __dir__) of a room.

    where: {name: the file that has it}. modules: files of the room that are names themselves.
    """

    def __getattr__(name: str) -> object:
        if name in where:
            return getattr(import_module(f"{room}.{where[name]}"), name)
        if name in modules:
            return import_module(f"{room}.{name}")
        raise AttributeError(f"module {room!r} has no attribute {name!r}")

    return __getattr__, lambda: sorted([*where, *modules])
