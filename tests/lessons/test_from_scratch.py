"""Lesson 03: how rows are read and padded, the books that a list keeps, `encode`, the patients' figures."""

import numpy as np
import pytest

import rmkit
from rmkit.lessons.a_reward_model_from_scratch import (
    encode_checks,
    figures,
    learned_positions,
    run_figures,
    toys,
    ward,
)
from rmkit.lessons.a_reward_model_from_scratch.row_checks import count_rows
from rmkit.models.packing import encode_group


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


WORDS = [["a", "b", "E"], ["a", "b", "c", "d", "E"], ["a", "E"], ["a", "b", "c", "E"]]


def test_padding_is_what_fills_the_batch_up_to_its_longest_row():
    compute = figures.batches_of(WORDS, heads=[1, 1, 1, 1])
    for size, order, computed in (
        (4, "as they come", 4 * 5),
        (2, "as they come", 2 * 5 + 2 * 4),
        (2, "sorted by length", 2 * 3 + 2 * 5),
        (1, "as they come", 3 + 5 + 2 + 4),
        (1, "sorted by length", 3 + 5 + 2 + 4),
    ):
        a = compute(size, order)
        padding = computed - 14
        assert int((~np.isnan(a["kind"])).sum()) == computed
        assert int((a["kind"] == figures.PADDING).sum()) == padding
        assert figures.batches_say(a).startswith(
            f"{computed} tokens are computed, and {padding / computed:.0%}"
        )
        assert all(a["text"][row, end] == "E" for row, end in enumerate(a["ends"]))
        assert [trace.type for trace in figures.batches_draw(a).data] == ["heatmap", *["scatter"] * 4]


def test_a_patient_whose_curves_are_healthy_is_still_seen():
    run = {"loss": [0.7, 0.6], "accuracy": [0.5, 0.8]}
    drawn = run_figures.curves({"D": (run, run)}).data
    assert [trace.name for trace in drawn] == ["healthy", "patient"] * 2  # drawn last, so on top
    assert {trace.line.dash for trace in drawn if trace.name == "patient"} == {"dash"}


def test_two_places_show_by_how_much_each_reward_has_changed():
    sick = {"scores": {"here": [1.0, 2.0], "there": [5.0, 3.0]}}
    healthy = {"scores": {"here": [1.0, 2.0], "there": [1.0, 2.0]}}
    _, well, ill = run_figures.two_places({"E": (sick, healthy)}).data
    assert (list(well.x), list(well.y), well.name) == ([1.0, 2.0], [0.0, 0.0], "healthy")
    assert (list(ill.x), list(ill.y), ill.name) == ([1.0, 2.0], [4.0, 1.0], "patient")


def test_equal_losses_can_be_drawn_on_a_logarithmic_axis():
    apart = run_figures.difference([0.7, 0.5], [0.7, 0.4]).data[0].y
    np.testing.assert_allclose(apart, [run_figures.FLOOR, 0.1])


def test_a_guess_stands_beside_its_card_as_text():
    shown = ward.Cards({"A": "<b>the sign</b>", "F": "?"})._repr_html_()
    assert "You wrote: &lt;b&gt;the sign&lt;/b&gt;" in shown
    assert shown.count("<details>") == 2
    assert "sign_flipped" in shown
    with pytest.raises(rmkit.InputError, match="no patient 'G'"):
        ward.Cards({"G": "?"})


def test_patient_f_is_followed_through_batches_that_pad_it_differently():
    table = learned_positions.left_padding(True)["table"]
    assert len(set(table["longest row beside it"])) == len(learned_positions.SIZES)
    assert len({round(reward, 3) for reward in table["reward of one answer"]}) == len(learned_positions.SIZES)
    assert min(table["accuracy"]) == table["accuracy"][1]  # the batch of two, as its card says


@pytest.mark.parametrize("template", ["bare", "chatml"])
@pytest.mark.parametrize("limit", [200, 40])
def test_encode_by_hand_is_the_library_s(template, limit):
    tokenizer = toys.letters({"bare": toys.BARE, "chatml": toys.CHATML}[template])
    tokenizer.bos_token = None  # its place in a cut prompt is the one thing in which the two differ
    messages = [{"role": "user", "content": "what does it eat when it is cold"}]
    responses = ["fish", "mostly <end> fish", ""]
    group = encode_group(tokenizer, messages, responses, limit)
    assert encode_checks.encode(tokenizer, messages, responses, limit) == (group.prompt, group.responses)
