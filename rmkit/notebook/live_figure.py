"""A plotly figure that moves: light in the notebook's file, and whole however slow the page is.

Each plotly FigureWidget carries 5 MB of plotly.js, and sends its traces after it has opened. anywidget drops
every message to a widget whose module took more than two seconds to load: on a busy page the traces are lost
without a word. Here plotly.js and the figure are values of plain widgets, which have no such limit. The page
reads the newest value whenever it is ready, and again when it changes.
"""

import functools
import json

import anywidget
import ipywidgets
import plotly.graph_objects as go
import traitlets
from ipywidgets import widget_serialization
from plotly.offline import get_plotlyjs

from rmkit.notebook.alternative import alternative


class _Text(ipywidgets.Widget):
    """A text that the page can read; shows nothing."""

    value = traitlets.Unicode().tag(sync=True)


@functools.cache
def _plotly_js() -> _Text:
    return _Text(value=get_plotlyjs())


class LiveFigure(anywidget.AnyWidget):
    """A figure on the page: `live = LiveFigure(figure)`, then `live.show(other)` as often as you like.

    The page keeps the reader's zoom. `.figure` is the go.Figure that is shown, `.data` its traces.
    """

    _esm = """
    const text = (model, name) => model.widget_manager.get_model(model.get(name).replace("IPY_MODEL_", ""));

    function plotly(model) {  // once a page
      const pages = (globalThis.rmkitPlotly ??= {});
      return (pages[model.get("_plotly")] ??= text(model, "_plotly").then(async (holder) => {
        const code = [holder.get("value"), "\\nexport default self.Plotly;"];
        const url = URL.createObjectURL(new Blob(code, { type: "text/javascript" }));
        const { default: Plotly } = await import(url);
        URL.revokeObjectURL(url);
        return Plotly;
      }));
    }

    export default {
      async render({ model, el }) {
        const [Plotly, drawing] = await Promise.all([plotly(model), text(model, "_drawing")]);
        const place = el.appendChild(document.createElement("div"));
        place.setAttribute("role", "img");
        const draw = () => {
          const { data, layout, words } = JSON.parse(drawing.get("value"));
          place.setAttribute("aria-label", words);
          return Plotly.react(place, data, { ...layout, uirevision: "zoom" });
        };
        let due = false;  // many changes within one frame are drawn once
        const changed = () => {
          if (!due) requestAnimationFrame(() => { due = false; draw(); });
          due = true;
        };
        await draw();
        drawing.on("change:value", changed);
        const watch = new ResizeObserver(() => place.offsetParent && Plotly.Plots.resize(place));
        watch.observe(el);
        return () => {
          drawing.off("change:value", changed);
          watch.disconnect();
          Plotly.purge(place);
        };
      },
    };
    """
    # Beside a slider stand words, too, and ipywidgets cuts what is longer than a number.
    _css = ".rmkit-panel .widget-hslider .widget-readout { max-width: none; flex-shrink: 0; }"
    _plotly = traitlets.Instance(_Text).tag(sync=True, **widget_serialization)
    _drawing = traitlets.Instance(_Text).tag(sync=True, **widget_serialization)

    def __init__(self, figure: go.Figure):
        self.figure = figure
        super().__init__(_plotly=_plotly_js(), _drawing=_Text(value=_told(figure)))

    @property
    def data(self) -> tuple:
        return self.figure.data

    def show(self, figure: go.Figure) -> None:
        """Draw another figure in this one's place."""
        self.figure, self._drawing.value = figure, _told(figure)


def _told(figure: go.Figure) -> str:
    """A figure as JSON, with its words for a reader who sees none."""
    words = json.dumps(alternative(figure.to_plotly_json()))
    return f'{{"words":{words},{figure.to_json()[1:]}'
