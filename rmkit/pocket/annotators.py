"""Simulated people who compare answers: what they value, how they err, and what sways them. Every number a
dial.

A person's utility of an answer is its gold reward (or that of a camp with other weights), plus biases, all in
units of gold reward. Of two answers the first is preferred with probability

    P(i beats j) = sigma((u_i - u_j) / temperature)                               Bradley and Terry 1952

and K answers are ranked by adding standard Gumbel noise to u / temperature and sorting, which is the model of
Plackett and Luce (Yellott 1977) and the same thing for K = 2.
"""

import math
import random
from dataclasses import dataclass, field

# A judge who knew the gold reward would agree with these annotators on about 80 % of the pairs.
TEMPERATURE = 0.15

# What some visitors care about: other weights of the aspects, and tastes that others dislike. In pairs:
# detail against brevity, caution and courtesy against directness; and those who mind the form most.
CAMPS: dict[str, dict[str, float]] = {
    "thorough": {"correctness": 0.35, "completeness": 0.20, "detail": 0.45},
    "hurried": {"correctness": 0.35, "completeness": 0.10, "brevity": 0.80, "detail": -0.25},
    "careful": {"correctness": 0.45, "safety": 0.10, "caution": 0.25, "courtesy": 0.20},
    "direct": {"correctness": 0.40, "completeness": 0.20, "caution": -0.25, "courtesy": -0.20},
    "teachers": {"correctness": 0.30, "completeness": 0.10, "form": 0.60},
}
# As in Llama 2 (Touvron et al. 2023, section 3.2.1): how much better the preferred of two answers is.
STRENGTHS = ("negligibly better", "slightly better", "better", "significantly better")
STRENGTH_STEPS = (0.08, 0.25, 0.50)  # perceived gap, in gold reward, at which the next word is used


@dataclass(frozen=True)
class Annotator:
    """One person, or one camp.

    temperature    of the choice, in gold reward: 0 always takes the better one
    length_bias    utility of ten more words
    position_bias  utility of being shown first
    flattery_bias  utility of each courtesy ("Good question!")
    noise          share of judgments made blindly
    ties           nu of Davidson (1970): 0 never calls a tie
    weights        of the aspects; None: the gold reward itself
    """

    temperature: float = TEMPERATURE
    length_bias: float = 0.0
    position_bias: float = 0.0
    flattery_bias: float = 0.0
    noise: float = 0.0
    ties: float = 0.0
    weights: dict[str, float] | None = field(default=None, hash=False)
    name: str | None = None

    def utilities(self, answers: list) -> list[float]:
        """What each answer is worth to this person. An answer has .gold, .aspects, .words and .courtesies."""
        values = []
        for place, answer in enumerate(answers):
            worth = answer.gold
            if self.weights is not None:
                worth = sum(weight * answer.aspects[name] for name, weight in self.weights.items())
            worth += self.length_bias * answer.words / 10 + self.flattery_bias * answer.courtesies
            values.append(worth + self.position_bias * (place == 0))
        return values

    def judge(self, answers: list, rng: random.Random) -> dict:
        """{ranks (1 = best), strength (0 to 3, for two answers; None for a tie or more), likert (1 to 5)}."""
        worth = self.utilities(answers)
        scale = max(self.temperature, 1e-9)
        felt = [u + scale * gumbel(rng) for u in worth] if self.temperature > 0 else list(worth)
        blind = rng.random() < self.noise
        if blind:
            felt = [rng.random() for _ in worth]
        order = sorted(range(len(felt)), key=lambda i: -felt[i])
        tie_draws = [rng.random() for _ in order[1:]]
        ranks = _ranks(order, [0.0] * len(worth) if blind else worth, scale, self.ties, tie_draws)
        strength = None
        if len(answers) == 2 and ranks[0] != ranks[1]:
            strength = sum(abs(felt[0] - felt[1]) > step for step in STRENGTH_STEPS)
        likert = [self._likert(u, rng) for u in worth]
        return {"ranks": ranks, "strength": strength, "likert": likert}

    def _likert(self, worth: float, rng: random.Random) -> int:
        """A rating on its own, 1 to 5: the utility on [0, 1] with half of a comparison's noise."""
        noisy = worth + 0.5 * self.temperature * rng.gauss(0.0, 1.0)
        return rng.randint(1, 5) if rng.random() < self.noise else min(5, max(1, 1 + math.floor(5 * noisy)))


def gumbel(rng: random.Random) -> float:
    """A standard Gumbel draw."""
    return -math.log(-math.log(rng.random() or 5e-324) or 5e-324)


def _ranks(order: list[int], worth: list[float], scale: float, nu: float, draws: list[float]) -> list[int]:
    """Ranks of a sorted order. Neighbors tie with Davidson's probability nu sqrt(ab) / (a + b + nu sqrt(ab)).

    With a = exp(u_a / T) that is nu / (nu + 2 cosh((u_a - u_b) / 2T)).
    """
    ranks, rank = [0] * len(order), 1
    for place, i in enumerate(order):
        if place:
            half_gap = min(350.0, abs(worth[i] - worth[order[place - 1]]) / (2 * scale))
            tied = draws[place - 1] < nu / (nu + 2 * math.cosh(half_gap))
            rank = rank if tied else place + 1
        ranks[i] = rank
    return ranks


def preference(gap: float, temperature: float = TEMPERATURE) -> float:
    """P(the first of two wins) for a gap in utility: sigma(gap / temperature)."""
    z = gap / temperature
    return 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))


def ceiling(golds: list[list[float]], temperature: float = TEMPERATURE) -> float:
    """How often a judge who knows the gold reward agrees with these annotators, over all pairs of all
    groups.
    """
    hits = [
        preference(abs(a - b), temperature) for group in golds for j, b in enumerate(group) for a in group[:j]
    ]
    return sum(hits) / len(hits)
