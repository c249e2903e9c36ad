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

__all__ = [
    "Calibration",
    "Difference",
    "Interval",
    "Reliability",
    "accuracy_interval",
    "calibration",
    "crossed_interval",
    "effective_interval",
    "fit_temperature",
    "mean_interval",
    "paired_difference",
    "power",
    "reliability_curve",
    "temperature",
]
