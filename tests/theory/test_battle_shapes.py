"""Battles in the words, columns and shapes in which people hold them: each is the same leaderboard."""

import gzip
import json
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from rmkit.errors import InputError
from rmkit.theory.battle_words import outcome
from rmkit.theory.bradley_terry import fit
from rmkit.theory.duels import LOST, TIED, WON

NAMES = ("fox", "owl", "elk")
BATTLES = [
    ("fox", "owl", "a"), ("fox", "owl", "a"), ("owl", "fox", "a"), ("owl", "elk", "a"), ("elk", "owl", "b"),
    ("elk", "fox", "a"), ("fox", "elk", "a"), ("owl", "elk", "b"), ("fox", "owl", "tie"),
]  # fmt: skip
WON_ALONE = [(a, b) if who == "a" else (b, a) for a, b, who in BATTLES if who != "tie"]


def table(says=None, columns=("model_a", "model_b", "winner")) -> pd.DataFrame:
    says = says or {}
    return pd.DataFrame([(a, b, says.get(who, who)) for a, b, who in BATTLES], columns=columns)


def scores(given, **options) -> np.ndarray:
    found = fit(given, **options)
    return np.array([found.scores[list(found.items).index(name)] for name in NAMES])


EXPECTED, ALONE = scores(table()), scores(WON_ALONE)


@pytest.mark.parametrize(
    ("a", "b", "tie"),
    [
        ("model_a", "model_b", "tie"),
        ("A>B", "B>A", "A=B"),
        ("A>>B", "B>>A", "B=A"),
        ("B<A", "A<B", "A=B"),
        ("[[A]]", "[[B]]", "[[C]]"),
        ("[[A>>B]]", "[[B>A]]", "[[A=B]]"),
        ("leftvote", "rightvote", "tievote"),
        ("left", "right", "bothbad_vote"),
        ("model_a_wins", "model_b_wins", "draw"),
        ("Response 1", "Response 2", "Tie"),
        ("Assistant A", "Assistant B", "neither"),
        ("A is better", "B is better", "Equally good"),
        ("A is the best", "B is the best", "Similar"),
        ("Option A", "Option B", "Same"),
        ("a_won", "b_won", "no preference"),
        ("first", "second", "Both are bad"),
        ("model1", "model2", "tie (bothbad)"),
    ],
)
def test_who_won_in_other_words(a, b, tie):
    assert scores(table({"a": a, "b": b, "tie": tie})) == pytest.approx(EXPECTED, abs=1e-9)
    assert [outcome(word) for word in (a, b, tie)] == [WON, LOST, TIED]


@pytest.mark.parametrize(
    "word",
    ["1", "0", "2", 1, 0, 1.0, True, "C", "1-0", "win", "model_0", "abacus", "bird", "tiebreaker", "nothing"],
)
def test_words_that_do_not_say_who_won(word):
    assert outcome(word) is None
    with pytest.raises(InputError, match="says neither who won nor a tie"):
        fit(table({"a": word, "b": word, "tie": word}))


@pytest.mark.parametrize("name", ["Equalizer-7B", "drawbot", "bothwell", "similarity-1", "Tiefighter"])
def test_a_name_that_begins_as_a_tie_does_is_a_name(name):
    rows = pd.DataFrame([(name, "heron", name), ("heron", name, "heron"), (name, "heron", "tie")])
    rows.columns = ["model_a", "model_b", "winner"]
    assert fit(rows).scores == pytest.approx([0.0, 0.0], abs=1e-9)


@pytest.mark.parametrize(
    "columns",
    [
        ("Model A", "Model B", "Winner"),
        ("modelA", "modelB", "preference"),
        ("left", "right", "judgment"),
        ("player_1", "player_2", "winner"),
        ("generator_1", "generator_2", "preference"),
        ("model_left", "model_right", "vote"),
        ("a_model", "b_model", "outcome"),
        ("model_a_name", "model_b_name", "winner"),
        ("response_a_model", "response_b_model", "winner"),
        ("answer-1-model", "answer-2-model", "winner"),
        ("opponent_a", "opponent_b", "result"),
        ("team1", "team2", "verdict"),
        ("LLM A", "LLM B", "choice"),
        ("candidate_first", "candidate_second", "label"),
    ],
)
def test_columns_by_other_names(columns):
    assert scores(table(columns=columns)) == pytest.approx(EXPECTED, abs=1e-9)


@pytest.mark.parametrize(
    "columns",
    [
        ("winner", "loser"),
        ("Win", "Lose"),
        ("winner_model", "loser_model"),
        ("chosen_model", "rejected_model"),
    ],
)
def test_winners_beside_losers(columns):
    assert scores(pd.DataFrame(WON_ALONE, columns=columns)) == pytest.approx(ALONE, abs=1e-9)


@pytest.mark.parametrize(
    "count", ["count", "num_battles", "n_battles", "Frequency", "freq", "num_votes", "times"]
)
def test_a_column_of_counts(count):
    found = fit(pd.DataFrame(WON_ALONE, columns=["winner", "loser"]).assign(**{count: 3}))
    assert found.comparisons == 3 * len(WON_ALONE)


def matrix() -> pd.DataFrame:
    wins = pd.DataFrame(0, index=NAMES, columns=NAMES)
    for winner, loser in WON_ALONE:
        wins.loc[winner, loser] += 1
    return wins


@pytest.mark.parametrize(
    "held",
    [
        lambda: table().to_dict("records"),
        lambda: tuple(table().to_dict("records")),
        lambda: table().to_dict("list"),
        lambda: pa.Table.from_pandas(table()),
        lambda: {"battles": table().to_dict("records")},
        lambda: [(a, b, {"a": "model_a", "b": "model_b"}.get(who, who)) for a, b, who in BATTLES],
        lambda: [[a, b, {"a": a, "b": b}.get(who, who)] for a, b, who in BATTLES],
    ],
)
def test_tables_however_they_are_held(held):
    assert scores(held()) == pytest.approx(EXPECTED, abs=1e-9)


@pytest.mark.parametrize(
    ("held", "options"),
    [
        (lambda: (pair for pair in WON_ALONE), {}),
        (lambda: Counter(WON_ALONE), {}),
        (lambda: dict(Counter(WON_ALONE)), {}),
        (lambda: matrix().to_numpy(), {"items": NAMES}),
        (lambda: matrix().to_numpy().tolist(), {"items": NAMES, "kind": "wins"}),
    ],
)
def test_wins_however_they_are_held(held, options):
    assert scores(held(), **options) == pytest.approx(ALONE, abs=1e-9)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("b.csv", lambda f: table().to_csv(f, index=False)),
        ("numbered.csv", lambda f: table().to_csv(f)),
        ("semicolon.csv", lambda f: table().to_csv(f, index=False, sep=";")),
        ("excel.csv", lambda f: f.write_text(table().to_csv(index=False), encoding="utf-16")),
        ("mark.csv", lambda f: table().to_csv(f, index=False, encoding="utf-8-sig")),
        ("b.csv.gz", lambda f: f.write_bytes(gzip.compress(table().to_csv(index=False).encode()))),
        ("b.ndjson", lambda f: table().to_json(f, orient="records", lines=True)),
        ("records.json", lambda f: table().to_json(f, orient="records")),
        ("columns.json", lambda f: table().to_json(f)),
        ("around.json", lambda f: f.write_text(json.dumps({"battles": table().to_dict("records")}))),
    ],
)
def test_files(tmp_path, name, write):
    write(tmp_path / name)
    assert scores(tmp_path / name) == pytest.approx(EXPECTED, abs=1e-9)
    assert scores(str(tmp_path / name)) == pytest.approx(EXPECTED, abs=1e-9)


def test_a_matrix_in_a_file(tmp_path):
    matrix().to_csv(tmp_path / "wins.csv")
    assert scores(tmp_path / "wins.csv") == pytest.approx(ALONE, abs=1e-9)


def test_rankings_of_three_stay_rankings():
    rankings = [("b", "c", "a"), ("c", "b", "a"), ("a", "c", "b")]
    assert fit(rankings).comparisons == 6  # two choices each
    assert set(fit(rankings).items) == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("given", "options", "says"),
    [
        (matrix().to_numpy().tolist(), {}, 'matrix of wins or rankings.*kind="wins"'),
        ([[0, 3], [1, 0]], {}, 'matrix of wins or rankings.*kind="wins"'),
        ([("fox", "owl", 1.0), ("owl", "fox", 0.5)], {}, "what does 1.0 mean"),
        ({"fox": {"owl": 3}, "owl": {"fox": 1}}, {}, "whether the outer names won or lost"),
        ({"fox>owl": 3}, {}, "a dictionary is"),
        ({}, {}, "a dictionary is"),
        (table(), {"prior": "a"}, "prior is 'a'"),
        (table(), {"style": 3}, "style is 3"),
        (table(), {"items": 3}, "items is 3"),
        (table(), {"seed": "a"}, "seed is 'a'"),
    ],
)
def test_what_is_asked_for(given, options, says):
    with pytest.raises(InputError, match=says):
        fit(given, **options)


def test_a_broken_line_is_named(tmp_path):
    (tmp_path / "b.jsonl").write_text('["a", "b"]\n["b", \n')
    with pytest.raises(InputError, match=r"b\.jsonl: line 2 is not JSON"):
        fit(tmp_path / "b.jsonl")


def test_apart_and_without_bound_is_said_at_once():
    pairs = [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c"), ("top", "a"), ("a", "last"), ("b", "last")]
    with pytest.raises(
        InputError, match=r"Nothing compares c, d with a, b, top, last.*; top never lost; last never won:"
    ):
        fit(pairs)
