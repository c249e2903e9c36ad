"""Lesson 10: files of scores in the published shape of six benchmarks, from a judge of known skill.

The judge is the simplest there is: a right answer gets a standard normal reward plus `skill`, a wrong one a
standard normal reward. Its accuracy on a pair is Phi(skill / sqrt 2).
"""

from collections.abc import Callable

import numpy as np

from rmkit.evaluation.benchmark_rules import MMLU_PRO, PROCESS_BENCH, REWARDBENCH2, RULES

STEPS = 6  # of a solution of ProcessBench
RM_BENCH = {"chat": 100, "math": 100, "code": 100, "safety-refuse": 50, "safety-response": 50}
JUDGE_BENCH = {f"mmlu-pro-{subject}": 11 for subject in MMLU_PRO}
JUDGE_BENCH |= {"livebench-reasoning": 98, "livebench-math": 56, "livecodebench": 42}


def rewardbench(skill: float, rng: np.random.Generator) -> list[dict]:
    sizes = RULES["rewardbench"]().expected
    return [{"subset": name, "rewards": _one(rng, skill, 1)} for name, n in sizes.items() for _ in range(n)]


def rewardbench2(skill: float, rng: np.random.Generator) -> list[dict]:
    rows = [
        {"subset": name, "id": str(number), "rewards": _one(rng, skill, 3)}
        for name, n in REWARDBENCH2.items()
        if name != "Ties"
        for number in range(n)
    ]
    for number in range(REWARDBENCH2["Ties"] // 2):
        for kind, right in (("ref", 1), ("tied", 4)):
            given = [*(skill + rng.normal(size=right)), *rng.normal(size=6)]
            rows.append({"subset": "Ties", "id": f"{kind}:{number}", "num_correct": right, "rewards": given})
    return rows


def rm_bench(skill: float, rng: np.random.Generator) -> list[dict]:
    return [
        {"domain": name, "rewards": [*(skill + rng.normal(size=3)), *rng.normal(size=3)]}
        for name, n in RM_BENCH.items()
        for _ in range(n)
    ]


def judgebench(skill: float, rng: np.random.Generator) -> list[dict]:
    return [
        {"source": name, "label": "A>B", "rewards": _one(rng, skill, 1)}
        for name, n in JUDGE_BENCH.items()
        for _ in range(n)
    ]


def processbench(skill: float, rng: np.random.Generator) -> list[dict]:
    """Half of the solutions have a wrong step; a step below 0, midway between the kinds, counts as one."""
    rows = []
    for name, n in PROCESS_BENCH.items():
        for label in rng.integers(1, STEPS + 1, size=n) * rng.integers(2, size=n) - 1:
            middle = skill / 2 + rng.normal(size=STEPS)
            middle[label if label >= 0 else STEPS :][:1] -= skill
            rows.append(
                {"subset": name, "steps": ["step"] * STEPS, "label": int(label), "rewards": [*middle]}
            )
    return rows


def rewardmath(skill: float, rng: np.random.Generator) -> list[dict]:
    return [{"chosen": ["right"], "rewards": _one(rng, skill, 9)} for _ in range(400)]


SETS: dict[str, Callable] = {
    "rewardbench": rewardbench,
    "rewardbench2": rewardbench2,
    "rm-bench": rm_bench,
    "judgebench": judgebench,
    "processbench": processbench,
    "rewardmath": rewardmath,
}


def _one(rng: np.random.Generator, skill: float, wrong: int) -> list[float]:
    return [float(skill + rng.normal()), *rng.normal(size=wrong).tolist()]
