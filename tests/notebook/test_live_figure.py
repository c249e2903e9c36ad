"""plotly.js travels once, and a figure's first message holds all of it."""

import json

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from rmkit.notebook.live_figure import LiveFigure


def test_figures_share_one_copy_of_plotly():
    one, two = LiveFigure(go.Figure(go.Scatter(y=[1, 2]))), LiveFigure(go.Figure(go.Bar(y=[3])))
    assert one._plotly is two._plotly
    assert one._plotly.value == get_plotlyjs()
    own = sum(len(str(value)) for value in one.get_state().values())
    assert own < 20_000, "a figure's own state must not hold plotly.js"


def test_what_is_shown_is_the_newest_figure():
    figure = LiveFigure(go.Figure(go.Scatter(y=[1, None, 2])))
    assert json.loads(figure._drawing.value)["data"][0]["y"] == [1, None, 2]
    figure.show(go.Figure(go.Scatter(y=[5, 6])))
    assert list(figure.data[0].y) == [5, 6]
    assert json.loads(figure._drawing.value)["data"][0]["y"] == [5, 6]


def test_its_words_change_with_it():
    figure = LiveFigure(go.Figure(go.Scatter(y=[1, 2], name="loss")))
    assert json.loads(figure._drawing.value)["words"] == "loss: from 1 to 2"
    figure.show(go.Figure(go.Scatter(y=[5, 6], name="loss")))
    assert json.loads(figure._drawing.value)["words"] == "loss: from 5 to 6"


def test_nothing_is_said_to_the_figure_itself_after_it_has_opened():
    """Such a message can be lost on a slow page: what changes is said to a widget that has no deadline."""
    figure = LiveFigure(go.Figure(go.Scatter(y=[1, 2])))
    opened = figure.get_state()
    figure.show(go.Figure(go.Scatter(y=[5, 6])))
    assert figure.get_state() == opened
    assert figure._drawing._model_module == "@jupyter-widgets/base"
