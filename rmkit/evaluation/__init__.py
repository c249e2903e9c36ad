"""How good is a reward model? Reports, intervals, baselines, calibration, best-of-n, benchmark rules."""

from importlib import import_module

_WHERE = {
    "evaluate": "report",
    "Report": "report",
    "best_of_n": "best_of",
    "best_of_n_kl": "best_of",
    "aggregate": "aggregation",
    "benchmark": "benchmarks",
}


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_WHERE)
