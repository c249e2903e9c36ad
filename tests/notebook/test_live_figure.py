"""plotly.js travels once, however many figures a notebook has."""

import plotly.graph_objects as go

from rmkit.notebook.live_figure import BUNDLE, LiveFigure


def test_figures_share_one_copy_of_plotly():
    one, two = LiveFigure(go.Figure(go.Scatter(y=[1, 2]))), LiveFigure(go.Figure(go.Bar(y=[3])))
    assert one._plotly is two._plotly
    assert len(one._plotly.code) == len(BUNDLE.read_text(encoding="utf-8"))
    own = sum(len(str(value)) for value in one.get_state().values())
    assert own < 20_000, "a figure's own state must not hold plotly.js"


def test_it_is_a_figure_widget():
    figure = LiveFigure(go.Figure(go.Scatter(y=[1, 2])))
    with figure.batch_update():
        figure.data[0].y = [5, 6]
    assert isinstance(figure, go.FigureWidget)
    assert list(figure.data[0].y) == [5, 6]
