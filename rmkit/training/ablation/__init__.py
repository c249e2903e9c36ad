"""What if? Heads on frozen features, fitted by the hundred, and grids of them as one tidy table.

`fit_heads` fits settings of your own (`rmkit.training.heads`); `rmkit.ablate` runs a grid of dials over seeds
and keeps it on disk; `summary`, `explain`, `figure` and `save` take the table that it returns.
"""

from rmkit.lazy import face

_WHERE = {
    "HeadResults": "heads",
    "Setting": "heads",
    "fit_heads": "heads",
    "grid": "heads",
    "Bench": "ablation.bench",
    "Cell": "ablation.cells",
    "ablate": "ablation.run",
    "change": "ablation.words",
    "explain": "ablation.words",
    "figure": "ablation.figures",
    "save": "ablation.figures",
    "summary": "ablation.words",
}
__all__ = sorted(_WHERE)
__getattr__, __dir__ = face("rmkit.training", _WHERE)
