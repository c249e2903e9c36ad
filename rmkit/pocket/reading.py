"""Reading the world's English: a sentence is matched with the phrasing table, in time linear in its length.

A sentence becomes a skeleton: animals, values and numbers are taken out ("the ~A eats ~V") and the rest is
looked up in dictionaries made from the same templates that write the text. No search, no backtracking.
"""

import re
from dataclasses import dataclass, field

from rmkit.pocket import facts, phrasing

ANIMAL_OF = {word: name for name in facts.ANIMALS for word in (name, facts.PLURALS[name])}
VALUE_WORDS = {value.lower(): value for values in facts.VALUES.values() for value in values}
_DROP = {"the", "a", "an", "this", "these", "bare", "mostly", "mainly", "usually"}
_SAME = {
    "eat": "eats", "live": "lives", "feed": "feeds", "move": "moves", "travel": "travels", "are": "is",
    "have": "has", "do": "does", "possess": "possesses", "on": "in", "their": "its", "they": "it",
}  # fmt: skip
_WORD = re.compile(r"[a-z]+|[0-9]+")
_SENTENCE = re.compile(r"[^.!?\n]+[.!?]*")
CLAUSE_BREAK = re.compile(r", and |, | and ")


@dataclass(frozen=True)
class Claim:
    """One thing that a text says. `kind` and what `of` holds:

    fact (animal, attribute, value) · more (attribute, animal) · name (animal,) · step (count, animal, legs) ·
    sum (legs, legs, legs) · total (legs,) · verdict (True or False,) · admit () · refuse (action, animal) ·
    allow (action, animal)
    """

    kind: str
    of: tuple
    hedged: bool = False


@dataclass
class Unit:
    """One sentence as read: its kind (statement, filler, courtesy, reason, unreadable) and its claims."""

    text: str
    kind: str
    claims: list[Claim] = field(default_factory=list)
    formal: bool | None = None  # wording: True formal, False plain, None neither
    lead: str | None = None  # "hedge" or "lead-in" where the sentence opens with one


@dataclass
class Skeleton:
    words: list[str]
    animals: list[str | None]
    values: list[str]
    numbers: list[int]

    @property
    def key(self) -> str:
        return " ".join(self.words)


def tokens(text: str) -> list[str]:
    return [_SAME.get(word, word) for word in _WORD.findall(text.lower()) if word not in _DROP]


def skeleton(text: str | list[str]) -> Skeleton:
    result = Skeleton([], [], [], [])
    for word in tokens(text) if isinstance(text, str) else text:
        if word in ANIMAL_OF or word == "it":
            result.animals.append(ANIMAL_OF.get(word))  # None: "it"
            word = "~A"
        elif word in VALUE_WORDS:
            result.values.append(VALUE_WORDS[word])
            word = "~V"
        elif word.isdigit():
            result.numbers.append(int(word[:9]))
            word = "~N"
        result.words.append(word)
    return result


def sentences(text: str) -> list[str]:
    return [found.strip() for found in _SENTENCE.findall(text) if found.strip(" .!?\t\r")]


def _key(text: str) -> str:
    return skeleton(text).key


def _statements() -> dict[str, dict[str, bool | None]]:
    """Skeleton of a statement -> {attribute: is its wording formal}."""
    table: dict[str, dict[str, bool | None]] = {}
    for attribute, values in facts.VALUES.items():
        for value in values:
            phrase = phrasing.value_phrase(attribute, value)
            for formal, words in enumerate(phrasing.VERB_PHRASES[attribute]):
                texts = [words] if attribute == "young" else [words, "{s} " + words]
                texts += [phrasing.YOUNG[formal]] if attribute == "young" else []
                for text in texts:
                    key = _key(text.format(s="it", v=phrase))
                    table.setdefault(key, {}).setdefault(attribute, bool(formal))
            for words in (phrasing.SHORT[attribute], phrasing.NOTES[attribute]):
                table.setdefault(_key(words.format(v=phrase)), {}).setdefault(attribute, None)
    return table


STATEMENTS = _statements()
CLAUSES = {
    _key(text.format(s="it")): attribute
    for attribute in phrasing.DIRECT
    for text in (*phrasing.DIRECT[attribute], phrasing.INDIRECT[attribute])
} | {_key(text): "young" for text in phrasing.YOUNG_OF_IT}
CHECKS = {
    _key(text.format(s="it", v=phrasing.value_phrase(attribute, value))): attribute
    for attribute, text in phrasing.CHECKS.items()
    for value in facts.VALUES[attribute]
}
FRAMES = [tokens(text.partition("{q}")[0]) for text in (*phrasing.FRAMES, *phrasing.CHECK_FRAMES)]
COMPARE = {
    _key(t.format(a="it", b="it")): attribute for attribute, ts in phrasing.COMPARE.items() for t in ts
}
COUNT = {
    _key(text.format(herds=phrasing.listed(["2 it"] * n))) for text in phrasing.COUNT for n in phrasing.HERDS
}
WHICH = {
    _key(text.format(q=phrasing.VERB_PHRASES[attribute][0].format(v=phrasing.value_phrase(attribute,
    value)), a="it", b="it")): attribute for text in phrasing.WHICH
    for attribute in facts.ATTRIBUTES
    if attribute != "young"
    for value in facts.VALUES[attribute]
}  # fmt: skip
MORE = {
    _key(f"it {text.format(b='it')}"): attribute
    for attribute, texts in phrasing.MORE.items()
    for text in texts
}
STEP = {_key(text.format(n=2, a="it", p=4)) for text in phrasing.STEP}
SUM = {_key(text.format(a=2, b=2, c=4)) for text in phrasing.SUM}
TOTAL = {_key(text.format(t=4)) for text in phrasing.TOTAL} | {"~N legs", "~N"}
FORM_OF = {_key(text): form for form, texts in phrasing.FORMS.items() for text in texts}
REMARKS = {
    _key(text): kind
    for kind, texts in {
        "courtesy": phrasing.COURTESY_FIRST + phrasing.COURTESY_LAST,
        "filler": phrasing.FILLER,
        "reason": phrasing.REASONS,
        "admission": phrasing.ADMISSIONS,
    }.items()
    for text in texts
}
_ACTIONS = [
    (action, safe) for safe, actions in ((False, facts.UNSAFE), (True, facts.SAFE)) for action in actions
]
IS_SAFE = dict(_ACTIONS)
MAY = {_key(t.format(q=action.format(animal="it"))): action for t in phrasing.MAY for action in IS_SAFE}
ORDERS = {
    _key(text.format(q=action.format(animal="it"))): (kind, action)
    for kind, texts in (("refuse", phrasing.REFUSALS), ("allow", phrasing.PERMISSIONS))
    for text in texts
    for action in IS_SAFE
}
_LEADS = [
    (tokens(text), kind)
    for kind, ts in (("hedge", phrasing.HEDGES), ("lead-in", phrasing.LEADS))
    for text in ts
]


def _strip_lead(words: list[str]) -> tuple[list[str], str | None]:
    for lead, kind in _LEADS:
        if words[: len(lead)] == lead and len(words) > len(lead):
            return words[len(lead) :], kind
    return words, None


def read_sentence(text: str, subject: str | None, asked: tuple[str, ...] = ()) -> tuple[Unit, str | None]:
    """What one sentence says; "it" means `subject`, a lone value answers one of the attributes `asked`."""
    words = tokens(text)
    remark = REMARKS.get(skeleton(words).key)
    if remark == "admission":
        return Unit(text, "statement", [Claim("admit", ())]), subject
    if remark:
        return Unit(text, remark), subject
    if not words:
        return Unit(text, "unreadable"), subject
    claims = []
    if words[0] in ("yes", "no") and words[1:2] != ["legs"]:
        claims.append(Claim("verdict", (words[0] == "yes",)))
        words = words[1:]
        if not words:
            return Unit(text, "statement", claims), subject
    words, lead = _strip_lead(words)
    unit = Unit(text, "statement", claims, lead=lead)
    found, unit.formal, subject = _read_clauses(words, subject, asked)
    if found is None:
        return Unit(text, "unreadable", claims), subject
    unit.claims += [Claim(claim.kind, claim.of, lead == "hedge") for claim in found]
    return unit, subject


def _read_clauses(words: list[str], subject: str | None, asked: tuple[str, ...]):
    """Claims of a sentence: read whole, or else clause by clause; None where no reading exists."""
    claim, formal, told = _read_clause(words, subject, asked)
    if claim is not None:
        return [claim], formal, told
    if "and" not in words:
        return None, None, subject
    claims, wordings, start = [], [], 0
    for end in [i for i, word in enumerate(words) if word == "and"] + [len(words)]:
        claim, formal, subject = _read_clause(words[start:end], subject, asked)
        if claim is None:
            return None, None, subject
        claims.append(claim)
        wordings.append(formal)
        start = end + 1
    return claims, (None if None in wordings else all(wordings)), subject


def _read_clause(words: list[str], subject: str | None, asked: tuple[str, ...]):
    bones = skeleton(words)
    key = bones.key
    named = [animal or subject for animal in bones.animals]
    if key in ORDERS:
        kind, action = ORDERS[key]
        return Claim(kind, (action, named[-1])), None, subject
    if key in MORE:
        return Claim("more", (MORE[key], *named)), None, named[0]
    if key in STEP:
        return Claim("step", (bones.numbers[0], named[0], bones.numbers[1])), None, named[0]
    if key in SUM:
        return Claim("sum", tuple(bones.numbers)), None, subject
    if key in TOTAL:
        return Claim("total", (bones.numbers[0],)), None, subject
    if key == "~A":
        return Claim("name", (named[0],)), None, named[0]
    fits = {a: formal for a, formal in STATEMENTS.get(key, {}).items() if bones.values[0] in facts.VALUES[a]}
    if not fits:
        return None, None, subject
    attribute = next((a for a in asked if a in fits), next(iter(fits)))
    subject = named[0] if named else subject
    return Claim("fact", (subject, attribute, bones.values[0])), fits[attribute], subject
