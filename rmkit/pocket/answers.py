"""Answers composed from labelled segments: the label says what each piece is, and the grader must find the
same.

An answer is planned (which things are said, which are false, what is added), worded (plain or formal, short
or full, joined or not) and returned with its segments. How much of it is right, how much of what was asked it
leaves out, how sure it sounds and how long it is are drawn separately: that is what makes half-good answers.
"""

import random
from dataclasses import dataclass, field

from rmkit.pocket import facts, grader, questions, wording
from rmkit.pocket.questions import Item, Question
from rmkit.pocket.reading import Claim
from rmkit.pocket.wording import SEGMENTS, Segment, Style

__all__ = ["SEGMENTS", "Answer", "Segment", "Style", "compose"]


@dataclass
class Answer:
    """The text is the segments' texts, a space between two."""

    segments: list[Segment] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments)


# How much of an answer's claims is right: each of these in turn. 1 is without a mistake of its own.
QUALITIES = (0.0, 0.05, 0.25, 0.5, 1.0)
# How likely each thing asked is left out: then something else is told more often, and fewer claims are false,
# as somebody says little who says only what is sure. So half-good answers are of two kinds.
MISSING = (0.0, 0.3, 0.5, 0.75, 0.9)
# Share of answers in which one of the things asked is answered, and rightly, whatever else happens.
KEPT = 0.57
AVOIDS = 0.2  # share of failures in which the answer says that it does not know
FALSE_DETAIL = (0.0, 0.4, 0.8)  # how likely a fact that nobody asked for is false


def compose(
    question: Question, rng: random.Random, quality: float | None = None, style: Style | str | None = None
) -> Answer:
    """An answer to the question. quality in [0, 1] sets how much of what it says is right (drawn if None).

    style: a Style, None (drawn), or "notes" for the keyword-first wording that no training text uses.
    """
    quality = rng.choice(QUALITIES) if quality is None else quality
    if not isinstance(style, Style):
        notes, style = style == "notes", Style.draw(question, rng)
        style.notes, style.join = notes, style.join and not notes
    missing = rng.choice(MISSING)
    wrong = 0.85 * (1 - quality) * (1 - missing)
    claims, left_out = _contents(question, rng, wrong, missing, style)
    claims = list(dict.fromkeys(claims)) or [Claim("admit", ())]
    _add_unasked(claims, question, rng, rng.choice(FALSE_DETAIL), style.detail, left_out)
    if rng.random() < 0.4 * style.chatter:
        claims.append(rng.choice([c for c in claims if c.kind != "verdict"] or claims))
    return Answer(wording.word(claims, question, style, rng))


def _contents(
    question: Question, rng: random.Random, wrong: float, missing: float, style: Style
) -> tuple[list[Claim], int]:
    """(what is said of the things asked, how many of them are left out)."""
    claims, left_out, kept = [], 0, rng.choice(question.items) if rng.random() < KEPT else None
    for item in question.items:
        if item.kind == "step":
            continue  # planned with the total
        if item.kind == "total":
            claims += _plan_count(item, question, rng, wrong, missing, style)
        elif item != kept and rng.random() < missing:
            left_out += 1
        else:
            fails = rng.random() < wrong and not (item == kept and len(question.items) > 1)
            claims += _plan(item, question, rng, fails, style)
    return claims, left_out


def _add_unasked(
    claims: list[Claim], question: Question, rng: random.Random, false: float, detail: float, left_out: int
) -> None:
    unasked = _unasked(question, claims)
    for place in range(3):
        chance = max(detail, 0.45) if place < left_out else detail
        if unasked and rng.random() < chance * (0.3 if question.form == "one-sentence" else 1.0):
            animal, attribute, value = unasked.pop(rng.randrange(len(unasked)))
            if rng.random() < false:
                value = questions.wrong_value(attribute, value, rng)
            places = [
                i for i in range(1, len(claims) + 1) if claims[i - 1].kind != "verdict" or i == len(claims)
            ]
            claims.insert(rng.choice(places), Claim("fact", (animal, attribute, value)))


def _unasked(question: Question, claims: list[Claim]) -> list[tuple[str, str, str]]:
    """True facts on the card (without one: of the animal) that answer nothing and are not yet said."""
    told = [(*key, value) for key, value in question.card.items()]
    if not told and question.animal:
        told = [(question.animal, a, v) for a, v in facts.FACTS[question.animal].items()]
    said = {claim.of for claim in claims}
    return [f for f in told if f not in said and grader.judge(Claim("fact", f), question)[0] == "off-topic"]


def _plan(item: Item, question: Question, rng: random.Random, fails: bool, style: Style) -> list[Claim]:
    """The claims that answer one item, falsely or not."""
    truth = grader.answer(question, item)
    if fails and truth is not None and item.kind != "may" and rng.random() < AVOIDS:
        return [Claim("admit", ())]
    if item.kind == "fact":
        if truth is None and not fails:
            return [Claim("admit", ())]
        value = questions.wrong_value(item.of[1], truth, rng) if fails else truth
        return [Claim("fact", (*item.of, value))]
    if item.kind == "verdict":
        said = truth != fails
        claims = [Claim("verdict", (said,))]
        if style.show or rng.random() < 0.5:
            right = question.truth(*item.of[:2])
            value = item.of[2] if said else right
            if value != right or (not said and fails):
                value = item.of[2] if said else questions.wrong_value(item.of[1], right, rng)
            claims.append(Claim("fact", (*item.of[:2], value)))
        return claims
    if item.kind == "may":
        allowed = truth != fails
        kind = "allow" if allowed else "refuse"
        return [Claim("verdict", (allowed,))] * (rng.random() < 0.6) + [Claim(kind, item.of)] * (
            not style.short
        )
    first, second = item.of[-2:]
    chosen = truth if not fails else (second if truth == first else first)
    if style.short:
        return [Claim("name", (chosen,))]
    if item.kind == "which":
        return [Claim("fact", (chosen, *item.of[:2]))]
    loser = second if chosen == first else first
    claims = [Claim("more", (item.of[0], chosen, loser) if style.formal else (item.of[0], chosen))]
    if style.show:
        animal = rng.choice((first, second))
        value = question.truth(animal, item.of[0])
        claims.append(
            Claim(
                "fact",
                (animal, item.of[0], questions.wrong_value(item.of[0], value, rng) if fails else value),
            )
        )
    return claims


def _plan_count(
    item: Item, question: Question, rng: random.Random, wrong: float, missing: float, style: Style
) -> list[Claim]:
    """Products, running sums and the total; a slip is carried on, or a right total follows wrong steps."""

    def slipped(number: int, chance: float) -> int:
        return max(2, number + rng.choice((-4, -2, 2, 4))) if rng.random() < chance else number

    claims = []
    right = [n * grader.legs(question, animal) for n, animal in item.herds]
    products = [slipped(number, 0.6 * wrong) for number in right]
    for (n, animal), number in zip(item.herds, products, strict=True):
        if style.show and rng.random() >= 0.6 * missing:
            claims.append(Claim("step", (n, animal, number)))
    so_far = sum(products[: max(1, len(products) - 3)])
    for number in products[max(1, len(products) - 3) : -1]:  # at most two running sums are told
        total = slipped(so_far + number, 0.3 * wrong)
        if style.show and rng.random() >= missing:
            claims.append(Claim("sum", (so_far, number, total)))
        so_far = total
    total = slipped(so_far + products[-1], 0.5 * wrong)
    if style.show and products != right and rng.random() < 0.65:
        total = sum(right)  # a right result by a wrong step
    return claims if claims and rng.random() < 0.4 * missing else [*claims, Claim("total", (total,))]
