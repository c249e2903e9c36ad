"""Lesson 03: what the toy batch says about each way of reading a row, and the books that a list keeps."""

import numpy as np
import pytest

import rmkit
from rmkit.lessons.a_reward_model_from_scratch import figures
from rmkit.lessons.a_reward_model_from_scratch.row_checks import count_rows


@pytest.mark.parametrize("side", figures.SIDES)
@pytest.mark.parametrize("pad", figures.PADS)
def test_the_last_real_token_is_right_whatever_the_padding(side, pad):
    a = figures.layout_compute(side, pad, "last real token", 3)
    np.testing.assert_array_equal(a["read"], a["right"])
    assert all(a["text"][row, column] == "E" for row, column in enumerate(a["read"]))
    assert "All four" in figures.layout_say(a)


def test_each_other_rule_fails_where_it_should():
    def wrong(side, pad, rule):
        a = figures.layout_compute(side, pad, rule, 8)
        return [row + 1 for row in range(4) if a["read"][row] != a["right"][row]]

    own, eos = figures.PADS
    assert wrong("right", own, "last column") == [2, 3, 4]
    assert wrong("left", own, "last column") == []
    assert wrong("right", own, "first pad − 1") == []
    assert wrong("right", eos, "first pad − 1") == [1, 2, 3, 4]
    assert wrong("left", own, "first pad − 1") == []  # by luck: column -1 is the last
    assert wrong("right", own, "last non-pad") == []
    assert wrong("right", eos, "last non-pad") == [1, 2, 3, 4]


def test_the_chat_row_is_read_inside_its_prompt_when_pad_is_eos():
    a = figures.layout_compute("right", "the EOS", "first pad − 1", 8)
    assert a["read"][3] == 1
    assert "row 4 in the prompt" in figures.layout_say(a)


def test_every_layout_draws_the_same_traces():
    drawn = [
        figures.layout_draw(figures.layout_compute(side, pad, rule, longest))
        for side in figures.SIDES
        for pad in figures.PADS
        for rule in figures.RULES
        for longest in (1, 8)
    ]
    assert {tuple(trace.type for trace in figure.data) for figure in drawn} == {
        ("heatmap", "scatter", "scatter")
    }


def test_counting_by_hand_keeps_the_same_books_as_load():
    rng = np.random.default_rng(0)
    for n in [3, 4, 5, 12] * 10:  # among few rows, often no pair is judged both ways
        prompts, texts = rng.choice(["q", "p"], n), rng.choice(["a", "b", "a ", " ", "c"], (n, 2))
        rows = [(str(x), str(w), str(y)) for x, (w, y) in zip(prompts, texts, strict=True)]
        rows.append(("another", "good", "bad"))
        ledger = rmkit.load(
            [dict(zip(("prompt", "chosen", "rejected"), row, strict=True)) for row in rows]
        ).ledger
        assert count_rows(rows) == {"kept": ledger.kept, **ledger.dropped}


def test_a_patient_whose_curves_are_healthy_is_still_seen():
    run = {"loss": [0.7, 0.6], "accuracy": [0.5, 0.8]}
    drawn = figures.patient(run, run, "Patient D").data
    assert [trace.name for trace in drawn] == ["healthy", "patient"] * 2  # drawn last, so on top
    assert {trace.line.dash for trace in drawn if trace.name == "patient"} == {"dash"}
