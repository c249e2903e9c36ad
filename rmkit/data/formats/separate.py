"""Three answers or more, each in a numbered column of its own: response_1, response_2, response_3 ..."""

from functools import lru_cache
from itertools import count, takewhile

from rmkit.data.columns import (
    BadValueError,
    Columns,
    decoded,
    number,
    plain,
    ranks,
    says_something,
    yes_or_no,
)
from rmkit.data.formats.pairs import by_scores
from rmkit.data.formats.registry import register

_STEMS = (
    *("response", "answer", "output", "completion", "generation", "candidate", "sample", "summary"),
    *("model_output", "reply", "argument", "text", "conversation"),
)
_FIRST = ("_0", "_1", "_a")
_BEST = ("best", "winner", "preferred", "chosen", "choice", "best_response")
_SCORES = ("scores", "ratings", "rewards", "score", "rating")
_PLACES = ("ranking", "ranks", "rank")
_VERDICTS = ("correct", "is_correct", "correctness", "passed")
BEST_ONLY = "only the best is named"  # a note of the ledger


def _ending(first: str, i: int) -> str:
    return f"_{chr(ord('a') + i)}" if first == "_a" else f"_{int(first[1:]) + i}"


@lru_cache(maxsize=1024)
def _columns(columns: tuple[str, ...]) -> tuple[str, ...]:
    """The longest run of numbered columns."""
    row = Columns(dict.fromkeys(columns))
    runs = (
        tuple(takewhile(row.__contains__, (stem + _ending(first, i) for i in count())))
        for stem in _STEMS
        for first in _FIRST
    )
    return max(runs, key=len)


@register(
    "numbered answers",
    *[tuple(stem + _ending(first, i) for i in range(3)) for stem in _STEMS for first in _FIRST],
)
def numbered(row: Columns) -> dict:
    """Answers in numbered columns; a list of scores, ranks or verdicts judges them, or `best` names one.

    {"prompt": "Name a fern.", "response_1": "Oak.", "response_2": "Maidenhair.", "response_3": "Moss.",
     "scores": [1, 5, 2]}
    """
    names = _columns(tuple(row))
    answers = [row[name] for name in names]
    if row.scoring:
        while len(answers) > 1 and not says_something(answers[-1]):  # a row may hold fewer than the others
            answers.pop()
        return {"responses": answers}
    return _by_list(row, answers, names) or _by_columns(row, answers, names) or _by_best(row, answers, names)


def _by_list(row: Columns, answers: list, names: tuple[str, ...]) -> dict | None:
    """What a list says: a score, a place or a verdict for each answer, or their names, the best first."""
    for column in row.among((*_SCORES, *_PLACES, *_VERDICTS)):
        judgments = decoded(row.peek(column))
        if not isinstance(judgments, list) or len(judgments) != len(answers):
            continue
        row[column]
        if column in _PLACES and isinstance(judgments[0], str) and number(judgments[0]) is None:
            order = [_named(value, column, names) for value in judgments]
            if len(set(order)) == len(order):
                return {"responses": answers, "ranks": [order.index(i) + 1 for i in range(len(order))]}
        return _judged(answers, judgments, column)
    return None


def _by_columns(row: Columns, answers: list, names: tuple[str, ...]) -> dict | None:
    """What score_1, score_2, score_3 say, or response_1_score ..."""
    for kind in ("score", "rating", "reward", "rank"):
        for columns in ([kind + name[-2:] for name in names], [f"{name}_{kind}" for name in names]):
            if all(column in row for column in columns):
                return _judged(answers, [row[column] for column in columns], kind)
    return None


def _by_best(row: Columns, answers: list, names: tuple[str, ...]) -> dict:
    """The best answer before the others, where a column names it; else no label."""
    named = [column for column in row.among(_BEST) if row.peek(column) not in (None, "")]
    best = next((column for column in named if row.peek(column) == row.peek(column)), None)  # no NaN
    if best is None:
        row.read |= {row.find(column) for column in row.among(_BEST)}  # looked at, and empty
        return {"responses": answers}
    place = _named(row[best], best, names)
    places = [1 if i == place else 2 for i in range(len(answers))]
    return {"responses": answers, "ranks": places, "notes": [BEST_ONLY]}


def _judged(answers: list, told: list, column: str) -> dict:
    """Answers with a list of scores (high is good), of places (1 = best), or of verdicts."""
    if column in _VERDICTS or all(isinstance(value, bool) for value in told):
        return {"responses": answers, "correct": [yes_or_no(value, column) for value in told]}
    values = list(map(number, told))
    if column in _PLACES:
        return {"responses": answers, "ranks": ranks([None if v is None else -v for v in values])}
    return by_scores(answers, {"score": values}, values)


def _named(value: object, column: str, names: tuple[str, ...]) -> int:
    """Which answer a value of a column names, by its number, its letter, or its whole name."""
    word = plain(f"{value:g}" if isinstance(value, float) else str(value))
    for known in ([plain(name) for name in names], [plain(name.rsplit("_", 1)[1]) for name in names]):
        if word in known:
            return known.index(word)
    raise BadValueError(column, f"one of {', '.join(names)}")
