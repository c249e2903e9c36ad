"""How far do frozen features go? Linear reward heads on MiniLM features of your own preference files.

    python benchmarks/instant.py FILE [FILE ...] [--model minilm] [--seeds 20] [--l2 0.1 1]

Every seed holds out a fifth of the prompts. For each file it prints what the heads reach on held-out pairs,
with intervals over prompts and seeds, beside rules that know length only. The first row is the penalty chosen
by log-loss on training prompts; those of --l2 are shown beside it, and none is chosen by its result.
"""

import argparse
import time

import pandas as pd
from rmkit.ablation import fit_heads, grid
from rmkit.features import features

from rmkit import load


def measure(path: str, model: str, seeds: int, penalties: list[float]) -> pd.DataFrame:
    """One row for the chosen penalty, and one for each given."""
    preferences = load(path)
    vectors = features(preferences, model)
    start = time.perf_counter()
    heads = fit_heads(vectors, preferences, grid(l2=[None, *penalties], seed=range(seeds)))
    seconds = time.perf_counter() - start
    print(preferences.ledger.line(), vectors, sep="\n")
    print(f"{len(heads)} heads fitted in {seconds:.2f} s, choosing penalties included\n")
    return heads.summary().assign(data=preferences.name)


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("files", nargs="+")
    parser.add_argument("--model", default="minilm")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--l2", type=float, nargs="+", default=[])
    options = parser.parse_args()
    table = pd.concat([measure(path, options.model, options.seeds, options.l2) for path in options.files])
    print(table.to_string(index=False, float_format=lambda number: f"{number:.3f}"))


if __name__ == "__main__":
    main()
