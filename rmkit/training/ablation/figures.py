"""Small multiples of a grid, with intervals over seeds; and the table as a file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from rmkit.errors import InputError
from rmkit.notebook import theme
from rmkit.notebook.page import write
from rmkit.notebook.panels import Panel, describe, label
from rmkit.notebook.panels import figure as arrange
from rmkit.training.ablation.bench import MEASURES
from rmkit.training.ablation.cells import DIALS
from rmkit.training.ablation.words import SAID, UNITS, summary

QUESTIONS = {
    "agreement": "How often does it agree?",
    "log_loss": "How sure may one be of it?",
    "missed": "How much of the true gaps is missed?",
    "best_of_n": "How good is the best of n?",
}
AXES = {
    "agreement": ("agreement with fresh votes", ".1%"),
    "log_loss": ("log-loss, nats", ".3f"),
    "missed": ("share missed", ".0%"),
    "best_of_n": ("gold reward", ".3f"),
}


def figure(
    table: pd.DataFrame,
    x: str | None = None,
    by: str | None = None,
    *,
    against: dict | None = None,
    measures: Sequence[str] | None = None,
) -> go.Figure:
    """One panel for each measure: means with their 95 % interval over seeds.

    x, by: the dial along the axis and that of the lines; by default the last and the first that vary.
    against: such as {"loss": "bradley-terry"}: differences to it, paired where seeds are shared.
    The text alternative is `rmkit.notebook.panels.describe(figure)`.
    """
    varied = [dial for dial in DIALS if dial in table and table[dial].nunique() > 1]
    x = x or (varied[-1] if varied else "loss")
    by = by or next((dial for dial in varied if dial != x), None)
    left = [dial for dial in varied if dial not in (x, by)]
    if left:
        raise InputError(
            f"{', '.join(left)} varies too: choose rows of one value, such as table[table.{left[0]} == ...]."
        )
    shown = summary(table, against)
    known = [m for m in measures or MEASURES if m in shown]
    names = list(dict.fromkeys(table[by])) if by else []
    panels = [_panel(shown, m, x, by, names, against is not None) for m in known]
    for trace in panels[0].traces:
        trace.showlegend = by is not None  # once for all panels
    rows = [panels[i : i + 2] for i in range(0, len(panels), 2)]
    less = f", less {next(iter(against.values()))}" if against else ""
    title = f"What does {SAID[x]} change{f', by {SAID[by]}' if by else ''}{less}?"
    return arrange(title, rows, _words(shown, known, x, by))


def save(table: pd.DataFrame, path: str | Path, **how) -> None:
    """Write the table as .csv or .parquet, or its `figure(table, **how)` as .html, .png or .svg.

    A picture needs kaleido and a browser: raises InputError where they are missing, and for other endings.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix == ".html":
        write(path, "Ablation", _Shown(table, how))
    elif path.suffix in (".png", ".svg"):
        try:
            figure(table, **how).write_image(path)
        except RuntimeError as error:
            needs = "kaleido (pip install kaleido) and Chrome or Chromium; .html needs neither"
            raise InputError(f"{path.name} needs {needs}.") from error
    else:
        raise InputError(f"{path.name}: an ablation is written as .csv, .parquet, .html, .png or .svg.")


class _Shown:
    """A table as `rmkit.notebook.page` shows a result."""

    def __init__(self, table: pd.DataFrame, how: dict):
        self.table, self.how = table, how

    def figure(self) -> go.Figure:
        return figure(self.table, **self.how)

    def _repr_html_(self) -> str:
        return summary(self.table, self.how.get("against")).to_html(index=False, float_format="{:.4f}".format)


def _panel(shown: pd.DataFrame, measure: str, x: str, by: str | None, names: list, less: bool) -> Panel:
    """Lines over the values of x, set apart a little so that intervals do not hide each other."""
    places = {value: i for i, value in enumerate(dict.fromkeys(shown[x]))}
    parts = list(shown.groupby(by, sort=False)) if by else [("all", shown)]
    traces = []
    for number, (name, part) in enumerate(parts):
        middle = part[measure].to_numpy()
        aside = 0.12 * (number - (len(parts) - 1) / 2)
        look = names.index(name) if names else 0  # a line keeps its color from figure to figure
        color, dash = theme.PALETTE[look % len(theme.PALETTE)], theme.DASHES[look % len(theme.DASHES)]
        bars = {
            "type": "data", "symmetric": False, "color": color, "width": 0, "thickness": 2,
            "array": np.nan_to_num(part[f"{measure}_high"] - middle),
            "arrayminus": np.nan_to_num(middle - part[f"{measure}_low"]),
        }  # fmt: skip
        traces.append(
            go.Scatter(
                x=[places[value] + aside for value in part[x]], y=middle, error_y=bars, name=label(name),
                mode="lines+markers", line={"color": color, "dash": dash, "width": 2},
                marker={"color": color, "size": 7}, showlegend=False,
                legendgroup=str(name),
            )
        )  # fmt: skip
    name, form = AXES[measure]
    return Panel(
        QUESTIONS[measure],
        traces,
        x=SAID[x],
        y=f"{name}, change" if less else name,
        x_range=(-0.5, len(places) - 0.5),
        y_range=_range(shown, measure, less),
        x_ticks=(list(places.values()), [label(_short(value)) for value in places]),
        y_format=f"+{form}" if less else form,
    )


def _range(shown: pd.DataFrame, measure: str, less: bool) -> tuple[float, float]:
    ends = shown[[measure, f"{measure}_low", f"{measure}_high"]].to_numpy(dtype=np.float64)
    low, high = np.nanmin(ends), np.nanmax(ends)
    if less:
        low, high = min(low, 0.0), max(high, 0.0)
    room = 0.08 * (high - low) or 0.01
    return float(low - room), float(high + room)


def _short(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(shown: pd.DataFrame, measures: list[str], x: str, by: str | None) -> str:
    parts = [f"{len(shown)} settings of {SAID[x]}{f' and {SAID[by]}' if by else ''}"]
    for m in measures:
        values = shown[m]
        parts.append(f"{UNITS[m].name} from {values.min():.3f} to {values.max():.3f}")
    return f"{'; '.join(parts)}; bars are 95 % intervals over seeds."


__all__ = ["describe", "figure", "save"]
