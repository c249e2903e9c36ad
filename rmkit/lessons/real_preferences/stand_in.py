"""A file as people leave it: the stand-in where no real preferences are at hand.

Questions and answers are the pocket world's, the votes are those of annotators who like long answers. The
dirt is planted: rows without a text, rows twice, two equal answers. Nothing in it comes from a real set.
"""

import random

from rmkit.pocket import preferences

LENGTH_BIAS = 0.2  # gold reward that ten more words are worth to who voted
DIRT = {"empty": 0.04, "duplicate": 0.04, "identical": 0.02}  # shares of the prompts


def rows(n: int, seed: int = 0) -> list[dict]:
    """Rows of a file with the columns prompt, chosen, rejected, subset and id, in a random order.

    n: prompts. Each has its best answer against its worst, and every second one also against the middle
    one. To these come rows of each kind of dirt, the share DIRT of n.
    """
    rng, found = random.Random(seed), []
    for number, record in enumerate(preferences(n, 3, length_bias=LENGTH_BIAS, seed=f"people {seed}")):
        best, middle, worst = (record.responses[record.ranks.index(rank)] for rank in (1, 2, 3))
        for rejected in (worst, middle)[: 1 + number % 2]:
            found.append(_row(record.prompt, best, rejected, record.subset, len(found)))
    for what, share in DIRT.items():
        for row in rng.sample(found, max(1, round(share * n))):
            found.append(row | _spoiled(row, what, len(found)))
    rng.shuffle(found)
    return found


def _spoiled(row: dict, what: str, number: int) -> dict:
    if what == "duplicate":
        return {}
    new = {"id": f"people-{number}"}
    return new | ({"chosen": ""} if what == "empty" else {"rejected": row["chosen"]})


def _row(prompt: str, chosen: str, rejected: str, subset: str, number: int) -> dict:
    texts = {"prompt": prompt, "chosen": chosen, "rejected": rejected}
    return texts | {"subset": subset, "id": f"people-{number}"}
