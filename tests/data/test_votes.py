"""Several judgments of one pair are votes; only rows that are equal in every field are repeats."""

import random

import numpy as np
import pytest
from rmkit.preferences import Preferences, Record, load
from scipy import stats

from rmkit.data.votes import WAYS
from rmkit.errors import InputError

TRUTH = 0.7


def pair(prompt, better, worse, **more):
    return {"prompt": prompt, "chosen": better, "rejected": worse} | more


def judged(votes, pairs=3000, seed=0, **named):
    """Rows of votes: the good answer wins with probability TRUTH; named: columns from (pair, vote)."""
    rng = random.Random(seed)
    rows = []
    for i in range(pairs):
        for vote in range(votes):
            texts = [f"good {i}", f"bad {i}"][:: 1 if rng.random() < TRUTH else -1]
            rows.append(pair(f"q {i}", *texts, **{name: make(i, vote) for name, make in named.items()}))
    return rows


def for_good(record):
    """The share of a record's label that goes to the good answer; a tie gives half."""
    if record.ties():
        return 0.5
    first = record.share if record.share is not None else 1.0
    first = first if record.ranks[0] < record.ranks[1] else 1 - first
    return first if record.responses[0].startswith("good") else 1 - first


NAMINGS = {
    "nobody named": {},
    "each vote has an id": {"id": lambda i, vote: f"{i}-{vote}"},
    "an id for the pair": {"id": lambda i, vote: f"pair {i}"},
    "annotators": {"annotator": lambda i, vote: f"person {(i + vote) % 5}"},
    "one annotator, asked again": {"annotator": lambda i, vote: "ann"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("named", NAMINGS.values(), ids=NAMINGS)
def test_the_truth_comes_out_however_votes_are_counted(way, named):
    rows = judged(2, **named)
    preferences = load(rows, votes=way)
    found = np.mean([for_good(record) for record in preferences])
    half = stats.norm.ppf(0.995) * (TRUTH * (1 - TRUTH) / len(rows)) ** 0.5
    assert abs(found - TRUTH) < half
    ledger = preferences.ledger
    assert (ledger.read, ledger.dropped) == (len(rows), {})
    assert ledger.joined == (0 if way == "each" else len(rows) // 2)


def test_the_majority_of_three_is_surer_than_any_of_them():
    majority = np.mean([for_good(record) for record in load(judged(3), votes="majority")])
    expected = stats.binom.sf(1, 3, TRUTH)  # 0.784
    assert abs(majority - expected) < 2.6 * (expected * (1 - expected) / 3000) ** 0.5
    shares = np.mean([for_good(record) for record in load(judged(3), votes="share")])
    assert abs(shares - TRUTH) < 2.6 * (TRUTH * (1 - TRUTH) / 9000) ** 0.5


def test_five_to_one():
    rows = [pair("fern", "a", "b", id=i) for i in range(5)] + [
        pair("fern", "b ", "a", id=5),
        pair("moss", "c", "d"),
    ]
    assert load(rows).ledger.line() == "7 rows read; 7 kept; 0 dropped"
    majority = load(rows, votes="majority")
    assert [(r.responses, r.ranks, r.share, r.id) for r in majority] == [
        (["a", "b"], [1, 2], None, None),
        (["c", "d"], [1, 2], None, None),
    ]
    share = load(rows, votes="share")
    assert [record.share for record in share] == [pytest.approx(5 / 6), 1.0]
    assert share.ledger.line() == "7 rows read; 2 kept; 5 votes joined; 0 dropped"
    assert share.ledger.examples("votes joined")["done"].tolist() == ["joined the votes of row 1"] * 5
    assert share.ledger.examples("votes joined")["where"].tolist() == [f"row {i}" for i in range(2, 7)]


def test_an_even_split_is_a_tie_or_a_half():
    rows = [pair("q", "a", "b"), pair("q", "b", "a")]
    assert load(rows, votes="majority")[0].ranks == [1, 1]
    even = load(rows, votes="share")[0]
    assert (even.ranks, even.share) == ([1, 2], 0.5)


def test_ties_count_half_and_only_ties_stay_a_tie():
    def votes(*ranks):
        return [{"prompt": "q", "responses": ["a", "b"], "ranks": r, "id": i} for i, r in enumerate(ranks)]

    one = load(votes([1, 1], [2, 1], [1, 1], [2, 1]), votes="share")[0]
    assert (one.responses, one.ranks, one.share) == (["a", "b"], [2, 1], 0.75)  # the file's order stays
    for way in ("majority", "share"):
        tied = load(votes([1, 1], [1, 1]), votes=way)[0]
        assert (tied.ranks, tied.share) == ([1, 1], None)


def test_ratings_and_strengths_become_means_and_names_stay_where_all_agree():
    first = {"prompt": "q", "responses": ["a", "b"], "ranks": [1, 2], "strength": 3, "ratings": {"x": [5, 1]}}
    second = first | {"ranks": [1, 2], "strength": 1, "ratings": {"x": [4, None], "y": [1, 2]}}
    third = {"prompt": "q", "responses": ["b", "a"], "ranks": [1, 2], "strength": 2, "ratings": {"x": [3, 3]}}
    rows = [
        vote | {"annotator": name, "subset": "s", "correct": [None, None], "id": "pair 1"}
        for vote, name in zip((first, second, third), ("ann", "ben", "cat"), strict=True)
    ]
    majority, share = (load(rows, votes=way)[0] for way in ("majority", "share"))
    assert majority.responses == share.responses == ["a", "b"]
    assert majority.ratings == share.ratings == {"x": [4, 2], "y": [1, 2]}
    assert majority.strength == pytest.approx((3 + 1 - 2) / 3)  # those against it count against it
    assert share.strength == 2  # the share itself says how many were against it
    assert (majority.annotator, majority.subset, majority.id) == (None, "s", "pair 1")


def test_what_is_no_pair_passes_unchanged():
    rows = [{"prompt": "q", "responses": ["a", "b", "c"], "ranks": [1, 2, 3], "id": i} for i in range(2)] + [
        {"prompt": "q", "responses": ["a", "b"]},
        {"prompt": "q", "responses": ["a", "b"], "ranks": [1, None]},
        {"prompt": "q", "responses": ["a"], "correct": [True]},
        {"prompt": "q", "responses": ["a", "b"], "ranks": [1, 2], "subset": "s"},
        {"prompt": "q", "responses": ["a", "b"], "ranks": [2, 1], "subset": "t"},  # votes of another subset
    ]
    one_by_one = load(rows).records
    assert load(rows, votes="majority").records == one_by_one
    shared = load(rows, votes="share")
    assert shared.records[:5] == one_by_one[:5]
    assert [record.share for record in shared] == [None] * 5 + [1.0, 1.0]


def test_only_a_known_way_counts():
    with pytest.raises(InputError, match="'share'"):
        load([pair("q", "a", "b")], votes="mean")


def test_built_in_sets_have_votes_too():
    assert {record.share for record in load("tiny", votes="share")} == {1.0}


# --- a share in a record ------------------------------------------------------------------------------------


def test_a_share_speaks_of_the_order_of_the_ranks():
    record = Record("q", ["a", "b"], [2, 1], share=0.8)
    assert record.choose([1, 0]) == Record("q", ["b", "a"], [1, 2], share=0.8)
    assert record.choose([0]).share is None
    assert Preferences([record]).to_pairs()[0].share == 0.8


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.arrow"])
def test_a_share_is_saved_and_read(tmp_path, name):
    rows = [Record("q", ["a", "b"], [1, 2], share=0.25), Record("p", ["a", "b"], [1, 2])]
    path = Preferences(rows).save(tmp_path / name)
    assert load(path).records == rows
    # Votes that are already counted are counted on.
    again = load([r.to_dict() for r in (rows[0], Record("q", ["a", "b"], [1, 2], id="x"))], votes="share")
    assert (again[0].ranks, again[0].share) == ([1, 2], 0.625)
    majority = load(path, votes="majority")
    assert [(record.ranks, record.share) for record in majority] == [([2, 1], None), ([1, 2], None)]


@pytest.mark.parametrize(
    "wrong",
    [{"share": 1.2}, {"share": "most"}, {"share": 0.5, "ranks": [1, 1]}, {"share": 0.5, "ranks": None}],
)
def test_a_share_is_between_0_and_1_and_needs_ranks(wrong):
    with pytest.raises(InputError, match="share"):
        load([{"prompt": "q", "responses": ["a", "b"], "ranks": [1, 2]} | wrong])


# --- repeats ------------------------------------------------------------------------------------------------


def test_a_repeat_is_equal_in_every_field_but_for_white_space_and_names_its_twin():
    row = {
        "prompt": "q",
        "responses": ["a", "b"],
        "ranks": [1, 2],
        "annotator": "ann",
        "subset": "s",
        "id": "1",
    }
    same = [row, row | {"responses": [" a", "b\n"]}, row | {"responses": ["b", "a"], "ranks": [2, 1]}]
    same += [row | {"prompt": "q "}]
    found = load([{"prompt": "p", "responses": ["a", "b"]}, *same])
    assert found.ledger.dropped == {"duplicate": 3}
    assert found.ledger.examples("duplicate")["done"].tolist() == ["left out: repeats row 2"] * 3
    assert load(same, clean=False).ledger.dropped == {}
    others = (
        ("prompt", "r"),
        ("annotator", "ben"),
        ("subset", "t"),
        ("id", "2"),
        ("strength", 2),
        ("correct", [True, None]),
    )
    for name, value in others:
        assert load([row, row | {name: value}]).ledger.dropped == {}, name


def test_where_a_set_asks_again_equal_rows_are_votes():
    again = [pair("q", "a", "b"), pair("q", "b", " a")]
    assert load([pair("p", "c", "d"), pair("p", " c", "d")]).ledger.dropped == {"duplicate": 1}
    assert load([pair("p", "c", "d"), pair("p", " c", "d"), *again]).ledger.dropped == {}
    # Rows that judge nothing are no votes, and two people who differ do not make one person's rows votes.
    bare = {"prompt": "u", "responses": ["a", "b"]}
    judged_again = [{"prompt": "q", "responses": ["a", "b"], "ranks": ranks} for ranks in ([1, 2], [2, 1])]
    assert load([bare, bare, *judged_again]).ledger.dropped == {"duplicate": 1}
    people = [pair("p", "c", "d", annotator="ann")] * 2 + [pair("p", "d", "c", annotator="ben")]
    assert load(people).ledger.dropped == {"duplicate": 1}
