"""Files of strangers: what trainers, spreadsheets and clones of public sets leave behind."""

import json

import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from turns import assistant, user

from rmkit.data.preferences import load
from rmkit.data.rows_to_score import rows_to_score
from rmkit.errors import InputError

ASKED, GOOD, BAD = "Which bird fishes at dawn?", "A heron does.", "A mole does."


TALK = [user(ASKED), assistant(GOOD)]


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        ({"messages": TALK, "rejected_response": BAD}, [user(ASKED)]),
        ({"messages": TALK, "rejected_messages": [user(ASKED), assistant(BAD)]}, [user(ASKED)]),
        ({"messages": TALK, "rejected": [assistant(BAD)]}, [user(ASKED)]),
        ({"query": ASKED, "response": GOOD, "rejected_response": BAD}, ASKED),
        (
            {"messages": [user(ASKED)], "preferred_completion": GOOD, "rejected_completion": BAD},
            [user(ASKED)],
        ),
        (
            {
                "input": {"messages": [user(ASKED)]},
                "preferred_output": [assistant(GOOD)],
                "non_preferred_output": [assistant(BAD)],
            },
            [user(ASKED)],
        ),
        ({"context": ASKED, "good_edited_response": GOOD, "bad_edited_response": BAD}, ASKED),
        ({"question": ASKED, "pos": GOOD, "neg": BAD}, ASKED),
        ({"question": ASKED, "output_better": GOOD, "output_worse": BAD}, ASKED),
        ({"prompt": ASKED, "answer1": BAD, "answer2": GOOD, "comparison": "right"}, ASKED),
        ({"trajectory": [{"from": "user", "value": ASKED}], "chosen": GOOD, "rejected": BAD}, [user(ASKED)]),
        ({"input_text": ASKED, "candidate_0": GOOD, "candidate_1": BAD, "choice": 0}, ASKED),
        (
            {
                "instruction": "Judge the two.",
                "orig_instruction": ASKED,
                "orig_response_A": BAD,
                "orig_response_B": GOOD,
                "orig_preference": "B",
            },
            ASKED,
        ),
        (
            {"question": ASKED, "answers": [{"text": BAD, "pm_score": 0}, {"text": GOOD, "pm_score": 3}]},
            ASKED,
        ),
        ({"prompt": ASKED, "responses": [{"text": GOOD, "score": 2}, {"text": BAD, "score": 1}]}, ASKED),
        ({"prompt": ASKED, "candidates": [{"content": GOOD, "rank": 1}, {"content": BAD, "rank": 2}]}, ASKED),
        (
            {
                "contents": [{"role": "user", "parts": [{"text": ASKED}]}],
                "completions": [
                    {"score": 1.0, "completion": {"role": "model", "parts": [{"text": GOOD}]}},
                    {"score": 0.0, "completion": {"role": "model", "parts": [{"text": BAD}]}},
                ],
            },
            [user(ASKED)],
        ),
    ],
)
def test_pairs_of_other_trainers_keep_question_answers_and_label(row, prompt):
    record = load([row])[0]
    assert record.prompt == prompt
    better, worse = sorted(range(2), key=lambda i: record.ranks[i])
    assert [record.responses[better], record.responses[worse]] == [GOOD, BAD]
    assert record.ranks[better] < record.ranks[worse]


def test_what_objects_hold_beside_text_and_score_is_kept():
    answers = [{"text": GOOD, "score": 2, "author": "x"}, {"text": BAD, "score": 1, "author": "y"}]
    record = load([{"prompt": ASKED, "answers": answers}])[0]
    assert record.extra == {"answers": [{"author": "x"}, {"author": "y"}]}


@pytest.mark.parametrize("label", ["label", "correct", "kto_tag"])
def test_one_answer_with_its_label(label):
    rows = [{"instruction": ASKED, "input": "", "output": text} for text in (GOOD, BAD)]
    read = load([row | {label: text == GOOD} for row, text in zip(rows, (GOOD, BAD), strict=True)])
    assert (read[0].responses, read[0].correct, read[0].extra) == ([GOOD, BAD], [True, False], None)


@pytest.mark.parametrize(
    ("column", "value"), [("candidates", ["x"]), ("is_safe", True), ("rejected_zh", "x")]
)
def test_another_answer_or_label_beside_one_answer_is_never_passed_over(column, value):
    with pytest.raises(InputError, match=rf"column '{column}'.*rename it to `label`"):
        load([{"prompt": ASKED, "response": GOOD, column: value}])


def test_steps_that_a_conversation_marks():
    turns = [
        user(f"{ASKED} Step 1: Herons fish."),
        assistant("+"),
        user("Step 2: So a mole."),
        assistant("-"),
    ]
    record = load([{"conversations": turns}])[0]
    assert record.prompt == ASKED
    assert record.steps == [["Step 1: Herons fish.", "Step 2: So a mole."]]
    assert record.step_labels == [[1, 0]]


def test_a_call_without_content_is_part_of_the_conversation():
    call = {"role": "assistant", "tool_calls": [{"function": {"name": "birds"}}]}
    read = load([{"chosen": [*TALK[:1], call, assistant(GOOD)], "rejected": [user(ASKED), assistant(BAD)]}])
    assert "birds" in read[0].responses[0]
    assert GOOD in read[0].responses[0]


@pytest.mark.parametrize(("scores", "ranks"), [(("4,5", "3,0"), [1, 2]), (("4.5", "3"), [1, 2])])
def test_scores_as_spreadsheets_write_them(scores, ranks):
    read = load([{"prompt": ASKED, "response": f"{s} fish", "score": s} for s in scores])
    assert read[0].ranks == ranks


def test_scores_that_are_no_numbers_are_no_label_and_counted():
    rows = [{"prompt": ASKED, "response": text, "score": "good"} for text in (GOOD, BAD)]
    assert load(rows).ledger.remarks == {"no label": 1}


# --- files --------------------------------------------------------------------------------------------------

TABLE = f"prompt,chosen,rejected\n{ASKED},{GOOD},{BAD}\n"


@pytest.mark.parametrize(
    "content",
    [
        TABLE.encode("utf-16"),
        b"\xef\xbb\xbf" + TABLE.replace(",", ";").encode(),
        b"sep=;\r\n" + TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "|").encode(),
        TABLE.replace(",", ", ").encode(),
        b"\n\n" + TABLE.encode(),
        f'prompt;chosen;rejected;"a, b, c, d, e"\n{ASKED};{GOOD};{BAD};x\n'.encode(),
    ],
)
def test_tables_as_spreadsheets_save_them(tmp_path, content):
    (tmp_path / "table.csv").write_bytes(content)
    record = load(tmp_path / "table.csv")[0]
    assert (record.prompt, record.responses) == (ASKED, [GOOD, BAD])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("prompt,chosen,chosen,rejected\na,b,c,d\n", "line 1 names two columns 'chosen'"),
        (TABLE + '"never closed,a,b\nq,c,d\n', "line 3: a quotation mark opens"),
        ("version https://git-lfs.github.com/spec/v1\nsize 1\n", "git lfs pull"),
    ],
)
def test_a_table_that_would_lose_text_is_refused(tmp_path, content, says):
    (tmp_path / "table.csv").write_text(content)
    with pytest.raises(InputError, match=says):
        load(tmp_path / "table.csv")


def test_a_line_with_stray_marks_is_counted_and_the_rest_read(tmp_path):
    rows = "".join(f"{ASKED} {i},{GOOD},{BAD}\n" for i in range(20))
    (tmp_path / "table.csv").write_text(f'prompt,chosen,rejected\n"a "b" c",d,e\n{rows}')
    read = load(tmp_path / "table.csv")
    assert (len(read), read.ledger.dropped) == (20, {"malformed: quotation": 1})


def test_an_extra_that_is_no_object_is_a_malformed_row_and_the_rest_is_read(tmp_path):
    row = {"prompt": ASKED, "responses": [GOOD, BAD], "ranks": [1, 2]}
    rows = [row | {"prompt": f"{ASKED} {i}", "extra": {"kept": i}} for i in range(20)] + [row | {"extra": 5}]
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    read = load(tmp_path / "rows.jsonl")
    assert (len(read), read[3].extra) == (20, {"kept": 3})
    assert list(read.ledger.dropped) == ["malformed: column 'extra'"]


def test_a_pointer_in_place_of_parquet_says_how_to_get_the_file(tmp_path):
    (tmp_path / "train.parquet").write_text("version https://git-lfs.github.com/spec/v1\nsize 1\n")
    with pytest.raises(InputError, match="git lfs pull"):
        load(tmp_path / "train.parquet")


def test_hidden_files_are_no_data(tmp_path):
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "._train.csv").write_text("\0\0")
    read = load(tmp_path)
    assert (len(read), read.ledger.remarks) == (1, {})


def test_frames_and_tables_in_memory_lose_no_column():
    frame = pd.DataFrame([{"prompt": ASKED, "chosen": GOOD, "rejected": BAD}])
    assert load(frame.set_index("prompt"))[0].prompt == ASKED
    assert load(frame.set_index(["prompt", "chosen"]))[0].responses == [GOOD, BAD]
    assert load(pyarrow.Table.from_pandas(frame))[0].prompt == ASKED
    frame.columns = ["chosen", "chosen", "rejected"]
    with pytest.raises(InputError, match="two columns 'chosen'"):
        load(frame)


def test_answers_are_scored_whatever_their_label_says(tmp_path):
    row = {"prompt": ASKED, "output_1": GOOD, "output_2": BAD, "preference": 1.37}
    (tmp_path / "rows.jsonl").write_text(json.dumps(row))
    assert rows_to_score(tmp_path / "rows.jsonl")[0].record.responses == [GOOD, BAD]


@pytest.mark.parametrize("answer", [[3], ["a", "b"], [[user("a")]], [None], {"x": 1}, 4, True])
@pytest.mark.parametrize("names", [("chosen", "rejected"), ("response_a", "response_b")])
def test_an_answer_that_is_no_text_is_counted(answer, names):
    rows = [{"prompt": ASKED, names[0]: GOOD, names[1]: other} for other in (BAD, answer)]
    read = load([row | ({"winner": "a"} if names[0] == "response_a" else {}) for row in rows])
    assert (len(read), read.ledger.dropped) == (1, {"not text": 1})
