"""Wording: claims become the sentences of an answer, piece by labelled piece.

Plain or formal, short or full, joined by "and" or not, with courtesies, hedges and filler as the style has
it.
"""

import random
from dataclasses import dataclass

from rmkit.pocket import facts, grader, phrasing
from rmkit.pocket.phrasing import sentence, value_phrase
from rmkit.pocket.questions import Question
from rmkit.pocket.reading import Claim

SEGMENTS = (
    "true fact", "false fact", "off-topic fact", "repetition", "filler", "courtesy", "hedge", "lead-in",
    "admission", "refusal", "permission", "reason", "choice", "calculation step",
)  # fmt: skip


# An answer's manners are drawn from these, apart from its content: camps differ in what they like.
COURTESY = (0.0, 0.0, 0.4, 0.9)
HEDGING = (0.0, 0.0, 0.2, 0.7)
DETAIL = (0.0, 0.1, 0.3, 0.7)


@dataclass
class Segment:
    """A piece of an answer: `kind` is one of SEGMENTS, `verdict` a grader's on its claim (None: no claim)."""

    kind: str
    text: str
    claim: Claim | None = None
    verdict: str | None = None


@dataclass
class Style:
    """How an answer is worded; `draw` picks one. None of it depends on what is right or wrong.

    chatter, courtesy, hedging, detail   chances of a filler, of a courtesy (before; after), of a hedge before
        a sentence, and of each of three facts that nobody asked for
    """

    formal: bool = False
    short: bool = False
    join: bool = False
    name_first: bool = True
    notes: bool = False
    chatter: float = 0.5
    show: bool = True  # steps and supporting facts
    courtesy: float = 0.0
    hedging: float = 0.0
    detail: float = 0.0

    @classmethod
    def draw(cls, question: Question, rng: random.Random) -> "Style":
        obeys = rng.random() < 0.65
        formal = (
            (question.form == "report") == obeys
            if question.form in ("child", "report")
            else rng.random() < 0.3
        )
        join = obeys if question.form == "one-sentence" else rng.random() < 0.45
        short = rng.random() < 0.25 and question.form in (None, "child", "steps") and not formal
        return cls(
            formal,
            short,
            join,
            name_first=rng.random() < 0.75,
            chatter=0.35 * rng.random(),
            show=rng.random() < (0.85 if question.form == "steps" else 0.6),
            courtesy=rng.choice(COURTESY),
            hedging=rng.choice(HEDGING),
            detail=rng.choice(DETAIL),
        )


_KINDS = {
    "admit": "admission",
    "refuse": "refusal",
    "allow": "permission",
    "step": "calculation step",
    "sum": "calculation step",
}


def _label(claim: Claim, verdict: str) -> str:
    if verdict == "repeated":
        return "repetition"
    if claim.kind == "fact":
        return {"right": "true fact", "wrong": "false fact"}.get(verdict, "off-topic fact")
    return _KINDS.get(claim.kind, "choice")


def word(claims: list[Claim], question: Question, style: Style, rng: random.Random) -> list[Segment]:
    """The claims in words, in order, with what the style adds to them."""
    one = question.form == "one-sentence" and style.join
    segments: list[Segment] = []
    if rng.random() < style.courtesy and not one:
        segments.append(Segment("courtesy", rng.choice(phrasing.COURTESY_FIRST)))
    if style.join:  # "its young ..." last: what follows it would be about the young
        claims = sorted(claims, key=lambda c: c.kind == "fact" and c.of[1] == "young")
    seen: set[Claim] = set()
    subject, open_sentence, after_yes, hedged = None, False, False, False
    for place, claim in enumerate(claims):
        following = claims[place + 1] if place + 1 < len(claims) else None
        verdict = "repeated" if claim in seen else grader.judge(claim, question)[0]
        seen.add(claim)
        short = (
            style.short and not open_sentence and not after_yes and _may_be_short(claim, question, subject)
        )
        text, subject_now = _clause(claim, question, style, rng, subject, open_sentence or after_yes, short)
        opener = None
        hedged = hedged and open_sentence
        if not (
            open_sentence
            or after_yes
            or short
            or claim.kind in ("verdict", "name", "admit", "refuse", "allow")
        ):
            opener = _opener(rng, question, style, claim)
        if opener:
            segments.append(opener)
            hedged = opener.kind == "hedge"
        elif not (open_sentence or after_yes):
            text = text[0].upper() + text[1:]
        joins = style.join and not short and following not in seen and _joins(claim, following)
        claim = Claim(claim.kind, claim.of, hedged)
        after_yes = claim.kind == "verdict" and verdict != "repeated" and _explains(following, question)
        text = ("and " + text if open_sentence else text) + ("," if after_yes else "" if joins else ".")
        segments.append(Segment(_label(claim, verdict), text, claim, verdict))
        open_sentence, subject = joins, subject_now
    return _finish(segments, question, style, rng, one)


def _finish(
    segments: list[Segment], question: Question, style: Style, rng: random.Random, one: bool
) -> list[Segment]:
    may = any(item.kind == "may" for item in question.items)
    if may and rng.random() < 0.4:
        segments.append(Segment("reason", rng.choice(phrasing.REASONS)))
    if rng.random() < style.chatter and not one:
        ends = [i + 1 for i, s in enumerate(segments) if s.text[-1] in ".!?"]
        segments.insert(rng.choice(ends), Segment("filler", rng.choice(phrasing.FILLER)))
    if rng.random() < style.courtesy and not one:
        segments.append(Segment("courtesy", rng.choice(phrasing.COURTESY_LAST)))
    return segments


def _explains(claim: Claim | None, question: Question) -> bool:
    """Does the claim say more about what "yes" or "no" answered, so that a comma joins them?"""
    return claim is not None and any(
        claim.of[:2] == item.of[:2] for item in question.items if item.kind in ("verdict", "may")
    )


def _may_be_short(claim: Claim, question: Question, subject: str | None) -> bool:
    if claim.kind != "fact":
        return claim.kind in ("name", "total")
    if claim.of[0] != (question.animal if subject is None else subject):
        return False  # a lone value would be about the animal named last
    asked = [item.of for item in question.items if item.kind == "fact"]
    if any(of[1] != claim.of[1] and claim.of[2] in facts.VALUES[of[1]] for of in asked):
        return False  # "Fish." could be food or class
    return claim.of[:2] in asked


def _joins(claim: Claim, following: Claim | None) -> bool:
    return bool(following) and claim.kind == following.kind == "fact" and claim.of[1] != "young"


def _opener(rng: random.Random, question: Question, style: Style, claim: Claim) -> Segment | None:
    if style.notes:
        return None
    if rng.random() < style.hedging:
        return Segment("hedge", sentence(rng.choice(phrasing.HEDGES))[:-1])
    if rng.random() > 0.08:
        return None
    leads = phrasing.LEADS if question.card and claim.kind == "fact" else phrasing.LEADS[1:]
    return Segment("lead-in", sentence(rng.choice(leads)).removesuffix("."))


def _clause(
    claim: Claim,
    question: Question,
    style: Style,
    rng: random.Random,
    subject: str | None,
    inside: bool,
    short: bool,
):
    """The words of a claim without capital and stop, and the animal that "it" means after it."""
    kind, of = claim.kind, claim.of
    if kind == "fact":
        return _fact_clause(of, style, rng, subject, inside, short, question)
    if kind == "verdict":
        return ("yes" if of[0] else "no"), subject
    if kind == "name":
        return f"the {of[0]}", of[0]
    if kind == "more":
        words = phrasing.MORE[of[0]][len(of) - 2]
        return f"the {of[1]} " + words.format(b=f"the {of[-1]}"), of[1]
    if kind == "step":
        return rng.choice(phrasing.STEP).format(n=of[0], a=facts.PLURALS[of[1]], p=of[2]), None
    if kind == "sum":
        return rng.choice(phrasing.SUM).format(a=of[0], b=of[1], c=of[2]), None
    if kind == "total":
        return ("{t} legs" if short else rng.choice(phrasing.TOTAL)).format(t=of[0]), None
    if kind == "admit":
        text = rng.choice(phrasing.ADMISSIONS if question.card else phrasing.ADMISSIONS[::2])
        return text[:-1], subject
    templates = phrasing.REFUSALS if kind == "refuse" else phrasing.PERMISSIONS
    return rng.choice(templates).format(q=of[0].format(animal=of[1])), of[1]


def _fact_clause(
    of: tuple, style: Style, rng: random.Random, subject: str | None, inside: bool, short: bool, question
):
    animal, attribute, value = of
    phrase = value_phrase(attribute, value)
    one_animal = animal == question.animal and all(
        item.kind in ("fact", "verdict") for item in question.items
    )
    if style.notes and one_animal and not inside:
        return phrasing.NOTES[attribute].format(v=phrase), animal
    if short:
        return phrasing.SHORT[attribute].format(v=phrase), animal
    words = phrasing.VERB_PHRASES[attribute][style.formal]
    same = subject == animal or (subject is None and animal == question.animal and not style.name_first)
    if attribute == "young":
        text = words if same else phrasing.YOUNG[style.formal]
        return text.format(s=f"the {animal}", v=phrase), ""  # "it" would be the young
    if inside and subject == animal:
        return words.format(v=phrase), animal
    who = "it" if same else f"this {animal}" if attribute in facts.INDIVIDUAL else f"the {animal}"
    return f"{who} {words.format(v=phrase)}", animal


def statement(fact: tuple[str, str, str], formal: bool = False) -> str:
    """One (animal, attribute, value) as a sentence that names the animal."""
    style = Style(formal=formal)
    return sentence(_fact_clause(fact, style, random.Random(0), None, False, False, Question(""))[0])
