"""Lesson 14's panel in a real JupyterLab: dials change the picture, Pin and Explain answer."""

import os
import shutil

import pytest

from tests.browser import lab
from tests.browser.test_lab import ROOT, pytestmark  # noqa: F401 - the same conditions

DATA = "g => JSON.stringify(g._fullData.map(t => [t.x, t.y]))"


@pytest.fixture
def opened(tmp_path):
    """(the page, the panel with the buttons, its figure) of the notebook run at smoke size."""
    pytest.importorskip("playwright.sync_api")
    root = tmp_path / "notebooks"
    root.mkdir()
    shutil.copy(ROOT / "notebooks" / "14_ablation_lab.ipynb", root)
    size = {"RMKIT_SIZE": "smoke", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    if "RMKIT_CACHE" in os.environ:
        size["RMKIT_CACHE"] = os.environ["RMKIT_CACHE"]
    with lab.server(root, tmp_path / "jupyter", **size) as url, lab.browser() as (page, outside):
        state = lab.open_and_run(page, url, "14_ablation_lab.ipynb")
        assert state["errors"] == []
        lab.wait_for_figures(page, state["figures"])
        panel = page.locator(".rmkit-panel", has=page.get_by_role("button", name="Explain"))
        yield page, panel, panel.locator(".js-plotly-plot").element_handle()
        page.evaluate(lab.SHUT_DOWN)
        assert outside == []


def test_dials_change_the_picture_and_the_buttons_answer(opened):
    page, panel, figure = opened
    handles = panel.locator(".noUi-handle")
    assert handles.count() == 9
    for number in range(9):  # loss, margin, weights, answers, labels, noise, length bias, penalty, seeds
        handle = handles.nth(number)
        before, at = figure.evaluate(DATA), float(handle.get_attribute("aria-valuenow"))
        top = at == float(handle.get_attribute("aria-valuemax"))
        handle.focus()
        page.keyboard.press("Home" if top else "End")
        page.wait_for_function(f"([g, before]) => ({DATA})(g) !== before", arg=[figure, before])
        changed = figure.evaluate(DATA)
        page.keyboard.press("End" if top else "Home")
        page.wait_for_function(f"([g, before]) => ({DATA})(g) !== before", arg=[figure, changed])
    handles.nth(5).focus()
    page.keyboard.press("End")
    panel.get_by_role("button", name="Explain").press("Enter")
    page.wait_for_function("p => p.innerText.includes('noise from 0 to 0.45')", arg=panel.element_handle())
    panel.get_by_role("button", name="Pin", exact=True).press("Enter")
    page.wait_for_function("p => p.innerText.includes('Nothing was changed')", arg=panel.element_handle())
    assert panel.locator("[role=alert]").count() == 0
