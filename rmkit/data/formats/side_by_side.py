"""Two answers side by side, and a column that says which one is better. Without one there is no label."""

import math
from collections import defaultdict
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePath

from rmkit.data.columns import BadRowError, BadValueError, Columns, Row, decoded, number, plain, unsaid
from rmkit.data.formats.pairs import LOWER, by_scores
from rmkit.data.formats.registry import register
from rmkit.data.formats.tallies import NOTE, PREDICTED, as_ratings, judged, listed, tally, votes_in
from rmkit.data.formats.verdicts import told, verdict
from rmkit.data.transcripts import helpsteer, messages

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
    "conv",
)
_ENDINGS = (("_a", "_b"), ("_1", "_2"), ("_0", "_1"))
SIDES = (
    *((stem + first, stem + second) for stem in _STEMS for first, second in _ENDINGS),
    ("a_1", "a_2"),
)


def _numbered(rows: list[Row]) -> list[Row]:
    """What only the whole file tells: which numbers its judgments use, and whether its name says ".ties.".

    Numbers name the answers 0 and 1, or 1 and 2; where they fit neither way, nothing is guessed.
    """
    seen: dict[str, set] = defaultdict(set)
    for row in rows:
        columns = Columns(row.values)
        for name in listed(columns):
            value = columns.peek(name)
            for each in votes_in(value) or [value]:
                if (found := number(each)) is not None:
                    seen[plain(name)].add(found)
    result = []
    for row in rows:
        ties = ".ties." in row.where and ".ties." in PurePath(row.where.rsplit(", ", 1)[0]).name
        tied = {"winner": "tie"} if ties and not told(Columns(row.values)) else {}
        result.append(replace(row, values=row.values | tied, about={"numbers": dict(seen)}))
    return result


@register("side by side", *SIDES, together=_numbered)
def side_by_side(row: Columns) -> dict:
    """Two answers and a winner: "a", "model_a", "A>B", "tie", "both_bad", a model's name, or a number.

    The column may be called winner, preference, preferred, better, choice or label; arena exports say it in
    three columns (winner_model_a, winner_model_b, winner_tie); two scores (score_a, score_b) say it too.
    Several votes in a row (votes_a and votes_b, or a list) are one soft label, the share of the votes.
    Numbers count where the answers carry them: output_1 and output_2 with 1 and 2, answer_0 with 0.

    {"prompt": "What do otters eat?", "response_a": "Fish.", "response_b": "Granite.", "winner": "a"}
    {"instruction": "Name a fern.", "input": "", "output_1": "Maidenhair.", "output_2": "Oak.",
     "preference": 1}
    """
    first, second = _sides(tuple(row))
    answers = [row[first], row[second]]
    in_turns = [_texts_in_turn(answer, row) for answer in answers]
    answers = [_as_judged(row, turns or answer) for turns, answer in zip(in_turns, answers, strict=True)]
    ratings = _ratings(row, first, second)
    verdicts = _one_verdict(row)
    counted = None if row.scoring else tally(row, first, second, bool(verdicts))
    if row.scoring:
        made = {"responses": answers}
    elif verdicts:
        made = _by_verdict(row, answers, verdicts, counted)
    elif counted:
        made = {"responses": answers} | judged(counted[1])
    elif ratings:
        made = by_scores(answers, ratings, _ranking(ratings))
    else:
        made = {"responses": answers}
    if counted and (votes := as_ratings(counted)):
        ratings = votes | ratings
        made["notes"] = [NOTE]
    if ratings and made.get("ranks") in ([1, 2], [2, 1]) and _contradict(made["ranks"], ratings):
        made["notes"] = [*made.get("notes", ()), LOWER]
    in_them = {"prompt": None} if in_turns[0] else {}  # the conversations hold the prompt
    return made | {"ratings": ratings or None} | in_them


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
    talk = decoded(answer)
    if not isinstance(talk, list):
        return answer
    turn = number(row.peek("turn"))
    if not (turn and turn > 0 and "conversation_a" in row):
        return talk
    row["turn"]
    talk = messages(talk, "conversation")
    ends = [i for i, message in enumerate(talk) if message["role"] == "assistant"]
    return talk[: ends[min(int(turn), len(ends)) - 1] + 1] if ends else talk


def _texts_in_turn(answer: object, row: Columns) -> list[dict] | None:
    """arena-human-preference-55k: prompt and answers are lists of texts, one for each turn."""
    asked = decoded(row.peek("prompt"))
    said = decoded(answer) if isinstance(asked, list) else None
    if not isinstance(said, list) or not len(said) == len(asked) > 0:
        return None
    if not all(isinstance(text, str | None) for text in [*said, *asked]):
        return None
    row["prompt"]
    turns = zip(asked, said, strict=True)
    roles = ("user", "assistant")
    return [{"role": r, "content": t or ""} for turn in turns for r, t in zip(roles, turn, strict=True)]


def _one_verdict(row: Columns) -> list[str]:
    """The columns that hold one judgment; a list of several is counted elsewhere."""
    return [name for name in told(row) if not isinstance(decoded(row.peek(name)), list | dict)]


def _by_verdict(
    row: Columns, answers: list, verdicts: list[str], counted: tuple[str, list[float]] | None
) -> dict:
    """Two answers with what the verdict says; with the votes alone where `label` speaks of something else."""
    first, second = _sides(tuple(row))
    try:
        said = verdict(row, verdicts, first, second)
    except BadValueError:
        if not counted or verdicts != ["label"]:
            raise
        row.read -= {row.find("label")}
        return {"responses": answers} | judged(counted[1])
    return _agreeing(preferred(answers, said), counted)


def _agreeing(made: dict, counted: tuple[str, list[float]] | None) -> dict:
    """A verdict with the share of the votes that stand beside it; those for the other side are refused."""
    votes = judged(counted[1]) if counted else {}
    alone = counted is not None and sum(counted[1]) == 1 and made["ranks"] != votes["ranks"]
    if counted and counted[0] in PREDICTED and made["ranks"] != votes.get("ranks"):
        return made  # a model thinks otherwise
    if alone or votes.get("ranks") == made["ranks"][::-1] != made["ranks"]:
        raise BadRowError(
            "the verdict and the votes judge differently: keep the column that counts",
            "verdict against the votes",
        )
    return made | ({"share": votes.get("share")} if made["ranks"] == votes.get("ranks") else {})


def _ranking(ratings: dict[str, list]) -> list:
    """The ratings that rank the answers. Raises BadRowError where two aspects order them differently."""
    orders = {aspect: (a > b) - (a < b) for aspect, (a, b) in ratings.items() if None not in (a, b)}
    for aspect, order in orders.items():
        if any(other == -order != 0 for other in orders.values()):
            one, two = aspect, next(name for name, other in orders.items() if other == -order)
            raise BadRowError(
                f"the columns of {one!r} and of {two!r} order the answers differently: keep those that count",
                f"{one!r} against {two!r}",
            )
    return next(iter(ratings.values()))


def _contradict(ranks: list[int], ratings: dict[str, list]) -> bool:
    return any((a - b) * (ranks[1] - ranks[0]) < 0 for a, b in ratings.values() if None not in (a, b))


def _ratings(row: Columns, first: str, second: str) -> dict[str, list]:
    """{aspect: [of the first, of the second]} from score_a and score_b, or scores: [3, 1]."""
    found = {}
    for stem, pairs, listing in _rated_columns(tuple(row), first, second):
        for pair in pairs:
            values = [number(row.peek(column)) for column in pair]
            if values != [None, None]:
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
    for stem in ("score", "rating", "reward", "upvote", "grade", "point"):
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
    made = _on_a_scale(row, "preference_strength", "response_1", "response_2")
    return made | ({"prompt": helpsteer(row["prompt"])} if isinstance(row.peek("prompt"), str) else {})


def _on_a_scale(row: Columns, column: str, first: str, second: str) -> dict:
    preference = number(row[column])
    if row.scoring or unsaid(row[column]):
        return {"responses": [row[first], row[second]]}
    if preference is None:
        raise BadValueError(column, "a number")
    return preferred([row[first], row[second]], -preference, abs(preference))


@register("Stanford Human Preferences", ("history", "human_ref_A", "human_ref_B", "labels"))
def shp(row: Columns) -> dict:
    """labels is 1 where comment A has the higher score, 0 where B has.

    {"history": "How do I keep basil alive?", "human_ref_A": "Sun and water.", "human_ref_B": "Sing.",
     "labels": 1, "score_ratio": 10.0}
    """
    if row.scoring or unsaid(row["labels"]):
        return {"responses": [row["human_ref_A"], row["human_ref_B"]]}
    if number(row["labels"]) not in (0, 1):
        raise BadValueError("labels", "0 or 1")
    ratio = number(row.get("score_ratio"))
    strength = math.log(ratio) if ratio and ratio > 0 else None
    return preferred([row["human_ref_A"], row["human_ref_B"]], number(row["labels"]) * 2 - 1, strength)


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
    made = {"responses": [row["response_0"], row["response_1"]]}
    if not row.scoring and not unsaid(row["better_response_id"]):
        if better not in (0, 1):
            raise BadValueError("better_response_id", "0 or 1")
        made = preferred(made["responses"], 1 if better == 0 else -1)
    return made | {"ratings": None if safer is None else {"safer": [float(safer == 0), float(safer == 1)]}}
