"""Rows in the shape of public sets, benchmarks, trainers and tools: every text and label is kept."""

import json

import pytest
from turns import assistant, system, user

from rmkit.data.preferences import load
from rmkit.data.rows_to_score import rows_to_score
from rmkit.errors import InputError

ASKED, GOOD, BAD = "Which bird fishes at dawn?", "A heron does.", "A mole does."
OTHER = "Perhaps a gull."


def one(*rows, **options):
    (record,) = load(list(rows), **options)
    return record


# --- pairs --------------------------------------------------------------------------------------------------

CHATML = f"<|im_start|>user\n{ASKED}<|im_end|>\n<|im_start|>assistant\n"


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"prompt": ASKED, "chosen": GOOD, "reject": BAD}, ASKED),
        (
            {
                "chosen_conversations": [user(ASKED), assistant(GOOD)],
                "rejected_conversations": [user(ASKED), assistant(BAD)],
            },
            [user(ASKED)],
        ),
        (
            {
                "conv_A": [user(ASKED), assistant(BAD)],
                "conv_B": [user(ASKED), assistant(GOOD)],
                "conv_A_rating": 1.0,
                "conv_B_rating": 3.0,
            },
            [user(ASKED)],
        ),
        ({"prompt": ASKED, "response_0": BAD, "response_1": GOOD, "safer_response_id": 1}, ASKED),
        ({"question": ASKED, "response_1": BAD, "response_2": GOOD, "overall_response": 2}, ASKED),
        (
            {
                "prompt": f"Hi<extra_id_1>Assistant\nHello.\n<extra_id_1>User\n{ASKED}",
                "response_1": GOOD,
                "response_2": BAD,
                "preference_strength": -1,
            },
            [user("Hi"), assistant("Hello."), user(ASKED)],
        ),
        (
            {
                "text": ASKED,
                "options": [{"id": "m", "text": BAD}, {"id": "n", "text": GOOD}],
                "accept": ["n"],
                "answer": "accept",
            },
            ASKED,
        ),
        (
            {
                "instruction": ASKED,
                "preference": "style",
                "responses": [{"model": "m", "response": BAD}, {"model": "n", "response": GOOD}],
                "annotations": [{"model": "n", "rating": "5"}, {"model": "m", "rating": "2"}],
            },
            ASKED,
        ),
        (
            {
                "id": 3,
                "data": {"prompt": ASKED, "answer1": BAD, "answer2": GOOD},
                "annotations": [
                    {"completed_by": 7, "result": [{"type": "pairwise", "value": {"selected": "right"}}]}
                ],
            },
            ASKED,
        ),
        (
            {"conversations": [{"from": "human", "value": ASKED}]}
            | {"chosen": {"from": "function_call", "value": GOOD}, "rejected": {"from": "gpt", "value": BAD}},
            [user(ASKED)],
        ),
    ],
)
def test_pairs(row, asked):
    record = one(row)
    better, worse = sorted(range(2), key=lambda i: record.ranks[i])
    assert record.prompt == asked
    assert [record.responses[better], record.responses[worse]] == [GOOD, BAD]
    assert sorted(record.ranks) == [1, 2]


def test_every_annotation_of_a_task_is_a_vote():
    def judged(side, who):
        return {"completed_by": {"id": who, "email": "x"}, "result": [{"value": {"selected": side}}]}

    told = [judged("left", 1), judged("right", 2), judged("left", 3) | {"was_cancelled": True}]
    task = {"data": {"prompt": ASKED, "answer1": GOOD, "answer2": BAD}, "annotations": told}
    read = load([task, {"data": task["data"], "annotations": []}])
    assert [(r.annotator, r.responses[0], r.ranks) for r in read] == [
        ("1", GOOD, [1, 2]),
        ("2", BAD, [1, 2]),
        ("3", GOOD, None),
        (None, GOOD, None),
    ]
    assert read.ledger.remarks == {"no label": 2}


@pytest.mark.parametrize(
    ("preference", "ranks", "share", "first"),
    [
        (1.9, [1, 2], 0.9, GOOD),
        (1.25, [1, 2], 0.75, BAD),
        (2, [1, 2], None, GOOD),
        (1.0, [1, 2], None, BAD),
        (1.5, [1, 1], None, BAD),
        (0, [1, 1], None, BAD),
        (None, None, None, BAD),
    ],
)
def test_a_judge_of_alpaca_eval_gives_a_soft_label(preference, ranks, share, first):
    row = {"instruction": ASKED, "output_1": BAD, "output_2": GOOD, "generator_1": "m", "generator_2": "n"}
    record = one(row | {"preference": preference})
    assert (record.ranks, record.responses[0]) == (ranks, first)
    assert record.share == (None if share is None else pytest.approx(share))


def test_a_preference_beyond_the_scale_of_alpaca_eval_is_refused():
    row = {"instruction": ASKED, "output_1": BAD, "output_2": GOOD, "generator_1": "m", "generator_2": "n"}
    with pytest.raises(InputError, match="'preference' must be a number from 1"):
        load([row | {"preference": 2.5}])


def test_openai_rates_single_summaries_by_axis():
    info = {"id": "t3", "post": "I lost my bike.", "title": "Bike", "subreddit": "advice"}
    texts = ((" Bike.", 2), (" It is back.", 6))
    rows = [
        {"info": info, "summary": {"text": text, "axes": {"overall": n, "coverage": 1}}, "worker": "w"}
        for text, n in texts
    ]
    record = one(*rows)
    assert record.prompt == "SUBREDDIT: r/advice\n\nTITLE: Bike\n\nPOST: I lost my bike.\n\nTL;DR:"
    assert (record.responses, record.ranks) == ([" Bike.", " It is back."], [2, 1])
    assert record.ratings == {"coverage": [1, 1], "overall": [2, 6]}


# --- one answer a row ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "names", ["model_answer", "model_output", "llm_response", "generated_solution", "response", "prediction"]
)
def test_a_verdict_goes_to_the_answer_of_the_model_not_to_the_right_one(names):
    rows = [{"question": "3 + 4?", "answer": "7", names: f"It is {n}.", "is_correct": n == 7} for n in (7, 8)]
    record = one(*rows)
    assert (record.responses, record.correct) == (["It is 7.", "It is 8."], [True, False])


def test_a_conversation_is_the_answer_beside_the_right_one():
    record = one({"messages": [user(ASKED), assistant(GOOD)], "answer": "heron"})
    assert (record.prompt, record.responses, record.extra) == ([user(ASKED)], [GOOD], {"answer": "heron"})


def test_a_score_goes_to_the_answer_that_was_scored():
    told = {"orig_instruction": ASKED, "instruction": "Judge this.", "output": "So the score is 4."}
    record = one(*(told | {"orig_response": t, "orig_score": s} for t, s in ((BAD, "1"), (GOOD, "4"))))
    assert (record.prompt, record.responses, record.ranks) == (ASKED, [BAD, GOOD], [2, 1])


@pytest.mark.parametrize("turns", [[ASKED, GOOD], [ASKED, OTHER, "And then?", GOOD]])
def test_turns_that_are_plain_texts(turns):
    record = one({"conversations": turns, "source": "web"})
    assert [message["content"] for message in record.prompt] == turns[:-1]
    assert record.responses == [GOOD]


def test_an_empty_answer_does_not_take_a_good_one_with_it():
    rows = [{"prompt": ASKED, "response": text, "label": True} for text in (GOOD, "", BAD)]
    read = load([*rows[:2], rows[2] | {"prompt": "Who digs?"}])
    assert [record.responses for record in read] == [[GOOD], [BAD]]
    assert (read.ledger.read, read.ledger.dropped) == (3, {"empty": 1})


# --- several answers ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "correct"),
    [
        ({"choices": [BAD, GOOD], "answer": "B"}, [False, True]),
        ({"choices": [BAD, GOOD], "answer": "(B)"}, [False, True]),
        ({"choices": [BAD, GOOD], "answer": "B."}, [False, True]),
        ({"choices": [BAD, GOOD], "answer": GOOD}, [False, True]),
        ({"options": [BAD, GOOD, OTHER], "answer": "C", "answer_index": 2}, [False, False, True]),
        ({"options": {"A": BAD, "B": GOOD}, "answer_idx": "B"}, [False, True]),
        ({"choices": {"text": [BAD, GOOD], "label": ["1", "2"]}, "answerKey": "2"}, [False, True]),
        ({"choices": [BAD, GOOD], "answer": 1, "subject": "birds"}, [False, True]),
        ({"choices": [BAD, GOOD, OTHER], "answer": 3}, [False, False, True]),
        ({"choices": [BAD, GOOD, OTHER], "answer": 0}, [True, False, False]),
        ({"correct_answers": [GOOD, OTHER], "incorrect_answers": [BAD]}, [True, True, False]),
        ({"best_answer": GOOD, "correct_answers": [OTHER], "incorrect_answers": [BAD]}, [True, True, False]),
        ({"Best Answer": GOOD, "Correct Answers": f"{GOOD}; x", "Incorrect Answers": "y; z"}, [1, 1, 0, 0]),
        ({"correct_answer": GOOD, "distractor1": BAD, "distractor2": OTHER}, [True, False, False]),
        ({"Correct Answer": GOOD, "Incorrect Answer 1": BAD, "Incorrect Answer 2": OTHER}, [1, 0, 0]),
        ({"mc1_targets": {"choices": [GOOD, BAD], "labels": [1, 0]}}, [True, False]),
        ({"completions": [GOOD, BAD], "correct": [True, False], "answer": "heron"}, [True, False]),
        ({"responses": [GOOD, BAD], "is_correct": [1, 0]}, [True, False]),
        ({"generations": [GOOD, BAD], "correctness_math_verify": [True, False]}, [True, False]),
        (
            {"response_1": GOOD, "response_2": BAD, "response_3": OTHER, "scores": [True, False, True]},
            [1, 0, 1],
        ),
    ],
)
def test_right_and_wrong_answers(columns, correct):
    read = load([{"question": ASKED} | columns])
    assert (read[0].prompt, read[0].correct) == (ASKED, list(map(bool, correct)))
    assert len(read[0].responses) == len(correct)
    assert "no label" not in read.ledger.remarks


@pytest.mark.parametrize(
    "columns",
    [
        {"chosen": GOOD, "rejected": BAD},
        {"response": GOOD, "correct": True},
        {"model_answer": GOOD, "is_correct": True},
        {"responses": [GOOD, BAD], "scores": [1, 0]},
        {"completions": [GOOD, BAD], "correct": [True, False]},
        {"messages": [user(ASKED), assistant(GOOD)]},
        {"response_a": GOOD, "response_b": BAD, "winner": "a"},
    ],
)
@pytest.mark.parametrize(
    "asked",
    [{"options": ["mole", "heron"], "answer": "B"}, {"correct_answers": ["x"], "incorrect_answers": ["y"]}],
)
def test_options_beside_answers_of_a_model_are_no_answers(asked, columns):
    record = one({"question": ASKED} | asked | columns)
    assert record.responses[0] == GOOD
    assert set(asked) <= set(record.extra)


@pytest.mark.parametrize("answer", [1, "D", "heron", 7, None])
def test_a_choice_that_may_mean_two_things_is_refused(answer):
    with pytest.raises(InputError, match="'answer' must be the letter"):
        load([{"question": ASKED, "choices": [BAD, GOOD, OTHER], "answer": answer}])


@pytest.mark.parametrize(
    "columns",
    [
        {"choices": [BAD, GOOD], "answer": 1},
        {"choices": [BAD, GOOD], "answer": "?"},
        {"answer_1": BAD, "answer_2": GOOD, "answer_3": OTHER, "best": 9},
        {"output_1": BAD, "output_2": GOOD, "generator_1": "m", "generator_2": "n", "preference": 7},
    ],
)
def test_answers_are_scored_whatever_their_label_says(columns):
    (row,) = rows_to_score([{"question": ASKED} | columns])
    assert row.record.responses[:2] == [BAD, GOOD]


@pytest.mark.parametrize(
    ("columns", "ranks", "remarks"),
    [
        ({"scores": [1, 3, 2]}, [3, 1, 2], {}),
        ({"ranking": [3, 1, 2]}, [3, 1, 2], {}),
        ({"ranking": ["response_2", "response_3", "response_1"]}, [3, 1, 2], {}),
        ({"score_1": 1, "score_2": 3, "score_3": 2}, [3, 1, 2], {}),
        ({"best": 2}, [2, 1, 2], {"only the best is named": 1}),
        ({"winner": "response_3"}, [2, 2, 1], {"only the best is named": 1}),
        ({}, None, {"no label": 1}),
    ],
)
def test_three_answers_in_columns_of_their_own(columns, ranks, remarks):
    read = load([{"prompt": ASKED, "response_1": BAD, "response_2": GOOD, "response_3": OTHER} | columns])
    assert (read[0].responses, read[0].ranks) == ([BAD, GOOD, OTHER], ranks)
    assert read.ledger.remarks == remarks


def test_what_answers_hold_beside_their_text_is_kept():
    nectar = {"prompt": ASKED, "answers": [{"answer": GOOD, "rank": 1, "model": "m"}]}
    assert one(nectar).extra == {"answers": [{"model": "m"}]}
    judged = {"response": GOOD, "annotations": {"honesty": {"Rating": "5"}}, "critique": "Fine."}
    assert one({"instruction": ASKED, "completions": [judged]}).extra == {
        "completions": [{"critique": "Fine."}]
    }


def test_every_message_of_a_table_of_trees_is_counted():
    def message(name, parent, text, role, rank=None):
        told = {"message_id": name, "parent_id": parent, "text": text, "role": role, "rank": rank}
        return told | {"message_tree_id": "m0", "lang": "en"}

    rows = [
        message("m0", None, ASKED, "prompter"),
        message("m1", "m0", BAD, "assistant", 1),
        message("m2", "m0", GOOD, "assistant", 0),
        message("m3", "m2", "Thanks.", "prompter"),
        message("m4", None, "Who?", "prompter"),
    ]
    read = load(rows)
    assert (read[0].responses, read[0].ranks) == ([GOOD, BAD], [1, 2])
    assert read[0].extra == {"replies": [{"lang": "en"}, {"lang": "en"}]}
    assert (read.ledger.read, read.ledger.grouped, read.ledger.dropped) == (5, 2, {"no replies": 2})


# --- text doubled or split ----------------------------------------------------------------------------------


def hh(text):
    return f"\r\n\r\nHuman: {ASKED}\r\n\r\nAssistant: {text}"


TEMPLATES = {
    "ChatML": (CHATML, "<|im_end|>\n"),
    "Llama 3": (
        f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{ASKED}<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<|eot_id|>",
    ),
    "Llama 2": (f"<s>[INST] {ASKED} [/INST] ", " </s>"),
    "Zephyr": (f"<|user|>\n{ASKED}</s>\n<|assistant|>\n", "</s>"),
    "Phi": (f"<|user|>{ASKED}<|end|><|assistant|>", "<|end|>"),
    "Gemma": (f"<bos><start_of_turn>user\n{ASKED}<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>\n"),
    "Alpaca": (f"### Instruction:\n{ASKED}\n\n### Response:\n", ""),
    "Vicuna": (f"### Human: {ASKED}\n### Assistant: ", ""),
}


@pytest.mark.parametrize("name", TEMPLATES)
@pytest.mark.parametrize("stated", [{}, {"prompt": ASKED}])
def test_answers_that_a_chat_template_has_written(name, stated):
    before, after = TEMPLATES[name]
    read = load([stated | {"chosen": before + GOOD + after, "rejected": before + BAD + after}])
    assert (read[0].prompt, read[0].responses) == ([user(ASKED)], [GOOD, BAD])
    assert read.ledger.remarks["chat template's marks taken off"] == 1


def test_turns_and_system_of_a_chat_template():
    begun = f"[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\n{ASKED} [/INST] {OTHER} </s><s>[INST] And? [/INST] "
    record = one({"chosen": begun + GOOD, "rejected": begun + BAD})
    assert record.prompt == [system("Be brief."), user(ASKED), assistant(OTHER), user("And?")]
    assert record.responses == [GOOD, BAD]


def test_headings_of_a_document_are_no_turns():
    begun = "### User: the guide\nRead on.\n### Assistant: the tool\n"
    record = one({"prompt": "Write a page.", "chosen": begun + GOOD, "rejected": begun + BAD})
    assert (record.prompt, record.responses) == ("Write a page.", [begun + GOOD, begun + BAD])


@pytest.mark.parametrize("text", ["<p>Fine.</p>", "### Herons\nThey fish.", "<|user|> is a mark.", "[INST]"])
def test_marks_in_other_texts_stay_text(text):
    record = one({"prompt": text, "chosen": text + " Yes.", "rejected": "No."})
    assert (record.prompt, record.responses) == (text, [text + " Yes.", "No."])


@pytest.mark.parametrize(
    ("stated", "before", "asked", "answers"),
    [
        (f"Be kind now.\n\n### Question:\n{ASKED}", "\n\n### Response:", None, [GOOD, BAD]),
        ("def f(x):\n    # add one to x\n", "", "same", ["    return 1", "    return 2"]),
        (ASKED, " ", "same", [GOOD, BAD]),
        (ASKED, "\n", "same", [GOOD + "\n", BAD]),
    ],
)
def test_a_prompt_that_the_answers_repeat(stated, before, asked, answers):
    read = load(
        [{"prompt": stated, "chosen": stated + before + answers[0], "rejected": stated + before + answers[1]}]
    )
    assert read[0].responses == (answers if asked else ["### Response:" + text for text in answers])
    assert read.ledger.remarks == {"prompt taken off the answers": 1}


def test_the_words_of_a_template_around_the_prompt():
    around = f"Below is an instruction.\n\n### Instruction:\n{ASKED}\n\n### Response:"
    record = one({"instruction": ASKED, "chosen": f"{around} {GOOD}", "rejected": f"{around} {BAD}"})
    assert (record.prompt, record.responses) == (around, [GOOD, BAD])


@pytest.mark.parametrize(
    ("begun", "asked"),
    [
        (f"Human: {ASKED}\nAssistant:", f"Human: {ASKED}\nAssistant:"),
        (f"Question: {ASKED}\nAnswer:", f"Question: {ASKED}\nAnswer:"),
    ],
)
def test_an_implicit_prompt_ends_at_the_cue_for_the_answer(begun, asked):
    record = one({"chosen": f"{begun} {GOOD}", "rejected": f"{begun} {BAD}"})
    assert (record.prompt, record.responses) == (asked, [" " + GOOD, " " + BAD])


def test_transcripts_with_the_line_ends_of_windows():
    record = one({"chosen": hh(GOOD), "rejected": hh(BAD)})
    assert (record.prompt, record.responses) == ([user(ASKED)], [GOOD, BAD])


def talks(*before):
    return {"chosen": [*before, assistant(GOOD)], "rejected": [*before, assistant(BAD)]}


@pytest.mark.parametrize(
    ("row", "asked", "extra"),
    [
        (
            {"system": "S", "prompt": ASKED} | talks(system("S"), user(ASKED)),
            [system("S"), user(ASKED)],
            None,
        ),
        (
            {"system": "Z", "prompt": ASKED} | talks(system("S"), user(ASKED)),
            [system("Z"), system("S"), user(ASKED)],
            None,
        ),
        (
            {"system": "Z", "prompt": [system("S"), user(ASKED)], "chosen": GOOD, "rejected": BAD},
            [system("S"), user(ASKED)],
            {"system": "Z"},
        ),
        (
            {"system": "Be kind now.", "prompt": f"Be kind now.\n\n{ASKED}", "chosen": GOOD, "rejected": BAD},
            [system("Be kind now."), user(ASKED)],
            None,
        ),
        (
            {
                "chosen": [user(ASKED), assistant(GOOD)],
                "rejected": [user(f"{ASKED} \n"), assistant(BAD)],
            },
            [user(ASKED)],
            None,
        ),
    ],
)
def test_no_turn_is_doubled_and_none_is_lost(row, asked, extra):
    record = one(row)
    assert (record.prompt, record.responses, record.extra) == (asked, [GOOD, BAD], extra)


def test_a_tool_may_return_nothing():
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "look"}}]}
    nothing = {"role": "tool", "content": None}
    record = one(talks(user(ASKED), call, nothing))
    assert [message["content"] for message in record.prompt] == [ASKED, json.dumps(call["tool_calls"]), ""]


# --- steps --------------------------------------------------------------------------------------------------

STEPS = ["Add 3 and 4.", "It is 8."]


@pytest.mark.parametrize(
    "labels",
    [
        ["+", "-"], [" + ", "-\n"], [1, 0], [1.0, 0.0], [1, -1], ["1", "-1"], [True, False],
        ["True", "False"],
        ["good", "bad"], ["Correct", "incorrect"], ["right", "wrong"], ["yes", "no"],
        ["positive", "negative"],
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "names",
    [
        ("steps", "labels"),
        ("completions", "labels"),
        ("chain_of_thoughts", "labels"),
        ("steps", "step_labels"),
    ],
)
def test_spellings_of_the_labels_of_steps(names, labels):
    record = one({"question": "3 + 4?", names[0]: STEPS, names[1]: labels})
    assert (record.prompt, record.steps, record.step_labels) == ("3 + 4?", [STEPS], [[1, 0]])
    assert record.correct == [False]


@pytest.mark.parametrize("unknown", [None, float("nan"), "null", ""])
def test_a_step_that_was_not_judged(unknown):
    assert one({"prompt": "3 + 4?", "steps": STEPS, "labels": ["+", unknown]}).step_labels == [[1, None]]


@pytest.mark.parametrize("labels", [[0.9, 0.2], ["0.9", "0.1"], ["fine", "odd"], [1, 2], [1], 1])
def test_labels_of_steps_that_are_none_are_refused(labels):
    with pytest.raises(InputError, match="column 'labels' must be"):
        load([{"prompt": "3 + 4?", "steps": STEPS, "labels": labels}])


@pytest.mark.parametrize("text", ["text", "content", "step"])
@pytest.mark.parametrize("labels", [(1, 0), ("correct", "incorrect"), ("+", "-"), (True, False)])
def test_steps_that_are_objects(text, labels):
    steps = [{text: said, "label": label} for said, label in zip(STEPS, labels, strict=True)]
    record = one({"problem": "3 + 4?", "steps": steps})
    assert (record.prompt, record.steps, record.step_labels) == ("3 + 4?", [STEPS], [[1, 0]])


def test_a_rating_in_words_is_no_label_and_counted():
    read = load([{"prompt": ASKED, "response": GOOD, "rating": "thumbs_up"}])
    assert (read[0].ranks, read.ledger.remarks) == ([0], {"no label": 1})


def test_a_minus_is_wrong_where_a_zero_is_neutral():
    rows = [
        {"prompt": "a", "steps": STEPS, "labels": [0, -1]},
        {"prompt": "b", "steps": STEPS, "labels": [True, "-"]},
    ]
    assert [record.step_labels for record in load(rows)] == [[[1, 0]], [[1, 0]]]


MARKS = [
    ("user", "3 + 4? Step 1: Add."),
    ("assistant", "+"),
    ("user", "Step 2: It is 8."),
    ("assistant", " - "),
]


@pytest.mark.parametrize(
    ("row", "asked"),
    [
        ({"conversations": [{"role": r, "content": t} for r, t in MARKS]}, "3 + 4?"),
        ({"messages": [{"role": r, "content": t} for r, t in MARKS]}, "3 + 4?"),
        ({"conversations": [{"from": r, "value": t} for r, t in MARKS]}, "3 + 4?"),
        (
            {"conversations": [system("Check."), *({"role": r, "content": t} for r, t in MARKS)]},
            [system("Check."), user("3 + 4?")],
        ),
        (
            {"question": "3 + 4?", "process": "Step 1: Add. ки\nStep 2: It is 8. ки", "label": ["+", "-"]},
            "3 + 4?",
        ),
        (
            {
                "input": "3 + 4? Step 1: Add. ки\nStep 2: It is 8. ки",
                "label": "3 + 4? Step 1: Add. +\nStep 2: It is 8. -",
            },
            "3 + 4?",
        ),
    ],
)
def test_steps_with_marks(row, asked):
    record = one(row)
    assert (record.prompt, record.steps) == (asked, [["Step 1: Add.", "Step 2: It is 8."]])
    assert record.step_labels == [[1, 0]]


# --- what no format reads -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "row",
    [
        {"model_a": "m", "model_b": "n", "winner": "model_a"},
        {
            "model_a": "m",
            "model_b": "n",
            "winner": "tie (bothbad)",
            "judge": "j",
            "turn": 1,
            "language": "English",
        },
        {"model_a": "m", "model_b": "n", "winner_model_a": 1, "winner_model_b": 0, "winner_tie": 0},
        {"question_id": 3, "question": ASKED, "model_a": "m", "model_b": "n", "winner": "model_b"},
        {"player_1": "m", "player_2": "n", "result": 1},
        {"left": "m", "right": "n", "outcome": "left"},
        {"winner": "m", "loser": "n"},
        {"id": 1, "ranking": "a > b > c > d", "count": 5},
        {"id": 1, "ranking": ["a", "b", "c"], "count": 5},
    ],
)
def test_rows_without_texts_are_sent_to_bradley_terry(row):
    with pytest.raises(InputError, match=r"^row 1: these rows say who won, and hold no texts") as caught:
        load([row])
    assert "rmkit.bradley_terry.fit" in str(caught.value)
    assert "rename" not in str(caught.value)


@pytest.mark.parametrize(
    "row",
    [
        {"text": "A heron fishes at dawn."},
        {
            "data_source": "web",
            "prompt": [user(ASKED)],
            "ability": "x",
            "reward_model": {"ground_truth": "7"},
        },
        {"problem": ASKED, "answer": "7", "source": "web", "solve_rate": 0.9},
        {"sentence1": GOOD, "sentence2": BAD, "score": 0.3},
        {"question": ASKED, "answer_matching_behavior": " (A)", "answer_not_matching_behavior": " (B)"},
        {"inputs": {"instruction": ASKED}, "outputs": {"text": GOOD}},
        {"conversation_id": "c", "opening_prompt": ASKED, "conversation_turns": 2},
        {"transcript": f"{ASKED} {GOOD}", "rating": 4, "model_type": "m", "task_description": "I asked."},
        {"domain": "x", "context": ASKED, "original_response": BAD, "edited_response": GOOD},
        {"frage": ASKED, "antwort_1": GOOD, "antwort_2": BAD, "besser": 1},
        {"question": ASKED, "response_x": GOOD, "response_y": BAD},
        {"id": 1, "value": 2},
    ],
)
def test_no_absurd_rename_is_proposed(row):
    with pytest.raises(InputError, match="no format has these columns") as caught:
        load([row])
    assert "rename '" not in str(caught.value)
    assert "Simplest are prompt + responses + ranks" in str(caught.value)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"prompt": ASKED, "choosen": GOOD, "rejected": BAD}, "rename 'choosen' to 'chosen'"),
        ({"prompt": ASKED, "respones_a": GOOD, "response_b": BAD}, "rename 'respones_a' to 'response_a'"),
        ({"field_chosen": GOOD, "field_rejected": BAD}, "rename 'field_chosen' to 'chosen'"),
        ({"prompt": ASKED, "chosen": GOOD}, "there is no 'rejected'"),
        ({"problem": ASKED, "steps": STEPS}, "there is no 'label'"),
    ],
)
def test_a_misspelling_and_a_missing_column_are_named(row, says):
    with pytest.raises(InputError) as caught:
        load([row])
    assert says in str(caught.value)


@pytest.mark.parametrize("column", ["is_correct", "correctness", "safer", "overall_response"])
def test_a_verdict_that_is_not_read_is_refused_by_name(column):
    with pytest.raises(InputError, match=f"column '{column}'"):
        load([{"prompt": ASKED, "answer_a": GOOD, "answer_b": BAD, column: "the blue one"}])
