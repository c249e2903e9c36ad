"""The voting panel in a real JupyterLab, by keyboard alone: no mouse, no script moves the focus."""

import json

import nbformat
import pytest

import rmkit
from tests.browser import lab
from tests.browser.test_lab import ROOT, pytestmark  # noqa: F401 - the same conditions
from tests.notebook_hygiene import METADATA

CELLS = ("import rmkit", 'rmkit.label(rmkit.load("pocket").take(8), out="votes.jsonl", annotator="Ada")', "1 + 1")
FOCUS = "() => !!document.activeElement.closest('.rmkit-vote')"
CELL_COUNT = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"


@pytest.fixture
def opened(tmp_path):
    """(the page, the panel, the file of votes) of a notebook whose second cell shows the panel."""
    pytest.importorskip("playwright.sync_api")
    root = tmp_path / "notebooks"
    root.mkdir()
    cells = [nbformat.v4.new_code_cell(source) for source in CELLS]
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), root / "vote.ipynb")
    variables = {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with lab.server(root, tmp_path / "jupyter", **variables) as url, lab.browser() as (page, outside):
        assert lab.open_and_run(page, url, "vote.ipynb")["errors"] == []
        panel = page.locator(".rmkit-vote")
        panel.get_by_text("Keys, while the focus").wait_for()
        yield page, panel, root / "votes.jsonl"
        page.evaluate(lab.SHUT_DOWN)
        assert outside == []


def tab_into(page) -> None:
    """From the notebook's first cell, with Tab only, until the focus is in the panel."""
    page.keyboard.press("Escape")
    for _ in range(60):
        if page.evaluate(FOCUS):
            return
        page.keyboard.press("Tab")
    raise AssertionError("60 times Tab, and the focus is not in the panel")


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_votes_by_keyboard_alone(opened):
    page, panel, votes = opened
    before = page.evaluate(CELL_COUNT)
    tab_into(page)

    def press(key, says):
        page.keyboard.press(key)
        panel.get_by_text(says).first.wait_for()

    press("ArrowLeft", "Pair 2 of 8")
    assert lines(votes)[0]["ranks"] == [1, 2]
    panel.get_by_text("I think you take").wait_for()
    page.keyboard.press("4")
    panel.locator("button.mod-active", has_text="by far").wait_for()
    press("b", "Pair 3 of 8")
    assert (lines(votes)[1]["ranks"], lines(votes)[1]["strength"]) == ([2, 1], 3)
    press("ArrowDown", "Pair 4 of 8")
    press("s", "Pair 5 of 8")
    press("u", "Pair 4 of 8")
    assert "undone" in lines(votes)[3]["extra"]
    press("a", "Pair 5 of 8")
    assert [line.get("ranks") for line in lines(votes)] == [[1, 2], [2, 1], [1, 1], None, [1, 2]]
    assert lines(votes)[1]["extra"]["expected"] is not None
    # Every button is reached by Tab and works by Enter and by the space bar.
    for name, key, says in (("B is better →", "Enter", "Pair 6 of 8"), ("skip", "Space", "Pair 7 of 8")):
        for _ in range(40):
            if page.evaluate("() => document.activeElement.textContent.trim()") == name:
                break
            page.keyboard.press("Tab")
        press(key, says)
    press("t", "Pair 8 of 8")
    press("ArrowRight", "All 8 pairs were asked")
    assert panel.locator("[role=alert]").count() == 0
    assert page.evaluate(CELL_COUNT) == before, "a key did what it means to JupyterLab"
    read = rmkit.load(votes)
    assert len(read) == 9 and {record.annotator for record in read} == {"Ada"}


def test_a_key_held_down_votes_once_and_outside_the_panel_keys_are_jupyters(opened):
    page, panel, votes = opened
    page.keyboard.press("Escape")
    page.keyboard.press("t")  # the focus is on a cell: no vote
    tab_into(page)
    page.keyboard.down("ArrowLeft")
    page.keyboard.down("ArrowLeft")  # Playwright says repeat=true
    page.keyboard.down("ArrowLeft")
    page.keyboard.up("ArrowLeft")
    panel.get_by_text("Pair 2 of 8").wait_for()
    page.keyboard.press("s")
    panel.get_by_text("Pair 3 of 8").wait_for()
    assert [line.get("ranks") for line in lines(votes)] == [[1, 2], None]
