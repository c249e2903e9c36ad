"""Public reward-model benchmarks by their own rules, from saved scores: no model, no GPU, no network.

A row of a scores file keeps the benchmark's own columns and has `rewards`, as `python -m rmkit score` writes:
one for each response, the chosen ones first. The interval resamples prompts within each subset (bootstrap):
it says how far other prompts of this kind could move a score.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from pathlib import Path

import numpy as np
import pandas as pd

from rmkit.arguments import argument
from rmkit.data import reading
from rmkit.errors import InputError, did_you_mean
from rmkit.evaluation.aggregation import aggregate
from rmkit.evaluation.benchmark_rules import RULES, Numbers, Rule

DRAWS = 500  # of the bootstrap


@dataclass(frozen=True)
class BenchmarkScore:
    """What a benchmark says.

    total     the published headline number, over what is here
    interval  (low, high) of the total at 95 %, resampling prompts within subsets
    sections  a table: section, score, low, high
    items     {subset: rows}
    missing   what the published set has and the scores lack: a total without it is another number
    """

    name: str
    total: float
    interval: tuple[float, float]
    sections: pd.DataFrame
    items: dict[str, int]
    missing: list[str]
    note: str

    def __str__(self) -> str:
        table = self.sections.to_string(float_format=lambda x: f"{x:.4f}", na_rep="-")
        lost = (
            f"\nMissing, so the total is not the published one: {', '.join(self.missing)}."
            if self.missing
            else ""
        )
        return f"{self.name}: {sum(self.items.values()):,} rows\n{table}{lost}\n{self.note}"

    def to_dict(self) -> dict:
        """Plain numbers for a JSON file; what cannot be known is null."""
        table = self.sections.astype(object).where(self.sections.notna(), None)
        return {
            "benchmark": self.name,
            "total": self.total,
            "interval": list(self.interval),
            "sections": table.to_dict("index"),
            "items": self.items,
            "missing": self.missing,
            "note": self.note,
        }

    def _repr_html_(self) -> str:
        table = self.sections.to_html(float_format=lambda x: f"{x:.4f}", na_rep="-", border=0)
        lost = f"<p>Missing: {len(self.missing)} of the published subsets.</p>" if self.missing else ""
        return f"{table}{lost}<p>{self.note}</p>"


def benchmark(name: str, scores: str | Path | Sequence[dict], *, seed: int = 0, **options) -> BenchmarkScore:
    """Score saved rewards by a benchmark's own rule.

    name: one of `benchmark_rules.RULES`. scores: a file, or rows as dictionaries, with its columns
    and `rewards`. options: of the rule (`threshold` of ProcessBench, `aggregate` of RewardMATH).
    Raises InputError with the row where something is missing.
    """
    if name not in RULES:
        raise InputError(f"There is no benchmark {name!r}; there is {', '.join(RULES)}.")
    unknown = set(options) - set(signature(RULES[name]).parameters)
    if unknown:
        raise InputError(f"The benchmark {name} has no option {min(unknown)!r}.")
    seed = argument("seed", seed, kind=int, least=0)
    rule = RULES[name](**options)
    numbers = _measured(rule, scores)
    sections = rule.combine(numbers)
    generator = np.random.default_rng(seed)
    drawn = pd.DataFrame([rule.combine(_resampled(numbers, generator)) for _ in range(DRAWS)])
    low, high = (drawn.quantile(q) for q in (0.025, 0.975))
    table = pd.DataFrame({"score": sections, "low": low, "high": high}).reindex(list(sections))
    items = {subset: len(rows) for subset, rows in numbers.items()}
    missing = [
        f"{subset} ({items.get(subset, 0)} of {n})"
        for subset, n in rule.expected.items()
        if items.get(subset, 0) < n
    ]
    last = table.iloc[-1]
    return BenchmarkScore(rule.name, last.score, (last.low, last.high), table, items, missing, rule.note)


def _measured(rule: Rule, scores) -> Numbers:
    # A file of scores is read whole, whatever splits its rows name.
    split = "all" if isinstance(scores, str | Path) else None
    rows = [row for table in reading.read(scores, split=split).tables for row in table]
    numbers = defaultdict(list)
    for where, row, fault in ((row.where, row.values, row.fault) for row in rows):
        if fault is not None:
            raise InputError(str(fault))
        for column in filter(None, (rule.subset, "rewards")):
            if row.get(column) is None:
                raise InputError(f"{where}: no {column!r}, which {rule.name} needs.")
        try:
            measured = rule.measure(row, _rewards(row["rewards"], rule))
        except KeyError as error:
            raise InputError(f"{where}: no column {error.args[0]!r}, which {rule.name} needs.") from error
        except ValueError as error:
            raise InputError(f"{where}: {error}.") from error
        subset = str(row[rule.subset]) if rule.subset else "all"
        if rule.subsets and subset not in rule.subsets:
            hint = did_you_mean(subset, rule.subsets)
            raise InputError(f"{where}: {rule.name} has no {rule.subset} {subset!r}{hint}")
        numbers[subset].append(measured)
    return {subset: np.array(rows, dtype=float) for subset, rows in numbers.items()}


def _rewards(values, rule: Rule) -> np.ndarray:
    """(K,) finite rewards; step rewards become one number a solution where the rule says how."""
    if rule.aggregate and any(isinstance(value, list) for value in values):
        values = [aggregate(value, rule.aggregate) for value in values]
    rewards = np.asarray(values, dtype=float)
    if rewards.ndim != 1 or not rewards.size or not np.isfinite(rewards).all():
        raise ValueError(f"rewards must be a list of finite numbers, not {values}")
    return rewards


def _resampled(numbers: Numbers, generator: np.random.Generator) -> Numbers:
    """Prompts of each subset drawn with replacement; rows of one prompt together."""
    drawn = {}
    for subset, rows in numbers.items():
        alone = np.isnan(rows[:, -1])
        if alone.all():
            drawn[subset] = rows[generator.integers(len(rows), size=len(rows))]
            continue
        prompts = np.where(alone, -1 - np.arange(len(rows)), rows[:, -1])
        _, member = np.unique(prompts, return_inverse=True)
        places = np.split(np.argsort(member, kind="stable"), np.bincount(member).cumsum()[:-1])
        chosen = generator.integers(len(places), size=len(places))
        drawn[subset] = rows[np.concatenate([places[c] for c in chosen])]
        # A prompt drawn twice counts as two: its rows get the number of the draw.
        drawn[subset][:, -1] = np.repeat(np.arange(len(chosen)), [len(places[c]) for c in chosen])
    return drawn
