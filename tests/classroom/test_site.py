"""The site: built without a warning from the lessons' own text, drawn in a browser, no request outside."""

import re
import shutil

import nbformat
import pytest

from rmkit.classroom import reading, rooms, site
from rmkit.classroom.opening import CELL
from rmkit.errors import InputError
from tests.browser import lab
from tests.notebook_hygiene import notebooks

RUN = "A2_a_start_is_forgotten"  # the lesson that is really run here; the others take one figure each
PLOT = {
    "data": [{"x": [0, 1], "y": [0, 1], "type": "scatter", "name": "line"}],
    "layout": {
        "height": 400,
        "margin": {"b": 140},
        "title": {"text": "one &lt; two"},
        "sliders": [
            {
                "active": 1,
                "currentvalue": {"prefix": f"{name}: "},
                "steps": [
                    {
                        "method": "animate",
                        "label": label,
                        "args": [[f"{name}{label}"], {"mode": "immediate", "frame": {"duration": 0}}],
                    }
                    for label in ("1", "2")
                ],
            }
            for name in ("gap", "votes")
        ],
    },
    "frames": [
        {
            "name": f"{name}{label}",
            "data": [{"x": [0, 1], "y": [1, int(label)]}],
            "layout": {"title": {"text": f"{name} {label}"}},
        }
        for name in ("gap", "votes")
        for label in ("1", "2")
    ],
}
run = reading.executed


def _with_a_figure(path, kept):
    """The lesson as it stands, with one figure at its first cell of code: a test does not run the course."""
    if path.stem == RUN:
        return run(path, kept)
    book = nbformat.read(path, 4)
    first = next(cell for cell in book.cells if cell.cell_type == "code" and cell.id != CELL)
    first.outputs = [nbformat.v4.new_output("display_data", {reading.PLOT: PLOT})]
    return book


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    pytest.importorskip("sphinx", reason="the site needs the extra `site`")
    folder = tmp_path_factory.mktemp("site")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RMKIT_SIZE", "smoke")
        patch.setattr(reading, "executed", _with_a_figure)
        patch.setattr(site, "mathjax", lambda to, kept: to.mkdir())
        site.source(folder / "source", folder / "kept")
    site.build(folder / "source", folder / "html")
    return folder / "html"


pytestmark = pytest.mark.xdist_group("site")


def test_every_lesson_room_and_page_is_there(built):
    names = [f"lessons/{path.stem}" for path in notebooks()] + [
        *site.PAGES,
        *site.SECTIONS,
        "museum",
        "index",
    ]
    names += [f"rooms/{room}" for room in rooms.pages(site.ROOT / "rmkit")]
    assert [name for name in names if not (built / f"{name}.html").is_file()] == []
    for path in notebooks():
        page = (built / "lessons" / f"{path.stem}.html").read_text(encoding="utf-8")
        assert page.count('class="rmkit-plot"') == (2 if path.stem == RUN else 1)
        assert page.count("plots.js") == 1
    assert 'src="_images/picture.svg"' in (built / "index.html").read_text(encoding="utf-8")


def test_no_page_loads_anything_from_outside(built):
    loads = re.compile(r"""<(?:script|img|link|iframe)\b[^>]*?(?:src|href)=["']((?:https?:)?//[^"']+)""")
    found = {path.name: loads.findall(path.read_text(encoding="utf-8")) for path in built.rglob("*.html")}
    assert {name: addresses for name, addresses in found.items() if addresses} == {}


@pytest.fixture
def window(request):
    if not lab.CHROMIUM:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    pytest.importorskip("playwright.sync_api")
    with lab.browser(width=getattr(request, "param", 1280)) as (page, outside):
        yield page
        assert [address for address in outside if not address.startswith("file:")] == []


def _open(page, path, number=0):
    page.goto(path.as_uri())
    figure = page.locator(".rmkit-plot").nth(number)
    figure.scroll_into_view_if_needed()
    figure.locator(".rmkit-drawn .main-svg").first.wait_for()
    return figure


@pytest.mark.parametrize("window", [1280, 390], indirect=True)
def test_in_a_browser_a_figure_is_drawn_and_the_keyboard_moves_it(built, window):
    figure = _open(window, built / "lessons" / "00_start_here.html")
    said, drawn, dials = (figure.locator(name) for name in (".rmkit-said", ".rmkit-drawn", "input"))
    assert said.text_content() == "one < two"
    assert drawn.get_attribute("aria-label").startswith("one < two")
    window.locator("a, button, input").first.focus()
    for _ in range(400):  # from the top of the page by the Tab key alone
        window.keyboard.press("Tab")
        if dials.first.evaluate("dial => dial === document.activeElement"):
            break
    window.keyboard.press("ArrowLeft")
    assert said.text_content() == drawn.get_attribute("aria-label") == "gap 1"
    window.keyboard.press("Tab")
    window.keyboard.press("ArrowLeft")
    assert said.text_content() == "votes 1"
    assert [dials.nth(i).input_value() for i in (0, 1)] == ["1", "0"]  # the first is at its start again
    assert drawn.evaluate("drawn => [...drawn.data[0].y]") == [1, 1]
    assert window.evaluate("document.documentElement.scrollWidth") <= window.viewport_size["width"]


def test_every_figure_of_a_lesson_is_there_has_words_and_moves(built, window):
    page = built / "lessons" / f"{RUN}.html"
    moved = 0
    for number in range(2):
        figure = _open(window, page, number)
        assert figure.locator(".rmkit-drawn .trace").count() > 0
        assert len(figure.locator(".rmkit-drawn").get_attribute("aria-label")) > 40
        for dial in figure.locator("input").all():
            before = figure.locator(".rmkit-said").text_content()
            dial.press("End")
            dial.press("Home")
            moved += figure.locator(".rmkit-said").text_content() != before
    assert moved == 1


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
        site.section("# rmkit\n", "If something is off")
