"""The README's moving picture: `python docs/picture.py` computes it and writes docs/picture.svg.

What happens when a reward is pushed: best-of-n by heads learned from 200 votes, of which a share is turned
round. Every number in it is measured on the shipped pool, by the lines of lesson 11.
"""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

import numpy as np

from rmkit.notebook import theme

VOTES, SEEDS, PROMPTS, DRAWS = 200, 10, 16, 512
WRONG = (0, 5, 10, 15, 20, 25, 30, 35, 40)  # % of the votes
NS = [2**k for k in range(10)]
WIDTH, HEIGHT = 760, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 740, 100, 290  # the plot
TRACK = 360  # the slider's height
STAY, MOVE = 1.6, 0.6  # seconds
INK = "#6e6e6e"  # 4.5 : 1 on white and on GitHub's dark page


def compute() -> dict[int, np.ndarray]:
    """{% turned round: (len(NS),) expected gold reward of best-of-n, mean over seeds and prompts}."""
    from rmkit.ablation import fit_heads, grid
    from rmkit.features import features

    import rmkit
    from rmkit import pocket
    from rmkit.lessons.over_optimization import instruments

    pool, train = instruments.part(pocket.pool(), range(PROMPTS), DRAWS), rmkit.load("pocket")[:1000]
    read = instruments.read(pool, "pocket")
    settings = grid(groups=[VOTES], noise=[w / 100 for w in WRONG], l2=0.01, seed=range(SEEDS))
    fitted = fit_heads(features(train, "pocket", progress=False), train, settings, test=range(800, 1000))
    heads = fitted.weights.numpy().reshape(len(WRONG), SEEDS, -1)
    rewards = np.einsum("wsd,pnd->wspn", heads, read).round(6)
    means = (instruments.curves(r, pool.gold, NS).mean((0, 1)) for r in rewards)
    return dict(zip(WRONG, means, strict=True))


def draw(curves: Mapping[int, Sequence[float]]) -> str:
    """The picture as SVG that moves without a script. curves: {% turned round: a value for each n of NS}."""
    stops = [*curves, *list(curves)[-2:0:-1]]  # there and back
    seconds = len(stops) * (STAY + MOVE)
    values = np.array(list(curves.values()))
    low, high = np.floor(values.min() * 20) / 20, np.ceil(values.max() * 20) / 20

    def across(i: float) -> float:
        return LEFT + (RIGHT - LEFT) * i / (len(NS) - 1)

    def up(value: float) -> float:
        return BOTTOM - (BOTTOM - TOP) * (value - low) / (high - low)

    def path(wrong: int) -> str:
        return "M" + " L".join(f"{across(i):.1f} {up(value):.1f}" for i, value in enumerate(curves[wrong]))

    def knob(wrong: int) -> float:
        return 240 + 400 * list(curves).index(wrong) / (len(curves) - 1)

    def moves(attribute: str, of) -> str:
        """An animation that stays at every stop, and glides to the next one."""
        at = [second for i in range(len(stops)) for second in (i, i + STAY / (STAY + MOVE))]
        times = ";".join(f"{t / len(stops):.4f}" for t in [*at, len(stops)])
        told = ";".join(str(of(wrong)) for wrong in [*np.repeat(stops, 2), stops[0]])
        return (
            f'<animate attributeName="{attribute}" dur="{seconds:.1f}s" repeatCount="indefinite" '
            f'keyTimes="{times}" values="{told}"/>'
        )

    def shown(number: int) -> str:
        """An animation that shows its text at one stop only."""
        times = ";".join(f"{i / len(stops):.4f}" for i in range(len(stops)))
        told = ";".join("1" if i == number else "0" for i in range(len(stops)))
        return (
            f'<animate attributeName="opacity" dur="{seconds:.1f}s" repeatCount="indefinite" '
            f'calcMode="discrete" keyTimes="{times}" values="{told}"/>'
        )

    def peak(wrong: int) -> int:
        return int(np.argmax(curves[wrong]))

    first = stops[0]
    ticks = [
        f'<text x="{across(i):.0f}" y="{BOTTOM + 20}" text-anchor="middle">{n}</text>'
        for i, n in enumerate(NS)
    ]
    for value in np.arange(low, high + 1e-9, 0.05):
        y = f"{up(value):.1f}"
        ticks += [
            f'<path class="grid" d="M{LEFT} {y}H{RIGHT}"/>',
            f'<text x="{LEFT - 8}" y="{up(value) + 5:.1f}" text-anchor="end">{value:.2f}</text>',
        ]
    ghosts = [f'<path class="ghost" d="{path(wrong)}"/>' for wrong in curves]
    words = [
        f'<text x="{LEFT}" y="80" opacity="{int(not i)}">{escape(say(wrong, curves[wrong]))}{shown(i)}</text>'
        for i, wrong in enumerate(stops)
    ]
    told = "; ".join(f"{escape(say(wrong, curve))}" for wrong, curve in curves.items())
    dot = [f'cx="{across(peak(first)):.1f}" cy="{up(max(curves[first])):.1f}"']
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" \
font-family="system-ui, sans-serif" font-size="14">
<title>How hard can you push a reward model? A slider moves the share of votes turned round.</title>
<desc>Gold reward of the best of n answers against n. {told}</desc>
<style>
text {{ fill: {INK}; }}
.grid {{ stroke: #808080; stroke-opacity: 0.25; }}
.ghost {{ fill: none; stroke: #808080; stroke-opacity: 0.3; }}
.now {{ fill: none; stroke: {theme.BLUE}; stroke-width: 3.5; stroke-linejoin: round; }}
@media (prefers-color-scheme: dark) {{ text {{ fill: #9a9a9a; }} }}
</style>
<text x="{LEFT}" y="30" font-size="20">How hard can you push a reward model?</text>
<text x="{LEFT}" y="54">true reward of the best of n answers; the model learned from {VOTES} votes</text>
{"".join(ticks)}
<text x="{RIGHT}" y="{BOTTOM + 40}" text-anchor="end">n</text>
{"".join(ghosts)}
<path class="now" d="{path(first)}">{moves("d", path)}</path>
<circle {dot[0]} r="7" fill="{theme.VERMILLION}">\
{moves("cx", lambda v: f"{across(peak(v)):.1f}")}{moves("cy", lambda v: f"{up(max(curves[v])):.1f}")}</circle>
<text x="{LEFT}" y="{TRACK + 5}">votes turned round</text>
<path d="M240 {TRACK}H640" stroke="#808080" stroke-opacity="0.5" stroke-width="6" stroke-linecap="round"/>
<circle cx="{knob(first)}" cy="{TRACK}" r="10" fill="{theme.BLUE}">{moves("cx", knob)}</circle>
{"".join(words)}
</svg>
"""


def say(wrong: int, curve: Sequence[float]) -> str:
    """What the picture says at a stop."""
    best = int(np.argmax(curve))
    told = f"{wrong} % turned round: best at n = {NS[best]}, reward {curve[best]:.2f}"
    return told if best == len(NS) - 1 else f"{told}; at n = {NS[-1]} it is {curve[-1]:.2f}"


if __name__ == "__main__":
    found = compute()
    out = Path(__file__).with_suffix(".svg")
    out.write_text(draw(found), encoding="utf-8")
    for wrong, curve in found.items():
        print(say(wrong, curve))
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")
