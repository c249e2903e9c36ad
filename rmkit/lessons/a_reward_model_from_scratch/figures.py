"""Figures of lesson 03: where a row of a toy batch is read, and what padding costs in a real one."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

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


ROWS, ORDERS = 16, ("as they come", "sorted by length")
Batches = Callable[[int, str], dict[str, Any]]


def batches_of(words: Sequence[Sequence[str]], heads: Sequence[int]) -> Batches:
    """compute(size, order) of ROWS real rows, cut into padded batches of `size` rows.

    words: the tokens of each row as text.   heads: how many of them belong to its prompt.
    """
    width = max(map(len, words[:ROWS]))

    def compute(size: int, order: str) -> dict[str, Any]:
        rows = list(range(len(words[:ROWS])))
        if order == ORDERS[1]:
            rows.sort(key=lambda row: len(words[row]))
        kind = np.full((ROWS, width), np.nan)
        text = np.full((ROWS, width), "", dtype=object)
        for start in range(0, len(rows), size):
            longest = max(len(words[row]) for row in rows[start : start + size])
            kind[start : start + size, :longest] = PADDING
        text[kind == PADDING] = "padding"
        for place, row in enumerate(rows):
            end, before = len(words[row]), heads[row]
            kind[place, :before], kind[place, before : end - 1], kind[place, end - 1] = PROMPT, RESPONSE, END
            text[place, :end] = list(words[row])
        return {"kind": kind, "text": text, "ends": [len(words[row]) - 1 for row in rows]}

    return compute


def batches_draw(a: Mapping[str, Any]) -> go.Figure:
    """The batches as a grid: hover for the tokens; a cross where the reward is read."""
    rows, width = a["kind"].shape
    f = theme.figure(
        "column", "row", x_range=(-0.6, width - 0.4), y_range=(rows - 0.4, -0.6), title="What a batch holds"
    )
    f.add_trace(_grid(a["kind"], a["text"]))
    cross = {"size": 8, "symbol": "x", "color": theme.VERMILLION}
    f.add_scatter(x=a["ends"], y=list(range(len(a["ends"]))), mode="markers", marker=cross, name="read here")
    for name, color in list(zip(KINDS, _FILLS, strict=True))[:3]:
        square = {"size": 12, "symbol": "square", "color": color}
        f.add_scatter(x=[None], y=[None], mode="markers", marker=square, name=name)
    f.update_yaxes(dtick=4, showgrid=False, zeroline=False)
    return f.update_xaxes(showgrid=False, zeroline=False).update_layout(height=400)


def batches_say(a: Mapping[str, Any]) -> str:
    """How much of what is computed is padding."""
    computed, padding = int((~np.isnan(a["kind"])).sum()), int((a["kind"] == PADDING).sum())
    return f"{computed:,} tokens are computed, and {padding / computed:.0%} of them are padding."
