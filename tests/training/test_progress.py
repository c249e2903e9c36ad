"""What a run shows of itself while it goes."""

import math
import sys

from rmkit.training.progress import Progress


def test_an_accuracy_of_nothing_is_not_shown_and_a_broken_loss_is(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # lines, as in a file
    row = {"step": 1, "loss": math.nan, "accuracy": math.nan, "margin": math.nan, "tokens/s": 1.0}
    Progress(steps=1).show(row)
    assert capsys.readouterr().err.startswith("step 1/1  loss nan  1 tokens/s")
