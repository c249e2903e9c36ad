"""Keys for a panel of widgets: ipywidgets know sliders and buttons, but not the keyboard.

A small field takes the focus. While the focus is anywhere in its panel, each key that means something becomes
one message to the kernel. JupyterLab's own one-letter shortcuts keep still meanwhile, by the attribute that
its command registry looks for. Without this field (a page that runs no anywidget) the buttons still do.
"""

from collections.abc import Callable, Mapping

import anywidget
import traitlets


class Keys(anywidget.AnyWidget):
    """`Keys("my-panel", {"ArrowLeft": "left", "s": "skip"}, "Keys: ...", press)`, inside a panel that has the
    CSS class "my-panel". press(action) is called once for each press; a key that is held down counts once.

    turn: a number of what is asked now, which the panel's HTML also holds (`data-turn="3"`). A key that was
    pressed while the page still showed another one is not meant for this one, and goes to `early()`.
    """

    _esm = """
    export default {
      render({ model, el }) {
        const field = el.appendChild(document.createElement("div"));
        field.tabIndex = 0;
        field.style.padding = "3px 6px";
        field.setAttribute("role", "group");
        field.setAttribute("aria-label", model.get("hint"));
        field.textContent = model.get("hint");
        const panel = (node) => {
          const found = el.closest("." + model.get("panel"));
          return found && found.contains(node) ? found : null;
        };
        const entered = (event) => {  // on what has the focus itself: the registry asks there first
          if (panel(event.target)) event.target.setAttribute("data-lm-suppress-shortcuts", "true");
        };
        const clicked = (event) => {
          if (panel(event.target) && !event.target.closest("button, input, select, textarea, a"))
            field.focus({ preventScroll: true });
        };
        const pressed = (event) => {
          if (!panel(event.target) || event.ctrlKey || event.metaKey || event.altKey) return;
          if (event.target.closest("input, select, textarea")) return;
          const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
          const action = model.get("actions")[key];
          if (action === undefined) return;
          event.preventDefault();
          event.stopPropagation();
          const turn = Number(panel(event.target).querySelector("[data-turn]")?.dataset.turn);
          if (!event.repeat) model.send({ action, turn });
        };
        document.addEventListener("focusin", entered);
        document.addEventListener("click", clicked);
        document.addEventListener("keydown", pressed);
        return () => {
          document.removeEventListener("focusin", entered);
          document.removeEventListener("click", clicked);
          document.removeEventListener("keydown", pressed);
        };
      },
    };
    """
    panel = traitlets.Unicode().tag(sync=True)
    actions = traitlets.Dict().tag(sync=True)
    hint = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        panel: str,
        keys: Mapping[str, str],
        hint: str,
        press: Callable[[str], None],
        early: Callable[[], None],
    ):
        super().__init__(panel=panel, actions=dict(keys), hint=hint)
        self.press, self.early, self.turn = press, early, 0
        self.on_msg(self._heard)

    def _heard(self, _widget, content: dict, _buffers) -> None:
        if content.get("turn") == self.turn:
            self.press(content["action"])
        else:
            self.early()
