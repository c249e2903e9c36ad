"""Lesson 08's exhibit: a pairwise verdict looked for in the whole judgment, the letter A first."""

import random
import re

from rmkit.notebook.exhibit import Exhibit


def _judgments(n: int = 200) -> list[tuple[str, str]]:
    """(judgment, its verdict): a third of the judges mention the other verdict before they come to theirs."""
    rng = random.Random(8)
    made = []
    for _ in range(n):
        winner, loser = rng.sample("AB", 2)
        thought = f"On length alone it would be [[{loser}]], but " if rng.random() < 1 / 3 else "In short, "
        made.append((f"{thought}answer {winner} names the right food. [[{winner}]]", winner))
    return made


def _first_of_all(judgment: str) -> str | None:
    return "A" if "[[A]]" in judgment else "B" if "[[B]]" in judgment else None


def _last_said(judgment: str) -> str | None:
    found = re.findall(r"\[\[([AB])\]\]", judgment)
    return found[-1] if found else None


def _read(planted: bool) -> dict[str, float]:
    """Read 200 judgments. Returns the share read as they end, and the share of wins of A."""
    judgments = _judgments()
    read = [(_first_of_all if planted else _last_said)(text) for text, _ in judgments]
    right = sum(found == verdict for found, (_, verdict) in zip(read, judgments, strict=True))
    return {
        "read_right": right / len(read),
        "A_wins": read.count("A") / len(read),
        "A_won": sum(verdict == "A" for _, verdict in judgments) / len(read),
    }


EXHIBITS = (
    Exhibit(
        name="verdict_anywhere",
        lesson="08_generative",
        symptom="Answer A wins more often than the judges say, and swapping the answers does not explain it.",
        cause='`if "[[A]]" in judgment` is asked before B: a judge that mentions [[A]] on its way to [[B]] '
        "is read as A.",
        cure="Read the last verdict of the judge's own words, and count a judgment without one.",
        source="lm-sys/FastChat pull request #3921 (2026, open); OpenWebRL issue #5 (2026) is its twin",
        run=_read,
        symptom_in=lambda seen: seen["read_right"] < 0.95 and seen["A_wins"] > seen["A_won"] + 0.05,
    ),
)
