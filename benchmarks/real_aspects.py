"""Can aspects be read from frozen features of a real model? A head for each, beside length and other raters.

    python benchmarks/real_aspects.py reviews.aspects.jsonl [--model NAME] [--max-length N]

One JSON object a line: prompt, response, scores {aspect: [one number for each rater]}. Each response is read
once by a model that is not trained. For each aspect a linear head learns the raters' mean, in deviations from
the mean of its prompt. Prompts are split in parts; each is judged by heads that never saw its prompts.
The measure is a correlation within prompts, with an interval over prompts: with the mean of all raters but
one, averaged over who is left out. The ceiling is what the rater who is left out reaches.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import pandas as pd
from rmkit.features import features

import rmkit
from rmkit.theory.intervals import mean_interval

PARTS, PENALTIES = 8, (1.0, 10.0, 100.0, 1000.0, 10_000.0)


def groups(path: str) -> dict[str, list[dict]]:
    """{prompt: its rows}, of prompts with two responses or more."""
    found: dict[str, list[dict]] = {}
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        found.setdefault((row := json.loads(line))["prompt"], []).append(row)
    return {prompt: rows for prompt, rows in found.items() if len(rows) > 1}


def centred(values: np.ndarray) -> np.ndarray:
    return values - values.mean(0)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Of two lists within one prompt; NaN where one of them is constant, which says nothing."""
    a, b = centred(a), centred(b)
    size = np.sqrt((a * a).sum() * (b * b).sum())
    return float((a * b).sum() / size) if size > 1e-9 else np.nan


def ridge(x: np.ndarray, y: np.ndarray, l2: float) -> np.ndarray:
    """(D,) weights; by the dual, as there are fewer responses than features."""
    return x.T @ np.linalg.solve(x @ x.T + l2 * np.eye(len(x)), y)


def told(x: list[np.ndarray], y: list[np.ndarray], seed: int = 0) -> list[np.ndarray]:
    """For each prompt what heads of other prompts say of its responses."""
    part = np.random.default_rng(seed).permutation(len(x)) % PARTS
    said: list[np.ndarray] = [np.empty(0)] * len(x)
    for held in range(PARTS):
        tune = (held + 1) % PARTS
        join = [np.concatenate([v for v, k in zip(each, part, strict=True) if k not in (held, tune)])
                for each in (x, y)]  # fmt: skip
        fits = {l2: ridge(*join, l2) for l2 in PENALTIES}
        near = {
            l2: np.nanmean([correlation(x[i] @ w, y[i]) for i in np.flatnonzero(part == tune)])
            for l2, w in fits.items()
        }
        for i in np.flatnonzero(part == held):
            said[i] = x[i] @ fits[max(near, key=near.get)]
    return said


def by_others(given: list[np.ndarray], raters: list[np.ndarray]) -> str:
    """Correlations with the mean of all raters but one. given: (K,) for each prompt, or (K, raters): each
    rater against the others."""
    found = []
    for own, every in zip(given, raters, strict=True):
        apart = [np.delete(every, k, 1).mean(1) for k in range(every.shape[1])]
        each = [correlation(own if own.ndim == 1 else own[:, k], rest) for k, rest in enumerate(apart)]
        if np.isfinite(each).any():
            found.append(np.nanmean(each))
    return "{:.2f} [{:.2f}, {:.2f}]".format(*mean_interval(found))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--max-length", type=int, help="tokens of prompt and response; default: the model's")
    arguments = parser.parse_args()
    by_prompt = groups(arguments.data)
    asked = [rmkit.Record(prompt, [row["response"] for row in rows]) for prompt, rows in by_prompt.items()]
    read = features(rmkit.Preferences(asked), arguments.model, max_length=arguments.max_length)
    print(read.lost() or "all text was read")
    every = np.concatenate([each.numpy() for each in read])
    x = [centred((each.numpy().astype(float)) / (every.std(0) + 1e-6)) for each in read]
    words = [np.array([float(len(text.split())) for text in record.responses]) for record in asked]
    table = {}
    for aspect in next(iter(by_prompt.values()))[0]["scores"]:
        raters = [np.array([row["scores"][aspect] for row in own], dtype=float) for own in by_prompt.values()]
        heads = told(x, [centred(each.mean(1)) for each in raters])
        table[aspect] = {
            "a head of its own": by_others(heads, raters),
            "number of words": by_others(words, raters),
            "one rater": by_others(raters, raters),
        }
    print(f"{len(asked)} prompts, {sum(map(len, words))} responses, read by {arguments.model}")
    print(pd.DataFrame(table).T.to_string())


if __name__ == "__main__":
    main()
