"""What reading a group costs against K, the prompt's length and the number of groups: straight in tokens?

    python benchmarks/cost.py [--model pocket] [--repeats 5] [--backward]

A line a point: tokens of the packed layout, processor milliseconds, and microseconds a token. A curve is
straight where a token costs as much at its end as where it is cheapest, within a quarter; where it is not,
the table says why. Lengths are the same for all, so no padding is in it.
"""

import argparse
import random

import pandas as pd
import torch
from rmkit.packing import TokenGroup
from tables import clock, machine, row, show

from rmkit import RewardModel

KS, PROMPTS, GROUPS = (1, 2, 4, 8, 16, 32), (50, 100, 200, 400), (1, 2, 4, 8)


def group(k: int, prompt: int, response: int, seed: int = 0) -> TokenGroup:
    rng = random.Random(seed)
    some = range(10, 60)  # which tokens they are does not matter; small vocabularies have these
    return TokenGroup(rng.choices(some, k=prompt), [rng.choices(some, k=response)] * k)


def milliseconds(model: RewardModel, groups: list[TokenGroup], repeats: int, backward: bool) -> float:
    """Of the fastest repeat: one batch, forward, and backward if asked for."""
    batch, taken = model.batch(groups), []
    with torch.set_grad_enabled(backward):
        for _ in range(repeats + 1):  # the first warms up
            begun = clock(model.device)
            rewards = model.rewards(batch)
            if backward:
                rewards.sum().backward()
            taken.append(clock(model.device) - begun)
    return 1000 * min(taken[1:])


def curve(model: RewardModel, axis: str, points: dict[int, list[TokenGroup]], **how) -> pd.DataFrame:
    """A line a point."""
    rows = []
    for at, groups in points.items():
        tokens, taken = model.batch(groups).tokens, milliseconds(model, groups, **how)
        rows.append(
            {"against": axis, "at": at, "tokens": tokens, "ms": taken, "us a token": 1000 * taken / tokens}
        )
    return pd.DataFrame(rows)


def measure(model: RewardModel, response: int = 40, **how) -> tuple[pd.DataFrame, list[dict]]:
    """(all points, a verdict a curve)."""
    axes = {
        "K, prompt 100": {k: [group(k, 100, response)] for k in KS},
        "prompt, K = 4": {p: [group(4, p, response)] for p in PROMPTS},
        "groups of K = 4": {n: [group(4, 100, response, seed) for seed in range(n)] for n in GROUPS},
    }
    curves = {axis: curve(model, axis, points, **how) for axis, points in axes.items()}
    why = "dense attention costs the square of a row's width; a group twice as wide as is best is cut in rows"
    lines = [
        row(
            f"cost of a token at the end of the curve against {axis}, over the least",
            float(found["us a token"].iloc[-1] / found["us a token"].min()),
            "at most",
            1.25,
            why=why,
        )
        for axis, found in curves.items()
    ]
    return pd.concat(curves.values()), lines


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--backward", action="store_true", help="with gradients: a step but for the optimizer"
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    table, lines = measure(
        RewardModel.load(options.model), repeats=options.repeats, backward=options.backward
    )
    print(table.to_string(index=False, float_format="{:.1f}".format))
    show("Cost", lines)


if __name__ == "__main__":
    main()
