"""`make pocket-model`: train the pocket language models from nothing, and write them with their cards.

One run gives both: at the end of its first sitting no text has yet judged an answer at one word, and the
weights of that step are kept as the plain model.

python -m rmkit.pocket.language_model [--out FOLDER] [--processes 2]
"""

import argparse
import hashlib
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
from transformers import LlamaForCausalLM

from rmkit.models.hub import quiet
from rmkit.paths import data_folder
from rmkit.pocket import model_card, policy_model, pretraining, probes, samples, tokenizer

MODEL, PLAIN = "model", "plain"  # folders
HISTORY = "history.csv"
CHECKSUMS = "checksums.txt"


class Watch:
    """Probes, prints and saves while the model learns; the history is part of the model's folder."""

    def __init__(self, folder: Path, encoder: tokenizer.Encoder, plain_at: int, examples: int = 200):
        self.folder, self.encoder, self.plain_at = folder, encoder, plain_at
        self.examples, self.rows = examples, []

    def __call__(self, step: int, model: LlamaForCausalLM, loss: float, seconds: float) -> None:
        found = probes.probe(model, self.encoder, self.examples)
        self.rows.append({"step": step, "seconds": round(seconds), "loss": round(loss, 4), **found})
        told = "  ".join(f"{name} {found[name]:.2f}" for name in (*probes.PROBES, "grade_spearman"))
        print(f"step {step:5d}  {seconds:5.0f} s  loss {loss:.3f}  {told}", flush=True)
        for name in (MODEL, PLAIN)[: 1 + (step <= self.plain_at)]:
            with quiet():
                model.save_pretrained(self.folder / name)
            self.encoder.tokenizer.save_pretrained(self.folder / name)
            pd.DataFrame(self.rows).to_csv(self.folder / name / HISTORY, index=False)


def checksums(folder: Path) -> str:
    """As sha256sum writes and checks them: every file but this one."""
    names = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != CHECKSUMS)
    return "".join(f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names)


def finish(folder: Path, recipe: pretraining.Recipe) -> None:
    """The card from the history, and the checksums."""
    history = pd.read_csv(folder / HISTORY)
    model = LlamaForCausalLM.from_pretrained(folder)
    card = model_card.card(model, recipe, history)
    (folder / "README.md").write_text(card, encoding="utf-8")
    (folder / CHECKSUMS).write_text(checksums(folder), encoding="utf-8")


def main(arguments: list[str] | None = None) -> None:
    recipe = pretraining.Recipe()
    parser = argparse.ArgumentParser(
        prog="python -m rmkit.pocket.language_model", description="Train the pocket language model."
    )
    parser.add_argument("--out", type=Path, default=data_folder() / "pocket")
    parser.add_argument("--every", type=int, default=500, help="steps between two probes")
    for name, value in asdict(recipe).items():
        if isinstance(value, tuple):
            continue
        flag = f"--{name.replace('_', '-')}"
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(value), default=value)
    options = vars(parser.parse_args(arguments))
    folder, every = options.pop("out"), options.pop("every")
    recipe = replace(recipe, **options)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    start = time.perf_counter()
    print("Training the tokenizer; then the model: about an hour on two idle cores.", flush=True)
    words = tokenizer.train()
    for name in (MODEL, PLAIN):
        (folder / name).mkdir(parents=True, exist_ok=True)
    watch = Watch(folder, tokenizer.Encoder(words), recipe.sittings[0])
    pretraining.run(recipe, words, watch, every)
    for name in (MODEL, PLAIN):
        finish(folder / name, recipe)
    print(f"Drawing the pool of {samples.PROMPTS} x {samples.SAMPLES} samples.", flush=True)
    samples.draw(policy_model.policy(folder / MODEL), folder / samples.FILE)
    print(f"{folder} in {(time.perf_counter() - start) / 60:.0f} minutes")


if __name__ == "__main__":
    main()
