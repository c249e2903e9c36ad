"""`fit`: one training loop for reward models, on accelerate.

It runs unchanged in a notebook, under `accelerate launch` or `torchrun` (one process for each GPU), and in
`notebook_launcher`. A run is a list of steps made before it begins, and every step has its own seed: so a run
can be killed anywhere and resumed to the same weights, and the number of processes or the size of a batch
changes only rounding.
"""

import contextlib
import inspect
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast_object_list
from torch.optim import Optimizer

from rmkit.arguments import argument, check_model, seen
from rmkit.data.preferences import Preferences, as_preferences
from rmkit.errors import InputError
from rmkit.models.packing import budget
from rmkit.models.reward_model import RewardModel
from rmkit.theory import losses
from rmkit.training import checkpoint, sharding
from rmkit.training.batching import Examples, plan, prepare, split_step
from rmkit.training.checkpoint import Checkpoint, NotWritten, State
from rmkit.training.held_out import HeldOut, best_step, stalled
from rmkit.training.identity import identity
from rmkit.training.launch import (
    ctrl_c_waits,
    launch,
    leaves_no_state,
    prepared,
    random_numbers_kept,
    seed_step,
    tracked,
)
from rmkit.training.objective import Objective
from rmkit.training.progress import Progress, Sums, check_finite
from rmkit.training.run import Run
from rmkit.training.schedule import default_lr, make_optimizer, rates, set_rates
from rmkit.training.settings import DEFAULTS, HARMLESS, Settings, described
from rmkit.training.sharded_checkpoint import ShardedCheckpoint

ONCE = (
    "epochs={}: reward models tend to overfit after one epoch (Llama 2, 2023, section 3.2.2); watch the loss "
    "on held-out prompts."
)


@leaves_no_state
def fit(
    model: RewardModel,
    preferences: Preferences,
    *,
    evaluate: Preferences | None = None,
    out: str | Path | None = None,
    resume: bool = False,
    callback: Callable[[dict], bool | None] | None = None,
    optimizer: Optimizer | Callable[[list[dict]], Optimizer] | None = None,
    accelerator: Accelerator | None = None,
    settings: Settings | None = None,
    **changes,
) -> Run:
    """Train a reward model on preferences, in place.

    preferences, evaluate   what to learn from and to evaluate on: Preferences, or what `load` takes
    out           folder for the model, its card README.md, history.csv, ledger.json, report.json, and
                  checkpoints meanwhile
    resume        go on from the checkpoint in `out`; on a CPU to the same weights, bit for bit
    callback      called with each row of the history as it is made; the run stops where it returns False
    optimizer     one of your own, or what makes one from parameter groups; the schedule scales its rates
    accelerator   one of your own, with trackers for example
    settings      a `Settings`; the names below change it

    {SETTINGS}

    Other names are options of the loss (smoothing=0.2). However a run ends, by Ctrl-C, an error or a full
    disk, a checkpoint in `out` goes on with resume=True.
    Raises InputError, before the first step: where a setting cannot be, where a column that the loss needs
    is missing, where no group is left, where `out` is not empty or, resuming, holds another run. And later,
    where the loss is no longer a number.
    """
    check_model(model, "parameters", "fit")
    check_model(model, "encode", "fit")
    checkpoint.check_folder(out, resume)
    folder = Path(out) if out else None
    if not isinstance(settings, Settings | None):
        raise InputError(f"settings is {seen(settings)}; give rmkit.Settings(lr=1e-5), or lr=1e-5 itself.")
    settings = (settings or Settings()).but(**changes)
    callback = callback if callback is None else argument("callback", callback, kind=Callable)
    if settings.evaluate_every and evaluate is None:
        raise InputError("evaluate_every needs evaluate=, the preferences to look at during training.")
    objective = Objective(settings.loss, settings.options)
    preferences = as_preferences(preferences)
    accelerator, precision = launch(accelerator, model, settings, folder)
    share = (accelerator.process_index, accelerator.num_processes)
    objective.to(model.device)
    examples = prepare(model, preferences, objective, settings)
    own, settings = optimizer, _settled(settings, model, examples, precision, optimizer)
    optimizer = make_optimizer(own, model, objective, settings)
    held_out = None
    if evaluate is not None:
        held_out = HeldOut(model, as_preferences(evaluate), preferences, objective, settings, accelerator)
    size = (settings.tokens_per_step, settings.groups_per_step)
    steps = plan(examples.sizes, settings.epochs, *size, settings.seed)
    shares = rates(settings, len(steps))
    if settings.epochs > 1:
        warnings.warn(ONCE.format(settings.epochs), stacklevel=3)
    kind = ShardedCheckpoint if settings.shard else Checkpoint
    same = _identity(settings, own, model, examples, held_out)
    keep = kind(folder, same, model, objective, optimizer)
    recorded = {name: identity(value) for name, value in settings.to_dict().items()}
    state = checkpoint.begin(keep, resume, recorded)  # with the rows of the steps already done
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    main, fresh = accelerator.is_main_process, False
    writes = bool(folder) and (main or settings.shard)  # of sharded weights each process writes its part

    model.train()
    with (
        prepared(accelerator, model, settings.checkpointing) as network,
        tracked(accelerator, recorded, state.history[:-1]),
        Progress(len(steps), max(0, len(state.history) - 1), settings.progress and main) as shown,
        random_numbers_kept(model.device),
        _saved_when_interrupted(keep, state, main),
    ):
        while True:
            # Look at the weights as they are: evaluate, keep the best, tell, save, stop.
            done = len(state.history)
            if done:
                row = state.history[-1]
                if held_out and held_out.due(row, len(steps)):
                    row |= held_out.measure()
                better = settings.keep_best and best_step(state.history) == done
                state.stopped |= stalled(state.history, settings.stop_after)
                if better and (writes or not folder):
                    keep.save_best()
                accelerator.log(row, step=done)
                shown.show(row)
                if fresh:
                    state.stopped |= _asked_to_stop(callback, row, accelerator)
                if fresh and writes and (better or keep.due(done, settings.save_every)):
                    keep.save(state)
            if state.stopped or done == len(steps):
                break

            # One step: the gradient of all its groups, in batches that fit into memory, then the update.
            started = time.perf_counter()
            seed_step(settings.seed, done, accelerator.process_index)
            set_rates(optimizer, shares[done])
            optimizer.zero_grad()
            total = float(examples.weights[steps[done]].sum())
            sums = Sums(model.device)
            parts = split_step(steps[done], examples.sizes, settings.tokens_per_batch, *share)
            for indices, factor, exchange in parts:
                batch = model.batch([examples.groups[i] for i in indices])
                labels, weights = examples.at(indices, batch.read, factor)
                with contextlib.nullcontext() if exchange else accelerator.no_sync(network):
                    with torch.autocast(model.device.type, torch.bfloat16, settings.precision == "bf16"):
                        rewards = network(batch)  # (G, K) float32, or (G, K, S) for steps
                    values = objective(rewards, batch.read, labels)  # (G,)
                    final = batch.final(rewards)  # (G, K)
                    pull = settings.centering * losses.centered(final, batch.mask, labels["ranks"])
                    # sum(w * loss) / sum(w) over the step: in any batch and process a group weighs the same.
                    part = (weights * (values + pull)).sum() / total
                    accelerator.backward(part * accelerator.num_processes)  # over which it averages
                sums.add(weights * values, final, batch, labels["ranks"], factor)
            objective.share_gradients(accelerator)
            norm = sharding.clip(accelerator, trained, settings.clip)
            row = {"step": done + 1, "epoch": settings.epochs * (done + 1) / len(steps)}
            row |= sums.row(accelerator, total) | objective.shown()
            row |= {
                "lr": optimizer.param_groups[0]["lr"],
                "grad_norm": float(norm),
                "groups": len(steps[done]),
            }
            check_finite(row, len(steps))
            with ctrl_c_waits():
                optimizer.step()
                row["tokens/s"] = row["tokens"] / (time.perf_counter() - started)
                state.history.append(row)
            fresh = True

    set_rates(optimizer, 1.0)  # an optimizer of the caller's has its own rates again
    if writes and keep.saved < len(state.history):
        keep.save(state)  # whatever happens from here on, the run need not be repeated
    accelerator.wait_for_everyone()
    kept = best_step(state.history) if settings.keep_best else None
    if kept:
        keep.load_best()
    history = pd.DataFrame(state.history)
    run = Run(model, history, examples.ledger, None, folder, settings, kept or len(history), preferences)
    if writes:
        model.save(folder)
    if folder and main:
        run.save(objective.learned())
    if held_out:
        run.report, run.held_out = held_out.report(), held_out.preferences
    if folder and main:
        if run.report:
            run.report.save(folder / "report.json")
        run.page(folder / "README.md")
        keep.remove()
    accelerator.wait_for_everyone()
    return run


def _settled(
    settings: Settings, model: RewardModel, examples: Examples, precision: str, own: object
) -> Settings:
    """The settings with every default as a number."""
    tokens, lr = settings.tokens_per_step, settings.lr
    if not settings.groups_per_step and not tokens:
        tokens = min(16_384, max(1, sum(examples.sizes) // 25))
    if lr is None and own is None:
        lr = default_lr(model)
    batch = settings.tokens_per_batch or budget(model.device)
    return replace(settings, tokens_per_step=tokens, lr=lr, tokens_per_batch=batch, precision=precision)


def _identity(
    settings: Settings, own: object, model: RewardModel, examples: Examples, held_out: HeldOut | None
) -> dict:
    """What makes two runs the same: everything that changes the result, and nothing else."""
    dials = {name: identity(value) for name, value in settings.to_dict().items() if name not in HARMLESS}
    optimizer = (type(own), own.defaults) if isinstance(own, Optimizer) else own
    watched = held_out.examples.fingerprint() if held_out and settings.evaluate_every else None
    return dials | {
        "model": model.name,
        "data": examples.fingerprint(),
        "held out": watched,
        "optimizer": identity(optimizer),
    }


def _asked_to_stop(callback: Callable | None, row: dict, accelerator: Accelerator) -> bool:
    """Whether the callback, which the main process calls, has returned False."""
    if callback is None:
        return False
    answer = callback(dict(row)) if accelerator.is_main_process else None
    stop = [isinstance(answer, bool | np.bool_) and not answer]
    if accelerator.num_processes > 1:
        broadcast_object_list(stop)
    return stop[0]


@contextlib.contextmanager
def _saved_when_interrupted(keep: Checkpoint, state: State, main: bool) -> Iterator[None]:
    """Ctrl-C, an error, a loss that is no number: the steps that are done are saved first.

    Not where weights lie over processes: a part alone is no checkpoint, and the others may be elsewhere.
    """
    try:
        yield
    except NotWritten:
        raise
    except BaseException as error:
        if keep.folder and main:
            if keep.alone and len(state.history) > keep.saved:
                keep.save(state)
            if keep.saved:
                error.add_note(
                    f"The checkpoint of step {keep.saved} is in {keep.folder}: resume=True goes on from it."
                )
        raise


def _with_settings(function: Callable) -> None:
    """Give `fit` the settings as parameters and lines of documentation, so that help and Tab show them."""
    own = [p for p in inspect.signature(function).parameters.values() if p.kind is not p.VAR_KEYWORD]
    kind = inspect.Parameter.KEYWORD_ONLY
    dials = [inspect.Parameter(name, kind, default=default) for name, default in DEFAULTS.items()]
    options = inspect.Parameter("options", inspect.Parameter.VAR_KEYWORD)
    function.__signature__ = inspect.Signature([*own, *dials, options], return_annotation=Run)
    function.__doc__ = (function.__doc__ or "").replace("    {SETTINGS}", described())


_with_settings(fit)
