"""How fast are strengths from battles? `rmkit.bradley_terry.fit` beside evalica, on the same battles.

    pip install evalica
    python benchmarks/items.py [--battles 1000000] [--items 1000] [--repeats 3]

Reading the names is included; ours also gives the standard errors, which evalica does not. Numbers are the
CPU seconds of the fastest repeat, and mean something relative to each other only. The scores must agree.
"""

import argparse
import time

import numpy as np
import pandas as pd
from tables import fastest

from rmkit import bradley_terry


def battles(number: int, items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(names of the first, names of the second, whether the first won), each (number,)."""
    rng = np.random.default_rng(seed)
    names = np.array([f"model-{i:05d}" for i in range(items)], dtype=object)
    scores = rng.normal(size=items)
    a = rng.integers(items, size=number)
    b = (a + rng.integers(1, items, size=number)) % items
    won = rng.random(number) < 1 / (1 + np.exp(scores[b] - scores[a]))
    return names[a], names[b], won


def measure(number: int, items: int, repeats: int) -> pd.DataFrame:
    """One row for each way to get the scores: seconds, and seconds over evalica's."""
    import evalica

    first, second, won = battles(number, items)
    a, b = first.tolist(), second.tolist()
    said = np.where(won, "model_a", "model_b").tolist()
    frame = pd.DataFrame({"model_a": a, "model_b": b, "winner": said})
    pairs = [(x, y) if w else (y, x) for x, y, w in zip(a, b, won.tolist(), strict=True)]
    winners = [evalica.Winner.X if w else evalica.Winner.Y for w in won.tolist()]
    codes = pd.factorize(np.concatenate([first, second]))[0].reshape(2, -1)
    arrays = np.where(won, codes, codes[::-1]).T.copy()
    ways = {
        "evalica, lists of names (no errors)": lambda: evalica.bradley_terry(a, b, winners),
        "rmkit, the same lists": lambda: bradley_terry.fit(
            pd.DataFrame({"model_a": a, "model_b": b, "winner": said})
        ),
        "rmkit, table of names": lambda: bradley_terry.fit(frame),
        "rmkit, list of pairs": lambda: bradley_terry.fit(pairs),
        "rmkit, array of numbers": lambda: bradley_terry.fit(arrays),
        "rmkit, table, and robust errors": lambda: bradley_terry.fit(frame).robust_covariance,
    }
    timed = fastest(ways, repeats, time.process_time)
    peer = np.log(timed["evalica, lists of names (no errors)"][1].scores)
    ours = timed["rmkit, table of names"][1]
    apart = np.abs((peer - peer.mean()).loc[ours.items] - ours.scores).max()
    print(f"{number:,} battles of {items:,} items; the scores differ by at most {apart:.1e}\n")
    seconds = pd.Series({name: spent for name, (spent, _) in timed.items()})
    return pd.DataFrame({"CPU seconds": seconds, "times evalica": seconds / seconds.iloc[0]})


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--battles", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    table = measure(options.battles, options.items, options.repeats)
    print(table.to_string(float_format=lambda number: f"{number:.2f}"))


if __name__ == "__main__":
    main()
