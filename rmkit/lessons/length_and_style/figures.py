"""Lesson 12's pictures: a dial on the annotators' bias, what is inherited, cures, best-of-n, shortcuts, a
league.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from rmkit.lessons.length_and_style.heads import TEN, Head, Pairs, chance, fit, without
from rmkit.lessons.length_and_style.measures import correlation, worth
from rmkit.lessons.margin_and_strength.instruments import agreement
from rmkit.notebook import theme

# --- the dial -----------------------------------------------------------------------------------------------


def dial_compute(
    bias: float, learned_on: str, cure: str, *, worlds: Mapping[str, Pairs], test: Pairs
) -> dict:
    """A head fitted to what endless votes of such annotators would say, and its gaps on test pairs.

    worlds: {name: training pairs}. cure: one of `CURES`. Gaps are longer minus shorter, in units of their
    root mean square.
    """
    part = worlds[learned_on]
    share = chance(part, bias)
    head = CURES[cure](part, share)
    gaps = head.gaps(test)
    longer = np.sign(test.length)
    return {
        "words": TEN * abs(test.length),
        "gap": gaps * longer / max(np.sqrt((gaps**2).mean()), 1e-12),
        "better": test.gold * longer > 0,
        "rho": correlation(gaps, test.length).mean(),
        "agreement": agreement(gaps, test.gold).mean(),
        "worth": worth(gaps, test),
    }


def _plain(part: Pairs, share: np.ndarray) -> Head:
    return Head(fit(part.x, share, l2=L2)[0])


def _subtracted(part: Pairs, share: np.ndarray) -> Head:
    head = _plain(part, share)
    gaps = head.gaps(part)
    return Head(head.w, -(gaps @ part.length) / (part.length @ part.length))


def _two_heads(part: Pairs, share: np.ndarray) -> Head:
    return Head(fit(without(part.x, part.length), share, own=part.length, l2=L2)[0])


L2 = 0.3  # of the heads behind the dial
CURES = {"no cure": _plain, "length subtracted": _subtracted, "two heads": _two_heads}


def dial_draw(a: dict) -> go.Figure:
    """A dot for each test pair; above 0 the reward prefers the longer answer."""
    f = theme.figure(
        "how many words longer",
        "reward, longer minus shorter",
        x_range=(0, 45),
        y_range=(-3.5, 3.5),
        title="Does it like the answer, or its length?",
    )
    for inside, name, number in ((a["better"], "longer is better", 0), (~a["better"], "longer is worse", 1)):
        mark = {"size": 7, "color": theme.PALETTE[number], "symbol": number, "opacity": 0.6}
        f.add_scatter(x=a["words"][inside], y=a["gap"][inside], mode="markers", marker=mark, name=name)
    slope = (a["words"] @ a["gap"]) / (a["words"] @ a["words"])
    return f.add_trace(theme.line([0, 45], [0, 45 * slope], "what length alone predicts", 2))


def dial_say(a: dict) -> str:
    """Correlation, agreement and the price of length on the test pairs."""
    return (
        f"On test pairs of the twin: correlation with length {a['rho']:+.2f}; ten words are worth "
        f"{a['worth']:+.2f} gold reward; agreement with fair annotators {a['agreement']:.1%}."
    )


# --- curves and dots ----------------------------------------------------------------------------------------


def inherited_draw(biases: Sequence[float], found: Mapping[str, Sequence[tuple]]) -> go.Figure:
    """What ten words are worth to annotators (x) and heads (y): {name: (mean, low, high) for each bias}."""
    ends = [end for each in found.values() for interval in each for end in interval]
    top = max(*ends, biases[-1]) + 0.02
    f = theme.figure(
        "ten words are worth, to the annotators",
        "and to the reward",
        x_range=(-0.01, biases[-1] + 0.01),
        y_range=(min(0, *ends) - 0.02, top),
        title="A bias is inherited",
    )
    f.add_trace(theme.line([0, biases[-1]], [0, biases[-1]], "the same", 5))
    for number, (name, each) in enumerate(found.items()):
        mean, low, high = (list(part) for part in zip(*each, strict=True))
        f.add_trace(theme.band(list(biases), low, high, number))
        f.add_trace(theme.line(list(biases), mean, name, number))
    return f


def best_of_draw(curves: Mapping[str, np.ndarray], y: str, title: str) -> go.Figure:
    """Means over prompts of best-of-n, {name: (N,)} for n = 1 to N."""
    ends = [value for curve in curves.values() for value in curve]
    room = 0.05 * (max(ends) - min(ends)) + 1e-3
    last = np.log2(len(next(iter(curves.values()))))
    f = theme.figure(
        "n, of best-of-n", y, x_range=(0, last), y_range=(min(ends) - room, max(ends) + room), title=title
    )
    for number, (name, curve) in enumerate(curves.items()):
        at = np.log2(np.arange(1, len(curve) + 1))
        f.add_trace(theme.line(list(at), list(curve), name, number))
    ticks = list(range(int(last) + 1))
    return f.update_xaxes(tickvals=ticks, ticktext=[str(2**tick) for tick in ticks])


def cures_draw(found: Mapping[str, Mapping[str, tuple]], y: str, title: str) -> go.Figure:
    """{training set: {cure: ((rho, low, high), (cost, low, high))}}: a mark with two error bars each.

    The legend names a cure once, and below the title stands which mark is which set: twelve names would
    leave no room for the picture in half a window.
    """
    flat = [each for of in found.values() for each in of.values()]
    x_ends, y_ends = ([end for each in flat for end in each[axis]] for axis in (0, 1))
    f = theme.figure(
        "correlation with length, on the twin",
        y,
        x_range=(min(x_ends) - 0.03, max(x_ends) + 0.03),
        y_range=(min(y_ends) - 5, max(y_ends) + 5),
        title="<br>".join([title, ", ".join(f"{m} {world}" for m, world in zip("●✕", found, strict=True))]),
    )
    names = list(next(iter(found.values())))
    for symbol, (world, of) in zip(("circle", "x"), found.items(), strict=True):
        for number, name in enumerate(names):
            (rho, cost), color = of[name], theme.PALETTE[number % len(theme.PALETTE)]
            mark = {"size": 11, "color": color, "symbol": symbol}
            bars = [
                {"type": "data", "symmetric": False, "array": [m[2] - m[0]], "arrayminus": [m[0] - m[1]]}
                for m in (rho, cost)
            ]
            f.add_scatter(
                x=[rho[0]], y=[cost[0]], error_x=bars[0], error_y=bars[1], mode="markers", marker=mark,
                name=name if symbol == "circle" else f"{name}, {world}", legendgroup=name,
                showlegend=symbol == "circle",
            )  # fmt: skip
    return f.update_layout(height=560)


def shortcuts_draw(rates: Mapping[str, Mapping[str, tuple]]) -> go.Figure:
    """How much of a pattern best-of-n picks, beyond the pool's own: {shortcut: {arm: (mean, low, high)}}."""
    names, arms = list(rates), list(next(iter(rates.values())))
    ends = [end for each in rates.values() for interval in each.values() for end in interval]
    f = theme.figure(
        "",
        "standard deviations above the pool",
        x_range=(-0.6, len(names) - 0.4),
        y_range=(min(0, *ends) - 0.1, max(ends) + 0.1),
        title="Three shortcuts, and the same without the cause",
    )
    for number, arm in enumerate(arms):
        mean, low, high = (np.array(part) for part in zip(*(rates[n][arm] for n in names), strict=True))
        bars = {"type": "data", "symmetric": False, "array": high - mean, "arrayminus": mean - low}
        mark = {"size": 11, "color": theme.PALETTE[number], "symbol": number}
        x = np.arange(len(names)) + 0.16 * (number - (len(arms) - 1) / 2)
        f.add_scatter(x=x, y=mean, error_y=bars, mode="markers", marker=mark, name=arm)
    return f.update_xaxes(tickvals=list(range(len(names))), ticktext=names, zeroline=False)


def league_draw(scores: Mapping[str, np.ndarray], names: Sequence[str]) -> go.Figure:
    """{who fitted: scores (n,)} of the same models, side by side."""
    ends = [value for each in scores.values() for value in each]
    f = theme.figure(
        "", "score, log-odds", x_range=(-0.6, len(names) - 0.4), y_range=(min(ends) - 0.2, max(ends) + 0.2),
        title="A league of styles",
    )  # fmt: skip
    for number, (who, each) in enumerate(scores.items()):
        mark = {"size": 12, "color": theme.PALETTE[number], "symbol": number}
        x = np.arange(len(names)) + 0.14 * (number - 1)
        f.add_scatter(x=x, y=np.asarray(each), mode="markers", marker=mark, name=who)
    words = [name.replace(", ", ",<br>") for name in names]  # in half a window they stand upright so
    return f.update_xaxes(tickvals=list(range(len(names))), ticktext=words, zeroline=False)
