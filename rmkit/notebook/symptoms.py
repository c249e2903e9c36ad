"""What is wrong with an answer, whatever the exercise: mean for each, wrong sign, swapped arguments ...

A symptom is named only where it explains the answer on every input. It says less than an exercise's own
catalogue, and more than "expected 3, got 4".
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from rmkit.notebook.values import numbers, plain, same

Values = list[Any]


def name(got: Values, want: Values, again: Callable[[str], Values | None], tolerance: float) -> str | None:
    """The sentence for what turns `want` into `got` on all inputs, or None.

    again("swapped") and again("turned") give the right answers for the first two arguments exchanged and for
    the first argument with its sign turned; None where an exercise has no such thing.
    """
    if all(isinstance(x, (list, tuple)) for x in [*got, *want]) and _reordered(got, want):
        return "these are the right items in another order than the one that is asked for."
    if all(numbers(x) for x in [*got, *want]):
        says = _of_numbers(
            *([np.asarray(plain(x), dtype=float) for x in xs] for xs in (got, want)), tolerance
        )
        if says:
            return says
    for change, says in _CHANGED.items():
        other = again(change)
        if other is not None and _all_same(got, other, tolerance):
            return says
    return None


_CHANGED = {
    "swapped": "the first two arguments have changed places: which of them is subtracted from which?",
    "turned": "a sign is turned: it is right for the opposite of the first argument. Look at your gaps.",
}


def _of_numbers(got: list[np.ndarray], want: list[np.ndarray], tolerance: float) -> str | None:
    if all(x.shape == y.shape for x, y in zip(got, want, strict=True)):
        return _of_one_shape(got, want, tolerance)
    if _all_same([x.T for x in got], want, tolerance):
        return "it is transposed: rows and columns have changed places."
    if all(x.size == y.size for x, y in zip(got, want, strict=True)):
        first = next(k for k, x in enumerate(got) if x.shape != want[k].shape)
        if _all_same([x.ravel() for x in got], [x.ravel() for x in want], tolerance):
            return (
                f"the numbers are right, but in shape {got[first].shape}; {want[first].shape} is asked for."
            )
    for word, collect in (("mean", np.mean), ("sum", np.sum)):
        if not any(y.ndim for y in want) and _all_same([collect(x) for x in got], want, tolerance):
            return f"it returns one number each; asked is their {word}, one number."
        if all(y.ndim for y in want) and _all_same(got, [collect(y) for y in want], tolerance):
            return f"it returns the {word}; return one number each, and leave the {word} to the caller."
    return None


def _of_one_shape(got: list[np.ndarray], want: list[np.ndarray], tolerance: float) -> str | None:
    every_got, every_want = (np.concatenate([x.ravel() for x in xs]) for xs in (got, want))
    if not (np.isfinite(every_got).all() and np.isfinite(every_want).all()) or every_want.size < 2:
        return None
    if _all_same([x.T for x in got], want, tolerance):
        return "it is transposed: rows and columns have changed places."
    miss = np.abs(every_got - every_want).max() / max(1.0, np.abs(every_want).max())
    if miss <= 1e-4:
        digits = int(-np.log10(miss))
        return f"right, but to {digits} digits only, and the lesson needs more. Is it float32, or rounded?"
    if np.allclose(every_got, np.abs(every_want), rtol=tolerance, atol=tolerance):
        return "it is the absolute value of the right answer: the sign is lost."
    if np.allclose(every_got, 1 - every_want, rtol=tolerance, atol=tolerance):
        return "it is 1 minus the right answer, on every input."
    if (every_want != every_want[0]).any():
        factor = float(every_got @ every_want / (every_want @ every_want))
        if abs(factor) > 1e-6 and np.allclose(every_got, factor * every_want, rtol=tolerance, atol=tolerance):
            return _of_factor(factor)
    away = float((every_got - every_want).mean())
    if np.allclose(every_got - every_want, away, rtol=tolerance, atol=tolerance):
        hint = " Where does the counting start?" if abs(away) == 1 else ""
        return f"it is {abs(away):.4g} too {'large' if away > 0 else 'small'} on every input.{hint}"
    return None


def _of_factor(factor: float) -> str:
    if np.isclose(factor, -1):
        return "the sign is turned, on every input."
    if np.isclose(factor, 100):
        return "that is in percent; a share runs from 0 to 1."
    return f"it is {factor:.4g} times the right answer, on every input."


def _reordered(got: Values, want: Values) -> bool:
    return all(sorted(map(str, x)) == sorted(map(str, y)) for x, y in zip(got, want, strict=True))


def _all_same(got: Values, want: Values, tolerance: float) -> bool:
    return len(got) == len(want) and all(same(x, y, tolerance) for x, y in zip(got, want, strict=True))
