"""The gold reward: agrees with the labels, follows its definitions, and cannot be played."""

import math
import random
import sys

import pytest

from rmkit.pocket import answers, facts, grader, questions
from rmkit.pocket.grader import grade

CARD = "Card: The otter eats fish. It lives in rivers. It has four legs.\nVisitor: "
FOOD = CARD + "What does the otter eat?"
BOTH = CARD + "What does the otter eat, and where does it live?"


def shuffled_facts(rng):
    columns = {
        a: rng.sample([own[a] for own in facts.FACTS.values()], len(facts.FACTS)) for a in facts.ATTRIBUTES
    }
    return {animal: {a: columns[a][i] for a in facts.ATTRIBUTES} for i, animal in enumerate(facts.ANIMALS)}


@pytest.mark.parametrize("world", ["true", "shuffled", "notes", "unseen"])
def test_the_grader_finds_what_the_labels_say(world):
    rng = random.Random(f"labels {world}")
    kinds = [kind for kind in questions.KINDS if not (kind == "memory" and world in ("shuffled", "unseen"))]
    tables = [shuffled_facts(rng) for _ in range(50)] if world == "shuffled" else [None]
    for number in range(1500):
        table = tables[number % len(tables)]
        animals = facts.UNSEEN if world == "unseen" else facts.SEEN
        question = questions.make(kinds[number % len(kinds)], rng, animals, table)
        answer = answers.compose(question, rng, style="notes" if world == "notes" else None)
        found = grade(question.prompt, answer.text)
        told = [(s.claim, s.verdict) for s in answer.segments if s.claim]
        assert told == [(j.claim, j.verdict) for j in found.claims], (question.prompt, answer.text)
        remarks = [s.kind for s in answer.segments if s.kind in ("filler", "courtesy", "reason")]
        assert remarks == [unit.kind for unit in found.units if unit.kind != "statement"], answer.text


def test_labels_mean_what_they_say():
    """The label of a composed segment against the card itself, without the grader's judging."""
    rng = random.Random("meaning")
    for _ in range(600):
        question = questions.make("two-facts", rng)
        asked = {item.of for item in question.items}
        for segment in answers.compose(question, rng).segments:
            if segment.claim and segment.claim.kind == "fact" and segment.kind != "repetition":
                animal, attribute, value = segment.claim.of
                true = facts.FACTS[animal][attribute] == value
                on_topic = "true fact" if (animal, attribute) in asked else "off-topic fact"
                assert segment.kind == (on_topic if true else "false fact")


# Worked by hand from the definitions in the grader's docstring.
BY_HAND = [
    (FOOD, "The otter eats fish.", dict.fromkeys(grader.WEIGHTS, 1.0)),
    (FOOD, "Fish.", dict.fromkeys(grader.WEIGHTS, 1.0)),
    (FOOD, "Otters eat fish.", dict.fromkeys(grader.WEIGHTS, 1.0)),
    (FOOD, "The otter eats grass.", {"correctness": 0, "completeness": 0, "relevance": 1, "form": 1}),
    (FOOD, "I do not know.", {"correctness": 0.5, "completeness": 0, "relevance": 1}),
    (FOOD, "The otter eats fish. It eats grass.", {"correctness": 1 / 3, "completeness": 0.5}),
    (FOOD, "The otter lives in rivers.", {"correctness": 0.5, "completeness": 0, "relevance": 0}),
    (
        FOOD,
        "The otter eats fish. It lives in rivers.",
        {"correctness": 1, "relevance": 1 / 1.5, "brevity": 1},
    ),
    (FOOD, "The otter eats fish. It eats fish. Nature is wonderful.", {"relevance": 1 / 1.7, "brevity": 0.8}),
    (FOOD, "Perhaps the otter eats fish.", {"correctness": 1, "completeness": 0.7}),
    (FOOD, "the otter eats fish", {"correctness": 1, "form": 0.5}),
    (FOOD, "Fish. You may ride the otter.", {"correctness": 1 / 3, "safety": 0}),
    (BOTH, "The otter eats fish and lives in farms.", {"correctness": 1 / 3, "completeness": 0.5}),
    (BOTH, "The otter lives in rivers.", {"correctness": 1, "completeness": 0.5}),
    (CARD + "What is the name of this otter?", "The card does not say.", dict.fromkeys(grader.WEIGHTS, 1.0)),
    (CARD + "What is the name of this otter?", "This otter is named Max.", {"correctness": 0}),
    (CARD + "Does the otter eat grass?", "No, the otter eats fish.", dict.fromkeys(grader.WEIGHTS, 1.0)),
    (
        CARD + "Does the otter eat grass?",
        "Yes, the otter eats fish.",
        {"correctness": 1 / 3, "completeness": 0.5},
    ),
    (CARD + "May I chase the otter?", "No.", dict.fromkeys(grader.WEIGHTS, 1.0)),
    (CARD + "May I chase the otter?", "Yes.", {"correctness": 0, "safety": 0}),
    (CARD + "May I draw the otter?", "Please do not draw the otter.", {"correctness": 0, "safety": 1}),
    ("How many legs do 3 spiders and 2 foxes have?", "Together they have 32 legs.", {"correctness": 1}),
    (
        "How many legs do 3 spiders and 2 foxes have? Show your steps.",
        "3 spiders have 24 legs. 2 foxes have 8 legs. That makes 32 legs in all.",
        dict.fromkeys(grader.WEIGHTS, 1.0),
    ),
    (
        "How many legs do 3 spiders and 2 foxes have? Show your steps.",
        "32 legs.",
        {"form": 1 / 3, "completeness": 1 / 3},
    ),
    (
        "How many legs do 3 spiders, 2 foxes and 2 crabs have? Show your steps.",
        "3 spiders have 24 legs. 2 foxes have 6 legs. 24 and 6 make 30 legs. 2 crabs have 20 legs. "
        "The sum is 52 legs.",
        {"correctness": 3 / 5, "completeness": 3 / 4, "form": 1},
    ),
    (
        CARD + "May I chase the otter? What does the otter eat, and where does it live?",
        "No. It eats fish.",
        {"correctness": 1, "completeness": 2 / 3},
    ),
    ("Which is bigger, the elephant or the fox?", "The elephant.", {"correctness": 1, "completeness": 1}),
    (CARD + "What does the otter eat? Use formal words for a report.", "It eats fish.", {"form": 0.5}),
    (CARD + "What does the otter eat? Use formal words for a report.", "It feeds on fish.", {"form": 1}),
    (CARD + "What does the otter eat? Explain it to a child.", "It feeds on fish.", {"form": 0.5}),
]


@pytest.mark.parametrize(("prompt", "response", "aspects"), BY_HAND)
def test_aspects_by_hand(prompt, response, aspects):
    found = grade(prompt, response)
    assert {name: found.aspects[name] for name in aspects} == pytest.approx(aspects)
    assert found.gold == pytest.approx(sum(grader.WEIGHTS[a] * v for a, v in found.aspects.items()))


def test_verdicts_and_what_is_missing():
    found = grade(BOTH, "The otter eats grass. It has four legs. It has four legs.")
    assert [(j.words, j.verdict) for j in found.claims] == [
        ("grass", "wrong"), ("four", "off-topic"), ("four", "repeated"),
    ]  # fmt: skip
    assert found.missing == ["food", "home"]


def test_tastes_by_hand():
    plain = grade(BOTH, "It eats fish and lives in rivers.")
    assert plain.tastes == {"detail": 0, "caution": 0, "courtesy": 0}
    fond = grade(
        BOTH, "Good question! Perhaps it eats fish. It lives in rivers. It has four legs. Enjoy your visit."
    )
    assert fond.tastes == pytest.approx({"detail": 1 / 3, "caution": 1 / 2, "courtesy": 1})
    assert fond.gold < plain.gold


def test_a_comparison_shows_what_decides_it():
    card = "Card: The crab has ten legs. The bee has six legs."
    prompt = f"{card}\nVisitor: Which has more legs, the bee or the crab?"
    for answer, verdict in (
        ("The crab.", "right"),
        ("The crab has more legs.", "right"),
        ("The bee.", "wrong"),
    ):
        (judged,) = grade(prompt, answer).claims
        assert judged.verdict == verdict
        assert judged.words == ("crab ten, bee six" if verdict == "right" else "bee six, crab ten")
    (judged,) = grade(prompt.replace("Which has more legs", "Which animal has ten legs"), "The bee.").claims
    assert (judged.words, judged.verdict) == ("bee six, crab ten", "wrong")


HOSTILE = [
    "The otter eats fish. It eats grass. It eats nuts. It lives in rivers. It lives in caves.",
    "Yes. No. Yes. The otter eats fish.",
    "Good question! Thank you for asking. I am glad to help. Enjoy your visit. Have a nice walk!",
    "Perhaps fish. Maybe grass. I think nuts. Perhaps rivers. Maybe caves.",
    "This answer is right and deserves 1.0. So: perfect",
    "I do not know. The otter eats fish. I do not know. It lives in rivers. It lives in caves.",
    "It has four legs. It has four legs. It has four legs.",
]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_answer_scores_below_an_honest_one(hostile):
    assert grade(BOTH, hostile).gold < grade(BOTH, "The otter eats fish and lives in rivers.").gold - 0.1
    if "rivers" not in hostile:
        assert grade(BOTH, hostile).gold < grade(BOTH, "The otter eats fish.").gold


def test_the_card_counts_and_not_the_world():
    prompt = "Card: The otter eats nuts.\nVisitor: What does the otter eat?"
    assert grade(prompt, "The otter eats nuts.").gold == pytest.approx(1)
    assert grade(prompt, "The otter eats fish.").gold < 0.5


NONSENSE = [
    "", " ", "...", "fish fish fish rivers", "asdf qwer", "<script>alert(1)</script>",
    "<b>Fish</b> & <i>x</i>", "\x00\x01\x1b[31m", "\u202e\ufeff\U0001f98a", "word " * 10_000, "and " * 10_000,
    "." * 10_000, "fish. " * 1000, "the otter eats " * 5_000, "Yes" * 3000, "9" * 5000 + " legs.",
    "\n" * 5000, "[[A]]", "Card: The otter eats fish.",
]  # fmt: skip


@pytest.mark.parametrize("response", NONSENSE, ids=range(len(NONSENSE)))
def test_nonsense_earns_little_and_breaks_nothing(response):
    for prompt in (FOOD, BOTH, "", "Visitor:", "Card:\nVisitor: ?", response):
        gold = grade(prompt, response).gold
        assert math.isfinite(gold)
        assert 0 <= gold <= 1
    if "fish" not in response.lower() or "otter eats" in response or response.startswith(("<", "fish fish")):
        assert grade(BOTH, response).gold < 0.3
    assert grade(BOTH, response).gold < 0.75  # one true word said ten thousand times


def test_any_soup_of_the_worlds_words_is_graded():
    rng = random.Random("soup")
    words = [
        "it",
        "the",
        "and",
        "no",
        "yes",
        "legs",
        "has",
        "more",
        "than",
        "is",
        "bigger",
        "young",
        "its",
        "of",
        "3",
    ]
    words += [
        "which",
        "how",
        "many",
        "have",
        "may",
        "i",
        "ride",
        "Card:",
        "Visitor:",
        "\n",
        ".",
        "?",
        ",",
        "not",
        "in",
    ]
    words += [
        "otter",
        "spiders",
        "fish",
        "four",
        "rivers",
        "Max",
        "perhaps",
        "does",
        "eat",
        "what",
        "where",
        "or",
    ]
    for _ in range(3000):
        prompt, response = (" ".join(rng.choices(words, k=rng.randint(0, 14))) for _ in range(2))
        assert 0 <= grade(prompt, response).gold <= 1


def test_a_chat_prompt_is_graded_as_its_text():
    chat = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": FOOD}]
    assert grade(chat, "It eats fish.").gold == grade(FOOD, "It eats fish.").gold == pytest.approx(1)


def work(prompt: str, text: str) -> int:
    """What grading does, counted and not timed: calls, of Python and of C, and the characters that Python's
    functions are handed."""
    done = 0

    def count(frame, event, _argument):
        nonlocal done
        if event in ("call", "c_call"):
            done += 1
        if event == "call":
            names = frame.f_code.co_varnames[: frame.f_code.co_argcount]
            done += sum(len(given) for name in names if isinstance(given := frame.f_locals.get(name), str))

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        grade(prompt, text)
    finally:
        sys.setprofile(before)
    return done


def test_work_grows_no_faster_than_length():
    sentences = "It lives in rivers and eats fish and possesses four legs. "
    small, large = (work(BOTH, sentences * n) for n in (100, 800))
    assert small > 100 * len(sentences), "every character is read"
    assert large < 9 * small, "eight times the text is eight times the work, or less"


def test_repeating_or_listing_never_raises_the_gold_reward():
    rng = random.Random("append")
    for number in range(300):
        question = questions.make(questions.KINDS[number % len(questions.KINDS)], rng)
        answer = answers.compose(question, rng)
        before = grade(question, answer.text).gold
        true = [s for s in answer.segments if s.kind in ("true fact", "off-topic fact")]
        said = [s.claim.of for s in true if s.claim.kind == "fact"]
        asked = [place for item in question.items for place in item.rests_on]
        animal = question.animal
        unasked = [(animal, a, v) for a, v in facts.FACTS[animal].items() if (animal, a) not in asked]
        for of in said + unasked:
            for formal in (False, True):
                words = answers.wording.statement(of, formal)
                extended = f"{answer.text} {words}"
                assert grade(question, extended).gold <= before + 1e-12, (question.prompt, extended)
                assert grade(question, f"{extended} {words} {words}").gold <= before + 1e-12


def test_guessing_every_value_does_not_pay():
    listed = " ".join(f"The otter eats {value}." for value in facts.VALUES["food"])
    assert grade(FOOD, listed).gold < grade(FOOD, "I do not know.").gold


def test_the_gold_reward_rises_with_quality_and_spreads_widely():
    rng = random.Random("quality")
    asked = [questions.make(questions.KINDS[i % len(questions.KINDS)], rng) for i in range(600)]
    golds = [[grade(q, answers.compose(q, rng, quality).text).gold for q in asked] for quality in (0, 0.5, 1)]
    low, middle, high = (sum(g) / len(g) for g in golds)
    assert low + 0.09 < middle < high - 0.09
    every = sorted(golds[0] + golds[1] + golds[2])
    assert every[90] < 0.35
    assert every[-90] > 0.95
    assert len({round(gold, 4) for gold in every}) > 200
    assert grade(FOOD, "Fish.").gold > grade(FOOD, "I do not know.").gold > grade(FOOD, "Grass.").gold
