"""Lesson 09's exhibit: the threshold chosen on the file that is scored."""

import numpy as np

from rmkit.evaluation.first_error import best_threshold, f1, first_below
from rmkit.notebook.exhibit import Exhibit

FILES, SOLUTIONS, STEPS = 40, 60, 6  # small, as the parts of a benchmark are


def _score(planted: bool) -> dict[str, float]:
    """F1 of a judge that knows nothing, over 40 files of 60 solutions; its rewards are noise.

    planted: each file's threshold is the best one on that very file, else the best one on another file.
    """
    rng = np.random.default_rng(9)
    rewards = rng.normal(size=(FILES + 1, SOLUTIONS, STEPS))
    first = rng.integers(0, STEPS, size=(FILES + 1, SOLUTIONS))
    first[:, ::2] = -1  # every second solution is right
    scores = []
    for k in range(FILES):
        chosen_on = k if planted else k + 1
        threshold = best_threshold(rewards[chosen_on], first[chosen_on])
        scores.append(100 * f1(first_below(rewards[k], threshold), first[k]))
    # what one fixed threshold gives this judge at best, over all files together
    flat = rewards.reshape(-1, STEPS), first.reshape(-1)
    honest = 100 * f1(first_below(flat[0], best_threshold(*flat)), flat[1])
    return {
        "f1": round(float(np.mean(scores)), 1),
        "f1_of_one_threshold_for_all_files": round(honest, 1),
        "flattered_by": round(float(np.mean(scores)) - honest, 1),
    }


EXHIBITS = (
    Exhibit(
        name="threshold_on_the_scored_file",
        lesson="09_outcome_and_process",
        symptom="A process reward model has a good F1 on every part of the benchmark, a different threshold "
        "for each, and a judge that knows nothing gains points in the same way.",
        cause="The threshold is searched on the very solutions that are then scored, so it fits their luck; "
        "the smaller the file, the more.",
        cure="Choose one threshold on other data, say which, and keep it for every part; or report a model's "
        "natural threshold, 0 for a log-odds.",
        source="ImplicitPRM, eval/processbench.py, lines 23 to 75 (2025)",
        run=_score,
        symptom_in=lambda seen: seen["flattered_by"] > 1,
    ),
)
