"""How a reward model learns: the loop, its batches, checkpoints and schedule; heads; votes; the report."""

from rmkit.lazy import face

__getattr__, __dir__ = face(__name__, {"fit": "loop", "Run": "run", "Settings": "settings"})
