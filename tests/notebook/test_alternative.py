"""A figure in words: what a reader who sees none is told."""

import json

import numpy as np
import plotly.graph_objects as go

from rmkit.notebook import theme
from rmkit.notebook.alternative import alternative


def _words(figure):
    return alternative(json.loads(figure.to_json()))


def test_a_description_of_its_own_comes_first():
    words = "sharp against blunt"
    assert alternative({"layout": {"title": {"text": "x"}, "meta": {"description": words}}}) == words


def test_title_axes_and_what_each_line_does():
    figure = theme.figure("n", "gold", x_range=(0, 2), y_range=(0, 1), title="Push &amp; <b>see</b>")
    figure.add_trace(theme.band([0, 1, 2], [0, 0, 0], [1, 1, 1]))  # a band has no name, and no words
    figure.add_trace(theme.line([0, 1, 2], np.array([0.5, 0.8, 0.6]), "trained"))
    figure.add_trace(theme.line([0, 1, 2], [0.5, np.nan, 0.1], "counting words", 1))
    assert _words(figure) == (
        "Push & see. gold against n. trained: from 0.5 to 0.6, highest 0.8; counting words: from 0.5 to 0.1"
    )


def test_a_dip_is_told_and_of_many_lines_the_first_ten():
    lines = [go.Scatter(y=[2, 1, 3 + i], name=f"seed {i}") for i in range(13)]
    words = _words(go.Figure(lines))
    assert words.startswith("seed 0: from 2 to 3, lowest 1; seed 1: from 2 to 4, lowest 1; ")
    assert words.endswith("; seed 9: from 2 to 12, lowest 1; and 3 more")


def test_few_places_are_told_by_name_and_many_by_their_range():
    bars = go.Figure(go.Bar(x=["copy", "bind"], y=[0.9, 1500], name="share"))
    assert _words(bars) == "share: copy 0.9, bind 1,500"
    lying = go.Figure(go.Bar(x=[0.9, 0.25], y=["copy", "bind"], orientation="h"))
    assert _words(lying) == "copy 0.9, bind 0.25"
    forest = go.Figure(go.Scatter(x=[0.1, -0.2], y=["labels", "k"], mode="markers"))
    assert _words(forest) == "labels 0.1, k -0.2"
    cloud = go.Figure(go.Scatter(x=np.arange(40), y=np.arange(40.0) - 9, mode="markers", name="pairs"))
    assert _words(cloud) == "pairs: -9 to 30"


def test_a_map_says_its_range_and_an_empty_figure_that_it_is_one():
    assert _words(go.Figure(go.Heatmap(z=np.array([[0, 1e-16], [2, np.nan]])))) == "colors: 0 to 2"
    assert _words(go.Figure()) == "A figure."
