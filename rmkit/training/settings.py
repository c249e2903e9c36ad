"""Settings: every dial of a run, once. From here come the signature of `fit`, the flags of the command line,
`--config FILE`, the recorded settings.json, and what makes two runs the same run."""

import difflib
import json
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import Field, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from rmkit.arguments import argument, seen
from rmkit.errors import InputError


def _said(words: str, kind: type | None = None, **rules) -> dict:
    """What is known of a setting: its sentence, the kind of its value, its range, its choices.

    rules: least, most and above (the range); choices; changes_results=False: a resumed run may change it.
    """
    return {"words": words, "kind": kind, "changes_results": True, **rules}


_OF_NO_VALUE = ("words", "changes_results")  # what `_said` knows beside the rules of a value


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The dials of a run. Raises InputError, before anything else is done, where a value cannot be.

    `options` go to the loss (smoothing=0.2); everywhere outside this class they stand among the settings.
    """

    loss: str | Callable = field(
        default="bradley-terry",
        metadata=_said("a name of `rmkit.losses`, or a function or module whose parameters name columns"),
    )
    weighting: str = field(
        default="group",
        metadata=_said(
            "group: each prompt counts once; pair: each of its pairs does", choices=("group", "pair")
        ),
    )
    aspect: str | None = field(
        default=None, metadata=_said("which rating, for losses that need `ratings`", str)
    )
    centering: float = field(
        default=0.0,
        metadata=_said("coefficient of (r_w + r_l)^2, which pulls rewards to mean 0", float, least=0),
    )
    epochs: int = field(
        default=1,
        metadata=_said(
            "passes over the data; more than one usually overfits, and a warning says so", int, least=1
        ),
    )
    groups_per_step: int | None = field(
        default=None,
        metadata=_said("what one update learns from, at most so many groups, or ...", int, least=1),
    )
    tokens_per_step: int | None = field(
        default=None,
        metadata=_said(
            "... about so many tokens; default 16,384, or what gives an epoch about 25 steps", int, least=1
        ),
    )
    lr: float | None = field(
        default=None,
        metadata=_said("peak learning rate of AdamW; default by the size of the model", float, least=0),
    )
    loss_lr: float = field(
        default=0.01,
        metadata=_said("peak learning rate of parameters that the loss itself has", float, least=0),
    )
    warmup: float = field(
        default=0.1, metadata=_said("share of the steps in which the rate rises", float, least=0, most=1)
    )
    decay: str = field(
        default="linear",
        metadata=_said(
            "how the rate falls after that: linear, cosine, or constant (not at all)",
            choices=("linear", "cosine", "constant"),
        ),
    )
    schedule: Callable | None = field(
        default=None,
        metadata=_said(
            "a function (step, steps) -> share of the peak rate, instead of warmup and decay", Callable
        ),
    )
    weight_decay: float = field(
        default=0.0,
        metadata=_said("AdamW's, of matrices alone: not of norms, biases, or the loss", float, least=0),
    )
    clip: float = field(
        default=1.0, metadata=_said("largest norm of a step's gradient; inf: any", float, above=0)
    )
    seed: int = field(default=0, metadata=_said("of the order of the groups and of dropout", int))
    precision: str | None = field(
        default=None,
        metadata=_said(
            "bf16 (weights stay float32) or no; default: what accelerate was launched with, else no",
            choices=("no", "bf16"),
        ),
    )
    evaluate_every: int | None = field(
        default=None,
        metadata=_said(
            "steps between looks at the held-out loss and accuracy; default: a report at the end only",
            int,
            least=1,
        ),
    )
    keep_best: bool = field(
        default=False,
        metadata=_said("end with the weights of the lowest held-out loss, not with the last", bool),
    )
    stop_after: int | None = field(
        default=None,
        metadata=_said(
            "stop after so many looks without a lower held-out loss; default: never", int, least=1
        ),
    )
    tokens_per_batch: int | None = field(
        default=None,
        metadata=_said(
            "what one forward pass holds, evaluation too; default 8,192 on a GPU, 2,048 on a CPU",
            int,
            least=1,
            changes_results=False,
        ),
    )
    shard: bool = field(
        default=False,
        metadata=_said("weights, gradients and moments in parts over the processes, for large models", bool),
    )
    checkpointing: bool = field(
        default=False,
        metadata=_said(
            "keep each layer's input alone and compute it again backward: less memory, a third more work",
            bool,
            changes_results=False,
        ),
    )
    save_every: int | None = field(
        default=None,
        metadata=_said(
            "steps between checkpoints; default: every 5 minutes", int, least=1, changes_results=False
        ),
    )
    log: str | None = field(
        default=None,
        metadata=_said(
            "a tracker that accelerate knows: tensorboard, wandb, trackio ...", str, changes_results=False
        ),
    )
    progress: bool = field(
        default=True,
        metadata=_said("show a bar, or lines where there is no terminal", bool, changes_results=False),
    )
    options: dict = field(default_factory=dict, metadata=_said("of the loss", dict))

    def __post_init__(self):
        object.__setattr__(self, "options", dict(self.options))
        for one in fields(self):
            object.__setattr__(self, one.name, checked(one, getattr(self, one.name)))
        if self.groups_per_step and self.tokens_per_step:
            raise InputError("groups_per_step and tokens_per_step both say how large a step is; give one.")
        if (self.keep_best or self.stop_after) and not self.evaluate_every:
            which = "keep_best" if self.keep_best else "stop_after"
            raise InputError(f"{which} needs evaluate_every=, the steps between looks at held-out data.")
        if self.schedule and (self.warmup, self.decay) != (DEFAULTS["warmup"], DEFAULTS["decay"]):
            raise InputError("schedule= takes the place of warmup and decay; leave those out.")

    def but(self, **changes) -> "Settings":
        """The same settings with changes; what is no setting is an option of the loss."""
        known = {name: value for name, value in changes.items() if name in DEFAULTS}
        options = {name: value for name, value in changes.items() if name not in DEFAULTS}
        if "loss" in known:  # another loss has other options
            return replace(self, **{"options": options} | known)
        return replace(self, **{"options": self.options | options} | known)

    def to_dict(self) -> dict[str, Any]:
        """Name and value of every setting and option, as they are."""
        return {name: getattr(self, name) for name in DEFAULTS} | self.options


DEFAULTS = {one.name: one.default for one in fields(Settings) if one.name != "options"}
HARMLESS = {one.name for one in fields(Settings) if not one.metadata["changes_results"]}


def described(indent: str = "    ") -> str:
    """One line for each setting: its name and its sentence."""
    return "\n".join(
        f"{indent}{one.name:<18}{one.metadata['words']}" for one in fields(Settings) if one.name in DEFAULTS
    )


def unknown(name: str, others: Iterable[str], loss: object) -> InputError:
    """The error for a word that is neither a setting nor an option of the loss."""
    near = difflib.get_close_matches(name, [*DEFAULTS, *others], n=1, cutoff=0.6)
    hint = f"; did you mean {near[0]}?" if near else f" (its options: {', '.join(others) or 'none'})."
    return InputError(f"fit has no argument {name!r}, nor has the loss {loss!r}{hint}")


def read(path: str | Path) -> dict[str, Any]:
    """The settings in a .json or .toml file, such as a run's settings.json."""
    path = Path(path)
    if path.suffix not in (".json", ".toml"):
        raise InputError(f"{path} is no settings file: end its name in .json or .toml.")
    if not path.is_file():
        raise InputError(f"There is no settings file {path}.")
    try:
        text = path.read_text(encoding="utf-8")
        values = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except (UnicodeDecodeError, json.JSONDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(f"{path} is not {path.suffix[1:].upper()}: {error}.") from error
    if not isinstance(values, dict):
        raise InputError(f'{path} must hold one object, such as {{"lr": 1e-5}}.')
    return values


def checked(setting: Field, value: Any) -> Any:
    """A value for this field of Settings, a number as a plain one; an InputError where it cannot be."""
    if value is None and setting.default is None:
        return None
    if setting.name == "loss" and not (isinstance(value, str) or callable(value)):
        raise InputError(f"loss is {seen(value)}; it must be a name, a function or a module.")
    rules = {name: rule for name, rule in setting.metadata.items() if name not in _OF_NO_VALUE}
    return argument(setting.name, value, **rules)
