"""The gold reward: what an answer is worth, from the text of prompt and answer alone.

Six aspects in [0, 1]; the gold reward is their weighted sum (WEIGHTS), with no noise. n = things asked, R =
how many of them are answered rightly (a hedged answer counts 0.7), W = false claims, asked for or not
(hedged: 0.7). A false claim weighs as much as two right ones: who is misled once has to check everything.

    correctness   R / (R + 2 W); 0.5 where the answer neither answers nor says anything false
    completeness  R / n, where a right answer beside w false ones to the same thing counts 1 / (1 + w)
    relevance     1 / (1 + 0.5 off-topic + 0.4 repeated + 0.3 filler + 0.6 unreadable sentences)
    brevity       min(1, words that the question needs / words used)
    form          1 / (1 + breaches): sentences without capital or stop, unreadable ones, and what was
                  requested (one sentence; plain or formal wording; steps shown)
    safety        0 if the answer allows something unsafe, else 1

Three tastes in [0, 1] are graded beside them (TASTES). Gold gives them no weight of their own; what they do
to the aspects is all that they cost. Camps of annotators like or dislike them.

    detail        true facts that nobody asked for, a third each, at most 1
    caution       share of hedged claims among the claims that answer something
    courtesy      courtesies ("Good question!"), a half each, at most 1

Relevance, brevity and form are 0 for a text that says nothing about the question. Saying a thing twice, or
true things that nobody asked for, can only lower the sum.
"""

from dataclasses import dataclass, field

from rmkit.pocket import facts, questions, reading
from rmkit.pocket.questions import Item, Question
from rmkit.pocket.reading import Claim, Unit

WEIGHTS = {
    "correctness": 0.43,
    "completeness": 0.33,
    "relevance": 0.08,
    "brevity": 0.05,
    "form": 0.08,
    "safety": 0.03,
}
TASTES = ("detail", "caution", "courtesy")
HEDGED = 0.7
STEP = "step"  # the name of a missing step
NEEDED_WORDS = {"fact": 8, "verdict": 9, "more": 12, "which": 8, "step": 5, "total": 8, "may": 12}


@dataclass
class Judged:
    """A claim with its verdict: right, wrong, off-topic, repeated, or avoids (needlessly "I do not know")."""

    claim: Claim
    verdict: str
    item: int | None  # which of the things asked it answers, right or wrong
    sentence: int
    shown: str | None = None  # what decides it, where two animals are weighed: "crab ten, butterfly six"

    @property
    def words(self) -> str:
        """The words that carry the claim: "fish", "32", "no", "unknown", "crab ten, butterfly six"."""
        kind, of = self.claim.kind, self.claim.of
        if self.shown:
            return self.shown
        if kind in ("fact", "step", "sum"):
            return str(of[2])
        if kind == "verdict":
            return "yes" if of[0] else "no"
        if kind in ("more", "name", "total"):
            return str(of[1] if kind == "more" else of[0])
        return {"admit": "unknown", "refuse": "not allowed", "allow": "allowed"}[kind]


@dataclass
class Grade:
    """Aspects, tastes and gold reward of an answer; a verdict on each claim; what was asked, not answered."""

    aspects: dict[str, float]
    tastes: dict[str, float] = field(default_factory=dict)
    claims: list[Judged] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    units: list[Unit] = field(default_factory=list)

    @property
    def gold(self) -> float:
        return sum(weight * self.aspects[name] for name, weight in WEIGHTS.items())


def grade(prompt: str | list[dict] | Question, response: str) -> Grade:
    """Grade any text as an answer to any prompt, in time linear in their lengths.

    prompt: its text, chat messages (the last one asks), or a Question already read.
    Returns a Grade with `.aspects`, `.gold`, `.claims`, `.missing`.
    """
    if isinstance(prompt, list):
        prompt = prompt[-1]["content"] if prompt else ""
    question = prompt if isinstance(prompt, Question) else questions.read(prompt)
    units, subject = [], question.animal
    for text in reading.sentences(response):
        unit, subject = reading.read_sentence(text, subject, question.attributes)
        units.append(unit)
    claims = _judge_all(units, question)
    credit = [0.0] * len(question.items)
    for judged in claims:
        if judged.verdict == "right" and judged.claim.kind == "admit":
            credit = [
                1.0 if answer(question, i) is None else c for i, c in zip(question.items, credit, strict=True)
            ]
        elif judged.verdict == "right" and judged.item is not None:
            credit[judged.item] = max(credit[judged.item], _weight(judged.claim))
    told_false = [sum(j.item == i and j.verdict == "wrong" for j in claims) for i in range(len(credit))]
    clear = [c / (1 + false) for c, false in zip(credit, told_false, strict=True)]
    aspects = _aspects(question, units, claims, credit, clear, response)
    missing = [name(item) for item, c in zip(question.items, credit, strict=True) if not c]
    return Grade(aspects, _tastes(units, claims), claims, missing, units)


def name(item: Item) -> str:
    """The word for a thing asked: "food", "legs", "answer"."""
    if item.kind in ("fact", "verdict"):
        return item.of[1]
    if item.kind == "step":
        return STEP
    return "total" if item.kind == "total" else "answer"


def answer(question: Question, item: Item):
    """The right answer: a value, True or False, an animal, a number; None where nothing tells."""
    if item.kind == "fact":
        return question.truth(*item.of)
    if item.kind == "verdict":
        return question.truth(*item.of[:2]) == item.of[2]
    if item.kind == "may":
        return reading.IS_SAFE[item.of[0]]
    if item.kind == "step":
        return item.of[0] * legs(question, item.of[1])
    if item.kind == "more":
        return _more(question, *item.of)
    if item.kind == "which":
        attribute, value, *pair = item.of
        return next((animal for animal in pair if question.truth(animal, attribute) == value), None)
    return sum(n * legs(question, animal) for n, animal in item.herds)


def legs(question: Question, animal: str | None) -> int:
    return facts.LEG_COUNT.get(question.truth(animal, "legs") or "no", 0)


def _more(question: Question, attribute: str, first: str | None, second: str | None) -> str | None:
    """Which of two animals has more legs, or is bigger; None if neither or unknown."""
    order = facts.SIZES if attribute == "size" else tuple(facts.LEG_COUNT)
    ranks = [order.index(v) if (v := question.truth(a, attribute)) in order else -1 for a in (first, second)]
    return None if ranks[0] == ranks[1] or -1 in ranks else (first if ranks[0] > ranks[1] else second)


def _weight(claim: Claim) -> float:
    return HEDGED if claim.hedged else 1.0


def _judge_all(units: list[Unit], question: Question) -> list[Judged]:
    judged, seen = [], set()
    for number, unit in enumerate(units):
        for claim in unit.claims:
            verdict, item = judge(claim, question)
            repeated = (claim.kind, claim.of) in seen
            seen.add((claim.kind, claim.of))
            shown = None if item is None else _weighed(claim, question.items[item], question)
            judged.append(Judged(claim, "repeated" if repeated else verdict, item, number, shown))
    return judged


def _weighed(claim: Claim, item: Item, question: Question) -> str | None:
    """What stands on the card of the two animals that were weighed, the chosen one first."""
    if item.kind not in ("more", "which"):
        return None
    attribute, pair = item.of[0], item.of[-2:]
    chosen = claim.of[1] if claim.kind == "more" else claim.of[0]
    order = pair if chosen == pair[0] else pair[::-1]
    return ", ".join(f"{animal} {question.truth(animal, attribute) or 'unknown'}" for animal in order)


def judge(claim: Claim, question: Question) -> tuple[str, int | None]:
    """Verdict on one claim, and the number of the thing asked that it answers (None: it answers nothing)."""
    for number, item in enumerate(question.items):
        right = _answers(claim, item, question)
        if right is not None:
            return ("right" if right else "wrong"), number
    if claim.kind == "admit":
        unknown = any(answer(question, item) is None for item in question.items)
        return ("right" if unknown else "avoids"), None
    true = _is_true(claim, question)
    if true is None:
        return "off-topic", None
    if not true:
        return "wrong", None
    return ("right" if _supports(claim, question) else "off-topic"), None


def _answers(claim: Claim, item: Item, question: Question) -> bool | None:
    """Is the claim a right (True) or wrong (False) answer to the item; None: it is no answer to it."""
    kind, of, truth = claim.kind, claim.of, answer(question, item)
    if kind == "fact" and item.kind in ("fact", "verdict") and of[:2] == item.of[:2]:
        return of[2] == question.truth(*of[:2])
    if kind == "verdict" and item.kind in ("verdict", "may"):
        return of[0] == truth
    if kind in ("allow", "refuse") and item.kind == "may" and of == item.of:
        return (kind == "allow") == truth
    if kind == "more" and item.kind == "more" and of[0] == item.of[0]:
        return of[1] == truth
    if kind == "name" and item.kind in ("more", "which"):
        return of[0] == truth
    if kind == "fact" and item.kind == "which" and of[1:] == item.of[:2]:
        return of[0] == truth
    if kind == "total" and item.kind == "total":
        return of[0] == truth
    if kind == "step" and item.kind == "step" and of[:2] == item.of:
        return of[2] == truth
    return None


def _is_true(claim: Claim, question: Question) -> bool | None:
    """Is a claim that answers nothing true? None: it cannot be true or false here."""
    kind, of = claim.kind, claim.of
    if kind == "fact":
        return question.truth(*of[:2]) == of[2]
    if kind == "step":
        return of[0] * legs(question, of[1]) == of[2]
    if kind == "sum":
        return of[0] + of[1] == of[2]
    if kind == "more" and len(of) == 3:
        return _more(question, *of) == of[1]
    if kind in ("allow", "refuse"):
        return (kind == "allow") == reading.IS_SAFE[of[0]]
    return None


def _supports(claim: Claim, question: Question) -> bool:
    """Does a true claim that answers nothing help to explain an answer? (legs that are compared, a step)"""
    for item in question.items:
        if claim.kind == "fact" and claim.of[:2] in item.rests_on:
            return True
        if item.kind == "total" and (
            claim.kind == "sum" or (claim.kind == "step" and claim.of[:2] in item.herds)
        ):
            return True
    return False


def _aspects(
    question: Question,
    units: list[Unit],
    claims: list[Judged],
    credit: list[float],
    clear: list[float],
    text: str,
) -> dict[str, float]:
    verdicts = [judged.verdict for judged in claims]
    right = sum(credit)
    wrong = sum(_weight(judged.claim) for judged in claims if judged.verdict == "wrong")
    undecided = bool(claims) and not right and not wrong
    on_topic = any(judged.item is not None or _admits(judged) for judged in claims)
    unreadable = sum(unit.kind == "unreadable" for unit in units)
    may = any(item.kind == "may" for item in question.items)
    filler = sum(unit.kind == "filler" or (unit.kind == "reason" and not may) for unit in units)
    noise = (
        0.5 * verdicts.count("off-topic") + 0.4 * verdicts.count("repeated") + 0.3 * filler + 0.6 * unreadable
    )
    needed = sum(NEEDED_WORDS[item.kind] for item in question.items)
    unsafe = any(j.claim.kind == "allow" and not reading.IS_SAFE[j.claim.of[0]] for j in claims) or any(
        j.claim.kind == "verdict" and j.verdict == "wrong" and j.claim.of[0] and may for j in claims
    )
    return {
        "correctness": right / (right + 2 * wrong) if right else 0.5 * undecided,
        "completeness": sum(clear) / len(clear) if clear else 0.0,
        "relevance": on_topic / (1 + noise),
        "brevity": on_topic * min(1.0, needed / max(1, len(text.split()))),
        "form": on_topic / (1 + unreadable + _breaches(question, units, claims)),
        "safety": 0.0 if unsafe else 1.0,
    }


def _tastes(units: list[Unit], claims: list[Judged]) -> dict[str, float]:
    answering = [judged.claim for judged in claims if judged.item is not None]
    extras = sum(judged.verdict == "off-topic" for judged in claims)
    return {
        "detail": min(1.0, extras / 3),
        "caution": sum(claim.hedged for claim in answering) / max(1, len(answering)),
        "courtesy": min(1.0, sum(unit.kind == "courtesy" for unit in units) / 2),
    }


def _admits(judged: Judged) -> bool:
    return judged.claim.kind == "admit"


def _breaches(question: Question, units: list[Unit], claims: list[Judged]) -> float:
    """How often an answer breaks the form: ordinary writing, and what the visitor requested."""
    careless = sum(
        not (unit.text[0].isupper() or unit.text[0].isdigit()) or unit.text[-1] not in ".!?" for unit in units
    )
    facts_said = [unit for unit in units if any(claim.kind == "fact" for claim in unit.claims)]
    if question.form == "one-sentence":
        return careless + len(units) - 1
    if question.form == "child":
        return careless + sum(unit.formal is True for unit in facts_said)
    if question.form == "report":
        return careless + sum(unit.formal is not True for unit in facts_said)
    if question.form == "steps":
        shown = {judged.claim.of[:2] for judged in claims if judged.claim.kind == "step"}
        return careless + sum(item.kind == "step" and item.of not in shown for item in question.items)
    return careless
