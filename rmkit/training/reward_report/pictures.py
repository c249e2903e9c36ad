"""Two small pictures as SVG, rows with intervals and curves: no script, and readable in light and dark."""

import html
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rmkit.errors import shown

# A contrast of 3:1 on white and on black pages, and told apart without red or green cones.
BLUE, VERMILLION, GREY = "#3a86c8", "#c84a00", "#808080"
WIDTH, LEFT, ROW, TOP = 640, 210, 24, 30
DASHES = ("6 4", "2 3", "8 3 2 3", "none")


@dataclass(frozen=True)
class Picture:
    """svg: inline.   words: what it shows, for those who do not see it."""

    svg: str
    words: str


def forest(
    rows: Sequence[tuple[str, float, float, float]], rules: Mapping[str, float], words: str
) -> Picture:
    """A point with its interval for each row, between 0 and 1, and a line for each rule.

    rows: (name, value, low, high).   rules: {name: value}, such as null baselines.
    """
    least = min([0.4, *(low for _, _, low, _ in rows), *rules.values()])
    floor = math.floor(10 * least + 1e-9) / 10

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * (value - floor) / (1 - floor)

    bottom = TOP + ROW * len(rows)
    parts = [_axis(x, [tick / 10 for tick in range(round(10 * floor), 11)], bottom)]
    for number, (name, value) in enumerate(rules.items()):
        y = bottom + 36 + 16 * number
        dash = DASHES[number % len(DASHES)]
        parts.append(_line(x(value), TOP, x(value), bottom, GREY, dash))
        parts.append(_line(10, y - 4, 40, y - 4, GREY, dash))
        parts.append(_text(48, y, f"{name}: {value:.1%}"))
    for number, (name, value, low, high) in enumerate(rows):
        y, color = TOP + ROW * (number + 0.5), VERMILLION if number == 0 else BLUE
        parts.append(_text(LEFT - 10, y + 4, _short(name), "end"))
        parts.append(_line(x(low), y, x(high), y, color))
        parts.append(f'<circle cx="{x(value):.1f}" cy="{y:.1f}" r="5" fill="{color}"/>')
    return _picture(parts, bottom + 44 + 16 * len(rules), words)


def curves(lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], words: str) -> Picture:
    """One or two curves over steps.   lines: {name: (x, y)}, finite numbers."""
    xs = [value for x, _ in lines.values() for value in x]
    ys = [value for _, y in lines.values() for value in y]
    low, high = min(ys), max(ys)
    room = 0.05 * (high - low) or 0.05
    low, high, last = low - room, high + room, max(xs)
    first = min(xs)
    height, left = 180, 60

    def place(x: float, y: float) -> str:
        across = (x - first) / ((last - first) or 1)
        up = (y - low) / (high - low)
        return f"{left + (WIDTH - left - 20) * across:.1f},{TOP + height * (1 - up):.1f}"

    ends = (left, TOP + height, WIDTH - 20, TOP + height)
    parts = [_line(*ends, GREY), _line(left, TOP, left, TOP + height, GREY)]
    for value in (low + room, high - room):
        parts.append(_text(left - 8, float(place(first, value).split(",")[1]) + 4, f"{value:.3f}", "end"))
    parts.append(_text(left, TOP + height + 18, f"step {first:g}"))
    parts.append(_text(WIDTH - 20, TOP + height + 18, f"step {last:g}", "end"))
    for number, (name, (x, y)) in enumerate(lines.items()):
        color, dash = ((BLUE, "none"), (VERMILLION, "6 4"))[number]
        points = " ".join(place(a, b) for a, b in zip(x, y, strict=True))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{color}" stroke-width="2" '
            f'stroke-dasharray="{dash}"/>'
        )
        parts.append(_line(left + 170 * number, 12, left + 30 + 170 * number, 12, color, dash))
        parts.append(_text(left + 38 + 170 * number, 16, name))
    return _picture(parts, TOP + height + 28, words)


def _picture(parts: Sequence[str], height: float, words: str) -> Picture:
    label = html.escape(words)
    svg = (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" aria-label="{label}" '
        f'font-family="system-ui, sans-serif" font-size="13">{"".join(parts)}</svg>'
    )
    return Picture(svg, words)


def _axis(x, ticks: Sequence[float], bottom: float) -> str:
    parts = [_line(x(ticks[0]), bottom, x(ticks[-1]), bottom, GREY)]
    for tick in ticks:
        parts.append(_line(x(tick), bottom, x(tick), bottom + 4, GREY))
        parts.append(_text(x(tick), bottom + 17, f"{tick:.0%}", "middle"))
    return "".join(parts)


def _line(x1: float, y1: float, x2: float, y2: float, color: str, dash: str = "none") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{color}" stroke-width="2" '
        f'stroke-dasharray="{dash}"/>'
    )


def _text(x: float, y: float, text: str, anchor: str = "start") -> str:
    # The page's own ink: black on white, white on black.
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="currentColor">'
        f"{html.escape(shown(text))}</text>"
    )


def _short(name: str, length: int = 28) -> str:
    return name if len(name) <= length else name[: length - 1] + "…"
