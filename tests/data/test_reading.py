"""Whatever rows come in is read: files of every kind, folders, globs, frames; splits are never mixed."""

import gzip
import json

import datasets
import pandas as pd
import pyarrow
import pyarrow.parquet
import pytest
from rmkit.preferences import load

from rmkit.data import files
from rmkit.errors import InputError


def row(name: str, **more) -> dict:
    return {"prompt": f"Where is {name}?", "chosen": "In the north.", "rejected": "In the sea."} | more


ROWS = [row("Oslo"), row("Tromsø, the city")]
PROMPTS = ["Where is Oslo?", "Where is Tromsø, the city?"]


def lines(rows: list[dict]) -> str:
    return "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in rows)


def prompts(source, **options) -> list[str]:
    return [record.prompt for record in load(source, **options)]


def zstd(content: bytes) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(content)
    return sink.getvalue().to_pybytes()


def table(kind: str) -> bytes:
    sink, data = pyarrow.BufferOutputStream(), pyarrow.Table.from_pylist(ROWS)
    if kind == ".parquet":
        pyarrow.parquet.write_table(data, sink)
    else:
        with pyarrow.ipc.new_file(sink, data.schema) as writer:
            writer.write_table(data)
    return sink.getvalue().to_pybytes()


FRAME = pd.DataFrame(ROWS)
COLUMNS = {name: [each[name] for each in ROWS] for name in ROWS[0]}
CONTENTS = {
    ".jsonl": lines(ROWS),
    ".ndjson": lines(ROWS),
    ".csv": FRAME.to_csv(index=False),
    ".tsv": FRAME.to_csv(index=False, sep="\t"),
    ".parquet": table(".parquet"),
    ".arrow": table(".arrow"),
    ".json": json.dumps(ROWS),
}
SHAPES_OF_JSON = {
    "an array over lines": json.dumps(ROWS, indent=1),
    "lines": lines(ROWS),
    "an object around rows": json.dumps({"version": 1, "data": ROWS}),
    "an object around rows, over lines": json.dumps({"data": ROWS}, indent=2),
    "an object of lists": json.dumps(COLUMNS),
    "pandas, by column": FRAME.to_json(),
    "pandas, by index": FRAME.to_json(orient="index"),
    "pandas, split": FRAME.to_json(orient="split"),
    "pandas, table": FRAME.to_json(orient="table"),
    "pandas, records": FRAME.to_json(orient="records"),
}


@pytest.mark.parametrize("packing", ["", ".gz", ".zst"])
@pytest.mark.parametrize("kind", CONTENTS)
def test_every_kind_of_file_reads_the_same(tmp_path, kind, packing):
    content = CONTENTS[kind] if isinstance(CONTENTS[kind], bytes) else CONTENTS[kind].encode()
    pack = {"": bytes, ".gz": gzip.compress, ".zst": zstd}[packing]
    path = tmp_path / f"pairs{kind}{packing}"
    path.write_bytes(pack(content))
    assert prompts(path) == PROMPTS
    assert kind in files.KINDS


@pytest.mark.parametrize("shape", SHAPES_OF_JSON)
def test_every_shape_of_json_reads_the_same(tmp_path, shape):
    path = tmp_path / "pairs.json"
    path.write_text(SHAPES_OF_JSON[shape], encoding="utf-8")
    assert prompts(path) == PROMPTS


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ('{\n "prompt": "p",\n "chosen" "x"\n}', "line 3, column 11.*not JSON"),
        ('[{"prompt": "p"},\n {"prompt"}]', "line 2, column 11.*not JSON"),
        ("3", "int where an object"),
        ('["a", "b"]', "row 1: a str where an object"),
        ("{}", "no format has these columns: none"),
        ("[]", "holds no rows"),
    ],
)
def test_json_that_holds_no_rows_gives_the_true_reason(tmp_path, content, says):
    (tmp_path / "a.json").write_text(content)
    with pytest.raises(InputError, match=says):
        load(tmp_path / "a.json")


@pytest.mark.parametrize("source", [None, [], "", FRAME[:0], {"prompt": "p"}, {"train": []}, [["a"]], b"x"])
def test_what_holds_no_rows_is_one_sentence(source):
    with pytest.raises(InputError):
        load(source)


def test_a_spreadsheet_may_use_semicolons_quotes_and_very_long_texts(tmp_path):
    long = "very long, " * 20_000
    path = tmp_path / "sheet.csv"
    path.write_text(f'prompt;chosen;rejected\n"Two\nlines?";"{long}";No\nb;c\nd;e;f\n' + "g;h;i\n" * 9)
    read = load(path, clean=False)
    assert (read[0].prompt, read[0].responses[0]) == ("Two\nlines?", long)
    assert read.ledger.dropped == {"malformed: wrong number of values": 1}
    assert [event.where.rsplit(", ", 1)[1] for event in read.events] == ["line 4"]


def test_lists_in_a_csv_file_are_lists(tmp_path):
    path = tmp_path / "kwise.csv"
    pd.DataFrame([{"prompt": "p", "responses": ["x", "y"], "ranks": [2, 1]}]).to_csv(path, index=False)
    assert (load(path)[0].responses, load(path)[0].ranks) == (["x", "y"], [2, 1])


@pytest.mark.parametrize("content", ["not zstd", "\x28\xb5\x2f\xfd cut"])
def test_a_broken_archive_is_one_sentence(tmp_path, content):
    (tmp_path / "a.jsonl.zst").write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="cannot be read"):
        load(tmp_path / "a.jsonl.zst")


# --- things in memory ---------------------------------------------------------------------------------------


def test_frames_datasets_and_lists_of_files(tmp_path):
    assert prompts(FRAME) == PROMPTS
    assert load(FRAME.assign(note=[1.0, float("nan")]))[1].extra == {"note": None}
    assert prompts(datasets.Dataset.from_list(ROWS)) == PROMPTS
    paths = []
    for number, each in enumerate(ROWS):
        paths.append(tmp_path / f"part{number}.jsonl")
        paths[-1].write_text(lines([each]))
    assert prompts(paths) == prompts(list(map(str, paths))) == PROMPTS
    assert prompts(str(tmp_path / "part*.jsonl")) == PROMPTS
    assert prompts(str(tmp_path / "**" / "*.jsonl")) == PROMPTS


# --- splits and configs -------------------------------------------------------------------------------------

SPLITS = {"train": [row("Oslo"), row("Rome")], "test": [row("Bern")]}


def flat(folder):
    for name, rows in SPLITS.items():
        (folder / f"{name}.jsonl").write_text(lines(rows))
    return folder


def prefixed(folder):
    for name, rows in SPLITS.items():
        (folder / f"my_{name}-2024.csv").write_text(pd.DataFrame(rows).to_csv(index=False))
    return folder


def clone(folder):
    (folder / "data").mkdir()
    (folder / "README.md").write_text("# A set\n")
    for name, rows in SPLITS.items():
        for number, each in enumerate(rows):
            path = folder / "data" / f"{name}-{number:05}-of-{len(rows):05}.parquet"
            pyarrow.parquet.write_table(pyarrow.Table.from_pylist([each]), path)
    return folder


def clone_with_a_list(folder):
    listed = "\n".join(f"  - split: {name}\n    path: parts/{name[:2]}*.jsonl" for name in SPLITS)
    (folder / "README.md").write_text(
        f"---\nconfigs:\n- config_name: default\n  data_files:\n{listed}\n---\n"
    )
    (folder / "parts").mkdir()
    for name, rows in SPLITS.items():
        (folder / "parts" / f"{name[:2]}1.jsonl").write_text(lines(rows))
    return folder


def folders(folder):
    for name, rows in SPLITS.items():
        (folder / name).mkdir()
        (folder / name / "0000.jsonl").write_text(lines(rows))
    return folder


def saved(folder):
    datasets.DatasetDict(in_memory(folder)).save_to_disk(folder)
    return folder


def in_memory(_):
    return datasets.DatasetDict({n: datasets.Dataset.from_list(rows) for n, rows in SPLITS.items()})


def plain_dictionary(_):
    return SPLITS


def a_column(folder):
    rows = [each | {"split": name} for name, each_of in SPLITS.items() for each in each_of]
    (folder / "all.jsonl").write_text(lines(rows))
    return folder / "all.jsonl"


def one_json(folder):
    (folder / "all.json").write_text(json.dumps(SPLITS))
    return folder / "all.json"


def a_glob(folder):
    return str(flat(folder) / "*.jsonl")


LAYOUTS = [flat, prefixed, clone, clone_with_a_list, folders, saved, in_memory, plain_dictionary]
LAYOUTS += [a_column, one_json, a_glob]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_splits_are_never_mixed(tmp_path, layout):
    source = layout(tmp_path)
    assert prompts(source, split="test") == ["Where is Bern?"]
    assert prompts(source, split="train") == ["Where is Oslo?", "Where is Rome?"]
    assert prompts(source) == ["Where is Oslo?", "Where is Rome?"]
    assert len(load(source, split="all")) == 3
    ledger = load(source).ledger
    assert "test" in ledger.line(), "what was left out is said"
    assert ledger.read == ledger.kept + ledger.grouped + sum(ledger.dropped.values())
    with pytest.raises(InputError, match=r"'train', 'test'|'test', 'train'"):
        load(source, split="validation")


@pytest.mark.parametrize("source", ["file", "list", "frame", "dataset"])
@pytest.mark.parametrize("dial", ["split", "config"])
def test_what_has_no_splits_refuses_one(tmp_path, source, dial):
    path = tmp_path / "pairs.jsonl"
    path.write_text(lines(ROWS))
    sources = {"file": path, "list": ROWS, "frame": FRAME, "dataset": datasets.Dataset.from_list(ROWS)}
    with pytest.raises(InputError, match=f"no {dial} 'other'"):
        load(sources[source], **{dial: "other"})


def test_configs_are_chosen_by_name(tmp_path):
    for config in ("chat", "code"):
        (tmp_path / config).mkdir()
        for name, rows in SPLITS.items():
            (tmp_path / config / f"{name}.jsonl").write_text(lines([each | {"id": config} for each in rows]))
    with pytest.raises(InputError, match="several configs: 'chat', 'code'"):
        load(tmp_path)
    read = load(tmp_path, config="code", split="test")
    assert [(record.id, record.prompt) for record in read] == [("code", "Where is Bern?")]
    with pytest.raises(InputError, match="no config 'math'; there is 'chat', 'code'"):
        load(tmp_path, config="math")


def test_splits_without_train_are_asked_for(tmp_path):
    for name in ("test", "validation"):
        (tmp_path / f"{name}.jsonl").write_text(lines(ROWS))
    with pytest.raises(InputError, match="several splits: 'test', 'validation'"):
        load(tmp_path)
