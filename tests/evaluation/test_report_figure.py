"""The figure of a report: every subset stands in it, with its interval, whatever it is called."""

import math

import numpy as np
import pandas as pd
import pytest

from rmkit.data.preferences import Preferences, Record
from rmkit.evaluation import evaluate, figures
from rmkit.notebook.panels import describe

EVIL = "<img src=x onerror=alert(1)> $x$"


def report(subsets, groups=120, seed=0):
    rng = np.random.default_rng(seed)
    records, rewards = [], []
    for g in range(groups):
        texts = ["a" * int(n) for n in rng.integers(1, 90, 2)]
        subset = subsets[g % len(subsets)] if subsets else None
        records.append(Record(f"p{g}", texts, ranks=[1, 2], subset=subset))
        rewards.append([float(rng.normal(1)), 0.0])
    return evaluate(rewards, Preferences(records, name="toy"))


def forest(figure):
    """(ticks of the forest's rows, {row: accuracy}, {row: (low, high)})."""
    points = next(t for t in figure.data if t.mode == "markers" and t.yaxis in (None, "y", "y1"))
    bars = next(t for t in figure.data if t.mode == "lines" and t.x and None in t.x)
    ends = {bars.y[i]: bars.x[i : i + 2] for i in range(0, len(bars.y), 3)}
    return figure.layout.yaxis.ticktext, dict(zip(points.y, points.x, strict=True)), ends


def test_the_forest_holds_every_subset_best_first_with_its_interval():
    found = report(["a", "b", "c"])
    names, points, ends = forest(found.figure())
    order = sorted(found.subsets, key=lambda name: -found.subsets[name].accuracy)
    assert names == ("<b>all</b>", *order)
    for row, part in enumerate([found, *(found.subsets[name] for name in order)]):
        assert points[row] == part.accuracy
        assert ends[row] == pytest.approx(part.interval)
    assert list(points.values())[1:] == sorted(list(points.values())[1:], reverse=True)


def test_null_rules_and_a_ceiling_are_lines_across_all_rows():
    found = report(["a", "b"])
    found.ceiling = 0.93
    lines = {t.name.split()[0]: t for t in found.figure().data if t.name}
    assert lines.keys() == {"longest", "shortest", "first", "random", "ceiling"}
    assert lines["ceiling"].x == (0.93, 0.93)
    for name, rule in found.baselines.items():
        assert lines[name].x == (rule["accuracy"],) * 2
        assert lines[name].y == (-0.5, 2.5)
    assert len({(line.line.color, line.line.dash) for line in lines.values()}) == 5
    assert "93.0%" in figures.describe(found)


def test_sixty_subsets_make_a_taller_figure_of_the_same_rows():
    one, sixty = report(None).figure(), report([f"s{i}" for i in range(60)], 600).figure()
    assert len(forest(sixty)[0]) == 61
    assert sixty.layout.height - one.layout.height > 59 * 15


@pytest.mark.parametrize("missing", [None, math.nan])
def test_a_subset_without_interval_or_pairs_keeps_its_row(missing):
    found = report(["a", "b", "c"])
    found.subsets["a"].interval = (missing, missing)
    found.subsets["b"].accuracy, found.subsets["b"].interval = missing, (missing, missing)
    names, points, ends = forest(found.figure())
    assert names[-1] == "b (no pairs)"
    assert 3 not in points
    assert set(points) - set(ends) == {names.index("a")}
    found.accuracy = missing
    assert figures.describe(found).startswith("No accuracy")
    found.figure()


def test_names_of_subsets_are_text_everywhere_in_the_figure():
    found = report([EVIL, "b"])
    text = str(found.figure().to_plotly_json()["data"]) + str(found.figure().layout.yaxis.ticktext)
    assert "<img" not in text
    assert "$x$" not in text
    assert "&lt;img" in text


def test_the_words_say_what_the_figure_shows():
    found = report(["a", "b"])
    said = describe(found.figure())
    assert said == figures.describe(found)
    for number in (found.accuracy, *found.interval, found.baselines["random"]["accuracy"]):
        assert f"{number:.1%}" in said or number == found.baselines["random"]["accuracy"]
    assert "Of 2 subsets, the lowest is" in said


def test_reliability_stands_below_and_accuracy_by_length_where_it_is_known():
    found = report(None)
    questions = [note.text for note in found.figure().layout.annotations]
    assert any("as sure" in q or "sure?" in q for q in questions)
    columns = ["shortest", "longest", "difference", "accuracy", "low", "high", "pairs"]
    rows = [[-9, 0, -4.0, 0.5, 0.4, 0.6, 8], [1, 9, 5.0, 0.9, math.nan, math.nan, 1]]
    found.by_length = lambda: pd.DataFrame(rows, columns=columns)
    drawn = found.figure()
    assert any("length" in note.text for note in drawn.layout.annotations)
    points = next(t for t in drawn.data if t.x is not None and list(t.x) == [-4.0, 5.0])
    assert list(points.y) == [0.5, 0.9]
    assert points.error_y.array == pytest.approx([0.1, 0.0])
