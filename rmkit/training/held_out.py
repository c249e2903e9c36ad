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
from rmkit.models.packing import batches
from rmkit.theory import losses
from rmkit.training.batching import Examples, labels_of, missing, weights_of
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
        groups, self.encoding = model.encode(preferences, training=False)
        records = labels_alone(preferences.records)
        labels = labels_of(records, objective, settings.aspect)
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
        """{"held_out_loss", "held_out_accuracy"} of the present weights; NaN where the loss lacks labels."""
        rewards, mask = self._rewards()
        labels, weights = self.examples.at(range(len(rewards)), mask)
        was_training = self.objective.training
        self.objective.eval()
        values = [
            self.objective(rewards[i], mask[i], {name: column[i] for name, column in labels.items()})
            for i in torch.arange(len(rewards), device=mask.device).split(4096)
            if weights.any()
        ]
        self.objective.train(was_training)
        loss = (weights * torch.cat(values)).sum() / weights.sum() if values else math.nan
        ranks = self._ranks(mask)
        right = (((rewards[:, :, None] - rewards[:, None, :]).sign() + 1) / 2)[losses.pairs(ranks, mask)]
        return {"held_out_loss": float(loss), "held_out_accuracy": float(right.mean())}

    def report(self) -> Report:
        """The report of the weights as they are."""
        return evaluate(self, self.preferences)

    # What `evaluate` asks of a model.

    def encode(self, preferences: Preferences, *, training: bool = False):
        """The groups, encoded once before the run, and what was cut."""
        return self.examples.groups, self.encoding

    def score_all(self, preferences: Preferences) -> list[Tensor]:
        """(K,) float32 rewards of each record, the same on every process."""
        rewards, mask = self._rewards()
        return [row[known].cpu() for row, known in zip(rewards, mask, strict=True)]

    @torch.no_grad()
    def _rewards(self) -> tuple[Tensor, Tensor]:
        """(N, K) float32 rewards, 0 where there is no response, and their mask."""
        groups, device = self.examples.groups, self.model.device
        counts = torch.tensor(
            [len(record.responses) for record in labels_alone(self.preferences.records)], device=device
        )
        rewards = torch.zeros(len(groups), int(counts.max()), device=device)
        was_training = self.model.training
        self.model.eval()
        parts = batches(self.examples.sizes, self.budget)
        for indices in parts[self.accelerator.process_index :: self.accelerator.num_processes]:
            found = self.model.rewards(self.model.batch([groups[i] for i in indices]))
            rewards[torch.tensor(indices, device=device), : found.shape[1]] = found
        self.model.train(was_training)
        mask = torch.arange(rewards.shape[1], device=device) < counts[:, None]
        return self.accelerator.reduce(rewards, "sum"), mask

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
