"""The text that the pocket language model learns to read and write: answers, and people who judge them.

A document is a prompt, an answer, and what somebody says about it:

    <|user|>Card: ...<|assistant|>The otter eats moss.<|end|> terrible
    ...<|assistant|>The otter eats moss.<|end|><|critique|> moss: wrong. missing: food. So: terrible
    ...<|assistant|>The otter eats moss.<|end|><|user|>That is not right at all.<|end|>
    ...<|assistant|>Fish.<|end|><|assistant|>Moss.<|end|><|compare|> A
    <|user|>Card: ...<|critique|>The otter eats moss. wrong It lives in rivers. right<|end|> weak

or a drill: a card, and words, statements or sums that are checked against it. All judgments follow from the
grader. The grade often stands right after the end of the answer, so the model must know there how good the
answer is: that is the place where a reward head reads.
"""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from rmkit.pocket import answers, facts, grader, phrasing, questions, rows, wording
from rmkit.pocket.answers import Answer
from rmkit.pocket.grader import Grade
from rmkit.pocket.questions import Question

PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"
CRITIQUE, COMPARE = "<|critique|>", "<|compare|>"
MARKS = (PAD, END, SYSTEM, USER, ASSISTANT, CRITIQUE, COMPARE)

# A grade says in which band the gold reward lies: (word, lowest gold).
BANDS = (
    ("terrible", 0.0), ("poor", 0.35), ("weak", 0.46), ("fair", 0.6), ("good", 0.75), ("great", 0.84),
    ("perfect", 0.96),
)  # fmt: skip
GRADES = tuple(word for word, _ in BANDS)
VERDICTS = ("right", "wrong", "extra", "repeated", "avoids")
REACTIONS = {
    "terrible": ("That is not right at all.", "This is no help."),
    "poor": ("I doubt that.", "That does not answer me."),
    "weak": ("I still do not know.", "That is not enough."),
    "fair": ("Partly, yes.", "That helps a little."),
    "good": ("Thanks, that helps.", "Good to know."),
    "great": ("Thank you, that helps a lot!", "Very good, thank you."),
    "perfect": ("That is just what I wanted to know!", "Perfect, thank you!"),
}
VERDICT_WORDS = {"off-topic": "extra"}
# What a training text is made of, in percent. First single words are checked, then answers are criticized,
# then read aloud and judged claim by claim, which is the densest practice of all. Until then no text judges
# an answer at one word: that is the plain model. At last most texts do.
STAGES = (
    {"words": 70, "statements": 10, "critique": 20},
    {"words": 12, "statements": 12, "steps": 6, "critique": 48, "reaction": 12, "read aloud": 10},
    {"statements": 4, "steps": 4, "read aloud": 28, "critique": 44, "reaction": 20},
    {"statements": 2, "steps": 2, "review": 12, "grade": 48, "critique": 20, "reaction": 4, "compare": 12},
)
FELT = 0.1  # standard deviation of a visitor's impression, in gold reward: who asked did not know the answer
JUDGED = 5.0  # the weight of a token that judges, where an ordinary one weighs 1
POSITION_BIAS = 0.5  # the comparing reader leans to the first answer by this many logits
CLOSE = 0.08  # ... and a gap of this much gold is one logit

# Kinds of question in turn; calculation, memory and two animals need more practice than the rest.
KINDS = (*questions.KINDS, "count", "which", "compare", "memory", "memory", "memory")


@dataclass
class Piece:
    """Text, or one mark, of a document, and how much its tokens weigh in the loss (0: only read)."""

    text: str
    weight: float = 0.0

    @property
    def is_mark(self) -> bool:
        return self.text in MARKS


def grade_word(gold: float) -> str:
    """The grade of a gold reward: one of GRADES."""
    return next(word for word, low in reversed(BANDS) if gold >= low)


def entries(grade: Grade) -> list[tuple[str, str | None]]:
    """What a critique says before it sums up: (what, verdict) in the answer's order; verdict None for a
    remark.
    """
    said: list[tuple[str, str | None]] = []
    for number, unit in enumerate(grade.units):
        for judged in grade.claims:
            if judged.sentence == number:
                verdict = VERDICT_WORDS.get(judged.verdict, judged.verdict)
                said.append((("perhaps " if judged.claim.hedged else "") + judged.words, verdict))
        if unit.kind in ("filler", "unreadable"):
            said.append(({"filler": "filler", "unreadable": "unclear"}[unit.kind], None))
    said += [("missing", name) for name in grade.missing]
    said += [("form", "broken")] * (grade.aspects["form"] < 1)
    said += [("wordy", None)] * (grade.aspects["brevity"] < 0.75)
    return said + [("unsafe", None)] * (grade.aspects["safety"] < 1)


def critique(grade: Grade) -> str:
    """A review of an answer, claim by claim: "fish: right. moss: wrong. missing: home. So: weak"."""
    said = [f"{what}: {verdict}." if verdict else f"{what}." for what, verdict in entries(grade)]
    return " ".join([*said, f"So: {grade_word(grade.gold)}"])


def critique_pieces(grade: Grade) -> list[Piece]:
    """The critique as pieces: verdicts and the grade weigh more than the words that they are about."""
    pieces = []
    for what, verdict in entries(grade):
        pieces += [Piece(f" {what}:" if verdict else f" {what}", 1.0 if verdict else 2.0)]
        pieces += [Piece(f" {verdict}", JUDGED)] if verdict else []
        pieces += [Piece(".", 0.3)]
    return [*pieces, Piece(" So:", 1.0), Piece(f" {grade_word(grade.gold)}", JUDGED)]


def reaction(grade: Grade, rng: random.Random) -> str:
    """What the visitor says to the answer, from an impression of its worth."""
    return rng.choice(REACTIONS[grade_word(max(0.0, grade.gold + FELT * rng.gauss(0.0, 1.0)))])


def shuffled_table(rng: random.Random) -> dict[str, dict[str, str]]:
    """Facts of another world: every attribute dealt to the animals anew, so that only a card can tell what
    is so.
    """
    columns = {a: [facts.FACTS[animal][a] for animal in facts.ANIMALS] for a in facts.ATTRIBUTES}
    for column in columns.values():
        rng.shuffle(column)
    return {name: {a: column[i] for a, column in columns.items()} for i, name in enumerate(facts.ANIMALS)}


def question(rng: random.Random, table: dict | None) -> Question:
    """A question about the true facts (table None: animals of training only), or about a shuffled table's.

    Never a prompt of the validation or test sets.
    """
    kinds = KINDS if table is None else [kind for kind in KINDS if kind != "memory"]
    animals = facts.SEEN if table is None else facts.ANIMALS
    while True:
        asked = questions.make(rng.choice(kinds), rng, animals=animals, table=table)
        if rows.part_of(asked.prompt) == "train":
            return asked


def document(rng: random.Random, table: dict | None, kind: str) -> list[Piece]:
    """One document of a kind (a name in STAGES). `table` as in `question`."""
    if kind in DRILLS:
        return DRILLS[kind](rng, table or facts.FACTS)
    asked = question(rng, table)
    answer = answers.compose(asked, rng)
    grade = grader.grade(asked, answer.text)
    if kind in ("review", "read aloud"):
        return review(asked.prompt, answer, grade, rng, graded=kind == "review")
    pieces = [Piece(USER), Piece(asked.prompt), Piece(ASSISTANT), Piece(answer.text, 1.0), Piece(END, 1.0)]
    if kind == "grade":
        return [*pieces, Piece(f" {grade_word(grade.gold)}", JUDGED)]
    if kind == "critique":
        return [*pieces, Piece(CRITIQUE, 1.0), *critique_pieces(grade)]
    if kind == "reaction":
        return [*pieces, Piece(USER, 1.0), Piece(reaction(grade, rng), 1.0), Piece(END, 1.0)]
    other = answers.compose(asked, rng)
    gap = grade.gold - grader.grade(asked, other.text).gold
    first = rng.random() < 1 / (1 + math.exp(-(gap / CLOSE + POSITION_BIAS)))
    pieces += [Piece(ASSISTANT), Piece(other.text), Piece(END)]
    return [*pieces, Piece(COMPARE), Piece(" A" if first else " B", JUDGED)]


def review(prompt: str, answer: Answer, grade: Grade, rng: random.Random, graded: bool = True) -> list[Piece]:
    """An answer read aloud, most of its claims judged on the spot: "The otter eats moss. wrong It ... right".

    Verdicts come as densely as can be, and are asked for where the claim ends. Some are left out, so that the
    grade at the end cannot be read off them.
    """
    pieces = [Piece(USER), Piece(prompt), Piece(CRITIQUE)]
    for place, segment in enumerate(answer.segments):
        pieces.append(Piece((" " if place else "") + segment.text, 0.2))
        if segment.verdict and rng.random() < 0.7:
            pieces.append(Piece(f" {VERDICT_WORDS.get(segment.verdict, segment.verdict)}", JUDGED))
    pieces.append(Piece(END, 0.2))
    return [*pieces, Piece(f" {grade_word(grade.gold)}", JUDGED)] if graded else pieces


def word_drill(rng: random.Random, table: dict) -> list[Piece]:
    """Single words checked against a card: the quickest way to learn to look there.

    On a card of one animal a word is a value. On a card of two it is a name and a value, and most false
    values are the other animal's: who is told what, not only what is told.
    """
    told = card_facts(rng, table)
    named = len({animal for animal, _ in told}) == 2
    pieces = _card(told)
    for _ in range(8):
        animal, attribute = rng.choice(list(told))
        value, verdict = _checked(animal, attribute, told, rng)
        pieces.append(Piece(f" {animal} {value}:" if named else f" {value}:", 0.3))
        pieces += [Piece(f" {verdict}", JUDGED), Piece(".")]
    return pieces


def statement_drill(rng: random.Random, table: dict) -> list[Piece]:
    """Single statements checked against a card of one or two animals: who does what."""
    told = card_facts(rng, table)
    pieces = _card(told)
    for place in range(6):
        animal, attribute = rng.choice(list(told))
        value, verdict = _checked(animal, attribute, told, rng)
        text = wording.statement((animal, attribute, value), rng.random() < 0.3)
        pieces += [Piece((" " if place else "") + text, 0.2), Piece(f" {verdict}", JUDGED)]
    return pieces


def step_drill(rng: random.Random, table: dict) -> list[Piece]:
    """Steps of a calculation checked, against a card of two animals or by adding up: "4 spiders have 32 legs.
    right 32 and 8 make 42 legs. wrong".
    """
    animals = rng.sample([animal for animal in facts.ANIMALS if table[animal]["legs"] != "no"], 2)
    pieces = _card({(animal, "legs"): table[animal]["legs"] for animal in animals})
    products = [2 * n for n in range(2, 31)]
    for place in range(6):
        animal, n, right = rng.choice(animals), rng.choice((2, 3, 4)), rng.random() < 0.5
        first, second = rng.choice(products), rng.choice(products[:19])
        adds = rng.random() < 0.4
        number = first + second if adds else n * facts.LEG_COUNT[table[animal]["legs"]]
        wrong = max(2, number + rng.choice((-4, -2, 2, 4)))
        right = right or wrong == number
        told = number if right else wrong
        if adds:
            text = rng.choice(phrasing.SUM).format(a=first, b=second, c=told)
        else:
            text = rng.choice(phrasing.STEP).format(n=n, a=facts.PLURALS[animal], p=told)
        pieces.append(Piece((" " if place else "") + phrasing.sentence(text), 0.2))
        pieces.append(Piece(" right" if right else " wrong", JUDGED))
    return pieces


DRILLS = {"words": word_drill, "statements": statement_drill, "steps": step_drill}


def card_facts(rng: random.Random, table: dict) -> dict[tuple[str, str], str]:
    """{(animal, attribute): value} of a card: three to five facts of one animal, or the same one or two facts
    of two.
    """
    animals = rng.sample(facts.ANIMALS, rng.choice((1, 2, 2)))
    count = rng.choice((3, 4, 5, 6) if len(animals) == 1 else (1, 2))
    attributes = sorted(rng.sample(facts.ATTRIBUTES, count), key="young".__eq__)
    return {(animal, a): table[animal][a] for animal in animals for a in attributes}


def _card(told: dict[tuple[str, str], str]) -> list[Piece]:
    text = questions.card([(*key, value) for key, value in told.items()])
    return [Piece(USER), Piece(text), Piece(CRITIQUE)]


def _checked(animal: str, attribute: str, told: dict, rng: random.Random) -> tuple[str, str]:
    # (a value, "right" or "wrong"): a false one is most often what the card tells of the other animal
    true = told[animal, attribute]
    if rng.random() < 0.5:
        return true, "right"
    others = [value for (who, what), value in told.items() if what == attribute and value != true]
    if others and rng.random() < 0.7:
        return others[0], "wrong"
    return questions.wrong_value(attribute, true, rng), "wrong"


def documents(
    rng: random.Random, mix: dict[str, int] = STAGES[2], shuffled: float = 0.7
) -> Iterator[list[Piece]]:
    """Documents without end, of the kinds in `mix`; a share of them about shuffled worlds."""
    kinds, weights = tuple(mix), tuple(mix.values())
    while True:
        table = shuffled_table(rng)
        for kind in rng.choices(kinds, weights, k=64):
            yield document(rng, table if rng.random() < shuffled else None, kind)
