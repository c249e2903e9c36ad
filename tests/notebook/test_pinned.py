"""A panel that compares: the pinned setting stays, the sentence follows, a failure is seen."""

import pytest

from rmkit.notebook import theme
from rmkit.notebook.pinned import compare


def compute(x):
    return {"x": 1 / (9 - x)}


def draw(now, pinned):
    shown = theme.figure("x", "y", x_range=(0, 1), y_range=(0, 9))
    shown.add_trace(theme.line([0, 1], [0, pinned["x"]], "pinned"))
    return shown.add_trace(theme.line([0, 1], [0, now["x"]], "now"))


def explain(pinned, now):
    return f"from {pinned['x']:.3f} to {now['x']:.3f}"


def panel():
    return compare(
        compute, draw, readout=lambda a: f"{a['x']:.3f}", explain=explain, sliders={"x": (0, 9, 1, 4)},
        names={"x": "the dial"},
    )  # fmt: skip


def ends(made):
    return [trace.y[1] for trace in made.figure.data]


def test_the_first_setting_is_pinned_until_another_is():
    made = panel()
    assert made.controls["x"].description == "the dial"
    assert ends(made) == [0.2, 0.2]
    made.controls["x"].value = 7
    assert ends(made) == [0.2, 0.5]
    made.pin.click()
    assert ends(made) == [0.5, 0.5]
    made.controls["x"].value = 8
    assert ends(made) == [0.5, 1.0]


def test_the_sentence_comes_when_asked_and_then_goes_with_the_dials():
    made = panel()
    made.controls["x"].value = 7
    assert made.sentence.value == ""
    made.ask.click()
    assert "from 0.200 to 0.500" in made.sentence.value
    made.controls["x"].value = 8
    assert "from 0.200 to 1.000" in made.sentence.value
    made.pin.click()
    assert "from 1.000 to 1.000" in made.sentence.value


def test_a_failure_is_shown_and_raised():
    made = panel()
    with pytest.raises(ZeroDivisionError):
        made.controls["x"].value = 9
    assert "ZeroDivisionError" in made.alarm.value
    made.controls["x"].value = 4
    assert made.alarm.value == ""
    made.explain = lambda *_: {}["no such key"]
    made.ask.click()  # ipywidgets logs what a button raises, and a browser would not show it
    assert "KeyError" in made.alarm.value


def test_without_a_kernel_it_stands_still(monkeypatch):
    monkeypatch.setenv("RMKIT_STATIC", "1")
    still = compare(
        lambda x: {"x": float(x)}, draw, readout=str, explain=explain, sliders={"x": (0, 8, 1, 4)}
    )
    assert len(still.frames) == 9
    assert [trace.y[1] for trace in still.frames[0].data] == [4.0, 0.0]
