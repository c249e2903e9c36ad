"""How a check decides: a reference, a tolerance, and a catalogue of wrong answers, each with its sentence."""

import copy
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode

from rmkit.notebook import symptoms
from rmkit.notebook.values import detached, filled, finite, like, plain, same, shape, show, stacked

Answer = Callable[..., Any]


@dataclass(frozen=True)
class Mistake:
    """A wrong answer that learners give, and the sentence that tells them what is wrong with it."""

    answer: Answer
    says: str


@dataclass(frozen=True)
class Trap:
    """Hard arguments, and what to tell whoever is right on all the usual ones and wrong on these."""

    arguments: tuple
    says: str


@dataclass(frozen=True)
class Verdict:
    """passed; solved (False for a stub); message: the one line to print; lends: what the lesson goes on with.

    lends is None where the answer failed, else the answer itself, or the answer with its results turned into
    the reference's type.
    """

    passed: bool
    solved: bool
    message: str
    lends: Answer | None = None


@dataclass(frozen=True)
class Outcome:
    """What a function did with one input.

    value; gradients (of the sum of the value, one for each first argument that was asked for; None where it
    is cut). Or trouble: what went wrong, of the `kind` that two outcomes are compared by. `always`: it is
    wrong whatever the input, so no input needs to be named. `loose`: a list of tensors was made one tensor.
    """

    value: Any = None
    gradients: tuple = ()
    trouble: str = ""
    kind: Any = None
    always: bool = False
    loose: bool = False

    def same(self, other: "Outcome", tolerance: float) -> bool:
        """Equal in trouble, value and gradients."""
        if self.kind or other.kind:
            return self.kind is other.kind
        return same(self.value, other.value, tolerance) and same(
            list(self.gradients), list(other.gradients), tolerance
        )

    @property
    def nothing(self) -> bool:
        """A stub's outcome."""
        return self.kind is NotImplementedError or (self.kind is None and self.value is None)


class Used(Exception):
    """A function that this exercise is to be solved without."""


class Without(TorchFunctionMode):
    """While it is entered, every torch function of these names raises `Used`, however it was imported."""

    def __init__(self, names: Iterable[str]):
        super().__init__()
        self.names = {name.replace("_", "") for name in names}

    def __torch_function__(self, function, types, arguments=(), named=None):
        """Called by torch in place of `function`."""
        name = getattr(function, "__name__", "").replace("_", "")
        if name in self.names:
            raise Used(f"it calls torch's {name}, and the exercise asks to do without.")
        return function(*arguments, **(named or {}))


@dataclass(frozen=True)
class Check:
    """One exercise.

    reference: the right answer. cases(rng) -> argument tuples, the smallest first, random ones too; where
    they vary, so must the reference. traps: hard inputs, each with its sentence. mistakes: the catalogue.
    library: what the lesson goes on with (the reference by default). gradient: in how many of the first
    arguments the gradient of the result's sum must be right too (torch functions). without: names of torch
    functions that the exercise forbids.
    """

    name: str
    reference: Answer
    cases: Callable[[np.random.Generator], Iterable[tuple]]
    mistakes: tuple[Mistake, ...] = ()
    traps: tuple[Trap, ...] = ()
    library: Answer | None = None
    tolerance: float = 1e-5
    gradient: int = 0
    without: tuple[str, ...] = ()
    seed: int = 0

    def __call__(self, answer: Answer) -> Answer:
        """Print the verdict; return what the lesson goes on with: the answer if right, else the library's."""
        verdict = self.judge(answer)
        print(f"{self.name}: {verdict.message}")
        return verdict.lends or self.library or self.reference

    def judge(self, answer: Answer) -> Verdict:
        """Compare `answer` with the reference on every input, and name the mistake if there is one."""
        cases = list(self.cases(np.random.default_rng(self.seed)))
        inputs = cases + [trap.arguments for trap in self.traps]
        got = [self._run(answer, x, self.without) for x in inputs]
        if all(outcome.nothing for outcome in got):
            return Verdict(False, False, "not solved yet; the lesson goes on with the library's function.")
        want = [self._right(x) for x in inputs]
        if self._all_same(got, want):
            return self._passed(answer, got, want)
        always = next((outcome.trouble for outcome in got if outcome.always), None)
        return Verdict(False, True, always or self._named(inputs, len(cases), got, want))

    def _passed(self, answer: Answer, got: list[Outcome], want: list[Outcome]) -> Verdict:
        says = f"right, on all {len(got)} inputs."
        pairs = list(zip(got, want, strict=True))
        if all(like(y.value, x.value) is x.value and x.loose <= y.loose for x, y in pairs):
            return Verdict(True, True, says, answer)
        values = [outcome.value for outcome in want if outcome.value is not None]
        example = next((x for x in values if isinstance(x, Mapping) or filled(x)), values[0])

        @functools.wraps(answer)
        def converted(*arguments: Any, **named: Any) -> Any:
            value = stacked(answer(*arguments, **named))
            return like(example, value, dtype=_floats((*arguments, *named.values())))

        return Verdict(
            True, True, f"{says} The lesson goes on with its results as {_kind(example)}.", converted
        )

    def _named(self, inputs: list[tuple], usual: int, got: list[Outcome], want: list[Outcome]) -> str:
        """The sentence for a wrong answer. The first `usual` inputs are the cases, the rest the traps."""
        for end in (
            len(inputs),
            usual,
        ):  # a mistake in its own words first, then one that fails otherwise too
            if self._all_same(got[:end], want[:end]):
                continue
            for mistake in self.mistakes:
                if self._all_same(got[:end], [self._run(mistake.answer, x) for x in inputs[:end]]):
                    return mistake.says
        wrong = next(k for k, x in enumerate(got) if not x.same(want[k], self.tolerance))
        detail = self._explain(inputs[wrong], got[wrong], want[wrong])
        if wrong >= usual:
            return f"{self.traps[wrong - usual].says} {detail[0].upper()}{detail[1:]}"
        return self._constant(got, want) or self._symptom(inputs[:usual], got, want) or detail

    def _constant(self, got: list[Outcome], want: list[Outcome]) -> str | None:
        first = got[0]
        alike = first.kind is None and all(x.kind is None and same(x.value, first.value, 0.0) for x in got)
        if alike and not all(same(x.value, want[0].value, 0.0) for x in want):
            return f"it gives {show(first.value)} whatever the input."
        return None

    def _symptom(self, cases: list[tuple], got: list[Outcome], want: list[Outcome]) -> str | None:
        """What is wrong with all values in the same way; None where a value is missing or all are right."""
        got, want = got[: len(cases)], want[: len(cases)]
        values = [x.value for x in got]
        if any(x.kind or x.value is None for x in [*got, *want]):
            return None
        if all(same(x.value, y.value, self.tolerance) for x, y in zip(got, want, strict=True)):
            return None  # the gradients are wrong
        return symptoms.name(values, [x.value for x in want], lambda c: self._again(cases, c), self.tolerance)

    def _again(self, cases: list[tuple], change: str) -> list[Any] | None:
        """The reference's values for changed arguments, see `symptoms.name`."""
        if change == "swapped":
            fits = all(len(case) > 1 and shape(case[0]) == shape(case[1]) for case in cases)
            changed = [(case[1], case[0], *case[2:]) for case in cases] if fits else []
        else:
            fits = all(hasattr(case[0], "__neg__") for case in cases)
            changed = [(-case[0], *case[1:]) for case in cases] if fits else []
        outcomes = [self._run(self.reference, case) for case in changed]
        return [x.value for x in outcomes] if fits and not any(x.kind for x in outcomes) else None

    def _all_same(self, got: list[Outcome], want: list[Outcome]) -> bool:
        return all(x.same(y, self.tolerance) for x, y in zip(got, want, strict=True))

    def _right(self, case: tuple) -> Outcome:
        """The reference's outcome; what it raises is a bug of the check, not a verdict."""
        outcome = self._run(self.reference, case)
        if outcome.kind:
            raise RuntimeError(f"the check {self.name} is broken: its reference {outcome.trouble}")
        return outcome

    def _run(self, answer: Answer, case: tuple, without: tuple[str, ...] = ()) -> Outcome:
        given = list(copy.deepcopy(case))
        leaves = [x.clone().requires_grad_(True) for x in given[: self.gradient]]
        given[: self.gradient] = [leaf.clone() for leaf in leaves]
        try:
            with Without(without), np.errstate(all="ignore"):
                result = answer(*given)
            trouble = _trouble(given, case, result)
            if trouble:
                return trouble
            value = stacked(None if result is ... else result)
            loose = value is not result
            if not leaves or value is None:
                return Outcome(detached(value), loose=loose)
            if not getattr(value, "requires_grad", False):
                return Outcome(value, (None,) * len(leaves), loose=loose)
            gradients = torch.autograd.grad(value.sum(), leaves, allow_unused=True)
            return Outcome(value.detach(), tuple(plain(gradient) for gradient in gradients), loose=loose)
        except Exception as error:  # whatever a learner's function raises is a verdict, not a crash
            return _raised(error)

    def _explain(self, case: tuple, got: Outcome, want: Outcome) -> str:
        """One line on the first input that shows the fault."""
        call = f"for {self.name}({', '.join(show(x) for x in case)})"
        value, right = got.value, want.value
        if got.kind:
            return f"{call} {got.trouble}"
        if value is None:
            return f"{call} it returned nothing: is a `return` missing?"
        if self.gradient and same(value, right, self.tolerance):
            place, wrong = next(
                (k, g)
                for k, (g, w) in enumerate(zip(got.gradients, want.gradients, strict=True))
                if not same(g, w, self.tolerance)
            )
            which = f" in argument {place + 1}" if self.gradient > 1 else ""
            why = "is cut (.item(), .detach() or numpy?)" if wrong is None else f"is {show(wrong)}"
            right = show(want.gradients[place])
            return f"{call} the value is right but the gradient{which} {why}; expected {right}."
        if shape(value) != shape(right):
            return f"{call} expected {shape(right)}, got {shape(value)}."
        if not finite(value) and finite(right):
            return f"{call} it gives {show(value)}: NaN or infinity where the answer is {show(right)}."
        return f"{call} expected {show(right)}, got {show(value)}."


def _trouble(given: list, case: tuple, result: Any) -> Outcome | None:
    """What no value makes good: spoiled arguments, a set or a generator for a result."""
    says = {
        "in place": "it changes its arguments in place, and the caller still needs them: work on a copy.",
        "set": "it returns a set, which has no order and holds nothing twice: return a list.",
        "generator": "it returns a generator, which is empty after one reading: return a list.",
    }
    kind = None
    if any(not same(plain(a), plain(b), 0.0) for a, b in zip(given, case, strict=True)):
        kind = "in place"
    elif isinstance(result, (Set, Iterator)):
        kind = "set" if isinstance(result, Set) else "generator"
    return Outcome(trouble=says[kind], kind=kind, always=True) if kind else None


def _raised(error: Exception) -> Outcome:
    text = " ".join(str(error).split())
    if isinstance(error, Used):
        return Outcome(trouble=text, kind=Used, always=True)
    if isinstance(error, RuntimeError) and "numpy() on Tensor that requires grad" in text:
        says = "numpy knows no gradients, and this loss must train a model: use torch's own functions."
        return Outcome(trouble=says, kind="numpy", always=True)
    return Outcome(trouble=f"it raised {type(error).__name__}: {text}", kind=type(error))


def _kind(example: Any) -> str:
    if isinstance(example, (torch.Tensor, np.ndarray)):
        word = "a tensor" if isinstance(example, torch.Tensor) else "an array"
        return f"{word} of {example.dtype}"
    word = f"a{'n' if isinstance(example, int) else ''} {type(example).__name__}"
    return f"{word} of {type(example[0]).__name__}s" if isinstance(example, (list, tuple)) else word


def _floats(arguments: Iterable[Any]) -> torch.dtype | None:
    """The dtype in which torch would combine the floating-point tensors among the arguments."""
    dtypes = [x.dtype for x in arguments if isinstance(x, torch.Tensor) and x.is_floating_point()]
    return functools.reduce(torch.promote_types, dtypes) if dtypes else None
