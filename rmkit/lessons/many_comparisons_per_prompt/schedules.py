"""Lesson 06: in which order heads meet the pairs of their rankings: whole groups, or pairs shuffled.

S sets of n rankings, each ranking with P pairs, are trained side by side. A schedule is a list of steps; a
step is an (S, B) array of places among the n * P pairs of each set; ranking g has the pairs from g * P on.
"""

import math

import numpy as np


def whole_groups(
    sets: int, n: int, pairs: int, *, prompts: int, steps: int, seed: int = 0
) -> list[np.ndarray]:
    """Every step holds all pairs of `prompts` different prompts, and all have their turn equally often."""
    draw = np.random.default_rng(seed)
    cycle = math.lcm(n, prompts) // prompts  # after so many steps every prompt was there equally often
    schedule = []
    for step in range(steps):
        if step % cycle == 0:
            order = _orders(draw, sets, n)
        chosen = order[:, (step % cycle * prompts + np.arange(prompts)) % n]
        schedule.append((chosen[:, :, None] * pairs + np.arange(pairs)).reshape(sets, -1))
    return schedule


def shuffled_pairs(sets: int, n: int, pairs: int, *, steps: int, seed: int = 0) -> list[np.ndarray]:
    """Every step holds `pairs` pairs, drawn from all prompts; n steps see every pair once."""
    draw = np.random.default_rng(seed)
    schedule = []
    for step in range(steps):
        if step % n == 0:
            order = _orders(draw, sets, n * pairs)
        schedule.append(order[:, step % n * pairs :][:, :pairs])
    return schedule


def prompts_in(schedule: list[np.ndarray], pairs: int) -> float:
    """How many different prompts a step holds, on average."""
    return float(np.mean([len(set(row // pairs)) for step in schedule for row in step]))


def _orders(draw: np.random.Generator, sets: int, items: int) -> np.ndarray:
    return draw.permuted(np.tile(np.arange(items), (sets, 1)), axis=1)
