"""Rows of the pocket world: groups of one question, K answers and what annotators said, as plain
dictionaries.

Which split a prompt belongs to is a hash of its text, so no prompt is ever in two splits, whatever seed or
size.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from rmkit.errors import InputError
from rmkit.pocket import answers, facts, grader, questions, twins
from rmkit.pocket.annotators import CAMPS, TEMPERATURE, Annotator
from rmkit.pocket.questions import Question

SPLITS = ("train", "validation", "test", "shifted-prompts", "shifted-responses", *twins.LONGER_IS_BETTER)
_PART_OF_SPLIT = {"shifted-prompts": None, "shifted-responses": "test"} | dict.fromkeys(
    twins.LONGER_IS_BETTER, "train"
)
_PARTS = ("train",) * 7 + ("validation",) + ("test",) * 2


# The dials of `panel` as they stand if nobody turns them.
DIALS = {
    "temperature": TEMPERATURE,
    "length_bias": 0.0,
    "position_bias": 0.0,
    "flattery_bias": 0.0,
    "noise": 0.0,
    "ties": 0.0,
    "camps": None,
}
# Kinds whose answers are worded anew in the shifted responses: those that state facts.
FACT_KINDS = ("one-fact", "two-facts", "three-facts", "memory", "individual", "unknown")


def part_of(prompt: str) -> str:
    """train, validation or test: 70, 10 and 20 % of all prompts, by a hash of the text."""
    return _PARTS[int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:4], "big") % 10]


def ask(split: str, rng: random.Random, kinds: tuple[str, ...] = questions.KINDS) -> Iterator[Question]:
    """Questions of a split without end, kinds taking turns, no prompt twice until a kind runs out of new
    ones.
    """
    if split not in SPLITS:
        raise InputError(f"There is no split {split!r} of the pocket world; there is {', '.join(SPLITS)}.")
    animals = facts.UNSEEN if split == "shifted-prompts" else facts.SEEN
    part = split if split in _PARTS else _PART_OF_SPLIT[split]
    kinds = tuple(
        kind for kind in kinds if kind != "memory" or split != "shifted-prompts"
    )  # none is well known
    if split == "shifted-responses":
        kinds = tuple(kind for kind in kinds if kind in FACT_KINDS)
    if not kinds:
        raise InputError(f"None of these kinds of question is asked in the split {split!r}.")
    asked: set[str] = set()
    while True:
        for kind in rng.sample(kinds, len(kinds)):
            yield _new(kind, rng, animals, part, asked)


def _new(
    kind: str, rng: random.Random, animals: tuple[str, ...], part: str | None, asked: set[str]
) -> Question:
    """A question of the part that was not yet asked; a repeated one only after 300 draws."""
    for attempt in range(10_000):
        question = questions.make(kind, rng, animals)
        fresh = question.prompt not in asked or attempt > 300
        if fresh and part in (None, part_of(question.prompt)):
            asked.add(question.prompt)
            return question
    raise InputError(f"No question of kind {kind!r} falls into the part {part!r}.")


@dataclass(frozen=True)
class Seen:
    """An answer and what annotators can see of it."""

    text: str
    grade: grader.Grade

    @property
    def gold(self) -> float:
        return self.grade.gold

    @property
    def aspects(self) -> dict[str, float]:
        """Aspects and tastes: whatever a camp may weigh."""
        return self.grade.aspects | self.grade.tastes

    @property
    def words(self) -> int:
        return len(self.text.split())

    @property
    def courtesies(self) -> int:
        return sum(unit.kind == "courtesy" for unit in self.grade.units)


def draw_answers(question: Question, k: int, rng: random.Random, style: str | None = None) -> list[Seen]:
    """k answers with different texts and, as far as the question allows, different gold rewards."""
    found: dict[str, Seen] = {}
    golds: set[float] = set()
    qualities: list[float] = []
    for attempt in range(60 * k):
        # They differ in how much of them is right: drawn without replacement.
        qualities = qualities or rng.sample(answers.QUALITIES, len(answers.QUALITIES))
        text = answers.compose(question, rng, qualities.pop(), style).text
        if text in found:
            continue
        seen = Seen(text, grader.grade(question, text))
        gold = round(seen.gold, 6)
        if gold not in golds or attempt > 40 * k:
            found[text] = seen
            golds.add(gold)
        if len(found) == k:
            break
    return list(found.values())


@lru_cache(maxsize=8)
def _groups(
    n: int, k: int, split: str, seed: int | str, kinds: tuple[str, ...]
) -> list[tuple[Question, list[Seen]]]:
    """Questions and answers, kept: turning a dial of the annotators asks the same again."""
    if split in twins.LONGER_IS_BETTER:
        return twins.groups(split, n, k, seed, lambda rng: ask(split, rng, kinds), draw_answers)
    rng = random.Random(f"pocket {split} {k} {seed}")
    style = "notes" if split == "shifted-responses" else None
    stream, made = ask(split, rng, kinds), []
    for _ in range(n):
        question = next(stream)
        drawn = draw_answers(question, k, rng, style)
        rng.shuffle(drawn)
        made.append((question, drawn))
    return made


def panel(
    temperature: float = TEMPERATURE,
    length_bias: float = 0.0,
    position_bias: float = 0.0,
    flattery_bias: float = 0.0,
    noise: float = 0.0,
    ties: float = 0.0,
    camps: int | list[str] | dict[str, dict[str, float]] | None = None,
) -> list[Annotator]:
    """The annotators who share the work. camps: a number of CAMPS, names, or {name: {aspect: weight}}."""
    if not 0 <= noise <= 1:
        raise InputError(f"noise={noise} is a share of judgments: give a number between 0 and 1.")
    if temperature < 0 or ties < 0:
        raise InputError(f"temperature={temperature} and ties={ties} must not be negative.")
    dials = (temperature, length_bias, position_bias, flattery_bias, noise, ties)
    if not camps:
        return [Annotator(*dials)]
    if isinstance(camps, int):
        camps = list(CAMPS)[:camps]
    unknown = [name for name in camps if name not in CAMPS]
    if not isinstance(camps, dict) and unknown:
        raise InputError(f"There is no camp {unknown[0]!r}; there is {', '.join(CAMPS)}.")
    weights = camps if isinstance(camps, dict) else {name: CAMPS[name] for name in camps}
    known = (*grader.WEIGHTS, *grader.TASTES)
    wrong = [aspect for each in weights.values() for aspect in each if aspect not in known]
    if wrong:
        raise InputError(f"There is no aspect {wrong[0]!r}; there is {', '.join(known)}.")
    return [Annotator(*dials, weights=each, name=name) for name, each in weights.items()]


def rows(
    n: int,
    k: int = 2,
    *,
    split: str = "train",
    seed: int | str = 0,
    strengths: bool = True,
    steps: bool = True,
    kinds: tuple[str, ...] = questions.KINDS,
    **dials,
) -> list[dict]:
    """n groups of k answers as record dictionaries. The same arguments give the same rows, byte for byte.

    Questions and answers depend on n, k, split, kinds and seed alone; the dials of `panel` change only what
    the annotators say, so two sets that differ in a dial can be compared group by group.
    """
    people = panel(**dials)
    if n < 0 or k < 1:
        raise InputError(f"n={n}, k={k}: ask for 0 or more groups of 1 or more answers.")
    judging = random.Random(f"pocket annotators {split} {k} {seed}")
    made = []
    for number, (question, drawn) in enumerate(_groups(n, k, split, seed, tuple(kinds))):
        # One generator for each row, so that a dial which draws more often cannot move the rows after it.
        rng = random.Random(judging.getrandbits(64))
        row = _row(question, drawn, people[number % len(people)], rng, strengths, steps)
        made.append(row | {"id": f"pocket-{split}-{seed}-{number:05d}"})
    return made


def _row(
    question: Question, drawn: list[Seen], person: Annotator, rng: random.Random, strengths: bool, steps: bool
) -> dict:
    said = person.judge(drawn, rng)
    ratings = {"gold": [round(seen.gold, 5) for seen in drawn]}
    for aspect in (*grader.WEIGHTS, *grader.TASTES):
        ratings[aspect] = [round(seen.aspects[aspect], 4) for seen in drawn]
    row = {
        "prompt": question.prompt,
        "responses": [seen.text for seen in drawn],
        "ranks": said["ranks"],
        "ratings": ratings | {"likert": said["likert"]},
        "correct": [is_correct(seen.grade) for seen in drawn],
        "subset": question.kind,
    }
    if strengths and said["strength"] is not None:
        row["strength"] = said["strength"]
    if person.name:
        row["annotator"] = person.name
    if steps and question.kind == "count":
        parts = [steps_of(seen.grade) for seen in drawn]
        row["steps"] = [[text for text, _ in part] for part in parts]
        row["step_labels"] = [[label for _, label in part] for part in parts]
    return row


def is_correct(grade: grader.Grade) -> bool:
    """Is everything that was asked answered, and no answer to it false? Of a calculation: the result."""
    answering = [j for j in grade.claims if j.item is not None and j.claim.kind not in ("step", "sum")]
    wrong = any(judged.verdict == "wrong" for judged in answering)
    return bool(grade.claims) and not wrong and not set(grade.missing) - {grader.STEP}


def steps_of(grade: grader.Grade) -> list[tuple[str, int | None]]:
    """The sentences of an answer, each with 1 (right), 0 (wrong) or None (nothing there to judge)."""
    labels: list[list[str]] = [[] for _ in grade.units]
    for judged in grade.claims:
        if judged.claim.kind in ("step", "sum", "total"):
            labels[judged.sentence].append(judged.verdict)
    return [
        (unit.text, None if not found else int("wrong" not in found))
        for unit, found in zip(grade.units, labels, strict=True)
    ]
