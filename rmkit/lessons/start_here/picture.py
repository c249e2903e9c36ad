"""Lesson 00: where a reward model stands, as one drawing that scales with its page.

SVG, because it needs no kernel, no script and no network, and its letters grow and shrink with its boxes.
"""

import html
from dataclasses import dataclass

from rmkit.notebook import theme

WIDTH, HEIGHT = 720, 405
WORDS = (
    "A language model, the policy, first imitates demonstrations. People compare two of its answers; these "
    "preferences train the reward model, whose numbers the policy is then trained to earn. Two roads go "
    "around the reward model: DPO leads from preferences straight to the policy, and a verifiable reward "
    "comes from a checker, such as a test, instead of from people."
)


@dataclass(frozen=True)
class Box:
    """A named box: its corner and size in pixels, its heading, what it says, and whether it is dashed."""

    x: int
    y: int
    width: int
    height: int
    heading: str
    says: tuple[str, ...]
    color: str = theme.INK
    dashed: bool = False

    def svg(self) -> str:
        """A rounded box with a heading and one line for each text."""
        middle, dash = self.x + self.width / 2, ' stroke-dasharray="6 5"' if self.dashed else ""
        lines = [
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="9" '
            f'fill="{self.color}" fill-opacity="0.13" stroke="{self.color}" stroke-width="2"{dash}/>',
            _text(middle, self.y + 27, self.heading, bold=True),
            *(_text(middle, self.y + 50 + 20 * k, line) for k, line in enumerate(self.says)),
        ]
        return "".join(lines)


@dataclass(frozen=True)
class Arrow:
    """From one point to another, with a label centered at `at`."""

    start: tuple[int, int]
    end: tuple[int, int]
    label: str
    at: tuple[int, int]
    dashed: bool = False

    def svg(self) -> str:
        """A line with a head and its label."""
        (x, y), (u, v), dash = self.start, self.end, ' stroke-dasharray="6 5"' if self.dashed else ""
        line = (
            f'<line x1="{x}" y1="{y}" x2="{u}" y2="{v}" stroke="{theme.INK}" stroke-width="2"{dash} '
            f'marker-end="url(#rmkit-head)"/>'
        )
        return line + _text(*self.at, self.label)


BOXES = (
    Box(8, 12, 240, 84, "Demonstrations", ("good answers,", "written by people")),
    Box(
        8,
        148,
        240,
        84,
        "Verifiable rewards",
        ("right or wrong, by a test", "or an exact answer"),
        dashed=True,
    ),
    Box(8, 300, 240, 92, "Reward model", ("a number for every answer:", "this course"), theme.BLUE),
    Box(478, 78, 234, 92, "Policy", ("the language model", "that answers"), theme.GREEN),
    Box(478, 300, 234, 92, "Preferences", ("people say which of two", "answers is better")),
)
ARROWS = (
    Arrow((248, 54), (474, 104), "it imitates them", (372, 64)),
    Arrow((248, 190), (474, 140), "1 or 0", (372, 146), dashed=True),
    Arrow((248, 318), (480, 174), "rewards train it", (416, 276)),
    Arrow((478, 346), (252, 346), "votes train it", (365, 370)),
    Arrow((540, 170), (540, 296), "answers", (500, 240)),
    Arrow((650, 300), (650, 174), "DPO", (676, 240), dashed=True),
)


class Picture:
    """The drawing, for a notebook; its words for a terminal, and for who listens to the page."""

    def __str__(self) -> str:
        return WORDS

    __repr__ = __str__

    def _repr_html_(self) -> str:
        head = (
            f'<defs><marker id="rmkit-head" markerWidth="9" markerHeight="8" refX="7" refY="4" '
            f'orient="auto"><path d="M0,0 L8,4 L0,8 z" fill="{theme.INK}"/></marker></defs>'
        )
        inside = "".join(part.svg() for part in (*BOXES, *ARROWS))
        return (
            f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" style="width:100%;max-width:{WIDTH}px;height:auto" '
            f'role="img" aria-label="{html.escape(WORDS)}">{head}{inside}</svg>'
        )


def _text(x: float, y: float, text: str, bold: bool = False) -> str:
    look = 'font-size="18" font-weight="600"' if bold else 'font-size="16"'
    return (
        f'<text x="{x:g}" y="{y:g}" text-anchor="middle" fill="{theme.INK}" '
        f'font-family="system-ui, sans-serif" {look}>{html.escape(text)}</text>'
    )
