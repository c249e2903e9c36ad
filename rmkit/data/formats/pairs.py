"""Pairs of which the file says itself which one is better: chosen and rejected, in every spelling."""

import re
from functools import lru_cache

from rmkit.data.columns import BadValueError, Columns, UnusableError, decoded, number, plain, ranks
from rmkit.data.formats.registry import register
from rmkit.data.transcripts import is_talk, messages

LOWER = "chosen scores lower"  # a note of the ledger
# What a rating of the two sides may be called: score_chosen, chosen-rating, chosen_avg_rating ...
_RATED = re.compile(r"(avg|average|mean|overall)?(score|rating|reward|grade|points|upvotes|quality)s?\d*")


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
    return judged(row, [row[better], row[worse]], _ratings(row, better, worse))


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
    """A pair whose first answer is the better one, with what its ratings add to that."""
    made = {
        "responses": answers,
        "ranks": [1, 2],
        "ratings": ratings or None,
        "strength": number(row.get("margin")),
    }
    gaps = [first - second for first, second in ratings.values() if None not in (first, second)]
    if _said_tie(row) or (gaps and not any(gaps)):
        made["ranks"] = [1, 1]
    elif gaps and min(gaps) < 0:
        made["notes"] = [LOWER]
    elif len(gaps) == 1 and made["strength"] is None:
        made["strength"] = gaps[0]
    return made


def _said_tie(row: Columns) -> bool:
    """distilabel writes "tie" into the column `status`; others into `winner`."""
    there = row.among(("status", "winner", "preference"))
    return bool(there) and any(_is_tie(row.peek(column)) for column in there)


def _is_tie(word: object) -> bool:
    return isinstance(word, str) and word.strip().lower().startswith("tie")


@lru_cache(maxsize=1024)
def _sides(columns: tuple[str, ...]) -> tuple[str, str] | None:
    row = Columns(dict.fromkeys(columns))
    return next((layout for layout in PAIRS if layout[0] in row and layout[1] in row), None)


def _ratings(row: Columns, better: str, worse: str) -> dict[str, list]:
    """{aspect: [rating of the chosen, rating of the rejected]} from columns that name the sides."""
    found: dict[str, list] = {}
    for name, column, other in _rated_columns(tuple(row), better, worse):
        values = [number(row[column]), number(row[other])]
        if None not in values:
            found[name] = values
    return found or _ratings_of_generations(row, better, worse)


@lru_cache(maxsize=1024)
def _rated_columns(columns: tuple[str, ...], better: str, worse: str) -> list[tuple[str, str, str]]:
    """(aspect, column of the chosen, column of the rejected) of all ratings that come in two columns."""
    found, known = [], {plain(column): column for column in reversed(columns)}
    for first, second in dict.fromkeys([("chosen", "rejected"), (better, worse)]):
        for column in columns:
            aspect = plain(column).replace(plain(first), "", 1)
            other = known.get(plain(column).replace(plain(first), plain(second), 1))
            if aspect != plain(column) and _RATED.fullmatch(aspect) and other not in (None, column):
                found.append((_spelled(aspect), column, other))
    return found


def _spelled(aspect: str) -> str:
    return (
        "score"
        if aspect == "score"
        else aspect.replace("avg", "average_").replace("average_average_", "average_")
    )


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


@register(
    "RewardBench",
    ("prompt", "chosen", "chosen_model", "rejected", "rejected_model", "subset", "id"),
    benchmark=True,
)
def rewardbench(row: Columns) -> dict:
    """RewardBench: one right and one wrong answer of each item.

    {"prompt": "2 + 2?", "chosen": "4.", "chosen_model": "a", "rejected": "5.", "rejected_model": "b",
     "subset": "math", "id": 1}
    """
    return pair(row)


def _lists(row: Columns) -> bool:
    return all(
        isinstance(decoded(row.peek(column)), list)
        and all(isinstance(t, str) for t in decoded(row.peek(column)))
        for column in ("chosen", "rejected")
    )


@register("RewardBench 2", ("prompt", "chosen", "rejected", "num_correct"), when=_lists, benchmark=True)
def rewardbench2(row: Columns) -> dict:
    """Lists of right and wrong answers ("Ties" has several right ones).

    {"prompt": "Name a colour.", "chosen": ["Red.", "Blue."], "rejected": ["Seven."], "num_correct": 2,
     "subset": "Ties"}
    """
    right, wrong = _texts(row, "chosen"), _texts(row, "rejected")
    correct = [True] * len(right) + [False] * len(wrong)
    return {
        "responses": right + wrong,
        "ranks": [1 if good else 2 for good in correct],
        "correct": correct,
    }


def _texts(row: Columns, column: str) -> list[str]:
    texts = decoded(row[column])
    if not isinstance(texts, list) or not texts:
        raise BadValueError(column, "a list of one or more texts")
    return texts


@register("RM-Bench", ("prompt", "chosen", "rejected"), when=_lists, benchmark=True)
def rmbench(row: Columns) -> dict:
    """RM-Bench: right and wrong answers, each in three styles.

    {"id": 1, "domain": "chat", "prompt": "Name a fern.", "chosen": ["Maidenhair.", "Maidenhair, a fern.",
     "# Fern\\n- Maidenhair"], "rejected": ["Oak.", "Oak, a fern.", "# Fern\\n- Oak"]}
    """
    return rewardbench2(row)


def by_scores(answers: list, ratings: dict[str, list], scores: list) -> dict:
    """Answers ranked by their scores, the highest first; equal scores tie."""
    known = [number(score) for score in scores]
    made = {"responses": answers, "ranks": ranks(known), "ratings": ratings or None}
    if len(answers) == 2 and None not in known:
        made["strength"] = abs(known[0] - known[1])
    return made
