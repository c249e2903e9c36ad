"""The reliability diagram: every bin is in the picture, and each name has its curve."""

import numpy as np
import pytest

from rmkit.notebook.reliability import reliability_figure
from rmkit.theory.calibration import reliability_curve

WORDS = {"x": "sure", "y": "right", "diagonal": "as sure as right"}


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_bin_without_a_right_pick_is_in_the_picture(sign):
    f = reliability_figure({"one": reliability_curve(sign * np.linspace(0.1, 9, 40))}, "Title", **WORDS)
    points = f.data[1]
    (left, right), (bottom, top) = f.layout.xaxis.range, f.layout.yaxis.range
    assert set(points.y) == {(1 + sign) / 2}
    assert left < min(points.x)
    assert max(points.x) < right
    assert bottom < min(points.y - points.error_y.arrayminus)
    assert max(points.y + points.error_y.array) < top


def test_each_name_has_its_curve_with_its_own_interval_after_the_diagonal():
    gaps = np.random.default_rng(0).normal(0.5, 1, 200)
    curves = {"warm": reliability_curve(gaps), "cool": reliability_curve(gaps / 2)}
    diagonal, *drawn = reliability_figure(curves, "Title", **WORDS).data
    assert (diagonal.name, list(diagonal.x)) == ("as sure as right", list(diagonal.y))
    assert [trace.name for trace in drawn] == ["warm", "cool"]
    assert len({(trace.line.color, trace.line.dash, trace.marker.symbol) for trace in drawn}) == 2
    for trace, curve in zip(drawn, curves.values(), strict=True):
        np.testing.assert_allclose(trace.y + trace.error_y.array, curve.high)
        np.testing.assert_allclose(trace.y - trace.error_y.arrayminus, curve.low)
