"""Claims: shown with their numbers, held at lab size, gathered into one page."""

import json

import nbformat
import pytest

from rmkit import claims


def two(**changes):
    lesson = claims.Claims("01_demo")
    lesson.add("A | B", effect=0.8, interval=(0.7, 0.9), seeds=5, source="Me 2026", holds=True, unit="points")
    lesson.add(
        "C",
        **{
            "effect": -0.01,
            "interval": (-0.1, 0.1),
            "seeds": 8,
            "source": "You",
            "holds": False,
            "expected": False,
        }
        | changes,
    )
    return lesson


def test_table_has_a_row_a_claim_with_its_number():
    table = two().table()
    assert list(table.columns) == ["claim", "effect", "interval", "seeds", "source", "holds"]
    assert table.iloc[0].tolist() == ["A | B", "0.8 points", "[0.7, 0.9]", "5", "Me 2026", "yes"]
    assert table.iloc[1].tolist() == ["C", "-0.01", "[-0.1, 0.1]", "8", "You", "no"]


@pytest.mark.parametrize("holds", [True, False])
def test_a_claim_that_comes_out_otherwise_fails_at_lab_size_only(holds, monkeypatch):
    lesson = two(holds=holds, expected=not holds)
    monkeypatch.setenv("RMKIT_SIZE", "smoke")
    lesson.table()
    for size in ("lab", "research"):
        monkeypatch.setenv("RMKIT_SIZE", size)
        with pytest.raises(AssertionError, match=r"01_demo.*C \(-0\.01"):
            lesson.table()


def test_claims_are_written_before_they_are_held(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CLAIMS", str(tmp_path))
    with pytest.raises(AssertionError):
        two(holds=True).table()
    page = json.loads((tmp_path / "01_demo.json").read_text())
    assert page["size"] == "lab"
    assert [item["holds"] for item in page["claims"]] == [True, True]


def test_notebooks_are_run_and_gathered_into_one_page(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_SIZE", "smoke")
    monkeypatch.setenv("RMKIT_CLAIMS", "elsewhere")
    source = """from rmkit.claims import Claims
c = Claims("01_demo")
c.add("A | B", effect=2, interval=None, seeds=1, source="Me", holds=False, expected=False)
c.table()"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, tmp_path / "one.ipynb")
    claims.main([str(tmp_path / "one.ipynb"), "--out", str(tmp_path / "CLAIMS.md")])
    page = (tmp_path / "CLAIMS.md").read_text()
    assert "## 01_demo" in page
    assert "| A \\| B | 2 | exact | 1 | Me | no |" in page


def test_a_claim_too_close_to_call_is_reported_and_not_asserted(monkeypatch):
    monkeypatch.setenv("RMKIT_SIZE", "lab")
    page = claims.Claims("00_test")
    for holds in (True, False):
        page.add("near", effect=0.1, interval=(-0.1, 0.3), seeds=3, source="x", holds=holds, expected=None)
    assert list(page.table()["holds"]) == ["yes", "no"]
