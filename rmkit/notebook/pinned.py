"""A panel that compares: "Pin" keeps a setting beside the present one, "Explain" says what the change did."""

import os
from collections.abc import Callable, Mapping
from typing import Any

import ipywidgets
import plotly.graph_objects as go

from rmkit.notebook import still, widgets


def compare(
    compute: Callable[..., widgets.Arrays],
    draw: Callable[[widgets.Arrays, widgets.Arrays], go.Figure],
    *,
    readout: Callable[[widgets.Arrays], str],
    explain: Callable[[widgets.Arrays, widgets.Arrays], str],
    sliders: Mapping[str, Any],
    names: Mapping[str, str] | None = None,
    gaps: bool = False,
) -> "Pinned | go.Figure":
    """As `widgets.explore`, with a second setting in the picture: `draw(now, pinned)`.

    explain(pinned, now) -> a sentence. sliders: {parameter of compute: as for `explore`}, names: how they are
    called. The first setting is pinned until the reader pins another. With
    RMKIT_STATIC=1 the figure stands still beside the first setting, as `widgets.explore` does.
    """
    controls = widgets.controls(sliders, names)
    if os.environ.get("RMKIT_STATIC") == "1":
        starts = {name: control.value for name, control in controls.items()}
        first = compute(**starts)
        return still.animate(compute, lambda now: draw(now, first), readout, starts, widgets.stops(controls))
    return Pinned(compute, draw, readout, explain, controls, gaps)


class Pinned(widgets.Panel):
    """`.pin` and `.ask` are its buttons, `.sentence` what the second one says; the rest is a `Panel`'s."""

    def __init__(self, compute, draw, readout, explain, controls, gaps=False):
        self.explain, self.now, self.pinned, self.asked = explain, None, None, False

        def beside(now):
            self.now = now
            self.pinned = now if self.pinned is None else self.pinned
            return draw(now, self.pinned)

        super().__init__(compute, beside, readout, controls, gaps)
        self.pin = ipywidgets.Button(description="Pin", tooltip="Compare with this setting from now on")
        self.ask = ipywidgets.Button(description="Explain", tooltip="What changed since the pinned setting?")
        self.sentence = ipywidgets.HTML()
        self.pin.on_click(self._pin)
        self.ask.on_click(self._ask)
        buttons = ipywidgets.HBox([self.pin, self.ask])
        self.children = [*controls.values(), buttons, self.number, self.sentence, self.alarm, self.figure]

    def _pin(self, _button) -> None:
        self.pinned = self.now
        self.answer(lambda: self._show(self.now))

    def _ask(self, _button) -> None:
        self.asked = True
        self.answer(self._say_change)

    def _show(self, arrays) -> None:
        super()._show(arrays)
        if self.asked:  # from the first question on it goes with the dials
            self._say_change()

    def _say_change(self) -> None:
        self.sentence.value = widgets.say(self.explain(self.pinned, self.now))
