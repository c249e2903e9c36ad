"""The one error that a user's input can cause, and text from data made safe to show."""

import difflib
import unicodedata
from collections.abc import Iterable

# Without them Persian, Indic scripts and many emoji fall apart.
_JOINERS = "\u200c\u200d"


def shown(text: object) -> str:
    r"""The text as one line in which nothing acts: control characters stand as escapes.

    A name from a file may hold ESC, BEL, a line break or a right-to-left override. Printed raw, it acts on
    the terminal; here they stand as `\x1b`, `\x07`, `\n` and `\u202e`. Letters of every script stay.
    """
    return "".join(
        c if c.isprintable() or c in _JOINERS or unicodedata.category(c) == "Zs" else _escape(c)
        for c in str(text)
    )


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """The end of a sentence about an unknown name: the nearest known ones, else all of them."""
    known = list(known)
    near = difflib.get_close_matches(str(name), known, n=2, cutoff=0.5)
    if near:
        return f"; did you mean {' or '.join(map(repr, near))}?"
    return f"; there is {', '.join(map(repr, known)) or 'none'}."


class InputError(ValueError):
    """Something in the user's data or arguments is wrong.

    The message is one sentence: what is wrong, where (file, line, column), and what to do. What it quotes is
    `shown`. The command line prints it and exits with code 2; a bug in rmkit is never reported this way.
    """

    def __init__(self, message: object = ""):
        super().__init__(shown(message))
