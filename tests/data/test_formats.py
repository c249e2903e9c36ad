"""Every public format becomes the same record, and every unreadable file is an answerable question."""

import dataclasses
import gzip
import json

import pytest
from rmkit.preferences import Record, load
from turns import assistant, user

from rmkit.data import formats as sources
from rmkit.data.transcripts import transcript
from rmkit.errors import InputError


def one(row: dict) -> Record:
    (record,) = load([row])
    return record


PAIR = {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."}
BOTH = (["Blue.", "Green."], [1, 2])


def test_columns_of_the_record_are_those_of_the_reader():
    saved = {field.name for field in dataclasses.fields(Record)} - {"where"}
    assert saved == set(sources.RECORD_COLUMNS)


def test_pairs_as_text():
    record = one(PAIR | {"margin": 2, "subset": "s", "id": 7})
    assert (record.prompt, record.responses, record.ranks) == ("Sky?", *BOTH)
    assert (record.strength, record.subset, record.id) == (2, "s", "7")
    assert one(PAIR | {"margin": None}).strength is None


@pytest.mark.parametrize(
    ("row", "prompt"),
    [
        # TRL: explicit prompt, implicit prompt
        (
            {"prompt": [user("Sky?")], "chosen": [assistant("Blue.")], "rejected": [assistant("Green.")]},
            [user("Sky?")],
        ),
        (
            {"chosen": [user("Sky?"), assistant("Blue.")], "rejected": [user("Sky?"), assistant("Green.")]},
            [user("Sky?")],
        ),
        # UltraFeedback binarized: the conversations repeat the text prompt
        (
            {
                "prompt": "Sky?",
                "chosen": [user("Sky?"), assistant("Blue.")],
                "rejected": [user("Sky?"), assistant("Green.")],
            },
            [user("Sky?")],
        ),
        # a system message that only the conversations hold
        (
            {
                "prompt": [user("Sky?")],
                "chosen": [{"role": "system", "content": "Be brief."}, user("Sky?"), assistant("Blue.")],
                "rejected": [{"role": "system", "content": "Be brief."}, user("Sky?"), assistant("Green.")],
            },
            [{"role": "system", "content": "Be brief."}, user("Sky?")],
        ),
        # text prompt, answers as one message
        ({"prompt": "Sky?", "chosen": [assistant("Blue.")], "rejected": [assistant("Green.")]}, "Sky?"),
        # hh-rlhf: whole transcripts
        (
            {
                "chosen": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Sky?\n\nAssistant: Blue.",
                "rejected": "\n\nHuman: Hi\n\nAssistant: Hello.\n\nHuman: Sky?\n\nAssistant: Green.",
            },
            [user("Hi"), assistant("Hello."), user("Sky?")],
        ),
        # ShareGPT names
        (
            {
                "prompt": [{"from": "human", "value": "Sky?"}],
                "chosen": [{"from": "gpt", "value": "Blue."}],
                "rejected": [{"from": "gpt", "value": "Green."}],
            },
            [user("Sky?")],
        ),
        # TRL's implicit prompt in plain text: the whole words in common
        ({"chosen": "The sky is Blue.", "rejected": "The sky is Green."}, "The sky is"),
        # content in parts
        (
            {
                "prompt": [{"role": "user", "content": [{"type": "text", "text": "Sky?"}]}],
                "chosen": [assistant("Blue.")],
                "rejected": [assistant("Green.")],
            },
            [user("Sky?")],
        ),
    ],
)
def test_pairs_in_every_shape(row, prompt):
    record = one(row)
    assert record.prompt == prompt
    assert (record.responses, record.ranks) == BOTH


def test_conversations_that_part_early_answer_with_everything_after():
    early = {
        "chosen": [user("Hi"), assistant("A"), user("B"), assistant("C")],
        "rejected": [user("Hi"), assistant("X"), user("Y"), assistant("Z")],
    }
    both = load([early, {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green."}])
    assert both[0].prompt == [user("Hi")]
    assert both[0].responses == ["A\n\nUser: B\n\nAssistant: C", "X\n\nUser: Y\n\nAssistant: Z"]
    assert both.ledger.remarks == {"response of several turns": 1}
    other = {"chosen": [user("Hi"), assistant("A")], "rejected": [user("Ho"), assistant("A")]}
    assert load([other, PAIR]).ledger.dropped == {"prompts differ": 1}


def test_the_last_message_is_the_answer_even_where_answers_agree():
    same = {"chosen": [user("Hi"), assistant("A")], "rejected": [user("Hi"), assistant("A")]}
    assert load([same, PAIR]).ledger.dropped == {"identical": 1}


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("User: a\n\nAssistant: b\n\nUser: c", [user("a"), assistant("b"), user("c")]),
        ("\n\nHuman: a\n\nAssistant:", [user("a")]),
        ("User: a", None),  # an ordinary text may begin so
        ("Human: a\n\nAssistant: b\n\nAssistant: c\n\nHuman: d", [user("a"), assistant("b\n\nc"), user("d")]),
        ("Read this.\n\nUser: a\n\nAssistant: b", None),  # does not begin with a turn
        ("User: a\n\nUser: b", None),  # one side alone
        ("User: a\n\nAssistant: say\n\nHuman: b", None),  # two names for one side
        ("Assistant: a\n\nUser: b", None),
        ("What does 'User: a' mean?", None),
    ],
)
def test_transcripts_only_where_they_are_unambiguous(text, turns):
    assert transcript(text) == turns


def test_a_transcript_that_ends_with_the_assistant_stays_text():
    text = "User: a\n\nAssistant: b"
    assert one(PAIR | {"prompt": text}).prompt == text


def test_hh_rows_that_cannot_be_split_are_cut_at_the_last_cue_and_counted():
    start = "\n\nHuman: a\n\nUser: b\n\nAssistant:"  # two names for one side
    preferences = load([{"chosen": f"{start} So it is Blue.", "rejected": f"{start} So it is Green."}])
    assert preferences[0].prompt == start.strip()
    assert preferences[0].responses == [" So it is Blue.", " So it is Green."]
    notes = {"transcript left as text": 1, "prompt taken from the answers' beginning": 1}
    assert preferences.ledger.remarks == notes


def test_ultrafeedback():
    def answer(text, helpful, honest, overall):
        rated = {"helpfulness": {"Rating": helpful}, "honesty": {"Rating": honest}}
        return {"response": text, "annotations": rated, "overall_score": overall}

    row = {
        "instruction": "Sky?",
        "source": "sharegpt",
        "completions": [
            answer("a", "1", "N/A", 10.0),
            answer("b", "5", "4", 8.5),
            answer("c", "4", "5", 8.0),
        ],
    }
    record = one(row)
    assert record.ranks == [2, 1, 1]  # by the mean aspect, not by the overall score
    assert record.ratings == {
        "helpfulness": [1, 5, 4],
        "honesty": [None, 4, 5],
        "overall_score": [10, 8.5, 8],
    }
    assert (record.prompt, record.subset) == ("Sky?", "sharegpt")


def test_helpsteer2_rows_of_one_prompt_become_one_group():
    prompt = "Hi<extra_id_1>Assistant\nHello.\n<extra_id_1>User\nSky?"
    scores = {"correctness": 4, "coherence": 4, "complexity": 1, "verbosity": 2}
    rows = [
        {"prompt": prompt, "response": "Green.", "helpfulness": 1} | scores,
        {"prompt": "Other", "response": "x", "helpfulness": 3} | scores,
        {"prompt": prompt, "response": "Blue.", "helpfulness": 4} | scores,
        {"prompt": "Other", "response": "y", "helpfulness": 3} | scores,
    ]
    preferences = load(rows)
    first, second = preferences
    assert first.prompt == [user("Hi"), assistant("Hello."), user("Sky?")]
    assert (first.responses, first.ranks, first.ratings["helpfulness"]) == (
        ["Green.", "Blue."],
        [2, 1],
        [1, 4],
    )
    assert second.ranks == [1, 1]
    assert (preferences.ledger.read, preferences.ledger.kept, preferences.ledger.grouped) == (4, 2, 2)


@pytest.mark.parametrize(
    ("preference", "texts", "ranks"), [(-2, "ab", [1, 2]), (3, "ba", [1, 2]), (0, "ab", [1, 1])]
)
def test_helpsteer3(preference, texts, ranks):
    row = {
        "domain": "code",
        "language": "python",
        "context": [user("Sky?")],
        "response1": "a",
        "response2": "b",
    }
    record = one(row | {"overall_preference": preference, "individual_preference": []})
    assert (record.responses, record.ranks, record.strength) == (list(texts), ranks, abs(preference))
    assert record.subset == "code"


def test_nectar():
    answers = [
        {"answer": t, "model": "m", "rank": r}
        for t, r in zip("abcdefg", [3.0, 1, 2, 7, 4, 5, 6], strict=True)
    ]
    record = one(
        {"prompt": "\n\nHuman: Sky?\n\nAssistant: ", "answers": answers, "turns": 1, "source": ["x"]}
    )
    assert record.prompt == [user("Sky?")]
    assert record.ranks == [3, 1, 2, 7, 4, 5, 6]


def test_rewardbench_1_and_2():
    first = one(PAIR | {"chosen_model": "m", "rejected_model": "n", "subset": "llmbar-natural", "id": 3})
    assert (first.responses, first.subset, first.id) == (BOTH[0], "llmbar-natural", "3")
    row = {
        "prompt": "p",
        "chosen": ["a", "b"],
        "rejected": ["c", "d"],
        "num_correct": 2,
        "total_completions": 4,
    }
    second = one(row | {"subset": "Ties", "id": "tied:1"})
    assert (second.responses, second.ranks) == (["a", "b", "c", "d"], [1, 1, 2, 2])
    assert (second.correct, second.subset, second.id) == ([True, True, False, False], "Ties", "tied:1")


def test_steps_on_both_scales():
    good_bad = load([{"prompt": "p", "steps": ["a", "b", "c"], "labels": [1, 0, None]}])[0]
    assert (good_bad.steps, good_bad.step_labels) == ([["a", "b", "c"]], [[1, 0, None]])
    assert good_bad.responses == ["a\nb\nc"]
    rows = [
        {"prompt": "p", "steps": ["a", "b"], "labels": [1, 0]},
        {"prompt": "q", "steps": ["a"], "labels": [-1]},
    ]
    # one -1 in the file makes 0 the neutral label of PRM800K
    assert [record.step_labels for record in load(rows)] == [[[1, 1]], [[0]]]
    trl = one({"prompt": "p", "completions": ["a", "b"], "labels": [True, False]})
    assert trl.step_labels == [[1, 0]]


def test_prm800k_as_published():
    def step(texts, ratings, chosen, human=None):
        candidates = [{"text": t, "rating": r, "flagged": None} for t, r in zip(texts, ratings, strict=True)]
        return {"completions": candidates, "chosen_completion": chosen, "human_completion": human}

    steps = [step("ab", [-1, 0], 1), step("c", [-1], None, {"text": "h"}), step("de", [-1, 1], None)]
    row = {
        "labeler": "L",
        "question": {"problem": "p"},
        "label": {"steps": steps, "finish_reason": "found_error"},
    }
    record = one(row)
    assert (record.prompt, record.steps, record.step_labels) == ("p", [["b", "h", "d"]], [[1, 1, 0]])
    assert record.annotator == "L"


def test_aspects_are_means_over_raters():
    rows = [
        {"prompt": "p", "response": "a", "scores": {"fluency": [1, 2, 3], "focus": [5, 5, 5]}, "id": "1"},
        {"prompt": "p", "response": "b", "scores": {"fluency": [5, 5, 5], "focus": [1, 2, 3]}, "id": "2"},
        {"prompt": "p", "response": "c", "scores": {"fluency": [5], "focus": [4]}, "id": "3"},
    ]
    record = load(rows)[0]
    assert record.ratings == {"fluency": [2, 5, 5], "focus": [5, 2, 4]}
    assert record.ranks == [2, 2, 1]


def test_ties_arena_shp_and_single_answers():
    unlabelled = {"prompt": "p", "response_a": "a", "response_b": "b", "subset": None, "id": "1"}
    assert one(unlabelled).ranks is None
    assert one(unlabelled | {"winner": "tie"}).ranks == [1, 1]
    judged = {"conversation_a": [user("p"), assistant("a")], "conversation_b": [user("p"), assistant("b")]}
    arena = one(judged | {"winner": "model_b", "judge": "j"})
    assert (arena.prompt, arena.responses, arena.ranks, arena.annotator) == (
        [user("p")],
        ["b", "a"],
        [1, 2],
        "j",
    )
    assert one(judged | {"winner": "tie (bothbad)"}).ranks == [1, 1]
    shp = one({"history": "p", "human_ref_A": "a", "human_ref_B": "b", "labels": 0, "score_ratio": 1.0})
    assert (shp.responses, shp.strength) == (["b", "a"], 0)
    assert one({"prompt": "p", "completion": "a", "label": True}).correct == [True]


# --- files that cannot be read ------------------------------------------------------------------------------


def written(tmp_path, content, name="data.jsonl"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


GOOD = json.dumps(PAIR)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (f"{GOOD}\n{{'a': 1}}\n", ["data.jsonl, line 2, column 2", "not JSON"]),
        (f"{GOOD}\n\n[1, 2]\n", ["line 3", "a list", "object"]),
        ("", ["empty"]),
        ("\n \n", ["empty"]),
        (b"\xff\xfe" + GOOD.encode("utf-16-le")[:-1], ["UTF-16", "UTF-8"]),
        (GOOD.encode() + b'\n{"prompt": "\xe9"}\n', ["line 2", "not UTF-8"]),
        (
            '{"question": "a", "answer": "b"}',
            ["'question', 'answer'", "chosen + rejected", "prompt + responses"],
        ),
        (f'{GOOD}\n{{"prompt": "p", "chosen": "a"}}', ["line 2", "'rejected'"]),
        ('{"prompt": 3, "chosen": "a", "rejected": "b"}', ["line 1", "'prompt'"]),
        ('{"prompt": "p", "responses": "a"}', ["line 1", "'responses'"]),
        ('{"prompt": "p", "responses": ["a", "b"], "ranks": [1]}', ["'ranks'", "2"]),
        ('{"prompt": "p", "responses": ["a", "b"], "ranks": [1.5, 2]}', ["'ranks'"]),
        ('{"prompt": "p", "responses": ["a", "b"], "ranks": [true, 2]}', ["'ranks'"]),
        ('{"prompt": "p", "responses": ["a", "b"], "rnks": [1, 2]}', ["'rnks'", "'ranks'"]),
        ('{"prompt": "p", "responses": ["a"], "ratings": {"x": ["good"]}}', ["'ratings.x'"]),
        (
            '{"prompt": "p", "responses": ["a"], "steps": [["a", "b"]], "step_labels": [[1]]}',
            ["'step_labels'"],
        ),
        ('{"prompt": [{"role": "user"}], "chosen": "a", "rejected": "b"}', ["'prompt'", "chat messages"]),
        ('{"prompt": "p", "response_a": "a", "response_b": "b", "winner": "x"}', ["'winner'"]),
        ('{"prompt": "p", "chosen": true, "rejected": "b"}', ["nothing is left", "1 not text"]),
        ('[{"prompt": "p", "chosen": "a"},\n {"x" 1}]', ["line 2, column 7"]),
    ],
)
def test_a_bad_file_says_what_and_where(tmp_path, content, says):
    with pytest.raises(InputError) as caught:
        load(written(tmp_path, content))
    for words in says:
        assert words in str(caught.value)


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("tinyy", ["did you mean 'tiny'"]),
        ("pokcet", ["'pocket'"]),
        ("no/such/file.jsonl", ["no file", ".parquet"]),
        ("nobody/no-such-set:test", ["Hub", "HF_HUB_OFFLINE", "path of its file", "split test"]),
        (3, ["int"]),
        ([], ["dictionaries"]),
    ],
)
def test_a_source_that_is_not_there(source, says):
    with pytest.raises(InputError) as caught:
        load(source)
    for words in says:
        assert words in str(caught.value)


def test_folders_and_kinds_of_files(tmp_path):
    with pytest.raises(InputError, match="no data file"):
        load(tmp_path)
    with pytest.raises(InputError, match=r"\.jsonl"):
        load(written(tmp_path, "prompt,chosen\n", "data.xlsx"))
    with pytest.raises(InputError, match="holds no rows"):
        load(written(tmp_path, "prompt,chosen\n", "data.csv"))
    (tmp_path / "data.csv").unlink()
    written(tmp_path, "this is not gzip", "bad.jsonl.gz")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "bad.jsonl.gz")
    written(tmp_path, "this is not parquet", "bad.parquet")
    with pytest.raises(InputError, match="cannot be read as parquet"):
        load(tmp_path / "bad.parquet")


def test_every_way_to_write_the_same_row_reads_the_same(tmp_path):
    text = json.dumps(PAIR | {"chosen": "Blue\u2028 é"}, ensure_ascii=False)
    expected = load([json.loads(text)]).records
    ways = {
        "plain.jsonl": text.encode(),
        "bom.jsonl": b"\xef\xbb\xbf" + text.encode(),
        "crlf.jsonl": f"{text}\r\n\r\n".encode(),
        "array.json": f"[\n{text}\n]".encode(),
        "lines.json": f"{text}\n".encode(),
        "zip.jsonl.gz": gzip.compress(text.encode()),
    }
    for name, content in ways.items():
        assert load(written(tmp_path, content, name)).records == expected, name


def test_a_folder_is_all_its_data_files(tmp_path):
    written(tmp_path, GOOD, "a.jsonl")
    written(
        tmp_path, json.dumps({"prompt": "q", "responses": ["x", "y", "z"], "ranks": [1, 2, 2]}), "b.jsonl"
    )
    written(tmp_path, '{"builder": "json"}', "dataset_info.json")
    assert [record.prompt for record in load(tmp_path)] == ["Sky?", "q"]


@pytest.mark.parametrize(
    ("name", "read", "kept", "pairs", "dropped"),
    [
        ("llmbar.jsonl", 419, 419, 419, {}),
        ("oasst_en100.jsonl", 732, 732, 732, {}),
        ("oasst_en100.kwise.jsonl", 151, 151, 676, {}),
        ("gsm8k_verified.jsonl", 2429, 2429, 2429, {}),
        ("gsm8k_verified.kwise.jsonl", 731, 731, 2426, {}),
        ("truthfulqa.jsonl", 790, 790, 790, {}),
        # 52 rows with an empty answer; rows that differ in their id alone are votes
        ("pandalm.jsonl", 894, 842, 842, {"empty": 52}),
        ("pandalm.ties.jsonl", 105, 103, 0, {"empty": 2}),
        ("bigbench_mistake.steps.jsonl", 2186, 2186, 0, {}),
        ("prm800k_sample.steps.jsonl", 6, 6, 0, {}),
        ("summeval_op.aspects.jsonl", 416, 32, 2442, {}),
    ],
)
def test_real_files(real_data, name, read, kept, pairs, dropped):
    preferences = load(real_data / name)
    ledger = preferences.ledger
    assert (ledger.read, ledger.kept, ledger.dropped) == (read, kept, dropped)
    assert ledger.read == ledger.kept + ledger.grouped + sum(ledger.dropped.values())
    assert sum(len(record.pairs()) for record in preferences) == pairs


def test_real_conversations_become_messages(real_data):
    for record in load(real_data / "oasst_en100.jsonl"):
        roles = [message["role"] for message in record.prompt]
        assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]
        assert not any("Assistant: " in message["content"] for message in record.prompt)


def test_real_steps(real_data):
    labels = [
        label
        for record in load(real_data / "bigbench_mistake.steps.jsonl")
        for label in record.step_labels[0]
    ]
    assert (len(labels), labels.count(0)) == (33306, 1708)
    neutral = load(real_data / "prm800k_sample.steps.jsonl")[1]
    assert neutral.step_labels == [[1, 1, 1, 1, 1, 1, 0]]
