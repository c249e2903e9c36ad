"""Sliders without a browser: they move the data, in place, and what fails is seen and raised."""

import math

import ipywidgets
import numpy as np
import plotly.graph_objects as go
import pytest

from rmkit import widgets
from rmkit.errors import InputError
from rmkit.notebook import theme


@pytest.fixture(autouse=True)
def _no_panels(monkeypatch):
    monkeypatch.setattr(widgets, "_panels", [])
    monkeypatch.setattr(ipywidgets.widgets.widget, "_instances", {})


def compute(gap, noise=0.0):
    d = np.linspace(-6, 6, 13)
    return {
        "d": d,
        "p": noise + (1 - 2 * noise) / (1 + np.exp(-d)),
        "x": [gap],
        "y": [1 / (1 + math.exp(-gap))],
    }


def draw(a):
    figure = theme.figure("d", "P", x_range=(-6, 6), y_range=(0, 1), title=f"at {a['x'][0]}")
    figure.add_trace(theme.line(a["d"], a["p"], "sigma"))
    figure.add_vline(x=a["x"][0])
    return figure.add_scatter(x=a["x"], y=a["y"], mode="markers")


def say(a):
    return f"P = {a['y'][0]:.3f} <b>"


def panel(compute=compute, draw=draw, gap=(-6, 6, 0.1, 1.0), **more):
    return widgets.explore(compute, draw, readout=say, gap=gap, **more)


def test_a_slider_moves_data_readout_title_and_shapes_of_the_same_figure():
    made = panel(noise=(0.0, 0.5, 0.05, 0.0))
    figure = made.figure
    made.controls["gap"].value = 3.0
    assert made.figure is figure
    assert figure.data[1].y[0] == pytest.approx(1 / (1 + math.exp(-3)))
    assert figure.figure.layout.title.text == "at 3.0"
    assert figure.figure.layout.shapes[0].x0 == 3.0
    assert "P = 0.953 &lt;b&gt;" in made.number.value
    made.controls["noise"].value = 0.5
    assert np.ptp(figure.data[0].y) == 0


def test_every_slider_goes_to_both_ends_and_comes_back():
    made = panel(noise=(0.0, 0.5, 0.05, 0.1))
    assert [row["slider"] for row in widgets.exercise_all()] == ["gap", "noise"]
    assert {name: control.value for name, control in made.controls.items()} == {"gap": 1.0, "noise": 0.1}


def test_a_failing_callback_is_shown_escaped_and_raised():
    def fails(gap):
        if gap > 5:
            raise RuntimeError("no <script> here")
        return compute(gap)

    made = panel(fails)
    with pytest.raises(RuntimeError, match="no <script>"):
        made.controls["gap"].value = 6.0
    assert "RuntimeError: no &lt;script&gt;" in made.alarm.value
    made.controls["gap"].value = 2.0
    assert made.alarm.value == ""
    with pytest.raises(RuntimeError):
        widgets.exercise_all()


def test_a_slider_that_changes_nothing_fails():
    panel(lambda gap: compute(1.0))
    with pytest.raises(AssertionError, match="'gap' changes no data"):
        widgets.exercise_all()


def test_a_slider_that_moves_only_a_shape_fails():
    panel(
        draw=lambda a: draw({**compute(0.0), "x": a["x"]}).update_traces(x=[0], selector={"mode": "markers"})
    )
    with pytest.raises(AssertionError, match="changes no data"):
        widgets.exercise_all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), None])
def test_data_that_is_not_finite_fails_and_gaps_allow_only_nan(bad):
    def holes(gap):
        return {**compute(gap), "y": [bad if gap == 6 else gap]}

    with pytest.raises(AssertionError, match="NaN or infinity"):
        widgets.explore(holes, draw, readout=str, gap=(-6, 6, 1, 1)).exercise()
    loose = widgets.explore(holes, draw, readout=str, gaps=True, gap=(-6, 6, 1, 1))
    if bad == float("inf"):
        with pytest.raises(AssertionError, match="NaN or infinity"):
            loose.exercise()
    else:
        loose.exercise()


def test_a_slider_made_elsewhere_fails():
    panel()
    ipywidgets.FloatSlider(description="mine")
    with pytest.raises(AssertionError, match="mine"):
        widgets.exercise_all()


def test_traces_must_stay_the_same():
    made = panel(draw=lambda a: draw(a) if a["x"][0] < 2 else go.Figure(draw(a).data[:1]))
    with pytest.raises(InputError, match="other traces"):
        made.controls["gap"].value = 3.0


@pytest.mark.parametrize("axis", ["xaxis", "yaxis", "yaxis2"])
def test_axes_must_be_fixed(axis):
    def loose(a):
        figure = draw(a).add_scatter(x=[0], y=[0], yaxis="y2").update_layout(yaxis2={"range": [0, 1]})
        figure.layout[axis].range = None
        return figure

    with pytest.raises(InputError, match="fixed range"):
        panel(draw=loose)


def test_names_need_no_range_and_maps_are_data():
    def heat(a):
        figure = theme.figure("team", "team", x_range=None, y_range=None)
        return figure.add_heatmap(x=["a", "b"], y=["a", "b"], z=a["z"], zmin=0, zmax=1)

    made = widgets.explore(lambda s: {"z": [[0, s], [1 - s, 0]]}, heat, readout=str, s=(0.0, 1.0, 0.1, 0.5))
    assert made.exercise()[0]["slider"] == "s"


def test_options_and_checkboxes_are_sliders_too():
    def shape(kind, log):
        return {**compute(float(len(kind)) + log)}

    made = widgets.explore(shape, draw, readout=say, kind=["a", "bbb"], log=False)
    assert [type(c).__name__ for c in made.controls.values()] == ["SelectionSlider", "Checkbox"]
    assert len(made.exercise()) == 2


def test_a_slow_figure_waits_for_the_release(monkeypatch):
    assert panel().controls["gap"].continuous_update
    monkeypatch.setattr(widgets, "SLOW_MS", 0)
    assert not panel().controls["gap"].continuous_update


def test_a_slider_with_its_start_outside_is_refused():
    with pytest.raises(InputError, match="start inside"):
        panel(gap=(0, 1, 0.1, 2.0))


def test_the_still_version_has_frames_whose_numbers_move(monkeypatch):
    monkeypatch.setenv("RMKIT_STATIC", "1")
    figure = panel(noise=(0.0, 0.5, 0.1, 0.0))
    assert type(figure) is go.Figure
    assert widgets._panels == []
    names = [step.args[0][0] for slider in figure.layout.sliders for step in slider.steps]
    assert names == [frame.name for frame in figure.frames]
    assert figure.frames[0].data[1].x == (-6.0,)
    assert figure.frames[0].layout.title.text != figure.frames[8].layout.title.text
    assert figure.layout.sliders[0].steps[figure.layout.sliders[0].active].label == "1"  # its start


def test_live_curve_draws_the_last_step_and_refuses_divergence():
    live = widgets.LiveCurve(3, every=60, loss=(0, 1), accuracy=(0, 1))
    for step in (1, 2, 3):
        live({"step": step, "loss": 1 / step, "accuracy": step / 3, "lr": 0.1})
    assert live.figures["loss"].data[0].x == (1, 2, 3)
    assert live.figures["accuracy"].data[0].y[-1] == 1
    assert "step 3, loss 0.3333, accuracy 1" in live.number.value
    with pytest.raises(InputError, match="diverged"):
        live({"step": 4, "loss": float("nan")})
