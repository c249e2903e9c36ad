"""OpenAI's summaries of posts: two compared, or one rated by axis."""

from rmkit.data.columns import BadValueError, Columns, items, number, unsaid
from rmkit.data.formats.registry import register
from rmkit.data.formats.side_by_side import preferred


def _two_summaries(row: Columns) -> bool:
    return isinstance(row.peek("summaries"), list) and len(row.peek("summaries")) == 2


@register("OpenAI summaries", ("info", "summaries", "choice"), when=_two_summaries)
def summaries(row: Columns) -> dict:
    """OpenAI's comparisons of summaries: choice is 0 or 1; the prompt is the post, as in arXiv:2009.01325.

    {"info": {"id": "t3", "post": "I lost my bike and found it again.", "title": "Bike",
     "subreddit": "advice"}, "summaries": [{"text": "Bike."}, {"text": "Lost bike is back."}], "choice": 1,
     "worker": "w1"}
    """
    answers = [each.get("text") for each in items(row, "summaries", dict)]
    if row.scoring or unsaid(row["choice"]):
        return {"responses": answers} | _post(row)
    choice = number(row["choice"])
    if choice not in (0, 1):
        raise BadValueError("choice", "0 or 1")
    return preferred(answers, 1 if choice == 0 else -1) | _post(row)


def _post(row: Columns) -> dict:
    """The prompt and the id that `info` holds."""
    info = row["info"]
    if not isinstance(info, dict):
        raise BadValueError("info", "an object with a post or an article")
    names = {"subreddit": "SUBREDDIT: r/", "title": "TITLE: ", "post": "POST: ", "article": "ARTICLE: "}
    parts = [f"{label}{info[name]}" for name, label in names.items() if info.get(name)]
    return {"prompt": "\n\n".join([*parts, "TL;DR:"]), "id": row.peek("id") or info.get("id")}


def _rated_summary(row: Columns) -> bool:
    return isinstance(row.peek("summary"), dict) and isinstance(row.peek("summary").get("axes"), dict)


@register("OpenAI summary ratings", ("info", "summary"), when=_rated_summary, joins=True)
def axes(row: Columns) -> dict:
    """OpenAI's ratings of single summaries by axis; those of one worker are ranked by the axis overall.

    {"info": {"id": "t3", "post": "I lost my bike and found it again.", "title": "Bike",
     "subreddit": "advice"}, "summary": {"text": "Bike.", "axes": {"overall": 2, "coverage": 1}},
     "worker": "w1"}
    """
    summary = row["summary"]
    if not _rated_summary(row):
        raise BadValueError("summary", "an object with a text and its axes")
    ratings = {name: [number(value)] for name, value in sorted(summary["axes"].items())}
    score = number(summary["axes"].get("overall"))
    return {"responses": [summary.get("text")], "ratings": ratings, "score": score} | _post(row)
