"""Bug exhibit of lesson 01: a fit that stops because its steps are small, not because it has arrived."""

import numpy as np

from rmkit.notebook.exhibit import Exhibit

CHAIN = 16  # teams in a row; each meets only its neighbors, and the better one wins 6 of 10


def _stops_early(planted: bool) -> dict[str, float]:
    """The classical iteration with one of two rules for stopping."""
    wins = np.diag([6.0] * (CHAIN - 1), 1) + np.diag([4.0] * (CHAIN - 1), -1)
    games, p = wins + wins.T, np.ones(CHAIN)
    steps, arrived = 0, False
    while not arrived:
        expected = (games * p[:, None] / (p[:, None] + p)).sum(axis=1)
        new = p * wins.sum(axis=1) / expected
        step = np.abs(np.log(new / p)).max()
        p, steps = new, steps + 1
        unexplained = np.abs(wins.sum(axis=1) - expected).max()
        arrived = step < 1e-2 if planted else unexplained < 1e-9
    return {"first ahead of last": round(float(np.log(p[0] / p[-1])), 3), "iterations": steps}


EXHIBITS = (
    Exhibit(
        name="stops_early",
        lesson="01_bradley_terry",
        symptom="All scores are pulled towards the middle, and the best and the worst the most.",
        cause="The solver stops when a step is small; where it crawls, small steps are far from the top.",
        cure="Stop on the gradient: every team's expected wins must equal its wins.",
        source=(
            "autogluon/tabarena #488 (a leaderboard at its solver's default tolerance) and #500 (this very "
            "iteration, over 1000 Elo points short at its cap); orq-ai/orq-arena #20 (2000 slow steps of a "
            "length coefficient; once converged, the leader fell to sixth)"
        ),
        run=_stops_early,
        symptom_in=lambda seen: seen["first ahead of last"] < 0.9 * (CHAIN - 1) * np.log(1.5),
    ),
)
