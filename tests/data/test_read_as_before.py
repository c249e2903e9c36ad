"""What a file says beside its judgments changes neither its questions and answers, nor its labels."""

import pytest

import rmkit
from rmkit.data.rows_to_score import rows_to_score

ASKED = "Which bird fishes at dawn?"
GOOD, BAD = "A heron does.", "A mole does."
PAIR = {"prompt": ASKED, "chosen": GOOD, "rejected": BAD}
SIDES = {"prompt": ASKED, "response_a": GOOD, "response_b": BAD}


def one(row):
    (record,) = rmkit.load([row])
    return record


@pytest.mark.parametrize("column", ["group", "variant", "kind", "mode", "grade", "reviewer"])
@pytest.mark.parametrize("value", ["A", "b", "tie"])
def test_a_letter_of_something_else_is_no_judgment(column, value):
    read = rmkit.load([SIDES | {column: value}])
    assert (read[0].responses, read[0].ranks, read[0].extra) == ([GOOD, BAD], None, {column: value})
    assert read.ledger.remarks == {"no label": 1}


@pytest.mark.parametrize("column", ["reasoning", "thinking", "justification", "notes"])
def test_reasons_are_not_asked_for_as_the_question(column):
    row = {"topic": ASKED, "chosen": GOOD, "rejected": BAD, column: "Only one of the two can swim."}
    record = one(row)
    assert (record.prompt, record.extra) == (ASKED, {column: "Only one of the two can swim."})


@pytest.mark.parametrize("column", ["label", "more_convincing", "outcome"])
def test_a_judgment_in_a_word_is_not_taken_for_the_question(column):
    row = {"topic": ASKED, "argument_1": GOOD, "argument_2": BAD, column: "a1"}
    (scored,) = rows_to_score([row])
    assert (scored.record.prompt, scored.record.responses) == (ASKED, [GOOD, BAD])


@pytest.mark.parametrize("column", ["topic", "task_description"])
def test_a_topic_beside_a_conversation_is_not_the_question(column):
    talk = [{"from": "human", "value": ASKED}]
    row = {"conversations": talk, "chosen": GOOD, "rejected": BAD, column: "Birds of the shore and the wood"}
    record = one(row)
    assert (record.prompt, record.responses) == ([{"role": "user", "content": ASKED}], [GOOD, BAD])
    assert record.extra == {column: "Birds of the shore and the wood"}


@pytest.mark.parametrize("column", ["topic", "input", "task_description"])
def test_a_system_prompt_does_not_make_a_topic_the_question(column):
    talks = [
        [{"role": "user", "content": ASKED}, {"role": "assistant", "content": text}] for text in (GOOD, BAD)
    ]
    row = {"system": "Be brief.", column: "Birds of the shore", "chosen": talks[0], "rejected": talks[1]}
    record = one(row | {"task": "open questions"})
    system = {"role": "system", "content": "Be brief."}
    assert (record.prompt, record.responses) == ([system, talks[0][0]], [GOOD, BAD])
    assert record.extra == {column: "Birds of the shore", "task": "open questions"}


@pytest.mark.parametrize("repeated", [[], [{"role": "user", "content": ASKED}]])
def test_the_system_turn_of_a_prompt_stays(repeated):
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ASKED}]
    talks = [[*repeated, {"role": "assistant", "content": text}] for text in (GOOD, BAD)]
    record = one({"prompt": prompt, "chosen": talks[0], "rejected": talks[1]})
    assert (record.prompt, record.responses) == (prompt, [GOOD, BAD])


def test_a_conversation_that_goes_on_to_an_answer_is_not_the_history():
    talk = [{"role": "user", "content": "Say which."}, {"role": "assistant", "content": GOOD}]
    record = one(PAIR | {"messages": talk})
    assert (record.prompt, record.responses, record.extra) == (ASKED, [GOOD, BAD], {"messages": talk})


@pytest.mark.parametrize(
    ("prompt", "begun"),
    [
        ("a poem about herons", "Sure, here is a poem about herons: "),
        ("see you very soon", "Dear Ann,\n\nsee you very soon: "),
        ("a list of birds", "Here is a list of birds of the shore: "),
        ("herons of the north", "Title: herons of the north\n\nFirst verse: "),
    ],
)
def test_words_of_the_answers_stay_with_them(prompt, begun):
    answers = [f"{begun}They dive.", f"{begun}Divers, all."]
    record = one({"prompt": prompt, "chosen": answers[0], "rejected": answers[1]})
    assert (record.prompt, record.responses) == (prompt, answers)


@pytest.mark.parametrize(
    "around", [f"Q: {ASKED} A:", f"### Question\n{ASKED}\n\n### Reply:", f"POST: {ASKED}\n\nTL;DR:"]
)
def test_words_of_a_template_are_the_prompt(around):
    answers = ["Herons do.", "Moles do."]
    record = one({"prompt": ASKED, "chosen": f"{around} {answers[0]}", "rejected": f"{around} {answers[1]}"})
    assert (record.prompt, record.responses) == (around, answers)


@pytest.mark.parametrize("nothing", [None, [], "", " "])
def test_a_conversation_that_is_not_there_is_empty(nothing):
    talk = [{"from": "human", "value": ASKED}, {"from": "gpt", "value": GOOD}]
    read = rmkit.load([{"conversations": talk}, {"conversations": nothing}])
    assert (len(read), read.ledger.dropped) == (1, {"empty": 1})


def test_one_hot_winners_beside_a_label_of_something_else():
    row = SIDES | {"winner_model_a": 0, "winner_model_b": 1, "winner_tie": 0, "label": "birds"}
    record = one(row)
    assert (record.responses, record.ranks, record.extra) == ([BAD, GOOD], [1, 2], {"label": "birds"})


@pytest.mark.parametrize("choices", [["A", "B"], ["A", "B", "tie"], ["tie", "response_b", "response_a"]])
def test_what_there_was_to_choose_from_is_no_vote(choices):
    record = one(SIDES | {"winner": "b", "choices": choices})
    assert (record.responses, record.ranks, record.ratings) == ([BAD, GOOD], [1, 2], None)
    assert (record.share, record.extra) == (None, {"choices": choices})
    with pytest.raises(rmkit.errors.InputError, match="column 'choices' looks like a judgment"):
        rmkit.load([SIDES | {"choices": choices}])


def test_choices_of_several_people_are_votes():
    record = one(SIDES | {"choices": ["A", "B", "A"]})
    assert (record.responses, record.ranks, record.share) == ([GOOD, BAD], [1, 2], 2 / 3)


@pytest.mark.parametrize("stem", ["prob", "probability"])
def test_a_predicted_winner_does_not_refuse_the_stated_one(stem):
    read = rmkit.load([SIDES | {"winner": "a", f"{stem}_a": 0.4, f"{stem}_b": 0.6}])
    assert (read[0].responses, read[0].ranks, read[0].share) == ([GOOD, BAD], [1, 2], None)
    assert read[0].ratings == {stem: [0.4, 0.6]}
    assert read.ledger.remarks["chosen scores lower"] == 1


@pytest.mark.parametrize(
    ("status", "ranks"), [("same", [1, 2]), (["same"], [1, 2]), ("unchanged", [1, 2]), ("Tie", [1, 1])]
)
def test_only_the_word_tie_is_a_tie_in_a_status(status, ranks):
    assert one(PAIR | {"status": status}).ranks == ranks


@pytest.mark.parametrize("nothing", [None, "", float("nan")])
def test_a_row_with_fewer_numbered_answers_is_scored(nothing):
    row = {"prompt": ASKED, "response_1": GOOD, "response_2": BAD, "response_3": nothing, "best": 1}
    (scored,) = rows_to_score([row])
    assert (scored.reason, scored.record.responses) == (None, [GOOD, BAD])


def test_an_answer_without_annotations_is_not_rated():
    answers = [{"response": GOOD, "annotations": {"honesty": {"Rating": "5"}}}]
    answers += [{"response": BAD, "annotations": []}]
    record = one({"instruction": ASKED, "completions": answers})
    assert (record.responses, record.ranks, record.ratings["honesty"]) == ([GOOD, BAD], [1, 0], [5.0, None])
