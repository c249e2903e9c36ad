"""`fit`: one training loop for reward models, on accelerate.

It runs unchanged in a notebook, under `accelerate launch` or `torchrun` (one process for each GPU), and in
`notebook_launcher`. A run is a list of steps made before it begins, and every step has its own seed: so a run
can be killed anywhere and resumed to the same weights, and the number of processes or the size of a batch
changes only rounding.
"""

import contextlib
import json
import os
import random
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from accelerate import Accelerator, DistributedType
from torch import Tensor, nn

from rmkit.data.ledger import Ledger
from rmkit.data.preferences import Preferences, prompt_key
from rmkit.errors import InputError
from rmkit.evaluation.report import Report
from rmkit.evaluation.report import evaluate as evaluate_model
from rmkit.models.packing import budget
from rmkit.models.reward_model import RewardModel
from rmkit.theory import losses
from rmkit.training import checkpoint
from rmkit.training.batching import Examples, needs_of, plan, prepare, split_step
from rmkit.training.progress import Progress, Sums, check_finite
from rmkit.training.schedule import default_lr, rate

SAVE_SECONDS = 300.0  # a checkpoint at least this often, unless save_every says otherwise


@dataclass
class Run:
    """What `fit` did.

    model    the trained model (the same object that was given)
    history  one row a step: step, epoch, loss, accuracy, margin, lr, grad_norm, groups, pairs, tokens,
             tokens/s
    ledger   what became of the rows
    report   of the preferences given as evaluate=, else None
    out      the folder that was written, or None
    """

    model: RewardModel
    history: pd.DataFrame
    ledger: Ledger
    report: Report | None = None
    out: Path | None = None

    def figure(self):
        """A plotly figure of the history: loss, accuracy and rewards by step."""
        from rmkit.training import figures

        return figures.figure(self)

    def _ipython_display_(self) -> None:
        from rmkit.notebook import page

        page.show(self)

    def _repr_html_(self) -> str:
        from rmkit.notebook.page import fold

        history = self.history.to_html(border=0, escape=True, max_rows=40, index=False)
        parts = [fold(f"History: {self!r}", history)]
        parts += [self.ledger._repr_html_(), self.report._repr_html_() if self.report else ""]
        return "".join(parts)

    def __repr__(self) -> str:
        first, last = self.history.iloc[0], self.history.iloc[-1]
        return f"Run({len(self.history)} steps, loss {first['loss']:.3f} to {last['loss']:.3f})"


def fit(
    model: RewardModel,
    preferences: Preferences,
    *,
    loss: str | Callable[..., Tensor] = "bradley-terry",
    weighting: str = "group",
    epochs: int = 1,
    lr: float | None = None,
    warmup: float = 0.1,
    decay: str = "linear",
    weight_decay: float = 0.0,
    clip: float = 1.0,
    groups_per_step: int | None = None,
    tokens_per_step: int | None = None,
    tokens_per_batch: int | None = None,
    centering: float = 0.0,
    aspect: str | None = None,
    evaluate: Preferences | None = None,
    seed: int = 0,
    out: str | Path | None = None,
    resume: bool = False,
    save_every: int | None = None,
    precision: str | None = None,
    callback: Callable[[dict], None] | None = None,
    progress: bool = True,
    accelerator: Accelerator | None = None,
    **options: float,
) -> Run:
    """Train a reward model on preferences, in place.

    loss          a name of `rmkit.losses`, or a function of that shape; `options` go to it (smoothing=0.2)
    weighting     "group": each prompt counts once; "pair": each of its pairs does
    epochs        more than one usually overfits, and a warning says so
    lr            peak learning rate of AdamW; the default goes by size, see `rmkit.schedule.default_lr`
    warmup, decay       share of steps with a rising rate, then "linear", "cosine" or "constant"
    clip          largest norm of a step's gradient
    groups_per_step     what one update learns from, in groups, or ...
    tokens_per_step     ... in tokens; default 16,384, or less so that an epoch has about 25 steps
    tokens_per_batch    what one forward pass holds (memory only); default 8,192 on a GPU, 2,048 on a CPU
    centering     coefficient of (r_w + r_l)^2, which pulls rewards to mean 0
    aspect        which rating, for losses that need `ratings`
    evaluate      preferences to evaluate on at the end
    out           folder for the model, history.csv, ledger.json, report.json, and checkpoints meanwhile
    resume        go on from the checkpoint in `out`; on a CPU to the same weights, bit for bit
    save_every    steps between checkpoints; default: every 5 minutes
    precision     "bf16" or "no"; default: what accelerate is configured for
    callback      called with each row of the history as it is made, for live figures
    accelerator   one of your own, with trackers for example

    Raises InputError where a column that the loss needs is missing, where no group is left, where `out` is
    not empty (or, resuming, holds another run), and where the loss is no longer a number.
    """
    checkpoint.check_folder(out, resume)
    if epochs < 1:
        raise InputError(f"epochs is {epochs}; train for 1 or more.")
    needs = needs_of(loss, options)
    examples = prepare(model, preferences, loss, needs, weighting, aspect)
    accelerator = _ready(accelerator or Accelerator(device_placement=False), model)
    if not groups_per_step and not tokens_per_step:
        tokens_per_step = min(16_384, max(1, sum(examples.sizes) // 25))
    settings = {
        "model": model.name, "layout": model.layout, "data": examples.fingerprint(), "seed": seed,
        "loss": getattr(loss, "__name__", loss), "weighting": weighting, "aspect": aspect, **options,
        "lr": default_lr(model) if lr is None else lr, "warmup": warmup, "decay": decay, "epochs": epochs,
        "groups_per_step": groups_per_step, "tokens_per_step": tokens_per_step, "centering": centering,
        "tokens_per_batch": tokens_per_batch or budget(model.device),
        "weight_decay": weight_decay, "clip": clip, "precision": precision or accelerator.mixed_precision,
    }  # fmt: skip
    steps = plan(examples.sizes, epochs, tokens_per_step, groups_per_step, seed)
    rates = [settings["lr"] * rate(number, len(steps), warmup, decay) for number in range(len(steps))]
    if epochs > 1:
        warnings.warn(
            f"epochs={epochs}: reward models tend to overfit after one epoch (Llama 2, 2023, section 3.2.2); "
            f"watch the loss on held-out prompts.",
            stacklevel=2,
        )
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=settings["lr"], weight_decay=weight_decay)
    history = checkpoint.begin(out, resume, settings, model, optimizer)  # rows of the steps already done
    network, optimizer = accelerator.prepare(model, optimizer)
    function = losses.get(loss) if isinstance(loss, str) else loss
    learner = _Learner(model, network, examples, function, needs, options, settings)

    model.train()
    saved = time.perf_counter()
    shown = Progress(len(steps), len(history), progress and accelerator.is_main_process)
    with shown, _random_numbers_kept(model.device), _ended(accelerator, network):
        for number in range(len(history), len(steps)):
            started = time.perf_counter()
            _seed_step(seed, number, accelerator.process_index)
            optimizer.param_groups[0]["lr"] = rates[number]
            optimizer.zero_grad()
            means = learner.backward(steps[number], accelerator)
            norm = accelerator.clip_grad_norm_(trained, clip)
            row = {"step": number + 1, "epoch": epochs * (number + 1) / len(steps), **means}
            row |= {"lr": rates[number], "grad_norm": float(norm), "groups": len(steps[number])}
            check_finite(row, len(steps))
            optimizer.step()
            row["tokens/s"] = row["tokens"] / (time.perf_counter() - started)
            history.append(row)
            accelerator.log(row, step=number + 1)
            if accelerator.is_main_process:
                shown.show(row)
                if callback:
                    callback(row)
            late = time.perf_counter() - saved > SAVE_SECONDS
            due = (number + 1) % save_every == 0 if save_every else late
            if out and due and number + 1 < len(steps) and accelerator.is_main_process:
                checkpoint.save(Path(out), model, optimizer, {"settings": settings, "history": history})
                saved = time.perf_counter()
    report = _evaluate(model, preferences, evaluate) if evaluate is not None else None
    run = Run(model, pd.DataFrame(history), examples.ledger, report, Path(out) if out else None)
    if out and accelerator.is_main_process:
        _write(run)
    accelerator.wait_for_everyone()
    return run


@dataclass
class _Learner:
    """The gradient of one step."""

    model: RewardModel
    network: nn.Module  # the model, as accelerate wraps it
    examples: Examples
    loss: Callable[..., Tensor]
    needs: tuple[str, ...]
    options: dict
    settings: dict

    def backward(self, step: list[int], accelerator: Accelerator) -> dict[str, float]:
        """Add the gradient of  sum(w * loss) / sum(w)  over all groups of a step; its means.

        The sums run over the step's batches and over processes. So a group weighs the same whatever the size
        of its batch, and whichever process has it.
        """
        examples, settings, processes = self.examples, self.settings, accelerator.num_processes
        total = float(examples.weights[step].sum())
        sums = Sums(self.model.device)
        share = (accelerator.process_index, processes)
        parts = split_step(step, examples.sizes, settings["tokens_per_batch"], *share)
        for number, (indices, factor) in enumerate(parts, 1):
            batch = self.model.batch([examples.groups[i] for i in indices])
            labels, weights = examples.at(indices, batch.mask, factor)
            known = {name: labels[name] for name in self.needs}
            last = number == len(parts)  # then processes exchange their gradients
            with contextlib.nullcontext() if last else accelerator.no_sync(self.network):
                with torch.autocast(batch.mask.device.type, torch.bfloat16, settings["precision"] == "bf16"):
                    rewards = self.network(batch)  # (G, K) float32
                values = self.loss(rewards, batch.mask, **known, **self.options)  # (G,)
                pull = settings["centering"] * losses.centered(rewards, batch.mask, labels["ranks"])
                part = (weights * (values + pull)).sum() / total
                accelerator.backward(part * processes)  # which averages over processes
            sums.add(weights * values, rewards, batch, labels["ranks"], factor)
        return sums.row(accelerator, total)


def _ready(accelerator: Accelerator, model: RewardModel) -> Accelerator:
    if accelerator.distributed_type in (DistributedType.FSDP, DistributedType.DEEPSPEED):
        raise InputError(
            f"fit does not split weights over processes ({accelerator.distributed_type.value}); launch it "
            f"with plain data parallelism, or train adapters (lora=)."
        )
    launched = int(os.environ.get("WORLD_SIZE", 1))
    if launched != accelerator.num_processes:
        raise InputError(
            f"{launched} processes were launched, but accelerate sees {accelerator.num_processes}: on CPUs, "
            f"set ACCELERATE_USE_CPU=true for torchrun."
        )
    if accelerator.num_processes > 1:
        model.to(accelerator.device)
    return accelerator


def _seed_step(seed: int, number: int, process: int) -> None:
    # Of dropout. Every step has its own: a resumed run needs no state of generators.
    torch.manual_seed(random.Random(f"{seed} {number} {process}").getrandbits(63))


@contextlib.contextmanager
def _random_numbers_kept(device: torch.device):
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


@contextlib.contextmanager
def _ended(accelerator: Accelerator, network: nn.Module):
    """However training ends, the model is itself again: without accelerate's wrapper, and not training."""
    try:
        yield
    finally:
        accelerator.unwrap_model(network, keep_fp32_wrapper=False).eval()


def _evaluate(model: RewardModel, trained: Preferences, held_out: Preferences) -> Report:
    seen = {prompt_key(record) for record in trained}
    shared = sum(prompt_key(record) in seen for record in held_out)
    if shared:
        warnings.warn(
            f"{shared:,} of the {len(held_out):,} groups to evaluate on have a prompt that was trained on: "
            f"this accuracy says little (see Preferences.split).",
            stacklevel=3,
        )
    return evaluate_model(model, held_out)


def _write(run: Run) -> None:
    run.model.save(run.out)
    run.history.to_csv(run.out / "history.csv", index=False)
    ledger = json.dumps(run.ledger.to_dict(), indent=2, ensure_ascii=False)
    (run.out / "ledger.json").write_text(ledger + "\n", encoding="utf-8")
    if run.report:
        run.report.save(run.out / "report.json")
    checkpoint.remove(run.out)
