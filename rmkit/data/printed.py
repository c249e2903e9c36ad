"""Lists and objects as Python, NumPy and pandas print them, which is what they write into a CSV file."""

import ast
import io
import re
import tokenize

_BEGINS = re.compile(r"\[*\s*(\{\s*'|\[\s*(['\"]|-?[\d.]|(True|False|None|nan)\b))")
_SIDE_BY_SIDE = re.compile(r"['\"\]}\d.el]\s+['\"\[{\d.TFNn-]")  # two values without a comma, or words
_WORDS = {"True": "True", "False": "False", "None": "None", "nan": "None"}
_MARKS = {"[", "]", "{", "}", "(", ")", ",", ":", "-", "+"}


def is_printed(text: str) -> bool:
    """Whether a text begins as a printed list or object does."""
    return bool(_BEGINS.match(text))


def value_of(text: str) -> object:
    """What a printed list or object holds; NaN is None.

    NumPy prints no commas: ['a b' 'c'] are two texts, which Python alone would take for one.
    Raises ValueError where it is no such thing.
    """
    try:
        if not _SIDE_BY_SIDE.search(text) and "nan" not in text:
            return ast.literal_eval(text)
        return ast.literal_eval(_with_commas(text))
    except (ValueError, SyntaxError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise ValueError(f"no printed list or object: {text[:20]!r}") from error


def _with_commas(text: str) -> str:
    """The text with a comma between the values of every list that has none."""
    tokens = [t for t in tokenize.generate_tokens(io.StringIO(text).readline) if t.string.strip()]
    bare = _lists_without_commas(tokens)
    made, open_at, ends_value = [], [], False
    for number, token in enumerate(tokens):
        word = token.string
        known = token.type in (tokenize.STRING, tokenize.NUMBER) or word in _MARKS or word in _WORDS
        if not known:
            raise ValueError(f"{word!r} is no value")
        if ends_value and word not in "]}),:" and open_at and open_at[-1] in bare:
            made.append(",")
        made.append(_WORDS.get(word, word))
        if word in "[{(":
            open_at.append(number)
        elif word in "]})" and open_at:
            open_at.pop()
        ends_value = word in "]})" or token.type not in (tokenize.OP,)
    return " ".join(made)


def _lists_without_commas(tokens: list[tokenize.TokenInfo]) -> set[int]:
    """The numbers of the tokens that open a list in which no comma stands."""
    open_at, found = [], set()
    for number, token in enumerate(tokens):
        if token.string in ("[", "{", "("):
            open_at.append(number)
            found |= {number} if token.string == "[" else set()
        elif token.string == "," and open_at:
            found.discard(open_at[-1])
        elif token.string in ("]", "}", ")") and open_at:
            open_at.pop()
    return found
