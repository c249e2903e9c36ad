"""Containers as people have them: folders and globs with splits, odd JSON and CSV, rows in memory."""

import contextlib
import copy
import itertools
import json
import unicodedata

import pandas as pd
import pytest

from rmkit.__main__ import main
from rmkit.data.formats.registry import FORMATS
from rmkit.data.preferences import load
from rmkit.data.rows_to_score import rows_to_score
from rmkit.data.saved_lines import as_line
from rmkit.errors import InputError


def rows(*names):
    return [{"prompt": f"Where is {name}?", "chosen": "North.", "rejected": "Nowhere."} for name in names]


def lines(of):
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in of)


def folder(base, files):
    """A folder with these files; a file without content holds one row, which asks for its own name."""
    for name, content in files.items():
        path = base / name
        path.parent.mkdir(parents=True, exist_ok=True)
        inside = json.dumps(rows(name)) if name.endswith(".json") else lines(rows(name))
        path.write_text(inside if content is None else content, encoding="utf-8")
    return base


def read_of(source, **chosen):
    """The names of the files whose rows are read."""
    return [record.prompt.removeprefix("Where is ").removesuffix("?") for record in load(source, **chosen)]


# --- splits -------------------------------------------------------------------------------------------------

A, B = "data_files: a.jsonl", "data_files: b.jsonl"
README = "---\nlicense: mit\nconfigs:\n{}\n---\n# A set\n"


@pytest.mark.parametrize(
    ("files", "split", "read"),
    [
        (["my.train.jsonl", "my.test.jsonl"], "test", ["my.test.jsonl"]),
        (["DataTrain.jsonl", "DataTest.jsonl"], "test", ["DataTest.jsonl"]),
        (["trainset.jsonl", "testset.jsonl"], "test", ["testset.jsonl"]),
        (["train.jsonl", "dev.jsonl", "eval.jsonl"], "dev", ["dev.jsonl"]),
        (["train.jsonl", "dev.jsonl", "eval.jsonl"], "validation", ["dev.jsonl"]),
        (["train.jsonl", "dev.jsonl", "eval.jsonl"], "eval", ["eval.jsonl"]),
        (["train/a.jsonl", "validation/a.jsonl"], "val", ["validation/a.jsonl"]),
        (["train.json", "test.jsonl"], "train", ["train.json"]),
        (["train_prefs.jsonl", "test_prefs.jsonl"], "train_prefs", ["train_prefs.jsonl"]),
        (["train_prefs.jsonl", "train_sft.jsonl"], "train_sft", ["train_sft.jsonl"]),
        (["partial-train/0.jsonl", "partial-test/0.jsonl"], "test", ["partial-test/0.jsonl"]),
        (["train_prefs/0.jsonl", "train_sft/0.jsonl"], "train_sft", ["train_sft/0.jsonl"]),
        (
            [f"data/{name}-00000-of-00001-0123456789abcdef.jsonl" for name in ("train_gen", "train_sft")],
            "train_gen",
            ["data/train_gen-00000-of-00001-0123456789abcdef.jsonl"],
        ),
        (
            ["hh_train.jsonl", "shp_train.jsonl", "hh_test.jsonl"],
            "train",
            ["hh_train.jsonl", "shp_train.jsonl"],
        ),
        (["train.jsonl", "test/0.jsonl"], "test", ["test/0.jsonl"]),
        (["a_train.jsonl", "train.jsonl"], "train", ["a_train.jsonl", "train.jsonl"]),
    ],
)
def test_a_split_is_read_under_the_name_that_its_file_or_folder_has(tmp_path, files, split, read):
    assert read_of(folder(tmp_path, dict.fromkeys(files)), split=split) == read


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["train_prefs.jsonl", "train_sft.jsonl", "test.jsonl"], "'test', 'train_prefs', 'train_sft'"),
        (["train_prefs/0.jsonl", "train_sft/0.jsonl"], "'train_prefs', 'train_sft'"),
        (["test_en.jsonl", "test_fr.jsonl"], "'test_en', 'test_fr'"),
    ],
)
def test_two_splits_of_one_word_are_never_mixed(tmp_path, files, names):
    with pytest.raises(InputError, match=f"several splits: {names}; choose one"):
        load(folder(tmp_path, dict.fromkeys(files)))


def test_a_glob_and_a_list_know_the_splits_of_their_files(tmp_path):
    folder(tmp_path, dict.fromkeys(["set/train/0.jsonl", "set/test/0.jsonl", "train.jsonl", "test.jsonl"]))
    found = load(str(tmp_path / "set" / "*" / "*.jsonl"))
    assert [record.prompt for record in found] == ["Where is set/train/0.jsonl?"]
    assert "split 'train' read, not 'test'" in found.ledger.line()
    listed = [tmp_path / "train.jsonl", tmp_path / "test.jsonl"]
    assert read_of(listed, split="test") == ["test.jsonl"]
    assert read_of(listed) == ["train.jsonl", "test.jsonl"], "a list says itself what is read"
    with pytest.raises(InputError, match=r"no split 'dev'; there is 'train', 'test'"):
        load(listed, split="dev")
    with pytest.raises(InputError, match="matches no data file"):
        load(str(tmp_path / "s*"))


@pytest.mark.parametrize(
    ("listed", "chosen", "read"),
    [
        ("- {config_name: x, data_files: {train: a.jsonl, test: b.jsonl}}", {"split": "test"}, "b"),
        ("- {config_name: x, data_files: {train: a.jsonl, test: b.jsonl}}", {}, "a"),
        (f"- {{config_name: 2023, {A}}}\n- {{config_name: no, {B}}}", {"config": "no"}, "b"),
        (f"- {{config_name: x, {A}}}\n- {{config_name: y, {B}, default: true}}", {}, "b"),
        (f"- x\n- {{config_name: x, {A}}}", {}, "a"),
        ("- {config_name: x, data_files: [a.jsonl, 3, ../b.jsonl, /b.jsonl, 'hf://b.jsonl']}", {}, "a"),
    ],
)
def test_a_readme_is_followed_in_every_spelling(tmp_path, listed, chosen, read):
    files = {"README.md": README.format(listed), "a.jsonl": None, "b.jsonl": None}
    assert read_of(folder(tmp_path, files), **chosen) == [f"{read}.jsonl"]


@pytest.mark.parametrize(
    ("files", "read"),
    [
        (["dataset_infos.json", "data/train.jsonl"], ["data/train.jsonl"]),
        (["dataset_info.json", "my.json"], ["my.json"]),
        (["config.json", "data/train.jsonl", "data/test.jsonl"], ["data/train.jsonl"]),
        (["cache-0a1b2c3d4e5f6789.arrow", "state.json", "my.jsonl"], ["my.jsonl"]),
    ],
)
def test_what_tools_write_about_a_set_is_no_data(tmp_path, files, read):
    found = load(folder(tmp_path, dict.fromkeys(files)))
    assert [record.prompt for record in found] == [f"Where is {name}?" for name in read]
    assert "not read" not in found.ledger.line()


def test_a_file_that_is_passed_over_stands_in_the_ledger_and_its_config_can_be_asked_for(tmp_path):
    folder(tmp_path, dict.fromkeys(["train.jsonl", "labels.json", "extra/more.jsonl"]))
    found = load(tmp_path)
    assert [record.prompt for record in found] == ["Where is train.jsonl?"]
    looks = found.ledger.examples("file not read")["where"]
    assert sorted(looks) == [str(tmp_path / name) for name in ("extra/more.jsonl", "labels.json")]
    assert read_of(tmp_path, config="extra") == ["extra/more.jsonl"]


@pytest.mark.parametrize("column", ["Split", "partition", "dataset_split"])
@pytest.mark.parametrize(
    "names", [("train", "test"), ("train_prefs", "test_prefs"), ("train", "dev", "other")]
)
def test_a_column_that_names_splits_is_never_mixed(column, names):
    some = [row | {column: name} for name, row in zip(names, rows(*names), strict=True)]
    assert read_of(some, split=names[1]) == [names[1]]
    assert len(load(some, split="all")) == len(names)
    with pytest.raises(InputError, match=f"no split 'x'; there is {names[0]!r}"):
        load(some, split="x")


def test_a_row_without_a_split_is_in_none_of_them():
    some = [row | {"split": name} for name, row in zip(("train", None, "test"), rows(*"abc"), strict=True)]
    found = load(some, split="test")
    assert [record.prompt for record in found] == ["Where is c?"]
    assert found.ledger.dropped == {"of split 'train'": 1, "of split 'none'": 1}


# --- JSON ---------------------------------------------------------------------------------------------------

ROWS = rows("Oslo", "Bern")
VIEWER = [{"row_idx": n, "row": row, "truncated_cells": []} for n, row in enumerate(ROWS)]


ROW_AFTER_ROW = [
    "\n".join(json.dumps(row, indent=2) for row in ROWS),
    "".join(json.dumps(row) for row in ROWS),
    "".join(json.dumps(row) + ",\n" for row in ROWS),
    "".join(f"\x1e{json.dumps(row)}\n" for row in ROWS),
    lines(json.dumps(row) for row in ROWS),
]
ONE_OBJECT = [
    json.dumps({"features": [{"name": "prompt"}], "rows": VIEWER, "num_rows_total": 2}),
    json.dumps({"authors": [{"name": "Ada"}], "data": ROWS}),
    json.dumps({"data": {"train": ROWS, "test": ROWS[:1]}}),
]
NAMED = [(text, name) for text in ROW_AFTER_ROW for name in ("a.json", "a.jsonl")]


@pytest.mark.parametrize(("text", "name"), NAMED + [(text, "a.json") for text in ONE_OBJECT])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_json_as_jq_the_viewer_and_others_print_it(tmp_path, text, encoding, name):
    (tmp_path / name).write_bytes(text.encode(encoding))
    found = load(tmp_path / name)
    assert [(r.prompt, r.responses, r.ranks) for r in found] == [
        (row["prompt"], [row["chosen"], row["rejected"]], [1, 2]) for row in ROWS
    ]


PACKED = [
    (b"\x1f\x8b\x08rest", "is packed: let its name end in .gz"),
    (b"\x28\xb5\x2f\xfdrest", "is packed: let its name end in .zst"),
    (b"PK\x03\x04rest", "zip archive or a workbook"),
    (b"PAR1rest", "is Parquet: let its name end in .parquet"),
    (b"<!DOCTYPE html><html></html>", "a web page, not the data"),
]
ODD_JSON = [
    (b'{"data": []}', "is empty"),
    (b"[" * 300 + b"]" * 300, "nested too deeply"),
    (b"[1]\n[2]\n", "row 1: a list where an object"),
    (b"null", "null where an object"),
]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [(name, *case) for name in ("a.json", "a.csv") for case in PACKED]
    + [("a.json", *case) for case in ODD_JSON],
)
def test_what_is_no_file_of_its_kind_is_told_in_one_sentence(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        load(tmp_path / name)


def test_a_cell_that_the_viewer_has_cut_is_no_row(tmp_path):
    cut = [{"row_idx": 9, "row": rows("Rome")[0], "truncated_cells": ["chosen"]}]
    (tmp_path / "a.json").write_text(json.dumps({"rows": VIEWER + cut}))
    found = load(tmp_path / "a.json", malformed=0.5)
    assert found.ledger.dropped == {"malformed: cut by the viewer": 1}
    assert "has cut chosen" in found.ledger.examples("malformed: cut by the viewer")["done"][0]


# --- separated values ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("a.csv", "prompt,chosen,rejected,,\na,b,c,,\na,b,c,note,\n", [{}, {"unnamed column 4": "note"}]),
        ("a.csv", ",prompt,chosen,rejected,\n0,a,b,c,\n", [{"unnamed column 1": "0"}]),
        ("a.tsv", "prompt,chosen,rejected\na,b,c\n", [{}]),
        ("a.csv", "\ufeffprompt;chosen;rejected\na;b;c\n", [{}]),
    ],
)
def test_columns_without_a_name_keep_what_they_hold(tmp_path, name, text, values):
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = load(tmp_path / name, clean=False)
    assert [(r.prompt, r.responses, r.extra or {}) for r in found] == [("a", ["b", "c"], v) for v in values]


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ('prompt\tchosen\trejected\nq\t"Hi" she said\t"no\n', ['"Hi" she said', '"no']),
        ('prompt\tchosen\trejected\nq\t"a ""b"" c"\t"two\nlines"\n', ['a "b" c', "two\nlines"]),
    ],
)
def test_tabs_with_and_without_quoting(tmp_path, text, answers):
    (tmp_path / "a.tsv").write_text(text)
    assert load(tmp_path / "a.tsv")[0].responses == answers


@pytest.mark.parametrize(
    ("responses", "ranks", "read"),
    [
        ("['a b' 'c']", "[1 2]", (["a b", "c"], [1, 2])),
        ("['a b'\n \"it's\"]", "[1. 2.]", (["a b", "it's"], [1, 2])),
        ("['a', 'b']", "[1, None]", (["a", "b"], [1, 0])),
        ("['a', 'b']", "[1.0, nan]", (["a", "b"], [1, 0])),
        ("['a ' 'b', 'c']", "[1, 2]", (["a b", "c"], [1, 2])),
        ("['[1] nan', 'b']", "[1, 2]", (["[1] nan", "b"], [1, 2])),
    ],
)
def test_lists_as_python_and_numpy_print_them(tmp_path, responses, ranks, read):
    quoted = [f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in ("q", responses, ranks)]
    (tmp_path / "a.csv").write_text("prompt,responses,ranks\n" + ",".join(quoted) + "\n")
    record = load(tmp_path / "a.csv")[0]
    assert (record.responses, record.ranks) == read


def test_messages_that_numpy_printed(tmp_path):
    talk = "[{{'role': 'user', 'content': 'Hi'}} {{'role': 'assistant', 'content': '{}'}}]"
    (tmp_path / "a.csv").write_text(
        f'chosen,rejected\n"{talk.format("} {")}","{talk.format("no")}"\n', encoding="utf-8"
    )
    record = load(tmp_path / "a.csv")[0]
    assert (record.prompt, record.responses) == ([{"role": "user", "content": "Hi"}], ["} {", "no"])


# --- in memory ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "source",
    [
        iter(ROWS),
        (row for row in ROWS),
        {name: [row[name] for row in ROWS] for name in ROWS[0]},
        {"train": pd.DataFrame(ROWS), "test": pd.DataFrame(ROWS[:1])},
    ],
    ids=["iterator", "generator", "columns", "frames"],
)
def test_rows_in_memory_in_every_usual_shape(source):
    assert read_of(source) == ["Oslo", "Bern"]


def test_splits_that_are_files_and_places_that_tell_their_split(tmp_path):
    files = {name: folder(tmp_path, {f"{name}.x.jsonl": None}) / f"{name}.x.jsonl" for name in ("one", "two")}
    assert read_of(files, split="two") == ["two.x.jsonl"]
    both = load({"train": ROWS, "test": ROWS[:1]}, split="all")
    assert both.ledger.examples("duplicate")["where"].tolist() == ["test, row 1"]


# --- one row never stops a file -----------------------------------------------------------------------------


def test_a_row_in_a_list_that_is_no_dictionary_is_counted():
    found = load([*ROWS, None, "x", [1]], malformed=0.7)
    assert (len(found), found.ledger.dropped) == (2, {"malformed: no object": 3})
    assert "row 3: null where" in found.ledger.examples("malformed: no object")["done"][0]


ODD = [None, 3, "zzz", [], [3], [None], {}, [{}], {"text": [1]}, 10**400, {"steps": [None]}, "\ud800"]
ODD += [[{"role": 3, "content": "x"}], {"steps": [{"completions": [None]}]}, [{"text": None}], "[1", "{'a'"]


def places(value, at=()):
    if at:
        yield at
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, each in inside:
        yield from places(each, (*at, key))


def with_odd(row, at, odd):
    row = copy.deepcopy(row)
    inside = row
    for key in at[:-1]:
        inside = inside[key]
    inside[at[-1]] = odd
    return row


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_whatever_stands_in_a_row_of_any_format_the_file_is_read_and_scored(known):
    good = known.example
    for at, odd in itertools.product(list(places(good[0])), ODD):
        row = with_odd(good[0], at, odd)
        assert len(rows_to_score([*good, *good, row])) == 2 * len(good) + 1
        with contextlib.suppress(InputError):  # a sentence is right, too
            load([*good, *good, row], clean=False, malformed=1.0)


# --- scoring ------------------------------------------------------------------------------------------------

PAIR = {"prompt": "q", "response_0": "x", "response_1": "y"}


@pytest.mark.parametrize(
    ("good", "column"),
    [
        ({"prompt": "q", "completion": "x", "label": True}, "label"),
        ({"prompt": "q", "completions": ["x", "y"], "labels": [True, False]}, "labels"),
        ({"problem": "q", "steps": ["x", "y"], "label": 1}, "label"),
        ({"input": "q", "steps": ["x", "y"], "mistake_index": 1}, "mistake_index"),
        ({"history": "q", "human_ref_A": "x", "human_ref_B": "y", "labels": 1}, "labels"),
        (PAIR | {"better_response_id": 0}, "better_response_id"),
        (PAIR | {"response_2": "z", "preference_strength": 1}, "preference_strength"),
    ],
)
@pytest.mark.parametrize("label", [None, "zzz", 7.5])
def test_answers_are_scored_whatever_their_label_says(good, column, label):
    first, second = (row.record for row in rows_to_score([good, good | {column: label}]))
    assert (second.prompt, second.responses) == (first.prompt, first.responses) == ("q", second.responses)


def test_a_mistake_that_is_not_understood_is_not_taken_for_none():
    good = {"input": "q", "steps": ["x", "y"], "mistake_index": 1}
    found = load([good, good | {"mistake_index": "the last"}], malformed=0.5)
    assert found.ledger.dropped == {"malformed: column 'mistake_index'": 1}


def test_a_file_that_is_scored_again_keeps_its_columns():
    row = rows("Oslo")[0] | {"rewards": [1.0, 2.0], "reason": "mine"}
    scored, unscored = rows_to_score([row, row | {"chosen": None, "rewards_before": [3.0]}])
    assert scored.line([0.5, 0.1]) == row | {"rewards": [0.5, 0.1], "rewards_before": [1.0, 2.0]}
    told = unscored.line(None)
    assert (told["rewards"], told["reason"], told["reason_before"]) == (None, "empty", "mine")
    assert (told["rewards_before"], told["rewards_before_before"]) == ([3.0], [1.0, 2.0])


def test_half_a_letter_in_a_column_stops_no_output(tmp_path):
    line = as_line({"a": "x\ud800", "b": "é"})
    assert line == b'{"a": "x\\ud800", "b": "\xc3\xa9"}\n'
    assert json.loads(line) == {"a": "x\ud800", "b": "é"}
    found = load([rows("Oslo")[0] | {"more": "x\ud800"}])
    assert load(found.save(tmp_path / "a.jsonl")).records == found.records


# --- text that acts on a terminal ---------------------------------------------------------------------------

ACTS = "\x1b]0;x\x07\x9b31m\u202e\r\b\x7f\u2066\u2028"


def acting(text):
    return [c for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")]


def test_names_of_splits_configs_columns_and_files_do_not_act(tmp_path):
    sources = [
        (folder(tmp_path / "a", dict.fromkeys([f"x{ACTS}.jsonl", f"test{ACTS}.jsonl"])), {}),
        (folder(tmp_path / "b", dict.fromkeys([f"x{ACTS}/1.jsonl", f"y{ACTS}/1.jsonl"])), {"config": ACTS}),
        (folder(tmp_path / "c", {"README.md": README.format("[" + ACTS[0]), "train.jsonl": None}), {}),
        ([row | {"split": f"{name}{ACTS}"} for name, row in zip(("dev", "test"), ROWS, strict=True)], {}),
        ({f"dev{ACTS}": ROWS, f"test{ACTS}": ROWS}, {"split": ACTS}),
        ([{f"foo{ACTS}": 1}], {}),
        (str(tmp_path / f"none{ACTS}.jsonl"), {}),
    ]
    for source, chosen in sources:
        with pytest.raises(InputError) as error:
            load(source, **chosen)
        assert acting(str(error.value)) == []
    found = load(folder(tmp_path / "d", dict.fromkeys(["train.jsonl", f"note{ACTS}.json"])))
    said = [found.ledger.line(), repr(found), found.ledger.table().to_string()]
    said += [found.ledger.examples("file not read").to_string(), *found.notes]
    assert acting("".join(said)) == []


def test_an_argument_that_acts_is_said_with_escapes(capsys):
    with pytest.raises(SystemExit):
        main(["doctor", ACTS])
    said = capsys.readouterr().err
    assert "\\x1b]0;x" in said
    assert acting(said) == []
