"""Every notebook in a real JupyterLab: no error cell, every figure drawn, no request outside, a slider moved.

One server for all, at smoke size. A picture of the page is kept in build/browser where a test fails.
"""

import os
import shutil
from pathlib import Path

import nbformat
import pytest

from tests.browser import lab
from tests.notebook_hygiene import METADATA

ROOT = Path(__file__).parent.parent.parent
BOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
pytestmark = [
    pytest.mark.skipif(not lab.CHROMIUM, reason="no Chromium on this machine (apt-get install chromium)"),
    pytest.mark.skipif(os.environ.get("RMKIT_BROWSER") == "0", reason="RMKIT_BROWSER=0"),
    pytest.mark.xdist_group("browser"),
]
PLANTED = """
import rmkit
from rmkit.notebook import theme
def draw(a):
    figure = theme.figure("x", "y", x_range=(0, 1), y_range=(0, 9))
    return figure.add_trace(theme.line([0, 1], a["y"], "line"))
def compute(top):
    return {"y": [0, 1 / (9 - top)]}
rmkit.widgets.explore(compute, draw, readout=str, top=(0, 9, 1, 3))
"""
# Controls of panels that the Tab key passes by, and their figures without words.
OUT_OF_REACH = """() => [
  ...[...document.querySelectorAll('.rmkit-panel :is(.noUi-handle, input, button, select)')]
    .filter(control => control.tabIndex < 0),
  ...[...document.querySelectorAll('.rmkit-panel .js-plotly-plot')]
    .filter(figure => figure.getAttribute('role') !== 'img' || !figure.getAttribute('aria-label')),
].map(element => element.outerHTML.slice(0, 200))"""
OUTSIDE = "from IPython.display import HTML\nHTML('<img src=\"http://192.0.2.1/x.png\">')"


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory):
    """(page, addresses outside that it asked for, url): the notebooks are copies, the settings our own."""
    pytest.importorskip("playwright.sync_api")
    root, scratch = tmp_path_factory.mktemp("notebooks"), tmp_path_factory.mktemp("jupyter")
    for path in BOOKS:
        shutil.copy(path, root)
    for name, source in {"planted": PLANTED, "outside": OUTSIDE, "error": "1 / 0"}.items():
        cells = [nbformat.v4.new_code_cell(source.strip())]
        nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=METADATA), root / f"{name}.ipynb")
    size = {"RMKIT_SIZE": "smoke", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    with lab.server(root, scratch, **size) as url, lab.browser() as (page, outside):
        yield page, outside, url


@pytest.fixture
def run(jupyter, request):
    """run("name.ipynb") opens and runs a notebook -> (page, its last state, addresses outside)."""
    page, outside, url = jupyter
    outside.clear()
    failed = request.session.testsfailed
    yield lambda name: (page, lab.open_and_run(page, url, name), outside)
    if request.session.testsfailed > failed:
        (ROOT / "build" / "browser").mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ROOT / "build" / "browser" / f"{request.node.name}.png")
    page.evaluate(lab.SHUT_DOWN)


@pytest.mark.parametrize("path", BOOKS, ids=lambda path: path.stem)
def test_notebook_runs_draws_and_moves(path, run):
    page, state, outside = run(path.name)
    assert state["errors"] == []
    panels, drawn = lab.wait_for_figures(page, state["figures"])
    assert panels, "no figure with a slider"
    assert all(panels), "a panel without its figure"
    assert len(drawn) == state["figures"] + sum(panels)
    assert [figure for figure in drawn if not lab.is_drawn(figure)] == []
    assert page.evaluate(OUT_OF_REACH) == []
    at_start = page.locator(".rmkit-panel .noUi-handle").first.get_attribute("aria-valuenow")
    at_low = page.locator(".rmkit-panel .noUi-handle").first.get_attribute("aria-valuemin")
    move(page, "End" if float(at_start) == float(at_low) else "Home")
    assert page.locator(".rmkit-panel [role=alert]").count() == 0
    assert outside == []


def move(page, key: str) -> None:
    """Press a key on the first slider, and wait until the data that its figure shows has changed."""
    panel = page.locator(".rmkit-panel", has=page.locator(".noUi-handle")).first
    figure = panel.locator(".js-plotly-plot").first.element_handle()
    data = "g => JSON.stringify(g._fullData.map(t => [t.x, t.y, t.z, t.text]))"
    before = figure.evaluate(data)
    panel.locator(".noUi-handle").first.focus()
    page.keyboard.press(key)
    page.wait_for_function(f"([g, before]) => ({data})(g) !== before", arg=[figure, before])


def test_a_callback_that_fails_is_seen_by_the_reader(run):
    page, state, _ = run("planted.ipynb")
    assert state["errors"] == []
    page.locator(".rmkit-panel .noUi-handle").first.focus()
    page.keyboard.press("End")
    alarm = page.locator(".rmkit-panel [role=alert]")
    alarm.wait_for()
    assert "ZeroDivisionError" in alarm.inner_text()
    page.keyboard.press("Home")
    alarm.wait_for(state="detached")


def test_an_error_cell_and_a_request_outside_are_noticed(run):
    assert "ZeroDivisionError" in run("error.ipynb")[1]["errors"][0]
    assert "http://192.0.2.1/x.png" in run("outside.ipynb")[2]
