"""Several answers in one column, each an object that holds its text and how good it is."""

from rmkit.data.columns import BadValueError, Columns, decoded, items, number, ranks
from rmkit.data.formats.pairs import by_scores
from rmkit.data.formats.registry import register

_LISTS = ("responses", "answers", "completions", "candidates", "generations", "outputs", "choices")
_TEXT = ("text", "content", "response", "answer", "completion", "output", "generated_text", "message")
_SCORE = ("score", "rating", "reward", "pm_score", "quality", "overall_score", "votes", "upvotes")
_PLACE = ("rank", "ranking")


def _name(row: Columns) -> str | None:
    """The column that holds such a list."""
    for name in row.among(_LISTS):
        found = decoded(row.peek(name))
        if isinstance(found, list) and found and all(isinstance(item, dict) for item in found):
            texts = all(set(_TEXT) & set(item) and "role" not in item for item in found)
            return name if texts else None
    return None


@register("answers as objects", *[(name,) for name in _LISTS], when=lambda row: _name(row) is not None)
def objects(row: Columns) -> dict:
    """Objects with a text and a score (high is good) or a rank (1 = best); what else they hold is extra.

    {"question": "Name a fern.", "answers": [{"text": "Maidenhair.", "pm_score": 5}, {"text": "Oak.",
     "pm_score": 0}]}
    """
    name = _name(row)
    if name is None:
        raise BadValueError(row.among(_LISTS)[0], "a list of objects, each with its `text`")
    found = items(row, name, dict)
    texts = [next(item[key] for key in _TEXT if key in item) for item in found]
    score = next((key for key in _SCORE if any(number(item.get(key)) is not None for item in found)), None)
    place = next((key for key in _PLACE if any(number(item.get(key)) is not None for item in found)), None)
    used = {*_TEXT, score, place}
    others = [{key: value for key, value in item.items() if key not in used} for item in found]
    more = {"extra": {name: others}} if any(others) else {}
    if place:
        places = [number(item.get(place)) for item in found]
        return {"responses": texts, "ranks": ranks([None if p is None else -p for p in places])} | more
    if score:
        values = [number(item.get(score)) for item in found]
        return by_scores(texts, {score: values}, values) | more
    return {"responses": texts} | more
