"""Every exhibit of the bug museum shows its symptom when the bug is planted, and not when it is not."""

import pytest
from rmkit.museum import exhibits, table

from tests.notebook_hygiene import NOTEBOOKS

EXHIBITS = exhibits()


@pytest.mark.parametrize("name", EXHIBITS)
def test_symptom_shows_only_when_planted(name):
    exhibit = EXHIBITS[name]
    assert exhibit.symptom_in(exhibit.run(True))
    assert not exhibit.symptom_in(exhibit.run(False))


@pytest.mark.parametrize("name", EXHIBITS)
def test_card_is_complete_and_escaped(name):
    exhibit = EXHIBITS[name]
    assert all(len(text) > 10 for text in (exhibit.symptom, exhibit.cause, exhibit.cure))
    assert any(letter.isdigit() for letter in exhibit.source), "cite the thread or the paper"
    assert exhibit._repr_html_().count("<tr>") == 4


@pytest.mark.skipif(not any(NOTEBOOKS.glob("0*.ipynb")), reason="no notebooks")
def test_every_exhibit_stands_in_its_notebook():
    for exhibit in EXHIBITS.values():
        path = NOTEBOOKS / f"{exhibit.lesson}.ipynb"
        assert path.is_file(), f"{exhibit.name}: no notebook {path.name}"
        assert exhibit.name in path.read_text(encoding="utf-8"), f"{path.name} does not show {exhibit.name}"


def test_the_table_lists_every_exhibit():
    assert sorted(table()["name"]) == sorted(EXHIBITS)
