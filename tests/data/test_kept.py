"""Large files: converted once, kept in the cache, and the same in every way when they are read from there."""

import gzip
import json
import multiprocessing
import os
import random
from pathlib import Path

import pandas
import pyarrow
import pytest
from rmkit.preferences import Record, load

from rmkit.data import formats, in_blocks, kept, preferences, stored
from rmkit.data.formats import registry
from rmkit.data.stored_records import CHUNK, StoredRecords, digest_of_texts
from rmkit.errors import InputError

WORDS = ["heron", "reed", "pond", "mud", "eel", "frog", "marsh", "bank", "rain", "nest"]


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    """A cache of its own, into which every file goes."""
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept, "LARGE", 1)


def lines(n: int, seed: int = 0) -> list[dict]:
    """Rows of every kind: pairs, rankings, ties, messages, repeats, ratings, extra columns, empty answers."""
    rng = random.Random(seed)

    def text() -> str:
        return " ".join(rng.choices(WORDS, k=6))

    rows = []
    for number in range(n):
        k = rng.choice([2, 2, 3])
        row = {"prompt": f"{text()}?", "responses": [text() + f" {number} {i}" for i in range(k)]}
        row |= {"ranks": rng.choice([list(range(1, k + 1)), [1] * k]), "id": f"n{number}"}
        row |= rng.choice([{}, {"subset": rng.choice(["wet", "dry", "half \ud800"])}])
        row |= rng.choice(
            [{}, {"ratings": {"depth": [0.1 * i for i in range(k)]}, "seen": {"at": [1, None]}}]
        )
        if number % 7 == 0:
            row["prompt"] = [{"role": "system", "content": "Short."}, {"role": "user", "content": text()}]
        if number % 50 == 49:
            row["responses"][0] = ""
        rows += [row, row] if number % 31 == 0 else [row]
    return rows


def write(path, rows) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def same(a, b) -> None:
    """Two sets are equal in every record, place, event and count."""
    assert list(a.records) == list(b.records)
    assert [record.where for record in a] == [record.where for record in b]
    assert [record.extra for record in a] == [record.extra for record in b]
    assert (a.name, a.events, a.part) == (b.name, b.events, b.part)
    assert list(a.untaken) == list(b.untaken)
    assert a.ledger == b.ledger
    for reason in (*a.ledger.dropped, *(["tied"] if a.ledger.tied else [])):
        assert a.ledger.examples(reason).equals(b.ledger.examples(reason))


@pytest.fixture
def three(tmp_path, monkeypatch):
    """The same file converted in memory, converted and kept, and read from the cache."""
    path = write(tmp_path / "rows.jsonl", lines(2 * CHUNK + 300))
    monkeypatch.setattr(kept, "LARGE", 10**12)
    plain = load(path)
    monkeypatch.setattr(kept, "LARGE", 1)
    first = load(path)
    monkeypatch.setattr(preferences, "_read", None)  # it would be an error to convert again
    return plain, first, load(path)


def test_what_is_read_from_the_cache_is_what_was_converted(three):
    plain, first, again = three
    assert isinstance(plain.records, list)
    assert isinstance(first.records, StoredRecords)
    assert isinstance(again.records, StoredRecords)
    for count in (plain.ledger.dropped, plain.ledger.tied, plain.ledger.removed):
        assert count
    same(plain, first)
    same(plain, again)


@pytest.mark.parametrize(
    "part",
    [
        lambda p: p[5:2000:3],
        lambda p: p[::-1],
        lambda p: p.take(700, seed=3),
        lambda p: p.split(test=0.3, seed=1)[0],
        lambda p: p.split(test=0.3, seed=1)[1].take(50),
        lambda p: p.shuffled(4)[10:40][::2],
        lambda p: p.subset("wet"),
        lambda p: p.to_pairs(),
        lambda p: p.shuffled(5),
    ],
)
def test_every_part_of_a_kept_set_is_that_of_a_list(three, part):
    plain, _, again = three
    same(part(plain), part(again))


def test_single_records_and_subsets_are_the_same(three):
    plain, _, again = three
    for number in (0, 7, CHUNK - 1, CHUNK, -1):
        assert plain[number] == again[number]
    assert plain.subsets == again.subsets
    assert plain.notes == again.notes
    light = again.records.without_texts()
    assert [len(record.responses) for record in light] == [len(record.responses) for record in plain]
    assert {record.prompt for record in light} == {""}


def entries(tmp_path):
    found = (tmp_path / "cache" / "records").iterdir()
    return sorted(file for file in found if file.suffix != ".lock")


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "half an entry"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_damaged_entry_is_noticed_and_made_again(tmp_path, damage, which):
    path = write(tmp_path / "rows.jsonl", lines(40))
    before = load(path)
    expected, file = list(before), entries(tmp_path)[which]
    content = bytearray(file.read_bytes())
    if damage == "half an entry":
        file.unlink()
    else:
        content[len(content) // 2] ^= 1
        file.unlink()
        file.write_bytes({"cut": content[:-9], "changed": content, "empty": b""}[damage])
    assert list(load(path)) == expected
    assert stored.opened(entries(tmp_path)[which]) is not None


def test_another_file_argument_or_reader_is_another_entry(tmp_path, monkeypatch):
    path = tmp_path / "rows.jsonl"
    load(write(path, lines(40)))
    once = len(entries(tmp_path))
    load(path)
    assert len(entries(tmp_path)) == once
    load(path, clean=False)
    assert len(entries(tmp_path)) == 2 * once
    assert load(write(path, [{"prompt": "p", "chosen": "a", "rejected": "b"}])).records == [
        Record("p", ["a", "b"], [1, 2])
    ]
    assert len(entries(tmp_path)) == 3 * once
    kept._code.cache_clear()
    monkeypatch.setattr(kept, "_code", lambda: "a later version")
    load(path)
    assert len(entries(tmp_path)) == 4 * once


def test_a_format_of_ones_own_is_read_each_time(tmp_path, monkeypatch):
    monkeypatch.setattr(registry, "FORMATS", list(registry.FORMATS))
    monkeypatch.setattr(kept, "FORMATS", registry.FORMATS)
    path = write(tmp_path / "rows.jsonl", [{"ask": "Who wades?", "good": "Herons.", "bad": "Mud."}])

    @formats.register("wading", ("ask", "good", "bad"))
    def wading(row):
        return {"prompt": row["ask"], "responses": [row["good"], row["bad"]], "ranks": [1, 2]}

    assert len(load(path)) == 1
    assert not (tmp_path / "cache" / "records").exists()


def test_an_error_keeps_nothing_and_is_told_each_time(tmp_path):
    path = write(tmp_path / "rows.jsonl", [{"prompt": "p", "chosen": "a"}] * 3)
    for _ in range(2):
        with pytest.raises(InputError, match=r"rows\.jsonl, line 1"):
            load(path)
    assert not entries(tmp_path)


def test_a_cache_that_cannot_be_written_is_told_and_memory_is_used(tmp_path, monkeypatch):
    path = write(tmp_path / "rows.jsonl", lines(40))
    expected = list(load(path))
    blocked = tmp_path / "other"
    blocked.mkdir()
    (blocked / "records").write_text("a file where the folder would be")
    monkeypatch.setenv("RMKIT_CACHE", str(blocked))
    with pytest.warns(UserWarning, match="cannot be written"):
        assert list(load(path)) == expected


def _load(path: str, n: int) -> None:
    """In a process of its own: load, and say whether this process has converted."""
    kept.LARGE, convert = 1, preferences._read

    def counted(*values, **named):
        Path(f"{path}.{os.getpid()}").touch()
        return convert(*values, **named)

    preferences._read = counted
    assert len(load(path)) == n


def test_processes_that_fill_one_cache_at_once_lose_nothing(tmp_path):
    path, n = (
        write(
            tmp_path / "rows.jsonl", [{"prompt": str(i), "chosen": "a", "rejected": "b"} for i in range(300)]
        ),
        300,
    )
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_load, args=(path, n)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert len(entries(tmp_path)) == 2, "and no half-written file is left"
    assert len(list(tmp_path.glob("rows.jsonl.*"))) == 1, "one has converted, the others have waited"
    assert len(load(path)) == n


def test_a_digest_of_texts_is_the_same_for_every_way_to_hold_them(three):
    plain, _, again = three
    parts = (lambda p: p, lambda p: p[5:2000:3], lambda p: p[::-1], lambda p: p.take(700, seed=3))
    digests = [digest_of_texts(part(plain).records) for part in parts]
    assert digests == [digest_of_texts(part(again).records) for part in parts]
    assert len(set(digests)) == len(parts)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (Record("a b", ["c", "d"]), Record("a b", ["d", "c"])),
        (Record("a b", ["c", "d"]), Record("a bc", ["", "d"])),
        (Record("a b", ["cd", "e"]), Record("a b", ["c", "de"])),
        (Record("[]", ["c"]), Record([], ["c"])),
    ],
)
def test_a_digest_of_texts_tells_where_each_ends(a, b):
    assert digest_of_texts([a]) != digest_of_texts([b])
    assert digest_of_texts([a, b]) != digest_of_texts([b, a])
    assert digest_of_texts([Record("p", ["a", "b"]), Record("p", ["c"])]) != digest_of_texts(
        [Record("p", ["a"]), Record("p", ["b", "c"])]
    )


def whole(path, monkeypatch, **dials):
    """The set read as it is where nothing is kept: all rows together."""
    with monkeypatch.context() as patch:
        patch.setattr(kept, "LARGE", 10**12)
        return load(path, **dials)


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks of 200 rows, and an error where rows are read together all the same."""
    monkeypatch.setattr(in_blocks, "BLOCK", 200)
    real = preferences._together

    def together(source, *given, **named):
        assert kept.LARGE > 1, "these rows can be read in blocks"
        return real(source, *given, **named)

    monkeypatch.setattr(preferences, "_together", together)


def voted(n: int) -> list[dict]:
    """Votes on pairs, far apart, in both orders, of two subsets; repeats of some, rows that are malformed."""
    rng = random.Random(0)
    rows = []
    for number in range(n):
        pair = rng.randrange(n // 3)
        row = {"prompt": f"{pair}?", "responses": [f"a {pair}", f"b {pair}"], "subset": "ab"[pair % 2]}
        row |= {"ranks": rng.choice([[1, 2], [2, 1], [1, 1]]), "annotator": f"p{number % 7}"}
        rows.append(row | {"responses": row["responses"][::-1]} if number % 4 == 0 else row)
        if number % 40 == 0:
            rows.append({"prompt": "no answers", "responses": number, "ranks": [1, 2]})
            rows.append({"prompt": "not judged", "responses": ["a ", "b"], "ranks": None})
    return rows + rows[::9]


@pytest.mark.parametrize("votes", ["each", "majority", "share"])
@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("kind", [".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet"])
def test_rows_read_in_blocks_are_those_read_together(tmp_path, monkeypatch, small_blocks, votes, clean, kind):
    rows = voted(900)
    path = tmp_path / f"rows{kind}"
    text = "".join(json.dumps(row) + "\n" for row in rows).encode()
    if kind == ".parquet":
        pandas.DataFrame([r for r in rows if isinstance(r["responses"], list)]).to_parquet(path)
    elif kind == ".jsonl.zst":
        with pyarrow.output_stream(str(path), compression="zstd") as file:
            file.write(text)
    else:
        path.write_bytes(gzip.compress(text) if kind.endswith(".gz") else b"\xef\xbb\xbf\n \n" + text)
    expected, found = (
        whole(path, monkeypatch, votes=votes, clean=clean),
        load(path, votes=votes, clean=clean),
    )
    assert isinstance(found.records, StoredRecords)
    assert list((tmp_path / "cache" / "drafts").iterdir()) == []
    same(expected, found)
    if clean and votes == "each":
        assert expected.ledger.dropped["duplicate"] > 10, "of rows that nobody judged"
    if kind != ".parquet":
        assert any("malformed" in reason for reason in expected.ledger.dropped)


def test_several_files_are_one_set(tmp_path, monkeypatch, small_blocks):
    paths = [write(tmp_path / f"{name}.jsonl", lines(300, seed)) for seed, name in enumerate("ab")]
    for source in (paths, str(tmp_path / "*.jsonl")):
        same(whole(source, monkeypatch), load(source))


def test_the_errors_of_blocks_are_those_of_rows_read_together(tmp_path, monkeypatch, small_blocks):
    rows = lines(500)
    bad = [row | {"responses": 3} if n % 2 else row for n, row in enumerate(rows)]
    texts = {
        "malformed": "".join(json.dumps(row) + "\n" for row in bad),
        "not JSON": "".join(json.dumps(row) + "\n{\n" * (n > 300) for n, row in enumerate(rows)),
        "nothing left": "".join(json.dumps({"prompt": "p", "responses": ["", "b"]}) + "\n" for _ in rows),
        "empty": "\n\n",
    }
    for name, text in texts.items():
        path = tmp_path / f"{name}.jsonl"
        path.write_text(text)
        said = []
        for read in (lambda p: whole(p, monkeypatch), load):
            with pytest.raises(InputError) as error:
                read(path)
            said.append(str(error.value))
        assert said[0] == said[1]


HUMAN = "Human: Who wades?\n\nAssistant: Herons.\n\nHuman: And swims?"
APART = {
    "a prompt of one turn among transcripts": [
        {"prompt": f"Human: {i}?" if i == 700 else HUMAN, "chosen": f"a {i}", "rejected": "b"}
        for i in range(800)
    ],
    "a second split, late": [
        {"prompt": f"{i}?", "chosen": "a", "rejected": "b", "split": "test" if i > 600 else "train"}
        for i in range(800)
    ],
    "one response a line": [
        {"prompt": f"{i % 300}?", "response": f"a {i}", "score": i % 5} for i in range(800)
    ],
}


@pytest.mark.parametrize("name", APART)
def test_rows_that_need_each_other_are_read_together(tmp_path, monkeypatch, name):
    monkeypatch.setattr(in_blocks, "BLOCK", 200)
    path = write(tmp_path / "rows.jsonl", APART[name])
    with pytest.raises(in_blocks.NotInBlocks):
        in_blocks.preferences(path, None, None, True, "each", 0.1)
    same(whole(path, monkeypatch), load(path))


def test_a_label_that_is_no_split_and_one_split_alone_need_no_other_rows(tmp_path, monkeypatch, small_blocks):
    for label in (lambda i: "train", lambda i: f"kind {i % 3}"):
        rows = [{"prompt": f"{i}?", "chosen": "a", "rejected": "b", "split": label(i)} for i in range(700)]
        path = write(tmp_path / "rows.jsonl", rows)
        same(whole(path, monkeypatch), load(path))


def held(path: Path) -> int:
    """Bytes of a mapped file that this process holds."""
    found, ours = 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        name, *rest = line.split()
        if not name.endswith(":"):
            ours = rest[-1:] == [str(path)]
        elif ours and name == "Rss:":
            found += 1024 * int(rest[0])
    return found


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="Linux says what a process holds")
def test_a_pass_over_all_records_does_not_hold_all_of_them(tmp_path):
    rows = [{"prompt": f"{number}?", "chosen": "a" * 1500, "rejected": "b" * 1500} for number in range(6000)]
    path = write(tmp_path / "long.jsonl", rows)
    first, data = load(path), load(path)
    kept_file = max((tmp_path / "cache" / "records").glob("*.arrow"), key=os.path.getsize)
    whole = kept_file.stat().st_size
    assert whole > 18e6
    most = max(held(kept_file) for number, _ in enumerate(data) if number % CHUNK == CHUNK - 1)
    assert 0 < most < whole / 2  # of two tables, each with its map
    assert list(first.records) == list(data.records)
    stored.let_go()
    assert held(kept_file) == 0
    assert data[5999].responses[1] == "b" * 1500  # they come back
