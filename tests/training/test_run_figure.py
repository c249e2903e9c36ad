"""The figure of a run: what its history holds is drawn, holes stay holes."""

import numpy as np
import pandas as pd
import pytest

from rmkit.data.ledger import Ledger
from rmkit.errors import InputError
from rmkit.notebook.panels import describe
from rmkit.training import figures
from rmkit.training.loop import Run


def run(steps, **columns):
    step = np.arange(1, steps + 1)
    history = {"step": step, "loss": 1 / step, "accuracy": 1 - 0.5 / step, "margin": step / 10.0, **columns}
    return Run(None, pd.DataFrame(history), Ledger())


def traces(found):
    return {(t.yaxis, t.name): t for t in found.figure().data}


def questions(found):
    return [note.text for note in found.figure().layout.annotations]


def test_loss_and_accuracy_are_the_history_and_the_margin_stands_in_for_rewards():
    found = run(20)
    drawn = traces(found)
    assert list(drawn["y", "training"].y) == list(found.history["loss"])
    assert list(drawn["y2", "training"].y) == list(found.history["accuracy"])
    assert list(drawn["y3", "training"].y) == list(found.history["margin"])
    assert found.figure().layout.title.text == figures.TITLE


def test_held_out_values_are_points_where_they_were_measured():
    held_out = [np.nan, 0.7, np.nan, 0.6]
    found = run(4, held_out_loss=held_out, held_out_accuracy=held_out)
    points = traces(found)["y", "held out"]
    assert list(points.x) == [2, 4]
    assert list(points.y) == [0.7, 0.6]
    assert found.figure().layout.title.text == figures.WITH_HELD_OUT
    assert "held-out loss from 0.700 to 0.600" in figures.describe(found)
    alone = run(4, held_out_loss=[np.nan] * 3 + [0.6], held_out_accuracy=[np.nan] * 4)
    assert "held-out loss 0.600" in figures.describe(alone)
    alone.figure()


def test_rewards_are_drawn_with_spread_and_range():
    columns = {"reward_mean": [0.0, 1.0], "reward_std": [1.0, 2.0], "reward_min": [-3.0, -4.0]}
    drawn = run(2, **columns, reward_max=[3.0, 5.0]).figure()
    low, high = drawn.layout.yaxis3.range
    assert low < -4
    assert high > 5
    band = next(t for t in drawn.data if t.fill == "toself")
    assert list(band.y) == [1.0, 3.0, -1.0, -1.0]


def test_a_long_run_is_its_running_mean_over_the_faint_steps():
    loss = np.tile([0.0, 1.0], 2000)
    drawn = [t for t in run(4000, loss=loss).figure().data if t.yaxis == "y"]
    assert list(drawn[0].y) == list(loss)
    assert np.abs(np.array(drawn[1].y)[200:-200] - 0.5).max() < 0.01


@pytest.mark.parametrize("steps", [1, 2])
def test_short_runs_are_seen(steps):
    drawn = run(steps).figure()
    modes = {t.mode for t in drawn.data if t.name == "training"}
    assert modes == ({"markers"} if steps == 1 else {"lines"})
    for axis in ("xaxis", "yaxis", "xaxis2", "yaxis2"):
        low, high = drawn.layout[axis].range
        assert low < high


def test_columns_without_a_number_are_left_out():
    found = run(3, accuracy=[np.nan] * 3, margin=[np.nan] * 3)
    assert questions(found) == ["<b>Does the loss fall?</b>"]
    assert "accuracy" not in describe(found.figure())
    with pytest.raises(InputError, match="no steps"):
        run(0).figure()


def test_the_words_give_first_and_last():
    assert figures.describe(run(4)) == "4 steps, loss from 1.000 to 0.250, accuracy from 50.0% to 87.5%."
