"""Every benchmark's rule against an independent reading of it, in plain loops, over 500 random files.

Rewards are small whole numbers half of the time, so that ties abound; subsets are missing at random.
"""

import math
import random
from collections import defaultdict

import pytest

from rmkit.evaluation import benchmark, benchmarks
from rmkit.evaluation.benchmark_rules import REWARDBENCH, RULES

CASES = 500


def sections_of(name: str, rows: list[dict], **options) -> dict:
    rule = RULES[name](**options)
    return rule.combine(benchmarks._measured(rule, rows))


def drawer(rng: random.Random):
    return (lambda: rng.randint(0, 3)) if rng.random() < 0.5 else (lambda: rng.gauss(0, 1))


def mean(values):
    return sum(values) / len(values)


# --- files, and how each is read once more


def rewardbench(rng):
    draw, every = drawer(rng), [s for counts in REWARDBENCH.values() for s in counts]
    names = rng.sample([*every, "shp", "summarize", "anthropic_hhh"], rng.randint(1, 8))
    rows = [{"subset": name, "rewards": [draw(), draw()]} for name in names for _ in range(rng.randint(1, 4))]
    accuracy = {n: mean([r["rewards"][0] > r["rewards"][1] for r in rows if r["subset"] == n]) for n in names}
    total = weight = 0.0
    for counts in REWARDBENCH.values():
        here = [n for n in names if n in counts]
        if here:
            section = sum(accuracy[n] * counts[n] for n in here) / sum(counts[n] for n in here)
            total, weight = total + 2 * section, weight + 2
    prior = [accuracy[n] for n in names if n in ("shp", "summarize", "anthropic_hhh")]
    if prior:
        total, weight = total + mean(prior), weight + 1
    return rows, {"Overall": total / weight}


def rewardbench2(rng):
    draw, names = drawer(rng), ["Factuality", "Precise IF", "Math", "Safety", "Focus"]
    chosen = rng.sample(names, rng.randint(1, 5))
    rows, credit = [], defaultdict(list)
    for name in chosen:
        for number in range(rng.randint(1, 4)):
            rewards = [draw() for _ in range(4)]
            rows.append({"subset": name, "id": str(number), "rewards": rewards})
            top = [i for i, r in enumerate(rewards) if r == max(rewards)]
            credit[name].append(1 / len(top) if 0 in top else 0)
    wanted = {name: mean(values) for name, values in credit.items()}
    return rows, wanted | {"Overall": mean(list(wanted.values()))}


def rm_bench(rng):
    draw = drawer(rng)
    domains = rng.sample(["chat", "math", "code", "safety-refuse", "safety-response"], rng.randint(1, 5))
    rows = [
        {"domain": d, "rewards": [draw() for _ in range(6)]}
        for d in domains
        for _ in range(rng.randint(1, 3))
    ]
    levels = defaultdict(lambda: defaultdict(list))
    for row in rows:
        chosen, rejected = row["rewards"][:3], row["rewards"][3:]
        for i in range(3):
            for j in range(3):
                level = "Normal" if i == j else "Hard" if j > i else "Easy"
                levels[row["domain"]][level].append(chosen[i] > rejected[j])
    table = {d: {level: mean(v) for level, v in found.items()} for d, found in levels.items()}
    safety = [table.pop(d) for d in ("safety-refuse", "safety-response") if d in table]
    if safety:
        table["safety"] = {level: mean([s[level] for s in safety]) for level in safety[0]}
    wanted = {level: mean([t[level] for t in table.values()]) for level in ("Hard", "Normal", "Easy")}
    return rows, wanted | {"Overall": mean(list(wanted.values()))}


def judge_bench(rng):
    draw, rows, right = drawer(rng), [], defaultdict(list)
    sections = {"mmlu-pro-law": "Knowledge", "mmlu-pro-math": "Knowledge", "livebench-math": "Math"}
    sections |= {"livebench-reasoning": "Reasoning", "livecodebench": "Coding"}
    for _ in range(rng.randint(1, 9)):
        source, label = rng.choice(list(sections)), rng.choice(["A>B", "B>A"])
        rewards = [draw() for _ in range(rng.choice([2, 4]))]
        rows.append({"source": source, "label": label, "rewards": rewards})
        count = 0
        for a, b in zip(rewards[::2], rewards[1::2], strict=True):
            said = "A>B" if a > b else "B>A" if b > a else "A=B"
            count += 1 if said == label else 0 if said == "A=B" else -1
        right[sections[source]].append(count > 0)
    wanted = {name: mean(values) for name, values in right.items()}
    return rows, wanted | {"Overall": mean([r for values in right.values() for r in values])}


def process_bench(rng):
    draw, rows, found = drawer(rng), [], defaultdict(lambda: {True: [], False: []})
    for _ in range(rng.randint(1, 10)):
        rewards = [draw() - 1 for _ in range(rng.randint(1, 4))]
        label, name = rng.randint(-1, len(rewards) - 1), rng.choice(["gsm8k", "math"])
        rows.append({"subset": name, "steps": ["x"] * len(rewards), "label": label, "rewards": rewards})
        said = next((i for i, r in enumerate(rewards) if r < 0), -1)
        found[name][label >= 0].append(said == label)
    wanted = {}
    for name, sides in found.items():
        a, b = (mean(sides[side]) if sides[side] else 0.0 for side in (True, False))
        wanted[name] = 2 * a * b / (a + b) if a + b else 0.0
    return rows, wanted | {"Mean F1": mean(list(wanted.values()))}


def reward_math(rng):
    draw, rows, right, ranks = drawer(rng), [], [], []
    for _ in range(rng.randint(1, 6)):
        good, bad = rng.choice([1, 1, 2]), rng.randint(1, 9)
        rewards = [draw() for _ in range(good + bad)]
        rows.append({"chosen": ["y"] * good, "rewards": rewards})
        right.append(all(g > b for g in rewards[:good] for b in rewards[good:]))
        ranks.append(1 / (1 + sum(b >= max(rewards[:good]) for b in rewards[good:])))
    return rows, {"Accuracy": mean(right), "Mean reciprocal rank": mean(ranks)}


MADE = {
    "rewardbench": rewardbench,
    "rewardbench2": rewardbench2,
    "rm-bench": rm_bench,
    "judgebench": judge_bench,
    "processbench": process_bench,
    "rewardmath": reward_math,
}


def test_every_rule_is_read_once_more():
    assert set(MADE) == set(RULES)


@pytest.mark.parametrize("name", MADE)
def test_the_rule_equals_an_independent_reading_over_500_files(name):
    for seed in range(CASES):
        rows, wanted = MADE[name](random.Random(seed))
        got = sections_of(name, rows)
        for section, value in wanted.items():
            assert got[section] == pytest.approx(value, abs=1e-12), (seed, section)
        known = {section for section, value in got.items() if not math.isnan(value)}
        assert list(got)[-1] == list(wanted)[-1] or name == "rewardmath"  # the total stands last
        assert known >= set(wanted)


# --- by hand, where a file does not show it


def test_judge_bench_has_four_sections_and_names_what_is_missing():
    rows = [
        {"source": "mmlu-pro-law", "label": "A>B", "rewards": [1, 0]},
        {"source": "mmlu-pro-history", "label": "A>B", "rewards": [0, 1]},
        {"source": "livecodebench", "label": "B>A", "rewards": [0, 1]},
        {"source": "our own", "label": "B>A", "rewards": [0, 1]},
    ]
    found = benchmark("judgebench", rows)
    assert found.sections["score"].to_dict() == {"Knowledge": 0.5, "Coding": 1, "our own": 1, "Overall": 0.75}
    assert {"livebench-math (0 of 56)", "mmlu-pro-law (1 of 11)"} <= set(found.missing)
    rule = RULES["judgebench"]()
    assert sum(rule.expected.values()) == 350


def test_a_judge_that_is_fooled_by_the_order_wins_nothing():
    # It takes the first answer in both orders: one game right, one wrong, sum 0.
    rows = [{"source": "livecodebench", "label": label, "rewards": [1, 0, 0, 1]} for label in ("A>B", "B>A")]
    assert benchmark("judgebench", rows).total == 0


def test_the_bootstrap_of_lone_rows_draws_as_many_as_there_are():
    import numpy as np

    rows = np.column_stack([np.arange(7.0), np.full(7, math.nan)])
    drawn = benchmarks._resampled({"a": rows}, np.random.default_rng(0))["a"]
    assert drawn.shape == rows.shape
    assert set(drawn[:, 0]) < set(range(7))
