"""Exercise checks: `my_loss = rmkit.checks.bt_loss(my_loss)`.

A check runs the learner's function beside a reference on many inputs and prints one line: right; not solved
yet; or which mistake it looks like. It returns the learner's function when that is right and the library's
otherwise, so the lesson always goes on. Each lesson's `checks.py` has a tuple `CHECKS`.
"""

from collections.abc import Mapping

from rmkit.lessons import Parts
from rmkit.notebook.check import Check, Mistake, Verdict

__all__ = ["Check", "Mistake", "Verdict", "every_check"]


def every_check() -> Mapping[str, Check]:
    """All checks of all lessons by name."""
    return Parts("checks", "CHECKS")


def __getattr__(name: str) -> Check:
    if not name.startswith("_") and name in (checks := every_check()):
        return checks[name]
    raise AttributeError(f"no check is called {name!r}")
