"""How good is a reward model? Reports, intervals, baselines, calibration, best-of-n, benchmark rules."""

from rmkit.lazy import face

__getattr__, __dir__ = face(
    __name__,
    {
        "evaluate": "report",
        "Report": "report",
        "best_of_n": "best_of",
        "best_of_n_kl": "best_of",
        "aggregate": "aggregation",
        "benchmark": "benchmarks",
        "compare_reports": "paired",
        "against_one": "one_of_many",
        "against_many": "one_of_many",
        "detection": "shift",
        "distance": "shift",
        "energy": "shift",
        "PoolPolicy": "pool_policy",
        "policy_gradient": "pool_policy",
        "tilted": "pool_policy",
        "at_kl": "pool_policy",
        "best_of_n_policy": "pool_policy",
        "whitened": "pool_policy",
    },
)
