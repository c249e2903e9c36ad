"""A plotly figure as HTML without a network: its JSON, and one script for all figures of a folder."""

import html
import json
import shutil
from pathlib import Path
from typing import Any

TEMPLATES = Path(__file__).parent / "templates"


def figure_html(plot: Any, words: str) -> str:
    """A figure for a page with `plotly.min.js` and `plots.js`; `words` are for readers who see none."""
    # "</" inside a script would end it; JSON reads "<\/" as the same.
    data = json.dumps({k: plot[k] for k in ("data", "layout", "frames") if k in plot}).replace("</", "<\\/")
    label = html.escape(words, quote=True)
    height = int(plot.get("layout", {}).get("height") or 450)
    return (
        f'<figure class="rmkit-plot"><div class="rmkit-drawn" role="img" aria-label="{label}" '
        f'style="min-height:{height}px"></div><script type="application/json">{data}</script></figure>'
    )


def copy_scripts(folder: Path) -> None:
    """plotly's script, from the installed package, and ours."""
    import plotly

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(Path(plotly.__file__).parent / "package_data" / "plotly.min.js", folder)
    shutil.copy(TEMPLATES / "plots.js", folder)
