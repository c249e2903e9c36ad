"""How good is a reward model? Reports with intervals, baselines and calibration; best-of-n."""

from importlib import import_module

_WHERE = dict.fromkeys(("evaluate", "Report"), "report") | dict.fromkeys(
    ("best_of_n", "best_of_n_kl"), "best_of"
)


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(_WHERE)
