"""Questions of visitors: the text of a prompt, and what a prompt asks (read back from its text alone).

A prompt is a card with a few facts and a question:

    Card: The otter eats fish. It lives in rivers. It has four legs.
    Visitor: What does the otter eat?

A few questions about well-known animals come without the card.
"""

import random
from dataclasses import dataclass, field

from rmkit.pocket import facts, phrasing, reading
from rmkit.pocket.phrasing import card, sentence, value_phrase

KINDS = (
    "one-fact", "two-facts", "three-facts", "many-facts", "memory", "check", "compare", "which", "count",
    "one-sentence", "child", "report", "unknown", "individual", "unsafe", "safe",
)  # fmt: skip

# How many facts are asked for, one of these numbers; and the kinds that most often ask for more besides.
COUNTS = {
    "one-fact": (1,), "two-facts": (2,), "three-facts": (3,), "many-facts": (4, 5), "one-sentence": (2, 3),
    "child": (2, 3), "report": (2, 3),
}  # fmt: skip
FOLLOWED = ("check", "compare", "which", "unknown", "individual", "unsafe", "safe")


@dataclass(frozen=True)
class Item:
    """One thing that the visitor asks for. `kind` and `of`:

    fact (animal, attribute) · verdict (animal, attribute, value) · more (attribute, a, b) ·
    which (attribute, value, a, b) · step (n, animal) · total (n, a, m, b, ...) · may (action, animal)
    """

    kind: str
    of: tuple

    @property
    def herds(self) -> list[tuple[int, str]]:
        """What a total counts: (how many, animal)."""
        return list(zip(self.of[::2], self.of[1::2], strict=True))

    @property
    def rests_on(self) -> list[tuple[str, str]]:
        """The (animal, attribute) pairs that decide the answer."""
        if self.kind in ("fact", "verdict"):
            return [self.of[:2]]
        if self.kind in ("step", "total"):
            return [(animal, "legs") for animal in self.of[1::2]]
        return [] if self.kind == "may" else [(animal, self.of[0]) for animal in self.of[-2:]]


@dataclass
class Question:
    """A prompt as read. `card` maps (animal, attribute) to a value; `form` is of phrasing.FORMS or None."""

    prompt: str
    card: dict[tuple[str, str], str] = field(default_factory=dict)
    items: list[Item] = field(default_factory=list)
    form: str | None = None
    animal: str | None = None
    kind: str = "other"

    def truth(self, animal: str | None, attribute: str) -> str | None:
        """What the card says, or else what is so in the world; None where neither tells."""
        return self.card.get((animal, attribute)) or facts.FACTS.get(animal, {}).get(attribute)

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that a lone value may answer ("Fish.")."""
        return tuple(
            {"fact": i.of[1], "verdict": i.of[1], "which": i.of[0]}.get(i.kind, "") for i in self.items
        )


def read(prompt: str) -> Question:
    """What a prompt says and asks; a text that is not of this world gives a question with no items."""
    question = Question(prompt)
    asked = []
    for line in prompt.splitlines():
        head, colon, rest = line.partition(":")
        if colon and head.strip() == "Card":
            _read_card(rest, question)
        else:
            asked += reading.sentences(rest if colon and head.strip() == "Visitor" else line)
    subjects = {animal for animal, _ in question.card}
    question.animal = subjects.pop() if len(subjects) == 1 else None
    for text in asked:
        words = reading.tokens(text)
        form = reading.FORM_OF.get(reading.skeleton(words).key)
        if form:
            question.form = form
        else:
            question.items += _read_question(text, question)
    if question.form == "steps":  # then every step is asked for
        steps = [Item("step", herd) for item in question.items if item.kind == "total" for herd in item.herds]
        question.items = list(dict.fromkeys(steps)) + question.items
    _name_kind(question)
    return question


def _read_card(text: str, question: Question) -> None:
    subject = None
    for part in reading.sentences(text):
        unit, subject = reading.read_sentence(part, subject)
        question.card |= {claim.of[:2]: claim.of[2] for claim in unit.claims if claim.kind == "fact"}


def _strip_frame(text: str) -> str:
    words = text.split()
    for frame in reading.FRAMES:
        for length in (len(frame), len(frame) + 1):
            if reading.tokens(" ".join(words[:length])) == frame:
                return " ".join(words[length:])
    return text


def _read_question(text: str, question: Question) -> list[Item]:
    bones = reading.skeleton(text)
    key, named = bones.key, [animal or question.animal for animal in bones.animals]
    if named:
        question.animal = named[0]
    if key in reading.COMPARE:
        return [Item("more", (reading.COMPARE[key], *named[-2:]))]
    if key in reading.WHICH:
        return [Item("which", (reading.WHICH[key], bones.values[0], *named[-2:]))]
    if key in reading.COUNT:
        herds = zip(bones.numbers, named, strict=True)
        return [Item("total", tuple(part for herd in herds for part in herd))]
    if key in reading.MAY:
        return [Item("may", (reading.MAY[key], named[-1]))]
    if key in reading.CHECKS and bones.values[0] in facts.VALUES[reading.CHECKS[key]]:
        return [Item("verdict", (named[0], reading.CHECKS[key], bones.values[0]))]
    rest = _strip_frame(text)
    if rest != text:
        unit, _ = reading.read_sentence(rest, question.animal) if reading.tokens(rest) else (None, None)
        if unit and unit.claims and unit.claims[0].kind == "fact":
            question.animal = unit.claims[0].of[0]
            return [Item("verdict", unit.claims[0].of)]
    return _read_clauses(rest, question)


def _read_clauses(text: str, question: Question) -> list[Item]:
    items, subject = [], question.animal
    for clause in reading.CLAUSE_BREAK.split(text):
        bones = reading.skeleton(clause)
        if bones.key not in reading.CLAUSES:
            return []
        subject = next((animal for animal in bones.animals if animal), subject)
        items.append(Item("fact", (subject, reading.CLAUSES[bones.key])))
    question.animal = subject
    return items


def _name_kind(question: Question) -> None:
    if not question.items:
        return
    first = question.items[0]
    kinds = {"verdict": "check", "more": "compare", "which": "which", "step": "count", "total": "count"}
    if first.kind == "may":
        question.kind = "safe" if reading.IS_SAFE[first.of[0]] else "unsafe"
    elif first.kind in kinds:
        question.kind = kinds[first.kind]
    elif question.form:
        question.kind = question.form
    elif any(item.of[1] in facts.INDIVIDUAL for item in question.items):
        known = all(question.truth(*item.of) for item in question.items)
        question.kind = "individual" if known else "unknown"
    elif not question.card:
        question.kind = "memory"
    else:
        question.kind = ("one-fact", "two-facts", "three-facts", "many-facts")[
            min(len(question.items), 4) - 1
        ]


# ---------------------------------------------------------------- writing


def _ask(animal: str, attributes: list[str], rng: random.Random) -> str:
    """A question for one to five facts, in one of several wordings."""
    direct = rng.random() < 0.5
    clauses = []
    for place, attribute in enumerate(attributes):
        name = f"this {animal}" if attribute in facts.INDIVIDUAL else f"the {animal}"
        subject = name if place == 0 else "it"
        if attribute == "young" and place:
            clauses.append(phrasing.YOUNG_OF_IT[0 if direct else 1])
        elif direct:
            wordings = phrasing.DIRECT[attribute]
            clauses.append((wordings[0] if place else rng.choice(wordings)).format(s=subject))
        else:
            clauses.append(phrasing.INDIRECT[attribute].format(s=subject))
    comma = ", and " if direct else " and "
    text = ", ".join(clauses[:-1]) + comma + clauses[-1] if len(clauses) > 1 else clauses[0]
    return sentence(text + "?") if direct else rng.choice(phrasing.FRAMES).format(q=text)


def make(
    kind: str, rng: random.Random, animals: tuple[str, ...] = facts.SEEN, table: dict | None = None
) -> Question:
    """A question of the kind about one or two of the animals. Deterministic in the state of `rng`.

    `table` {animal: {attribute: value}} stands in for the true facts: a card may then tell of another
    world, and the card is what counts.
    """
    table = table or facts.FACTS
    animal = rng.choice(animals)
    if kind == "memory":
        known = [a for a in facts.WELL_KNOWN if a in animals] or list(animals)
        return read("Visitor: " + _ask(rng.choice(known), _some(rng, rng.choice((1, 2))), rng))
    writer = {"compare": _compare, "which": _which, "count": _count, "check": _check}.get(kind)
    if writer:
        entries, text = writer(animals, table, rng)
    elif kind in ("unsafe", "safe"):
        action = rng.choice([a for a in getattr(facts, kind.upper()) if facts.makes_sense(a, animal)])
        text = rng.choice(phrasing.MAY).format(q=action.format(animal=animal))
        entries = [(animal, a, table[animal][a]) for a in rng.sample(facts.ATTRIBUTES, 3)]
    elif kind in ("unknown", "individual"):
        entries, text = _individual(kind, animal, table, rng)
    else:
        count = rng.choice(COUNTS[kind])
        told = _some(rng, count + 2)
        entries = [(animal, a, table[animal][a]) for a in told]
        text = _ask(animal, told[:count], rng)
    if kind in FOLLOWED and rng.random() < 0.75:
        text += " " + _follow_up(entries, text, rng)
    rng.shuffle(entries)
    order = list(dict.fromkeys(entry[0] for entry in entries))
    # one animal's facts stand together, its young last: "it" must not mean the young
    entries.sort(key=lambda entry: (order.index(entry[0]), entry[1] == "young"))
    form = kind if kind in phrasing.FORMS else ("steps" if kind == "count" and rng.random() < 0.7 else None)
    if form:
        text += " " + rng.choice(phrasing.FORMS[form])
    return read(f"{card(entries)}\nVisitor: {text}")


def _some(rng: random.Random, count: int) -> list[str]:
    return rng.sample(facts.ATTRIBUTES, count)


def _follow_up(entries: list[tuple[str, str, str]], text: str, rng: random.Random) -> str:
    """A second question, for one or two more facts of the card that the first one does not ask for."""
    asked = {place for item in read(f"Visitor: {text}").items for place in item.rests_on}
    spare = [entry for entry in entries if entry[:2] not in asked and entry[1] not in facts.INDIVIDUAL]
    animal = rng.choice(spare)[0]
    own = [attribute for who, attribute, _ in spare if who == animal]
    return _ask(animal, rng.sample(own, min(len(own), rng.choice((1, 2)))), rng)


def _individual(kind: str, animal: str, table: dict, rng: random.Random):
    asked = rng.choice(facts.INDIVIDUAL)
    entries = [(animal, a, table[animal][a]) for a in _some(rng, 3)]
    told = asked if kind == "individual" else next(a for a in facts.INDIVIDUAL if a != asked)
    if kind == "individual" or rng.random() < 0.7:
        entries[0] = (animal, told, rng.choice(facts.VALUES[told]))
    return entries, _ask(animal, [asked], rng)


def _check(animals: tuple[str, ...], table: dict, rng: random.Random):
    animal, attribute = rng.choice(animals), rng.choice(facts.ATTRIBUTES)
    truth = table[animal][attribute]
    value = truth if rng.random() < 0.5 else wrong_value(attribute, truth, rng)
    phrase = value_phrase(attribute, value)
    if rng.random() < 0.5:
        text = sentence(phrasing.CHECKS[attribute].format(s=f"the {animal}", v=phrase) + "?")
    else:
        words = phrasing.YOUNG[0] if attribute == "young" else "{s} " + phrasing.VERB_PHRASES[attribute][0]
        text = rng.choice(phrasing.CHECK_FRAMES).format(q=words.format(s=f"the {animal}", v=phrase))
    spare = [a for a in facts.ATTRIBUTES if a != attribute]
    return [(animal, a, table[animal][a]) for a in [attribute, *rng.sample(spare, rng.choice((2, 3)))]], text


def differing(animals: tuple[str, ...], table: dict, attribute: str, rng: random.Random) -> list[str]:
    """Two animals that differ in the attribute."""
    while True:
        pair = rng.sample(animals, 2)
        if table[pair[0]][attribute] != table[pair[1]][attribute]:
            return pair


def _compare(animals: tuple[str, ...], table: dict, rng: random.Random):
    attribute = rng.choice(("legs", "size"))
    pair = differing(animals, table, attribute, rng)
    spare = rng.sample([a for a in facts.ATTRIBUTES if a != attribute], 2)
    text = rng.choice(phrasing.COMPARE[attribute]).format(a=f"the {pair[0]}", b=f"the {pair[1]}")
    entries = [(animal, attribute, table[animal][attribute]) for animal in pair]
    return entries + _more_of(pair, spare, table, rng), text


def _more_of(
    pair: list[str], spare: list[str], table: dict, rng: random.Random
) -> list[tuple[str, str, str]]:
    """Entries of one of two animals, that answer nothing yet."""
    animal = rng.choice(pair)
    return [(animal, attribute, table[animal][attribute]) for attribute in spare]


def _which(animals: tuple[str, ...], table: dict, rng: random.Random):
    attribute = rng.choice([a for a in facts.ATTRIBUTES if a != "young"])
    pair = differing(animals, table, attribute, rng)
    words = phrasing.VERB_PHRASES[attribute][0].format(v=value_phrase(attribute, table[pair[0]][attribute]))
    first, second = rng.sample(pair, 2)
    text = rng.choice(phrasing.WHICH).format(q=words, a=f"the {first}", b=f"the {second}")
    spare = rng.sample([a for a in facts.ATTRIBUTES if a != attribute], 2)
    entries = [(animal, attribute, table[animal][attribute]) for animal in pair]
    return entries + _more_of(pair, spare, table, rng), text


def _count(animals: tuple[str, ...], table: dict, rng: random.Random):
    walking = [animal for animal in animals if table[animal]["legs"] != "no"]
    counted = rng.sample(walking, rng.choice(phrasing.HERDS))
    herds = [f"{rng.choice((2, 3, 4))} {facts.PLURALS[animal]}" for animal in counted]
    text = rng.choice(phrasing.COUNT).format(herds=phrasing.listed(herds))
    return [(animal, "legs", table[animal]["legs"]) for animal in counted], text


def wrong_value(attribute: str, truth: str | None, rng: random.Random) -> str:
    """A false value, as common in the world as it would be if it were true: words alone do not give it
    away.
    """
    if attribute in facts.INDIVIDUAL:
        return rng.choice([value for value in facts.VALUES[attribute] if value != truth])
    while True:
        value = facts.FACTS[rng.choice(facts.ANIMALS)][attribute]
        if value != truth:
            return value
