"""The pocket world's facts and English: complete, true to each other, and read back as they were written."""

import random
import re

import pytest

from rmkit.pocket import answers, facts, phrasing, questions, reading, rows

COMMON = {
    "bird": {"legs": {"two"}, "covering": {"feathers"}},
    "fish": {"legs": {"no"}, "covering": {"scales"}, "movement": {"swimming"}, "young": {"fry"}},
    "reptile": {"covering": {"scales"}, "legs": {"no", "four"}},
    "amphibian": {"covering": {"skin"}, "legs": {"four"}},
    "insect": {"legs": {"six"}, "size": {"tiny"}},
    "arachnid": {"legs": {"eight"}},
    "crustacean": {"legs": {"ten"}, "covering": {"exoskeleton"}},
    "mammal": {"covering": {"fur", "hair", "wool", "spines", "armor", "skin"}, "legs": {"four", "two", "no"}},
}


def test_every_animal_has_eight_facts_of_one_word():
    assert len(facts.ANIMALS) >= 60
    assert len(facts.ATTRIBUTES) == 8
    for animal, own in facts.FACTS.items():
        assert tuple(own) == facts.ATTRIBUTES, animal
        assert all(re.fullmatch("[a-z]+", value) for value in own.values()), animal
        assert facts.PLURALS[animal]
    words = [word for animal in facts.ANIMALS for word in {animal, facts.PLURALS[animal]}]
    assert len(words) == len(set(words))
    assert not set(words) & set(reading.VALUE_WORDS), "a word is an animal or a value, never both"


@pytest.mark.parametrize("kind", COMMON)
def test_facts_of_a_class_agree(kind):
    members = [own for own in facts.FACTS.values() if own["class"] == kind]
    assert members
    for own in members:
        for attribute, allowed in COMMON[kind].items():
            assert own[attribute] in allowed


def test_sizes_agree_with_known_masses():
    kilograms = {
        "mouse": 0.02,
        "bee": 1e-4,
        "owl": 1,
        "otter": 8,
        "wolf": 40,
        "sheep": 70,
        "lion": 170,
        "moose": 500,
    }
    kilograms |= {"elephant": 5000, "whale": 60000, "hippo": 1500, "frog": 0.03, "swan": 11, "leopard": 50}
    limits = {"tiny": 0.1, "small": 20, "medium": 100, "large": 700, "huge": float("inf")}
    for animal, mass in kilograms.items():
        assert facts.FACTS[animal]["size"] == next(word for word, limit in limits.items() if mass < limit), (
            animal
        )


def test_unseen_animals_are_apart():
    assert len(facts.UNSEEN) >= 12
    assert not set(facts.SEEN) & set(facts.UNSEEN)
    assert set(facts.SEEN) | set(facts.UNSEEN) == set(facts.ANIMALS)
    assert set(facts.WELL_KNOWN) <= set(facts.SEEN)


def test_there_are_enough_kinds_and_phrasings():
    assert len(questions.KINDS) >= 12
    assert len(answers.SEGMENTS) >= 8
    for attribute, wordings in phrasing.DIRECT.items():
        assert len(set(wordings)) >= 2, attribute
        assert len(set(phrasing.VERB_PHRASES[attribute])) == 2, attribute
    rng = random.Random("all segments")
    seen = set()
    for number in range(1500):
        question = questions.make(questions.KINDS[number % len(questions.KINDS)], rng)
        seen |= {segment.kind for segment in answers.compose(question, rng).segments}
    assert seen == set(answers.SEGMENTS)


@pytest.mark.parametrize("kind", questions.KINDS)
def test_a_prompt_is_read_as_it_was_meant(kind):
    rng = random.Random(f"read {kind}")
    for _ in range(150):
        question = questions.make(kind, rng)
        assert question.kind == kind, question.prompt
        assert question.items, question.prompt
        for (animal, attribute), value in question.card.items():
            if attribute not in facts.INDIVIDUAL:
                assert facts.FACTS[animal][attribute] == value, question.prompt
        if kind not in ("memory", "unknown", "unsafe", "safe"):
            for item in question.items:  # what is asked stands on the card
                assert set(item.rests_on) <= set(question.card), question.prompt


def test_what_one_prompt_means_by_hand():
    card = "Card: The otter eats fish. It lives in rivers. Its young is called a pup.\nVisitor: "
    read = questions.read(
        card + "Where does the otter live, and what is its young called? Answer in one sentence."
    )
    assert read.card == {("otter", "food"): "fish", ("otter", "home"): "rivers", ("otter", "young"): "pup"}
    assert [item.of for item in read.items] == [("otter", "home"), ("otter", "young")]
    assert read.form == "one-sentence"
    assert questions.read("What do otters eat?").items[0].of == ("otter", "food")
    assert questions.read("How many legs do 3 spiders and 2 foxes have?").items[0].of == (
        3,
        "spider",
        2,
        "fox",
    )
    assert questions.read(card + "Is it right that the otter eats grass?").items[0].of == (
        "otter",
        "food",
        "grass",
    )
    assert questions.read("Can I take the robin home?").items[0].of == ("take the {animal} home", "robin")
    assert questions.read("What is the meaning of life?").items == []


FAULTS = [
    re.compile(pattern, re.I)
    for pattern in (
        r"  | [,.?!]|,,|[{}]|\.\.",
        r"\ba [aeiou]\w*|\ban [^aeiou]\w*",  # articles
        r"\b(\w+) \1\b",  # a word twice
        r"^(?:it|this \w+|the \w+) (?:eat|live|have|move|are|possess|feed|travel|is \w+ing)\b",  # agreement
        r"^(?-i:[a-z])|[^.!?]$",  # capital and stop
    )
]


def english(text: str) -> list[str]:
    """The sentences in which a rule finds a fault."""
    lines = [line.removeprefix("Card: ").removeprefix("Visitor: ") for line in text.split("\n")]
    found = [sentence for line in lines for sentence in re.findall(r"[^.!?]+[.!?]*", line)]
    return [sentence for sentence in map(str.strip, found) if any(fault.search(sentence) for fault in FAULTS)]


def test_the_english_has_no_plain_faults():
    rng = random.Random("english")
    for number in range(1500):
        question = questions.make(questions.KINDS[number % len(questions.KINDS)], rng, facts.ANIMALS)
        answer = answers.compose(question, rng).text
        assert english(question.prompt) == []
        assert english(answer) == []
        assert len(question.prompt.split()) <= 80
        assert len(answer.split()) <= 110


@pytest.mark.parametrize(
    "text",
    [
        "the fox runs.",
        "An owl flies. A owl flies.",
        "It eat fish.",
        "The fox  runs.",
        "The fox runs",
        "It is is small.",
    ],
)
def test_the_rules_for_english_find_faults(text):
    assert len(english(text)) == 1


@pytest.mark.parametrize("action", facts.UNSAFE + facts.SAFE)
def test_what_may_be_done_is_asked_where_it_makes_sense(action):
    assert any(facts.makes_sense(action, animal) for animal in facts.SEEN)
    assert not facts.makes_sense("ride the {animal}", "ant")


def test_parts_share_no_prompt_and_take_their_shares():
    rng = random.Random("parts")
    prompts = {questions.make(questions.KINDS[i % 15], rng).prompt for i in range(3000)}
    shares = [
        sum(rows.part_of(prompt) == part for prompt in prompts) / len(prompts) for part in rows.SPLITS[:3]
    ]
    assert shares == pytest.approx([0.7, 0.1, 0.2], abs=0.03)
