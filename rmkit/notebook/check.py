"""How a check decides: a reference, a tolerance, and a catalogue of wrong answers, each with its sentence."""

import copy
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Answer = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give, and the sentence that tells them what is wrong with it."""

    answer: Answer
    says: str


@dataclass(frozen=True)
class Verdict:
    """passed; solved (False for a stub); message: the one line to print."""

    passed: bool
    solved: bool
    message: str


@dataclass(frozen=True)
class Check:
    """One exercise.

    reference: the right answer. cases(rng) -> argument tuples, the smallest first, random ones too; where
    they vary, so must the reference. mistakes: the catalogue. library: what the lesson goes on with (the
    reference by default). gradient=True compares d(sum of the result)/d(first argument) too (torch
    functions).
    """

    name: str
    reference: Answer
    cases: Callable[[np.random.Generator], Iterable[tuple]]
    mistakes: tuple[Mistake, ...] = ()
    library: Answer | None = None
    tolerance: float = 1e-5
    gradient: bool = False
    seed: int = 0

    def __call__(self, answer: Answer) -> Answer:
        """Print the verdict; return `answer` if it is right, else the library's function."""
        verdict = self.judge(answer)
        print(f"{self.name}: {verdict.message}")
        return answer if verdict.passed else (self.library or self.reference)

    def judge(self, answer: Answer) -> Verdict:
        """Compare `answer` with the reference on every case, and name the mistake if there is one."""
        cases = list(self.cases(np.random.default_rng(self.seed)))
        got = [self._run(answer, case) for case in cases]
        if all(isinstance(x, NotImplementedError) or x is None or x is ... for x in got):
            return Verdict(False, False, "not solved yet; the lesson goes on with the library's function.")
        want = [self._run(self.reference, case) for case in cases]
        for result in want:
            if isinstance(result, BaseException):
                raise result
        if all(same(x, y, self.tolerance) for x, y in zip(got, want, strict=True)):
            return Verdict(True, True, f"right, on all {len(cases)} inputs.")
        for mistake in self.mistakes:
            if all(
                same(x, self._run(mistake.answer, c), self.tolerance) for x, c in zip(got, cases, strict=True)
            ):
                return Verdict(False, True, mistake.says)
        return Verdict(False, True, self._explain(cases, got, want))

    def _run(self, answer: Answer, case: tuple) -> Any:
        given = copy.deepcopy(case)
        if self.gradient:
            given = (given[0].clone().requires_grad_(True), *given[1:])
        try:
            result = answer(*given)
            if result is None or result is ...:
                return None
            if not self.gradient:
                result = copy.deepcopy(result)
            elif getattr(result, "requires_grad", False):
                result.sum().backward()
                result = {"value": result.detach(), "gradient": given[0].grad}
            else:
                result = {"value": result, "gradient": "none"}
        except Exception as error:  # whatever a learner's function raises is a verdict, not a crash
            return error
        changed = any(not same(plain(a), plain(b), 0.0) for a, b in zip(given, case, strict=True))
        return ValueError("it changed its arguments in place; work on a copy") if changed else result

    def _explain(self, cases: list[tuple], got: list, want: list) -> str:
        alike = [same(x, got[0], 0.0) for x in got]
        if (
            all(alike)
            and not isinstance(got[0], BaseException)
            and not all(same(x, want[0], 0.0) for x in want)
        ):
            return f"it gives {show(got[0]['value'] if self.gradient else got[0])} whatever the input."
        pairs = zip(cases, got, want, strict=True)
        case, result, right = next(p for p in pairs if not same(p[1], p[2], self.tolerance))
        call = f"for {self.name}({', '.join(show(x) for x in case)})"
        if isinstance(result, BaseException):
            return f"{call} it raised {type(result).__name__}: {' '.join(str(result).split())}"
        if result is None:
            return f"{call} it returned nothing: is a `return` missing?"
        if self.gradient:
            if same(result["value"], right["value"], self.tolerance):
                cut = result["gradient"] == "none" if isinstance(result["gradient"], str) else False
                why = "the gradient is cut (.item(), .detach() or numpy?)" if cut else "the gradient is wrong"
                return f"{call} the value is right but {why}; expected {show(right['gradient'])}."
            result, right = result["value"], right["value"]
        if shape(result) != shape(right):
            return f"{call} expected {shape(right)}, got {shape(result)}."
        if not finite(result) and finite(right):
            return f"{call} it gives {show(result)}: NaN or infinity where the answer is {show(right)}."
        return f"{call} expected {show(right)}, got {show(result)}."


def plain(value: Any) -> Any:
    """A torch tensor as a numpy array (float64 where it is a float); anything else as it is."""
    if hasattr(value, "detach"):
        value = value.detach().cpu()
        return (value.double() if value.is_floating_point() else value).numpy()
    return value


def same(a: Any, b: Any, tolerance: float) -> bool:
    """Equal in structure, shape and value; numbers within `tolerance`, NaN equal to NaN."""
    a, b = plain(a), plain(b)
    if isinstance(a, BaseException) or isinstance(b, BaseException):
        return type(a) is type(b)
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same(a[k], b[k], tolerance) for k in a)
    if a is None or b is None or isinstance(a, (str, Mapping)) or isinstance(b, (str, Mapping)):
        return type(a) is type(b) and a == b
    if isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and not (_numbers(a) and _numbers(b)):
        return len(a) == len(b) and all(same(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if not (_numbers(a) and _numbers(b)):
        return type(a) is type(b) and bool(a == b)
    x, y = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    return x.shape == y.shape and bool(np.allclose(x, y, rtol=tolerance, atol=tolerance, equal_nan=True))


def _numbers(value: Any) -> bool:
    try:
        return np.asarray(value).dtype.kind in "biuf"
    except ValueError:  # rows of unequal length
        return False


def finite(value: Any) -> bool:
    """True unless a number in `value` is NaN or infinite."""
    value = plain(value)
    if isinstance(value, Mapping):
        return all(finite(x) for x in value.values())
    if _numbers(value):
        return bool(np.isfinite(np.asarray(value, dtype=float)).all())
    return all(finite(x) for x in value) if isinstance(value, (list, tuple)) else True


def shape(value: Any) -> str:
    """ "one number", "shape (2, 3)", "a text", or the type's name."""
    value = plain(value)
    if isinstance(value, str) or not (_numbers(value)):
        return "a text" if isinstance(value, str) else f"a {type(value).__name__}"
    size = np.asarray(value).shape
    return f"shape {size}" if size else "one number"


def show(value: Any) -> str:
    """A value in one short line."""
    value = plain(value)
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (float, np.floating)):
        return f"{value:.4g}"
    if isinstance(value, (list, tuple)):
        text = "[" + ", ".join(show(x) for x in value) + "]"
        return text if len(text) <= 120 else text[:117] + "..."
    return repr(value)
