"""The voting panel in a real JupyterLab, by keyboard alone: no mouse, and no script moves the focus."""

import json

import nbformat
import pytest

import rmkit
from tests.browser import lab
from tests.browser.test_lab import ROOT, pytestmark  # noqa: F401 - the same conditions
from tests.notebook_hygiene import METADATA

SHOWN = 'rmkit.label(rmkit.load("pocket").take(9), out="votes.jsonl", annotator="Ada")'
CELLS = ("import rmkit", SHOWN, "1 + 1")
FOCUS = "() => !!document.activeElement.closest('.rmkit-vote')"
FOCUSED = "() => document.activeElement.textContent.trim()"
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


def tab_until(page, there) -> None:
    for _ in range(80):
        if there():
            return
        page.keyboard.press("Tab")
    raise AssertionError("80 times Tab, and it has not the focus")


def lines(path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_votes_by_keyboard_alone(opened):
    page, panel, votes = opened
    before = page.evaluate(CELL_COUNT)

    def press(key, says):
        page.keyboard.press(key)
        panel.get_by_text(says).first.wait_for()

    page.keyboard.press("Escape")
    page.keyboard.press("t")  # the focus is on a cell: the key is JupyterLab's, and no vote
    tab_until(page, lambda: page.evaluate(FOCUS))
    for _ in range(3):  # held down: the browser repeats it, and it is one vote
        page.keyboard.down("ArrowLeft")
    page.keyboard.up("ArrowLeft")
    panel.get_by_text("Pair 2 of 9").wait_for()
    panel.get_by_text("I think you take").wait_for()
    page.keyboard.press("4")
    panel.locator("button.mod-active", has_text="by far").wait_for()
    press("b", "Pair 3 of 9")
    press("ArrowDown", "Pair 4 of 9")
    press("s", "Pair 5 of 9")
    press("u", "Pair 4 of 9")
    press("a", "Pair 5 of 9")
    said = lines(votes)
    assert [line.get("ranks") for line in said] == [[1, 2], [2, 1], [1, 1], None, [1, 2]]
    assert "strength" not in said[0]
    assert said[1]["strength"] == 3
    assert said[0]["extra"]["expected"] is None
    assert 0 < said[1]["extra"]["expected"] < 1
    assert "undone" in said[3]["extra"]
    # Every button is reached by Tab, and works by Enter and by the space bar.
    for name, key, says in (
        ("← A is better", "Enter", "Pair 6 of 9"),
        ("B is better →", "Space", "Pair 7 of 9"),
        ("↓ tie", "Enter", "Pair 8 of 9"),
        ("skip", "Space", "Pair 9 of 9"),
        ("take back", "Enter", "Pair 8 of 9"),
    ):
        tab_until(page, lambda name=name: page.evaluate(FOCUSED) == name)
        press(key, says)
    press("t", "Pair 9 of 9")  # keys work wherever the focus is in the panel
    press("ArrowRight", "All 9 pairs were asked")
    assert panel.locator("[role=alert]").count() == 0
    assert page.evaluate(CELL_COUNT) == before, "a key did what it means to JupyterLab"
    read = rmkit.load(votes)
    assert len(read.to_pairs()) == 6  # two ties, and two records without ranks
    assert {record.annotator for record in read} == {"Ada"}
