"""python -m rmkit rank: battles in, a leaderboard out."""

import subprocess
import sys

import pandas as pd
import pytest

from rmkit.__main__ import main

ROWS = """model_a,model_b,winner,reader,length_a,length_b
fox,owl,model_a,1,30,20
owl,fox,model_a,2,25,35
owl,elk,model_a,1,40,10
elk,fox,model_a,3,15,30
fox,elk,tie,2,22,22
owl,fox,model_b,3,12,14
"""


@pytest.fixture
def table(tmp_path):
    file = tmp_path / "battles.csv"
    file.write_text(ROWS)
    return file


def test_rank_prints_and_writes_a_leaderboard(table, tmp_path, capsys):
    out, html = tmp_path / "new" / "table.csv", tmp_path / "figure.html"
    assert main(["rank", str(table), "--anchor", "owl=1000", "--out", str(out), "--html", str(html)]) == 0
    said = capsys.readouterr().out
    assert "3 items, 6 comparisons" in said
    assert "model errors over battles" in said
    found = pd.read_csv(out)
    assert found.columns.tolist() == ["rank", "item", "score", "low", "high", "battles"]
    assert found.set_index("item").score["owl"] == 1000
    assert found.battles.sum() == 12
    assert all(item in said for item in found.item)
    assert "plotly" in html.read_text(encoding="utf-8").lower()


def test_rank_by_readers_at_equal_length_with_a_prior(table, capsys):
    assert main(["rank", str(table), "--prior", "--style", "length", "--by", "reader", "--half-ties"]) == 0
    said = capsys.readouterr().out
    assert "prior 0.1" in said
    assert "robust errors over readers" in said
    assert "style, in log-odds" in said
    assert main(["rank", str(table), "--prior", "0.5", "--bootstrap", "20"]) == 0
    assert "bootstrap errors over battles" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--anchor", "yak=1000"], "no item 'yak'"),
        (["--style", "tone"], "no column tone"),
        (["--out", "."], "is a folder"),
        (["--out", "TABLE"], "would overwrite DATA"),
        (["--html", "TABLE"], "--html"),
    ],
)
def test_rank_says_what_is_wrong_in_one_sentence(table, more, says, capsys):
    assert main(["rank", str(table), *[str(table) if word == "TABLE" else word for word in more]]) == 2
    said = capsys.readouterr().err
    assert said.startswith("rmkit: ")
    assert says in said
    assert table.read_text() == ROWS


def test_white_space_around_a_field_makes_no_other_item(table, tmp_path, capsys):
    spaced = tmp_path / "spaced.csv"
    spaced.write_text(ROWS.replace(",", " , "))
    for file in (table, spaced):
        assert main(["rank", str(file), "--by", "reader", "--out", f"{file}.out"]) == 0
    capsys.readouterr()
    pd.testing.assert_frame_equal(pd.read_csv(f"{table}.out"), pd.read_csv(f"{spaced}.out"))


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (["fox,owl,model_a,1,2"], "more fields than its header"),
        (["fox,owl,model_a", "owl,fox,model_a,more"], "cannot be read as csv"),
        (["fox,  ,model_a"], "line 2, column model_b: the item is missing"),
    ],
)
def test_a_row_that_does_not_fit_the_header_is_never_shifted(rows, says, tmp_path, capsys):
    file = tmp_path / "battles.csv"
    file.write_text("\n".join(["model_a,model_b,winner", *rows]))
    assert main(["rank", str(file)]) == 2
    assert says in capsys.readouterr().err


def test_one_battle_has_no_bootstrap(tmp_path, capsys):
    file = tmp_path / "battles.csv"
    file.write_text("winner,loser\nfox,owl\n")
    assert main(["rank", str(file), "--prior", "--bootstrap", "5"]) == 2
    assert "at least 2 battles" in capsys.readouterr().err


def test_rank_asks_for_an_anchor_with_a_value(table, capsys):
    with pytest.raises(SystemExit):
        main(["rank", str(table), "--anchor", "owl"])
    assert "NAME=VALUE" in capsys.readouterr().err


def test_a_table_without_a_figure_imports_no_plotly_and_no_torch(table):
    code = (
        "import sys; from rmkit.__main__ import main; "
        f"main(['rank', {str(table)!r}]); print([n for n in ('plotly', 'torch') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"
