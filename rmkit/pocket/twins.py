"""Two sets with the same questions: in one longer answers are better, in the other length says nothing.

Of a handful of answers to each question two are shown. Which two decides how the number of words and the gold
reward go together: the pairs are chosen, no text is changed, so whatever else is true of an answer is true of
it in both sets. Everyone who learns from votes on the first can learn to count words instead.
"""

import random
from collections.abc import Callable
from itertools import combinations

from rmkit.errors import InputError

# Split -> share of the pairs that are chosen from those in which the longer answer is the better one.
LONGER_IS_BETTER = {"confounded": 0.85, "unconfounded": 0.50}
DRAWN = 6  # answers of which two are shown


def choose(split: str, drawn: list, rng: random.Random) -> list:
    """Two of the answers (each with .gold and .words), as the split wants them.

    Among the pairs whose longer answer is the better one, or among those whose shorter one is, chances are in
    proportion to the difference in words: a pair of equal lengths says nothing about length.
    """
    wants = rng.random() < LONGER_IS_BETTER[split]
    pairs = list(combinations(drawn, 2))
    fit = [pair for pair in pairs if _product(pair) > 0] if wants else [p for p in pairs if _product(p) < 0]
    pairs = fit or pairs
    return list(rng.choices(pairs, [1 + abs(a.words - b.words) for a, b in pairs])[0])


def _product(pair: tuple) -> float:
    a, b = pair
    return (a.gold - b.gold) * (a.words - b.words)


def groups(split: str, n: int, k: int, seed: int | str, questions, draw: Callable) -> list[tuple]:
    """n (question, two answers). The same seed asks the same and draws the same answers in both splits.

    questions: an iterator of questions for a generator; draw(question, k, rng): k answers.
    """
    if k != 2:
        raise InputError(f"k={k}: the split {split!r} is made of pairs; leave k out.")
    rng = random.Random(f"pocket twins {seed}")
    choosing = random.Random(f"pocket {split} {seed}")
    stream, made = questions(rng), []
    for _ in range(n):
        question = next(stream)
        shown = choose(split, draw(question, DRAWN, rng), choosing)
        choosing.shuffle(shown)
        made.append((question, shown))
    return made
