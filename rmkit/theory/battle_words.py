"""The words of tables of battles: what the columns of the two items are called, and what says who won."""

import re
from collections.abc import Hashable
from itertools import product

from rmkit.theory.duels import LOST, TIED, WON

_ITEM = (
    "model", "item", "player", "system", "team", "generator", "opponent", "agent", "bot", "llm", "method",
    "candidate", "competitor", "contestant",
)  # fmt: skip
_SIDE = (("a", "b"), ("1", "2"), ("left", "right"), ("first", "second"))
_ANSWER = ("response", "answer", "output", "completion")
# As `plain` has them: model_a, Model A, modelA, a_model, model_a_name, response_a_model ...
SIDES = [
    ("left", "right"), ("a", "b"),
    *((f"{item}{a}", f"{item}{b}") for item, (a, b) in product(_ITEM, _SIDE)),
    *((f"{a}{item}", f"{b}{item}") for item, (a, b) in product(_ITEM, _SIDE)),
    *((f"model{a}{end}", f"model{b}{end}") for end, (a, b) in product(("name", "id"), _SIDE)),
    *((f"{said}{a}model", f"{said}{b}model") for said, (a, b) in product(_ANSWER, _SIDE)),
]  # fmt: skip
BEATEN = [
    ("winner", "loser"), ("win", "lose"), ("winnermodel", "losermodel"), ("winningmodel", "losingmodel"),
    ("chosenmodel", "rejectedmodel"), ("winnername", "losername"), ("winnerid", "loserid"),
]  # fmt: skip
WINNER = (
    "winner", "outcome", "result", "verdict", "preference", "preferred", "vote", "choice", "label",
    "judgment", "judgement", "winnermodel",
)  # fmt: skip
COUNTED = [  # how often a won, b won, and (there or not) they tied
    ("winsa", "winsb", "ties"), ("votesa", "votesb", "votestie"), ("awins", "bwins", "ties"),
    ("winnermodela", "winnermodelb", "winnertie"), ("win1", "win2", "ties"), ("wins1", "wins2", "ties"),
]  # fmt: skip
COUNT = (
    "count", "counts", "n", "battles", "numbattles", "nbattles", "frequency", "freq", "times", "numvotes",
    "nvotes", "votes", "multiplicity",
)  # fmt: skip
WEIGHT = ("weight", "weights")

_KIND = "|".join((*_ITEM, *_ANSWER, "assistant", "option", "side"))
_SAYS_SIDE = re.compile(
    rf"(?P<kind>{_KIND})?(?P<side>a|b|1|2|left|right|first|second)({_KIND})?"
    r"(wins?|won|votes?|is(the)?(better|best)|better|best|preferred|chosen)?"
)
_SAYS_ORDER = re.compile(r"(a|b)([<>])\2*(a|b)")  # a>b, A>>B, b<a
_SAYS_TIE = re.compile(  # at the beginning, as whole words: "Equalizer" is the name of a model
    r"(tie[ds]?|draw[ns]?|both(bad|good)?|equal(ly)?|same|similar(ly)?|neither|no ?(preference|difference)|"
    r"[ab] ?=+ ?[ab])(votes?)?\b"
)


def plain(name: Hashable) -> str:
    """A column's name without case, spaces and marks: "Model A", "modelA" and "model_a" are one."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def outcome(value: Hashable) -> int | None:
    """WON (by the first), LOST or TIED, where a text says it by a side; None for a name, and for numbers.

    0 and 1 mean opposite things in different files.
    """
    if not isinstance(value, str):
        return None
    text = re.sub(r"\s", "", value.lower())
    if text == "[[c]]":  # a judge's third verdict, beside [[A]] and [[B]]
        return TIED
    text = text.strip("[]")
    if (order := _SAYS_ORDER.fullmatch(text)) and order[1] != order[3]:
        return WON if (order[1] == "a") == (order[2] == ">") else LOST
    if _SAYS_TIE.match(re.sub(r"[\s_]+", " ", value.strip(" []").lower())):
        return TIED
    found = _SAYS_SIDE.fullmatch(plain(text))
    if found is None or (found["side"] in "12" and not found["kind"]):
        return None
    return WON if found["side"] in ("a", "1", "left", "first") else LOST
