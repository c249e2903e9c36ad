"""Lesson 00: the words of the drawing stay in their boxes; the mixer finds the answers that fool a model."""

import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import torch

from rmkit.lessons.start_here import figures
from rmkit.lessons.start_here.picture import ARROWS, BOXES, HEIGHT, WIDTH, WORDS, Picture

LETTERS = 0.62  # width of a letter over its height, on the safe side for a sans-serif font


class Wordy:
    """A reward model that likes long answers, whatever they say."""

    def score(self, prompt, responses):
        return torch.tensor([float(len(response)) for response in responses])


@pytest.fixture
def mixer():
    return figures.Mixer(Wordy(), rewards=np.arange(0.0, 150.0), gold=np.linspace(0, 1, 101))


def test_the_drawing_is_one_well_formed_svg_that_says_what_it_shows():
    root = ElementTree.fromstring(Picture()._repr_html_())
    assert root.tag == "svg"
    assert root.get("aria-label") == WORDS == str(Picture())
    said = " ".join(text.text for text in root.iter("text"))
    for name in ("Demonstrations", "Preferences", "Reward model", "Policy", "DPO", "Verifiable rewards"):
        assert name in said


@pytest.mark.parametrize("box", BOXES, ids=lambda box: box.heading)
def test_words_fit_into_their_boxes_and_boxes_into_the_drawing(box):
    assert len(box.heading) * 18 * LETTERS < box.width
    assert max(map(len, box.says)) * 16 * LETTERS < box.width + 20
    assert 50 + 20 * (len(box.says) - 1) < box.height
    assert 0 < box.x < box.x + box.width < WIDTH
    assert 0 < box.y < box.y + box.height < HEIGHT


def test_labels_stand_outside_the_boxes_and_no_two_boxes_meet():
    def inside(x, y, box, room=0):
        return box.x - room < x < box.x + box.width + room and box.y - room < y < box.y + box.height + room

    for arrow in ARROWS:
        half = len(arrow.label) * 16 * LETTERS / 2 - 12
        ends = [(arrow.at[0] - half, arrow.at[1]), (arrow.at[0] + half, arrow.at[1])]
        assert not any(inside(*end, box) for end in ends for box in BOXES), arrow.label
    for one in BOXES:
        corners = [(one.x, one.y), (one.x + one.width, one.y + one.height)]
        assert not any(inside(*corner, other) for other in BOXES if other is not one for corner in corners)


def test_percentile_counts_equals_half():
    everybody = np.array([1.0, 2.0, 2.0, 3.0])
    assert [figures.percentile(everybody, value) for value in (0, 2, 4)] == [0.0, 50.0, 100.0]


def test_both_judges_see_the_mixed_answer(mixer):
    arrays = mixer.compute(right=2, wrong=0, unasked=0, filler=0, repeat=False)
    assert arrays["text"] == "The otter eats fish. It lives in rivers."
    assert arrays["reward"] == len(arrays["text"])
    assert arrays["gold"] > 0.9
    wrong = mixer.compute(right=0, wrong=2, unasked=0, filler=0, repeat=False)
    assert wrong["places"][0] < arrays["places"][0]
    assert figures.mix(1, 0, 0, 1, True).endswith("The otter eats fish.")
    assert figures.mix(0, 0, 0, 0, True) == ""


def test_the_furthest_answers_are_furthest_among_all_that_the_sliders_can_mix(mixer):
    table = mixer.furthest(4)
    assert list(table.columns) == ["answer", "gold reward", "reward model", "apart"]
    assert table.answer.is_unique
    assert (table.apart.diff().dropna() <= 0).all()
    worst = max(
        abs(np.subtract(*mixer.compute(right=r, wrong=w, unasked=u, filler=f, repeat=again)["places"]))
        for r in range(3)
        for w in range(3)
        for u in range(2)
        for f in range(4)
        for again in (False, True)
        if r + w + u + f
    )
    assert table.apart.iloc[0] == round(worst)


def test_the_mixer_draws_on_fixed_axes(mixer):
    few, many = (
        mixer.compute(right=r, wrong=0, unasked=0, filler=f, repeat=False) for r, f in ((1, 0), (2, 3))
    )
    one, two = figures.mixer_draw(few), figures.mixer_draw(many)
    assert one.layout.xaxis.range == two.layout.xaxis.range == (0, 100)
    assert "(says nothing)" in figures.mixer_say(few | {"text": ""})
