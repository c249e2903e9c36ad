"""`rmkit.ablate`: a grid of dials, some seeds, one tidy table; stopped and continued as one likes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict

import pandas as pd
from tqdm.auto import tqdm

from rmkit.errors import InputError
from rmkit.training.ablation import kept
from rmkit.training.ablation.bench import Bench
from rmkit.training.ablation.cells import cells

BLOCK = 5  # seeds of an entry on disk, fitted together


def ablate(
    grid: Mapping[str, object],
    seeds: int | Sequence[int] = 20,
    *,
    data="pocket",
    keep: bool = True,
    progress: bool = True,
    **how,
) -> pd.DataFrame:
    """Teach a head for every cell of the grid and every seed, and measure it: one row each.

    grid: {dial: its values}, such as {"loss": ["bradley-terry", "hinge"], "noise": [0.0, 0.2]}; the dials
        are those of `Cell`: loss, margin, weighting, k, labels, noise, length_bias, penalty.
    seeds: how many (0, 1, ...), or which.
    data, and how (model, pool, temperature, best_of): what is taught and measured, see `Bench`; or a Bench.
        "pocket": 700 prompts with 4 graded answers each; the pool: 32 of the policy's own for each of 100.
    keep: whether finished cells lie in the cache ($RMKIT_CACHE). A run that was stopped, even killed, goes
        on where it was and gives the same table.
    The columns: every dial, `seed`, the measures of the bench, `temperature`, `penalty_used`, `converged`.
    `rmkit.ablation.summary`, `explain`, `figure` and `save` take this table, or rows of it.
    Raises InputError for a dial, a value or a set that cannot be used.
    """
    wanted, numbers = cells(grid), _numbers(seeds)
    if isinstance(data, Bench) and how:
        raise InputError(f"{', '.join(how)}: a Bench has its own; say so where it is made.")
    bench = data if isinstance(data, Bench) else Bench(data, progress=progress, **how)
    found: dict = {}
    rows = []
    with tqdm(total=len(wanted) * len(numbers), desc="heads", unit="head", disable=not progress) as bar:
        for cell in wanted:
            essence = cell.essence()
            if essence not in found:
                found[essence] = _measured(bench, essence, numbers, keep, bar)
            else:
                bar.update(len(numbers))
            rows += [cell.row() | row for row in found[essence]]
    return pd.DataFrame(rows)


def _measured(bench: Bench, cell, seeds: list[int], keep: bool, bar) -> list[dict]:
    """One row for each seed, block by block, from the cache where it is there."""
    rows: dict[int, dict] = {}
    for number in dict.fromkeys(seed // BLOCK for seed in seeds):
        block = list(range(number * BLOCK, (number + 1) * BLOCK))
        # A block is always whole: what is kept does not depend on how many seeds were asked for.
        name = kept.key(bench.identity, asdict(cell), block)
        some = kept.read(name) if keep else None
        if some is None:
            some = bench.measure(cell, block)
            if keep:
                kept.write(name, some)
        rows |= {row["seed"]: row for row in some if row["seed"] in seeds}
        bar.update(sum(row["seed"] in seeds for row in some))
    return [rows[seed] for seed in seeds]


def _numbers(seeds: int | Sequence[int]) -> list[int]:
    numbers = list(range(seeds)) if isinstance(seeds, int) else [int(seed) for seed in seeds]
    if not numbers or min(numbers) < 0 or len(set(numbers)) < len(numbers):
        raise InputError(f"seeds={seeds!r}: give how many, or different numbers from 0 on.")
    return numbers
