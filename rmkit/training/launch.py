"""accelerate for a run: which device, precision, processes and trackers, and what of it `fit` refuses."""

import contextlib
import functools
import os
import random
import signal
import threading
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers
from accelerate.utils import parse_flag_from_env
from torch import nn
from transformers import PreTrainedModel

from rmkit.errors import InputError
from rmkit.models.reward_model import RewardModel
from rmkit.training import sharding
from rmkit.training.checkpoint import LOGS
from rmkit.training.settings import Settings

PRECISIONS = ("no", "bf16")


def leaves_no_state(function: Callable) -> Callable:
    """accelerate keeps its state for the whole process; what a call of the function puts there goes with it.

    So a run decides nothing for an Accelerator, or a notebook_launcher, that comes after it.
    """

    @functools.wraps(function)
    def call(*values, **named):
        fresh = not AcceleratorState._shared_state
        try:
            return function(*values, **named)
        finally:
            if fresh:
                AcceleratorState._reset_state()

    return call


def launch(
    own: Accelerator | None, model: RewardModel, settings: Settings, out: Path | None
) -> tuple[Accelerator, str]:
    """(accelerator, precision of this run). Raises InputError for everything that would change the gradient
    silently."""
    _refuse_other_engines()
    accelerator = own or _new(settings, out)
    precision = settings.precision
    if own is None:  # what another Accelerator of this process was told is not for this run
        accelerator.native_amp, accelerator.scaler = False, None
        asked = os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    else:
        asked = own.mixed_precision
        if settings.log:
            raise InputError(
                "log= and accelerator= both choose trackers; give Accelerator(log_with=...) alone."
            )
        if precision not in (None, asked):
            raise InputError(
                f"precision is {precision!r}, but the accelerator computes in {asked!r}; make it with "
                f"Accelerator(mixed_precision={precision!r}), or leave one of them out."
            )
    precision = precision or asked
    if precision not in PRECISIONS:
        raise InputError(f"accelerate is set to {precision}, which fit does not compute in; use bf16 or no.")
    _refuse(accelerator, model, settings)
    if settings.shard and dist.is_initialized():  # else there is one process, and one part
        sharding.shard(model, accelerator, precision)
    elif accelerator.num_processes > 1 or accelerator.device_placement:
        model.to(accelerator.device)
    return accelerator, precision


def _new(settings: Settings, out: Path | None) -> Accelerator:
    if not settings.log:
        return Accelerator(device_placement=False)
    if settings.log not in LOGGER_TYPE_TO_CLASS:
        known = ", ".join(LOGGER_TYPE_TO_CLASS)
        raise InputError(f"log is {settings.log!r}; accelerate knows the trackers {known}.")
    if settings.log not in [str(tracker) for tracker in get_available_trackers()]:
        raise InputError(
            f"log={settings.log!r} needs a package that is not installed: pip install {settings.log}."
        )
    if out is None and LOGGER_TYPE_TO_CLASS[settings.log].requires_logging_directory:
        raise InputError(f"log={settings.log!r} writes files: give out=, the folder of the run.")
    return Accelerator(device_placement=False, log_with=settings.log, project_dir=out)


def _other_engine(name: str) -> InputError:
    return InputError(
        f"accelerate is set to split weights with {name}; leave that out of its configuration "
        f"(distributed_type: MULTI_GPU) and give fit shard=True (--shard), which does it with PyTorch alone."
    )


def _refuse_other_engines() -> None:
    """What `accelerate launch` was told; before an Accelerator is made, which might lack a package for it."""
    for name in ("FSDP", "DEEPSPEED", "MEGATRON_LM", "PARALLELISM_CONFIG"):
        if parse_flag_from_env(f"ACCELERATE_USE_{name}"):
            raise _other_engine(name)


def _refuse(accelerator: Accelerator, model: RewardModel, settings: Settings) -> None:
    for name in ("fsdp", "deepspeed", "megatron_lm"):
        if getattr(accelerator.state, f"{name}_plugin", None):
            raise _other_engine(name.upper())
    if sharding.is_sharded(model):
        raise InputError(
            f"The weights of {model.name} lie over processes, from the run before: load the folder that it "
            f"wrote, then train that."
        )
    if model.device.type == "meta" and not settings.shard:
        raise InputError(f"Only the first process has the weights of {model.name}: give fit shard=True too.")
    if settings.checkpointing and not model.classifier.supports_gradient_checkpointing:
        kind = model.classifier.config.model_type
        raise InputError(f"transformers cannot compute a {kind} again for checkpointing=True; leave it out.")
    launched = int(os.environ.get("WORLD_SIZE", 1))
    if launched != accelerator.num_processes:
        raise InputError(
            f"{launched} processes were launched, but accelerate sees {accelerator.num_processes}: on CPUs, "
            f"set ACCELERATE_USE_CPU=true for torchrun."
        )
    if accelerator.gradient_accumulation_steps != 1:
        raise InputError(
            f"accelerate is set to gradient_accumulation_steps={accelerator.gradient_accumulation_steps}, "
            f"which would divide every gradient: leave it at 1, and use groups_per_step."
        )
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    if not trained:
        raise InputError("The model has no parameter to train: all of them have requires_grad=False.")
    half = next((p.dtype for p in trained if p.dtype in (torch.bfloat16, torch.float16)), None)
    if half:
        raise InputError(
            f"The weights to train are {str(half).removeprefix('torch.')}, which rounds small updates away: "
            f"load the model with dtype=torch.float32 and train it with precision='bf16'."
        )


@contextlib.contextmanager
def prepared(accelerator: Accelerator, model: RewardModel, checkpointing: bool) -> Iterator[nn.Module]:
    """The model as accelerate wraps it; itself, where its weights lie over processes.

    However training ends, the model is itself again, not training, and the accelerator has let go of it.
    """
    network = model if sharding.is_sharded(model) else accelerator.prepare_model(model)
    try:
        with _computed_again(model.classifier) if checkpointing else contextlib.nullcontext():
            yield network
    finally:
        accelerator._models[:] = [kept for kept in accelerator._models if kept is not network]
        accelerator.unwrap_model(network, keep_fp32_wrapper=False).eval()


@contextlib.contextmanager
def _computed_again(classifier: PreTrainedModel) -> Iterator[None]:
    """Activation checkpointing: of each layer only the input is kept, and the rest made again backward."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # version 5.23 gave the methods longer names
        classifier.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    try:
        yield
    finally:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            classifier.gradient_checkpointing_disable()


@contextlib.contextmanager
def tracked(accelerator: Accelerator, settings: dict, history: list[dict]) -> Iterator[None]:
    """Trackers that know the settings and the rows so far; those begun here are finished here.

    A resumed run tells its whole history again, so that a tracker has one without a gap.
    """
    begun = not accelerator.trackers
    plain = {
        name: value if isinstance(value, str | int | float) else str(value)
        for name, value in settings.items()
    }
    if begun and accelerator.log_with:
        again = {"tensorboard": {"purge_step": 0}}  # rows that an interrupted run wrote beyond its checkpoint
        accelerator.init_trackers(LOGS, config=plain, init_kwargs=again)
    elif accelerator.is_main_process:
        for tracker in accelerator.trackers:
            tracker.store_init_configuration(plain)
    for row in history:
        accelerator.log(row, step=row["step"])
    try:
        yield
    finally:
        if begun:
            for tracker in accelerator.trackers:
                tracker.finish()
            accelerator.trackers = []


def seed_step(seed: int, number: int, process: int) -> None:
    """Fix the random numbers of a step, those of dropout: a resumed run needs no generator's state."""
    torch.manual_seed(random.Random(f"{seed} {number} {process}").getrandbits(63))


@contextlib.contextmanager
def random_numbers_kept(device: torch.device) -> Iterator[None]:
    """The caller's random numbers are untouched by what happens inside."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


@contextlib.contextmanager
def ctrl_c_waits() -> Iterator[None]:
    """Ctrl-C inside takes effect at the end: weights, moments and history change together or not at all."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *call: came.append(call))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if came:
        handler(*came[0])
