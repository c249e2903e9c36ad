"""How good were the expectations? Each was fixed before its vote, so no vote was used to foresee itself.

Dawid (1984) calls this prequential: a forecaster is judged by forecasts alone.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rmkit.theory import calibration, intervals


@dataclass(frozen=True)
class Track:
    """gaps (N,): log-odds that were given to what was then preferred. Ties, skips and votes without an
    expectation are not in it.
    """

    gaps: np.ndarray

    @classmethod
    def of(cls, lines: Sequence[dict]) -> "Track":
        """From lines of a vote file (`expected` is P(left), beside `ranks`)."""
        p = [
            expected if line["ranks"][0] < line["ranks"][1] else 1 - expected
            for line in lines
            if line.get("ranks") and line["ranks"][0] != line["ranks"][1]
            if (expected := (line.get("extra") or {}).get("expected")) is not None
        ]
        p = np.clip(np.array(p, dtype=np.float64), 1e-6, 1 - 1e-6)
        return cls(np.log(p / (1 - p)))

    def __len__(self) -> int:
        return len(self.gaps)

    @property
    def right(self) -> float:
        """How many were right; an expectation of one half is half right."""
        return float(intervals.credit(self.gaps).sum())

    @property
    def claimed(self) -> float:
        """How often it should be right by its own word: the mean of max(p, 1 - p)."""
        return float((1 / (1 + np.exp(-np.abs(self.gaps)))).mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the share that was right."""
        return intervals.accuracy_interval(intervals.credit(self.gaps))

    @property
    def log_loss(self) -> float:
        """Mean -log of the probability given to what came, in nats; a coin has 0.69."""
        return float(calibration.log_loss(self.gaps).mean())

    def __str__(self) -> str:
        if not len(self):
            return "No expectation was tried yet."
        share, low, high, claimed = (
            f"{100 * part:.0f} %" for part in (self.right / len(self), *self.interval, self.claimed)
        )
        return (
            f"Right in {self.right:g} of {len(self)} ({share}, 95 % interval {low} to {high}); by its own "
            f"word it should be {claimed}. Log-loss {self.log_loss:.2f}, a coin has 0.69."
        )
