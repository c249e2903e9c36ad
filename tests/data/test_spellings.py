"""Questions, labels and votes in the spellings of public files: read as they are meant, or refused."""

import json
import math

import pytest
import torch
from rmkit.preferences import load
from turns import assistant, system, user

from rmkit.data.rows_to_score import rows_to_score
from rmkit.errors import InputError
from rmkit.theory import losses

ASKED, GOOD, BAD = "Which bird fishes at dawn?", "A heron does.", "A mole does."
PAIR = {"chosen": GOOD, "rejected": BAD}
SIDES = {"prompt": ASKED, "response_a": GOOD, "response_b": BAD}
NAN = float("nan")


TURNS = [user("Hi"), assistant("Hello"), user(ASKED)]


# --- the question -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "column",
    [
        "human",
        "goal",
        "inputs",
        "problem_statement",
        "user_question",
        "question_text",
        "prompt_text",
        "topic",
    ],
)
@pytest.mark.parametrize("answers", [PAIR, {"responses": [GOOD, BAD], "ranks": [1, 2]}, {"response": GOOD}])
def test_a_question_under_another_name(column, answers):
    read = load([{column: ASKED} | answers])
    assert (read[0].prompt, read[0].responses[0], read[0].extra) == (ASKED, GOOD, None)
    assert read.ledger.remarks == {}


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({"instruction": "Answer.", "question": ASKED}, f"Answer.\n{ASKED}"),
        ({"instruction": "Answer.", "problem": ASKED}, f"Answer.\n{ASKED}"),
        ({"instruction": "Answer.", "query": ASKED, "input": ""}, f"Answer.\n{ASKED}"),
        ({"instruction": ASKED, "question": ASKED}, ASKED),
        (
            {"instruction": "Answer.", "context": "Herons fish.", "question": ASKED},
            f"Herons fish.\n\nAnswer.\n{ASKED}",
        ),
        ({"article": "Herons fish.", "question": ASKED}, f"Herons fish.\n\n{ASKED}"),
        ({"title": ASKED, "selftext": ""}, ASKED),
        ({"prompt": "   ", "question": ASKED}, ASKED),
        ({"prompt": NAN, "query": ASKED}, ASKED),
        ({"prompt": {"text": ASKED}}, ASKED),
        ({"prompt": {"system": "Be brief.", "user": ASKED}}, [system("Be brief."), user(ASKED)]),
        ({"history": [{"user": "Hi", "assistant": "Hello"}], "query": ASKED}, TURNS),
        ({"history": [{"human": "Hi", "bot": "Hello"}], "input": ASKED}, TURNS),
        ({"history": [{"question": "Hi", "answer": "Hello"}], "question": ASKED}, TURNS),
        ({"history": str([["Hi", "Hello"]]), "instruction": ASKED, "input": None}, TURNS),
        ({"chat_history": [["Hi", "Hello"]], "question": ASKED}, TURNS),
        ({"conversation_history": TURNS[:2], "question": ASKED}, TURNS),
        ({"previous_messages": json.dumps(TURNS[:2]), "user_message": ASKED}, TURNS),
        ({"messages": TURNS[:2], "question": ASKED}, TURNS),
        ({"conversation": [{"human": "Hi", "bot": "Hello"}, {"human": ASKED}]}, TURNS),
        ({"conversation": {"messages": TURNS}}, TURNS),
        ({"turns": TURNS}, TURNS),
        ({"chat": TURNS}, TURNS),
        ({"prompt_messages": [user(ASKED)]}, [user(ASKED)]),
        ({"turns": [ASKED]}, [user(ASKED)]),
        ({"prompt": [user(ASKED)], "context": "Herons fish."}, [user(f"Herons fish.\n\n{ASKED}")]),
        ({"prompt": TURNS, "context": "Fish."}, [*TURNS[:2], user(f"Fish.\n\n{ASKED}")]),
        (
            {"prompt": [user(ASKED)], "context": "Fish.", "system": "Be brief."},
            [system("Be brief."), user(f"Fish.\n\n{ASKED}")],
        ),
        ({"dialogue": ["Hi", "Hello", ASKED]}, TURNS),
        ({"goal": ASKED, "input": "At dawn."}, f"{ASKED}\nAt dawn."),
        ({"system_prompt": "Be brief.", "human": ASKED}, [system("Be brief."), user(ASKED)]),
    ],
)
def test_a_question_in_several_columns_keeps_all_of_them(columns, asked):
    read = load([columns | PAIR])
    assert (read[0].prompt, read[0].responses, read[0].extra) == (asked, [GOOD, BAD], None)
    assert read.ledger.remarks == {}


@pytest.mark.parametrize("before", [[], TURNS[:2]])
def test_a_text_before_a_question_that_the_answers_repeat(before):
    talk = [*before, user(ASKED)]
    sides = {name: [*talk, assistant(answer)] for name, answer in PAIR.items()}
    read = load([{"prompt": talk, "context": "Fish."} | sides])
    assert read[0].prompt == [*before, user(f"Fish.\n\n{ASKED}")]
    assert (read[0].responses, read[0].extra) == ([GOOD, BAD], None)


def test_a_conversation_that_repeats_the_question_is_no_history():
    talk = [user(ASKED), assistant(GOOD)]
    read = load([{"prompt": ASKED, "messages": talk} | PAIR])
    assert (read[0].prompt, read[0].extra) == (ASKED, {"messages": talk})


@pytest.mark.parametrize(
    ("shape"),
    [
        lambda text: {"from": "gpt", "value": text},
        lambda text: [{"from": "gpt", "value": text}],
        lambda text: [text],
        lambda text: json.dumps([assistant(text)]),
        lambda text: str(assistant(text)),
        lambda text: {"value": text},
        lambda text: {"answer": text},
        lambda text: {"output": text},
        lambda text: {"completion": text},
        lambda text: {"messages": [assistant(text)]},
        lambda text: {"assistant": text},
        lambda text: [{"role": "assistant", "content": [{"type": "text", "text": text}]}],
    ],
)
@pytest.mark.parametrize("column", ["query", "instruction", "user_input"])
def test_an_answer_in_every_shape_stands_beside_its_question(shape, column):
    read = load([{column: ASKED, "chosen": shape(GOOD), "rejected": shape(BAD)}])
    assert (read[0].prompt, read[0].responses, read[0].ranks) == (ASKED, [GOOD, BAD], [1, 2])


def test_turns_of_both_sides_in_the_answers():
    read = load([{name: {"user": ASKED, "assistant": text} for name, text in PAIR.items()}])
    assert (read[0].prompt, read[0].responses) == ([user(ASKED)], [GOOD, BAD])


@pytest.mark.parametrize(
    ("columns", "named"),
    [
        ({"topic": "birds", "text": ASKED}, "'topic'.*'text'"),
        ({"context": "Herons fish.", "utterance": ASKED}, "'context'.*'utterance'"),
        ({"title": "Birds", "text": ASKED}, "'title', 'text'"),
        ({"source": "Welcher Vogel fischt bei Tagesanbruch?"}, "'source'"),
        ({"data": {"text": ASKED}}, "'data'"),
        ({"questions": [ASKED]}, "'questions'"),
        ({"turns": [ASKED, "And at dusk?"]}, "'turns'"),
        ({"system": "You are helpful and kind."}, "'system'"),
        ({"prompt": " ", "text": ASKED}, "'text'"),
        ({"history": [{"speaker": "Ann", "says": "Hi"}], "question": ASKED}, "'history'"),
    ],
)
def test_words_that_may_be_the_question_are_never_passed_over(columns, named):
    with pytest.raises(InputError, match=f"row 1: .*column.*{named}"):
        load([columns | PAIR])


@pytest.mark.parametrize("aside", [{"topic": "birds"}, {"context": "A talk of birds."}, {"turns": 1}])
def test_what_stands_beside_whole_conversations_is_no_question(aside):
    row = {name: [user(ASKED), assistant(text)] for name, text in PAIR.items()}
    record = load([row | aside | {"note": "seen by two people"}])[0]
    assert (record.prompt, record.responses) == ([user(ASKED)], [GOOD, BAD])
    assert record.extra == aside | {"note": "seen by two people"}


@pytest.mark.parametrize(
    "empty", [None, "", "  \n", NAN, [], [user("")], [user("  ")], {"instruction": "", "input": None}]
)
def test_an_empty_question_is_counted_in_some_rows_and_in_all(empty):
    columns = empty if isinstance(empty, dict) else {"prompt": empty}
    read = load([columns | PAIR, {"prompt": ASKED, "chosen": "x", "rejected": "y"}])
    assert [record.prompt for record in read] == ["", ASKED]
    assert read.ledger.remarks == {"no prompt": 1}
    assert read.ledger.examples("no prompt")["where"].tolist() == ["row 1"]


def test_answers_without_a_question_are_never_one_group():
    rows = [{"prompt": "  ", "response": text, "score": n} for n, text in enumerate((GOOD, BAD))]
    assert [record.responses for record in load(rows)] == [[GOOD], [BAD]]


# --- the verdict --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "ranks", "first"),
    [
        ("[[A=B]]", [1, 1], GOOD),
        ("Equally good", [1, 1], GOOD),
        ("both bad", [1, 1], GOOD),
        ("tie: both bad", [1, 1], GOOD),
        ("A is significantly better", [1, 2], GOOD),
        ("strongly prefer B", [1, 2], BAD),
        ("prefer A", [1, 2], GOOD),
        ("b_slightly_better", [1, 2], BAD),
        ("second response", [1, 2], BAD),
        ("1st", [1, 2], GOOD),
        (BAD, [1, 2], BAD),
        ("Both name an animal, but only one fishes. [[B>>A]]", [1, 2], BAD),
    ],
)
@pytest.mark.parametrize("column", ["winner", "vote"])
def test_more_words_for_a_winner(column, value, ranks, first):
    record = load([SIDES | {column: value}])[0]
    assert (record.ranks, record.responses[0], record.extra) == (ranks, first, None)


@pytest.mark.parametrize(
    "value", ["unknown", "N/A", "none", "nan", NAN, "skip", "not sure", "?", "null", None]
)
def test_a_winner_that_says_nothing_is_no_label(value):
    read = load([SIDES | {"winner": value}, SIDES | {"prompt": "Who digs?", "winner": "b"}])
    assert [record.ranks for record in read] == [None, [1, 2]]
    assert (read.ledger.remarks, read.ledger.tied) == ({"no label": 1}, 0)
    # Where another column says it, that one is read.
    assert load([SIDES | {"winner": value, "preference": "b"}])[0].responses == [BAD, GOOD]


def test_a_rating_of_one_aspect_is_no_label_on_the_whole():
    row = {"prompt": ASKED, "response_0": GOOD, "response_1": BAD, "safer_response_id": 0}
    read = load([row | {"better_response_id": None}])
    assert (read[0].ranks, read[0].ratings) == (None, {"safer": [1, 0]})
    assert read.ledger.remarks == {"no label": 1}


@pytest.mark.parametrize("nothing", [None, NAN, "n/a"])
@pytest.mark.parametrize(
    ("row", "column"),
    [
        ({"context": [user(ASKED)], "response1": GOOD, "response2": BAD}, "overall_preference"),
        ({"prompt": ASKED, "response_1": GOOD, "response_2": BAD}, "preference_strength"),
        ({"history": ASKED, "human_ref_A": GOOD, "human_ref_B": BAD}, "labels"),
        ({"prompt": ASKED, "response_0": GOOD, "response_1": BAD}, "better_response_id"),
        ({"info": {"post": ASKED}, "summaries": [{"text": GOOD}, {"text": BAD}]}, "choice"),
    ],
)
def test_a_published_scale_that_says_nothing_is_no_label(row, column, nothing):
    read = load([row | {column: nothing}])
    assert (read[0].responses, read[0].ranks, read[0].ratings) == ([GOOD, BAD], None, None)
    assert read.ledger.remarks == {"no label": 1}
    assert rows_to_score([row | {column: nothing}])[0].record.responses == [GOOD, BAD]


@pytest.mark.parametrize(
    "names",
    [
        ("model_a", "model_b"),
        ("model_a_name", "model_b_name"),
        ("a_model", "b_model"),
        ("response_a_model", "response_b_model"),
    ],
)
def test_a_model_is_named_as_the_winner(names):
    models = dict(zip(names, ("fern", "moss"), strict=True))
    assert load([SIDES | models | {"winner": "moss"}])[0].responses == [BAD, GOOD]


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        ({"model_a": "fern", "model_b": "fern", "winner": "fern"}, "stands for both"),
        ({"model_a": "B", "model_b": "A", "winner": "B"}, "the model or the text of the other"),
        ({"response_a": "B", "response_b": "A", "winner": "B"}, "the model or the text of the other"),
        ({"winner": "a", "preference": "b"}, "'winner' and 'preference' judge differently"),
        ({"winner": "a", "label": "tie"}, "'winner' and 'label' judge differently"),
        ({"winner": "a", "is_tie": True}, "judge differently"),
        ({"winner": "b", "votes_a": 5, "votes_b": 1}, "judge differently"),
        ({"score_a": 5, "score_b": 1, "rating_a": 1, "rating_b": 5}, "'score' and of 'rating'"),
        ({"winner_model_a": 1, "winner_model_b": 1, "winner_tie": 0}, "exactly one of"),
        ({"preference": -2}, "which answer"),
        ({"label": [1, 0]}, "column 'label'"),
        ({"labels": [0, 1, 1]}, "column 'labels'"),
        ({"annotations": [{"annotator": "x", "score": 3}]}, "column 'annotations'"),
    ],
)
def test_judgments_that_disagree_or_may_mean_two_things_are_refused(columns, why):
    with pytest.raises(InputError, match=f"row 1: .*{why}"):
        load([SIDES | columns])


@pytest.mark.parametrize("value", ["A", "b", "[[A]]", "A wins", "model_b", "A>B", "tie"])
@pytest.mark.parametrize("column", ["result", "decision", "gold", "answer", "prefered"])
def test_a_verdict_under_a_name_that_nobody_knows_is_refused(column, value):
    with pytest.raises(InputError, match=f"column '{column}' looks like a judgment"):
        load([SIDES | {column: value}])
    assert load([SIDES | {column: value, "winner": "b"}])[0].responses == [BAD, GOOD]


def test_a_number_may_be_the_better_answer_itself():
    row = {"prompt": "2 + 2?", "response_1": "5", "response_2": "4"}
    assert load([row | {"winner": "4"}])[0].responses == ["4", "5"]
    with pytest.raises(InputError, match="the model or the text of the other"):
        load([row | {"response_1": "2", "winner": "2"}])


def test_two_columns_that_agree_are_one_judgment():
    assert load([SIDES | {"winner": "model_b", "preference": "B"}])[0].responses == [BAD, GOOD]
    # A column `label` may well speak of something else.
    other = load([SIDES | {"winner": "a", "label": "zoology"}])[0]
    assert (other.ranks, other.extra) == ([1, 2], {"label": "zoology"})


@pytest.mark.parametrize(
    ("columns", "ranks", "first"),
    [
        ({"winner_model_a": True, "winner_model_b": False, "winner_tie": False}, [1, 2], GOOD),
        ({"winner_model_a": "0", "winner_model_b": "1", "winner_tie": "0"}, [1, 2], BAD),
        ({"winner_a": 0, "winner_b": 1, "tie": 0}, [1, 2], BAD),
        ({"a_wins": 1.0, "b_wins": 0.0}, [1, 2], GOOD),
        ({"winner_model_a": 0, "winner_model_b": 0, "winner_tie": 0, "winner_tie(bothbad)": 1}, [1, 1], GOOD),
        ({"winner_model_a": 0, "winner_model_b": 0, "winner_tie": 0, "winner_bothbad": 1}, [1, 1], GOOD),
        ({"winner_model_a": 0, "winner_model_b": 0, "winner_tie": 0}, None, GOOD),
        ({"is_tie": True}, [1, 1], GOOD),
    ],
)
def test_one_column_for_each_outcome(columns, ranks, first):
    read = load([SIDES | columns])
    assert (read[0].ranks, read[0].responses[0], read[0].ratings, read[0].share) == (ranks, first, None, None)
    assert read.ledger.remarks == ({} if ranks else {"no label": 1})


# --- ratings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("chosen_rm_score", "rejected_rm_score"),
        ("gpt4_score_chosen", "gpt4_score_rejected"),
        ("pm_score_chosen", "pm_score_rejected"),
        ("chosen_overall_score", "rejected_overall_score"),
        ("chosenScore", "rejectedScore"),
        ("rewards_chosen", "rewards_rejected"),
    ],
)
@pytest.mark.parametrize(
    ("values", "ranks", "strength", "lower"),
    [((4, 1), [1, 2], 3, 0), ((2, 2), [1, 1], None, 0), ((1, 4), [1, 2], None, 1)],
)
def test_more_names_for_ratings_of_a_pair(first, second, values, ranks, strength, lower):
    read = load([{"prompt": ASKED, first: values[0], second: values[1]} | PAIR])
    assert (read[0].ranks, read[0].strength, read[0].extra) == (ranks, strength, None)
    assert list(read[0].ratings.values()) == [list(values)]
    assert read.ledger.remarks == ({"chosen scores lower": 1} if lower else {})


@pytest.mark.parametrize(
    ("row", "ratings", "ranks"),
    [
        ({"y_w": GOOD, "y_l": BAD, "reward_w": 3, "reward_l": 3}, {"reward": [3, 3]}, [1, 1]),
        ({"response_j": GOOD, "response_k": BAD, "score_j": 3, "score_k": 1}, {"score": [3, 1]}, [1, 2]),
        (PAIR | {"ratings": {"chosen": 4, "rejected": 4}}, {"rating": [4, 4]}, [1, 1]),
        (
            {"chosen": {"text": GOOD, "score": 2}, "rejected": {"text": BAD, "score": 2}},
            {"score": [2, 2]},
            [1, 1],
        ),
        (
            {"chosen": [assistant(GOOD) | {"score": 5}], "rejected": [assistant(BAD) | {"score": 1}]},
            {"score": [5, 1]},
            [1, 2],
        ),
        (PAIR | {"score_gap": 0}, None, [1, 1]),
        (PAIR | {"margin": 0}, None, [1, 2]),
    ],
)
def test_ratings_that_stand_elsewhere(row, ratings, ranks):
    record = load([{"question": ASKED} | row])[0]
    assert (record.responses, record.ratings, record.ranks) == ([GOOD, BAD], ratings, ranks)


def test_what_sides_hold_beside_text_and_rating_is_kept():
    row = {"prompt": ASKED, "chosen": {"text": GOOD, "model": "x"}, "rejected": {"text": BAD, "model": "y"}}
    assert load([row])[0].extra == {"chosen": {"model": "x"}, "rejected": {"model": "y"}}


@pytest.mark.parametrize("values", [("n/a", "1"), (None, 1), ([5, 4], [1, 2])])
def test_ratings_of_a_pair_that_are_not_read_are_kept(values):
    columns = dict(zip(("score_chosen", "score_rejected"), values, strict=True))
    record = load([{"prompt": ASKED} | PAIR | columns])[0]
    assert (record.ranks, record.ratings, record.extra) == ([1, 2], None, columns)


def test_a_rating_of_one_side_only_is_no_label_and_counted():
    read = load([SIDES | {"score_a": 5, "score_b": None}])
    assert (read[0].pairs(), read[0].ties(), read[0].ratings) == ([], [], {"score": [5, None]})
    assert read.ledger.remarks == {"no label": 1}


@pytest.mark.parametrize(
    "column",
    [{"winner": "both_bad"}, {"label": "tie"}, {"verdict": "same"}, {"is_tie": 1}, {"status": "Tie"}],
)
def test_a_pair_may_say_beside_its_sides_that_it_is_a_tie(column):
    read = load([{"prompt": ASKED} | PAIR | column])
    assert (read[0].ranks, read.ledger.tied) == ([1, 1], 1)


def test_words_that_speak_of_both_are_no_tie():
    """Neither an answer, nor a judge who gives reasons."""
    row = {"prompt": ASKED, "preferred": "Both do.", "rejected": "Neither, I think."}
    assert load([row])[0].ranks == [1, 2]
    reasons = {"judgment": "Both answers name an animal, and the first names a bird."}
    assert load([{"prompt": ASKED} | PAIR | reasons])[0].ranks == [1, 2]
    with pytest.raises(InputError, match="column 'judgment'"):
        load([SIDES | {"judgment": "Both fine, but A wins."}])


def test_a_list_beside_a_verdict_may_speak_of_something_else():
    record = load([SIDES | {"winner": "a", "labels": ["a", "zoology"]}])[0]
    assert (record.ranks, record.share, record.extra) == ([1, 2], None, {"labels": ["a", "zoology"]})
    assert load([SIDES | {"winner": "a", "votes": ["a", "b", "a"]}])[0].share == pytest.approx(2 / 3)
    with pytest.raises(InputError, match="column 'labels'"):
        load([SIDES | {"labels": ["a", "zoology"]}])


@pytest.mark.parametrize("column", ["winner", "preference", "verdict"])
def test_a_pair_whose_winner_is_the_rejected_one_is_refused(column):
    with pytest.raises(InputError, match=f"column '{column}' names 'rejected'"):
        load([{"prompt": ASKED, column: "rejected"} | PAIR])
    assert load([{"prompt": ASKED, column: "chosen"} | PAIR])[0].ranks == [1, 2]
    assert rows_to_score([{"prompt": ASKED, column: "rejected"} | PAIR])[0].record.responses == [GOOD, BAD]


def test_a_winner_that_scores_lower_is_told():
    assert load([SIDES | {"winner": "a", "score_a": 1, "score_b": 5}]).ledger.remarks == {
        "chosen scores lower": 1
    }


@pytest.mark.parametrize(
    ("label", "right"),
    [("thumbs_up", True), ("Thumbs-Down", False), ("desirable", True), ("rejected", False)],
)
def test_more_words_for_a_good_answer(label, right):
    assert load([{"prompt": ASKED, "response": GOOD, "label": label}])[0].correct == [right]


@pytest.mark.parametrize("label", [None, "unknown", "n/a", NAN])
def test_an_answer_whose_label_says_nothing_is_counted(label):
    read = load([{"prompt": ASKED, "response": GOOD, "label": label}])
    assert (read[0].correct, read.ledger.remarks) == ([None], {"no label": 1})


# --- votes in one row ---------------------------------------------------------------------------------------

COUNTS = [
    ({"votes_a": 1, "votes_b": 5}, {"votes": [5, 1]}, 5 / 6),
    ({"n_votes_a": "1", "n_votes_b": "5"}, {"votes": [5, 1]}, 5 / 6),
    ({"b_votes": 5, "a_votes": 0, "ties": 1}, {"votes": [5.5, 0.5]}, 5.5 / 6),
    ({"model_a_wins": 2, "model_b_wins": 4}, {"votes": [4, 2]}, 4 / 6),
    ({"percent_a": "25%", "percent_b": "75%"}, {"percent": [75, 25]}, 0.75),
    ({"vote_a": 1, "vote_b": 3}, {"votes": [3, 1]}, 0.75),
    ({"num_prefer_a": 1, "num_prefer_b": 3}, {"votes": [3, 1]}, 0.75),
    ({"votes": [1, 3]}, {"votes": [3, 1]}, 0.75),
    ({"votes": {"model_a": 1, "model_b": 2, "tie": 1}}, {"votes": [2.5, 1.5]}, 2.5 / 4),
    ({"votes": ["a", "b", "B", "tie"]}, {"votes": [2.5, 1.5]}, 2.5 / 4),
    ({"labels": ["model_b", "unknown", "model_b", "model_a"]}, {"votes": [2, 1]}, 2 / 3),
    ({"preference": ["A>B", "B>A", "B>>A"]}, {"votes": [2, 1]}, 2 / 3),
    ({"judgments": json.dumps(["A", "B", "B"])}, {"votes": [2, 1]}, 2 / 3),
]


@pytest.mark.parametrize(("columns", "ratings", "share"), COUNTS)
def test_votes_of_one_row_are_one_soft_label(columns, ratings, share):
    read = load([SIDES | columns])
    record = read[0]
    assert (record.responses, record.ranks, record.ratings, record.extra) == (
        [BAD, GOOD],
        [1, 2],
        ratings,
        None,
    )
    assert record.share == pytest.approx(share)
    assert read.ledger.remarks == {"votes of one row": 1}
    assert load([SIDES | columns], votes="share")[0].share == pytest.approx(share)
    majority = load([SIDES | columns], votes="majority")[0]
    assert (majority.responses, majority.ranks, majority.share) == ([BAD, GOOD], [1, 2], None)


def test_what_each_annotator_said_is_counted_and_kept():
    said = [{"annotator": name, "label": vote} for name, vote in (("ann", "b"), ("ben", "a"), ("cat", "b"))]
    record = load([SIDES | {"annotations": said}])[0]
    assert (record.responses, record.share) == ([BAD, GOOD], pytest.approx(2 / 3))
    assert record.extra == {"annotations": said}


def test_numbers_in_a_list_of_votes_name_the_answers_where_those_are_numbered():
    row = {"prompt": ASKED, "response_0": GOOD, "response_1": BAD, "labels": [0, 1, 1]}
    record = load([row])[0]
    assert (record.responses, record.share) == ([BAD, GOOD], pytest.approx(2 / 3))


@pytest.mark.parametrize("columns", [{"votes_a": 2, "votes_b": 2}, {"votes": ["a", "b", "tie"]}])
def test_an_even_split_in_one_row_is_a_tie(columns):
    assert load([SIDES | columns])[0].ranks == [1, 1]


@pytest.mark.parametrize(
    "columns", [{"votes_a": 0, "votes_b": 0}, {"votes": []}, {"votes_a": None, "votes_b": None}]
)
def test_no_votes_are_no_label_and_no_tie(columns):
    read = load([SIDES | columns])
    assert (read[0].ranks, read.ledger.remarks, read.ledger.tied) == (None, {"no label": 1}, 0)


def test_all_votes_for_one_side_are_sure():
    record = load([SIDES | {"votes_a": 3, "votes_b": 0}])[0]
    assert (record.ranks, record.share, record.ratings) == ([1, 2], None, {"votes": [3, 0]})


@pytest.mark.parametrize(
    "names", [("chosen_votes", "rejected_votes"), ("n_votes_chosen", "n_votes_rejected")]
)
def test_votes_for_the_two_sides_of_a_pair(names):
    def pair(*counts):
        return load([{"prompt": ASKED} | PAIR | dict(zip(names, counts, strict=True))])

    assert (pair(3, 1)[0].share, pair(3, 1)[0].ratings) == (0.75, {"votes": [3, 1]})
    assert pair(2, 2)[0].ranks == [1, 1]
    assert pair(1, 3).ledger.remarks == {"chosen scores lower": 1}
    assert pair(1, 3)[0].share == 0.25


def test_a_share_beside_a_pair():
    assert load([{"prompt": ASKED, "share": 0.7} | PAIR])[0].share == 0.7


def test_rows_of_counts_weigh_as_many_people_as_they_count():
    rows = [SIDES | {"votes_a": 4, "votes_b": 1}, SIDES | {"winner": "b", "annotator": "k"}]
    share, majority = (load(rows, votes=way)[0] for way in ("share", "majority"))
    assert (share.responses, share.share, share.ratings) == (
        [GOOD, BAD],
        pytest.approx(4 / 6),
        {"votes": [4, 2]},
    )
    assert (majority.responses, majority.ranks) == ([GOOD, BAD], [1, 2])


@pytest.mark.parametrize("name", ["bradley-terry", "label-smoothing", "hinge", "focal"])
def test_every_loss_of_pairs_learns_counts_as_it_learns_their_votes(name):
    def loss_of(rows, **dials):
        records = list(load(rows, **dials))
        rewards = torch.tensor([[2.0 if text == GOOD else -1.0 for text in r.responses] for r in records])
        shares = torch.tensor([math.nan if r.share is None else r.share for r in records])
        ranks, mask = torch.tensor([r.ranks for r in records]), torch.ones(len(records), 2, dtype=bool)
        return losses.under_shares(losses.get(name), rewards, mask, ranks=ranks, share=shares).mean()

    votes = loss_of([SIDES | {"winner": "a", "id": i} for i in range(3)] + [SIDES | {"winner": "b", "id": 3}])
    assert loss_of([SIDES | {"votes_a": 3, "votes_b": 1}]) == pytest.approx(votes.item())
    assert loss_of([SIDES | {"votes": list("abaa")}], votes="share") == pytest.approx(votes.item())
