"""Stands in for `rmkit.checks` where a submission runs: it takes the answers, and knows none.

The grader copies this file over `lessons/checks.py` of a submission's own rmkit, from which the files of
checks are left out. So a submission meets no reference, and what it hands in is judged elsewhere.
"""

from typing import Any

handed_in: dict[str, Any] = {}  # check -> the latest function


class _Verdict:
    passed, solved, message, lends = True, True, "handed in.", None


class _Check:
    def __init__(self, name: str):
        self.name = name

    def __call__(self, answer: Any) -> Any:
        handed_in[self.name] = answer
        return answer

    def judge(self, answer: Any) -> _Verdict:
        handed_in[self.name] = answer
        return _Verdict()


def every_check() -> dict[str, Any]:
    """None are here."""
    return {}


def __getattr__(name: str) -> _Check:
    if name.startswith("_"):
        raise AttributeError(name)
    return _Check(name)
