"""Several answers to a prompt, ranked or rated; in one row, or one answer a line."""

from rmkit.data.columns import (
    BadValueError,
    Columns,
    are_objects,
    decoded,
    items,
    mean,
    number,
    ranks,
    yes_or_no,
)
from rmkit.data.formats.pairs import by_scores
from rmkit.data.formats.ranked_objects import beside
from rmkit.data.formats.registry import register
from rmkit.data.question import asked
from rmkit.data.transcripts import helpsteer


def _holds(column: str, key: str):
    """Whether the objects of a column have this key (else they are of another format)."""

    def look(row: Columns) -> bool:
        found = decoded(row.peek(column))
        return isinstance(found, list) and any(isinstance(item, dict) and key in item for item in found)

    return look


@register("Nectar", ("prompt", "answers"), when=_holds("answers", "answer"))
def nectar(row: Columns) -> dict:
    """Nectar: seven answers with ranks.

    {"prompt": "Name a fern.", "answers": [{"answer": "Maidenhair.", "rank": 1}, {"answer": "Oak.",
     "rank": 2}]}
    """
    answers = items(row, "answers", dict)
    places = [number(answer.get("rank")) for answer in answers]
    return {
        "responses": [answer.get("answer") for answer in answers],
        "ranks": ranks([None if place is None else -place for place in places]),
    } | beside("answers", answers, {"answer", "rank"})


@register("UltraFeedback", ("instruction", "completions"), when=_holds("completions", "response"))
def ultrafeedback(row: Columns) -> dict:
    """Completions with ratings of four aspects; ranked by the mean of the aspects.

    Its overall_score is kept as one more aspect but does not rank: it is known to be wrong for some rows.

    {"instruction": "Name a fern.", "completions": [{"response": "Maidenhair.",
     "annotations": {"honesty": {"Rating": "5"}}}, {"response": "Oak.",
     "annotations": {"honesty": {"Rating": "1"}}}]}
    """
    answers = items(row, "completions", dict)
    if not all(isinstance(answer.get("annotations") or {}, dict) for answer in answers):
        raise BadValueError("annotations", "an object with a rating for each aspect")
    aspect_names = sorted({name for answer in answers for name in answer.get("annotations") or {}})
    ratings = {name: [number(_rating(answer, name)) for answer in answers] for name in aspect_names}
    means = [mean([ratings[name][i] for name in aspect_names]) for i in range(len(answers))]
    overall = [number(answer.get("overall_score")) for answer in answers]
    return {
        "responses": [answer.get("response") for answer in answers],
        "ranks": ranks(means if aspect_names else overall),
        "ratings": ratings | {"overall_score": overall},
    } | beside("completions", answers, {"response", "annotations", "overall_score"})


def _rating(answer: dict, aspect: str) -> object:
    judged = (answer.get("annotations") or {}).get(aspect)
    if isinstance(judged, list):  # a few rows hold a list with one judgment
        judged = judged[0] if judged else None
    return judged.get("Rating") if isinstance(judged, dict) else judged


# A list of answers, and a list of numbers for them: high is good in the first kind, 1 is best in the second.
_TEXTS = ("generations", "responses", "candidates", "completions", "outputs", "answers", "samples", "texts")
_SCORES = ("ratings", "rating", "scores", "score", "rewards")
_PLACES = ("ranking", "rankings", "rank", "ranks")
# Beside them, or in one of _SCORES as true and false: which answers are right.
_VERDICTS = ("correct", "is_correct", "correctness", "correctness_math_verify", "passed", "is_passed")


def _list_in(row: Columns, names: tuple[str, ...], kind: type | tuple[type, ...]) -> str | None:
    """The first of these columns that holds a list of that kind."""
    for name in row.among(names):
        value = decoded(row.peek(name))
        if (
            isinstance(value, list)
            and value
            and all(item is None or isinstance(item, kind) for item in value)
        ):
            return name
    return None


def _rated_texts(row: Columns) -> bool:
    # A record of rmkit has places or verdicts under these very names.
    own = "responses" in row and ("ranks" in row or ("correct" in row and not row.among(_SCORES[1:])))
    return not own and bool(
        _list_in(row, _TEXTS, str) and _list_in(row, _SCORES + _PLACES + _VERDICTS, (int, float, str))
    )


@register(
    "generations and ratings",
    *[(texts, numbers) for texts in _TEXTS for numbers in _SCORES + _PLACES + _VERDICTS],
    when=_rated_texts,
)
def generations(row: Columns) -> dict:
    """A list of answers and a list of their ratings (distilabel), of their ranks (1 = best), or of verdicts.

    {"instruction": "Name a fern.", "generations": ["Maidenhair.", "Oak."], "ratings": [5.0, 1.0]}
    {"problem": "3 + 4?", "generations": ["It is 7.", "It is 8."], "is_correct": [true, false]}
    """
    texts = _list_in(row, _TEXTS, str) or row.among(_TEXTS)[0]
    answers = items(row, texts)
    if row.scoring:
        return {"responses": answers}
    rated = _list_in(row, _SCORES, (int, float, str))
    others = [_list_in(row, names, (int, float, str)) for names in (_PLACES, _VERDICTS)]
    column = rated or next(filter(None, others), row.among(_SCORES + _PLACES + _VERDICTS)[0])
    told = items(row, column)
    if len(answers) != len(told):
        raise BadValueError(column, f"one number for each of the {len(answers)} answers")
    if column in _VERDICTS or all(isinstance(value, bool) for value in told):
        return {"responses": answers, "correct": [yes_or_no(value, column) for value in told]}
    numbers = [number(value) for value in told]
    if rated:
        return by_scores(answers, {"rating": numbers}, numbers)
    return {"responses": answers, "ranks": ranks([None if place is None else -place for place in numbers])}


def _objects(row: Columns) -> bool:
    value = decoded(row.peek("completions"))
    return bool(value) and are_objects(value)


@register("NeMo preferences", ("context", "completions"), when=_objects)
def nemo(row: Columns) -> dict:
    """NeMo: completions with ranks, 0 = best.

    {"context": [{"role": "user", "content": "Name a fern."}], "completions": [{"rank": 0,
     "completion": [{"role": "assistant", "content": "Maidenhair."}]}, {"rank": 1,
     "completion": [{"role": "assistant", "content": "Oak."}]}]}
    """
    answers = items(row, "completions", dict)
    places = [number(answer.get("rank")) for answer in answers]
    return {
        "responses": [answer.get("completion") for answer in answers],
        "ranks": ranks([None if place is None else -place for place in places]),
    } | beside("completions", answers, {"completion", "rank"})


def _best_first(row: Columns) -> bool:
    value = decoded(row.peek("output"))
    return isinstance(value, list) and len(value) > 1 and all(isinstance(text, str) for text in value)


@register("answers, best first", ("instruction", "output"), when=_best_first)
def best_first(row: Columns) -> dict:
    """LLaMA-Factory's list of outputs, the best first.

    {"instruction": "Name a fern.", "input": "", "output": ["Maidenhair.", "Bracken root.", "Oak."]}
    """
    answers = items(row, "output", str)
    return {"responses": answers, "ranks": list(range(1, len(answers) + 1))}


_HELPSTEER = ("helpfulness", "correctness", "coherence", "complexity", "verbosity")


@register("HelpSteer2", ("prompt", "response", "helpfulness"), joins=True)
def helpsteer2(row: Columns) -> dict:
    """HelpSteer and HelpSteer2: one response a line with five ratings; ranked by helpfulness.

    {"prompt": "Name a fern.", "response": "Maidenhair.", "helpfulness": 4, "correctness": 4, "coherence": 4}
    {"prompt": "Name a fern.", "response": "Oak.", "helpfulness": 0, "correctness": 0, "coherence": 4}
    """
    ratings = {name: [number(row.get(name))] for name in _HELPSTEER}
    question = row.peek("prompt")
    return {
        "prompt": helpsteer(row["prompt"]) if isinstance(question, str) else asked(row),
        "responses": [row["response"]],
        "ratings": ratings,
        "score": ratings["helpfulness"][0],
    }


@register("ratings by aspect", ("prompt", "response", "scores"), joins=True)
def aspects(row: Columns) -> dict:
    """One response a line with scores {aspect: number, or one per rater}: means of raters; their mean ranks.

    {"prompt": "Sum up.", "response": "Fine boots.", "scores": {"fluency": [5, 4], "focus": [4, 4]}}
    {"prompt": "Sum up.", "response": "Boots boots.", "scores": {"fluency": [2, 1], "focus": [3, 4]}}
    """
    scores = decoded(row["scores"])
    if not isinstance(scores, dict):
        raise BadValueError("scores", "an object {aspect: [one number per rater]}")
    ratings = {name: mean(given if isinstance(given, list) else [given]) for name, given in scores.items()}
    # Rounded, so that equal means tie whatever the order of their sum.
    overall = mean([ratings[name] for name in sorted(ratings)])
    return {
        "prompt": row["prompt"],  # `system` names the system that wrote the response, in such files
        "responses": [row["response"]],
        "ratings": {name: [value] for name, value in sorted(ratings.items())},
        "score": None if overall is None else round(overall, 9),
    }


_ANSWER = (
    "orig_response",
    "model_response",
    "model_output",
    "llm_response",
    "response",
    "completion",
    "generation",
)
_SCORE = ("orig_score", "score", "rating", "reward", "quality", "overall", "overall_score")


def _alone(row: Columns) -> bool:
    return "label" not in row and not ("chosen" in row and "rejected" in row)


@register(
    "one rated response",
    *[(name, score) for name in _ANSWER for score in _SCORE],
    when=_alone,
    joins=True,
)
def rated(row: Columns) -> dict:
    """One response a line with one score: rows of a prompt are ranked by it, equal scores tie.

    {"prompt": "Name a fern.", "response": "Maidenhair.", "score": 4.5}
    {"prompt": "Name a fern.", "response": "Oak.", "score": 1}
    """
    name = next(name for name in _SCORE if name in row)
    score = number(row[name])
    return {
        "responses": [row[row.among(_ANSWER)[0]]],
        "ratings": {name: [score]},
        "score": score,
    }
