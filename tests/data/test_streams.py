"""Streams: the records of a set as they are read, their ledger so far, and what they cannot do."""

import datasets
import pytest
from rmkit.preferences import Preferences, load

import rmkit
from rmkit.data.streams import CHUNK, Stream
from rmkit.errors import InputError


def rows(n: int) -> list[dict]:
    """Pairs, of which every tenth is empty and every seventh a tie."""
    return [
        {
            "prompt": f"Where is town {i}?",
            "chosen": "" if i % 10 == 9 else "In the north.",
            "rejected": "In the sea.",
            "margin": float(i % 3),
            "status": "tie" if i % 7 == 6 else "chosen",
        }
        for i in range(n)
    ]


@pytest.fixture
def hub(monkeypatch):
    """A set on the Hub, its rows read one by one; how many were read."""
    read, found = [], rows(3 * CHUNK + 5)

    def one_by_one():
        for row in found:
            read.append(row)
            yield row

    def load_dataset(path, config, split, streaming):
        assert (path, config, split, streaming) == ("owner/towns", None, "train", True)
        return datasets.IterableDataset.from_generator(one_by_one)

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    return read


def test_a_stream_gives_the_records_and_the_ledger_of_the_whole_set(hub):
    whole, stream = load(rows(3 * CHUNK + 5)), load("owner/towns", streaming=True)
    assert isinstance(stream, Stream)
    for _ in range(2):  # it can be looped over again
        assert list(stream) == list(whole)
        assert stream.ledger == whole.ledger
    assert whole.ledger.dropped == {"empty": (3 * CHUNK + 5) // 10}
    assert whole.ledger.tied
    assert [record.where for record in stream][:2] == [f"owner/towns:train, row {n}" for n in (1, 2)]


def test_rows_are_read_when_they_are_wanted_and_counted_then(hub):
    stream = load("owner/towns", streaming=True)
    assert not hub
    assert stream.ledger.read == 0
    records = iter(stream)
    next(records)
    assert len(hub) <= CHUNK + 1
    assert stream.ledger.read == CHUNK
    list(records)
    assert stream.ledger.read == 3 * CHUNK + 5


def test_the_first_records_are_preferences(hub):
    stream, whole = load("owner/towns", streaming=True), load(rows(CHUNK))
    first = stream.take(50)
    assert isinstance(first, Preferences)
    assert list(first) == list(whole)[:50]
    assert len(hub) <= CHUNK + 1
    assert first.ledger.read == CHUNK
    assert first.ledger.dropped == {"empty": CHUNK // 10, "not taken": CHUNK - CHUNK // 10 - 50}
    assert len(stream.take(10**6)) == len(load(rows(3 * CHUNK + 5)))
    assert len(stream.take(0)) == 0


def test_what_needs_all_records_says_so(hub):
    stream = load("owner/towns", streaming=True)
    for action in (
        lambda: stream.split(test=0.1),
        lambda: stream.records,
        lambda: stream[0],
        lambda: load(stream),
        lambda: rmkit.evaluate([[1.0, 0.0]], stream),
    ):
        with pytest.raises(InputError, match=r"owner/towns:train is a stream, and .*take\(10_000\)"):
            action()
    with pytest.raises(AttributeError, match="no 'colour'"):
        stream.colour  # noqa: B018 - the look is what is tested


def test_a_set_of_datasets_is_streamed_from_its_files(tmp_path):
    path = tmp_path / "towns.jsonl"
    load(rows(40)).save(path)
    found = datasets.load_dataset(
        "json", data_files=str(path), split="train", streaming=True, cache_dir=str(tmp_path / "cache")
    )
    assert list(load(found, streaming=True)) == list(load(path))


@pytest.mark.parametrize(
    ("source", "options", "words"),
    [
        ("towns.jsonl", {}, "load files without it"),
        ("pocket", {}, "load files without it"),
        ("pocket", {"n": 5}, "no such dials"),
        ("owner/towns", {"votes": "majority"}, "far apart"),
    ],
)
def test_what_cannot_be_streamed_is_said(source, options, words):
    with pytest.raises(InputError, match=words):
        load(source, streaming=True, **options)


def test_rows_that_belong_together_are_not_streamed():
    single = [
        {"prompt": "p", "completion": "a", "label": True},
        {"prompt": "p", "completion": "b", "label": False},
    ]
    found = datasets.IterableDataset.from_generator(lambda: iter(single))
    with pytest.raises(InputError, match="rows that may stand far apart"):
        list(load(found, streaming=True))


def test_a_stream_that_breaks_off_says_where():
    def broken():
        yield from rows(CHUNK)
        raise OSError("connection reset")

    stream = Stream(lambda: ({"never": 1} for _ in ()), "nothing")
    with pytest.raises(InputError, match="nothing is empty"):
        list(stream)
    found = datasets.IterableDataset.from_generator(broken)
    with pytest.raises(InputError, match=f"after {CHUNK} rows .connection reset"):
        list(load(found, streaming=True))


@pytest.mark.parametrize("name", ["set.jsonl", "new/set.jsonl.gz"])
def test_a_stream_is_written_as_it_is_read_and_loaded_from_disk(hub, tmp_path, name):
    stream, whole = load("owner/towns", streaming=True), load(rows(3 * CHUNK + 5))
    path = stream.save(tmp_path / name)
    assert list(load(path)) == list(whole)
    assert stream.ledger == whole.ledger
    hub.clear()
    assert list(load(stream.save(path, 50))) == list(whole)[:50]
    assert len(hub) <= CHUNK + 1, "no more is read than is written"


def test_a_stream_that_breaks_off_leaves_no_half_of_a_file(hub, tmp_path, monkeypatch):
    stream = load("owner/towns", streaming=True)
    monkeypatch.setattr(Stream, "_next", _broken)
    with pytest.raises(InputError, match="the line is down"):
        stream.save(tmp_path / "set.jsonl")
    with pytest.raises(InputError, match=r"end it in \.jsonl or \.jsonl\.gz"):
        stream.save(tmp_path / "set.parquet")
    assert list(tmp_path.iterdir()) == []


def _broken(stream, rows, read):
    if read:
        raise InputError("the line is down")
    return [next(rows) for _ in range(CHUNK)]
