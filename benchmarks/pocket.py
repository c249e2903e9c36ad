"""What we claim about the pocket world: the sets as an instrument, the policy and its pool, and how near a
reward model comes to the ideal judge.

    OMP_NUM_THREADS=2 python benchmarks/pocket.py [--seeds 5] [--pairs 2000] [--out table.json]

Prints every aim beside what is measured, with a verdict a row: first of the sets (as on their card), then of
the pool of samples, of reward models from 2,000 votes, and of the plain model's critiques. Then the details:
accuracy for each seed beside a judge who knows the gold reward, rank correlation with it, subsets, shifted
splits, the bench, best-of-n of reward models from few and many votes; seconds.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from rmkit.generative import Judge
from rmkit.preferences import Preferences
from scipy import stats

import rmkit
from rmkit import evaluation
from rmkit.data.records import Record
from rmkit.models.verdicts import POCKET
from rmkit.paths import data_folder
from rmkit.pocket import aims, grader, pool, sets
from rmkit.pocket.aims import Aim

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)


def golds(preferences: Preferences) -> list[list[float]]:
    return [record.ratings["gold"] for record in preferences]


def against_gold(rewards: list, gold: list[list[float]]) -> tuple[float, float]:
    """(share of pairs ordered as the gold reward orders them, Spearman's correlation over all answers)."""
    ordered = [
        (float(r[0]) > float(r[1])) == (g[0] > g[1])
        for r, g in zip(rewards, gold, strict=True)
        if g[0] != g[1]
    ]
    flat = np.concatenate([np.asarray(r) for r in rewards])
    return float(np.mean(ordered)), float(stats.spearmanr(flat, np.concatenate(gold)).statistic)


def trained(pairs: int, seed: int, **dials) -> "rmkit.RewardModel":
    train = rmkit.load("pocket", n=pairs, seed=f"bench {seed}", **dials) if dials else rmkit.load("pocket")
    model = rmkit.RewardModel.load("pocket", seed=seed)
    rmkit.fit(model, train.take(pairs), seed=seed, progress=False)
    return model


def reward_models(seeds: int, pairs: int) -> dict:
    """One row for each seed, and what the ideal judge reaches on the same pairs."""
    parts = {name: sets.preferences(split=name) for name in ("test", "shifted-prompts", "shifted-responses")}
    ideal = {name: evaluation.evaluate(golds(part), part).accuracy for name, part in parts.items()}
    found: list[dict] = []
    for seed in range(seeds):
        start, cpu = time.perf_counter(), time.process_time()
        model = trained(pairs, seed)
        row = {"seed": seed, "seconds": time.perf_counter() - start, "cpu seconds": time.process_time() - cpu}
        for name, part in parts.items():
            rewards = model.score_all(part)
            report = evaluation.evaluate(rewards, part)
            row[name] = report.accuracy
            row[f"{name} as gold"], row[f"{name} spearman"] = against_gold(rewards, golds(part))
            if name == "test":
                row["subsets"] = {key: value.accuracy for key, value in report.subsets.items()}
        row["bench"] = {
            key: value.accuracy for key, value in evaluation.evaluate(model, sets.bench()).subsets.items()
        }
        found.append(row)
        print(
            f"seed {seed}: test {row['test']:.1%} (ideal judge {ideal['test']:.1%}), as gold "
            f"{row['test as gold']:.1%}, spearman {row['test spearman']:.3f}, {row['seconds']:.0f} s "
            f"({row['cpu seconds']:.0f} s of processor)",
            flush=True,
        )
    return {"ideal": ideal, "seeds": found}


def judges(found: dict) -> list[Aim]:
    """The aim of the reward models."""
    gap = found["ideal"]["test"] - float(np.mean([row["test"] for row in found["seeds"]]))
    return [
        Aim("a reward model falls short of the ideal judge by", "3 points", f"{100 * gap:.1f}", gap <= 0.03)
    ]


def samples() -> tuple[list[Aim], dict]:
    """Aims of the shipped pool, and its numbers."""
    drawn = pool()
    grades = [
        grader.grade(p, text) for p, own in zip(drawn.prompts, drawn.responses, strict=True) for text in own
    ]
    readable = float(
        np.mean([bool(g.units) and all(u.kind != "unreadable" for u in g.units) for g in grades])
    )
    curve = evaluation.best_of_n(drawn.gold, drawn.gold).mean(0)
    spread = float(drawn.gold.std(1).mean())
    size = (data_folder() / "pocket" / "pool.json.gz").stat().st_size / 1e6
    total = sum(path.stat().st_size for path in data_folder().rglob("*") if path.is_file()) / 1e6
    more = float(curve[-1] - curve[15])
    rows = [
        Aim("prompts of the pool", "100", f"{len(drawn.prompts)}", len(drawn.prompts) >= 100),
        Aim("samples for each of them", "256", f"{drawn.gold.shape[1]}", drawn.gold.shape[1] >= 256),
        Aim("samples that can be read", "90%", f"{readable:.1%}", readable >= 0.9),
        Aim("spread of gold among the samples of a prompt", "0.15", f"{spread:.2f}", spread >= 0.15),
        Aim("what the best of 512 is worth above the best of 16", "some: 0.01", f"{more:.3f}", more >= 0.01),
        Aim("megabytes of the pool", "below 1", f"{size:.2f}", size < 1),
        Aim("megabytes of data/", "below 16", f"{total:.1f}", total < 16),
    ]  # fmt: skip
    different = float(np.mean([len(set(own)) for own in drawn.responses]))
    details = {
        "gold mean": round(float(drawn.gold.mean()), 3),
        "gold quartiles": np.quantile(drawn.gold, [0.25, 0.5, 0.75]).round(3).tolist(),
        "different texts for a prompt": round(different, 1),
        "best of n by gold": {n: round(float(curve[n - 1]), 3) for n in SIZES},
    }
    return rows, details


def optimized(seeds: int, prompts: int = 30) -> dict:
    """Gold reward of the best of n by reward models from few, many and biased votes."""
    drawn = pool()
    asked = Preferences(
        [Record(p, own) for p, own in zip(drawn.prompts[:prompts], drawn.responses, strict=False)]
    )
    kinds = {
        "50 votes": (50, {"noise": 0.0}),
        "2,000 votes": (2000, {}),
        "50 votes, half of them blind": (50, {"noise": 0.5}),
        "1,000 votes for length": (1000, {"length_bias": 0.3}),
    }
    curves = {}
    for name, (pairs, dials) in kinds.items():
        found = []
        for seed in range(seeds):
            rewards = torch.stack(trained(pairs, seed, **dials).score_all(asked)).numpy()
            found.append(evaluation.best_of_n(rewards, drawn.gold[:prompts]).mean(0))
        mean = np.mean(found, 0)
        curves[name] = {n: round(float(mean[n - 1]), 3) for n in SIZES}
        print(f"best of n, {name}: {curves[name]}", flush=True)
    return curves


def spoken(n: int = 150) -> tuple[list[Aim], dict]:
    """The plain model: a verdict at once, which it never learned, against critiques that come to one."""
    test = sets.preferences(split="test").take(n, seed=0)
    found = {}
    for name in ("pocket", "pocket-plain"):
        for how, votes in (("at once", 0), ("after one critique", 1)):
            judge = Judge.load(name, manner=POCKET, votes=votes, reads="odds")
            found[f"{name}, {how}"] = evaluation.evaluate(judge, test).accuracy
    gain = found["pocket-plain, after one critique"] - found["pocket-plain, at once"]
    return [
        Aim("what a critique is worth to the plain model", "10 points", f"{100 * gain:.1f}", gain >= 0.1)
    ], found


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--out", type=Path, help="also write everything to this JSON file")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    shipped = {name: [record.to_dict() for record in sets.preferences(split=name)] for name in sets.SHIPPED}
    found = reward_models(options.seeds, options.pairs)
    pooled, found["pool"] = samples()
    words, found["judges"] = spoken()
    rows = [*aims.measured(shipped), *pooled, *judges(found), *words]
    found["aims"] = [[aim.what, aim.aim, aim.value, aim.holds] for aim in rows]
    print("| measured | aim | value | holds |\n|---|---|---|---|", *(aim.line for aim in rows), sep="\n")
    for name, ideal in found["ideal"].items():
        values = np.array([row[name] for row in found["seeds"]])
        rank = np.mean([row[f"{name} spearman"] for row in found["seeds"]])
        print(
            f"{name:18} {values.mean():.1%} (sd {values.std():.1%}), ideal {ideal:.1%}, spearman {rank:.3f}"
        )
    for group in ("subsets", "bench"):
        means = {
            key: np.mean([row[group][key] for row in found["seeds"]]) for key in found["seeds"][0][group]
        }
        print(group, {key: round(float(value), 3) for key, value in means.items()})
    print("pool", found["pool"], "judges", found["judges"], sep="\n")
    found["best of n"] = optimized(min(2, options.seeds))
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
