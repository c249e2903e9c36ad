"""Containers as people have them: folders and globs with splits, odd JSON and CSV, rows in memory."""

import json

import pytest

from rmkit.data.preferences import load
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
