"""What a function is, in one line: two runs have the same loss where this is the same text."""

import functools
import hashlib
import types
from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import Tensor, nn

SIMPLE = str | int | float | bool | None
PLAIN = type | types.ModuleType | types.CodeType | Tensor | np.ndarray
LIBRARIES = ("builtins", "torch", "numpy", "scipy")
OF_MODULES = vars(nn.Module()).keys()  # what every module has; parameters and children are told apart


def identity(thing: Any) -> Any:
    """Something that JSON can hold, and that differs where `thing` would compute something else.

    A text or a number stands for itself; a callable is its name and a digest of its code, of its defaults, of
    what it closes over, and of the globals that it reads. Parameters are known by their shapes.
    """
    if isinstance(thing, SIMPLE):
        return thing
    digest = hashlib.sha256("\n".join(_parts(thing, {})).encode()).hexdigest()[:12]
    return f"{_name(thing)}#{digest}"


def learnable(thing: Any) -> list[Tensor]:
    """Every tensor with a gradient that a callable keeps, in modules, closures, partials and attributes."""
    return [part for part in _walk(thing, {}) if isinstance(part, Tensor) and part.requires_grad]


def _name(thing: Any) -> str:
    if isinstance(thing, functools.partial):
        return _name(thing.func)
    return getattr(thing, "__qualname__", None) or type(thing).__qualname__


def _inside(thing: Any) -> Iterator[tuple[str, Any]]:
    """(label, value) of everything that a value is made of and computes with; nothing for plain values."""
    if isinstance(thing, functools.partial):
        yield from {"func": thing.func, "args": thing.args, "keywords": thing.keywords}.items()
    elif isinstance(thing, types.MethodType):
        yield from {"self": thing.__self__, "function": thing.__func__}.items()
    elif isinstance(thing, types.FunctionType):
        yield "code", thing.__code__
        yield "defaults", (thing.__defaults__, thing.__kwdefaults__)
        yield "closure", [cell.cell_contents for cell in thing.__closure__ or () if not _empty(cell)]
        read = sorted(_names(thing.__code__) & thing.__globals__.keys())
        yield from ((name, thing.__globals__[name]) for name in read)
    elif isinstance(thing, dict):
        yield from sorted(((str(key), value) for key, value in thing.items()), key=lambda pair: pair[0])
    elif isinstance(thing, list | tuple | set | frozenset):
        items = sorted(thing, key=repr) if isinstance(thing, set | frozenset) else thing
        yield from ((str(number), value) for number, value in enumerate(items))
    elif isinstance(thing, nn.Module):
        yield from thing.named_parameters(recurse=False)
        yield from thing.named_children()
        yield from _methods(type(thing))
        yield "attributes", {key: value for key, value in vars(thing).items() if key not in OF_MODULES}
    elif not isinstance(thing, PLAIN) and hasattr(thing, "__dict__"):
        yield from _methods(type(thing))
        yield "attributes", vars(thing)


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    for one in kind.__mro__:
        if one.__module__.split(".")[0] not in LIBRARIES:
            functions = [(k, v) for k, v in vars(one).items() if isinstance(v, types.FunctionType)]
            yield from sorted(functions, key=lambda pair: pair[0])


def _written(thing: Any) -> Any:
    """The function that torch.compile was given: what it adds around it changes from call to call."""
    return (
        vars(thing).get("_torchdynamo_orig_callable", thing) if type(thing) is types.FunctionType else thing
    )


def _parts(thing: Any, seen: dict[int, Any]) -> Iterator[str]:
    thing = _written(thing)
    if isinstance(thing, SIMPLE):
        yield repr(thing)
    elif isinstance(thing, types.CodeType):
        yield from _code(thing)
    elif isinstance(thing, nn.Parameter):
        yield f"parameter {tuple(thing.shape)}"  # its values are trained, and stand in the checkpoint
    elif isinstance(thing, Tensor | np.ndarray):
        yield f"{tuple(thing.shape)} {hashlib.sha256(repr(thing.tolist()).encode()).hexdigest()}"
    elif id(thing) not in seen:
        seen[id(thing)] = thing  # kept, or another object might get its number
        yield f"{getattr(thing, '__module__', '')} {_name(thing)}"
        if not _of_a_library(thing):
            for label, value in _inside(thing):
                yield label
                yield from _parts(value, seen)


def _walk(thing: Any, seen: dict[int, Any]) -> Iterator[Any]:
    thing = _written(thing)
    if id(thing) not in seen:
        seen[id(thing)] = thing
        yield thing
        if not _of_a_library(thing):
            for _, value in _inside(thing):
                yield from _walk(value, seen)


def _of_a_library(thing: Any) -> bool:
    """torch's own functions are known by their names."""
    module = getattr(thing, "__module__", None) or ""
    return isinstance(thing, types.FunctionType) and module.split(".")[0] in LIBRARIES


def _code(code: types.CodeType) -> Iterator[str]:
    yield f"{code.co_code.hex()} {code.co_names} {code.co_varnames}"
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _code(constant)
        else:  # a set has no order
            yield repr(sorted(map(repr, constant)) if isinstance(constant, frozenset) else constant)


def _names(code: types.CodeType) -> set[str]:
    nested = [_names(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    return set(code.co_names).union(*nested)


def _empty(cell: types.CellType) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - a name that was not assigned yet has no contents
    except ValueError:
        return True
    return False
