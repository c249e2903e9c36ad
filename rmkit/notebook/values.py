"""What an exercise returns: is it the same as another value, in which type is it wanted, how is it shown?"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch


def plain(value: Any) -> Any:
    """A torch tensor as a numpy array (float64 where it is a float); anything else as it is."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        return (value.double() if value.is_floating_point() else value).numpy()
    return value


def numbers(value: Any) -> bool:
    """True for a number, and for numbers in a rectangle: array, tensor, list of lists of one length."""
    try:
        return np.asarray(plain(value)).dtype.kind in "biuf"
    except ValueError:  # rows of unequal length
        return False


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Equal in structure, shape and value; numbers within `tolerance`, NaN equal to NaN."""
    a, b = plain(a), plain(b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[k], b[k], tolerance) for k in a)
    if a is None or b is None or isinstance(a, (str, Mapping)) or isinstance(b, (str, Mapping)):
        return type(a) is type(b) and a == b
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and not (numbers(a) and numbers(b)):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if not (numbers(a) and numbers(b)):
        return type(a) is type(b) and bool(a == b)
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True))


def detached(value: Any) -> Any:
    """A copy that shares nothing with `value`, and whose tensors know of no gradient."""
    if isinstance(value, torch.Tensor):
        return value.detach().clone()
    if type(value) in (list, tuple):
        return type(value)(map(detached, value))
    return copy.deepcopy(value)


def filled(value: Any) -> bool:
    """Whether there is an item in it, however deep."""
    return any(map(filled, value)) if isinstance(value, (list, tuple)) else np.size(plain(value)) > 0


def stacked(value: Any) -> Any:
    """A list or tuple of tensors of one shape as one tensor, gradients and all; anything else as it is."""
    if not isinstance(value, (list, tuple)) or not value:
        return value
    parts = [stacked(part) for part in value]
    tensors = all(isinstance(part, torch.Tensor) for part in parts)
    return torch.stack(parts) if tensors and len({part.shape for part in parts}) == 1 else value


def like(example: Any, value: Any, dtype: torch.dtype | None = None) -> Any:
    """`value` in the type of `example`; the very same object where nothing is to be done.

    A tensor keeps its gradient; `dtype` is what a tensor of floats gets (by default the example's). A list
    has the types of the example's items. What cannot be converted comes back as it is.
    """
    if isinstance(example, torch.Tensor):
        return _as_tensor(example, value, dtype)
    if isinstance(example, (list, tuple)):
        return _as_items(example, value)
    if isinstance(example, Mapping) and isinstance(value, Mapping) and example:
        item = next(iter(example.values()))
        items = {key: like(example.get(key, item), inner) for key, inner in value.items()}
        return value if all(items[key] is value[key] for key in items) else items
    if not numbers(value):
        return value
    if isinstance(example, np.ndarray):
        whole = example.dtype.kind in "iu" and not isinstance(value, np.ndarray)
        return np.asarray(np.rint(plain(value)) if whole else plain(value), dtype=example.dtype)
    return _as_number(example, value) if np.ndim(plain(value)) == 0 else value


def _as_number(example: Any, value: Any) -> Any:
    if isinstance(example, (bool, np.bool_)):
        return value if isinstance(value, bool) else bool(value)
    if isinstance(example, int):
        whole = round(float(value))
        return value if type(value) is int or not np.isclose(whole, float(value)) else whole
    return value if isinstance(value, float) else float(value)


def _as_tensor(example: torch.Tensor, value: Any, dtype: torch.dtype | None) -> Any:
    if not numbers(value):
        return value
    tensor = value if isinstance(value, torch.Tensor) else torch.as_tensor(np.asarray(value))
    if example.is_floating_point():
        return tensor.to(dtype or example.dtype)
    return (tensor.round() if tensor.is_floating_point() else tensor).to(example.dtype)


def _as_items(example: list | tuple, value: Any) -> Any:
    items = plain(value)
    if hasattr(items, "tolist"):
        items = items.tolist()
    if not isinstance(items, (list, tuple, range)) or not example:
        return value
    items = [like(example[min(i, len(example) - 1)], item) for i, item in enumerate(items)]
    kept = type(value) is type(example) and all(a is b for a, b in zip(items, value, strict=True))
    return value if kept else type(example)(items)


def finite(value: Any) -> bool:
    """True unless a number in `value` is NaN or infinite."""
    value = plain(value)
    if isinstance(value, Mapping):
        return all(finite(x) for x in value.values())
    if numbers(value):
        return bool(np.isfinite(np.asarray(value, dtype=float)).all())
    return all(finite(x) for x in value) if isinstance(value, (list, tuple)) else True


def shape(value: Any) -> str:
    """ "one number", "shape (2, 3)", "a text", or the type's name."""
    value = plain(value)
    if isinstance(value, str) or not numbers(value):
        return "a text" if isinstance(value, str) else f"a {type(value).__name__}"
    size = np.asarray(value).shape
    return f"shape {size}" if size else "one number"


def show(value: Any) -> str:
    """A value in one short line."""
    value = plain(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (float, np.floating)):
        return f"{value + 0.0:.4g}"  # never -0
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(show(x) for x in value) + "]"
        return text if len(text) <= 120 else text[:117] + "..."
    return repr(value)
