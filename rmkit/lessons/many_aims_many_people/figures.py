"""Lesson 13's pictures: who disagrees, what heads and axes hear, one newcomer, and who is outvoted."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from rmkit.lessons.many_aims_many_people.crowd import Pairs, vote
from rmkit.lessons.many_aims_many_people.instruments import worth
from rmkit.lessons.many_aims_many_people.trials import newcomer, outvoted
from rmkit.notebook import theme
from rmkit.theory.few_shot import few_shot
from rmkit.theory.intervals import mean_interval


def table_draw(
    values: np.ndarray, rows: Sequence[str], columns: Sequence[str], title: str, *, signed: bool = False
) -> go.Figure:
    """A table (R, C) as colors with its numbers; signed: from -1 to 1 around 0, else from 0 up."""
    f = theme.figure("", "", x_range=None, y_range=None, title=title)
    scale = (
        {"colorscale": theme.DIVERGING, "zmin": -1, "zmax": 1} if signed else {"colorscale": theme.SEQUENTIAL}
    )
    f.add_heatmap(
        z=values, x=list(columns), y=list(rows), text=np.round(values, 2), texttemplate="%{text}", **scale
    )
    return f.update_yaxes(autorange="reversed").update_layout(height=120 + 34 * len(rows))


def curves_draw(
    x: Sequence[float], curves: Mapping[str, np.ndarray], *, axis: str, y: str, title: str, log: bool = False
) -> go.Figure:
    """Mean of each {name: (runs, len(x))} with its 95 % interval over the runs."""
    spans = {name: [mean_interval(column) for column in np.asarray(v).T] for name, v in curves.items()}
    ends = [end for each in spans.values() for _, low, high in each for end in (low, high)]
    place = np.log10(x) if log else np.asarray(x, dtype=float)
    space = 0.05 * (max(ends) - min(ends)), 0.04 * (place[-1] - place[0])
    f = theme.figure(
        axis,
        y,
        x_range=(place[0] - space[1], place[-1] + space[1]),
        y_range=(min(ends) - space[0], max(ends) + space[0]),
        title=title,
    )
    for number, (name, each) in enumerate(spans.items()):
        mean, low, high = (list(part) for part in zip(*each, strict=True))
        f.add_trace(theme.band(list(x), low, high, number))
        f.add_trace(theme.line(list(x), mean, name, number))
    return f.update_xaxes(type="log", tickvals=list(x)) if log else f


def quantiles_draw(at: Sequence[float], answers: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> go.Figure:
    """Predicted quantiles of a few answers {name: (quantiles (Q,), what each camp truly thinks (C,))}."""
    ends = [value for parts in answers.values() for part in parts for value in part]
    f = theme.figure(
        "rating",
        "share of the people who rate it lower",
        x_range=(min(ends) - 0.1, max(ends) + 0.1),
        y_range=(0, 1),
    )
    for number, (name, (q, truth)) in enumerate(answers.items()):
        f.add_trace(theme.line(list(q), list(at), name, number))
        mark = {"size": 11, "color": theme.PALETTE[number], "symbol": "triangle-up"}
        f.add_scatter(x=truth, y=[0.03] * len(truth), mode="markers", marker=mark, showlegend=False)
    return f


# --- one newcomer -------------------------------------------------------------------------------------------


def newcomer_compute(
    votes: int,
    camp: str,
    seed: int,
    *,
    train: Pairs,
    test: Pairs,
    known: dict,
    tastes: Mapping[str, np.ndarray],
) -> dict:
    """Somebody from a camp casts so many votes: weights of the crowd's camps, and what each way is worth."""
    own = tastes[camp]
    x = vote(train, own[None], 60, np.random.default_rng([seed, 9])).x[:votes]
    camps = known["camps"]
    ways = newcomer(known, x)
    agreement = [worth(test.x @ w, test.gaps(own))[0] if (test.x @ w).any() else 50.0 for w in ways.values()]
    weights = few_shot(x @ camps.weights.T, shares=camps.shares)
    return {"weights": weights, "ways": list(ways), "agreement": np.array(agreement)}


def newcomer_draw(a: dict) -> go.Figure:
    """Two groups of bars on one scale: how much of each camp is in the person, and agreement by way."""
    names = [f"camp {k + 1}" for k in range(len(a["weights"]))]
    f = theme.figure(
        "", "percent", x_range=None, y_range=(0, 100), title="Who is this, and what do they like?"
    )
    f.add_bar(x=names, y=100 * a["weights"], name="weight of the camp", marker={"color": theme.AMBER})
    f.add_bar(x=a["ways"], y=a["agreement"], name="agreement with fresh votes", marker={"color": theme.BLUE})
    return f.add_trace(theme.line([*names, *a["ways"]], [50] * (len(names) + len(a["ways"])), "a coin", 5))


def newcomer_say(a: dict) -> str:
    """The numbers of the bars."""
    ways = ", ".join(f"{way} {value:.1f} %" for way, value in zip(a["ways"], a["agreement"], strict=True))
    return f"weights {', '.join(f'{w:.2f}' for w in a['weights'])}; agreement on test pairs: {ways}."


# --- who is outvoted ----------------------------------------------------------------------------------------


def outvoted_compute(
    share: float, votes: int, against: str, *, train: Pairs, test: Pairs, camps: Mapping[str, np.ndarray]
) -> dict:
    """One reward for a crowd whose minority casts `share` of the votes. against: "majority, minority"."""
    names = against.split(", ")
    tastes = np.stack([camps[name] for name in names])
    return {"names": names, "agreement": outvoted(train, test, tastes, share=share, votes=votes, seed=0)}


def outvoted_draw(a: dict) -> go.Figure:
    """For majority and minority: agreement of the one reward for all, and of a reward of their own."""
    f = theme.figure(
        "", "agreement with fresh votes, %", x_range=None, y_range=(40, 90), title="Whose reward?"
    )
    labels = [f"{name} ({role})" for name, role in zip(a["names"], ("majority", "minority"), strict=True)]
    for column, name in enumerate(("one reward for all", "a reward of their own")):
        f.add_bar(x=labels, y=a["agreement"][:, column], name=name, marker={"color": theme.PALETTE[column]})
    return f.update_layout(barmode="group")


def outvoted_say(a: dict) -> str:
    """What each loses to the other's votes."""
    losses = a["agreement"][:, 1] - a["agreement"][:, 0]
    return (
        "; ".join(
            f"the {name} lose {loss:+.1f} points" for name, loss in zip(a["names"], losses, strict=True)
        )
        + "."
    )


# --- places between two tastes ------------------------------------------------------------------------------


def places_draw(between: dict, ends: dict) -> go.Figure:
    """A dot a person: true mix t against the place found, of two runs of `trials.placed`."""
    f = theme.figure(
        "true share t of the second taste", "place found", x_range=(-0.05, 1.05), y_range=(-0.05, 1.05)
    )
    for number, (name, run) in enumerate((("between the ends", between), ("at the ends", ends))):
        place = run["place"] if np.corrcoef(run["place"], run["t"])[0, 1] > 0 else 1 - run["place"]
        mark = {"size": 9, "color": theme.PALETTE[number], "symbol": number}
        f.add_scatter(x=run["t"], y=place, mode="markers", marker=mark, name=name)
    return f
