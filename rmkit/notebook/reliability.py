"""The reliability diagram: how often a pick is right, against how sure it was."""

from collections.abc import Mapping

import plotly.graph_objects as go

from rmkit.notebook import theme
from rmkit.theory.calibration import Reliability


def reliability_figure(
    curves: Mapping[str, Reliability], title: str, *, x: str, y: str, diagonal: str
) -> go.Figure:
    """The diagonal, where confidence can be believed, then a curve for each name with its intervals.

    Both axes show all that can occur: a bin with no right pick stands at 0, not outside the picture.
    """
    f = theme.figure(x, y, x_range=(0.48, 1.02), y_range=(-0.02, 1.02), title=title)
    f.add_trace(theme.line([0.5, 1], [0.5, 1], diagonal, 5))
    for index, (name, curve) in enumerate(curves.items()):
        bars = {
            "symmetric": False,
            "array": curve.high - curve.agreement,
            "arrayminus": curve.agreement - curve.low,
        }
        points = theme.line(curve.confidence, curve.agreement, name, index, error_y=bars)
        thin = {"width": 1}  # it leads the eye; between bins nothing was measured
        f.add_trace(points.update(mode="lines+markers", line=thin, marker={"size": 9, "symbol": index}))
    return f
