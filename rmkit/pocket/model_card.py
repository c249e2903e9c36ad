"""The card of the pocket language model, filled in by the run that trained it."""

from pathlib import Path

import pandas as pd
import torch
import transformers
from transformers import LlamaForCausalLM

from rmkit.pocket import corpus
from rmkit.pocket.pretraining import Recipe

ABILITIES = {
    "copy": "copies a value from the card into an answer (made-up facts; any token)",
    "claim": "judges one claim of an answer, after naming it",
    "bind": "judges a statement by a card of two animals: who, not only what",
    "critique": "sums up an answer after a true critique, one of seven grades",
    "grade": "sums up an answer at once, at its end mark, one of seven grades",
    "compare": "says which of two answers is better (gaps above 0.1 gold)",
}


# What differs between the two cards: (of the model, of the plain model).
DIFFERENCES = {
    "TITLE": ("The pocket language model", "The plain pocket language model"),
    "NAME": ("pocket", "pocket-plain"),
    "WHICH": (
        "Beside it stands `pocket-plain`: the same run before any text judged an answer at one word.",
        "It is the state of the run that gave `pocket` before any text judged an answer at one word: neither "
        "a grade at the end\nof an answer nor a comparison. What it knows of quality it has from critiques, "
        "claim by claim, and from visitors' reactions.",
    ),
    "AFTER": (
        "After the end of an answer, half of the last training text gives its grade at once, the rest a "
        "critique, the visitor's reaction, or another answer and a comparison:",
        "After the end of an answer the training text gives a critique or the visitor's reaction:",
    ),
    "AT_ONCE": ("    ...<|end|> weak\n", ""),
    "COMPARED": ("    ...<|end|><|assistant|>ANOTHER RESPONSE<|end|><|compare|> A\n", ""),
    "BIAS": (
        "The comparing reader leans to the first answer where the two are close (by half a logit): a "
        "position bias, made on purpose, to be measured and removed.\n",
        "",
    ),
}


def card(model: LlamaForCausalLM, recipe: Recipe, history: pd.DataFrame) -> str:
    """The card as Markdown. history: one row for each probing, as `language_model.Watch` writes it."""
    last = history.iloc[-1]
    plain = bool(last.step <= recipe.sittings[0])
    probes = [
        f"| {told} | {last[name]:.1%} | {last[f'{name}_base']:.1%} |" for name, told in ABILITIES.items()
    ]
    shown = history.iloc[_few(len(history))]
    rises = [
        f"| {row.step:.0f} | {row.seconds / 60:.0f} | "
        + " | ".join(f"{row[name]:.0%}" for name in ABILITIES)
        + " |"
        for _, row in shown.iterrows()
    ]
    config = model.config
    values = {
        "WEIGHTS": f"{sum(p.numel() for p in model.parameters()):,}",
        "WIDTH": str(config.hidden_size),
        "LAYERS": str(config.num_hidden_layers),
        "HEADS": str(config.num_attention_heads),
        "VOCABULARY": f"{config.vocab_size:,}",
        "STEPS": f"{last.step:,.0f}",
        "SITTINGS": " and ".join(f"{step:,}" for step in recipe.sittings if step <= last.step),
        "TOKENS": f"{recipe.tokens:,}",
        "PROCESSES": str(recipe.processes),
        "SEED": str(recipe.seed),
        "MUON": f"{recipe.muon_lr:g}",
        "ADAM": f"{recipe.adam_lr:g}",
        "STAGES": ", ".join(f"{step:,}" for step in recipe.stages if step < last.step),
        "MINUTES": f"{last.seconds / 60:.0f}",
        "VERSIONS": f"torch {torch.__version__.split('+')[0]}, transformers {transformers.__version__}",
        "PROBES": "\n".join(probes),
        "ABILITIES": " | ".join(ABILITIES),
        "LINES": "|" + "---|" * (len(ABILITIES) + 2),
        "RISES": "\n".join(rises),
        "GRADES": ", ".join(f"{word} (from {low:g})" for word, low in corpus.BANDS),
        "GRADE_RANK": f"{last.grade_spearman:.2f}",
        "PRECISION": "bfloat16" if recipe.bfloat16 else "float32",
        "FELT": f"{corpus.FELT:g}",
        "CRITIQUE_RANK": f"{last.critique_spearman:.2f}",
    }
    text = (Path(__file__).parent / "model_card.md").read_text(encoding="utf-8")
    for name, value in (values | {name: each[plain] for name, each in DIFFERENCES.items()}).items():
        text = text.replace("{{" + name + "}}", value)
    return text


def _few(rows: int, most: int = 12) -> list[int]:
    """At most so many row numbers, denser at the start, the last one among them."""
    return sorted({round((rows - 1) * (i / (most - 1)) ** 1.6) for i in range(most)})
