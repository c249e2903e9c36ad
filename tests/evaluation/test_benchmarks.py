"""Benchmarks against hand-worked cases and against an independent reading of each rule over random scores."""

import json
import math
import random

import numpy as np
import pytest

from rmkit.errors import InputError
from rmkit.evaluation import aggregate, benchmark
from rmkit.evaluation.benchmark_rules import REWARDBENCH, REWARDBENCH2, RULES


def two(number: str, ref: list[float], tied: list[float], right: int = 2) -> list[dict]:
    """A prompt of Ties: its reference question (one right answer) and its tied one (`right` of them)."""
    return [
        {"id": f"ref:{number}", "subset": "Ties", "num_correct": 1, "rewards": ref},
        {"id": f"tied:{number}", "subset": "Ties", "num_correct": right, "rewards": tied},
    ]


# --- RewardBench 2


def test_best_of_four_earns_credit_only_for_the_first_response_at_the_maximum():
    rows = [[1, 2, 0, 0], [3, 1, 1, 1], [2, 2, 0, 0], [5, 5, 5, 5], [0, 0, 1, 1]]
    scores = [{"subset": "Math", "id": str(n), "rewards": r} for n, r in enumerate(rows)]
    found = benchmark("rewardbench2", scores)
    assert found.sections.score["Math"] == pytest.approx((0 + 1 + 1 / 2 + 1 / 4 + 0) / 5)
    assert math.isnan(found.sections.score["Ties"])
    assert found.missing == [f"{n} ({5 if n == 'Math' else 0} of {k})" for n, k in REWARDBENCH2.items()]


@pytest.mark.parametrize(
    ("rewards", "expected"),
    [
        (([4.0, 0.0], [3.0, 3.0, 0.0]), 1.01),  # d = 0, g > 0: tanh(inf) = 1
        (([1.0, 1.0], [1.0, 1.0, 1.0]), 0.0),  # d = 0, g = 0: 0 / 0 counts as 0
        (([0.0, 1.0], [0.0, 0.0, 1.0]), -0.01),  # d = 0, g < 0
        # d = 1, g_tied = 2 > d, g_ref = 0.5 < d: both accurate, one margin, tanh(0.5 / 1 - 1)
        (([0.5, 0.0], [3.0, 2.0, 0.0]), 0.3 + 0.3 + 0.2 + 0.01 * math.tanh(-0.5)),
    ],
)
def test_ties_by_hand(rewards, expected):
    assert benchmark("rewardbench2", two("7", *rewards)).sections.score["Ties"] == pytest.approx(expected)


def independent_ties(rows: list[dict]) -> float:
    """The composite written once more, from the published formula, with plain loops."""
    found: dict[str, dict[str, dict]] = {"ref": {}, "tied": {}}
    for row in rows:
        kind, number = row["id"].split(":")
        right, wrong = row["rewards"][: row["num_correct"]], row["rewards"][row["num_correct"] :]
        found[kind][number] = {
            "accurate": min(right) > max(wrong),
            "d": max(right) - min(right),
            "g": min(right) - max(wrong),
        }
    accuracy = {
        kind: sum(p["accurate"] for p in prompts.values()) / len(prompts) if prompts else 0.0
        for kind, prompts in found.items()
    }
    wide = close = margin = 0.0
    both = [number for number in found["tied"] if number in found["ref"]]
    for number in both:
        d, g = found["tied"][number]["d"], found["tied"][number]["g"]
        worst = min(g, found["ref"][number]["g"])
        wide += g > d
        close += worst > d
        if d > 0:
            margin += math.tanh(worst / d - 1)
        elif worst != 0:
            margin += math.copysign(1, worst)
    n = max(1, len(both))
    return 0.3 * accuracy["tied"] + 0.3 * accuracy["ref"] + (0.2 * wide + 0.2 * close + 0.01 * margin) / n


@pytest.mark.parametrize("seed", range(500))
def test_ties_equal_an_independent_reading(seed):
    rng = random.Random(seed)
    rows = []
    for number in range(rng.randint(1, 6)):
        right, wrong = rng.randint(2, 4), rng.randint(1, 3)
        level = rng.choice([0, 0, 1])  # whole numbers often meet: d = 0 and equal rewards
        draw = (lambda: rng.randint(0, 3)) if level == 0 else (lambda: rng.gauss(0, 1))
        pair = two(
            str(number), [draw() for _ in range(1 + wrong)], [draw() for _ in range(right + wrong)], right
        )
        rows += rng.choice([pair, pair, pair, pair[:1], pair[1:]])
    from rmkit.evaluation import benchmarks
    from rmkit.evaluation.benchmark_rules import ties_score

    numbers = benchmarks._measured(RULES["rewardbench2"](), rows)
    assert ties_score(numbers["Ties"]) == pytest.approx(independent_ties(rows), abs=1e-12)


# --- RewardBench 1


def rewardbench_rows(accuracy: dict[str, float], n: int = 100) -> list[dict]:
    rows = []
    for subset, share in accuracy.items():
        wins = round(n * share)
        rows += [{"subset": subset, "rewards": [1.0, 0.0] if i < wins else [0.0, 0.0]} for i in range(n)]
    return rows


def test_sections_weigh_by_fixed_counts_and_a_tie_is_no_win():
    everything = [subset for counts in REWARDBENCH.values() for subset in counts]
    accuracy = {subset: float(subset != "math-prm") for subset in everything}
    found = benchmark("rewardbench", rewardbench_rows(accuracy, 20))
    assert found.sections.score["Reasoning"] == pytest.approx(0.5)  # 984 of 1968, though it holds 447 rows
    assert found.total == pytest.approx((1 + 1 + 1 + 0.5) / 4)  # Prior Sets absent: the mean of four
    prior = benchmark("rewardbench", rewardbench_rows(accuracy | {"shp": 0.0}, 20))
    assert prior.total == pytest.approx((2 + 2 + 2 + 2 * 0.5 + 0) / 9)


def test_missing_subsets_are_skipped_and_named():
    found = benchmark("rewardbench", rewardbench_rows({"alpacaeval-easy": 0.5, "mt-bench-easy": 1.0}))
    assert found.sections.score["Chat"] == pytest.approx((0.5 * 100 + 1.0 * 28) / 128)
    assert found.total == found.sections.score["Chat"]
    assert "math-prm (0 of 447)" in found.missing
    assert "Missing" in str(found)


# --- the others


def test_rm_bench_by_hand():
    # Chosen styles score 1, 2, 3; rejected 0, 2.5, 2.5: rows are chosen styles.
    row = {"domain": "chat", "rewards": [1, 2, 3, 0, 2.5, 2.5]}
    found = benchmark("rm-bench", [row]).sections.score
    assert found["Normal"] == pytest.approx(2 / 3)  # 1 > 0, 2 < 2.5, 3 > 2.5
    assert found["Hard"] == pytest.approx(0.0)  # 1 < 2.5, 1 < 2.5, 2 < 2.5
    assert found["Easy"] == pytest.approx(1.0)  # 2 > 0, 3 > 0, 3 > 2.5
    both = [{"domain": d, "rewards": [1, 1, 1, 0, 0, 0]} for d in ("safety-refuse", "math")]
    both += [{"domain": "safety-response", "rewards": [0, 0, 0, 1, 1, 1]}]
    domains = benchmark("rm-bench", both).sections.score
    assert domains["safety"] == pytest.approx(0.5)
    assert domains["Overall"] == pytest.approx(0.75)  # safety is one domain, not two


@pytest.mark.parametrize(
    ("rewards", "label", "right"),
    [
        ([2, 1], "A>B", 1),
        ([1, 1], "A>B", 0),
        ([2, 1, 1, 1], "A>B", 1),
        ([2, 1, 1, 2], "A>B", 0),
        ([0, 1], "B>A", 1),
    ],
)
def test_judge_bench_sums_its_games(rewards, label, right):
    assert benchmark("judgebench", [{"source": "mmlu", "label": label, "rewards": rewards}]).total == right


def test_process_bench_is_the_f1_of_two_accuracies():
    steps = ["a", "b", "c"]
    rows = [
        {"subset": "gsm8k", "steps": steps, "label": 1, "rewards": [1, -1, 1]},  # found
        {"subset": "gsm8k", "steps": steps, "label": 2, "rewards": [1, -1, -1]},  # too early
        {"subset": "gsm8k", "steps": steps, "label": -1, "rewards": [1, 1, 1]},  # right, and called right
    ]
    assert benchmark("processbench", rows).total == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert benchmark("processbench", rows, threshold=-2).total == 0  # nothing is ever called wrong


def test_reward_math_puts_an_equal_wrong_solution_first():
    rows = [{"chosen": "x", "rewards": [2, 1, 0]}, {"chosen": "x", "rewards": [1, 1, 0]}]
    found = benchmark("rewardmath", rows).sections.score
    assert found["Accuracy"] == 0.5
    assert found["Mean reciprocal rank"] == pytest.approx((1 + 1 / 2) / 2)
    steps = [{"chosen": "x", "rewards": [[0.9, 0.2], [0.5, 0.5]]}]
    assert benchmark("rewardmath", steps, aggregate="min").total == 0
    assert benchmark("rewardmath", steps, aggregate="mean").total == 1


def test_aggregates_by_hand():
    p = [0.9, 0.5, 0.8]
    odds = [9, 1, 4]
    log_odds = np.log(odds).mean()
    expected = {
        "last": 0.8, "min": 0.5, "max": 0.9, "product": 0.36, "geometric-mean": 0.36 ** (1 / 3),
        "mean": 2.2 / 3, "mean-logit": 1 / (1 + math.exp(-log_odds)), "mean-odds": 14 / 3,
    }  # fmt: skip
    assert {rule: aggregate(p, rule) for rule in expected} == pytest.approx(expected)


def test_the_interval_is_over_prompts_and_covers():
    rng, inside = np.random.default_rng(0), 0
    for trial in range(60):
        wins = rng.random(150) < 0.7
        rows = [{"subset": "Focus", "rewards": [1.0, 0.0] if win else [0.0, 1.0]} for win in wins]
        low, high = benchmark("rewardbench2", rows, seed=trial).interval
        inside += low <= 0.7 <= high
    assert 51 <= inside <= 60  # 95 %; below 51 of 60 happens once in 10,000 such tests


def test_rows_of_one_prompt_are_drawn_together():
    rows = [
        {"subset": "Ties", "id": f"{kind}:{number}", "num_correct": right, "rewards": rewards}
        for number in range(8)
        for kind, right, rewards in (("ref", 1, [5.0, 0.0]), ("tied", 2, [5.0, 4.0, 0.0]))
    ]
    found = benchmark("rewardbench2", rows)
    assert found.interval == pytest.approx((found.total, found.total))  # all prompts are alike


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("rewardbench", {"subset": "x", "rewards": [1, 2, 3]}, "3 rewards"),
        ("rewardbench", {"rewards": [1, 2]}, "'subset'"),
        ("rewardbench", {"subset": "x", "rewards": [1, math.nan]}, "finite"),
        ("rewardbench2", {"subset": "Ties", "id": "9", "num_correct": 1, "rewards": [1, 2]}, "ref:7"),
        ("rewardbench2", {"subset": "Ties", "id": "ref:9", "rewards": [1, 2]}, "'num_correct'"),
        ("rm-bench", {"domain": "chat", "rewards": [1, 2]}, "three chosen"),
        ("judgebench", {"source": "x", "label": "A", "rewards": [1, 2]}, "A>B or B>A"),
        (
            "processbench",
            {"subset": "x", "steps": ["a"], "label": 0, "rewards": [1, 2]},
            "2 rewards for 1 steps",
        ),
        ("rewardmath", {"chosen": "x", "rewards": [1]}, "1 rewards"),
    ],
)
def test_a_row_that_a_rule_cannot_read_is_named(name, row, words, tmp_path):
    path = tmp_path / "scores.jsonl"
    path.write_text(json.dumps(row) + "\n")
    with pytest.raises(InputError, match="line 1") as caught:
        benchmark(name, path)
    assert words in str(caught.value)


def test_an_unknown_benchmark_is_refused_with_those_there_are():
    with pytest.raises(InputError, match="rewardbench2"):
        benchmark("rewardbench3", [])
