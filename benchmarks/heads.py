"""Many linear reward heads at once, against scikit-learn's logistic regression, one head after the other.

    pip install scikit-learn
    python benchmarks/heads.py [--heads 256] [--groups 2000] [--width 384]

The same problems: pairs with generated features, a seed for each head, which holds out a fifth of the pairs;
Bradley-Terry with one penalty. A pair is the difference of its two features to scikit-learn, label 1, its
mirror image label 0 where there is need of one: the loss is the same. Both must find the same minimum; the
last column says how far the worst head of either is above the smaller of the two. Processor seconds, one
thread. Of scikit-learn some heads are timed, and the time of all is in proportion.
"""

import argparse
import time

import numpy as np
import torch
from rmkit.ablation import fit_heads, grid
from tables import row, show

from rmkit import load


def problem(groups: int, width: int, k: int = 2, seed: int = 0):
    """(preferences, features (K, D) of each group): what people prefer follows a linear reward and chance."""
    rng = np.random.default_rng(seed)
    scale = np.arange(1, width + 1) ** -0.5  # as of a network's features: few directions hold much
    x = rng.normal(size=(groups, k, width)) * scale
    reward = x @ rng.normal(size=width) + rng.gumbel(size=(groups, k))
    ranks = (-reward).argsort(1).argsort(1) + 1
    records = [
        {
            "prompt": f"question {g}",
            "responses": [f"answer {g} {i}" for i in range(k)],
            "ranks": ranks[g].tolist(),
        }
        for g in range(groups)
    ]
    return load(records), list(torch.tensor(x, dtype=torch.float32))


def differences(preferences, features: list) -> np.ndarray:
    """(G, D) features of the better response less those of the worse, in units of their spread."""
    x = torch.stack(features).double()
    x = x / x.flatten(0, 1).std(0)
    first = torch.tensor([record.ranks[0] == 1 for record in preferences])
    return torch.where(first[:, None], x[:, 0] - x[:, 1], x[:, 1] - x[:, 0]).numpy()


def in_turn(d: np.ndarray, held_out: np.ndarray, l2: float) -> tuple[np.ndarray, float]:
    """(weights (S, D), processor seconds) of scikit-learn on the pairs that each head does not hold out."""
    from sklearn.linear_model import LogisticRegression

    sign = np.where(np.arange(len(d)) % 2, -1.0, 1.0)  # it wants two classes
    weights, begun = [], time.process_time()
    for mine in ~held_out:
        x, y = d[mine] * sign[mine, None], sign[mine] > 0
        weights.append(LogisticRegression(C=1 / (l2 * len(x)), fit_intercept=False).fit(x, y).coef_[0])
    return np.stack(weights), time.process_time() - begun


def objective(w: np.ndarray, d: np.ndarray, held_out: np.ndarray, l2: float) -> np.ndarray:
    """(S,) what both minimize: mean of log(1 + exp(-w . d)) over training pairs, and l2 / 2 |w|^2."""
    loss = np.logaddexp(0, -w @ d.T)
    return (loss * ~held_out).sum(1) / (~held_out).sum(1) + l2 / 2 * (w * w).sum(1)


def measure(heads: int, groups: int, width: int, timed: int, l2: float = 0.1) -> list[dict]:
    """The row of the table, and whether both found the same."""
    preferences, features = problem(groups, width)
    fit_heads(features[:50], preferences[:50], grid(l2=l2, seed=range(2)))  # imports are not what is measured
    begun = time.process_time()
    found = fit_heads(features, preferences, grid(l2=l2, seed=range(heads)))
    ours = time.process_time() - begun
    d, held_out = differences(preferences, features), found.held_out.numpy()[:timed]
    in_turn(d, held_out[:1], l2)
    theirs_weights, seconds = in_turn(d, held_out, l2)
    theirs = seconds * heads / len(held_out)
    spread = torch.cat(features).std(0).numpy()
    both = [objective(w, d, held_out, l2) for w in (found.weights.numpy()[:timed] * spread, theirs_weights)]
    least = np.minimum(*both)
    print(f"{heads} heads: {ours:.2f} s, scikit-learn in turn {theirs:.1f} s (of {len(held_out)} timed)")
    name = f"{heads} heads, {groups:,} pairs, width {width}, against scikit-learn in turn"
    worst = [float(((each - least) / least).max()) for each in both]
    return [
        row(
            name,
            theirs / ours,
            "at least",
            20.0,
            why="matrix products, which both need, are more than half of ours",
        ),
        row("our objective above the smaller of the two, worst head", worst[0], "at most", 1e-4, ""),
        row("theirs, the same", worst[1], "at most", 1e-4, ""),
    ]


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--heads", type=int, default=256)
    parser.add_argument("--groups", type=int, default=2000)
    parser.add_argument("--width", type=int, default=384)
    parser.add_argument("--timed", type=int, default=32, help="heads of scikit-learn that are timed")
    options = parser.parse_args()
    torch.set_num_threads(1)
    show("Heads", measure(options.heads, options.groups, options.width, options.timed))


if __name__ == "__main__":
    main()
