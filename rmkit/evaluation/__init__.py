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
    },
)
