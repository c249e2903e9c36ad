"""A run's state in one safetensors file, replaced in one instant: a kill at any moment leaves a whole
checkpoint.

Tensors are the trained weights and the optimizer's moments; everything else is JSON in the file's header. No
pickles. No generator state is needed, since `fit` seeds every step by its number.
"""

import json
import os
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim import Optimizer

from rmkit.errors import InputError

NAME = "checkpoint.safetensors"
TEMPORARY = NAME + ".tmp"


def save(folder: Path, network: nn.Module, optimizer: Optimizer, state: dict) -> None:
    """Write folder/checkpoint.safetensors: to a temporary file first, which then takes its place."""
    tensors = {f"weight.{name}": tensor.detach() for name, tensor in _trained(network).items()}
    for number, moments in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": tensor for name, tensor in moments.items()}
    temporary = folder / TEMPORARY
    contiguous = {name: tensor.contiguous().cpu() for name, tensor in tensors.items()}
    save_file(contiguous, temporary, metadata={"state": json.dumps(state)})
    with temporary.open("rb") as written:
        os.fsync(written.fileno())
    os.replace(temporary, folder / NAME)


def check_folder(out: str | Path | None, resume: bool) -> None:
    """An InputError where `out` cannot take a run: it holds something, or nothing to resume."""
    if out is None and resume:
        raise InputError("resume=True needs out=, the folder of the run to go on with.")
    folder = Path(out or "")
    if out is None or not folder.exists() or (resume and (folder / NAME).is_file()):
        return
    if not folder.is_dir():
        raise InputError(f"{folder} is a file; choose a folder to write to.")
    if any(path.name != TEMPORARY for path in folder.iterdir()):
        why = "holds no checkpoint to resume (perhaps its run is finished)" if resume else "is not empty"
        raise InputError(f"The folder {folder} {why}; choose another, or empty it.")


def begin(
    out: str | Path | None, resume: bool, settings: dict, network: nn.Module, optimizer: Optimizer
) -> list[dict]:
    """The rows of the steps already done, their weights put in place; [] and a new folder for a new run."""
    if out is None:
        return []
    folder = Path(out)
    if not (resume and (folder / NAME).is_file()):
        folder.mkdir(parents=True, exist_ok=True)
        return []
    state = load_state(folder)
    check_same(state["settings"], json.loads(json.dumps(settings)), folder)
    load_tensors(folder, network, optimizer)
    return state["history"]


def load_state(folder: Path) -> dict:
    """What `save` was given as state."""
    with safe_open(folder / NAME, "pt") as file:
        return json.loads(file.metadata()["state"])


def load_tensors(folder: Path, network: nn.Module, optimizer: Optimizer) -> None:
    """Put a checkpoint's weights and moments into a network and its optimizer, in place."""
    weights, moments = {}, {}
    with safe_open(folder / NAME, "pt") as file:
        for key in file.keys():  # noqa: SIM118 - a safetensors file, not a dict
            kind, name = key.split(".", 1)
            if kind == "weight":
                weights[name] = file.get_tensor(key)
            else:
                number, moment = name.split(".")
                moments.setdefault(int(number), {})[moment] = file.get_tensor(key)
    trained = _trained(network)
    if weights.keys() != trained.keys():
        odd = sorted(weights.keys() ^ trained.keys())
        raise InputError(
            f"{folder / NAME} is of another model: it differs in {odd[0]} and {len(odd) - 1} more."
        )
    for name, parameter in trained.items():
        parameter.data.copy_(weights[name])
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": moments, "param_groups": groups})


def remove(folder: Path) -> None:
    """Delete the checkpoint of a run that is finished."""
    for name in (NAME, TEMPORARY):
        (folder / name).unlink(missing_ok=True)


def check_same(saved: dict, asked: dict, folder: Path) -> None:
    """A resumed run must be the run that was begun; an InputError says what differs."""
    for name in sorted(saved.keys() | asked.keys()):
        before, now = saved.get(name), asked.get(name)
        if before != now:
            what = "other data or another tokenizer" if name == "data" else f"{name}={now!r}, not {before!r}"
            raise InputError(
                f"Cannot resume {folder}: this run has {what}; repeat the settings of the run, or choose "
                f"another folder."
            )


def _trained(network: nn.Module) -> dict[str, Tensor]:
    return {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
