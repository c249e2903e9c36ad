"""What is recorded of a run: the model, its data, its settings and its steps, as tables and sentences."""

import hashlib
import json
import platform
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers

from rmkit.data.preferences import Preferences, prompt_key
from rmkit.models.hub import OFFLINE
from rmkit.models.reward_model import RewardModel
from rmkit.training.identity import identity
from rmkit.training.reward_report.document import Part, Table
from rmkit.training.reward_report.evaluation import share
from rmkit.training.reward_report.pictures import curves

MOST = 400  # points of a curve


def base_model(model: RewardModel) -> str | None:
    """The Hub id that a model was loaded by, for the head of a card; None for a folder or a shipped model."""
    if model.name in OFFLINE:
        return OFFLINE[model.name][0]
    return model.name if model.name.count("/") == 1 and model.name[0] not in "./~" else None


def made_with(model: RewardModel, trained: bool) -> dict[str, str]:
    """Name and value of what the model is and what it was made with.   trained: by a run that is known."""
    said = repr(model).removeprefix("RewardModel(").removesuffix(")")
    if trained:
        said = said.replace(", new head of", ", before this run a new head of", 1)
    folder = Path(model.name)
    return {
        "model": said.replace(model.name, folder.name, 1) if folder.is_dir() else said,
        "longest text": f"{model.max_length:,} tokens of prompt and response",
        "device": str(model.device),
        "Python, torch, transformers": f"{platform.python_version()}, {torch.__version__}, "
        f"{transformers.__version__}",
    }


def data_table(trained: Preferences | None, evaluated: Preferences | None) -> Table:
    """What the run learned from and what it was measured on, side by side."""
    known = {"learned from": trained, "evaluated on": evaluated}
    columns = {name: _described(data) for name, data in known.items() if data is not None}
    return Table(pd.DataFrame(columns), "Data")


def _described(data: Preferences) -> dict[str, str]:
    sizes, prompts, groups, people, longer = Counter(), set(), set(), set(), []
    digest = hashlib.sha256()
    for record in data:
        lengths = list(map(len, record.responses))
        longer += [(np.sign(lengths[i] - lengths[j]) + 1) / 2 for i, j in record.pairs()]
        sizes[len(lengths)] += 1
        key = prompt_key(record)
        prompts.add(key)
        groups.add(hash((key, *sorted(record.responses))))
        digest.update(json.dumps([key, record.responses, record.ranks, record.correct]).encode())
        people |= {record.annotator} - {None}
    return {
        "name": data.name,
        "digest of prompts, answers and labels": digest.hexdigest()[:12],
        "groups": f"{len(data):,}, of which {len(groups):,} are different",
        "prompts": f"{len(prompts):,}",
        "answers to a prompt": ", ".join(f"{k} ({n:,})" for k, n in sorted(sizes.items())),
        "ordered pairs": f"{len(longer):,}",
        "the longer answer is preferred": share(np.mean(longer)) if longer else "no ordered pairs",
        "annotators": f"{len(people):,}" if people else "the data do not name them",
        "subsets": f"{len(data.subsets):,}" if data.subsets else "the data name none",
        "ledger": data.ledger.line(),
    }


def shared_prompts(trained: Preferences | None, evaluated: Preferences | None) -> str:
    """A sentence on whether the evaluation asks what was trained on."""
    if trained is None or evaluated is None:
        return "Whether the two share prompts was not measured."
    seen = {prompt_key(record) for record in trained}
    shared = sum(prompt_key(record) in seen for record in evaluated)
    if not shared:
        return "No prompt of the evaluation was trained on."
    return (
        f"{shared:,} of the {len(evaluated):,} groups evaluated on have a prompt that was trained on: the "
        f"accuracy below says little."
    )


def steps(run) -> list[Part]:
    """How the run went: a sentence with first and last losses, the curve, and every setting."""
    history = run.history
    few = max(1, len(history) // 10)
    first, last = (part["loss"].mean() for part in (history[:few], history[-few:]))
    said = [
        f"{len(history):,} steps, {history['pairs'].sum():,} pairs, {history['tokens'].sum():,} tokens. "
        f"The training loss went from {first:.3f} to {last:.3f} (means of the first and last {few:,} steps)."
    ]
    if run.kept not in (None, len(history)):
        said.append(f"The weights are those of step {run.kept:,}, where the held-out loss was lowest.")
    if run.settings and (run.settings.keep_best or run.settings.stop_after):
        said.append(
            "When to stop, or which step to keep, was chosen on the very data of the evaluation: its "
            "accuracy is somewhat too good."
        )
    said.append(f"What became of the rows that it learned from: {run.ledger.line()}.")
    lines = {"loss, training": _points(history, "loss")}
    if "held_out_loss" in history and history["held_out_loss"].notna().any():
        lines["loss, held out"] = _points(history, "held_out_loss")
    parts: list[Part] = [*said, curves(lines, f"The loss over {len(history):,} steps.")]
    if run.settings:
        dials = {name: str(identity(value)) for name, value in run.settings.to_dict().items()}
        table = pd.DataFrame.from_dict({"value": dials}, orient="columns")
        parts.append(Table(table, "Every setting, with the defaults that were used", folded=True))
    return parts


def _points(history: pd.DataFrame, name: str) -> tuple[list[float], list[float]]:
    known = history[np.isfinite(pd.to_numeric(history[name]))]
    known = known.iloc[:: max(1, len(known) // MOST)]
    return known["step"].astype(float).tolist(), known[name].astype(float).tolist()
