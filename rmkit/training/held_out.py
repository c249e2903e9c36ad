"""Held-out preferences, measured during training and reported on at its end; each process scores its part."""

import math
import warnings

import torch
from accelerate import Accelerator
from torch import Tensor

from rmkit.data.preferences import Preferences, prompt_key
from rmkit.data.stored_records import labels_alone
from rmkit.evaluation.comparisons import judged_ranks
from rmkit.evaluation.report import Report, check_labeled, evaluate
from rmkit.evaluation.steps import evaluate_steps
from rmkit.models.packing import batches
from rmkit.theory import losses
from rmkit.training.batching import Examples, forget_unread, labels_of, missing, weights_of
from rmkit.training.objective import Objective
from rmkit.training.settings import Settings


class HeldOut:
    """Preferences to evaluate on, encoded and checked before the first step.

    Raises InputError where `evaluate` would, or where they lack what the held-out loss needs although the
    settings choose weights by it.
    """

    def __init__(
        self,
        model,
        preferences: Preferences,
        trained_on: Preferences,
        objective: Objective,
        settings: Settings,
        accelerator: Accelerator,
    ):
        check_labeled(preferences)
        _say_what_is_shared(trained_on, preferences)
        self.model, self.preferences, self.objective = model, preferences, objective
        self.accelerator, self.budget = accelerator, settings.tokens_per_batch
        self.every = settings.evaluate_every
        groups, self.encoding = model.encode(preferences, training=False, steps=objective.by_step)
        records = labels_alone(preferences.records)
        labels = labels_of(records, objective, settings.aspect)
        if objective.by_step and "step_labels" in labels:
            forget_unread(labels["step_labels"], groups)
        absent = [name for name in objective.needs if name not in labels]
        if absent and (settings.keep_best or settings.stop_after):
            raise missing(absent[0], objective, preferences)
        weights = torch.zeros(len(records))
        if not absent:
            weights = weights_of(records, labels, objective, settings.weighting)
        self.examples = Examples(groups, labels, weights, model.costs(groups), self.encoding)

    def due(self, row: dict, steps: int) -> bool:
        """Whether the weights after this row are to be measured, and have not been."""
        now = self.every and (row["step"] % self.every == 0 or row["step"] == steps)
        return bool(now) and "held_out_loss" not in row

    @torch.no_grad()
    def measure(self) -> dict[str, float]:
        """{"held_out_loss", "held_out_accuracy"} of the present weights; NaN where labels are missing.

        The accuracy is that of ordered pairs, or of judged steps where the loss takes steps.
        """
        rewards, read = self._rewards()
        labels, weights = self.examples.at(range(len(rewards)), read)
        was_training = self.objective.training
        self.objective.eval()
        values = [
            self.objective(rewards[i], read[i], {name: column[i] for name, column in labels.items()})
            for i in torch.arange(len(rewards), device=read.device).split(4096)
            if weights.any()
        ]
        self.objective.train(was_training)
        loss = (weights * torch.cat(values)).sum() / weights.sum() if values else math.nan
        if self.objective.by_step:
            judged = read & ~labels["step_labels"].isnan()
            right = ((rewards > 0) == labels["step_labels"].bool())[judged].float()
        else:
            gaps = rewards[:, :, None] - rewards[:, None, :]
            right = ((gaps.sign() + 1) / 2)[losses.pairs(self._ranks(read), read)]
        return {"held_out_loss": float(loss), "held_out_accuracy": float(right.mean())}

    def report(self) -> Report:
        """The report of the weights as they are."""
        report = evaluate(self, self.preferences)
        if self.objective.by_step:
            report.steps = evaluate_steps(self, self.preferences)
        return report

    # What `evaluate` and `evaluate_steps` ask of a model.

    def encode(self, preferences: Preferences, *, training: bool = False):
        """The groups, encoded once before the run, and what was cut."""
        return self.examples.groups, self.encoding

    def score_all(self, preferences: Preferences) -> list[Tensor]:
        """(K,) float32 rewards of each record, of steps the last, the same on every process."""
        rewards, read = self._rewards()
        if not self.objective.by_step:
            return [row[known].cpu() for row, known in zip(rewards, read, strict=True)]
        return [
            torch.stack(
                [
                    each[known][-1] if known.any() else each.new_zeros(())
                    for each, known in zip(r, m, strict=True)
                ]
            )[: len(record.responses)].cpu()
            for r, m, record in zip(rewards, read, labels_alone(self.preferences.records), strict=True)
        ]

    def score_steps(self, preferences: Preferences) -> list[list[Tensor]]:
        """As RewardModel.score_steps."""
        rewards, read = self._rewards()
        rewards = rewards.masked_fill(~read, math.nan).cpu()
        found = zip(rewards, self.examples.groups, strict=True)
        return [[row[: len(s)] for row, s in zip(rows, group.steps, strict=False)] for rows, group in found]

    @torch.no_grad()
    def _rewards(self) -> tuple[Tensor, Tensor]:
        """(N, K) float32 rewards, or (N, K, S) of steps; 0 where there is none; and where there is one."""
        groups, device = self.examples.groups, self.model.device
        records = labels_alone(self.preferences.records)
        shape = [len(groups), max(len(record.responses) for record in records)]
        if self.objective.by_step:
            shape.append(max(1, max(len(row) for record in records for row in record.steps)))
        rewards, read = torch.zeros(shape, device=device), torch.zeros(shape, device=device)
        was_training = self.model.training
        self.model.eval()
        parts = batches(self.examples.sizes, self.budget)
        for first in range(0, len(parts), self.accelerator.num_processes):
            # Every process makes every pass, as sharded weights ask; one beyond the last is not kept.
            number = first + self.accelerator.process_index
            indices = parts[min(number, len(parts) - 1)]
            batch = self.model.batch([groups[i] for i in indices])
            found = self.model(batch)
            if number < len(parts):
                place = (torch.tensor(indices, device=device), *map(slice, batch.read.shape[1:]))
                rewards[place], read[place] = found, batch.read.float()
        self.model.train(was_training)
        return self.accelerator.reduce(rewards, "sum"), self.accelerator.reduce(read, "sum") > 0

    def _ranks(self, mask: Tensor) -> Tensor:
        width = mask.shape[1]
        rows = [judged_ranks(record) for record in labels_alone(self.preferences.records)]
        return torch.tensor([row + [0] * (width - len(row)) for row in rows], device=mask.device)


def best_step(history: list[dict]) -> int | None:
    """The step of the lowest held-out loss so far, the first of equals; None where none was measured."""
    measured = [(row["held_out_loss"], row["step"]) for row in history if "held_out_loss" in row]
    known = [pair for pair in measured if math.isfinite(pair[0])]
    return min(known)[1] if known else None


def stalled(history: list[dict], patience: int | None) -> bool:
    """Whether the last `patience` measured losses brought nothing below the lowest before them."""
    best = best_step(history)
    later = [row for row in history if "held_out_loss" in row and row["step"] > (best or 0)]
    return patience is not None and len(later) >= patience


def _say_what_is_shared(trained: Preferences, held_out: Preferences) -> None:
    seen = {prompt_key(record) for record in trained}
    shared = sum(prompt_key(record) in seen for record in held_out)
    if shared:
        warnings.warn(
            f"{shared:,} of the {len(held_out):,} groups to evaluate on have a prompt that was trained on: "
            f"this accuracy says little (see Preferences.split).",
            stacklevel=5,
        )
