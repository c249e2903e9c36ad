"""Lesson 11's pictures: the hump and what was chosen on it, curves with bands, the exact KL and its bound."""

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from rmkit.evaluation.best_of import best_of_n
from rmkit.evaluation.pool_policy import at_kl, best_of_n_policy, tilted
from rmkit.notebook import theme
from rmkit.theory.over_optimization import Curve
from rmkit.theory.statistics import crossed_interval

WAYS = ("best-of-n", "RL with a KL penalty")

# --- pushing, step by step ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Path:
    """One reward, pushed in one way, K steps. d (K,): sqrt of the mean exact KL; gold, proxy, pick (P, K).

    gold: expected gold reward.   proxy: expected reward, 0 = the mean of the pool's, 1 = its highest.
    pick: the sample shown: the best of the first n, or the likeliest one.
    """

    d: np.ndarray
    gold: np.ndarray
    proxy: np.ndarray
    pick: np.ndarray


@dataclass(frozen=True)
class World:
    """What the figure moves over: texts [prompt][sample], their gold (P, N), and {(reward, way): Path}."""

    prompts: list[str]
    responses: list[list[str]]
    gold: np.ndarray
    ns: Sequence[int]
    paths: Mapping[tuple[str, str], Path]


def world(
    prompts: list[str], responses: list, gold: np.ndarray, rewards: Mapping, ns: Sequence[int]
) -> World:
    """rewards: {name: (P or more, N)}, of which the prompts given are shown.

    RL goes, step for step, as far in KL as best-of-n does.
    """
    paths, gold = {}, gold[: len(prompts)]
    rewards = {name: r[: len(prompts)] for name, r in rewards.items()}
    for name, r in rewards.items():
        policies = [best_of_n_policy(r, n) for n in ns]
        end = float(tilted(r, 1e-9 * np.ptp(r)).kl.mean())  # the best answers only
        kls = [min(float(policy.kl.mean()), 0.999 * end) for policy in policies]
        first = [np.array([row[:n].argmax() for row in r]) for n in ns]
        own = _own(r)
        expected = [best_of_n(r, v)[:, np.array(ns) - 1] for v in (gold, own)]
        paths[name, WAYS[0]] = Path(np.sqrt(kls), *expected, np.stack(first, 1))
        ends = [np.full(r.shape, 1 / r.shape[1])]
        ends += [at_kl(r, kl)[0].probabilities for kl in kls[1:]]
        moved = [np.stack([(q * v).sum(1) for q in ends], 1) for v in (gold, own)]
        likeliest = np.stack([q.argmax(1) for q in ends], 1)
        paths[name, WAYS[1]] = Path(np.sqrt(kls), *moved, likeliest)
    return World(list(prompts), [list(texts) for texts in responses], gold, list(ns), paths)


def _own(r: np.ndarray) -> np.ndarray:
    """Rewards of each prompt in their own unit: 0 the mean, 1 the highest."""
    centred = r - r.mean(1, keepdims=True)
    return centred / np.maximum(centred.max(1, keepdims=True), 1e-12)


def push_compute(push: int, reward: str, way: str, prompt: int, *, of: World) -> dict:
    """The curves of a reward and a way, this prompt's own, and what stands at step `push`."""
    path = of.paths[reward, way]
    pick = int(path.pick[prompt, push])
    return {
        "d": path.d,
        "gold": path.gold.mean(0),
        "proxy": path.proxy.mean(0),
        "own": path.gold[prompt],
        "at": push,
        "n": of.ns[push],
        "way": way,
        "question": of.prompts[prompt].splitlines()[-1],
        "text": of.responses[prompt][pick],
        "worth": float(of.gold[prompt, pick]),
    }


def push_draw(a: dict) -> go.Figure:
    """Two curves over the distance, this prompt's own gold, and marks at the push."""
    f = theme.figure(
        "distance d = √KL, √nats", "reward", x_range=(-0.05, 2.5), y_range=(-0.05, 1.05), title="How far?"
    )
    f.add_trace(theme.line(a["d"], a["proxy"], "what it is pushed by", 1))
    f.add_trace(theme.line(a["d"], a["gold"], "gold", 0))
    f.add_trace(theme.line(a["d"], a["own"], "gold, this prompt", 5, opacity=0.6))
    here = a["d"][a["at"]]
    for y, color, symbol, name in (
        (a["proxy"][a["at"]], theme.VERMILLION, "circle", None),
        (a["gold"][a["at"]], theme.BLUE, "circle", None),
        (a["worth"], theme.GREEN, "diamond", "the answer below"),
    ):
        mark = {"size": 11, "color": color, "symbol": symbol}
        f.add_scatter(x=[here], y=[y], mode="markers", marker=mark, name=name, showlegend=name is not None)
    return f


def push_say(a: dict) -> str:
    """Where we stand, and the answer that stands there."""
    kl = a["d"][a["at"]] ** 2
    how = f"n = {a['n']}, KL {kl:.2f} nats" if a["way"] == WAYS[0] else f"KL {kl:.2f} nats"
    asked = textwrap.shorten(a["question"], 160, placeholder=" ...")
    text = textwrap.shorten(a["text"], 220, placeholder=" ...")
    return (
        f"{how}: gold {a['gold'][a['at']]:.3f}, proxy {a['proxy'][a['at']]:.2f} of its way. {asked} "
        f"→ “{text}” (gold {a['worth']:.2f})"
    )


# --- curves with bands --------------------------------------------------------------------------------------

Series = tuple  # (x, mean) or (x, mean, low, high)


def curves_draw(
    series: Mapping[str, Series],
    x: str,
    y: str,
    title: str,
    fits: Mapping[str, Sequence[Curve]] | None = None,
) -> go.Figure:
    """Lines with marks and bands. fits: {name of a series: curves over d, each above the series' first y}."""
    every = [np.asarray(values) for _, *rest in series.values() for values in rest]
    low, high = min(v.min() for v in every), max(v.max() for v in every)
    far = max(np.max(each[0]) for each in series.values())
    near = min(np.min(each[0]) for each in series.values())
    room = 0.06 * (high - low) or 0.01
    wide = 0.04 * (far - near)
    f = theme.figure(x, y, x_range=(near - wide, far + wide), y_range=(low - room, high + room), title=title)
    for number, (name, (place, mean, *ends)) in enumerate(series.items()):
        if ends:
            f.add_trace(theme.band(list(place), list(ends[0]), list(ends[1]), number))
        f.add_trace(
            theme.line(list(place), list(mean), name, number, showlegend=True).update(mode="lines+markers")
        )
        for curve in (fits or {}).get(name, ()):
            d = np.linspace(0, max(place), 60)
            dash = "dot" if curve.form == "best-of-n" else "dashdot"
            look = {"color": theme.PALETTE[number], "dash": dash, "width": 1.5}
            f.add_scatter(
                x=d, y=mean[0] + curve(d), mode="lines", line=look, showlegend=False, hoverinfo="skip"
            )
    return f


def bands(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(mean, low, high), each (K,), of (S, P, K) over seeds and prompts (`statistics.crossed_interval`)."""
    each = [crossed_interval(values[..., k]) for k in range(values.shape[-1])]
    return tuple(np.array(part) for part in zip(*each, strict=True))
