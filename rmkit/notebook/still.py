"""An explorable figure for a page without a kernel: plotly's own sliders over a few precomputed frames."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import plotly.graph_objects as go

from rmkit.notebook import theme

FIRST, EACH = 50, 85  # pixels from the plot to its first slider, and what a slider takes


def animate(
    compute: Callable[..., Mapping[str, Any]],
    draw: Callable[[Mapping[str, Any]], go.Figure],
    readout: Callable[[Mapping[str, Any]], str],
    starts: dict[str, Any],
    stops: dict[str, tuple[str, list[Any]]],
) -> go.Figure:
    """The figure at `starts`; each slider moves alone, the others stay at their start, the title says the
    number.

    stops: {label: (parameter, values)}, the values that a slider can take.
    """
    figure, frames, sliders = _at(compute, draw, readout, starts), [], []
    for row, (label, (name, values)) in enumerate(stops.items()):
        steps = []
        for value in values:
            moved = _at(compute, draw, readout, {**starts, name: value})
            shown = {k: moved.layout[k] for k in ("title", "shapes", "annotations") if moved.layout[k]}
            frames.append(go.Frame(name=f"{name}={value}", data=moved.data, layout=shown))
            how = {"mode": "immediate", "frame": {"duration": 0, "redraw": True}}
            text = f"{value:.3g}" if isinstance(value, float) else str(value)
            steps.append({"method": "animate", "label": text, "args": [[f"{name}={value}"], how]})
        look = {"currentvalue": {"prefix": f"{label}: "}, "pad": {"t": FIRST + EACH * row}}
        sliders.append({"steps": steps, "active": _nearest(starts[name], values), **look})
    figure.frames = frames
    below = FIRST + EACH * len(sliders)
    height = (figure.layout.height or theme.TEMPLATE.layout.height) + below
    return figure.update_layout(sliders=sliders, margin={"b": below}, height=height)


def _at(compute, draw, readout, values: dict[str, Any]) -> go.Figure:
    arrays = compute(**values)
    return draw(arrays).update_layout(title={"text": escape(readout(arrays))})


def _nearest(start: Any, values: list[Any]) -> int:
    if start in values:
        return values.index(start)
    return min(range(len(values)), key=lambda i: abs(values[i] - start))
