"""Two answers side by side, and a column that says which one is better. Without one there is no label."""

import math
import re
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePath

from rmkit.data.columns import BadRowError, BadValueError, Columns, Row, decoded, items, number, plain
from rmkit.data.formats.pairs import by_scores
from rmkit.data.formats.registry import register
from rmkit.data.transcripts import messages

_STEMS = (
    "response",
    "answer",
    "output",
    "completion",
    "conversation",
    "generation",
    "model_output",
    "candidate",
    "summary",
    "reply",
    "argument",
    "text",
    "orig_response",
)
_ENDINGS = (("_a", "_b"), ("_1", "_2"), ("_0", "_1"))
SIDES = (
    *((stem + first, stem + second) for stem in _STEMS for first, second in _ENDINGS),
    ("a_1", "a_2"),
)
# Where the judgment may stand, the most telling name first.
_WINNER = (
    "winner",
    "preference",
    "preferred",
    "better",
    "choice",
    "label",
    "verdict",
    "judgment",
    "judgement",
    "winning_response",
    "preferred_response",
    "better_response",
    "better_response_id",
    "best",
    "chosen",
    "orig_preference",
    "human_preference",
    "comparison",
    "selection",
)
_TIE = re.compile(
    r"\[\[c\]\]|[ab12]?\s*[=~≈]+\s*[ab12]?|"
    r"(tie|both|draw|same|equal|similar|neither|no ?(preference|difference)).*"
)
_AROUND = re.compile(
    r"^(the)?(model|response|answer|output|assistant|option|completion|conversation|argument|summary|candidate|"
    r"system)|(is|was)?(much|slightly)?(better|wins|won)$"
)
_BETTER = re.compile(r"([ab12])\s*(>+|<+)\s*([ab12])")


def _numbered(rows: list[Row]) -> list[Row]:
    """What only the whole file tells: which numbers its judgments use, and whether its name says ".ties.".

    Numbers name the answers 0 and 1, or 1 and 2; where they fit neither way, nothing is guessed.
    """
    seen: dict[str, set] = defaultdict(set)
    for row in rows:
        columns = Columns(row.values)
        for name in _judgments(columns):
            if number(columns.peek(name)) is not None:
                seen[plain(name)].add(number(columns.peek(name)))
    result = []
    for row in rows:
        ties = ".ties." in row.where and ".ties." in PurePath(row.where.rsplit(", ", 1)[0]).name
        tied = {"winner": "tie"} if ties and not _judgments(Columns(row.values)) else {}
        result.append(replace(row, values=row.values | tied, about={"numbers": dict(seen)}))
    return result


def _judgments(row: Columns) -> list[str]:
    return [name for name in row.among(_WINNER) if row.peek(name) not in (None, "")]


@register("side by side", *SIDES, together=_numbered)
def side_by_side(row: Columns) -> dict:
    """Two answers and a winner: "a", "model_a", "A>B", "tie", "both_bad", a model's name, or a number.

    The column may be called winner, preference, preferred, better, choice or label; arena exports say it in
    three columns (winner_model_a, winner_model_b, winner_tie); two scores (score_a, score_b) say it too.
    Numbers count where the answers carry them: output_1 and output_2 with 1 and 2, answer_0 with 0.

    {"prompt": "What do otters eat?", "response_a": "Fish.", "response_b": "Granite.", "winner": "a"}
    {"instruction": "Name a fern.", "input": "", "output_1": "Maidenhair.", "output_2": "Oak.",
     "preference": 1}
    """
    first, second = _sides(tuple(row))
    answers = [_as_judged(row, row[first]), _as_judged(row, row[second])]
    ratings = _ratings(row, first, second)
    if row.scoring:
        made = {"responses": answers}
    elif row.peek("winner_model_a") is not None:
        made = preferred(answers, _one_hot(row))
    elif _judgments(row):
        made = preferred(answers, _verdict(row, _judgments(row)[0], first, second))
    elif ratings:
        return by_scores(answers, ratings, next(iter(ratings.values())))
    else:
        made = {"responses": answers}
    in_turns = _texts_in_turn(row.peek(first), row) is not None  # then the conversations hold the prompt
    return made | {"ratings": ratings or None} | ({"prompt": None} if in_turns else {})


@lru_cache(maxsize=1024)
def _sides(columns: tuple[str, ...]) -> tuple[str, str]:
    row = Columns(dict.fromkeys(columns))
    return next(pair for pair in SIDES if pair[0] in row and pair[1] in row)


def preferred(answers: list, preference: float, strength: float | None = None) -> dict:
    """Two answers; preference > 0: the first is better, < 0: the second, 0: a tie."""
    ranks = [1, 1] if preference == 0 else [1, 2] if preference > 0 else [2, 1]
    return {"responses": answers, "ranks": ranks, "strength": strength}


def _as_judged(row: Columns, answer: object) -> object:
    """An answer up to the turn that was judged (MT-Bench: `turn` 1 or 2); the rest was not."""
    talk = _texts_in_turn(answer, row) or decoded(answer)
    turn = number(row.peek("turn"))
    if not (isinstance(talk, list) and turn and turn > 0 and "conversation_a" in row):
        return talk if isinstance(talk, list) else answer
    row["turn"]
    talk = messages(talk, "conversation")
    ends = [i for i, message in enumerate(talk) if message["role"] == "assistant"]
    return talk[: ends[min(int(turn), len(ends)) - 1] + 1] if ends else talk


def _texts_in_turn(answer: object, row: Columns) -> list[dict] | None:
    """arena-human-preference-55k: prompt and answers are lists of texts, one for each turn."""
    said, asked = decoded(answer), decoded(row.peek("prompt"))
    if not (isinstance(said, list) and isinstance(asked, list) and len(said) == len(asked) > 0):
        return None
    if not all(isinstance(text, str | None) for text in [*said, *asked]):
        return None
    row["prompt"]
    turns = zip(asked, said, strict=True)
    roles = ("user", "assistant")
    return [{"role": r, "content": t or ""} for turn in turns for r, t in zip(roles, turn, strict=True)]


def _one_hot(row: Columns) -> int:
    told = [number(row.get(column)) for column in ("winner_model_a", "winner_model_b", "winner_tie")]
    if sorted(t or 0 for t in told) != [0, 0, 1]:
        raise BadRowError(
            "exactly one of winner_model_a, winner_model_b and winner_tie must be 1", "no winner"
        )
    return (1, -1, 0)[[t or 0 for t in told].index(1)]


def _verdict(row: Columns, column: str, first: str, second: str) -> int:
    """1: the first is better, -1: the second, 0: a tie, from whatever the column says."""
    value = row[column]
    if isinstance(value, bool):
        raise BadValueError(column, '"a", "b" or "tie"')
    if number(value) is not None:
        return _by_number(number(value), row, column, first, second)
    word = str(value).strip().lower()
    for name, side in ((first, 1), (second, -1)):
        if plain(word) == plain(name) or value == row.peek(f"model{name[-2:]}"):
            return side
    compared = _BETTER.fullmatch(word.strip("[]"))
    if compared and compared[1] != compared[3]:
        return (1 if compared[1] in "a1" else -1) * (1 if ">" in compared[2] else -1)
    if _TIE.fullmatch(word.replace("_", " ")):
        return 0
    short = _AROUND.sub("", plain(word.strip("[]()")))
    numbers = ("0", "1") if first.endswith("_0") else ("1", "2")
    if short in ("a", "first", "left", numbers[0]):
        return 1
    if short in ("b", "second", "right", numbers[1]):
        return -1
    raise BadValueError(column, '"a", "b", "model_a", "model_b", "A>B" or "tie"')


def _by_number(value: float, row: Columns, column: str, first: str, second: str) -> int:
    """A number names an answer where the answers are numbered; else one must not guess."""
    seen = row.about.get("numbers", {}).get(plain(column), {value})
    numbers = {"_1": (1.0, 2.0), "_0": (0.0, 1.0), "_a": (1.0, 2.0)}[first[-2:]]
    # response_a, response_b: 1 and 2 count them, but a lone 1 may also mean "yes, the first".
    if not seen <= set(numbers) or (first.endswith("_a") and 2.0 not in seen):
        raise BadValueError(column, f'"a", "b" or "tie": which answer do the numbers {sorted(seen)} mean')
    return 1 if value == numbers[0] else -1


def _ratings(row: Columns, first: str, second: str) -> dict[str, list]:
    """{aspect: [of the first, of the second]} from score_a and score_b, or votes: [3, 1]."""
    found = {}
    for stem, pairs, listing in _rated_columns(tuple(row), first, second):
        for pair in pairs:
            if None not in [number(row.peek(column)) for column in pair]:
                found[stem] = [number(row[column]) for column in pair]
        for column in listing:
            listed = decoded(row.peek(column))
            if isinstance(listed, list) and len(listed) == 2 and None not in map(number, listed):
                found[stem] = list(map(number, decoded(row[column])))
    return found


@lru_cache(maxsize=1024)
def _rated_columns(columns: tuple[str, ...], first: str, second: str) -> list[tuple[str, list, list]]:
    """(aspect, pairs of columns, columns that list both) of the ratings that a row may have."""
    row, found = Columns(dict.fromkeys(columns)), []
    for stem in ("score", "rating", "vote", "reward", "upvote", "grade", "point"):
        names = (stem, stem + "s")
        spellings = [[name + side[-2:] for side in (first, second)] for name in names]
        spellings += [[f"{side}_{name}" for side in (first, second)] for name in names]
        pairs = [pair for pair in spellings if all(column in row for column in pair)]
        listing = [name for name in names if name in row]
        if pairs or listing:
            found.append((stem, pairs, listing))
    return found


# --- published sets with a scale of their own ---------------------------------------------------------------


@register("HelpSteer3", ("context", "response1", "response2", "overall_preference"))
def helpsteer3(row: Columns) -> dict:
    """HelpSteer3: overall_preference from -3 (response1 is much better) to 3 (response2).

    {"context": [{"role": "user", "content": "Name a fern."}], "response1": "Oak.",
     "response2": "Maidenhair.", "overall_preference": 2}
    """
    return _on_a_scale(row, "overall_preference", "response1", "response2")


@register("HelpSteer2 preference", ("response_1", "response_2", "preference_strength"))
def helpsteer2_preference(row: Columns) -> dict:
    """HelpSteer2's preference file: preference_strength from -3 (response_1 much better) to 3 (response_2).

    {"prompt": "Name a fern.", "response_1": "Maidenhair.", "response_2": "Oak.", "preference_strength": -3}
    """
    return _on_a_scale(row, "preference_strength", "response_1", "response_2")


def _on_a_scale(row: Columns, column: str, first: str, second: str) -> dict:
    preference = number(row[column])
    if preference is None and not row.scoring:
        raise BadValueError(column, "a number")
    return preferred([row[first], row[second]], -(preference or 0), abs(preference or 0))


@register("Stanford Human Preferences", ("history", "human_ref_A", "human_ref_B", "labels"))
def shp(row: Columns) -> dict:
    """labels is 1 where comment A has the higher score, 0 where B has.

    {"history": "How do I keep basil alive?", "human_ref_A": "Sun and water.", "human_ref_B": "Sing.",
     "labels": 1, "score_ratio": 10.0}
    """
    if number(row["labels"]) not in (0, 1) and not row.scoring:
        raise BadValueError("labels", "0 or 1")
    ratio = number(row.get("score_ratio"))
    strength = math.log(ratio) if ratio and ratio > 0 else None
    return preferred([row["human_ref_A"], row["human_ref_B"]], (number(row["labels"]) or 0) * 2 - 1, strength)


@register("Auto-J", ("scenario", "label", "prompt", "response 1", "response 2"), benchmark=True)
def autoj(row: Columns) -> dict:
    """Auto-J's pairwise test set: label is 0 (response 1 is better), 1 (response 2) or 2 (a tie).

    {"scenario": "quiz", "label": 0, "prompt": "Which bird swims best?", "response 1": "A duck.",
     "response 2": "A robin."}
    """
    side = {0.0: 1, 1.0: -1, 2.0: 0}.get(number(row["label"]), 0 if row.scoring else None)
    if side is None:
        raise BadValueError("label", "0, 1 or 2")
    return preferred([row["response 1"], row["response 2"]], side) | {"subset": row.get("scenario")}


@register("JudgeBench", ("question", "response_A", "response_B", "label", "pair_id"), benchmark=True)
def judgebench(row: Columns) -> dict:
    """JudgeBench: label is "A>B" or "B>A".

    {"pair_id": "p1", "source": "math", "question": "2 + 2?", "response_A": "4", "response_B": "5",
     "label": "A>B"}
    """
    return side_by_side(row)


@register("PKU-SafeRLHF", ("response_0", "response_1", "better_response_id"))
def saferlhf(row: Columns) -> dict:
    """PKU-SafeRLHF: better_response_id (helpful) ranks; safer_response_id is kept as the rating `safer`.

    {"prompt": "How do I open a jar?", "response_0": "Warm the lid.", "response_1": "Smash it.",
     "better_response_id": 0, "safer_response_id": 0}
    """
    better, safer = number(row["better_response_id"]), number(row.get("safer_response_id"))
    if better not in (0, 1) and not row.scoring:
        raise BadValueError("better_response_id", "0 or 1")
    made = preferred([row["response_0"], row["response_1"]], 1 if better == 0 else -1)
    return made | {"ratings": None if safer is None else {"safer": [float(safer == 0), float(safer == 1)]}}


def _two_summaries(row: Columns) -> bool:
    return isinstance(row.peek("summaries"), list) and len(row.peek("summaries")) == 2


@register("OpenAI summaries", ("info", "summaries", "choice"), when=_two_summaries)
def summaries(row: Columns) -> dict:
    """OpenAI's comparisons of summaries: choice is 0 or 1; the prompt is the post, as in arXiv:2009.01325.

    {"info": {"id": "t3", "post": "I lost my bike and found it again.", "title": "Bike",
     "subreddit": "advice"}, "summaries": [{"text": "Bike."}, {"text": "Lost bike is back."}], "choice": 1,
     "worker": "w1"}
    """
    info, choice = row["info"], number(row["choice"])
    if choice not in (0, 1) and not row.scoring:
        raise BadValueError("choice", "0 or 1")
    if not isinstance(info, dict):
        raise BadValueError("info", "an object with a post or an article")
    names = {"subreddit": "SUBREDDIT: r/", "title": "TITLE: ", "post": "POST: ", "article": "ARTICLE: "}
    parts = [f"{label}{info[name]}" for name, label in names.items() if info.get(name)]
    made = preferred([s.get("text") for s in items(row, "summaries", dict)], 1 if choice == 0 else -1)
    return made | {"prompt": "\n\n".join([*parts, "TL;DR:"]), "id": row.peek("id") or info.get("id")}
