"""The bug museum: real bugs of reward modeling, each planted with one switch so that its symptom can be seen.

Each lesson's `museum.py` has a tuple `EXHIBITS`. A test runs every exhibit both ways: the symptom must show
when the bug is planted and be gone when it is not.
"""

from collections.abc import Mapping

import pandas as pd

from rmkit.lessons import Parts
from rmkit.notebook.exhibit import Exhibit

__all__ = ["Exhibit", "exhibits", "table"]


def exhibits() -> Mapping[str, Exhibit]:
    """All exhibits of all lessons by name."""
    return Parts("museum", "EXHIBITS")


def table() -> pd.DataFrame:
    """The whole museum, a row an exhibit: lesson, name, symptom, cure, source."""
    columns = ["lesson", "name", "symptom", "cure", "source"]
    rows = [[getattr(exhibit, column) for column in columns] for exhibit in exhibits().values()]
    return pd.DataFrame(rows, columns=columns).sort_values(["lesson", "name"], ignore_index=True)
