"""A run's state in one safetensors file, replaced in one instant: a kill at any moment leaves a whole
checkpoint.

Tensors are the trained weights, those of the loss, and the optimizer's moments; everything else is JSON in
the file's header. No pickles. No generator state is needed, since `fit` seeds every step by its number.
(Where weights lie over processes, each writes its part: `sharded_checkpoint.py`.)
"""

import errno
import json
import os
import re
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from rmkit.arguments import argument
from rmkit.errors import InputError
from rmkit.training.objective import tensors_of

SAVE_SECONDS = 300.0  # a checkpoint at least this often, unless save_every says otherwise
NAME = "checkpoint.safetensors"
SHARDED = "checkpoint.json"  # in its place where weights lie over processes: it names a folder of parts
BEST = "best.safetensors"
PARTS = re.compile(r"(checkpoint|best)-\d+|best\.json|\w+\.json\.tmp")  # what a sharded run leaves
LOGS = "logs"  # of trackers that write files
SETTINGS = "settings.json"  # written when a run begins, so that alone it is no result


@dataclass
class State:
    """How far a run is: its rows, and whether it has been stopped before its last step."""

    history: list[dict] = field(default_factory=list)
    stopped: bool = False


@dataclass
class Checkpoint:
    """The file of a run's state: of which modules and which run, in which folder (None: nowhere)."""

    folder: Path | None
    identity: dict
    model: nn.Module
    loss: nn.Module
    optimizer: Optimizer
    saved: int = 0  # rows in the file
    at: float = field(default_factory=time.monotonic)  # when it was saved, or begun
    best: dict[str, Tensor] = field(default_factory=dict)  # the best weights, where there is no folder
    alone = True  # one process can write it, whatever the others do

    def save(self, state: State) -> None:
        """Write folder/checkpoint.safetensors, which takes the place of the one before.

        On a full disk the checkpoint before stays whole, and an InputError says of which step it is.
        """
        tensors = self._weights()
        plain: dict[str, dict] = {}
        kept = self.optimizer.state_dict()
        for number, values in kept["state"].items():
            for name, value in values.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{number}.{name}"] = value
                else:
                    plain.setdefault(str(number), {})[name] = value
        groups = [{k: v for k, v in group.items() if k != "params"} for group in kept["param_groups"]]
        header = asdict(state) | {"identity": self.identity, "optimizer": plain, "groups": groups}
        try:
            self.write(NAME, tensors, header)
        except (OSError, SafetensorError) as error:
            before = f"that of step {self.saved} is whole" if self.saved else "there is none before it"
            raise NotWritten(
                f"The checkpoint of step {len(state.history)} could not be written to {self.folder} "
                f"({reason(error)}), but {before}: make room, then go on with resume=True."
            ) from error
        self.saved, self.at = len(state.history), time.monotonic()

    def due(self, step: int, every: int | None) -> bool:
        """Whether it is time to save: every so many steps, or after SAVE_SECONDS."""
        return step % every == 0 if every else time.monotonic() - self.at > SAVE_SECONDS

    def load(self) -> State:
        """Put weights, moments and rates in place; an InputError where the checkpoint is of another run."""
        header = load_state(self.folder)
        check_same(header["identity"], json.loads(json.dumps(self.identity)), self.folder)
        moments = self._put(self.read(NAME), self.folder / NAME)
        for number, values in header["optimizer"].items():
            moments.setdefault(int(number), {}).update(values)
        present = self.optimizer.state_dict()["param_groups"]
        groups = [now | _like(now, then) for now, then in zip(present, header["groups"], strict=True)]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        self.saved = len(header["history"])
        return State(header["history"], header["stopped"])

    def save_best(self) -> None:
        """Keep the weights as they are beside the checkpoint, or in memory where there is no folder."""
        if self.folder is None:
            self.best = {name: tensor.detach().clone() for name, tensor in self._weights().items()}
            return
        try:
            self.write(BEST, self._weights(), {})
        except (OSError, SafetensorError) as error:
            raise NotWritten(
                f"The best weights could not be written to {self.folder} ({reason(error)}): make room, "
                f"then go on with resume=True."
            ) from error

    def load_best(self) -> None:
        """Put the kept weights in place."""
        self._put(self.best if self.folder is None else self.read(BEST), self.folder)

    def remove(self) -> None:
        """Delete what a finished run does not need."""
        for name in (NAME, BEST):
            for path in (self.folder / name, _temporary(self.folder / name)):
                path.unlink(missing_ok=True)

    def write(self, name: str, tensors: dict[str, Tensor], header: dict) -> None:
        """Write a file of the folder: to a temporary one first, which then takes its place."""
        path, temporary = self.folder / name, _temporary(self.folder / name)
        contiguous = {name: tensor.detach().contiguous().cpu() for name, tensor in tensors.items()}
        try:
            save_file(contiguous, temporary, metadata={"state": json.dumps(header)})
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            os.replace(temporary, path)
        except (OSError, SafetensorError):
            temporary.unlink(missing_ok=True)  # half a file only takes room
            raise

    def read(self, name: str) -> dict[str, Tensor]:
        """The tensors in a file of the folder."""
        with safe_open(self.folder / name, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - no dict

    def _weights(self) -> dict[str, Tensor]:
        tensors = {f"weight.{name}": tensor.detach() for name, tensor in _trained(self.model).items()}
        return tensors | {f"loss.{name}": tensor for name, tensor in tensors_of(self.loss).items()}

    def _put(self, tensors: dict[str, Tensor], path: Path | None) -> dict[int, dict[str, Tensor]]:
        """Weights into the modules, in place; the moments that are among the tensors."""
        found: dict[str, dict[str, Tensor]] = {"weight": {}, "loss": {}, "optimizer": {}}
        for key, tensor in tensors.items():
            kind, name = key.split(".", 1)
            found[kind][name] = tensor
        for kind, into in (("weight", _trained(self.model)), ("loss", tensors_of(self.loss))):
            odd = sorted(found[kind].keys() ^ into.keys())
            if odd:
                what = f"it differs in {odd[0]} and {len(odd) - 1} more"
                raise InputError(f"{path} is of another {'model' if kind == 'weight' else 'loss'}: {what}.")
            with torch.no_grad():
                for name, tensor in into.items():
                    tensor.copy_(found[kind][name])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, tensor in found["optimizer"].items():
            number, name = key.split(".", 1)
            moments.setdefault(int(number), {})[name] = tensor
        return moments


class NotWritten(InputError):
    """A file of a run could not be written; what was there before is whole."""


def begin(checkpoint: Checkpoint, resume: bool, settings: dict) -> State:
    """The state to go on from, its weights put in place; an empty one, and a new folder, for a new run."""
    folder = checkpoint.folder
    if folder is None:
        return State()
    if resume and where(folder):
        return checkpoint.load()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWritten(f"The folder {folder} cannot be made: {error.strerror}.") from error
    text = json.dumps(settings, indent=2, ensure_ascii=False) + "\n"
    (folder / SETTINGS).write_text(text, encoding="utf-8")
    return State()


def check_folder(out: str | Path | None, resume: bool) -> None:
    """An InputError where `out` cannot take a run: it holds something, or nothing to resume."""
    if out is None and resume:
        raise InputError("resume=True needs out=, the folder of the run to go on with.")
    folder = Path(argument("out", out or "", kind=Path))
    if out is None or not folder.exists() or (resume and where(folder)):
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; choose a folder to write to.")
    begun = {SETTINGS, LOGS, _temporary(Path(NAME)).name, _temporary(Path(BEST)).name, BEST}
    there = {path.name for path in folder.iterdir() if not PARTS.fullmatch(path.name)}
    if there <= begun:  # nothing, or a run that ended before its first checkpoint
        return
    if not resume and where(folder):
        raise InputError(f"The folder {folder} holds a run to resume; go on with resume=True, or empty it.")
    why = "holds no checkpoint to resume (perhaps its run is finished)" if resume else "is not empty"
    raise InputError(f"The folder {folder} {why}; choose another, or empty it.")


def where(folder: Path) -> Path | None:
    """The file of the checkpoint in a folder, of either kind; None where there is none."""
    return next((folder / name for name in (NAME, SHARDED) if (folder / name).is_file()), None)


def load_state(folder: Path) -> dict:
    """What the header of a checkpoint holds."""
    path = where(folder)
    if path.name == SHARDED:
        return json.loads(path.read_text(encoding="utf-8"))
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["state"])


def check_same(saved: dict, asked: dict, folder: Path) -> None:
    """A resumed run must be the run that was begun; an InputError says what differs."""
    for name in sorted(saved.keys() | asked.keys()):
        before, now = saved.get(name), asked.get(name)
        if before != now:
            what = f"{name}={now!r}, not {before!r}"
            if isinstance(now, str) and "#" in now:  # an identity: a digest says nothing to a reader
                what = f"another {name} than the one it was begun with ({str(before).split('#')[0]})"
            what = {"data": "other data or another tokenizer", "held out": "other held-out data"}.get(
                name, what
            )
            raise InputError(
                f"Cannot resume {folder}: this run has {what}; repeat the settings of the run, or choose "
                f"another folder."
            )


def reason(error: Exception) -> str:
    """Why a file could not be written, in words."""
    full = getattr(error, "errno", None) == errno.ENOSPC or "os error 28" in str(error)
    return "the disk is full" if full else str(error)


def _temporary(path: Path) -> Path:
    return path.with_name(path.name + ".tmp")


def _like(now: dict, then: dict) -> dict:
    """What JSON kept of a parameter group, with its tuples again."""
    return {name: tuple(value) if isinstance(now.get(name), tuple) else value for name, value in then.items()}


def _trained(network: nn.Module) -> dict[str, Tensor]:
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
