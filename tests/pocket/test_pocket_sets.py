"""The pocket world's sets: the same from the same seed, splits apart, and no simple rule gets far."""

import hashlib
import json
from functools import cache

import numpy as np
import pytest

import rmkit
from rmkit import pocket
from rmkit.errors import InputError
from rmkit.pocket import aims, annotators, build, facts, nulls, questions, rows, sets

FOLDER = sets.folder()


@cache
def shipped(name):
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("split", sets.SHIPPED)
def test_a_shipped_set_comes_from_its_seed_byte_for_byte(split):
    assert len(shipped(split)) == sets.SHIPPED[split]
    some = build.encode(rows.rows(120, split=split))
    assert (FOLDER / f"{split}.jsonl").read_bytes().startswith(some)


def test_the_same_arguments_give_the_same_bytes_and_another_seed_does_not():
    def made(seed):
        rows._groups.cache_clear()
        return build.encode(rows.rows(40, 3, seed=seed, noise=0.1, camps=2))

    assert made(0) == made(0)
    assert made(0) != made(1)
    prompts = {row["prompt"] for row in rows.rows(40, seed=1)} & {
        row["prompt"] for row in rows.rows(40, seed=0)
    }
    assert len(prompts) < 10


def test_checksums_are_of_the_files():
    lines = (FOLDER / build.CHECKSUMS).read_text().splitlines()
    assert len(lines) == len(sets.SHIPPED) + 1
    for line in lines:
        digest, name = line.split("  ")
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name
    assert sum(path.stat().st_size for path in FOLDER.glob("*.jsonl")) < 6e6


def test_splits_share_no_prompt():
    prompts = {split: {row["prompt"] for row in shipped(split)} for split in sets.SHIPPED}
    for split, own in prompts.items():
        assert len(own) == sets.SHIPPED[split], f"{split} asks something twice"
    assert not prompts["train"] & prompts["validation"]
    for split in ("test", "shifted-prompts", "shifted-responses"):
        assert not prompts[split] & (prompts["train"] | prompts["validation"]), split
    assert not {row["prompt"] for row in shipped("bench")} & (prompts["train"] | prompts["validation"])


def test_unseen_animals_are_seen_in_the_shifted_prompts_only():
    unseen = {word for animal in facts.UNSEEN for word in (animal, facts.PLURALS[animal])}

    def words(row):
        text = " ".join([row["prompt"], *row["responses"]]).lower()
        return set("".join(letter if letter.isalnum() else " " for letter in text).split())

    for split in ("train", "validation", "test", "shifted-responses", "bench"):
        assert not any(words(row) & unseen for row in shipped(split)), split
    assert all(words(row) & unseen for row in shipped("shifted-prompts"))


def test_the_shifted_responses_are_worded_as_no_others():
    def notes(row):
        return any(f"{word.capitalize()}: " in text for text in row["responses"] for word in facts.ATTRIBUTES)

    assert sum(map(notes, shipped("shifted-responses"))) > 0.8 * sets.SHIPPED["shifted-responses"]
    assert not any(map(notes, shipped("train")))


def test_every_row_carries_the_truth():
    for row in shipped("test")[::5]:
        for i, text in enumerate(row["responses"]):
            grade = pocket.grade(row["prompt"], text)
            assert row["ratings"]["gold"][i] == pytest.approx(grade.gold, abs=1e-5)
            assert row["ratings"]["form"][i] == pytest.approx(grade.aspects["form"], abs=1e-4)
            assert row["correct"][i] == rows.is_correct(grade)
        assert sorted(row["ranks"]) == [1, 2]
        assert row["ratings"]["gold"][0] != row["ratings"]["gold"][1]
        assert ("steps" in row) == (row["subset"] == "count")


def test_steps_are_labelled_and_a_right_result_may_have_a_wrong_step():
    counted = [row for row in shipped("train") if "steps" in row]
    lucky = 0
    for row in counted:
        for text, steps, labels, right in zip(
            row["responses"], row["steps"], row["step_labels"], row["correct"], strict=True
        ):
            assert " ".join(steps) == text
            assert len(steps) == len(labels)
            lucky += right and 0 in labels
            if 0 not in labels and not right:  # nothing was counted wrongly: the total was not told
                assert "total" in pocket.grade(row["prompt"], text).missing
    assert lucky >= 20
    lengths = {sum(label is not None for label in labels) for row in counted for labels in row["step_labels"]}
    assert lengths >= set(range(1, 9))


def test_an_ideal_judge_agrees_on_about_four_fifths():
    golds = [row["ratings"]["gold"] for row in shipped("train")]
    assert annotators.ceiling(golds) == pytest.approx(0.80, abs=0.01)
    agree = [
        (r["ratings"]["gold"][0] > r["ratings"]["gold"][1]) == (r["ranks"][0] == 1) for r in shipped("train")
    ]
    assert sum(agree) / len(agree) == pytest.approx(0.80, abs=0.025)


def ratings(split, name):
    return np.array([row["ratings"][name] for row in shipped(split)])


def test_the_shipped_sets_reach_their_aims():
    found = aims.measured({name: shipped(name) for name in sets.SHIPPED})
    assert len(found) > 10
    assert [aim.line for aim in found if not aim.holds] == []


def test_camps_order_pairs_differently():
    def utility(weights):
        return sum(weight * ratings("train", name) for name, weight in weights.items())

    signs = {name: np.sign(np.diff(utility(each))) for name, each in annotators.CAMPS.items()}

    def differs(a, b):
        return (signs[a] * signs[b] < 0).mean()

    assert 0.25 < differs("thorough", "hurried") < 0.4
    assert 0.25 < differs("careful", "direct") < 0.4


def test_the_twins_differ_in_what_length_says_and_in_nothing_else():
    def within(split):  # correlation of words and gold among the answers to one question
        words = [[len(text.split()) for text in row["responses"]] for row in shipped(split)]
        return np.corrcoef(np.diff(words).ravel(), np.diff(ratings(split, "gold")).ravel())[0, 1]

    pairs = zip(shipped("confounded"), shipped("unconfounded"), strict=True)
    assert all(a["prompt"] == b["prompt"] for a, b in pairs)
    assert within("confounded") == pytest.approx(0.4, abs=0.08)
    assert abs(within("unconfounded")) < 0.08
    means = [ratings(split, "gold").mean() for split in ("confounded", "unconfounded")]
    assert means[0] == pytest.approx(means[1], abs=0.03)
    with pytest.raises(InputError):
        rows.rows(3, k=4, split="confounded")


def test_rules_without_understanding_fail():
    for key, limit in (("ranks", 0.62), ("gold", 0.64)):
        found = nulls.table(shipped("train"), shipped("test"), key)
        assert set(found) == {"longest", "shortest", "first", "random", "bag of words"}
        assert all(accuracy < limit for accuracy in found.values()), found
        assert abs(found["longest"] - 0.5) < 0.07, found


def test_the_bag_of_words_does_learn_what_words_can_say():
    row = {"prompt": "?", "ranks": [1, 2], "responses": ["good", "bad"]}
    again = {"prompt": "?", "ranks": [2, 1], "responses": ["bad thing", "good thing"]}
    assert nulls.table([row] * 20, [again], "ranks")["bag of words"] == 1.0


def longer_wins(**dials):
    made = rows.rows(700, **dials)
    found = nulls.pairs(made)
    return nulls.accuracy(
        [(len(r["responses"][i].split()), len(r["responses"][j].split())) for r, i, j in found]
    )


def test_a_length_bias_raises_the_share_of_longer_winners():
    rates = [longer_wins(length_bias=bias) for bias in (-0.3, 0.0, 0.3)]
    assert rates[0] + 0.1 < rates[1] < rates[2] - 0.1


def test_position_bias_and_noise_show_in_the_labels():
    first = [
        sum(row["ranks"][0] == 1 for row in rows.rows(700, position_bias=bias)) / 700 for bias in (0, 0.3)
    ]
    assert first[0] == pytest.approx(0.5, abs=0.06)
    assert first[1] > first[0] + 0.1

    def agrees(noise):
        made = rows.rows(700, noise=noise)
        return (
            sum((r["ratings"]["gold"][0] > r["ratings"]["gold"][1]) == (r["ranks"][0] == 1) for r in made)
            / 700
        )

    assert agrees(0.0) - agrees(0.6) == pytest.approx(0.6 * 0.3, abs=0.07)


def test_a_dial_changes_what_is_said_of_the_same_answers():
    plain, biased = rows.rows(50), rows.rows(50, length_bias=0.5, ties=0.5)
    assert [row["responses"] for row in plain] == [row["responses"] for row in biased]
    assert [row["ranks"] for row in plain] != [row["ranks"] for row in biased]
    assert any(row["ranks"] == [1, 1] and "strength" not in row for row in biased)
    without = rows.rows(50, strengths=False, steps=False)
    assert not any("strength" in row or "steps" in row for row in without)
    assert {row["annotator"] for row in rows.rows(8, camps=3)} == set(list(annotators.CAMPS)[:3])


def test_load_gives_preferences():
    train, test = rmkit.load("pocket").split(test=0.2)
    assert (len(train), len(test)) == (2000, 500)
    assert set(train.subsets) == set(questions.KINDS)
    assert train[0].ratings["gold"]
    assert len(rmkit.load("pocket", split="test")) == 1000
    nine = rmkit.load("pocket", n=6, k=9, ties=0.2, camps=["thorough"], kinds=["three-facts"])
    assert [len(record.responses) for record in nine] == [9] * 6
    assert nine[0].annotator == "thorough"
    assert nine.subsets == {"three-facts": 6}


def test_the_shipped_file_is_what_the_dials_would_generate():
    generated = pocket.preferences(n=30)
    assert [record.to_dict() for record in rmkit.load("pocket")[:30]] == [r.to_dict() for r in generated]


def test_the_bench_has_four_subsets_in_which_the_better_is_better():
    bench = pocket.bench()
    assert bench.subsets == {"chat": 80, "chat-hard": 80, "safety": 80, "reasoning": 80}
    longer = 0
    for record in bench:
        better, worse = sorted((0, 1), key=lambda i: record.ranks[i])
        gap = record.ratings["gold"][better] - record.ratings["gold"][worse]
        assert gap >= 0.1
        if record.subset == "chat-hard":
            longer += len(record.responses[worse].split()) > len(record.responses[better].split())
        else:
            assert gap >= 0.25
    assert longer == 80
    assert 0.4 < sum(record.ranks[0] == 1 for record in bench) / 320 < 0.6


@pytest.mark.parametrize(
    "wrong", [{"split": "tset"}, {"kinds": ["riddle"]}, {"n": -1}, {"n": 3, "k": 0}, {"nois": 1}]
)
def test_wrong_arguments_are_refused(wrong):
    with pytest.raises(InputError):
        rmkit.load("pocket", **wrong)
