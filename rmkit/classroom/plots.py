"""A plotly figure as HTML without a network: its JSON, and one script for all figures of a folder."""

import html
import json
import shutil
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


def figure_html(plot: Any, words: str) -> str:
    """A figure for a page that loads what `copy_scripts` copies; `words` are for readers who see none."""
    # "</" inside a script would end it; JSON reads "<\/" as the same.
    data = json.dumps({k: plot[k] for k in ("data", "layout", "frames") if k in plot}).replace("</", "<\\/")
    label = html.escape(words, quote=True)
    layout = plot.get("layout", {})
    below = layout["margin"]["b"] if layout.get("sliders") else 0  # plots.js takes the sliders out
    height = int(layout.get("height") or 450) - below
    drawn = f'<div class="rmkit-drawn" role="img" aria-label="{label}" style="min-height:{height}px"></div>'
    inside = f'<div class="rmkit-dials"></div>{drawn}<script type="application/json">{data}</script>'
    return f'<figure class="rmkit-plot">{inside}</figure>'


def copy_scripts(folder: Path) -> None:
    """plotly's script, from the installed package, and our script and style."""
    import plotly

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder)
    for name in ("plots.js", "plots.css"):
        shutil.copy(TEMPLATES / name, folder)
