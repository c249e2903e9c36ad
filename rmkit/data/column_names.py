"""What the name of a column says of its values: a judgment, something about the row, or that it may ask."""

import re

# What a column's name may say about a row beside the question itself; the second kind in three words at most.
_ABOUT = re.compile(
    r"(^|_)(id|ids|uid|uuid|idx|index|key|hash|models?|policy|generator|annotators?|judge|labell?er|worker|date|"
    r"time|timestamp|url|license|rewards?|reasons?|rationales?|explanations?|feedback|critiques?|email|version|"
    r"created|updated|config|metadata|reasoning|thinking|justifications?|notes|reviewer|editor)(_|\d|$)"
)
_KIND = re.compile(
    r"(^|_)(source|subset|split|lang|language|category|domain|tags?|type|dataset|name|status|batch|site|role|"
    r"order|level|difficulty|origin|section|style|scenario|subject|group|kind|variant|mode|grade)(_|\d|$)"
)
_JUDGMENT = re.compile(
    r"(^|_)(labels?|preferences?|preferred|prefers?|prefered|prefs?|better|best|choices?|chosen|rejected|selected|"
    r"pick(ed)?|winners?|wins?|verdicts?|judge?ments?|votes?|ties?|tied|scores?|ratings?|ranks?|rankings?|outcome|"
    r"comparison|candidates|more_convincing|favou?red|desirable|thumbs|percent|pct|annotations?|annotator_?\d+|"
    r"safer|is_safe|passed|is_correct|correctness|overall_response)(_|\d|$)|^correct$"
)
_VERDICT = re.compile(
    r"\W*((model|response|answer|assistant|option)[ _]?)?[ab]\W*((is )?(much |slightly )?(better|wins|won))?|"
    r"\W*[ab]\s*[<>=]+\s*[ab]\W*|\W*(tie|both[ _]?bad).*"
)


def says_judgment(name: str) -> bool:
    """Whether a column's name says that it holds a judgment."""
    return bool(_JUDGMENT.search(_snake(name)))


def is_verdict(name: str, value: object) -> bool:
    """Whether a value such as "A", "[[B]]" or "model_a" may be a judgment, whatever its column is called."""
    about = _ABOUT.search(_snake(name)) or _KIND.search(_snake(name))
    return isinstance(value, str) and not about and bool(_VERDICT.fullmatch(value.strip().lower()))


def may_ask(name: str, value: object) -> bool:
    """Whether a column may hold the question: text under a name that does not speak of something else."""
    name = _snake(name)
    if _ABOUT.search(name):
        return False
    if not isinstance(value, str):
        return holds_words(value, 3)
    short = len(value.split()) < 4 and (_KIND.search(name) or _JUDGMENT.search(name))
    return any(map(str.isalpha, value)) and not short


def holds_words(value: object, least: int) -> bool:
    """Whether a cell, or anything inside its lists and objects, is a text of so many words."""
    if isinstance(value, str):
        return len(value.split()) >= least and any(map(str.isalpha, value))
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return any(holds_words(each, least) for each in inside)


def _snake(name: str) -> str:
    """A column's name in lower case, its words apart by "_": "betterResponse" is better_response."""
    return re.sub(r"[\s.-]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(name))).lower()
