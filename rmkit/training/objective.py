"""A loss, and the columns that its parameters name: what `fit` minimises."""

import functools
import inspect
import math
import types
from collections.abc import Callable, Mapping

import torch
from accelerate import Accelerator
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from rmkit.errors import InputError
from rmkit.theory import losses
from rmkit.training.identity import learnable
from rmkit.training.settings import unknown

# Which column of a record gives which argument of a loss.
COLUMNS = {
    "ranks": "ranks",
    "margin": "strength",
    "strength": "strength",
    "ratings": "ratings",
    "correct": "correct",
    "share": "share",
    "step_labels": "step_labels",
}
ALWAYS = ("rewards", "mask")


class Objective(nn.Module):
    """A loss bound to its columns and options; its parameters, where it has some, are trained with the model.

    loss is a name of `rmkit.losses`, or any callable or module whose parameters are `rewards` (G, K), `mask`
    (G, K), columns (see COLUMNS) and options. needs: the columns that it must have; may: those with a
    default, which it takes where the data have them. Raises InputError for an unknown loss, for an option
    that it lacks, and for a parameter that names nothing.
    """

    def __init__(self, loss: str | Callable, options: Mapping = types.MappingProxyType({})):
        super().__init__()
        self.name = loss if isinstance(loss, str) else getattr(loss, "__qualname__", type(loss).__qualname__)
        # Not as a submodule: `own` is, and what a module has is saved once.
        self.__dict__["function"] = losses.get(loss) if isinstance(loss, str) else loss
        self.own = _module_of(self.function)  # the part of it that learns, if any
        self.options = dict(options)
        self.placed, arguments = _arguments(self.function, self.name)
        for option in options:
            if option not in arguments or option in ALWAYS:
                raise unknown(option, [name for name, default in arguments.items() if default], self.name)
            if isinstance(loss, str) and not _is_number(options[option]):
                raise InputError(f"{option} is {options[option]!r}; the loss {loss!r} takes a finite number.")
        self.always = [name for name in ALWAYS if name in arguments]
        unbound = {name: arguments[name] for name in arguments if name not in (*options, *ALWAYS)}
        self.needs = tuple(name for name, default in unbound.items() if not default)
        self.may = tuple(name for name, default in unbound.items() if default and name in COLUMNS)
        for name in self.needs:
            if name not in COLUMNS:
                raise InputError(
                    f"fit cannot train with the loss {self.name!r}: it needs `{name}`; a loss may name "
                    f"rewards, mask, {', '.join(COLUMNS)}."
                )
        if self.function is losses.quantile:
            raise InputError("fit cannot train with 'quantile': it needs several rewards for each response.")
        _refuse_hidden(self.function, self.own, self.options, self.name)

    @property
    def by_step(self) -> bool:
        """Whether it takes a reward for each step, rewards and mask (G, K, S), not for each response."""
        return "step_labels" in self.needs

    @property
    def kind(self) -> str | None:
        """The loss of `rmkit.losses` that says how groups weigh; None: any group with a label counts once."""
        function = self.function
        while isinstance(function, functools.partial):
            function = function.func
        names = [name for name, known in losses.LOSSES.items() if known is function]
        like = "bradley-terry" if "ranks" in self.needs else None
        return names[0] if names else getattr(function, "like", like)

    def forward(self, rewards: Tensor, mask: Tensor, labels: Mapping[str, Tensor]) -> Tensor:
        """(G,) float32, one number a group. labels may hold more columns than the loss takes.

        A scalar stands for the mean of its groups: each of them takes it. Soft labels (`share`) go through
        `losses.under_shares`, unless the loss takes them itself.
        """
        known = {name: labels[name] for name in (*self.needs, *self.may) if name in labels}
        if "share" not in labels or "share" in known or "ranks" not in known:
            values = self._call(rewards, mask, **known)
        else:
            values = losses.under_shares(self._per_group, rewards, mask, share=labels["share"], **known)
        return self._checked(values, len(rewards)).float().expand(len(rewards))

    def shown(self) -> dict[str, float]:
        """The loss's own parameters that are one number, for the history: {"loss.log_nu": 0.1}."""
        own = self.own.named_parameters() if self.own is not None else ()
        return {f"loss.{name}": value.item() for name, value in own if value.numel() == 1}

    def learned(self) -> dict[str, Tensor]:
        """What a loss that learns has learned, by its own names."""
        return {} if self.own is None else tensors_of(self.own)

    def share_gradients(self, accelerator: Accelerator) -> None:
        """The mean over processes of the gradients of the loss's parameters, as of the model's."""
        for parameter in self.parameters() if accelerator.num_processes > 1 else ():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            parameter.grad = accelerator.reduce(parameter.grad, "mean")

    def _call(self, rewards: Tensor, mask: Tensor, **known: Tensor) -> Tensor:
        always = {name: {"rewards": rewards, "mask": mask}[name] for name in self.always}
        given = always | known | {name: _beside(rewards, value) for name, value in self.options.items()}
        return self.function(*[given.pop(name) for name in self.placed], **given)

    def _per_group(self, rewards: Tensor, mask: Tensor, **known: Tensor) -> Tensor:
        values = self._checked(self._call(rewards, mask, **known), len(rewards))
        if values.dim() == 0:
            raise InputError(
                f"The loss {self.name!r} gives one number for all groups, and these groups have votes "
                f"(`share`): return one number a group, or take `share` as a parameter."
            )
        return values

    def _checked(self, values: object, groups: int) -> Tensor:
        if not isinstance(values, Tensor) or tuple(values.shape) not in ((), (groups,)):
            what = f"shape {tuple(values.shape)}" if isinstance(values, Tensor) else type(values).__name__
            raise InputError(
                f"The loss {self.name!r} gives a result of {what} for {groups} groups; it must be a tensor "
                f"with one number a group, shape ({groups},), or their mean, shape ()."
            )
        if torch.is_grad_enabled() and not values.requires_grad:
            raise InputError(
                f"The result of the loss {self.name!r} has no gradient: compute it from the rewards in "
                f"torch, without detach() or item()."
            )
        return values


def _beside(rewards: Tensor, option: object) -> object:
    return option.to(rewards.device) if isinstance(option, Tensor) else option


def tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, each once."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


def loss_options() -> dict[str, tuple[type, str]]:
    """{option: (kind, sentence)} of the numbers that losses of `rmkit.losses` can be given."""
    found: dict[str, tuple[type, str]] = {}
    for loss, function in losses.LOSSES.items():
        for p in inspect.signature(function).parameters.values():
            if p.default is not p.empty and not (p.default is None and "Tensor" in str(p.annotation)):
                kind = int if "int" in str(p.annotation) else float
                found[p.name] = (kind, f"of the loss {loss}; default {p.default}")
    return found


def _is_number(value: object) -> bool:
    """Whether a loss of ours can compute with it: None stands for its default, a tensor for many numbers."""
    if value is None or isinstance(value, Tensor):
        return True
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _arguments(function: Callable, name: str) -> tuple[list[str], dict[str, bool]]:
    """(arguments to pass by place, {every argument: whether it has a default})."""
    if isinstance(function, type):
        raise InputError(f"The loss {name!r} is a class; give an instance, such as {name}().")
    try:
        parameters = inspect.signature(_plain(function)).parameters.values()
    except ValueError:  # a function of C
        raise InputError(
            f"The loss {name!r} does not say what its parameters are; wrap it in a def."
        ) from None
    parameters = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    if "rewards" not in [p.name for p in parameters]:
        raise InputError(
            f"The loss {name!r} has no parameter called rewards; write it as def loss(rewards, mask, ranks)."
        )
    placed = [p.name for p in parameters if p.kind is p.POSITIONAL_ONLY]
    return placed, {p.name: p.default is not p.empty for p in parameters}


def _plain(function: Callable) -> Callable:
    """The function, with `forward` in place of a module: a module's own call names no parameters."""
    if isinstance(function, functools.partial):
        return functools.partial(_plain(function.func), *function.args, **function.keywords)
    return function.forward if isinstance(function, nn.Module) else function


def _module_of(function: Callable) -> nn.Module | None:
    """The module inside a loss: itself, below a partial, or the one that a method belongs to."""
    while isinstance(function, functools.partial):
        function = function.func
    owner = getattr(function, "__self__", function)
    return owner if isinstance(owner, nn.Module) else None


def _refuse_hidden(function: Callable, own: nn.Module | None, options: Mapping, name: str) -> None:
    """Parameters that a loss keeps where `fit` would neither train nor save them."""
    if own is not None and any(map(is_lazy, own.parameters())):
        raise InputError(
            f"The loss {name!r} has a lazy parameter, whose shape is not known yet: call it once first."
        )
    found = {id(parameter) for parameter in own.parameters()} if own is not None else set()
    if any(id(tensor) not in found for tensor in learnable((function, options))):
        raise InputError(
            f"The loss {name!r} keeps a tensor that is to be learned; make the loss an nn.Module that has it "
            f"as a parameter, as losses.Davidson has its nu, and give that module."
        )
