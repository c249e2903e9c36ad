"""Figures of preferences and ledgers: what is counted is what is drawn."""

import numpy as np
import pytest

from rmkit.data import figures
from rmkit.data.ledger import Ledger
from rmkit.data.preferences import Preferences, Record
from rmkit.notebook.panels import describe

EVIL = "<b>bold</b> $x$"


def questions(figure):
    return [note.text.replace("<br>", " ")[3:-4] for note in figure.layout.annotations]


def bars(figure, number):
    axis = f"x{number}" if number > 1 else "x"
    return next(t for t in figure.data if t.type == "bar" and t.xaxis == axis)


def test_lengths_and_sizes_count_every_response_and_group():
    records = [Record(f"p{i}", ["a" * (n + 1) for n in range(2 + i % 3)]) for i in range(30)]
    drawn = Preferences(records).figure()
    assert sum(bars(drawn, 1).y) == sum(len(record.responses) for record in records)
    assert list(bars(drawn, 2).y) == [10, 10, 10]
    assert drawn.layout.xaxis2.ticktext == ("2", "3", "4")
    assert len(questions(drawn)) == 2  # no strengths, nothing ordered


def test_many_lengths_are_bins_and_the_longest_are_counted_apart():
    records = [Record(f"p{i}", ["a" * (i + 1)]) for i in range(1000)] + [Record("q", ["a" * 10**6])]
    drawn = Preferences(records).figure()
    beyond = int(questions(drawn)[0].split("(")[1].split()[0])
    assert sum(bars(drawn, 1).y) + beyond == 1001
    assert drawn.layout.xaxis.range[1] < 1001


def test_the_longer_one_is_preferred_as_often_as_counted_by_hand():
    rng = np.random.default_rng(0)
    records = [
        Record(f"p{i}", ["a" * int(a), "b" * int(b)], ranks=[1, 2], strength=float(i % 3))
        for i, (a, b) in enumerate(rng.integers(1, 50, (200, 2)))
    ]
    drawn = Preferences(records, name=EVIL).figure()
    assert questions(drawn)[2:] == ["How much better is the better one?", "Is the longer one preferred?"]
    unequal = [r for r in records if len(r.responses[0]) != len(r.responses[1])]
    share = np.mean([len(r.responses[0]) > len(r.responses[1]) for r in unequal])
    assert f"{share:.1%}" in describe(drawn)
    points = next(t for t in drawn.data if t.type == "scatter" and t.mode == "markers")
    ratio = [max(map(len, r.responses)) / min(map(len, r.responses)) for r in unequal]
    far = [len(r.responses[0]) > len(r.responses[1]) for r, x in zip(unequal, ratio, strict=True) if x > 3]
    assert points.y[-1] == pytest.approx(np.mean(far))


@pytest.mark.parametrize(
    "records",
    [
        [],
        [Record("p", ["a"])],
        [Record("p", ["", ""], ranks=[1, 2])],
        [Record("p", ["a", "b"], ranks=[1, 1])],
        [Record("p", ["a", "bb"], correct=[True, False])],
        [Record("p", ["a", "bb"], ranks=[1, 2], strength=-1e9)],
    ],
)
def test_any_preferences_have_a_figure_and_words(records):
    found = Preferences(records, name="few")
    assert describe(found.figure()) == figures.describe(found)
    assert figures.describe(found).startswith(f"few: {len(records)} group")


def test_a_large_set_is_drawn_from_a_sample_that_is_said(monkeypatch):
    monkeypatch.setattr(figures, "MOST", 10)
    drawn = Preferences([Record(f"p{i}", ["a", "bb"], ranks=[1, 2]) for i in range(30)]).figure()
    assert sum(bars(drawn, 2).y) == 10
    assert "10 groups of 30" in drawn.layout.title.text
    assert "10 groups drawn at random" in describe(drawn)


def test_every_count_of_a_ledger_is_a_bar_with_its_number():
    ledger = Ledger()
    for split in ("train", "test"):
        ledger.add("kept", 1000, split=split)
        ledger.add("truncated", 30, split=split)
        ledger.drop("empty", 2, split=split)
        ledger.drop(EVIL, 7, split=split)
    drawn = ledger.figure()
    rows, altered = bars(drawn, 1), bars(drawn, 2)
    assert list(rows.x) == [2000, 14, 4]
    assert [word.split()[0] for word in rows.text] == ["2,000", "14", "4"]
    assert list(altered.x) == [60]
    names = drawn.layout.yaxis.ticktext
    assert names[0] == "kept"
    assert names[1] == "dropped: &lt;b&gt;bold&lt;/b&gt; &#36;x&#36;"
    assert (
        describe(drawn) == f"Of 2,018 rows read, 2,000 are kept; 18 are dropped, most often as '{EVIL}' (14)."
    )


def test_an_empty_ledger_has_a_figure():
    assert describe(Ledger().figure()) == "Of 0 rows read, 0 are kept; none is dropped."
