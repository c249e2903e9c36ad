"""What a judgment of two answers says, in a word or a number: the first, the second, a tie, or nothing."""

import re
from functools import lru_cache

from rmkit.data.columns import BadRowError, BadValueError, Columns, number, plain, unsaid

# Columns whose name says that they hold a judgment, beside whatever else; the most telling name first.
VERDICTS = (
    "winner",
    "preference",
    "preferred",
    "better",
    "choice",
    "label",
    "verdict",
    "judgment",
    "judgement",
    "vote",
)
# And where it may stand beside two answers.
WINNER = (
    *VERDICTS,
    "winning_response",
    "preferred_response",
    "better_response",
    "better_response_id",
    "safer_response_id",
    "overall_response",
    "best",
    "chosen",
    "orig_preference",
    "human_preference",
    "comparison",
    "selection",
)
_OF_ONE_ASPECT = re.compile("safer|harmless")  # such a verdict may well differ from that on the whole
_TIE = re.compile(
    r"(?!.*\bbut\b)(\[\[c\]\]|[ab12]?\s*[=~≈]+\s*[ab12]?|bothbad|"
    r"(tie[ds]?|both|draw|same|equal(ly)?|similar(ly)?|neither|no ?(preference|difference))(\W.*)?)"
)
_DEGREE = r"(much|far|clearly|strongly|slightly|somewhat|marginally|significantly)?"
_NOUN = (
    "(model|response|answer|output|assistant|option|completion|conversation|argument|summary|candidate|"
    "system)"
)
_AROUND = re.compile(
    rf"^{_DEGREE}(prefer(s|red)?|better|favou?rs?)?(the)?{_NOUN}?|"
    rf"{_NOUN}?(is|was)?{_DEGREE}(better|wins|won|preferred)?$"
)
_BETTER = re.compile(r"([ab12])\s*(>+|<+)\s*([ab12])")
_MARKED = re.compile(r"\[\[[^\[\]]+\]\]")
# Who wrote the answer "_a" (or "_1"), as its columns say; {} is a or 1, {of} is response_a.
_AUTHOR = (
    "model_{}",
    "model_{}_name",
    "model_name_{}",
    "model_id_{}",
    "{}_model",
    "generator_{}",
    "{of}_model",
)


def told(row: Columns) -> list[str]:
    """The columns of a row that hold a judgment, the most telling first; "unknown" or "n/a" is none."""
    return [name for name in row.among(WINNER) if not unsaid(row.peek(name))]


def is_tie(word: object) -> bool:
    """Whether a word says that neither answer is better: "tie", "both_bad", "A=B" ..."""
    text = str(word).strip().lower().replace("_", " ")
    brief = isinstance(word, str) and len(text.split()) < 6  # a longer text gives reasons, not a verdict
    return brief and bool(_TIE.fullmatch(text) or _TIE.fullmatch(text.strip("[]")))


def verdict(row: Columns, columns: list[str], first: str, second: str) -> int:
    """1: the first is better, -1: the second, 0: a tie, from these columns of the row, which hold a judgment.

    Raises BadRowError where two of them say different things, and BadValueError where the first says nothing
    that can be told.
    """
    column, *others = columns
    found = side(row[column], column, row, first, second)
    for other in others:
        if _OF_ONE_ASPECT.search(other):
            continue
        try:
            also = side(row.peek(other), other, row, first, second)
        except BadValueError:
            continue  # a column `label` may well speak of something else: it stays unused
        if also != found:
            raise BadRowError(
                f"columns {column!r} and {other!r} judge differently: keep the one that counts",
                f"{column!r} and {other!r} judge differently",
            )
        row[other]
    return found


def side(value: object, column: str, row: Columns, first: str, second: str) -> int:
    """1: the first is better, -1: the second, 0: a tie, from whatever one judgment says."""
    if isinstance(value, bool):
        raise BadValueError(column, '"a", "b" or "tie"')
    named = _by_name(value, column, row, first, second)
    if number(value) is not None and named is None:
        return _by_number(number(value), row, column, first)
    word = _by_word(str(value), first)
    if None not in (named, word) and named != word:
        raise BadValueError(
            column, f"one answer: {value!r} is a side, and the model or the text of the other"
        )
    if named is None and word is None:
        raise BadValueError(column, '"a", "b", "model_a", "model_b", "A>B" or "tie"')
    return word if named is None else named


def _by_name(value: object, column: str, row: Columns, first: str, second: str) -> int | None:
    """The side that a model's name, the name of a column, or the answer itself stands for."""
    of_first, of_second = _names(tuple(row), first, second)
    word = plain(value) if isinstance(value, str) else None
    is_first = word == plain(first) or value in [row.peek(name) for name in of_first]
    is_second = word == plain(second) or value in [row.peek(name) for name in of_second]
    if is_first and is_second:
        raise BadValueError(column, f"a side: {value!r} stands for both answers")
    return 1 if is_first else -1 if is_second else None


@lru_cache(maxsize=1024)
def _names(columns: tuple[str, ...], first: str, second: str) -> list[tuple[str, ...]]:
    """For each answer the columns that hold it, or the name of who wrote it."""
    row = Columns(dict.fromkeys(columns))
    return [
        row.among((name, *(form.format(name[-1], of=name) for form in _AUTHOR))) for name in (first, second)
    ]


@lru_cache(maxsize=256)  # most rows of a file say it in the same few words
def _by_word(value: str, first: str) -> int | None:
    marked = set(_MARKED.findall(value))  # a judge's reasons, and its verdict at the end
    word = (marked.pop() if len(marked) == 1 else value).strip().lower()
    compared = _BETTER.fullmatch(word.strip("[]"))
    if compared and compared[1] != compared[3]:
        return (1 if compared[1] in "a1" else -1) * (1 if ">" in compared[2] else -1)
    if is_tie(word):
        return 0
    short = _AROUND.sub("", plain(word.strip("[]()")))
    numbers = ("0", "1") if first.endswith("_0") else ("1", "2")
    if short in ("a", "first", "1st", "left", numbers[0]):
        return 1
    return -1 if short in ("b", "second", "2nd", "right", numbers[1]) else None


def _by_number(value: float, row: Columns, column: str, first: str) -> int:
    """A number names an answer where the answers are numbered; else one must not guess."""
    seen = row.about.get("numbers", {}).get(plain(column), {value})
    numbers = {"_1": (1.0, 2.0), "_0": (0.0, 1.0), "_a": (1.0, 2.0)}[first[-2:]]
    # response_a, response_b: 1 and 2 count them, but a lone 1 may also mean "yes, the first".
    if not seen <= set(numbers) or (first.endswith("_a") and 2.0 not in seen):
        raise BadValueError(column, f'"a", "b" or "tie": which answer do the numbers {sorted(seen)} mean')
    return 1 if value == numbers[0] else -1
