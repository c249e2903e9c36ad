"""Values as JSON between the grader and a submission. What comes back may be forged, so nothing in it acts.

A pickle from a submission could run code in the grader; here only numbers, texts, lists and arrays exist.
"""

import base64
import builtins
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from rmkit.notebook.check import Outcome, Used

MOST_BYTES = 8_000_000
_DEPTH = 20
_KINDS = "biuf"


class Foreign:
    """Stands for a value of a type that does not travel: equal to nothing."""

    def __init__(self, name: str):
        self.name = name

    def __repr__(self) -> str:
        return f"<{self.name}>"


def pack(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON's own types."""
    kind = outcome.kind.__name__ if isinstance(outcome.kind, type) else outcome.kind
    return {
        "value": _pack(outcome.value),
        "gradients": [_pack(g) for g in outcome.gradients],
        "trouble": outcome.trouble[:2000],
        "kind": kind,
        "raised": isinstance(outcome.kind, type),
        "always": outcome.always,
        "loose": outcome.loose,
    }


def unpack(data: dict[str, Any]) -> Outcome:
    """The outcome again. Raises ValueError, KeyError or TypeError for what `pack` never makes."""
    kind = None if data["kind"] is None else str(data["kind"])
    if kind is not None and data["raised"]:
        kind = Used if kind == "Used" else _error(kind)
    return Outcome(
        _unpack(data["value"], _DEPTH),
        tuple(_unpack(g, _DEPTH) for g in data["gradients"]),
        str(data["trouble"]),
        kind,
        bool(data["always"]),
        bool(data["loose"]),
    )


def _error(name: str) -> type:
    known = getattr(builtins, name, None)
    is_error = isinstance(known, type) and issubclass(known, BaseException)
    return known if is_error else type("OtherError", (Exception,), {})


def _pack(value: Any) -> Any:
    if value is None or type(value) in (bool, str):
        return value
    if type(value) in (int, float):
        return {"number": repr(value), "whole": type(value) is int}
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        array = (value.float() if value.dtype in (torch.bfloat16, torch.float16) else value).numpy()
        return _array(array, "tensor") if array.dtype.kind in _KINDS else {"other": "Tensor"}
    if isinstance(value, np.ndarray | np.generic) and value.dtype.kind in _KINDS:
        return _array(np.asarray(value), "array" if isinstance(value, np.ndarray) else "scalar")
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Mapping):
        return {"pairs": [[_pack(k), _pack(v)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        return {"list" if isinstance(value, list) else "tuple": [_pack(x) for x in value]}
    return {"other": type(value).__name__}


def _array(array: np.ndarray, form: str) -> dict[str, Any]:
    data = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
    return {"form": form, "dtype": array.dtype.str, "shape": list(array.shape), "data": data}


def _unpack(data: Any, depth: int) -> Any:
    if depth == 0:
        raise ValueError("nested too deeply")
    if data is None or type(data) in (bool, str):
        return data
    if "number" in data:
        return int(data["number"]) if data["whole"] else float(data["number"])
    if "form" in data:
        return _array_again(data)
    if "pairs" in data:
        return {_unpack(k, depth - 1): _unpack(v, depth - 1) for k, v in data["pairs"]}
    if "list" in data:
        return [_unpack(x, depth - 1) for x in data["list"]]
    if "tuple" in data:
        return tuple(_unpack(x, depth - 1) for x in data["tuple"])
    return Foreign(str(data["other"])[:80])


def _array_again(data: dict[str, Any]) -> Any:
    dtype = np.dtype(data["dtype"])
    if dtype.kind not in _KINDS or dtype.itemsize > 8:
        raise ValueError("an array of no numbers")
    shape = tuple(int(n) for n in data["shape"])
    array = np.frombuffer(base64.b64decode(data["data"]), dtype).reshape(shape).copy()
    if data["form"] == "scalar":
        return array[()]
    return torch.from_numpy(array) if data["form"] == "tensor" else array


def dumps(message: dict[str, Any]) -> bytes:
    """A message with its length in front. Raises ValueError for one that is too large."""
    body = json.dumps(message).encode()
    if len(body) > MOST_BYTES:
        raise ValueError("too large")
    return len(body).to_bytes(4, "big") + body


def loads(body: bytes) -> dict[str, Any]:
    """The message of `body`, without its length. Raises ValueError."""
    message = json.loads(body)
    if not isinstance(message, dict):
        raise ValueError("no message")
    return message
