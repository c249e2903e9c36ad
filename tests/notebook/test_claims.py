"""Claims: shown with their numbers, held at lab size, gathered into one page."""

import json
import re
from pathlib import Path

import nbformat
import pytest

import rmkit
from rmkit import claims
from rmkit.notebook import papers


def two(**changes):
    lesson = claims.Claims("01_demo")
    shown = {"over": "5 seeds", "expected": "above 0 (Me 2026)", "unit": "points"}
    lesson.add("A | B", measured=0.8, interval=(0.7, 0.9), holds=True, **shown)
    missing = {"over": "8 seeds", "expected": "0.2 (You)", "holds": False, "shows": False, "power": 0.9}
    lesson.add("C", measured=-0.01, interval=(-0.1, 0.1), **missing | changes)
    return lesson


def test_table_has_a_row_a_claim_with_its_number():
    table = two().table()
    assert list(table.columns) == ["claim", "measured", "interval", "over", "expected (by whom)", "holds"]
    assert table.iloc[0].tolist() == [
        "A | B", "0.8 points", "[0.7, 0.9]", "5 seeds", "above 0 (Me 2026)", "yes",
    ]  # fmt: skip
    assert table.iloc[1].tolist() == ["C", "-0.01", "[-0.1, 0.1]", "8 seeds", "0.2 (You)", "no (power 0.90)"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [({"power": None}, "power"), ({"shows": None, "power": None}, "power"), ({"over": " "}, "over what"),
     ({"expected": ""}, "what was expected")],
)  # fmt: skip
def test_a_null_without_a_power_and_a_claim_without_its_frame_are_refused(changes, message):
    with pytest.raises(rmkit.InputError, match=message):
        two(**changes)


@pytest.mark.parametrize("holds", [True, False])
def test_a_claim_that_comes_out_otherwise_fails_at_lab_size_only(holds, monkeypatch):
    lesson = two(holds=holds, shows=not holds)
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
frame = {"interval": None, "over": "identity", "expected": "3 (Me)"}
c.add("A | B", measured=2, holds=False, shows=False, power=1, papers=["warm-2024"], **frame)
c.table()"""
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(book, tmp_path / "one.ipynb")
    where = ["--out", str(tmp_path / "CLAIMS.md"), "--papers", str(tmp_path / "PAPERS.md")]
    claims.main([str(tmp_path / "one.ipynb"), *where])
    page = (tmp_path / "CLAIMS.md").read_text()
    assert "## 01_demo" in page
    assert "| A \\| B | 2 | exact | identity | 3 (Me) | no (power 1.00) |" in page
    assert "1 claims; 1 of them do not show" in page
    rows = (tmp_path / "PAPERS.md").read_text().splitlines()
    warm = next(row for row in rows if "Weight Averaged" in row)
    assert warm.endswith("| A \\| B: 2 exact | not shown |")
    assert sum(row.endswith("| not yet |") for row in rows) == len(papers.papers()) - 1


def test_a_paper_that_nobody_knows_is_refused():
    with pytest.raises(rmkit.InputError, match="'nobody-2026'"):
        two(papers=["nobody-2026"])


def test_the_ledger_of_papers_is_whole():
    known = papers.papers()
    assert len(known) == 77
    assert all(all(row.values()) for row in known.values())


def test_a_claim_too_close_to_call_is_reported_and_not_asserted(monkeypatch):
    monkeypatch.setenv("RMKIT_SIZE", "lab")
    page = claims.Claims("00_test")
    for holds in (True, False):
        near = {"over": "3 seeds", "expected": "0.2 (x)", "shows": None, "power": 0.5}
        page.add("near", measured=0.1, interval=(-0.1, 0.3), holds=holds, **near)
    assert list(page.table()["holds"]) == ["yes (power 0.50)", "no (power 0.50)"]


def read_page(text: str) -> list[dict[str, str]]:
    """The rows of a page that `gather` wrote, one dictionary a claim; empty for a page of another form."""
    cells = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in row] for row in cells]
    known = [dict(zip(claims.COLUMNS, row, strict=True)) for row in rows if len(row) == len(claims.COLUMNS)]
    return [row for row in known if row["claim"] not in ("claim", "---")] if claims.COLUMNS in rows else []


def faults(text: str) -> list[str]:
    """What is wrong with a page: too many nulls, a null without a power, a claim without a frame."""
    rows = read_page(text)
    nulls = [row for row in rows if row["holds"] != "yes"]
    found = [
        f"{row['claim']}: no power" for row in nulls if not re.search(r"\(power [01]\.\d\d\)", row["holds"])
    ]
    found += [f"{row['claim']}: no {name}" for row in rows for name in claims.COLUMNS if not row[name]]
    if 4 * len(nulls) > len(rows):
        found.append(f"{len(nulls)} of {len(rows)} claims are nulls, more than a quarter")
    return found


def page_of(holds: list[bool], tmp_path) -> str:
    """A page with one claim for each of `holds`, the nulls with their power."""
    lesson = claims.Claims("01_demo")
    for number, yes in enumerate(holds):
        more = {"holds": yes, "shows": yes, "power": None if yes else 0.9, "over": "5 seeds"}
        lesson.add(f"{number} | x", measured=0.1, interval=(0.0, 0.2), expected="0.2 (Me)", **more)
    (tmp_path / "01_demo.json").write_text(
        json.dumps({"lesson": "01_demo", "claims": [claims.asdict(item) for item in lesson.items]})
    )
    return claims.gather(claims.collect(tmp_path))


def test_a_page_may_hold_a_quarter_of_nulls_and_no_more(tmp_path):
    page = page_of([True, True, True, False], tmp_path)
    assert [row["claim"] for row in read_page(page)] == [rf"{number} \| x" for number in range(4)]
    assert faults(page) == []
    assert faults(page.replace(" (power 0.90)", "")) == [r"3 \| x: no power"]
    assert faults(page.replace("5 seeds", "")) == [rf"{number} \| x: no over" for number in range(4)]
    assert faults(page_of([True, True, False], tmp_path)) == ["1 of 3 claims are nulls, more than a quarter"]


def test_at_most_a_quarter_of_our_claims_are_nulls_and_each_has_its_power():
    text = (Path(__file__).parents[2] / "CLAIMS.md").read_text(encoding="utf-8")
    assert read_page(text)
    assert faults(text) == []
