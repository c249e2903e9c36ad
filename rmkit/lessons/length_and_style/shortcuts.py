"""Lesson 12: three planted shortcuts (Reward Gaming in Conditional Text Generation), a pool to push on, a
league.

Each shortcut has a control: the same training set without the one thing that makes the shortcut.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rmkit.evaluation.best_of import best_of_n
from rmkit.lessons.length_and_style.heads import TEN, Head, Pairs, fit, sigma, votes
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.pocket.grader import grade
from rmkit.pocket.samples import Pool
from rmkit.theory import bradley_terry

TWICE = 4  # every so manyth sample of the pool is said twice
SWAYED = 0.5  # share of the pairs that differ in courtesies whose votes all go to the courteous answer


@dataclass(frozen=True)
class Answers:
    """P prompts with n answers each: records for `rmkit.features`, and what is known of each answer, (P, n).

    words, courtesy (courtesies, a half each), twice (1 where the answer is said twice), gold.
    """

    records: list[dict]
    gold: np.ndarray
    words: np.ndarray
    courtesy: np.ndarray
    twice: np.ndarray


def answers(pool: Pool, prompts: int, samples: int) -> Answers:
    """The first samples of the first prompts, every `TWICE`th of them said twice."""
    asked = pool.prompts[:prompts]
    texts = [
        [twice(text) if i % TWICE == TWICE - 1 else text for i, text in enumerate(own[:samples])]
        for own in pool.responses[:prompts]
    ]
    known = {(p, text): grade(p, text) for p, own in zip(asked, texts, strict=True) for text in own}

    def table(value) -> np.ndarray:
        return np.array(
            [[value(known[p, t], t) for t in own] for p, own in zip(asked, texts, strict=True)], dtype=float
        )

    records = [{"prompt": p, "responses": own} for p, own in zip(asked, texts, strict=True)]
    said_twice = np.broadcast_to(np.arange(samples) % TWICE == TWICE - 1, (len(asked), samples))
    return Answers(
        records,
        table(lambda graded, _: graded.gold),
        table(lambda _, text: len(text.split())),
        table(lambda graded, _: graded.tastes["courtesy"]),
        said_twice.astype(float),
    )


def twice(text: str) -> str:
    """The answer, said again: nothing new, and twice as long."""
    return f"{text} {text}"


def different(records: Sequence[dict]) -> tuple[list[dict], list[np.ndarray]]:
    """Each record with its different texts once, and the place of every answer among them."""
    short, places = [], []
    for record in records:
        texts = list(dict.fromkeys(record["responses"]))
        number = {text: i for i, text in enumerate(texts)}
        short.append(record | {"responses": texts})
        places.append(np.array([number[text] for text in record["responses"]]))
    return short, places


@dataclass(frozen=True)
class Push:
    """Best-of-n on known answers. features: one (texts, D) tensor a prompt, of `different` texts; places:
    where each answer's text is among them; scale (2, D): as in `heads.pairs_of`; n: how many are drawn.
    """

    known: Answers
    features: Sequence
    places: Sequence[np.ndarray]
    scale: np.ndarray
    n: int

    def rewards(self, head: Head) -> np.ndarray:
        """(P, samples) rewards of every answer."""
        rows = [
            ((np.asarray(f, dtype=float) - self.scale[0]) / self.scale[1] @ head.w)[place]
            for f, place in zip(self.features, self.places, strict=True)
        ]
        return np.stack(rows) + head.of_length * self.known.words / TEN

    def curve(self, rewards: Sequence[np.ndarray], value: np.ndarray) -> np.ndarray:
        """(n,) the value of best-of-1 to best-of-n, mean over heads and prompts."""
        return np.mean([best_of_n(each, value).mean(0) for each in rewards], 0)[: self.n]

    def gain(self, rewards: Sequence[np.ndarray], value: np.ndarray) -> np.ndarray:
        """(heads, P) what best-of-n adds to the value of one sample."""
        return np.stack([best_of_n(each, value)[:, self.n - 1] - value.mean(1) for each in rewards])


# --- votes that make a shortcut -----------------------------------------------------------------------------


def swayed(share: np.ndarray, lead: np.ndarray, part: float, rng: np.random.Generator) -> tuple:
    """(votes where some were swayed by a pattern, votes where as many were lost to chance), each (N,).

    share: votes for the first answer. lead: of the first in the pattern; 0 where neither or both have it. In
    a `part` of the pairs that differ in the pattern all votes go to the answer that has it. In the control as
    many pairs, any, get a coin's verdict.
    """
    differ = np.flatnonzero(lead)
    hit = rng.permutation(differ)[: round(part * len(differ))]
    by_pattern, by_chance = share.copy(), share.copy()
    by_pattern[hit] = lead[hit] > 0
    by_chance[rng.permutation(len(share))[: len(hit)]] = rng.integers(0, 2, len(hit))
    return by_pattern, by_chance


def arms(
    twin: Pairs, confounded: Pairs, courteous: np.ndarray, repeated: Pairs, l2: float, rng
) -> dict[str, tuple[Head, Head]]:
    """{shortcut: (head where it is planted, head of its control)}, with fair annotators otherwise.

    twin, confounded: one training set of each, the same questions. courteous (N,): by how much the first
    answer of the twin's pairs has more courtesies. repeated: pairs of an answer and itself said twice.
    """
    share, other = votes(twin, 0.0, rng), votes(confounded, 0.0, rng)
    by_pattern, by_chance = swayed(share, courteous, SWAYED, rng)
    mixed = twin[len(repeated) :] + repeated
    shown = np.append(share[len(repeated) :], votes(repeated, 0.0, rng))

    def head(pairs: Pairs, q: np.ndarray) -> Head:
        return Head(fit(pairs.x, q, l2=l2)[0])

    plain = head(twin, share)
    return {
        "noise": (head(twin, by_pattern), head(twin, by_chance)),
        "companion": (head(confounded, other), plain),
        "shift": (plain, head(mixed, shown)),
    }


# --- a league -----------------------------------------------------------------------------------------------

# What a model looks for among four samples: weights of gold reward and of length, both standardized.
STYLES = {
    "any": (0.0, 0.0),
    "brief": (0.0, -1.0),
    "wordy": (0.0, 1.0),
    "good": (1.0, 0.0),
    "good, brief": (1.0, -0.6),
    "fair, wordy": (0.5, 1.0),
}


def league(
    pool: Pool, words: np.ndarray, battles: int, bias: float, rng: np.random.Generator
) -> pd.DataFrame:
    """Battles of the models of `STYLES` on the pool, a row each: models, winner, words of both answers.

    words (P, n) of the pool's samples. Voters as in `heads.chance`: ten words are worth `bias` to them.
    """
    names = list(STYLES)
    taste = np.array(list(STYLES.values()))
    gold_of, words_of = pool.gold, words / TEN
    tables = [(each - each.mean()) / each.std() for each in (gold_of, words_of)]
    two = np.array([rng.choice(len(names), 2, replace=False) for _ in range(battles)])
    prompt = rng.integers(len(gold_of), size=battles)
    sides = []
    for side in two.T:
        four = rng.integers(gold_of.shape[1], size=(battles, 4))
        seen = np.stack([table[prompt[:, None], four] for table in tables], -1)
        best = (seen * taste[side][:, None, :]).sum(-1).argmax(1)
        sides.append(four[np.arange(battles), best])
    gold, length = (np.stack([of[prompt, side] for side in sides], 1) for of in (gold_of, words_of))
    gap = (gold[:, 0] - gold[:, 1] + bias * (length[:, 0] - length[:, 1])) / TEMPERATURE
    won = rng.random(battles) < sigma(gap)
    return pd.DataFrame(
        {
            "model_a": [names[i] for i in two[:, 0]],
            "model_b": [names[i] for i in two[:, 1]],
            "winner": np.where(won, "model_a", "model_b"),
            "length_a": length[:, 0],
            "length_b": length[:, 1],
        }
    )


def controlled(frame: pd.DataFrame, fair: np.ndarray) -> dict[str, float]:
    """A league fitted raw and at equal length: how far scores are from the fair ones, and the price found.

    fair (n,): scores of the models of `STYLES` by fair voters. Errors are root mean squares, in log-odds; the
    price is the coefficient of length in gold reward for ten words.
    """
    names = list(STYLES)
    raw = bradley_terry.fit(frame, items=names)
    equal = bradley_terry.fit(frame, items=names, style=["length"])
    errors = [float(np.sqrt(((model.scores - fair) ** 2).mean())) for model in (raw, equal)]
    of_length = equal.style.iloc[0]
    price = of_length["coefficient"] / of_length["unit"] * TEMPERATURE
    return {"raw": errors[0], "equal length": errors[1], "price": float(price)}
