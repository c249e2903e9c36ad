"""A plotly FigureWidget that sends plotly.js once to a page, and not 5 MB with every figure.

anywidget gives a widget two seconds to load its module. Plotly's own module is the whole of plotly.js,
parsed again for every figure: on a slow laptop that takes longer, and the figure stays blank without a word.
Here the module is a few lines; plotly.js is a value that the kernel sends once and the page keeps, however
long it takes.
"""

import functools
from pathlib import Path

import anywidget
import plotly
import plotly.graph_objects as go
import traitlets
from ipywidgets import widget_serialization

BUNDLE = Path(plotly.__file__).parent / "package_data" / "widgetbundle.js"


class _Bundle(anywidget.AnyWidget):
    """Holds the text of plotly's widget module; shows nothing."""

    _esm = "export default {}"
    code = traitlets.Unicode().tag(sync=True)


@functools.cache
def _bundle() -> _Bundle:
    return _Bundle(code=BUNDLE.read_text(encoding="utf-8"))


class LiveFigure(go.FigureWidget):
    """go.FigureWidget with a light module. Build the figure whole: a later layout change can be lost."""

    _esm = """
    async function plotly(model) {
      const name = model.get("_plotly").replace("IPY_MODEL_", "");
      const pages = (globalThis.rmkitPlotly ??= {});
      pages[name] ??= (async () => {
        const holder = await model.widget_manager.get_model(name);
        const url = URL.createObjectURL(new Blob([holder.get("code")], { type: "text/javascript" }));
        const { default: widget } = await import(url);
        URL.revokeObjectURL(url);
        return widget;
      })();
      return pages[name];
    }
    const MESSAGES = ["addTraces", "deleteTraces", "moveTraces", "restyle", "relayout", "update", "animate",
                      "removeLayoutProps", "removeTraceProps"].map((name) => "_py2js_" + name);
    export default () => {
      let figure;  // the model of this figure, shared by its views
      return {
        initialize({ model }) {  // returns at once; what the kernel says meanwhile is kept and said again
          let early = [];
          for (const name of MESSAGES)
            model.on("change:" + name, () => early && model.get(name) && early.push([name, model.get(name)]));
          figure = plotly(model).then(async (widget) => {
            const made = typeof widget === "function" ? await widget() : widget;
            await made.initialize({ model });
            const said = early;
            early = null;
            for (const [name, message] of said) {
              model.set(name, null);
              model.set(name, message);
              model.set(name, null);
            }
            return made;
          });
        },
        async render({ model, el }) {
          return (await figure).render({ model, el });
        },
      };
    };
    """
    _plotly = traitlets.Instance(_Bundle).tag(sync=True, **widget_serialization)

    @traitlets.default("_plotly")
    def _one_for_all(self) -> _Bundle:
        return _bundle()

    def __init__(self, figure: go.Figure):
        super().__init__(figure)
        self._config = {**self._config, "responsive": True}
