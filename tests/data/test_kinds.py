"""No question is lost, no label invented, no text doubled, and no row stops a file; in many spellings."""

import json

import pytest
from rmkit.preferences import load
from turns import assistant, system, user

import rmkit
from rmkit.data.formats.pairs import PAIRS
from rmkit.data.formats.registry import FORMATS, page
from rmkit.data.rows_to_score import rows_to_score
from rmkit.data.transcripts import prompt
from rmkit.errors import InputError
from rmkit.paths import data_folder

PAIR = {"chosen": "A heron does.", "rejected": "A mole does."}


# --- the question -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "asked"),
    [
        ({"question": "Who fishes?"}, "Who fishes?"),
        ({"Question": "Who fishes?"}, "Who fishes?"),
        ({"query": "Who fishes?"}, "Who fishes?"),
        ({"input": "Who fishes?"}, "Who fishes?"),
        ({"instruction": "Translate.", "input": "Who fishes?"}, "Translate.\nWho fishes?"),
        ({"instruction": "Who fishes?", "input": ""}, "Who fishes?"),
        ({"instruction": "Who fishes?", "input": None}, "Who fishes?"),
        ({"context": "Who fishes?"}, "Who fishes?"),
        ({"context": "Herons fish.", "question": "Who fishes?"}, "Herons fish.\n\nWho fishes?"),
        ({"context": [user("Who fishes?")]}, [user("Who fishes?")]),
        ({"context_messages": [user("Who fishes?")]}, [user("Who fishes?")]),
        ({"conversations": [{"from": "human", "value": "Who fishes?"}]}, [user("Who fishes?")]),
        ({"history": [["Hi", "Hello"]], "query": "Who?"}, [user("Hi"), assistant("Hello"), user("Who?")]),
        ({"history": ["Hi", "Hello"], "prompt": "Who?"}, [user("Hi"), assistant("Hello"), user("Who?")]),
        ({"history": [], "question": "Who fishes?", "system": ""}, "Who fishes?"),
        ({"system": "Be brief.", "question": "Who?"}, [system("Be brief."), user("Who?")]),
        ({"system_prompt": "Be brief.", "prompt": [user("Who?")]}, [system("Be brief."), user("Who?")]),
        ({"post": "I saw a heron."}, "I saw a heron."),
        ({"title": "Herons", "post": "I saw one."}, "Herons\n\nI saw one."),
        ({"title": "Herons", "question": "Who?", "body": "I saw one."}, "Herons\n\nWho?\n\nI saw one."),
        ({"question": {"full_text": "Who fishes?", "id": "7"}}, "Who fishes?"),
        ({"prompt": json.dumps([user("Who fishes?")])}, [user("Who fishes?")]),
        ({"prompt": str([user("Who's fishing?")])}, [user("Who's fishing?")]),
        (
            {"prompt": "Human: Hi\n\nAssistant: Yes?\n\nHuman: Who?"},
            [user("Hi"), assistant("Yes?"), user("Who?")],
        ),
        ({"prompt": "User: who fishes"}, "User: who fishes"),
    ],
)
def test_a_question_is_found_under_its_usual_names(columns, asked):
    read = load([columns | PAIR])
    assert read[0].prompt == asked
    assert read[0].responses == list(PAIR.values())
    assert read.ledger.remarks == {}


@pytest.mark.parametrize("column", ["ask", "frage", "utterance", "text in", "words", "task"])
def test_a_question_under_a_name_that_nobody_knows_is_refused(column):
    with pytest.raises(InputError, match=f"row 1: no prompt.*'{column}'.*rename"):
        load([{column: "Which bird fishes?"} | PAIR])
    # Words that the answers begin with are no prompt while a column may hold it.
    with pytest.raises(InputError, match=f"'{column}'"):
        load([{column: "Which bird?", "chosen": "The bird is grey.", "rejected": "The bird is red."}])


@pytest.mark.parametrize("columns", [{}, {"prompt": ""}, {"prompt": None}, {"source": "web", "model": "m"}])
def test_an_empty_prompt_is_counted(columns):
    read = load([columns | PAIR])
    assert read.ledger.remarks == {"no prompt": 1}
    assert "1 no prompt" in read.ledger.line()
    assert [(event.what, event.where) for event in read.events] == [("no prompt", "row 1")]


@pytest.mark.parametrize(
    "text",
    [
        "User: who fishes",
        "\n\nHuman: who fishes\n\nAssistant:",
        "Human: a\n\nAssistant: b\n\nHuman: c",
        "plain",
    ],
)
def test_load_and_score_read_a_prompt_alike(text):
    assert load([{"prompt": text} | PAIR])[0].prompt == prompt(text)
    assert prompt(prompt(text)) == prompt(text)


def test_first_turns_in_a_file_of_transcripts_are_turns():
    rows = [{"prompt": text} | PAIR for text in ("User: a", "User: a\n\nAssistant: b\n\nUser: c", "plain")]
    assert [record.prompt for record in load(rows)] == [
        [user("a")],
        [user("a"), assistant("b"), user("c")],
        "plain",
    ]


def test_a_system_prompt_stands_before_a_conversation_of_the_answers():
    row = {name: [user("Who?"), assistant(text)] for name, text in PAIR.items()}
    assert load([row | {"system": "Be brief."}])[0].prompt == [system("Be brief."), user("Who?")]


# --- the label ----------------------------------------------------------------------------------------------

SIDES = {"prompt": "Who fishes?", "response_a": "A heron.", "response_b": "A mole."}


@pytest.mark.parametrize(
    "column",
    ["winner", "Winner", "label", "preference", "preferred", "better", "choice", "verdict", "judgment"],
)
@pytest.mark.parametrize(
    ("value", "ranks", "first"),
    [
        ("a", [1, 2], "A heron."),
        ("B", [1, 2], "A mole."),
        ("model_a", [1, 2], "A heron."),
        ("response_b", [1, 2], "A mole."),
        ("A>B", [1, 2], "A heron."),
        ("B >> A", [1, 2], "A mole."),
        ("[[A]]", [1, 2], "A heron."),
        ("second", [1, 2], "A mole."),
        ("Response A is better", [1, 2], "A heron."),
        ("tie", [1, 1], "A heron."),
        ("both_bad", [1, 1], "A heron."),
        ("tie (bothbad)", [1, 1], "A heron."),
        ("A=B", [1, 1], "A heron."),
        ("no preference", [1, 1], "A heron."),
    ],
)
def test_every_word_for_a_winner(column, value, ranks, first):
    record = load([SIDES | {column: value}])[0]
    assert (record.ranks, record.responses[0]) == (ranks, first)


@pytest.mark.parametrize(
    ("columns", "ranks", "first"),
    [
        ({"output_1": "A heron.", "output_2": "A mole.", "preference": 2}, [1, 2], "A mole."),
        ({"answer_0": "A heron.", "answer_1": "A mole.", "better": 1}, [1, 2], "A mole."),
        ({"response_1": "A heron.", "response_2": "A mole.", "label": "1"}, [1, 2], "A heron."),
        ({"answer_0": "A heron.", "answer_1": "A mole.", "score_0": -1, "score_1": 1}, [1, 2], "A mole."),
        ({"answer_0": "A heron.", "answer_1": "A mole.", "score_0": 0.0, "score_1": 0.0}, [1, 1], "A heron."),
        ({"response_a": "A heron.", "response_b": "A mole.", "votes": [1, 4]}, [1, 2], "A mole."),
        (
            {
                "response_a": "A heron.",
                "response_b": "A mole.",
                "model_a": "x",
                "model_b": "y",
                "winner": "y",
            },
            [1, 2],
            "A mole.",
        ),
        (
            {
                "response_a": "A heron.",
                "response_b": "A mole.",
                "winner_model_a": 0,
                "winner_model_b": 0,
                "winner_tie": 1,
            },
            [1, 1],
            "A heron.",
        ),
        ({"a1": "A heron.", "a2": "A mole.", "label": "a2"}, [1, 2], "A mole."),
    ],
)
def test_every_way_to_name_a_winner(columns, ranks, first):
    record = load([{"prompt": "Who fishes?"} | columns])[0]
    assert (record.ranks, record.responses[0]) == (ranks, first)


@pytest.mark.parametrize(
    "columns",
    [
        {"votes": 3},
        {"human_label": "a"},
        {"label": 1},
        {"label": True},
        {"winner": "the blue one"},
        {"my_preference": "a"},
        {"rating": 4},
        {"best_response": "a"},
    ],
)
def test_a_judgment_that_is_not_understood_is_refused_by_name(columns):
    (column,) = columns
    with pytest.raises(InputError, match=f"column '{column}'"):
        load([SIDES | columns])


@pytest.mark.parametrize("labels", [[0, 1, 2], [0, 1], [-1, 1]])
def test_numbers_that_may_mean_two_things_are_refused(labels):
    rows = [{"prompt": f"Q{n}?", "response_1": "x", "response_2": "y", "label": n} for n in labels]
    with pytest.raises(InputError, match="which answer do the numbers"):
        load(rows)


@pytest.mark.parametrize("columns", [{}, {"winner": None}, {"winner": ""}])
def test_no_winner_is_no_label_and_no_tie(columns):
    read = load([SIDES | columns, SIDES | {"prompt": "Who digs?", "winner": "b"}])
    assert [record.ranks for record in read] == [None, [1, 2]]
    assert (read.ledger.remarks, read.ledger.tied) == ({"no label": 1}, 0)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("score_chosen", "score_rejected"),
        ("chosen_score", "rejected_score"),
        ("rating_chosen", "rating_rejected"),
        ("chosen_rating", "rejected_rating"),
        ("chosen-rating", "rejected-rating"),
        ("chosen_avg_rating", "rejected_avg_rating"),
    ],
)
def test_ratings_of_a_pair_give_ties_and_strength(first, second):
    rows = [
        {"prompt": f"Q{i}?", first: a, second: b} | PAIR
        for i, (a, b) in enumerate([(5, 2), (4, 4.0), (1, "3")])
    ]
    read = load(rows)
    assert [record.ranks for record in read] == [[1, 2], [1, 1], [1, 2]]
    assert [record.strength for record in read] == [3, None, None]
    assert [next(iter(record.ratings.values())) for record in read] == [[5, 2], [4, 4], [1, 3]]
    assert (read.ledger.tied, read.ledger.remarks) == (1, {"chosen scores lower": 1})


@pytest.mark.parametrize(("better", "worse"), PAIRS)
def test_every_name_for_the_two_sides_of_a_pair(better, worse):
    assert load([{"prompt": "Who?", better: "x", worse: "y"}])[0].responses == ["x", "y"]


def test_distilabel_says_ties_in_its_status():
    rows = [
        {"input": "Who?", "generations": ["x", "y"], "rating": [8.0, 8.0], "status": "tie"},
        {"input": "What?", "generations": ["y", "x"], "rating": [2.0, 9.0], "status": "swapped"},
    ]
    read = load([each | {"chosen": "x", "rejected": "y"} for each in rows])
    assert [record.ranks for record in read] == [[1, 1], [1, 2]]
    assert read[1].ratings == {"rating": [9, 2]}


# --- the rows -----------------------------------------------------------------------------------------------

GOOD = [{"prompt": f"Question {i}?"} | PAIR for i in range(20)]
IMAGE = [{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "See?"}]}]
CALL = [{"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "look"}}]}]


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ({"prompt": IMAGE} | PAIR, "images"),
        ({"prompt": "See?", "images": ["aGk="]} | PAIR, "images"),
        ({"prompt": [user("Look.")], "chosen": CALL, "rejected": [assistant("No.")]}, "tool calls"),
        (
            {"prompt": "p", "chosen": [{"role": "assistant", "content": None}], "rejected": "x"},
            "null content",
        ),
        ({"prompt": "p", "chosen": "", "rejected": "x"}, "empty"),
        ({"prompt": "p", "chosen": 7, "rejected": "x"}, "not text"),
        ({"prompt": 7} | PAIR, "malformed: column 'prompt'"),
        ({"prompt": ["tool"]} | PAIR, "malformed: column 'prompt'"),
        ({"prompt": "p", "chosen": "x"}, "malformed: no column 'rejected'"),
        ({}, "malformed: no column 'chosen'"),
    ],
)
def test_one_row_never_stops_a_file(bad, reason):
    read = load([*GOOD[:9], bad, *GOOD[9:]])
    assert read.ledger.dropped == {reason: 1}
    assert (read.ledger.read, len(read)) == (21, 20)
    assert [event.where for event in read.events if event.what == reason] == ["row 10"]


def test_a_line_that_is_not_json_is_a_row(tmp_path):
    path = tmp_path / "pairs.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in GOOD) + '{"prompt": \n[1]\n')
    read = load(path)
    assert read.ledger.dropped == {"malformed: not JSON": 1, "malformed: no object": 1}
    assert [event.where[-7:] for event in read.events] == ["line 21", "line 22"]
    assert "column 12" in read.events[0].done or "line 21" in read.events[0].done
    with pytest.raises(InputError, match="line 21"):
        load(path, malformed=0.05)


def test_many_bad_rows_name_the_commonest_reason():
    bad = [{"prompt": 7} | PAIR, {"prompt": "p", "chosen": "x"}, {"prompt": "q", "chosen": "x"}]
    with pytest.raises(InputError, match=r"row 22: no column 'rejected'.*3 of 23 rows.*2 of them"):
        load(GOOD + bad)
    assert len(load(GOOD + bad, malformed=0.2)) == 20


@pytest.mark.parametrize(
    ("row", "asked", "answers"),
    [
        (
            {
                "prompt": "Which bird fishes well?",
                "chosen": "Which bird fishes well? A heron.",
                "rejected": "Which bird fishes well? A mole.",
            },
            "Which bird fishes well?",
            ["A heron.", "A mole."],
        ),
        (
            {
                "prompt": "\n\nHuman: Who?\n\nAssistant:",
                "chosen": "\n\nHuman: Who?\n\nAssistant: A heron.",
                "rejected": "\n\nHuman: Who?\n\nAssistant: A mole.",
            },
            [user("Who?")],
            ["A heron.", "A mole."],
        ),
        (
            {"prompt": "Hello", "chosen": "Hello you.", "rejected": "Hello!"},
            "Hello",
            ["Hello you.", "Hello!"],
        ),
        (
            {
                "chosen": json.dumps([user("Who?"), assistant("A heron.")]),
                "rejected": json.dumps([user("Who?"), assistant("A mole.")]),
            },
            [user("Who?")],
            ["A heron.", "A mole."],
        ),
        ({"prompt": "JSON?", "chosen": '["a"]', "rejected": '{"a": 1}'}, "JSON?", ['["a"]', '{"a": 1}']),
        (
            {
                "prompt": [user("Who?")],
                "chosen": assistant("A heron."),
                "rejected": {"from": "gpt", "value": "A mole."},
            },
            [user("Who?")],
            ["A heron.", "A mole."],
        ),
        (
            {
                "chosen": [user("Hi"), assistant("A"), user("B"), assistant("C")],
                "rejected": [user("Hi"), assistant("D")],
            },
            [user("Hi")],
            ["A\n\nUser: B\n\nAssistant: C", "D"],
        ),
        (
            {"messages": [user("Who?"), assistant("A heron.")], "chosen": "A heron.", "rejected": "A mole."},
            [user("Who?")],
            ["A heron.", "A mole."],
        ),
    ],
)
def test_text_is_neither_doubled_nor_lost(row, asked, answers):
    record = load([row])[0]
    assert (record.prompt, record.responses) == (asked, answers)


def test_steps_and_outcomes_of_a_prompt_are_one_group():
    rows = [
        {"prompt": "3 + 4?", "steps": ["Add.", "It is 7."], "labels": [1, 1], "generator": "m"},
        {"prompt": "3 + 5?", "steps": ["Add."], "labels": [None]},
        {
            "prompt": "3 + 4?",
            "steps": ["Add.", "It is 8.", "Done."],
            "labels": [1, 0, None],
            "generator": "n",
        },
    ]
    read = load(rows)
    assert (read.ledger.read, read.ledger.kept, read.ledger.grouped) == (3, 2, 1)
    assert (read[0].correct, read[1].correct) == ([True, False], [None])
    assert read[0].step_labels == [[1, 1], [1, 0, None]]
    assert read[0].extra == {"generator": ["m", "n"]}
    signs = {"prompt": "3 + 4?", "steps": ["Add.", "It is 8."], "labels": ["+", "-"]}
    assert load([signs])[0].step_labels == [[1, 0]]
    with pytest.raises(InputError, match="'labels'"):
        load([signs | {"labels": ["fine", "-"]}])
    judged = [{"prompt": "3 + 4?", "completion": str(n), "label": n == 7} for n in (6, 7)]
    assert load(judged)[0].correct == [False, True]


# --- columns that are not used ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.parquet", "a.arrow"])
def test_unused_columns_are_carried_along(tmp_path, name):
    rows = [
        {"prompt": "Who fishes?", "model": "m", "meta": {"turns": [1, 2]}, "when": None} | PAIR,
        {"prompt": [user("Who digs?")], "model": 3} | PAIR,
    ]
    read = load(rows)
    extras = [{"model": "m", "meta": {"turns": [1, 2]}, "when": None}, {"model": 3}]
    assert [record.extra for record in read] == extras
    again = load(read.save(tmp_path / name))
    assert [record.extra for record in again] == extras
    assert again.records == read.records, "prompts of both kinds, too"


def test_a_row_to_score_keeps_its_order_and_its_columns():
    rows = [
        {"prompt": "Who?", "response_a": "x", "response_b": second, "winner": w, "n": 1}
        for second, w in (("y", "b"), ([3], "a"), ("y", "odd"))
    ]
    found = rows_to_score(rows)
    assert [row.record and row.record.responses for row in found] == [["x", "y"], None, ["x", "y"]]
    assert found[0].line([0.5, 1.0]) == rows[0] | {"rewards": [0.5, 1.0]}
    assert found[1].line(None) == rows[1] | {"rewards": None, "reason": found[1].reason}
    assert found[1].reason == "not text"


# --- formats ------------------------------------------------------------------------------------------------


@pytest.fixture
def registry():
    before = list(FORMATS)
    yield FORMATS
    FORMATS[:] = before


def test_a_format_of_ones_own_takes_one_function(registry, tmp_path):
    @rmkit.formats.register("my votes", ("ask", "good", "bad"))
    def my_votes(row):
        """{"ask": "Who fishes?", "good": "A heron.", "bad": "A mole."}"""
        return {"prompt": row["ask"], "responses": [row["good"], row["bad"]], "ranks": [1, 2]}

    rows = [
        {"Ask": f"Who {verb}?", "good": "x", "bad": "y", "subset": "s", "mood": 3}
        for verb in ("fishes", "digs")
    ]
    read = load(rows)
    assert [(r.prompt, r.responses, r.ranks, r.subset, r.extra) for r in read] == [
        (f"Who {verb}?", ["x", "y"], [1, 2], "s", {"mood": 3}) for verb in ("fishes", "digs")
    ]
    assert my_votes({"ask": "a", "good": "b", "bad": "c"})["responses"] == ["b", "c"], (
        "still a plain function"
    )
    assert "my votes" in page()


def test_ones_own_format_is_preferred_and_may_be_replaced(registry):
    for sign in (1, -1):

        @rmkit.formats.register("mine", ("chosen", "rejected"))
        def mine(row, sign=sign):
            return {"responses": [row["chosen"], row["rejected"]][::sign], "ranks": [1, 2]}

    assert load([GOOD[0]])[0].responses == ["A mole does.", "A heron does."]
    assert [known.name for known in registry].count("mine") == 1


@pytest.mark.parametrize(
    ("made", "says"),
    [({"ranks": [1]}, "responses"), ({"responses": ["a"], "rank": [1]}, "'rank'"), (None, "responses")],
)
def test_a_format_that_gives_the_wrong_things_says_so(registry, made, says):
    rmkit.formats.register("wrong", ("left", "right"))(lambda row: made)
    with pytest.raises(InputError, match=says):
        load([{"left": "a", "right": "b"}])
    with pytest.raises(InputError, match="columns"):
        rmkit.formats.register("nothing", ())


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (["prompt", "choosen", "rejected"], ["chosen and rejected", "rename 'choosen' to 'chosen'"]),
        (["question", "response_x", "response_y"], ["response_x", "@rmkit.formats.register"]),
        (["prompt", "completionss", "labels"], ["rename 'completionss' to 'completions'"]),
        (["prompt", "stepz", "labels"], ["rename 'stepz' to 'steps'"]),
    ],
)
def test_an_unknown_file_names_the_nearest_format(columns, says):
    with pytest.raises(InputError) as caught:
        load([dict.fromkeys(columns, "x")])
    for words in says:
        assert words in str(caught.value)


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_every_format_reads_the_rows_that_its_docstring_shows(known):
    assert known.example, "a docstring that shows a row"
    read = load(known.example, clean=False)
    assert read.ledger.dropped == {}
    assert all(record.prompt for record in read)


def test_the_page_of_formats_is_the_registry():
    text = (data_folder().parent / "docs" / "formats.md").read_text(encoding="utf-8")
    assert text.endswith(page()), "write `rmkit.formats.page()` at the end of docs/formats.md"


def test_benchmarks_are_never_cleaned():
    bench = {"prompt": "p", "chosen": ["a"], "rejected": ["b"], "num_correct": 1, "id": 1}
    assert len(load([bench, bench])) == 2
    assert len(load([GOOD[0], GOOD[0]])) == 1


@pytest.mark.parametrize("texts", ["responses", "candidates", "completions", "outputs", "answers"])
@pytest.mark.parametrize(
    ("numbers", "values"), [("scores", [1, 3, 2]), ("rewards", [0.1, 0.9, 0.5]), ("ranking", [3, 1, 2])]
)
def test_a_list_of_answers_and_a_list_of_numbers(texts, numbers, values):
    rows = [
        {"prompt": f"Name a fern, {i}.", texts: ["Oak.", "Maidenhair.", "Moss."], numbers: values}
        for i in (1, 2)
    ]
    record = load(rows)[0]
    assert record.responses == ["Oak.", "Maidenhair.", "Moss."]
    assert record.ranks == [3, 1, 2]


@pytest.mark.parametrize("empty", [[], {}, None, "", " "])
def test_an_answer_without_content_is_counted(empty):
    rows = [{"prompt": f"Q {i}", "chosen": f"Fish {i}.", "rejected": "Stones."} for i in range(20)]
    rows[7] = rows[7] | {"rejected": empty}
    found = load(rows)
    assert (len(found), found.ledger.dropped) == (19, {"empty": 1})
    assert found.ledger.examples("empty")["where"].tolist() == ["row 8"]


@pytest.mark.parametrize(("column", "wrong"), [("share", "most"), ("strength", "much")])
def test_a_number_in_words_is_no_silent_null(column, wrong):
    with pytest.raises(InputError, match=column):
        load([{"prompt": "Q", "responses": ["a", "b"], "ranks": [1, 2], column: wrong}])
