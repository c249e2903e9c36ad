"""The site: built without a warning from the lessons' own text, drawn in a browser, no request outside."""

import re
import shutil

import nbformat
import pytest

from rmkit.classroom import reading, rooms, site
from rmkit.errors import InputError
from tests.browser import lab
from tests.notebook_hygiene import notebooks

PLOT = {
    "data": [{"x": [0, 1], "y": [0, 1], "type": "scatter", "name": "line"}],
    "layout": {
        "height": 300,
        "title": {"text": "first"},
        "sliders": [
            {
                "steps": [
                    {
                        "method": "animate",
                        "label": "2",
                        "args": [["b"], {"mode": "immediate", "frame": {"duration": 0}}],
                    }
                ]
            }
        ],
    },
    "frames": [{"name": "b", "data": [{"x": [0, 1], "y": [1, 0]}], "layout": {"title": {"text": "second"}}}],
}


def _with_a_figure(path, kept=None):
    """The lesson as it stands, with one figure at its first cell of code: a test does not run the course."""
    book = nbformat.read(path, 4)
    first = next(cell for cell in book.cells if cell.cell_type == "code")
    first.outputs = [nbformat.v4.new_output("display_data", {reading.PLOT: PLOT})]
    return book


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("sphinx", reason="the site needs the extra `site`")
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "executed", _with_a_figure)
        patch.setattr(site, "mathjax", lambda to, kept: to.mkdir())
        site.source(folder / "source", folder / "kept")
    site.build(folder / "source", folder / "html")
    return folder / "html"


pytestmark = pytest.mark.xdist_group("site")


def test_every_lesson_room_and_page_is_there(built):
    names = [f"lessons/{path.stem}" for path in notebooks()] + [
        *site.PAGES,
        "museum",
        "troubleshooting",
        "index",
    ]
    names += [f"rooms/{room}" for room in rooms.pages(site.ROOT / "rmkit")]
    assert [name for name in names if not (built / f"{name}.html").is_file()] == []
    for path in notebooks():
        page = (built / "lessons" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert page.count('class="rmkit-plot"') == 1
        assert page.count("plots.js") == 1


def test_no_page_loads_anything_from_outside(built):
    loads = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=["']((?:https?:)?//[^"']+)""")
    found = {path.name: loads.findall(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


@pytest.mark.skipif(not lab.CHROMIUM, reason="no Chromium on this machine (apt-get install chromium)")
@pytest.mark.parametrize("width", [1280, 390])
def test_in_a_browser_a_figure_is_drawn_and_moves(built, width):
    pytest.importorskip("playwright.sync_api")
    with lab.browser(width=width) as (page, outside):
        page.goto((built / "lessons" / "00_start_here.html").as_uri())
        page.locator(".rmkit-plot").scroll_into_view_if_needed()
        page.wait_for_selector(".rmkit-drawn .main-svg")
        title = page.locator(".rmkit-drawn .gtitle")
        assert title.text_content() == "first"
        page.evaluate("Plotly.animate(document.querySelector('.rmkit-drawn'), ['b'], {mode: 'immediate'})")
        page.wait_for_function("document.querySelector('.rmkit-drawn .gtitle').textContent == 'second'")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert [address for address in outside if not address.startswith("file:")] == []


def test_links_lead_to_pages_of_the_site_or_become_words():
    known = {"03_x.ipynb": "lessons/03_x", "data.md": "data"}
    text = "[a](03_x.ipynb#part) [b](../docs/data.md) [c](../data/README.md) [d](https://a.org) ![e](x.png)"
    told = "[a](../lessons/03_x.ipynb) [b](../data.md) c [d](https://a.org) ![e](x.png)"
    assert site.relinked(text, known, "../") == told


def test_a_room_shows_docstrings_and_hides_what_is_private(tmp_path):
    room = tmp_path / "rmkit" / "theory"
    room.mkdir(parents=True)
    (room / "__init__.py").write_text('"""Mathematics."""\n')
    (room / "losses.py").write_text(
        '"""Losses."""\n\ndef loss(d: float, *, base: int = 2) -> float:\n    """Of a gap."""\n\n'
        "def _own():\n    pass\n"
    )
    page = rooms.pages(tmp_path / "rmkit")["theory"]
    for words in (
        "Mathematics.",
        "## `rmkit.theory.losses`",
        "def loss(d: float, *, base: int=2) -> float",
        "Of a gap.",
    ):
        assert words in page
    assert "_own" not in page


def test_without_npm_and_without_a_section_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(InputError, match="npm"):
        site.mathjax(tmp_path / "to", tmp_path / "kept")
    with pytest.raises(InputError, match="no section"):
        site.troubleshooting("# rmkit\n")
