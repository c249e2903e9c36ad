"""Battles, however they were written down, are one model; what is ambiguous or missing is asked for."""

import json
import re

import numpy as np
import pandas as pd
import pytest
from rmkit.bradley_terry import fit

from rmkit.errors import InputError

# winner, loser; a tie is a list of the two
GAMES = [("fox", "owl"), ("owl", "fox"), ("owl", "elk"), ("elk", "fox"), ["fox", "elk"], ("fox", "owl")]
A = ["fox", "fox", "elk", "elk", "fox", "owl"]  # the same games, now with sides
B = ["owl", "owl", "owl", "fox", "elk", "fox"]
WINNER = ["a", "b", "b", "a", "tie", "b"]
PLAIN = fit([game if isinstance(game, tuple) else [tuple(game)] for game in GAMES])


def same(model, other=PLAIN, items=("fox", "owl", "elk")) -> None:
    """One model: the same differences, errors, ties and value."""
    assert set(model.items) == set(other.items)
    for item in items[1:]:
        ours, theirs = model.difference(items[0], item), other.difference(items[0], item)
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
    assert model.nu == pytest.approx(other.nu)
    assert model.log_likelihood == pytest.approx(other.log_likelihood)
    assert model.comparisons == other.comparisons


def table(words=("a", "b", "tie"), names=("model_a", "model_b", "winner"), a=A, b=B) -> pd.DataFrame:
    said = dict(zip(("a", "b", "tie"), words, strict=True))
    return pd.DataFrame(dict(zip(names, (a, b, [said[w] for w in WINNER]), strict=True)))


@pytest.mark.parametrize(
    "words",
    [
        ("model_a", "model_b", "tie"),
        ("model_a", "model_b", "tie (bothbad)"),
        ("model_a", "model_b", "both_bad"),
        ("left", "right", "both bad"),
        ("A", "B", "Draw"),
        ("[[A]]", "[[B]]", "[[A=B]]"),
        ("A>B", "B>A", "A=B"),
        ("Model A", "Model B", " tie "),
        ("first", "second", "both_good"),
        ("model_a", "model_b", "tie (inconsistent)"),
    ],
)
def test_a_table_of_battles_is_read_in_every_spelling(words):
    same(fit(table(words)))
    same(fit(table(words).astype("category")))
    same(fit(table(words).to_dict(orient="records")))


@pytest.mark.parametrize(
    "names", [("left", "right", "winner"), ("Model_A", "MODEL_B", "verdict"), ("a", "b", "vote")]
)
def test_columns_have_several_names(names):
    same(fit(table(names=names)))


def test_the_winner_may_be_named():
    frame = table().assign(
        winner=[a if w == "a" else b if w == "b" else "tie" for a, b, w in zip(A, B, WINNER, strict=True)]
    )
    same(fit(frame))
    by_number = frame.replace({"fox": 1, "owl": 2, "elk": 3})
    same(fit(by_number.assign(model_a=by_number.model_a.astype(int), model_b=by_number.model_b.astype(int))),
         fit([(2 - 1, 2), (2, 1), (2, 3), (3, 1), [(1, 3)], (1, 2)]), items=(1, 2, 3))  # fmt: skip


def test_a_name_that_is_also_a_side_is_asked_for():
    frame = pd.DataFrame({"model_a": ["b", "a"], "model_b": ["a", "b"], "winner": ["a", "a"]})
    with pytest.raises(InputError, match=r"Row 0, column winner: 'a' is the name of an item and also a side"):
        fit(frame)
    fit(
        pd.DataFrame({"model_a": ["a", "a"], "model_b": ["b", "b"], "winner": ["a", "b"]})
    )  # both say the same


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".json"])
def test_a_file_is_the_table_in_it(tmp_path, suffix):
    file = tmp_path / f"battles{suffix}"
    frame = table()
    writers = {
        ".csv": lambda: frame.to_csv(file, index=False),
        ".tsv": lambda: frame.to_csv(file, index=False, sep="\t"),
        ".parquet": lambda: frame.to_parquet(file),
        ".jsonl": lambda: frame.to_json(file, orient="records", lines=True),
        ".json": lambda: frame.to_json(file, orient="records"),
    }
    writers[suffix]()
    same(fit(file))
    same(fit(str(file)))


def test_names_in_a_file_stay_as_they_are(tmp_path):
    file = tmp_path / "battles.csv"
    file.write_text(
        "model_a,model_b,winner\nNA,007,model_a\n007,NA,model_a\nnull,NA,tie\nnull,007,b\n7,null,tie\n7,NA,tie\n"
    )
    assert set(fit(file).items) == {"NA", "007", "null", "7"}


def test_rankings_from_json_have_lists_as_levels_and_counts(tmp_path):
    plain = fit([["a", "b", "c"], ["b", ("a", "c")], ["c", "b", "a"], ["c", "b", "a"]])
    rows = [["a", "b", "c"], ["b", ["a", "c"]], ["c", "b", "a"]]
    (tmp_path / "r.json").write_text(json.dumps(rows))
    counted = [{"ranking": row, "count": n} for row, n in zip(rows, [1, 1, 2], strict=True)]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, counted)))
    for model in (fit(tmp_path / "r.jsonl"), fit(counted), fit(tmp_path / "r.json", counts=[1, 1, 2])):
        same(model, plain, ("a", "b", "c"))


def test_arrays_of_pairs_are_pairs():
    wins = [(0, 1), (1, 2), (2, 0), (0, 2), (0, 1)]
    plain = fit(wins)
    for pairs in (np.array(wins), np.array(wins, dtype=float), np.array(wins, dtype=object)):
        same(fit(pairs), plain, (0, 1, 2))
    names = np.array(["fox", "owl", "elk"])
    same(fit(names[np.array(wins)]), fit([tuple(names[list(w)]) for w in wins]))
    same(fit(pd.DataFrame(wins, columns=["winner", "loser"])), plain, (0, 1, 2))
    same(fit(np.array(wins[:4]), counts=[2, 1, 1, 1]), plain, (0, 1, 2))
    assert fit(np.array(wins), items=[2, 1, 0]).items == [2, 1, 0]


def test_two_rows_of_two_are_asked_about():
    both = np.array([[0, 1], [1, 0]])
    with pytest.raises(InputError, match=r'2 x 2 array.*kind="wins" or kind="pairs"'):
        fit(both)
    assert fit(both, kind="pairs").comparisons == fit(both, kind="wins").comparisons == 2
    assert fit(np.array([[0, 3], [1, 0]]), kind="pairs", prior=1.0).items == [0, 3, 1]
    assert fit(np.array([[5, 3], [5, 9]]), items=["x", "y"]).items == ["x", "y"]  # 5 and 3 are no items
    assert fit(np.array([["x", "y"], ["y", "x"]])).items == ["x", "y"]
    assert fit(both, ties=np.zeros((2, 2))).comparisons == 2
    frame = pd.DataFrame({"winner": [0, 1], "loser": [1, 0]})
    assert fit(frame).comparisons == 2
    matrix = pd.DataFrame([[0, 2], [3, 0]], index=["a", "b"], columns=["a", "b"])  # items, not sides
    assert fit(matrix).comparisons == 5


def test_counts_weights_and_tallies_are_battles():
    frame = table().assign(count=[2, 1, 1, 1, 3, 1])
    longer = table().loc[[0, 0, 1, 2, 3, 4, 4, 4, 5]]
    same(fit(frame), fit(longer))
    half = fit(frame.rename(columns={"count": "weight"}))
    same(half, fit(longer))
    tally = pd.DataFrame(
        {"model_a": ["fox", "fox", "elk"], "model_b": ["owl", "elk", "owl"],
         "wins_a": [2, 0, 0], "wins_b": [1, 1, 1], "ties": [0, 1, 0]}
    )  # fmt: skip
    same(fit(tally))
    one_hot = table().drop(columns="winner")
    for name, side in (("winner_model_a", "a"), ("winner_model_b", "b"), ("winner_tie", "tie")):
        one_hot[name] = [int(w == side) for w in WINNER]
    same(fit(one_hot))


def test_half_a_win_each_way_is_the_matrix_with_halves():
    wins, ties = np.array([[0, 2, 0], [1, 0, 1], [1, 0, 0]]), np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]])
    halves = fit(table(), ties="half", items=["fox", "owl", "elk"])
    plain = fit(wins + ties / 2, items=["fox", "owl", "elk"])
    np.testing.assert_allclose(halves.scores, plain.scores, atol=1e-9)
    np.testing.assert_allclose(halves.covariance, plain.covariance, atol=1e-9)
    assert halves.nu == 0


def test_a_battle_with_itself_is_said_and_left_out():
    frame = pd.concat([table(), pd.DataFrame({"model_a": ["elk"], "model_b": ["elk"], "winner": ["tie"]})])
    with pytest.warns(UserWarning, match=r"1 battle\(s\) of an item with itself .* \(first: elk\)"):
        same(fit(frame))


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (table().assign(winner=["a", "b", None, "a", "tie", None]), r"Row 2, .*missing \(2 such rows\)"),
        (table(("0", "1", "2")), r"Row 0, column winner: '0' says neither who won nor a tie \(6 such rows\)"),
        (table().assign(winner=[1, 0, 0, 1, 0, 0]), "says neither who won nor a tie"),
        (table(("elk", "b", "tie")), r"Row 0, column winner: 'elk' says neither"),  # fox met owl
        (table(a=[None, *A[1:]]), r"Row 0, column model_a: the item is missing"),
        (table().drop(columns="winner"), r"none of model_a, model_b does: call it winner"),
        (table(names=("x", "y", "winner")), r"this one has x, y, winner: rename"),
        (table().assign(left=A, right=B), "both look like the two items"),
        (table(names=("model_a", "model_b", "vote")).assign(label=1), "vote, label may: call it winner"),
        (table().assign(weight=[1, 1, -1, 1, 1, 1]), r"Row 2, column weight: .*-1.* number of 0 or more"),
        (table().assign(count=["x"] * 6), "Row 0, column count: 'x' is not a finite number"),
        (table().assign(count=1, n=1), "count and n both look like a count"),
    ],
)  # fmt: skip
def test_what_a_table_does_not_say_is_asked_for(frame, says):
    with pytest.raises(InputError, match=says):
        fit(frame)


def test_a_bad_row_of_a_file_is_named_by_its_line(tmp_path):
    file = tmp_path / "battles.csv"
    table(("model_a", "model_b", "abstain")).to_csv(file, index=False)
    with pytest.raises(InputError, match=re.escape(f"{file}, line 6, column winner: 'abstain' says neither")):
        fit(file)
    (tmp_path / "broken.json").write_text("{")
    for name, says in (("none.csv", "no file"), ("broken.json", "cannot be read as json")):
        with pytest.raises(InputError, match=says):
            fit(tmp_path / name)


@pytest.mark.parametrize(
    ("comparisons", "options", "says"),
    [
        (table(), {"ties": np.ones((6, 6))}, "leave out ties and kind"),
        (table(), {"ties": "none"}, 'can be "half"'),
        (table(), {"kind": "pairs"}, "leave out ties and kind"),
        (np.ones((3, 3)), {"kind": "triples"}, "kind is 'triples'"),
        (np.ones((3, 3)), {"kind": "pairs"}, r"shape \(N, 2\), winner and loser"),
        (table(), {"items": ["fox", "owl"]}, "'elk', which is not among items"),
        (table(), {"by": "voter"}, "no column 'voter'"),
        (table(), {"by": [1, 2]}, "2 labels for 6 comparisons"),
        (table(), {"by": [1, 2, 3, 4, 5, None]}, "Row 5: the label of `by` is missing"),
        (table(), {"bootstrap": 1}, "bootstrap is 1"),
        (np.ones((3, 3)), {"counts": [1, 1, 1]}, "a table of counts already"),
        ([("a", "b"), ("b", "a")], {"counts": [1]}, r"shape \(1,\) for 2 comparisons"),
        ([("a", "b"), ("b", "a")], {"counts": [1, -1]}, r"counts\[1\] is -1"),
        ([{"ranking": ["a", "b"]}, ["a", "b"]], {}, "every ranking must be like"),
        ([["a", ("b", "c")], ["c", "b", "a"]], {"ties": "half"}, "has no halves"),
    ],
)
def test_options_that_do_not_fit_are_one_sentence(comparisons, options, says):
    with pytest.raises(InputError, match=says):
        fit(comparisons, **options)


def test_everything_without_bound_is_named_at_once():
    circle = [("a", "b"), ("b", "c"), ("c", "a")]
    with pytest.raises(InputError) as error:
        fit([*circle, ("top", "a"), ("best", "b"), ("c", "last"), ("a", "least")])
    assert "top, best never lost to any other; last, least never beat any other" in str(error.value)
    with pytest.raises(InputError, match=r"these 3 parts .*: \(x, y\), \(p, q\), \(a, b, c\); use a prior"):
        fit([*circle, ("x", "y"), ("y", "x"), ("p", "q"), ("q", "p")])
    apart = fit([*circle, ("x", "y"), ("y", "x")], prior=0.1)
    assert apart.parts == [["x", "y"], ["a", "b", "c"]]
    assert "2 unconnected parts" in apart.headline()


def test_names_cannot_act_on_a_terminal():
    model = fit([("a\x1b]0;x\x07", "b"), ("b", "a\x1b]0;x\x07")])
    assert "\x1b" not in str(model)
    assert "\\x1b]0;x\\x07" in str(model)
