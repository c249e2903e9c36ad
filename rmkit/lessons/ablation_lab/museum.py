"""Lesson 14's exhibit: results that are kept under a name without one of the dials."""

import json

import numpy as np

from rmkit.notebook.exhibit import Exhibit

_NOISE = (0.0, 0.2, 0.4)


def _teach(noise: float) -> float:
    """The share of 2,000 fresh pairs that a head orders rightly, taught by 300 votes; `noise` are turned."""
    rng = np.random.default_rng(0)
    truth = rng.normal(size=8)
    x, fresh = rng.normal(size=(300, 8)), rng.normal(size=(2000, 8))
    x = x * np.sign(x @ truth + rng.logistic(size=300))[:, None]  # what was preferred, less what was not
    x = np.where(rng.random(300)[:, None] < noise, -x, x)
    w = np.zeros(8)
    for _ in range(200):
        w += 0.5 * (x / (1 + np.exp(x @ w))[:, None]).mean(0) - 0.05 * w
    return float(((fresh @ w > 0) == (fresh @ truth > 0)).mean())


def _grid(planted: bool) -> dict[str, float]:
    """A grid over noise with a cache.   planted: its names hold the loss and the seed, and not the noise."""
    kept, found, taught = {}, {}, 0
    for noise in _NOISE:
        setting = {"loss": "bradley-terry", "seed": 0} | ({} if planted else {"noise": noise})
        name = json.dumps(setting, sort_keys=True)
        if name not in kept:
            kept[name], taught = _teach(noise), taught + 1
        found[f"right, noise {noise}"] = round(kept[name], 4)
    return found | {"heads_taught": taught}


EXHIBITS = (
    Exhibit(
        name="a_dial_the_cache_forgot",
        lesson="14_ablation_lab",
        symptom="The grid runs, quicker than expected, and one dial changes nothing: its rows are all equal, "
        "to the last digit.",
        cause="The name under which a result is kept leaves out that dial, so each setting reads the result "
        "of the first.",
        cure="The name is a digest of everything that decides the result: all dials, the seed, the data, the "
        "code. And no two settings may be equal to the last digit unless one knows why.",
        source="EleutherAI/lm-evaluation-harness issue #3881 (2026, open): its request cache's key has no "
        "generation_kwargs, so a run at another temperature is served the first one's requests",
        run=_grid,
        symptom_in=lambda seen: seen["heads_taught"] < len(_NOISE),
    ),
)
