"""A rubric read off a critique: one verdict for each aspect, where the judge's last word is one for all.

The pocket judge names what it finds ("fish: right. missing: home. wordy. So: fair"), so the aspects stand in
what it wrote. A critique that names nothing gets full marks, as an answer without a fault would.
"""

import re

import torch
from torch import Tensor

ASPECTS = ("correct", "complete", "to the point", "short", "in form", "safe")


def marks(critique: str) -> list[float]:
    """A mark in [0, 1] for each of ASPECTS: shares of claims for two of them, else 1 / (1 + faults).

    r = sum w c / sum w over these marks c is a rubric's reward (Gunjal et al. 2025).
    """

    def count(pattern: str) -> int:
        return len(re.findall(pattern, critique))

    right, wrong, missing = count(r": right\b"), count(r": wrong\b"), count(r"\bmissing:")
    beside = count(r": (?:extra|repeated|avoids)\b") + count(r"\b(?:filler|unclear)\.")
    return [
        right / (right + wrong) if right + wrong else 1.0,
        right / (right + missing) if right + missing else 1.0,
        1 / (1 + beside),
        1 / (1 + count(r"\bwordy\.")),
        1 / (1 + count(r"\bform: broken")),
        1 / (1 + count(r"\bunsafe\.")),
    ]


def features(written: list) -> Tensor:
    """(N, 6) marks of N answers, from the first critique of each (lists of rmkit.generative.Critique)."""
    return torch.tensor([marks(several[0].text) for several in written])
