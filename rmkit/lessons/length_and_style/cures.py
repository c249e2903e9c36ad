"""Lesson 12: the cures for a love of length, each with its control, on the same votes."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rmkit.lessons.length_and_style.heads import Head, Pairs, fit, votes, without
from rmkit.pocket.grader import grade

NEAR = 0.3  # tens of words: pairs this close count as equally long
EVEN, TRIES = 0.05, 8  # gold reward within which two count as equally good; how many pairs are tried
ALL = (
    "nothing done", "length subtracted", "length as covariate", "one head, decorrelated", "two heads",
    "matched pairs", "as few pairs", "neutral ties", "ties of equal length", "pairs against the bias",
    "pairs at random",
)  # fmt: skip
# What each cure is compared with to say what did it: the same without the suspected part.
CONTROLS = {
    "matched pairs": "as few pairs",
    "neutral ties": "ties of equal length",
    "pairs against the bias": "pairs at random",
    "two heads": "one head, decorrelated",
}


class More(NamedTuple):
    """Pairs that a cure adds to a training set. Their labels are known: ties, or the better one by gold."""

    neutral: Pairs
    equal: Pairs
    against: Pairs
    random: Pairs


def heads(part: Pairs, share: np.ndarray, more: More, rng: np.random.Generator, l2: float) -> dict[str, Head]:
    """{cure: head} on the same votes. share (N,): of the votes for the first answer of each pair."""
    x, length = part.x, part.length
    plain = fit(x, share, l2=l2)[0]
    gaps = x @ plain
    near = abs(length) <= NEAR
    few = rng.permutation(len(part))[: near.sum()]
    return {
        "nothing done": Head(plain),
        "length subtracted": Head(plain, -(gaps @ length) / (length @ length)),
        "length as covariate": Head(fit(x, share, own=length, l2=l2)[0]),
        "one head, decorrelated": Head(fit(without(x, length), share, l2=l2)[0]),
        "two heads": Head(fit(without(x, length), share, own=length, l2=l2)[0]),
        "matched pairs": Head(fit(x[near], share[near], l2=l2)[0]),
        "as few pairs": Head(fit(x[few], share[few], l2=l2)[0]),
        "neutral ties": tied(part, share, more.neutral, l2),
        "ties of equal length": tied(part, share, more.equal, l2),
        "pairs against the bias": verified(part, share, more.against, l2),
        "pairs at random": verified(part, share, more.random, l2),
    }


def over_sets(
    parts: Sequence[Pairs], bias: float, more: Sequence[More], penalties: Sequence[float]
) -> tuple[dict[str, list[Head]], float]:
    """({cure: a head for each training set}, the penalty of all), on fresh votes of biased annotators."""
    shares = [votes(part, bias, np.random.default_rng([b, 0])) for b, part in enumerate(parts)]
    l2 = penalty(parts, shares, penalties)
    sets = zip(parts, shares, more, strict=True)
    fitted = [heads(*each, np.random.default_rng([b, 1]), l2) for b, each in enumerate(sets)]
    return {cure: [each[cure] for each in fitted] for cure in ALL}, l2


def tied(part: Pairs, share: np.ndarray, ties: Pairs, l2: float, nu: float = 1.0) -> Head:
    """Votes, and pairs labeled as ties (Davidson), as Crome (2025) adds its neutral pairs."""
    return Head(fit((part + ties).x, np.append(share, np.full(len(ties), 0.5)), nu=nu, l2=l2)[0])


def verified(part: Pairs, share: np.ndarray, known: Pairs, l2: float) -> Head:
    """Votes, and pairs whose better answer is known, as OffsetBias (2024) adds its pairs."""
    return Head(fit((part + known).x, np.append(share, known.gold > 0), l2=l2)[0])


def penalty(parts: Sequence[Pairs], shares: Sequence[np.ndarray], penalties: Sequence[float]) -> float:
    """The l2 with the least log-loss on the votes of the other sets, each head at its best temperature there.

    Temperatures are tried on a grid: what is chosen is the penalty.
    """
    found = np.zeros(len(penalties))
    for b, (part, share) in enumerate(zip(parts, shares, strict=True)):
        others = [i for i in range(len(parts)) if i != b]
        q = np.concatenate([shares[i] for i in others])
        for j, l2 in enumerate(penalties):
            w = fit(part.x, share, l2=l2)[0]
            d = np.concatenate([parts[i].x @ w for i in others])
            found[j] += min(_loss(d / t, q) for t in np.geomspace(0.2, 5, 15))
    return penalties[int(found.argmin())]


def _loss(d: np.ndarray, q: np.ndarray) -> float:
    """Mean -log probability of shares of votes q for gaps d in log-odds."""
    return float((np.logaddexp(0, -d) + (1 - q) * d).mean())


# --- pairs that cures add -----------------------------------------------------------------------------------


def crossed(texts: Sequence[Sequence[str]], prompts: Sequence[str], apart: bool, rng) -> list[dict]:
    """Records of two answers to OTHER questions under each prompt, labeled as a tie: neutral pairs.

    texts[i]: answers to prompts[i]. apart: the longest and the shortest of four drawn; else the two that are
    closest in words. The grader is the oracle: pairs are drawn until it finds both about equally
    worthless, `TRIES` times at most.
    """
    made = []
    for i, prompt in enumerate(prompts):
        others = [j for j in range(len(prompts)) if j != i]
        tries = [_two(texts, rng.choice(others, size=4, replace=False), apart, rng) for _ in range(TRIES)]
        for two in tries:
            gold = [grade(prompt, text).gold for text in two]
            if abs(gold[0] - gold[1]) <= EVEN:
                break
        made.append({"prompt": prompt, "responses": two, "ranks": [1, 1], "ratings": {"gold": gold}})
    return made


def _two(texts: Sequence[Sequence[str]], places: np.ndarray, apart: bool, rng) -> list[str]:
    """Two of four answers, in any order: the most or the least different in length."""
    four = sorted((str(rng.choice(texts[j])) for j in places), key=lambda text: len(text.split()))
    at = int(np.argmin(np.diff([len(text.split()) for text in four])))
    two = [four[0], four[3]] if apart else four[at : at + 2]
    return two if rng.random() < 0.5 else two[::-1]


def known_better(gold: np.ndarray, words: np.ndarray, least: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """(places of pairs whose better answer is clear and shorter, places of all clear pairs); gold, words (N,
    2)."""
    gap, longer = gold[:, 0] - gold[:, 1], words[:, 0] - words[:, 1]
    clear = abs(gap) >= least
    return np.flatnonzero(clear & (gap * longer < 0)), np.flatnonzero(clear)
