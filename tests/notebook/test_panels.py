"""Figures of panels: laid out in pixels, names from data as plain text, and the page that holds them."""

import html.parser
import re

import pytest

from rmkit.errors import InputError
from rmkit.notebook import page, panels, theme

EVIL = "</script><script>alert(1)</script><b>$x^2$\n\ud800"


def panel(question="Is it so?", height=100, name=None):
    line = theme.line([0, 1], [0, 1], name, showlegend=bool(name))
    return panels.Panel(question, [line], "x", "y", (0, 1), (0, 1), height=height)


class Result:
    def __init__(self, description="It is so."):
        self.description = description

    def figure(self):
        return panels.figure("What is it?", [[panel(name=panels.label(EVIL))]], self.description)

    def _repr_html_(self):
        return page.fold("<Numbers>", "<table></table>")


class _Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes.append(dict(attributes))


def test_panels_do_not_overlap_and_keep_their_pixels():
    drawn = panels.figure("Why?", [[panel(height=700, name="a")], [panel(), panel()]], "words")
    inside = drawn.layout.height - drawn.layout.margin.t - drawn.layout.margin.b
    first, second, third = (drawn.layout[axis].domain for axis in ("yaxis", "yaxis2", "yaxis3"))
    assert (first[1] - first[0]) * inside == pytest.approx(700)
    assert (second[1] - second[0]) * inside == pytest.approx(100)
    assert second == third
    assert 0 <= second[0] < second[1] < drawn.layout.legend.y < first[0] < first[1] <= 1
    left, right = drawn.layout.xaxis2.domain, drawn.layout.xaxis3.domain
    assert left[0] == 0
    assert left[1] < right[0]
    assert right[1] == pytest.approx(1)
    assert panels.describe(drawn) == "words"


def test_the_question_of_half_a_row_is_wrapped():
    question = "Is the question of a narrow panel broken into lines?"
    drawn = panels.figure("Why?", [[panel(question), panel()]], "")
    lines = drawn.layout.annotations[0].text.removeprefix("<b>").removesuffix("</b>").split("<br>")
    assert " ".join(lines) == question
    assert max(map(len, lines)) <= panels.NARROW


def test_a_name_from_data_is_plain_text_of_bounded_length():
    shown = panels.label(EVIL, 200)
    assert not set("<$\n") & set(shown)
    assert "&lt;b&gt;" in shown
    shown.encode("utf-8")
    assert panels.short("a" * 30 + "b" * 30, 11) == "aaaaa…bbbbb"
    assert panels.short(7) == "7"


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf")])
def test_a_row_without_an_interval_has_no_bar(missing):
    bars = panels.intervals([(0, 0.4, 0.6), (1, missing, missing), (2, 0.1, missing)], theme.BLUE)
    assert bars.x == (0.4, 0.6, None)
    assert bars.y == (0, 0, None)


def test_a_page_stands_alone_and_holds_plotly_once(tmp_path):
    path = tmp_path / "new" / "page.html"
    page.write(path, EVIL, Result(), Result(EVIL))
    text = path.read_text(encoding="utf-8")
    assert 4e6 < len(text) < 7e6
    assert not re.search(r"<(script|link|img)[^>]+(src|href)=", text)
    whole = _Tags(text)
    assert whole.tags.count("figure") == whole.tags.count("figcaption") == whole.tags.count("details") == 2
    assert "alert(1)" not in re.sub(r"&lt;script&gt;alert\(1\)|u003cscript\\u003ealert\(1\)", "", text)
    words = [a["aria-label"] for a in whole.attributes if a.get("role") == "img"]
    assert words[0] == "It is so."
    assert "<script>" in words[1]  # as text of an attribute
    assert {"lang": "en"} in whole.attributes


def test_a_fold_is_closed_and_escapes_its_summary():
    assert page.fold("<i>", "<p>in</p>") == "<details><summary>&lt;i&gt;</summary><p>in</p></details>"


def test_without_plotly_a_page_is_refused_in_one_sentence(monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(InputError, match="pip install"):
        page.page("title", [Result()])


@pytest.fixture
def displayed(monkeypatch):
    """What reaches the front end of a kernel, one bundle after another."""
    import IPython
    import IPython.display

    class Shell:
        kernel = True

    bundles = []
    monkeypatch.setattr(IPython, "get_ipython", Shell)
    monkeypatch.setattr(IPython.display, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


def test_a_cell_shows_the_figure_and_then_words_and_folded_tables(displayed):
    page.show(Result())
    figure, tables = displayed
    assert figure[page.MIME]["layout"]["title"]["text"] == "What is it?"
    assert "responsive" not in figure[page.MIME]["config"]
    assert "<p>It is so.</p><details>" in tables["text/html"]
    assert "mathjax_ignore" in tables["text/html"]


def test_without_plotly_a_cell_still_shows_the_tables(displayed, monkeypatch):
    monkeypatch.setattr(page.importlib.util, "find_spec", lambda name: None)
    page.show(Result())
    assert [list(bundle) for bundle in displayed] == [["text/html", "text/plain"]]


def test_a_terminal_shows_text(capsys):
    page.show("the text")
    assert capsys.readouterr().out == "the text\n"
