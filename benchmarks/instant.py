"""How far do frozen features go? Linear reward heads on MiniLM features of your own preference files.

    python benchmarks/instant.py FILE [FILE ...] [--model minilm] [--seeds 20] [--l2 0.01 0.1 1 10]

Every seed holds out a fifth of the prompts. For each file it prints the held-out accuracy of the heads, and
of rules that know nothing about quality on the same held-out pairs. All penalties are printed, none is chosen
by its result. A pair's credit is its mean over the seeds that held it out, so the 95 % interval is over
prompts: it says how far other prompts of this kind could move the number.
"""

import argparse
import time

import numpy as np
import pandas as pd
from rmkit.ablation import fit_heads, grid
from rmkit.features import features
from rmkit.preferences import prompt_key

from rmkit import load, statistics


def credits(rewards: np.ndarray, preferences) -> np.ndarray:
    """(P,) 1, 0 or 1/2 for each ordered pair, from rewards (G, K)."""
    gaps = [
        row[i] - row[j] for row, record in zip(rewards, preferences, strict=True) for i, j in record.pairs()
    ]
    return (np.sign(gaps) + 1) / 2


def lengths(preferences) -> list[list[int]]:
    """Characters of each response."""
    return [[len(response) for response in record.responses] for record in preferences]


def measure(path: str, model: str, seeds: int, penalties: list[float]) -> list[dict]:
    """One row for each penalty, and one for each rule."""
    preferences = load(path)
    vectors = features(preferences, model)
    settings = grid(l2=penalties, seed=range(seeds))
    start = time.perf_counter()
    heads = fit_heads(vectors, preferences, settings)
    seconds = time.perf_counter() - start
    print(preferences.ledger.line(), vectors.ledger.line(), sep="\n")
    print(f"{len(heads)} heads fitted in {seconds:.2f} s\n")

    group = [number for number, record in enumerate(preferences) for _ in record.pairs()]
    prompts = np.array([prompt_key(preferences[number]) for number in group])
    credit = np.stack([credits(rewards, preferences) for rewards in heads.rewards.numpy()])
    held = heads.held_out.numpy()[:, group]
    longest = np.broadcast_to(credits(lengths(preferences), preferences), credit.shape)[:seeds]
    scorers = {f"{model}, l2={l2:g}": credit[n * seeds : (n + 1) * seeds] for n, l2 in enumerate(penalties)}
    scorers |= {"longest": longest, "shortest": 1 - longest, "random": np.full_like(longest, 0.5)}
    rows = [_row(each, held[:seeds], prompts) | {"scorer": name} for name, each in scorers.items()]
    rows[-1] |= {"low": np.nan, "high": np.nan}  # what random expects; nothing was drawn
    return [{"data": preferences.name} | row for row in rows]


def _row(credit: np.ndarray, held: np.ndarray, prompts: np.ndarray) -> dict:
    """credit, held (seeds, pairs); prompts (pairs,)"""
    tested = held.any(0)
    mean = (credit * held).sum(0)[tested] / held.sum(0)[tested]
    low, high = statistics.accuracy_interval(mean, clusters=prompts[tested])
    by_seed = (credit * held).sum(1) / held.sum(1)
    numbers = {"accuracy": mean.mean(), "low": low, "high": high, "sd over seeds": by_seed.std(ddof=1)}
    return {"scorer": ""} | numbers | {"pairs": int(tested.sum()), "prompts": len(set(prompts[tested]))}


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--l2", type=float, nargs="+", default=[0.01, 0.1, 1.0, 10.0])
    options = parser.parse_args()
    rows = [row for path in options.files for row in measure(path, options.model, options.seeds, options.l2)]
    print(pd.DataFrame(rows).to_string(index=False, float_format=lambda number: f"{number:.3f}", na_rep="-"))


if __name__ == "__main__":
    main()
