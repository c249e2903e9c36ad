"""What a caller gives as an argument: the value as it is used, or one sentence that says what it can be."""

import math
import numbers
from collections.abc import Callable
from pathlib import Path

from rmkit.errors import InputError


def argument(name: str, value, *, kind=None, choices=(), least=None, most=None, above=None):
    """The value, a number as a plain one; InputError where it cannot be.

    kind: int, float, bool, str, Path or Callable.   choices: names.   least, most, above: the range of a
    number; with `above`, infinity is one.
    """
    if choices and (not isinstance(value, str) or value not in choices):
        raise InputError(f"{name} is {seen(value)}; it can be {', '.join(choices)}.")
    if kind is bool and not isinstance(value, bool):
        raise InputError(f"{name} is {seen(value)}; it can be True or False.")
    if kind is str and not isinstance(value, str):
        raise InputError(f"{name} is {seen(value)}; it must be a text.")
    if kind is Path and not (isinstance(value, str | Path) and "\0" not in str(value)):
        raise InputError(f"{name} is {seen(value)}; it must be the path of a file or folder.")
    if kind is Callable and not callable(value):
        raise InputError(f"{name} is {seen(value)}; it must be a function.")
    if kind not in (int, float):
        return value
    wanted = numbers.Integral if kind is int else numbers.Real
    allowed = isinstance(value, wanted) and not isinstance(value, bool)
    allowed = allowed and (math.isfinite(value) or (above is not None and value > 0))
    if not allowed or not _inside(value, least, most, above):
        raise InputError(f"{name} is {seen(value)}; it must be {_range(kind, least, most, above)}.")
    return kind(value)


def check_model(model: object, method: str, caller: str) -> None:
    """An InputError where something is given as a model that has no such method."""
    if not hasattr(model, method):
        raise InputError(
            f"{caller} needs a loaded model, not {seen(model)}: such as rmkit.RewardModel.load('pocket')."
        )


def seen(value: object) -> str:
    """A value in a sentence: as Python writes it, or its kind where that is long."""
    text = repr(value)
    return text if len(text) <= 60 else f"a {type(value).__name__}"


def _inside(value, least, most, above) -> bool:
    lower = (least is None or value >= least) and (above is None or value > above)
    return lower and (most is None or value <= most)


def _range(kind: type, least, most, above) -> str:
    what = "a whole number" if kind is int else "a number"
    if most is not None:
        return f"{what} from {least} to {most}"
    if above is not None:
        return f"{what} above {above}"
    return what if least is None else f"{what}, {least} or more"
