"""What looks like one thing and is another: messages like rows, an answer like a chat, 0 like a place."""

import json

import pytest
from turns import assistant, user

import rmkit
from rmkit import InputError
from rmkit.data.preferences import Preferences
from rmkit.data.records import Record
from rmkit.data.rows_to_score import rows_to_score

ASKED = user("Name a fern.")


def talk(answer):
    return [ASKED, assistant(answer)]


@pytest.mark.parametrize(
    "row",
    [
        {"chosen": talk("Maidenhair."), "rejected": talk("Oak.")},
        {"prompt": [ASKED], "chosen": talk("Maidenhair.")[1:], "rejected": talk("Oak.")[1:]},
        {"messages": talk("Maidenhair."), "rejected_response": "Oak."},
    ],
)
def test_a_json_file_of_one_row_of_messages_is_no_set_of_tables(row, tmp_path):
    path = tmp_path / "one.json"
    path.write_text(json.dumps(row, indent=1))
    (read,) = rmkit.load(str(path)).records
    assert (read.prompt, read.responses, read.ranks) == ([ASKED], ["Maidenhair.", "Oak."], [1, 2])


def test_a_table_whose_rows_have_roles_is_still_a_table(tmp_path):
    path = tmp_path / "tables.json"
    messages = [
        {"message_id": "a", "parent_id": None, "text": "Name a fern.", "role": "prompter"},
        {"message_id": "b", "parent_id": "a", "text": "Maidenhair.", "role": "assistant", "rank": 0},
        {"message_id": "c", "parent_id": "a", "text": "Oak.", "role": "assistant", "rank": 1},
    ]
    path.write_text(json.dumps({"train": messages}))
    assert rmkit.load(str(path))[0].responses == ["Maidenhair.", "Oak."]


@pytest.mark.parametrize(
    "answer", ['{"role": "user", "content": "hi"}', '[{"role": "user", "content": "hi"}]']
)
def test_an_answer_that_is_a_chat_as_json_stays_text_beside_one_that_is_not(answer):
    row = {"prompt": "Write a turn of a chat as JSON.", "chosen": answer, "rejected": "No."}
    assert rmkit.load([row])[0].responses == [answer, "No."]


@pytest.mark.parametrize("messages", [talk("Maidenhair."), talk("Maidenhair.")[1:], talk("Maidenhair.")[1]])
def test_messages_as_json_are_an_answer_to_their_question_beside_plain_text_too(messages):
    row = {"prompt": ASKED["content"], "chosen": json.dumps(messages), "rejected": "Oak."}
    assert rmkit.load([row])[0].responses == ["Maidenhair.", "Oak."]


def test_ranks_that_count_from_0_are_refused_and_not_taken_for_unranked():
    row = {
        "prompt": "Name a fern.",
        "responses": ["Maidenhair.", "Bracken root.", "Oak."],
        "ranks": [0, 1, 2],
    }
    with pytest.raises(InputError, match="1 = best, null = not ranked"):
        rmkit.load([row])
    (scored,) = rows_to_score([row])
    assert scored.record.responses == row["responses"]


@pytest.mark.parametrize("name", ["set.jsonl", "set.parquet"])
def test_what_is_not_ranked_is_saved_as_null_and_read_back(name, tmp_path):
    record = Record("Name a fern.", ["Maidenhair.", "Bracken root.", "Oak."], ranks=[1, 0, 2])
    path = Preferences([record]).save(tmp_path / name)
    assert rmkit.load(str(path))[0].ranks == [1, 0, 2]
    assert record.to_dict()["ranks"] == [1, None, 2]


def test_messages_in_a_circle_are_counted():
    def message(name, parent, role):
        return {"message_id": name, "parent_id": parent, "text": f"Text {name}.", "role": role, "rank": 0}

    rows = [message("a", None, "prompter"), message("b", "a", "assistant"), message("c", "a", "assistant")]
    rows += [message("d", "e", "prompter"), message("e", "d", "assistant")]
    read = rmkit.load(rows, malformed=1.0)
    assert read[0].responses == ["Text b.", "Text c."]
    assert read.ledger.dropped == {"malformed: a circle of messages": 2}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_beside_the_text_of_a_message_is_counted(name):
    thinking = [ASKED, {"role": "assistant", "content": "Maidenhair.", name: "Ferns have fronds."}]
    read = rmkit.load([{"chosen": thinking, "rejected": talk("Oak.")}])
    assert (read[0].responses, read.ledger.remarks) == (
        ["Maidenhair.", "Oak."],
        {"reasoning beside a message not read": 1},
    )
    assert rmkit.load([{"messages": thinking}]).ledger.remarks == {"reasoning beside a message not read": 1}
