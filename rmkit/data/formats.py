"""One small adapter for each public format; nothing else in rmkit knows that a format exists.

An adapter is a pure function from one row (a dict) to one record (a dict with the columns of
`rmkit.records.Record`). A format is recognized by its columns alone.
"""

import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass

from rmkit.data.columns import BadValueError, Row, items, mean, names, number, ranks
from rmkit.data.transcripts import helpsteer, messages, prompt, prompt_and_responses
from rmkit.errors import InputError

RECORD_COLUMNS = (
    "prompt",
    "responses",
    "ranks",
    "ratings",
    "strength",
    "correct",
    "steps",
    "step_labels",
    "annotator",
    "subset",
    "id",
    "share",
)


@dataclass(frozen=True)
class Format:
    """A public format: the columns that give it away, and its adapter.

    together: where rows must be seen together first (one response a line, scales that differ between files).
    """

    name: str
    wants: tuple[str, ...]
    convert: Callable[[dict], dict]
    together: Callable[[list[Row]], list[Row]] = lambda rows: rows


def detect(columns: list[str], where: str) -> Format:
    """The format of a file with these columns."""
    for known in FORMATS:
        if set(known.wants) <= set(columns):
            return known
    wanted = "; ".join(f"{' + '.join(known.wants)} ({known.name})" for known in FORMATS)
    found = ", ".join(map(repr, columns)) or "none"
    raise InputError(f"{where}: cannot tell what this is; its columns are {found}; wanted one of: {wanted}.")


def _best_first(answers: list, preference: float, **record) -> dict:
    """Two answers, the preferred one first; preference > 0: the first is better, < 0: the second, 0: tie."""
    if preference < 0:
        answers = answers[::-1]
    tied = preference == 0
    return {"responses": answers, "ranks": [1, 1 if tied else 2], "strength": abs(preference), **record}


# --- our own form -------------------------------------------------------------------------------------------


def record(row: dict) -> dict:
    """prompt, responses and any of the record's other columns."""
    for column in row:
        if column in RECORD_COLUMNS:
            continue
        near = difflib.get_close_matches(column, RECORD_COLUMNS, n=1, cutoff=0.8)
        if near and near[0] not in row:
            raise BadValueError(column, f"the name {near[0]!r}")
    return {column: row.get(column) for column in RECORD_COLUMNS} | {"prompt": prompt(row["prompt"])}


# --- pairs --------------------------------------------------------------------------------------------------


def pair(row: dict) -> dict:
    """chosen and rejected as text, transcript or messages, with or without prompt (TRL, hh-rlhf)."""
    asked, answers = prompt_and_responses(
        row.get("prompt"), [row["chosen"], row["rejected"]], ["chosen", "rejected"]
    )
    result = {"prompt": asked, "responses": answers, "ranks": [1, 2], "strength": number(row.get("margin"))}
    for columns in (("score_chosen", "score_rejected"), ("chosen_score", "rejected_score")):
        scores = [number(row.get(column)) for column in columns]
        if None not in scores:
            result["ratings"] = {"score": scores}
    return result | names(row)


def rewardbench2(row: dict) -> dict:
    """RewardBench 2: lists of right and wrong answers ("Ties" has several right ones)."""
    right, wrong = items(row, "chosen"), items(row, "rejected")
    correct = [True] * len(right) + [False] * len(wrong)
    return {
        "prompt": prompt(row["prompt"]),
        "responses": right + wrong,
        "ranks": [1 if good else 2 for good in correct],
        "correct": correct,
    } | names(row)


def helpsteer3(row: dict) -> dict:
    """HelpSteer3 preference: overall_preference from -3 (response1 much better) to 3 (response2)."""
    preference = number(row["overall_preference"])
    if preference is None:
        raise BadValueError("overall_preference", "a number")
    answers = [row["response1"], row["response2"]]
    return _best_first(answers, -preference, prompt=messages(row["context"], "context")) | names(row)


_WINNERS = {"model_a": 1, "a": 1, "model_b": -1, "b": -1}


def side_by_side(row: dict) -> dict:
    """response_a, response_b and winner ("a", "b", "tie"); without a winner column, a tie."""
    preference = _winner(row.get("winner", "tie"))
    answers = [row["response_a"], row["response_b"]]
    return _best_first(answers, preference, prompt=prompt(row["prompt"]), strength=None) | names(row)


def arena(row: dict) -> dict:
    """Chatbot Arena and MT-Bench judgments: conversation_a, conversation_b, winner, judge."""
    asked, answers = prompt_and_responses(
        None, [row["conversation_a"], row["conversation_b"]], ["conversation_a", "conversation_b"]
    )
    return _best_first(answers, _winner(row["winner"]), prompt=asked, strength=None) | names(row)


def _winner(value: object) -> int:
    name = str(value).lower()
    if name not in _WINNERS and not name.startswith("tie"):
        raise BadValueError("winner", '"a", "b", "model_a", "model_b" or "tie"')
    return _WINNERS.get(name, 0)


def shp(row: dict) -> dict:
    """Stanford Human Preferences: labels is 1 where comment A has the higher score, 0 where B has."""
    if row["labels"] not in (0, 1):
        raise BadValueError("labels", "0 or 1")
    ratio = number(row.get("score_ratio"))
    strength = math.log(ratio) if ratio and ratio > 0 else None
    answers = [row["human_ref_A"], row["human_ref_B"]]
    preference = 1 if row["labels"] else -1
    return _best_first(answers, preference, prompt=row["history"], strength=strength) | names(row)


# --- rankings and ratings -----------------------------------------------------------------------------------


def nectar(row: dict) -> dict:
    """Nectar: seven answers with ranks."""
    answers = items(row, "answers", dict)
    places = [number(answer.get("rank")) for answer in answers]
    return {
        "prompt": prompt(row["prompt"]),
        "responses": [answer.get("answer") for answer in answers],
        "ranks": ranks([None if place is None else -place for place in places]),
    } | names(row)


def ultrafeedback(row: dict) -> dict:
    """UltraFeedback: completions with ratings of four aspects; ranked by the mean of the aspects.

    Its overall_score is kept as one more aspect but does not rank: it is known to be wrong for some rows.
    """
    answers = items(row, "completions", dict)
    aspect_names = sorted({name for answer in answers for name in answer.get("annotations") or {}})
    ratings = {name: [number(_rating(answer, name)) for answer in answers] for name in aspect_names}
    means = [mean([ratings[name][i] for name in aspect_names]) for i in range(len(answers))]
    overall = [number(answer.get("overall_score")) for answer in answers]
    return {
        "prompt": prompt(row["instruction"], "instruction"),
        "responses": [answer.get("response") for answer in answers],
        "ranks": ranks(means if aspect_names else overall),
        "ratings": ratings | {"overall_score": overall},
    } | names(row)


def _rating(answer: dict, aspect: str) -> object:
    judged = (answer.get("annotations") or {}).get(aspect)
    if isinstance(judged, list):  # a few rows hold a list with one judgment
        judged = judged[0] if judged else None
    return judged.get("Rating") if isinstance(judged, dict) else judged


_HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")


def helpsteer2(row: dict) -> dict:
    """HelpSteer and HelpSteer2: one response a line with five ratings; ranked by helpfulness."""
    rows = row["rows"]
    ratings = {name: [number(each.get(name)) for each in rows] for name in _HELPSTEER}
    return {
        "prompt": helpsteer(row["prompt"]) if isinstance(row["prompt"], str) else prompt(row["prompt"]),
        "responses": [each["response"] for each in rows],
        "ranks": ranks(ratings["helpfulness"]),
        "ratings": ratings,
    } | names(rows[0])


def aspects(row: dict) -> dict:
    """One response a line, scores {aspect: one number per rater}: mean over raters; ranked by their mean."""
    rows = row["rows"]
    if not all(isinstance(each["scores"], dict) for each in rows):
        raise BadValueError("scores", "an object {aspect: [one number per rater]}")
    aspect_names = sorted({name for each in rows for name in each["scores"]})
    ratings = {name: [mean(_as_list(each["scores"].get(name))) for each in rows] for name in aspect_names}
    # Rounded, so that equal means tie whatever the order of their sum.
    means = [mean([ratings[name][i] for name in aspect_names]) for i in range(len(rows))]
    return {
        "prompt": prompt(row["prompt"]),
        "responses": [each["response"] for each in rows],
        "ranks": ranks([None if mean is None else round(mean, 9) for mean in means]),
        "ratings": ratings,
    } | names(rows[0])


def _as_list(value: object) -> list:
    return value if isinstance(value, list) else [value]


def _by_prompt(rows: list[Row]) -> list[Row]:
    """Rows of one prompt become one row, in order of first appearance."""
    groups: dict[str, Row] = {}
    for row in rows:
        group = groups.setdefault(repr(row.values["prompt"]), Row(row.where, {"rows": []}, 0))
        group.values["prompt"] = row.values["prompt"]
        group.values["rows"].append(row.values)
        group.count += 1
    return list(groups.values())


# --- right and wrong ----------------------------------------------------------------------------------------


def outcome(row: dict) -> dict:
    """One completion and whether it is good (TRL's unpaired preference)."""
    asked, answers = prompt_and_responses(row["prompt"], [row["completion"]], ["completion"])
    return {"prompt": asked, "responses": answers, "correct": [row["label"]]} | names(row)


def steps(row: dict) -> dict:
    """A solution in steps with a label for each (PRM800K-style; TRL calls the steps completions)."""
    parts = items(row, "steps" if "steps" in row else "completions", str)
    return {
        "prompt": prompt(row["prompt"]),
        "responses": ["\n".join(parts)],
        "steps": [parts],
        "step_labels": [items(row, "labels")],
    } | names(row)


def _one_scale(rows: list[Row]) -> list[Row]:
    """Labels as 1 = good, 0 = wrong, None = not judged.

    A file with -1 labels is on PRM800K's scale (1 good, 0 neutral, -1 wrong), where neutral counts as good,
    as in the scores of Lightman et al. 2023 (arXiv:2305.20050, appendix F.2).
    """
    labels = [row.values["labels"] for row in rows]
    if not any(isinstance(given, list) and -1 in given for given in labels):
        return rows
    good = {-1: 0, 0: 1, 1: 1}
    return [
        Row(row.where, row.values | {"labels": [good.get(label) for label in given]}, row.count)
        if isinstance(given, list)
        else row
        for row, given in zip(rows, labels, strict=True)
    ]


def prm800k(row: dict) -> dict:
    """PRM800K as published: the trajectory of chosen steps, or the first candidate where none was chosen."""
    question, label = row["question"], row["label"]
    if not isinstance(question, dict) or not isinstance(label, dict) or "steps" not in label:
        raise BadValueError("label", 'an object with "steps", beside a question with "problem"')
    parts, labels = [], []
    for step in label["steps"]:
        chosen, candidates = step.get("chosen_completion"), step.get("completions") or []
        if chosen is None and step.get("human_completion"):
            human = step["human_completion"]  # written by the labeler as a good step
            parts, labels = [*parts, human["text"] if isinstance(human, dict) else human], [*labels, 1]
        elif candidates:
            candidate = candidates[chosen or 0]
            parts.append(candidate["text"])
            labels.append({-1: 0, 0: 1, 1: 1}.get(candidate.get("rating")))
    known = {"prompt": question.get("problem"), "responses": ["\n".join(parts)]}
    return known | {"steps": [parts], "step_labels": [labels]} | names(row)


# The more telling columns first: a HelpSteer3 export may also have chosen and rejected.
FORMATS = (
    Format("a record of rmkit", ("prompt", "responses"), record),
    Format("RewardBench 2", ("prompt", "chosen", "rejected", "num_correct"), rewardbench2),
    Format("HelpSteer3", ("context", "response1", "response2", "overall_preference"), helpsteer3),
    Format("arena judgments", ("conversation_a", "conversation_b", "winner"), arena),
    Format("Stanford Human Preferences", ("history", "human_ref_A", "human_ref_B", "labels"), shp),
    Format("Nectar", ("prompt", "answers"), nectar),
    Format("UltraFeedback", ("instruction", "completions"), ultrafeedback),
    Format("HelpSteer2", ("prompt", "response", "helpfulness"), helpsteer2, _by_prompt),
    Format("ratings by aspect", ("prompt", "response", "scores"), aspects, _by_prompt),
    Format("PRM800K", ("question", "label"), prm800k),
    Format("labeled steps", ("prompt", "steps", "labels"), steps, _one_scale),
    Format("stepwise supervision", ("prompt", "completions", "labels"), steps, _one_scale),
    Format("side by side, or a tie", ("prompt", "response_a", "response_b"), side_by_side),
    Format("chosen and rejected", ("chosen", "rejected"), pair),
    Format("one answer, good or not", ("prompt", "completion", "label"), outcome),
)
