"""Records as columns: the same from a list and from a table; hashes are equal exactly where things are."""

import random

import numpy as np
import pyarrow
import pytest
from rmkit.preferences import Preferences, Record, prompt_key

from rmkit.data.outlines import outline, texts
from rmkit.data.records import ranks_of
from rmkit.data.stored_records import SCHEMA, StoredRecords, batches
from rmkit.evaluation import evaluate
from rmkit.evaluation.comparisons import judged, judged_ranks

WORDS = ["heron", "reed", 'a "bank"', "back\\slash", "schön", "pond\x1fmud", "\u3000", "tab\t", "rain\n"]


def records(n: int, seed: int = 0) -> list[Record]:
    """Prompts of every kind, ranks, ties, shares, correct answers and subsets."""
    rng = random.Random(seed)

    def text() -> str:
        return rng.choice([" ", "  "]).join(rng.choices(WORDS, k=2))

    def one() -> Record:
        k = rng.choice([1, 2, 2, 3])
        talk = [{"role": "system", "content": "Short."}, {"role": "user", "content": text()}]
        prompt = rng.choice(["", " ", text(), text(), talk, talk[1:], [{"role": "user", "content": ""}]])
        record = Record(prompt, [text() for _ in range(k)], subset=rng.choice([None, "wet", "dry"]))
        record.ranks = rng.choice(
            [None, [1] * k, list(range(1, k + 1)), [rng.randint(0, 2) for _ in range(k)]]
        )
        if record.ranks == [1, 2]:
            record.share = rng.choice([None, 0.3, 0.5, 0.8])
        record.correct = rng.choice([None, [rng.choice([True, False, None]) for _ in range(k)]])
        record.extra = rng.choice([None, {"seen": 1}])
        return record

    return [one() for _ in range(n)]


def stored(rows: list[Record]) -> StoredRecords:
    return StoredRecords(pyarrow.Table.from_batches(batches(rows), SCHEMA))


@pytest.mark.parametrize("chosen", [slice(None), slice(1, 1900, 3), slice(None, None, -1), slice(0, 0)])
def test_columns_of_a_table_are_those_of_its_records(chosen):
    rows = records(2000)
    table, rows = stored(rows)[chosen], rows[chosen]
    a, b = outline(table), outline(rows)
    assert a.sizes.tolist() == b.sizes.tolist() == [len(record.responses) for record in rows]
    ranks = [rank for record in rows for rank in record.ranks or [0] * len(record.responses)]
    assert a.ranks.tolist() == b.ranks.tolist() == ranks
    assert a.subsets.tolist() == b.subsets.tolist() == [record.subset for record in rows]
    tied = [bool(record.ties()) and not record.pairs() for record in rows]
    assert a.tied.tolist() == b.tied.tolist() == tied
    known = [record.share is not None or record.correct is not None for record in rows]
    assert [asked for asked, there in zip(a.asked, known, strict=True) if there] == [True] * sum(known)
    assert not a.asked.all() or not rows
    for one, other in zip(texts(table), texts(rows), strict=True):
        assert one.dtype == other.dtype
        assert one.tolist() == other.tolist()


def test_hashes_are_equal_exactly_where_keys_and_texts_are():
    rows = records(3000)
    said = texts(stored(rows))
    keys, answers = [prompt_key(record) for record in rows], [t for record in rows for t in record.responses]
    assert len(set(keys)) < len(rows), "some are equal"
    assert len(set(keys)) == len(set(said.prompts.tolist())) == len(set(zip(keys, said.prompts, strict=True)))
    assert len(set(answers)) == len(set(zip(answers, said.responses.tolist(), strict=True)))
    assert said.lengths.tolist() == list(map(len, answers))


def test_white_space_is_that_of_python():
    """Of every character: a prompt that it parts, begins or ends has the key that `prompt_key` gives it."""
    odd = [chr(code) for code in range(0x3100) if not 0xD800 <= code < 0xE000]
    rows = [Record(text, ["a"]) for c in odd for text in (f"otters{c}eat", f"{c}fish", f"fish{c}", c)]
    assert texts(stored(rows)).prompts.tolist() == texts(rows).prompts.tolist()
    hashed = dict(zip(map(prompt_key, rows), texts(rows).prompts.tolist(), strict=True))
    assert len(set(hashed.values())) == len(hashed)
    same = texts(stored([Record("a b", ["x"]), Record(" a\u2003b\n", ["x"])])).prompts
    assert same[0] == same[1]


def test_labels_are_as_most_votes_say():
    rows = records(1500)
    found = judged(Preferences(stored(rows)))
    assert found.ranks.tolist() == [rank for record in rows for rank in judged_ranks(record)]
    ordered = [len(set(judged_ranks(record)) - {0}) > 1 for record in rows]
    assert found.ordered.tolist() == ordered
    known = [right for record in rows for right in record.correct or [None] * len(record.responses)]
    assert found.correct == {i: right for i, right in enumerate(known) if right is not None}
    assert any(ranks_of(record) != judged_ranks(record) for record in rows)


def test_a_report_of_a_table_is_that_of_its_records():
    rows, rng = records(1500), np.random.default_rng(0)
    scores = [rng.integers(-2, 3, len(record.responses)).astype(float) for record in rows]
    a, b = evaluate(scores, Preferences(stored(rows), "rows")), evaluate(scores, Preferences(rows, "rows"))
    assert a.to_dict() == b.to_dict()
    assert a.notes == b.notes
    assert a.comparisons.equals(b.comparisons)
    padded = np.full((len(rows), 3), np.nan)
    for row, own in zip(padded, scores, strict=True):
        row[: len(own)] = own
    assert evaluate(padded, Preferences(stored(rows), "rows")).to_dict() == b.to_dict()
