"""Lesson 13: what a reward is worth to one person. d (N,) its gaps, g (N,) that person's true gaps.

Lesson 05's instruments, per person: agreement with fresh votes, and log-loss at the reward's own temperature.
"""

import numpy as np

from rmkit.lessons.margin_and_strength.instruments import agreement, calibrated, log_loss, missed
from rmkit.theory.intervals import Interval

__all__ = ["agreement", "calibrated", "log_loss", "missed", "said", "worth"]


def worth(d: np.ndarray, g: np.ndarray) -> tuple[float, float]:
    """(agreement in percent, log-loss in thousandths of a nat at the reward's own temperature)."""
    return 100 * float(agreement(d, g).mean()), 1000 * float(log_loss(calibrated(d, g), g).mean())


def said(interval: Interval, digits: int = 1) -> str:
    """A number with its interval in words: "+3.1 [+1.2, +5.0]"."""
    mean, low, high = (f"{value:+.{digits}f}" for value in interval)
    return f"{mean} [{low}, {high}]"
