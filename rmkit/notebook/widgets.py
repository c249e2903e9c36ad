"""Sliders on a figure, and a curve that grows while a model trains.

A LiveFigure is drawn anew in its place, so the picture moves without flicker and keeps the reader's zoom.
A callback that fails says so under the sliders and raises: nothing is swallowed.
"""

import html
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import numpy as np
import plotly.graph_objects as go

from rmkit.errors import InputError
from rmkit.notebook import still, theme
from rmkit.notebook.live_figure import LiveFigure

Arrays = Mapping[str, Any]
SLOW_MS = 100  # a slower figure waits for the slider to be released
_panels: list["Panel"] = []  # every panel of this kernel, so that a test can move them all


def explore(
    compute: Callable[..., Arrays],
    draw: Callable[[Arrays], go.Figure],
    *,
    readout: Callable[[Arrays], str],
    labels: Mapping[str, str] | None = None,
    gaps: bool = False,
    **sliders: Any,
) -> "Panel | go.Figure":
    """Sliders wired to one figure: `explore(compute, draw, readout=say, gap=(-6, 6, 0.1, 1.0))`.

    compute(**values) -> arrays and draw(arrays) -> go.Figure are pure; draw returns the same traces on fixed
    axes whatever the values. readout(arrays) -> the taught number, as text. Each slider, named as compute's
    parameter, is (low, high, step, start), a list of options (the first is the start), or a bool. `labels`
    gives readable names. `gaps=True` allows NaN in the data (a hole in a curve or a map). With
    RMKIT_STATIC=1 the result is a plain go.Figure whose sliders need no kernel: each moves alone, the others
    stay at their start.
    """
    made = controls(sliders, labels)
    if os.environ.get("RMKIT_STATIC") == "1":
        starts = {name: control.value for name, control in made.items()}
        return still.animate(compute, draw, readout, starts, stops(made))
    return Panel(compute, draw, readout, made, gaps)


def controls(sliders: Mapping[str, Any], labels: Mapping[str, str] | None) -> dict[str, ipywidgets.Widget]:
    """{parameter: its slider}, see `explore`."""
    return {
        name: _control((labels or {}).get(name, name.replace("_", " ")), s) for name, s in sliders.items()
    }


def stops(made: Mapping[str, ipywidgets.Widget]) -> dict[str, tuple[str, list[Any]]]:
    """{label: (parameter, the values at which a figure that stands still can be had)}."""
    return {control.description: (name, _stops(control)) for name, control in made.items()}


class Panel(ipywidgets.VBox):
    """Sliders, the number they teach, and the figure.

    `.controls[name].value = 3` moves a slider; `.figure.data` is what is drawn.
    """

    def __init__(self, compute, draw, readout, controls, gaps=False):
        self.compute, self.draw, self.readout = compute, draw, readout
        self.controls, self.gaps = controls, gaps
        self.starts = {name: control.value for name, control in controls.items()}
        began = time.perf_counter()
        arrays = compute(**self.starts)
        first = draw(arrays)
        slow = 1000 * (time.perf_counter() - began) > SLOW_MS
        _require_fixed_axes(first)
        self.figure = LiveFigure(first)
        self.number, self.alarm = ipywidgets.HTML(say(readout(arrays))), ipywidgets.HTML()
        for control in controls.values():
            if hasattr(control, "continuous_update"):
                control.continuous_update = not slow
            control.observe(self._moved, names="value")
        super().__init__([*controls.values(), self.number, self.alarm, self.figure])
        self.add_class("rmkit-panel")  # so that a test in a browser finds it
        _panels.append(self)

    def _moved(self, _change) -> None:
        self.answer(
            lambda: self._show(self.compute(**{name: dial.value for name, dial in self.controls.items()}))
        )

    def answer(self, act: Callable[[], None]) -> None:
        """Do what the reader asked for; a failure is shown under the sliders, and raised."""
        try:
            act()
        except Exception as error:  # shown here because a browser would hide it, raised so that a test fails
            self.alarm.value = say(f"This figure failed: {type(error).__name__}: {error}", alarm=True)
            raise
        self.alarm.value = ""

    def _show(self, arrays: Arrays) -> None:
        new, text = self.draw(arrays), self.readout(arrays)
        if [trace.type for trace in new.data] != [trace.type for trace in self.figure.data]:
            raise InputError(
                "draw() returned other traces than at the start; keep their number, order and type."
            )
        self.figure.show(new)
        self.number.value = say(text)

    def exercise(self) -> list[dict[str, Any]]:
        """Move every slider to both ends: the data must be finite and differ. Returns a row a slider."""
        rows = []
        for name, control in self.controls.items():
            seen, began = [], time.perf_counter()
            for end in _ends(control):
                control.value = end
                seen.append(snapshot(self.figure))
                self._require_finite(seen[-1], f"slider {name!r} at {end!r}")
            if _equal(*seen):
                raise AssertionError(
                    f"slider {name!r} changes no data of the figure from one end to the other"
                )
            rows.append({"slider": name, "ms": round(500 * (time.perf_counter() - began), 1)})
            control.value = self.starts[name]
        return rows

    def _require_finite(self, leaves: dict[str, Any], when: str) -> None:
        for where, value in leaves.items():
            if (
                isinstance(value, np.ndarray)
                and (np.isinf(value) if self.gaps else ~np.isfinite(value)).any()
            ):
                raise AssertionError(f"{when}: {where} of the figure holds NaN or infinity")


def exercise_all() -> list[dict[str, Any]]:
    """Exercise every panel made in this kernel, and refuse sliders that were made without `explore`."""
    ours = {id(control) for panel in _panels for control in panel.controls.values()}
    stray = [w for w in ipywidgets.widgets.widget._instances.values() if _moves(w) and id(w) not in ours]
    if stray:
        raise AssertionError(f"sliders made without rmkit.widgets.explore: {[w.description for w in stray]}")
    return [row for panel in _panels for row in panel.exercise()]


class LiveCurve(ipywidgets.VBox):
    """Curves that grow while a model trains: `live = LiveCurve(200, loss=(0, 1), accuracy=(0, 1))`, then
    `rmkit.fit(..., callback=live)`.

    steps: the number of steps expected, which fixes the horizontal axis; each keyword is a column of a
    history row ({"step": 3, "loss": 0.6, ...}) with its fixed range. Redrawn at most every `every` seconds,
    and at the last step.
    """

    def __init__(self, steps: int, *, every: float = 0.2, **quantities: tuple[float, float]):
        self.steps, self.every, self.rows, self._drawn = steps, every, [], 0.0
        self.figures: dict[str, LiveFigure] = {}
        for index, (name, limits) in enumerate(quantities.items()):
            empty = theme.figure("step", name, x_range=(0, steps), y_range=limits)
            empty.add_trace(theme.line([], [], name, index))
            empty.update_layout(height=240, margin={"t": 20})
            self.figures[name] = LiveFigure(empty)
        self.number = ipywidgets.HTML()
        super().__init__([self.number, *self.figures.values()])
        self.add_class("rmkit-panel")

    def __call__(self, row: Mapping[str, float]) -> None:
        """Take one row of the history; its numbers must be finite."""
        for name in self.figures:
            if name in row and not np.isfinite(row[name]):
                raise InputError(f"{name} is {row[name]} at step {row['step']}: training has diverged.")
        self.rows.append(dict(row))
        if row["step"] >= self.steps or time.perf_counter() - self._drawn > self.every:
            self.flush()

    def flush(self) -> None:
        """Draw every row that has come so far."""
        for name, figure in self.figures.items():
            points = [(row["step"], row[name]) for row in self.rows if name in row]
            figure.data[0].update(x=[p[0] for p in points], y=[p[1] for p in points])
            figure.show(figure.figure)
        last = self.rows[-1] if self.rows else {}
        self.number.value = say(
            ", ".join(f"{k} {v:.4g}" for k, v in last.items() if k == "step" or k in self.figures)
        )
        self._drawn = time.perf_counter()


def snapshot(figure: go.Figure | LiveFigure) -> dict[str, Any]:
    """The data of a figure as {path: value}; sequences of numbers come as float arrays."""
    return dict(_leaves("data", [trace.to_plotly_json() for trace in figure.data]))


def _leaves(path: str, value: Any):
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _leaves(f"{path}.{key}", inner)
        return
    if isinstance(value, (list, tuple, np.ndarray)):
        array = np.asarray([float("nan") if x is None else x for x in value]) if _flat(value) else None
        if array is not None and array.dtype.kind in "biuf":
            yield path, array.astype(float)
            return
        for i, inner in enumerate(value):
            yield from _leaves(f"{path}[{i}]", inner)
        return
    yield path, np.asarray([value], dtype=float) if isinstance(value, (int, float)) else value


def _flat(value: Any) -> bool:
    return all(not isinstance(x, (list, tuple, Mapping, np.ndarray)) for x in value)


def _equal(a: dict[str, Any], b: dict[str, Any]) -> bool:
    def same(x, y):
        arrays = isinstance(x, np.ndarray) and isinstance(y, np.ndarray)
        return np.array_equal(x, y, equal_nan=True) if arrays else type(x) is type(y) and x == y

    return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)


def _control(label: str, spec: Any) -> ipywidgets.Widget:
    look = {
        "style": {"description_width": "14em"},
        "layout": {"width": "min(36em, 95%)"},
        "description": label,
    }
    if isinstance(spec, bool):
        return ipywidgets.Checkbox(value=spec, indent=False, **look)
    if isinstance(spec, list):
        return ipywidgets.SelectionSlider(options=spec, value=spec[0], **look)
    low, high, step, start = spec
    if not low <= start <= high or step <= 0:
        raise InputError(f"slider {label!r}: {spec} is not (low, high, step > 0, start inside).")
    whole = all(isinstance(x, int) for x in spec)
    kind = ipywidgets.IntSlider if whole else ipywidgets.FloatSlider
    form = {} if whole else {"readout_format": f".{max(0, -int(np.floor(np.log10(step))))}f"}
    return kind(value=start, min=low, max=high, step=step, **form, **look)


def _moves(widget: ipywidgets.Widget) -> bool:
    kinds = (
        "IntSlider",
        "FloatSlider",
        "FloatLogSlider",
        "SelectionSlider",
        "IntRangeSlider",
        "FloatRangeSlider",
    )
    return type(widget).__name__ in kinds


def _ends(control: ipywidgets.Widget) -> tuple[Any, Any]:
    if isinstance(control, ipywidgets.Checkbox):
        return False, True
    if isinstance(control, ipywidgets.SelectionSlider):
        return control.options[0], control.options[-1]
    return control.min, control.max


def _stops(control: ipywidgets.Widget, most: int = 9) -> list[Any]:
    if isinstance(control, ipywidgets.Checkbox | ipywidgets.SelectionSlider):
        return [False, True] if isinstance(control, ipywidgets.Checkbox) else list(control.options)
    count, start = (round((end - control.min) / control.step) for end in (control.max, control.value))
    picks = np.unique([*np.linspace(0, count, min(most, count + 1)).round().astype(int), start])
    return [type(control.value)(control.min + int(i) * control.step) for i in picks]


def _require_fixed_axes(figure: go.Figure) -> None:
    for trace in figure.data:
        for letter in "xy":
            ref = getattr(trace, f"{letter}axis", None) if f"{letter}axis" in trace else None
            axis = (
                figure.layout[f"{letter}axis" + (ref[1:] if ref else "")]
                if f"{letter}axis" in trace
                else None
            )
            if axis is not None and axis.range is None and axis.type != "category":
                raise InputError(
                    f"the {letter} axis has no fixed range: give one, or the motion means nothing."
                )


def say(text: str, alarm: bool = False) -> str:
    """A text as HTML that a screen reader speaks when it changes."""
    role, border = (
        ("alert", f"border-left: 4px solid {theme.VERMILLION}; padding-left: 8px;")
        if alarm
        else ("status", "")
    )
    return (
        f'<div role="{role}" style="{border} font-size: 1.05em; line-height: 1.5;">{html.escape(text)}</div>'
    )
