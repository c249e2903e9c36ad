"""How sure are we? Intervals and paired tests (`intervals`), calibration (`calibration`), in one place."""

from rmkit.theory.calibration import (
    Calibration,
    Reliability,
    calibration,
    fit_temperature,
    reliability_curve,
    temperature,
)
from rmkit.theory.intervals import (
    Difference,
    Interval,
    accuracy_interval,
    crossed_interval,
    effective_interval,
    mean_interval,
    paired_difference,
    power,
)
from rmkit.theory.rank_correlation import correlation_gain, rank_correlation

__all__ = [
    "Calibration",
    "Difference",
    "Interval",
    "Reliability",
    "accuracy_interval",
    "calibration",
    "correlation_gain",
    "crossed_interval",
    "effective_interval",
    "fit_temperature",
    "mean_interval",
    "paired_difference",
    "power",
    "rank_correlation",
    "reliability_curve",
    "temperature",
]
