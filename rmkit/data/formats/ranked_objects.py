"""Several answers in one column, each an object that holds its text and how good it is."""

from rmkit.data.columns import BadValueError, Columns, are_objects, decoded, items, number, ranks
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
        if found and are_objects(found):
            texts = all(set(_TEXT) & set(item) and "role" not in item for item in found)
            return name if texts else None
    return None


def beside(name: str, found: list[dict], used: set) -> dict:
    """What the objects of a column hold beside what was used, as `extra`."""
    others = [{key: value for key, value in item.items() if key not in used} for item in found]
    return {"extra": {name: others}} if any(others) else {}


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
    more = beside(name, found, {*_TEXT, score, place})
    if place:
        places = [number(item.get(place)) for item in found]
        return {"responses": texts, "ranks": ranks([None if p is None else -p for p in places])} | more
    if score:
        values = [number(item.get(score)) for item in found]
        return by_scores(texts, {score: values}, values) | more
    values = _rated_apart(row, found)
    return (by_scores(texts, {"rating": values}, values) if values else {"responses": texts}) | more


def _rated_apart(row: Columns, found: list[dict]) -> list[float | None]:
    """Ratings from `annotations`, one for each object: of its model where both name one, else in order."""
    told = decoded(row.peek("annotations"))
    if not are_objects(told) or len(told) != len(found):
        return []
    models = [str(each["model"]) for each in told if "model" in each]
    if models:
        named = [str(item.get("model")) for item in found]
        if sorted(models) != sorted(named) or len(set(models)) < len(named):
            return []
        told = [told[models.index(name)] for name in named]
    values = [next((n for key in _SCORE if (n := number(each.get(key))) is not None), None) for each in told]
    return values if any(value is not None for value in values) else []
