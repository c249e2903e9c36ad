"""What reading a group costs against K, the prompt's length and the number of groups: straight in tokens?

    python benchmarks/cost.py [--model pocket] [--repeats 5] [--backward]

A line a point: tokens of the packed layout, processor milliseconds, and microseconds a token. A curve is
straight where a token costs as much at its end as where it is cheapest, within a quarter; where it is not,
the table says why. Lengths are the same for all, so no padding is in it.
"""

import argparse
import random
from collections.abc import Callable

import pandas as pd
import torch
from rmkit.packing import TokenGroup
from tables import clock, fastest, machine, row, show

from rmkit import RewardModel

KS, PROMPTS, GROUPS = (1, 2, 4, 8, 16, 32), (50, 100, 200, 400), (1, 2, 4, 8)
BY_K, BY_PROMPT, BY_GROUPS = "K, prompt 100", "prompt, K = 4", "groups of K = 4"
MEMORY = "the system takes a large batch's memory back after a pass, and hands it out anew"
WHY = {BY_K: MEMORY, BY_PROMPT: "a token sees more", BY_GROUPS: MEMORY}  # a curve bends at its end


def group(k: int, prompt: int, response: int, seed: int = 0) -> TokenGroup:
    rng = random.Random(seed)
    some = range(10, 60)  # which tokens they are does not matter; small vocabularies have these
    return TokenGroup(rng.choices(some, k=prompt), [rng.choices(some, k=response)] * k)


def reading(model: RewardModel, groups: list[TokenGroup], backward: bool) -> Callable[[], None]:
    """One batch, forward, and backward if asked for."""

    def read() -> None:
        with torch.set_grad_enabled(backward):
            rewards = model.rewards(model.batch(groups))
            if backward:
                rewards.sum().backward()

    return read


def measure(
    model: RewardModel, response: int = 40, repeats: int = 5, backward: bool = False
) -> tuple[pd.DataFrame, list[dict]]:
    """(all points, a verdict a curve). The points take turns, so that what else runs here falls on all."""
    axes = {
        BY_K: {k: [group(k, 100, response)] for k in KS},
        BY_PROMPT: {p: [group(4, p, response)] for p in PROMPTS},
        BY_GROUPS: {n: [group(4, 100, response, seed) for seed in range(n)] for n in GROUPS},
    }
    points = [(axis, at, groups) for axis, own in axes.items() for at, groups in own.items()]
    ways = {(axis, at): reading(model, groups, backward) for axis, at, groups in points}
    timed = fastest(ways, repeats + 1, lambda: clock(model.device))  # the first warms up
    table = pd.DataFrame(
        [
            {"against": axis, "at": at, "tokens": sum(map(len, groups)), "ms": 1000 * timed[axis, at][0]}
            for axis, at, groups in points
        ]
    )
    table["us a token"] = 1000 * table["ms"] / table["tokens"]
    lines = []
    for axis in axes:
        cost = table.loc[table["against"] == axis, "us a token"]
        what = f"cost of a token at the end of the curve against {axis}, over the least"
        lines.append(row(what, float(cost.iloc[-1] / cost.min()), "at most", 1.25, why=WHY[axis]))
    return table, lines


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--repeats", type=int, default=10)
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
