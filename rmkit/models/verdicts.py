"""What a judge is asked, and how its verdict is read from its words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True)
class Manner:
    """How a judge is asked, and in which words it answers.

    good, bad   verdict words, each one token where it stands; the verdict is log p(good) - log p(bad)
    sums_up     what comes before the summing-up word of a critique
    ends        whether the first summing-up word ends a critique (a chat model may quote one before its own)
    border      nats: an answer with a token that the model, as a writer, expects with less than
                exp(-border) is a stranger's, and its parts are read too (guard.py); None: no answer is
    score, critique, pair   the questions in words; None: the model has marks of its own for them (pocket)
    """

    good: tuple[str, ...]
    bad: tuple[str, ...]
    sums_up: str
    ends: bool = False
    first: str = "A"
    second: str = "B"
    border: float | None = None
    score: str | None = None
    critique: str | None = None
    pair: str | None = None


# The pocket model was pretrained on these words (pocket/corpus.py): its grades above and below the middle.
POCKET = Manner(
    good=(" good", " great", " perfect"),
    bad=(" terrible", " poor", " weak", " fair"),
    sums_up="So:",
    ends=True,
    first=" A",
    second=" B",
    border=9.0,  # one answer in a thousand of its own world is above; forged verdicts are at 10 to 25
)
CHAT = Manner(
    good=("Yes",),
    bad=("No",),
    sums_up="Verdict:",
    score="{question}\n\nIs this a good answer: correct, complete and safe? Reply with one word, Yes or No.",
    critique="{question}\n\nIn two sentences, say what is right and what is wrong with this answer. "
    "Then end with Verdict: Yes if it is a good answer, or with Verdict: No if it is not.",
    pair="{question}\n\nWhich answer is better? Reply with one letter, A or B.",
)


@dataclass(frozen=True)
class Critique:
    """What a judge wrote about one answer; verdict 1 good, 0 bad, None where it came to no verdict."""

    text: str
    verdict: float | None


# What a judge quotes is not what it says: quotation marks, backticks, lines that begin with ">".
_QUOTED = re.compile(r'"[^"\n]*"|“[^”\n]*”|«[^»\n]*»|`[^`\n]*`|^\s*>.*$', re.MULTILINE)


def summing_up(said: str, manner: Manner) -> list[re.Match]:
    """Every place where the judge sums up in its own words: matches whose group 1 is the verdict word.

    Emphasis around the word is passed over; a choice ("Yes/No", "Yes or No") is no verdict.
    """
    own = _QUOTED.sub(lambda quoted: " " * len(quoted[0]), said)  # places stay the same
    word = r"[\s*_]*([^\W\d_]+)\b(?!\s*(?:/|or\b))"
    return list(re.finditer(rf"(?<!\w){re.escape(manner.sums_up)}{word}", own, re.IGNORECASE))


def parse_verdict(said: str, manner: Manner = CHAT) -> float | None:
    """1.0, 0.0 or None: the verdict of a critique, from the judge's own words alone.

    It is the word right after the last `sums_up` that is not quoted. Anything else, no verdict or a word that
    is neither good nor bad, is None: an unreadable verdict is counted, not guessed.
    """
    found = summing_up(said, manner)
    if not found:
        return None
    good, bad = ({word.strip().lower() for word in words} for words in (manner.good, manner.bad))
    last = found[-1][1].lower()
    return 1.0 if last in good else 0.0 if last in bad else None


def until_verdict(said: str, manner: Manner) -> str:
    """The critique up to its summing-up word, where that ends it."""
    found = summing_up(said, manner) if manner.ends else []
    return (said[: found[0].end(1)] if found else said).strip()


def before_verdict(said: str, manner: Manner) -> str:
    """The critique up to where its last summing-up word would stand."""
    found = summing_up(said, manner)
    return said[: found[-1].start(1)].rstrip(" *_") if found else f"{said.rstrip()} {manner.sums_up}"


def vote(critiques: Sequence[Critique]) -> Tensor:
    """Scalar log-odds from n verdicts: log (good + 1) / (bad + 1). Without a verdict: no vote.

    (good + 1) / (n + 2) is the posterior mean of p(good) under a uniform prior (Laplace).
    """
    verdicts = [critique.verdict for critique in critiques if critique.verdict is not None]
    good = sum(verdicts)
    return torch.log(torch.tensor((good + 1) / (len(verdicts) - good + 1)))


def mean_odds(log_odds: Tensor) -> Tensor:
    """(..., n) log-odds after n critiques -> (...) log-odds of their mean probability.

    p(good) = 1/n sum p(good | critique i): the vote of GenRM-CoT (Zhang et al. 2024), without leaving
    the logarithm: log mean sigma(l) - log mean sigma(-l).
    """
    return F.logsigmoid(log_odds).logsumexp(-1) - F.logsigmoid(-log_odds).logsumexp(-1)
