"""Lesson 14's figures: what they compute, by hand; every dial of the panel teaches anew."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rmkit.lessons.ablation_lab import figures, panel
from rmkit.training.ablation import bench as benches
from rmkit.training.ablation.bench import Bench
from tests.training.test_ablation import read, world


def test_blocks_of_seeds_give_students_intervals_paired_or_not():
    rng = np.random.default_rng(0)
    before = rng.normal(size=12)
    after = before + 0.5 + 0.1 * rng.normal(size=12)
    a = figures.seeds_compute(4, True, before=before, after=after)
    assert np.isfinite(a["mean"]).sum() == 3
    assert len(a["mean"]) == 6
    each = (after - before)[4:8]
    assert a["mean"][1] == pytest.approx(each.mean())
    assert a["half"][1] == pytest.approx(stats.t.ppf(0.975, 3) * each.std(ddof=1) / 2)
    loose = figures.seeds_compute(4, False, before=before, after=after)
    np.testing.assert_allclose(loose["mean"], a["mean"])
    assert np.nanmean(loose["half"]) > 3 * np.nanmean(a["half"])
    assert "3 of 3 experiments of 4 seeds" in figures.seeds_say(a)
    drawn = figures.seeds_draw(a, reach=100, axis="missed")
    assert len(drawn.data) == 6 + 2
    assert (
        len(
            figures.seeds_draw(
                figures.seeds_compute(2, True, before=before, after=after), reach=9, axis="x"
            ).data
        )
        == 8
    )


def test_effects_of_a_factorial_are_those_it_was_made_with():
    rows = []
    for seed in range(3):
        for a in (0, 1):
            for b in (0.0, 0.2):
                y = seed + 2 * a + 3 * (b > 0) + 4 * a * (b > 0)
                rows.append({"seed": seed, "loss": "xy"[a], "noise": b, "missed": float(y)})
    table = pd.DataFrame(rows)
    found = figures.effects(table, ["loss", "noise"], "missed")
    np.testing.assert_allclose(found["loss"], 2 + 4 / 2)
    np.testing.assert_allclose(found["noise"], 3 + 4 / 2)
    np.testing.assert_allclose(found["loss x noise"], 4)
    noisy = {name: each + np.array([0, 0.1, -0.1]) for name, each in found.items()}
    drawn = figures.effects_draw(noisy, "missed")
    assert list(drawn.data[0].y) == ["loss", "loss x noise", "noise"]
    with pytest.raises(ValueError, match="needs 2"):
        figures.effects(table.assign(noise=0.0), ["loss", "noise"], "missed")


def test_a_winner_is_measured_where_it_was_chosen_and_elsewhere():
    rows = [
        {"seed": seed, "loss": loss, "margin": 1.0, "missed": missed}
        for loss, values in {"a": [0.1, 0.1, 0.5, 0.5], "b": [0.3, 0.3, 0.3, 0.3]}.items()
        for seed, missed in enumerate(values)
    ]
    won = figures.winners(pd.DataFrame(rows), "missed", 2)
    assert won["winner"].tolist() == ["a, 1", "b, 1"]
    np.testing.assert_allclose(won["where it was chosen"], [10, 10])
    np.testing.assert_allclose(won["on other seeds"], [-10, -10])


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.setattr(benches, "features", read)
    return Bench(world(), pool=world(10, k=20, seed=1), best_of=8, progress=False)


def test_every_dial_of_the_panel_teaches_new_heads(bench):
    made = panel.lab(bench, labels=[10, 28], seeds=3)
    assert [row["slider"] for row in made.exercise()] == [
        "loss", "margin", "weighting", "k", "labels", "noise", "length_bias", "penalty", "seeds",
    ]  # fmt: skip


def test_the_panel_shows_the_rows_of_the_table_and_explains_them(bench):
    made = panel.lab(bench, labels=[10, 28], seeds=3)
    made.controls["noise"].value = 0.4
    made.ask.click()
    assert "noise from 0 to 0.4" in made.sentence.value
    cell = benches.Cell("margin", margin=1.0, k="2-4", labels=10, noise=0.4, penalty=1.0)
    expected = pd.DataFrame(bench.measure(cell, range(3)))
    pd.testing.assert_series_equal(made.now["rows"]["missed"], expected["missed"])
    means = [trace.y[0] for trace in made.figure.data if len(trace.y) == 1]
    rows = [each["rows"] for each in (made.pinned, made.now)]
    np.testing.assert_allclose(means, [part[m].mean() for m in panel.SHOWN for part in rows])
    made.controls["noise"].value = 0.0
    made.controls["weighting"].value = "pair"
    made.controls["k"].value = "3"
    made.pin.click()
    made.controls["weighting"].value = "group"
    assert "here that does nothing" in made.sentence.value
