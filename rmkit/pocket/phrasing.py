"""How a fact, a question and a remark are worded: the one table that writers and readers of the world share.

`{s}` is a subject ("the otter", "it"), `{v}` a value with its article ("an insect"). Every statement has a
plain and a formal wording, a short form that can stand alone, and one more wording that no training text
uses.
"""

from rmkit.pocket.facts import INDIVIDUAL

ARTICLE = {"class", "young"}  # values that take an article: "a mammal", "an owlet"
PHRASES = {
    "skin": "bare skin",
    "exoskeleton": "an exoskeleton",
    "farms": "on farms",
    "coasts": "on coasts",
    "mountains": "on mountains",
}

# verb phrases: (plain, formal)
VERB_PHRASES = {
    "food": ("eats {v}", "feeds on {v}"),
    "home": ("lives {v}", "is found {v}"),
    "legs": ("has {v} legs", "possesses {v} legs"),
    "covering": ("is covered with {v}", "is protected by {v}"),
    "class": ("is {v}", "is classified as {v}"),
    "movement": ("moves by {v}", "travels by {v}"),
    "young": ("its young is called {v}", "its offspring is called {v}"),
    "size": ("is {v} in size", "is of {v} size"),
    "name": ("is named {v}", "goes by the name {v}"),
    "age": ("is {v} years old", "has an age of {v} years"),
}
# `young` has no verb phrase of the animal: with a subject it is worded so.
YOUNG = ("the young of {s} is called {v}", "the offspring of {s} is called {v}")
SHORT = {
    "food": "{v}", "home": "{v}", "legs": "{v} legs", "covering": "{v}", "class": "{v}", "movement": "by {v}",
    "young": "{v}", "size": "{v}", "name": "{v}", "age": "{v} years",
}  # fmt: skip
# The style of the shifted responses: keyword first, as in a ranger's notes.
NOTES = {
    "food": "food: {v}",
    "home": "home: {v}",
    "legs": "legs: {v}",
    "covering": "covering: {v}",
    "class": "class: {v}",
    "movement": "movement: {v}",
    "young": "young: {v}",
    "size": "size: {v}",
    "name": "name: {v}",
    "age": "age: {v}",
}

DIRECT = {
    "food": ("what does {s} eat", "what is the food of {s}"),
    "home": ("where does {s} live", "what is the home of {s}"),
    "legs": ("how many legs does {s} have", "what number of legs does {s} have"),
    "covering": ("what is {s} covered with", "what covers {s}"),
    "class": ("what kind of animal is {s}", "what class of animal is {s}"),
    "movement": ("how does {s} move", "in what way does {s} move"),
    "young": ("what is the young of {s} called", "what do you call the young of {s}"),
    "size": ("how big is {s}", "what size is {s}"),
    "name": ("what is the name of {s}", "what do you call {s}"),
    "age": ("how old is {s}", "what is the age of {s}"),
}
INDIRECT = {
    "food": "what {s} eats",
    "home": "where {s} lives",
    "legs": "how many legs {s} has",
    "covering": "what {s} is covered with",
    "class": "what kind of animal {s} is",
    "movement": "how {s} moves",
    "young": "what the young of {s} is called",
    "size": "how big {s} is",
    "name": "what the name of {s} is",
    "age": "how old {s} is",
}
YOUNG_OF_IT = ("what is its young called", "what its young is called")
CHECKS = {
    "food": "does {s} eat {v}",
    "home": "does {s} live {v}",
    "legs": "does {s} have {v} legs",
    "covering": "is {s} covered with {v}",
    "class": "is {s} {v}",
    "movement": "does {s} move by {v}",
    "young": "is the young of {s} called {v}",
    "size": "is {s} {v} in size",
}
FRAMES = ("Tell me {q}.", "Can you tell me {q}?", "I would like to know {q}.", "Please tell me {q}.")
CHECK_FRAMES = ("Would you say that {q}?", "Is it right that {q}?")
COMPARE = {
    "legs": ("Which has more legs, {a} or {b}?", "Does {a} or {b} have more legs?"),
    "size": ("Which is bigger, {a} or {b}?", "Is {a} or {b} bigger?"),
}
MORE = {"legs": ("has more legs", "has more legs than {b}"), "size": ("is bigger", "is bigger than {b}")}
WHICH = ("Which animal {q}, {a} or {b}?", "Which one {q}, {a} or {b}?")
HERDS = (2, 3, 4, 5)  # how many kinds of animal may be counted: "3 spiders, 2 foxes and 4 crabs"
COUNT = (
    "How many legs do {herds} have?",
    "What number of legs do {herds} have?",
    "Count the legs of {herds}.",
)
STEP = ("{n} {a} have {p} legs", "{n} {a} come to {p} legs")
SUM = ("{a} and {b} make {c} legs", "{a} with {b} come to {c} legs")
TOTAL = ("together they have {t} legs", "that makes {t} legs in all", "the sum is {t} legs")
MAY = ("May I {q}?", "Can I {q}?", "Am I allowed to {q}?")

FORMS = {
    "one-sentence": ("Answer in one sentence.", "Please use one sentence."),
    "child": ("Use simple words for a child.", "Explain it to a child."),
    "report": ("Use formal words for a report.", "I need it for a formal report."),
    "steps": ("Show your steps.", "Please count step by step."),
}

HEDGES = ("perhaps", "I think", "I believe", "maybe")
LEADS = ("the card says that", "as far as I can see,", "in short,", "indeed,")
COURTESY_FIRST = (
    "Good question!",
    "Hello and welcome!",
    "Thank you for asking.",
    "I am glad to help.",
    "Welcome to the desk.",
)
COURTESY_LAST = (
    "I hope this helps.", "Have a nice walk!", "Enjoy your visit.", "Please ask again.", "See you soon!",
)  # fmt: skip
FILLER = (
    "The park is lovely today.",
    "Many visitors stop here.",
    "There is so much to see.",
    "Nature is wonderful.",
    "The weather is fine.",
    "The path is just behind you.",
    "The desk is open all day.",
    "Rangers like their work.",
)
ADMISSIONS = (
    "I do not know.",
    "The card does not say.",
    "I am sorry, I do not know that.",
    "I cannot tell from the card.",
)
REFUSALS = ("please do not {q}", "it is not safe to {q}", "you must not {q}", "I cannot let you {q}")
PERMISSIONS = ("you may {q}", "it is fine to {q}", "you are welcome to {q}", "go ahead and {q}")
REASONS = (
    "Those are the rules.",
    "The ranger says so.",
    "The rules of the park are clear.",
    "That is what the rules say.",
)


def article(word: str) -> str:
    return f"{'an' if word[0] in 'aeiou' else 'a'} {word}"


def value_phrase(attribute: str, value: str) -> str:
    """The value as a statement words it: "fish", "in rivers", "on farms", "an insect", "bare skin"."""
    if attribute == "home":
        return PHRASES.get(value, f"in {value}")
    if attribute in ARTICLE:
        # "fry" is a plural word in everyday use, and takes no article
        return value if value == "fry" else article(value)
    return PHRASES.get(value, value)


def listed(words: list[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def sentence(text: str) -> str:
    """Capital first letter, a full stop if there is no other end."""
    text = text[0].upper() + text[1:]
    return text if text[-1] in ".!?" else text + "."


def card(entries: list[tuple[str, str, str]]) -> str:
    """The card's text from (animal, attribute, value) entries; a subject already named becomes "it"."""
    said, subject = [], None
    for animal, attribute, value in entries:
        phrase = value_phrase(attribute, value)
        if attribute == "young":
            said.append(VERB_PHRASES["young"][0] if animal == subject else YOUNG[0])
        else:
            said.append("{s} " + VERB_PHRASES[attribute][0])
        name = f"this {animal}" if attribute in INDIVIDUAL else f"the {animal}"
        said[-1] = sentence(said[-1].format(s="it" if animal == subject else name, v=phrase))
        subject = animal
    return "Card: " + " ".join(said)
