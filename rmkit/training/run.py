"""What a run leaves: the model, its history, its ledger, its report; and the folder that holds them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from safetensors.torch import save_file
from torch import Tensor

from rmkit.data.ledger import Ledger
from rmkit.data.preferences import Preferences
from rmkit.evaluation.report import Report
from rmkit.models.reward_model import RewardModel
from rmkit.training.settings import Settings


@dataclass
class Run:
    """What `fit` did.

    model    the trained model (the same object that was given)
    history  one row a step: step, epoch, loss, accuracy, margin, reward_mean, reward_std, reward_min,
             reward_max, pairs, tokens, lr, grad_norm, groups, tokens/s; held_out_loss and held_out_accuracy
             where it was evaluated; loss.NAME for a number that the loss learns
    ledger   what became of the rows
    report   of the preferences given as evaluate=, else None
    out      the folder that was written, or None
    settings   the dials, with every default as the number that was used
    kept     the step whose weights the model has
    data, held_out   what it learned from, and the preferences given as evaluate=
    """

    model: RewardModel
    history: pd.DataFrame
    ledger: Ledger
    report: Report | None = None
    out: Path | None = None
    settings: Settings | None = None
    kept: int | None = None
    data: Preferences | None = None
    held_out: Preferences | None = None

    def page(
        self, path: str | Path, *, seeds: Sequence["Run"] = (), says: dict[str, str] | None = None
    ) -> Path:
        """Write the Reward Report: what the model says about itself. An .html file is one page that stands
        alone, an .md file a model card, as in `out`. seeds, says: see `reward_report`."""
        from rmkit.training.reward_report.report import reward_report

        return reward_report(self, seeds=seeds, says=says).save(path)

    def figure(self):
        """A plotly figure of the history: loss, accuracy and rewards by step."""
        from rmkit.training import figures  # plotly is not needed to train

        return figures.figure(self)

    def _ipython_display_(self) -> None:
        from rmkit.notebook import page

        page.show(self)

    def save(self, learned: dict[str, Tensor]) -> None:
        """Write history.csv and ledger.json, and what a loss has learned, to `out`, beside the model."""
        self.history.to_csv(self.out / "history.csv", index=False)
        ledger = json.dumps(self.ledger.to_dict(), indent=2, ensure_ascii=False)
        (self.out / "ledger.json").write_text(ledger + "\n", encoding="utf-8")
        if learned:
            tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in learned.items()}
            save_file(tensors, self.out / "loss.safetensors")

    def _repr_html_(self) -> str:
        from rmkit.notebook.page import fold

        history = self.history.to_html(border=0, escape=True, max_rows=40, index=False)
        parts = [fold(f"History: {self!r}", history)]
        parts += [self.ledger._repr_html_(), self.report._repr_html_() if self.report else ""]
        return "".join(parts)

    def __repr__(self) -> str:
        first, last = self.history.iloc[0], self.history.iloc[-1]
        kept = f", weights of step {self.kept}" if self.kept not in (None, len(self.history)) else ""
        return f"Run({len(self.history)} steps, loss {first['loss']:.3f} to {last['loss']:.3f}{kept})"
