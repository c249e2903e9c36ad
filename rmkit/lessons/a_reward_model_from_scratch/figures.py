"""Figures of lesson 03: a padded batch and where it is read, a bug's curves, accuracies with intervals."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from rmkit.notebook import theme

PADDING, PROMPT, RESPONSE, END = range(4)
KINDS = ("padding", "prompt", "response", "EOS")
# Opaque and light, under dark letters: the same on a white page and on a dark one.
_FILLS, _LETTERS = ("#d4d4d4", "#a3c8e8", "#8ad8c2", theme.AMBER), "#1a1a1a"
_SCALE = [[edge / 4, color] for kind, color in enumerate(_FILLS) for edge in (kind, kind + 1)]

# Four rows of a toy batch: x is the prompt, y the response, E the EOS. The last is the second turn of a chat.
TOY = ("xxxyyyyyyyyE", "xxxyyyyE", "xxxxxyE", "xxExxyyyE")
RULES = ("last real token", "last column", "first pad − 1", "last non-pad")
SIDES, PADS = ("right", "left"), ("its own token", "the EOS")


def layout_compute(side: str, pad: str, rule: str, longest: int) -> dict[str, Any]:
    """A padded batch (4 rows), the column at which each row should be read, and the one at which it is."""
    texts = [TOY[0][:3] + "y" * longest + "E", *TOY[1:]]
    width = len(TOY[0])  # the axes stay: shorter batches leave columns empty
    length = max(map(len, texts))
    mark = "·" if pad == PADS[0] else "E"
    fill = [length - len(text) for text in texts]
    start = fill if side == "left" else [0] * 4
    ids = np.full((4, length), mark)
    for row, text in enumerate(texts):
        ids[row, start[row] : start[row] + len(text)] = list(text)
    real = np.array([[start[r] <= c < start[r] + len(texts[r]) for c in range(length)] for r in range(4)])
    right = np.array([start[r] + len(texts[r]) - 1 for r in range(4)])
    columns = np.arange(length)
    is_pad = ids == mark
    read = {
        RULES[0]: right,
        RULES[1]: np.full(4, length - 1),
        RULES[2]: (is_pad.argmax(1) - 1) % length,
        RULES[3]: (~is_pad * columns).argmax(1),
    }[rule]
    kind = np.where(~real, PADDING, np.select([ids == "x", ids == "y"], [PROMPT, RESPONSE], END))
    # An EOS inside a prompt belongs to the prompt's turn, and still has the EOS's token.
    z = np.full((4, width), np.nan)
    z[:, :length] = kind
    text = np.full((4, width), "", dtype=object)
    text[:, :length] = ids
    return {"kind": z, "text": text, "read": read, "right": right}


def layout_draw(a: Mapping[str, Any]) -> go.Figure:
    """The batch as a grid; a square where each row should be read, a cross where it is."""
    names = ["row 1", "row 2", "row 3", "row 4 (chat)"]
    f = theme.figure(
        "column of the batch", "", x_range=(-0.6, 11.6), y_range=(3.6, -0.6), title="Where is a row read?"
    )
    f.add_trace(_grid(a["kind"], a["text"], size=15))
    frame = {"size": 26, "symbol": "square-open", "color": theme.INK, "line": {"width": 3}}
    cross = {"size": 13, "symbol": "x", "color": theme.VERMILLION}
    rows = list(range(4))
    f.add_scatter(x=a["right"], y=rows, mode="markers", marker=frame, name="should be read", hoverinfo="skip")
    f.add_scatter(x=a["read"], y=rows, mode="markers", marker=cross, name="is read", hoverinfo="skip")
    f.update_yaxes(tickvals=rows, ticktext=names, showgrid=False, zeroline=False)
    return f.update_xaxes(dtick=1, showgrid=False, zeroline=False).update_layout(height=330)


def layout_say(a: Mapping[str, Any]) -> str:
    """Which rows are read at the wrong token, and what stands there."""
    wrong = [r for r in range(4) if a["read"][r] != a["right"][r]]
    if not wrong:
        return "All four rows are read at the EOS that ends the response."
    found = {
        "x": "in the prompt",
        "y": "in the response",
        "·": "at padding",
        "E": "at an EOS",
    }
    places = {r: found[a["text"][r, a["read"][r]]] for r in wrong}
    places |= {r: "at padding" for r in wrong if a["kind"][r, a["read"][r]] == PADDING}
    said = ", ".join(f"row {r + 1} {place}" for r, place in places.items())
    return f"{len(wrong)} of 4 rows are read at the wrong token: {said}."


def _grid(kind: Any, text: Any, size: int | None = None) -> go.Heatmap:
    shown = {"texttemplate": "%{text}", "textfont": {"size": size, "color": _LETTERS}} if size else {}
    return go.Heatmap(
        z=kind,
        text=text,
        zmin=-0.5,
        zmax=3.5,
        colorscale=_SCALE,
        showscale=False,
        xgap=1,
        ygap=2,
        hovertemplate="row %{y}, column %{x}: %{text}<extra></extra>",
        **shown,
    )


def batch_map(words: Sequence[Sequence[str]], prompt_lengths: Sequence[int], title: str) -> go.Figure:
    """A right-padded batch of real rows: hover for the tokens; a cross where the reward is read."""
    lengths = [len(row) for row in words]
    width = max(lengths)
    kind = np.full((len(words), width), PADDING)
    text = np.full((len(words), width), "padding", dtype=object)
    for row, (tokens, before) in enumerate(zip(words, prompt_lengths, strict=True)):
        kind[row, :before], kind[row, before : len(tokens) - 1] = PROMPT, RESPONSE
        kind[row, len(tokens) - 1] = END
        text[row, : len(tokens)] = list(tokens)
    f = theme.figure(
        "column", "row", x_range=(-0.6, width - 0.4), y_range=(len(words) - 0.4, -0.6), title=title
    )
    f.add_trace(_grid(kind, text))
    cross = {"size": 10, "symbol": "x", "color": theme.VERMILLION}
    ends = [n - 1 for n in lengths]
    f.add_scatter(x=ends, y=list(range(len(words))), mode="markers", marker=cross, name="read here")
    for name, color in list(zip(KINDS, _FILLS, strict=True))[:3]:
        f.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            marker={"size": 12, "symbol": "square", "color": color},
            name=name,
        )
    f.update_yaxes(dtick=1, showgrid=False, zeroline=False)
    return f.update_xaxes(showgrid=False, zeroline=False).update_layout(height=110 + 34 * len(words) + 60)


def patient(sick: Mapping[str, Any], sound: Mapping[str, Any], title: str) -> go.Figure:
    """Training loss and accuracy on held-out pairs of a run with a bug and of the same run without."""
    f = make_subplots(rows=1, cols=2, horizontal_spacing=0.14)
    for column, quantity in enumerate(("loss", "accuracy"), 1):
        # The patient last and dashed: where the curves are the same, both show.
        for index, (name, run) in enumerate({"healthy": sound, "patient": sick}.items()):
            steps = list(range(1, len(run[quantity]) + 1))
            trace = theme.line(steps, run[quantity], name, index, showlegend=column == 1)
            f.add_trace(trace, row=1, col=column)
        f.update_xaxes(title_text="step", row=1, col=column)
    f.update_yaxes(title_text="training loss", range=[0, 0.95], row=1, col=1)
    f.update_yaxes(title_text="held-out accuracy", range=[0, 1.02], row=1, col=2)
    return f.update_layout(template=theme.TEMPLATE, height=310, title={"text": title})


def ladder(rows: Mapping[str, tuple[float, float, float]]) -> go.Figure:
    """Accuracies with their intervals: {name: (mean, low, high)}, and the coin's 0.5."""
    names = list(rows)
    mean, low, high = (np.array(column) for column in zip(*rows.values(), strict=True))
    f = theme.figure(
        "held-out accuracy", "", x_range=(0.3, 0.9), y_range=None, title="Who judges better than what?"
    )
    f.add_scatter(
        x=mean,
        y=names,
        mode="markers",
        marker={"size": 12, "color": theme.BLUE},
        error_x={"array": high - mean, "arrayminus": mean - low, "thickness": 2.5, "color": theme.BLUE},
        name="mean, 95 % interval",
        showlegend=False,
    )
    f.add_scatter(
        x=[0.5] * len(names), y=names, mode="lines", line={"color": theme.GREY, "dash": "dash"}, name="a coin"
    )
    f.update_yaxes(autorange="reversed")
    return f.update_layout(height=90 + 46 * len(names) + 60)


def overlay(scratch: Sequence[float], library: Sequence[float]) -> go.Figure:
    """Two loss curves of the same steps, and the coin's log 2."""
    steps = list(range(1, len(scratch) + 1))
    f = theme.figure(
        "step", "loss", x_range=(0.5, len(steps) + 0.5), y_range=(0.2, 1.0), title="One curve, twice"
    )
    wide = theme.line(steps, list(scratch), "from scratch", 0)
    wide.line.width = 7
    wide.opacity = 0.4
    f.add_trace(wide)
    f.add_trace(theme.line(steps, list(library), "library", 1))
    f.add_trace(theme.line([0.5, len(steps) + 0.5], [np.log(2)] * 2, "log 2", 5))
    return f.update_layout(height=320)
