"""What a figure shows, in words: for a reader who sees none."""

import base64
import html
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

MOST = 10  # traces, or places of one, that are told one by one
MAPS = ("heatmap", "contour", "surface")


def alternative(plot: Mapping[str, Any]) -> str:
    """The text of a figure (plotly's JSON): its own description, else its title, its axes and what each named
    trace does.
    """
    layout = plot.get("layout", {})
    if isinstance(layout.get("meta"), Mapping) and "description" in layout["meta"]:
        return layout["meta"]["description"]
    axes = [_plain(_title(layout.get(axis, {}))) for axis in ("xaxis", "yaxis")]
    traces = plot.get("data", ())
    named = [trace for trace in traces if trace.get("name") or trace.get("type") in MAPS]
    told = list(dict.fromkeys(filter(None, map(_trace, named or traces))))
    more = [f"and {len(told) - MOST} more"] if len(told) > MOST else []
    parts = [
        _plain(_title(layout)),
        f"{axes[1]} against {axes[0]}" if all(axes) else "",
        "; ".join([*told[:MOST], *more]),
    ]
    return ". ".join(part.rstrip(".") for part in parts if part) or "A figure."


def _title(of: Mapping[str, Any]) -> str:
    title = of.get("title") or ""
    return (title.get("text") or "") if isinstance(title, Mapping) else title


def _plain(text: str) -> str:
    """plotly's small HTML as text."""
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", text)).split())


def _trace(trace: Mapping[str, Any]) -> str:
    """One trace: "gold: from 0.5 to 0.6, highest 0.8", or each of its few places by name."""
    name, kind = _plain(str(trace.get("name") or "")), trace.get("type", "scatter")
    if kind in MAPS:
        return _with(name or "colors", _range(_numbers(trace.get("z"))))
    values, places = _numbers(trace.get("y")), trace.get("x")
    if trace.get("orientation") == "h" or not len(values):
        values, places = _numbers(trace.get("x")), trace.get("y")
    words = isinstance(places, list | tuple) and any(isinstance(place, str) for place in places)
    if words and len(places) == len(values) <= MOST:
        pairs = zip(places, values, strict=True)
        return _with(name, ", ".join(f"{_plain(str(place))} {_say(value)}" for place, value in pairs))
    if kind != "scatter" or "lines" not in trace.get("mode", "lines") or len(values) < 2:
        return _with(name, _range(values))
    first, last, high, low = values[0], values[-1], values.max(), values.min()
    told = f"from {_say(first)} to {_say(last)}"
    told += f", highest {_say(high)}" if high > max(first, last) else ""
    return _with(name, told + (f", lowest {_say(low)}" if low < min(first, last) else ""))


def _with(name: str, told: str) -> str:
    return ": ".join(filter(None, (name, told)))


def _numbers(values: Any) -> np.ndarray:
    """The finite numbers of a trace's values, flat; empty where they are names or dates."""
    if isinstance(values, Mapping) and "bdata" in values:
        found = np.frombuffer(base64.b64decode(values["bdata"]), values["dtype"])
    else:
        found = np.asarray([] if values is None else values, dtype=object).ravel()
        if any(not isinstance(v, int | float | np.number | None) for v in found):
            return np.array([])
    found = found.astype(float)
    return found[np.isfinite(found)]


def _range(values: np.ndarray) -> str:
    if not len(values):
        return ""
    low, high = _say(values.min()), _say(values.max())
    return low if low == high else f"{low} to {high}"


def _say(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{0.0 if abs(value) < 1e-12 else value:.3g}"
