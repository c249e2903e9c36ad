"""Pairs of which the file says itself which one is better: chosen and rejected, in every spelling."""

import re
from functools import lru_cache

from rmkit.data.columns import (
    BadRowError,
    Columns,
    UnusableError,
    decoded,
    number,
    plain,
    ranks,
    unsaid,
)
from rmkit.data.formats.registry import register
from rmkit.data.formats.verdicts import VERDICTS, is_tie
from rmkit.data.prompts import ANSWER_TEXT
from rmkit.data.transcripts import is_talk, messages

LOWER = "chosen scores lower"  # a note of the ledger
# What a rating of the two sides may be called: score_chosen, chosen-rating, rejected_rm_score ...
_RATED = re.compile(
    r"(avg|average|mean|overall|total|final|raw|gold|human|model|judge|llm|gpt\d*|rm|pm|armorm|preference|num|n)*"
    r"(score|rating|reward|grade|point|upvote|quality|overall|vote|votecount)s?\d*"
)
_VOTES = re.compile(r"(num|n)?votes?(count)?")  # how many people preferred each
# How much better the chosen one is; 0 in a column of the second kind says that both are equally good.
_MARGINS = ("margin", "strength")
_GAPS = (
    "score_gap",
    "score_diff",
    "score_margin",
    "rating_gap",
    "rating_diff",
    "rating_margin",
    "reward_margin",
)


# Words for the better and the worse one, and what they may be said of, as in response_chosen, better_answer.
_WORDS = (
    ("chosen", "rejected"),
    ("chosen", "reject"),
    ("preferred", "dispreferred"),
    ("preferred", "non_preferred"),
    ("preferred", "rejected"),
    ("accepted", "rejected"),
    ("better", "worse"),
    ("positive", "negative"),
    ("winner", "loser"),
    ("winning", "losing"),
    ("good", "bad"),
    ("pos", "neg"),
    ("win", "lose"),
)
_OF = (
    "response",
    "answer",
    "completion",
    "output",
    "text",
    "message",
    "messages",
    "summary",
    "conversation",
    "conversations",
    "reply",
)
PAIRS = (
    *(pair for pair in _WORDS if pair[0] not in ("good", "winning")),
    *((f"{good}_{of}", f"{bad}_{of}") for good, bad in _WORDS for of in _OF),
    *((f"{of}_{good}", f"{of}_{bad}") for good, bad in _WORDS for of in _OF),
    ("good_edited_response", "bad_edited_response"),
    ("response_j", "response_k"),
    ("y_w", "y_l"),
)


@register("chosen and rejected", *PAIRS)
def pair(row: Columns) -> dict:
    """Two answers as text, transcript or messages; the prompt in its own column, or repeated in both.

    Ratings of the two sides (`score_chosen` and `score_rejected`, `chosen-rating` ...) are read: equal ones
    are a tie, their difference is the strength. `margin` is the strength where it stands.

    {"prompt": "What do otters eat?", "chosen": "Fish, mostly.", "rejected": "Otters eat granite."}
    {"chosen": "\\n\\nHuman: Hi\\n\\nAssistant: Hello.",
     "rejected": "\\n\\nHuman: Hi\\n\\nAssistant: Go away."}
    """
    better, worse = _sides(tuple(row))
    answers = [row[better], row[worse]]
    if not row.scoring:
        _refuse_turned(row, better, worse)
    ratings, more = _ratings_inside(answers)
    return judged(row, answers, _ratings(row, better, worse) | ratings) | more


# ms-swift: the better answer ends the conversation, and the worse one has a column of its own.
_WORSE = ("rejected_response", "rejected_messages", "rejected_completion", "rejected")
_ENDED = ("messages", "conversations", "conversation", "response", "completion", "output")


def _no_better(row: Columns) -> bool:
    return _sides(tuple(row)) is None


@register(
    "an answer and a rejected one",
    *[(name, worse) for name in _ENDED for worse in _WORSE],
    when=_no_better,
)
def against(row: Columns) -> dict:
    """ms-swift: `messages` (or query and `response`) hold the better answer; the worse one stands apart.

    {"messages": [{"role": "user", "content": "Name a fern."}, {"role": "assistant",
     "content": "Maidenhair."}], "rejected_response": "Oak."}
    {"query": "Name a fern.", "response": "Maidenhair.", "rejected_response": "Oak."}
    """
    name = row.among(_ENDED)[0]
    better, worse = decoded(row[name]), decoded(row[row.among(_WORSE)[0]])
    if not is_talk(better):
        return judged(row, [better, worse], {})
    talk = messages(better, name)
    if talk[-1]["role"] != "assistant":
        raise UnusableError("last turn is not the assistant's")
    if isinstance(worse, str) or (is_talk(worse) and len(messages(worse, "rejected")) < len(talk)):
        return judged(row, [talk[-1]["content"], worse], {}) | {"prompt": talk[:-1]}
    return judged(row, [talk, worse], {}) | {"prompt": None}


def judged(row: Columns, answers: list, ratings: dict[str, list]) -> dict:
    """A pair whose first answer is the better one, with what its ratings and votes add to that."""
    made = {"responses": answers, "ranks": [1, 2], "ratings": ratings or None}
    beside = row.among(_BESIDE)
    if not ratings and not beside:  # most rows
        return made
    margins = [number(row[name]) for name in beside if name in _MARGINS]
    stated = [gap for name in beside if name in _GAPS and (gap := number(row[name])) is not None]
    scores = [first - second for aspect, (first, second) in ratings.items() if not _VOTES.fullmatch(aspect)]
    votes = [pair for aspect, pair in ratings.items() if _VOTES.fullmatch(aspect) and sum(pair)]
    gaps = scores + [first - second for first, second in votes] + stated
    if (beside and _says_tie(row, beside)) or (gaps and not any(gaps)):
        return made | {"ranks": [1, 1]}
    known = [gap for gap in (*margins, *stated, *scores) if gap is not None]
    if min([*gaps, *known], default=0) < 0:
        made["notes"] = [LOWER]
    share = votes[0][0] / sum(votes[0]) if votes else number(row["share"]) if "share" in beside else None
    made["share"] = share if share is not None and 0 < share < 1 else None
    first = next((gap for gap in (*margins, *stated) if gap is not None), None)
    made["strength"] = scores[0] if first is None and len(scores) == 1 and scores[0] > 0 else first
    return made


# Where a row may say beside its two sides that they are tied, or that they stand the wrong way round.
_VERDICTS = ("status", *VERDICTS)
_TIES = ("tie", "is_tie")
_BESIDE = (*_MARGINS, *_GAPS, *_VERDICTS, *_TIES, "share")  # what may say more of a pair


def _says_tie(row: Columns, beside: tuple[str, ...]) -> bool:
    """distilabel writes "tie" into the column `status`; others into `winner`, or true into `is_tie`."""
    flags = {str(row.peek(name)).strip().lower() for name in beside if name in _TIES}
    # A column that was read is an answer itself.
    verdicts = [name for name in beside if name in _VERDICTS and row.find(name) not in row.read]
    words = {name: row.peek(name) for name in verdicts}
    if str(words.get("status")).strip().lower() != "tie":
        words.pop("status", None)  # "same" may say that nothing was changed
    return not flags.isdisjoint({"true", "1", "1.0"}) or any(map(is_tie, words.values()))


def _refuse_turned(row: Columns, better: str, worse: str) -> None:
    for column in row.among(_VERDICTS):
        said = row.peek(column)
        named = isinstance(said, str) and plain(said.strip()) in (plain(worse), "rejected")
        if column != worse and (named or (said == row.peek(worse) != row.peek(better))):
            raise BadRowError(
                f"column {column!r} names {worse!r}, and the column {better!r} says otherwise: keep one",
                f"column {column!r} names {worse!r}",
            )


@lru_cache(maxsize=1024)
def _sides(columns: tuple[str, ...]) -> tuple[str, str] | None:
    row = Columns(dict.fromkeys(columns))
    return next((layout for layout in PAIRS if layout[0] in row and layout[1] in row), None)


def _ratings(row: Columns, better: str, worse: str) -> dict[str, list]:
    """{aspect: [rating of the chosen, rating of the rejected]} from columns that name the sides."""
    found: dict[str, list] = {}
    for name, column, other in _rated_columns(tuple(row), better, worse):
        values = [number(row.peek(column)), number(row.peek(other))]
        if None not in values:
            found[name] = values
        if None not in values or (unsaid(row.peek(column)) and unsaid(row.peek(other))):
            row.read |= {column, other}
    for name in row.among(_BOTH):
        value = decoded(row.peek(name))
        values = [number(value.get(side)) for side in (better, worse)] if isinstance(value, dict) else [None]
        if None not in values:
            found[plain(name).removesuffix("s")], _ = values, row[name]
    return found or _ratings_of_generations(row, better, worse)


_BOTH = ("rating", "ratings", "score", "scores", "reward", "rewards")  # {"chosen": 5, "rejected": 1}


def _ratings_inside(sides: list) -> tuple[dict[str, list], dict]:
    """Ratings of sides that are objects, {"text": ..., "score": 5}, and what else those hold, as `extra`."""
    if isinstance(sides[0], str):  # most rows
        return {}, {}
    sides = [side[0] if isinstance(side, list) and len(side) == 1 else side for side in sides]
    if not all(isinstance(side, dict) for side in sides):
        return {}, {}
    shared = [key for key in sides[0] if key in sides[1] and _RATED.fullmatch(plain(key))]
    ratings = {key: values for key in shared if None not in (values := [number(side[key]) for side in sides])}
    used = {*ratings, *ANSWER_TEXT, "role", "from"}
    others = [{key: value for key, value in side.items() if key not in used} for side in sides]
    names = ("chosen", "rejected")
    return ratings, {"extra": dict(zip(names, others, strict=True))} if any(others) else {}


@lru_cache(maxsize=1024)
def _rated_columns(columns: tuple[str, ...], better: str, worse: str) -> list[tuple[str, str, str]]:
    """(aspect, column of the chosen, column of the rejected) of all ratings that come in two columns."""
    found, known = [], {plain(column): column for column in reversed(columns)}
    sides = dict.fromkeys([("chosen", "rejected"), (better, worse)])
    for first, second in [(plain(first), plain(second)) for first, second in sides]:
        for column in columns:
            aspect = plain(column).replace(first, "", 1)
            other = known.get(plain(column).replace(first, second, 1))
            if aspect != plain(column) and _RATED.fullmatch(aspect) and other not in (None, column):
                found.append((_spelled(aspect), column, other))
    if better[-2:-1] == "_" and not found:  # y_w and y_l have their score_w and score_l
        for column in columns:
            aspect, other = plain(column)[:-1], known.get(plain(column)[:-1] + worse[-1])
            if (
                plain(column).endswith(better[-1])
                and _RATED.fullmatch(aspect)
                and other not in (None, column)
            ):
                found.append((_spelled(aspect), column, other))
    return found


def _spelled(aspect: str) -> str:
    if _VOTES.fullmatch(aspect):
        return "votes"
    return aspect.replace("avg", "average_").replace("average_average_", "average_")


def _ratings_of_generations(row: Columns, better: str, worse: str) -> dict[str, list]:
    """distilabel: `generations` and their `rating` (or `ratings`), of which chosen and rejected are two."""
    if "generations" not in row:
        return {}
    name = next((n for n in ("rating", "ratings") if isinstance(decoded(row.peek(n)), list)), None)
    texts, values = decoded(row.peek("generations")), name and decoded(row.peek(name))
    if not isinstance(texts, list) or not values or len(texts) != len(values):
        return {}
    said = [row.peek(better), row.peek(worse)]
    if any(answer not in texts for answer in said):
        return {}
    row.get("generations")
    found = [number(row[name][texts.index(answer)]) for answer in said]
    return {} if None in found else {"rating": found}


def by_scores(answers: list, ratings: dict[str, list], scores: list) -> dict:
    """Answers ranked by their scores, the highest first; equal scores tie."""
    known = [number(score) for score in scores]
    made = {"responses": answers, "ranks": ranks(known), "ratings": ratings or None}
    if len(answers) == 2 and None not in known:
        made["strength"] = abs(known[0] - known[1])
    return made
