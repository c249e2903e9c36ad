"""What we claim about the pocket world: how near a reward model comes to the ideal judge, and the
policy's samples.

    OMP_NUM_THREADS=2 python benchmarks/pocket.py [--seeds 5] [--pairs 2000] [--out table.json]

Prints: accuracy on the test set for each seed, beside a judge who knows the gold reward on the same
pairs; rank correlation with the gold reward; subsets, shifted splits and the bench; rules without
understanding; seconds. Then
for 10,000 samples of the policy: the share that can be read, their gold rewards, best-of-n, seconds.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from rmkit.preferences import Preferences
from scipy import stats

import rmkit
from rmkit import evaluation
from rmkit.pocket import grader, nulls, policy, sets


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


def reward_models(seeds: int, pairs: int) -> dict:
    """One row for each seed, and what the ideal judge and the null rules reach."""
    train = rmkit.load("pocket").take(pairs)
    parts = {name: sets.preferences(split=name) for name in ("test", "shifted-prompts", "shifted-responses")}
    ideal = {name: evaluation.evaluate(golds(part), part).accuracy for name, part in parts.items()}
    found: list[dict] = []
    for seed in range(seeds):
        model = rmkit.RewardModel.load("pocket", seed=seed)
        start = time.perf_counter()
        cpu = time.process_time()
        rmkit.fit(model, train, seed=seed, progress=False)
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
    rows = [[r.to_dict() for r in part] for part in (train, parts["test"])]
    return {"ideal": ideal, "seeds": found, "nulls": nulls.table(*rows)}


def samples(prompts: int = 625, n: int = 16) -> dict:
    """prompts x n samples of the policy at temperature 1, graded."""
    asked = [record.prompt for record in sets.preferences(prompts, split="test", seed="samples")]
    start = time.perf_counter()
    texts = policy().sample(asked, n, seed=0)
    sampled = time.perf_counter() - start
    grades = [[grader.grade(prompt, text) for text in row] for prompt, row in zip(asked, texts, strict=True)]
    seconds = time.perf_counter() - start
    gold = np.array([[grade.gold for grade in row] for row in grades])
    readable = [
        bool(g.units) and all(unit.kind != "unreadable" for unit in g.units) for row in grades for g in row
    ]
    curve = evaluation.best_of_n(gold, gold).mean(0)
    return {
        "responses": int(gold.size),
        "sampling seconds": sampled,
        "seconds": seconds,
        "readable": float(np.mean(readable)),
        "gold mean": float(gold.mean()),
        "gold sd": float(gold.std()),
        "gold quantiles (10, 25, 50, 75, 90 %)": np.quantile(gold, [0.1, 0.25, 0.5, 0.75, 0.9])
        .round(3)
        .tolist(),
        "best of 1, 2, 4, 8, 16 by gold": [round(float(curve[k - 1]), 3) for k in (1, 2, 4, 8, 16)],
        "different texts for a prompt": float(np.mean([len(set(row)) for row in texts])),
    }


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--pairs", type=int, default=2000)
    parser.add_argument("--out", type=Path, help="also write everything to this JSON file")
    options = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    found = reward_models(options.seeds, options.pairs)
    rows = found["seeds"]
    for name, ideal in found["ideal"].items():
        values = np.array([row[name] for row in rows])
        rank = np.mean([row[f"{name} spearman"] for row in rows])
        spread = f"{values.mean():.1%} (sd {values.std():.1%})"
        print(f"{name:18} {spread}, ideal {ideal:.1%}, spearman {rank:.3f}")
    for group in ("subsets", "bench"):
        print(group, {key: round(float(np.mean([r[group][key] for r in rows])), 3) for key in rows[0][group]})
    print("null rules", {key: round(value, 3) for key, value in found["nulls"].items()})
    found["samples"] = samples()
    print(*(f"{key}: {value}" for key, value in found["samples"].items()), sep="\n")
    if options.out:
        options.out.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
