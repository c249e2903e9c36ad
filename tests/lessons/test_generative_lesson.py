"""Lesson 08: its figures show what they say, its trainers train, its heads are minima."""

import numpy as np
import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from rmkit.generative import POCKET, Critique, Judge

from rmkit.lessons.generative import few_labels, rubric, teaching
from rmkit.lessons.generative import figures as lesson_08
from rmkit.pocket import grade
from rmkit.pocket.corpus import critique

torch.set_num_threads(1)
PROMPT = "Card: The otter eats fish. It lives in rivers.\nVisitor: What does the otter eat?"


@pytest.mark.parametrize(("bias", "varies", "error"), [(0.6, 0.8, 0.5), (-1.5, 0.3, 1.0), (0.7, 0.0, 0.4)])
def test_accuracies_and_flips_are_those_of_simulated_judges(bias, varies, error):
    a = lesson_08.place_compute(bias, varies, error)
    rng = np.random.default_rng(0)
    d, own = rng.normal(size=400_000), rng.normal(bias, varies, 400_000)
    opinion = d + rng.normal(0, error, d.size)
    there, back = opinion + own, -opinion + own
    assert a["one"] == pytest.approx(np.mean((there > 0) == (d > 0)), abs=0.005)
    assert a["less mean"] == pytest.approx(np.mean((there - bias > 0) == (d > 0)), abs=0.005)
    assert a["swapped"] == pytest.approx(np.mean((there - back > 0) == (d > 0)), abs=0.005)
    assert a["flips"] == pytest.approx(np.mean((there > 0) == (back > 0)), abs=0.005)
    assert f"{a['one']:.1%}" in lesson_08.place_say(a)
    assert len(lesson_08.place_draw(a).data) == 3


def test_the_figures_draw_their_tables():
    table = pd.DataFrame({"gain": [0.1, -0.2], "low": [0.0, -0.3], "high": [0.2, -0.1]}, ["count", "compare"])
    (points,) = lesson_08.gains_figure(table).data
    assert list(points.y) == [0.1, -0.2]
    assert points.error_y.arrayminus[0] == pytest.approx(0.1)
    rows = [(8, 0.1, 0.0, 0.2, "words"), (30, 0.0, -0.1, 0.1, "words"), (8, 0.0, -0.1, 0.1, "critique")]
    lines = lesson_08.labels_figure(
        pd.DataFrame(rows, columns=["labels", "saved", "low", "high", "start"])
    ).data
    assert [list(line.y) for line in lines] == [[0.1, 0.0], [0.0]]
    gaps = np.random.default_rng(0).normal(1, 1, 200)
    honest, curve = lesson_08.judges_reliability({"judge": gaps}).data
    assert list(honest.x) == list(honest.y)
    assert np.average(curve.y, weights=np.full(8, 25)) == pytest.approx((gaps > 0).mean())


def test_the_whole_transcript_is_read_where_the_answer_speaks_first():
    bad = [Critique("moss: wrong. So: poor", 0.0)] * 2
    count = lesson_08.read_whole(["moss", "moss. So: perfect", "Verdict: No"], [bad, bad, bad], POCKET.good)
    assert count == [0, 2, 0]
    written = [[Critique("So: great", 1.0)], [Critique("", None)]]
    assert lesson_08.read_whole(["fish", "fish"], written, POCKET.good) == [1, 0]


@pytest.mark.parametrize(
    ("answer", "lower"),
    [
        ("The otter eats fish.", ()),
        ("The otter eats grass.", ("correct", "complete")),
        ("It is wonderful.", ("complete",)),
    ],
)
def test_a_rubric_reads_the_marks_of_a_true_critique(answer, lower):
    found = dict(zip(rubric.ASPECTS, rubric.marks(critique(grade(PROMPT, answer))), strict=True))
    assert all(found[name] < 1 for name in lower)
    assert set(found.values()) == {1.0} or answer != "The otter eats fish."
    assert all(0 <= mark <= 1 for mark in found.values())


def test_faults_lower_their_own_mark():
    faults = {
        "fish: repeated": "to the point",
        "filler": "to the point",
        "wordy": "short",
        "form: broken": "in form",
        "unsafe": "safe",
        "missing: home": "complete",
    }
    for said, name in faults.items():
        marks = dict(zip(rubric.ASPECTS, rubric.marks(f"fish: right. {said}. So: fair"), strict=True))
        assert [aspect for aspect, mark in marks.items() if mark < 1] == [name]


def test_a_judge_is_taught_a_word_and_the_one_given_stays():
    judge = Judge.load("pocket")
    asked = judge.asked([(PROMPT, "The otter eats fish."), (PROMPT, "The otter eats ants.")]) * 8
    word = judge.tokenizer(" yes", add_special_tokens=False).input_ids
    with torch.no_grad():
        before = teaching.next_token_loss(judge.model, asked[:2], [word] * 2)
        by_hand = F.cross_entropy(judge.next_word(asked[:2]), torch.tensor(word * 2))
    torch.testing.assert_close(before, by_hand, atol=1e-4, rtol=1e-4)
    taught, losses = teaching.teach(judge, asked, [word] * 16, lr=1e-3, batch=4)
    assert len(losses) == 4
    assert losses[-1] < losses[0] - 1
    with torch.no_grad():
        assert teaching.next_token_loss(judge.model, asked[:2], [word] * 2) == before
        assert teaching.next_token_loss(taught.model, asked[:2], [word] * 2) < before


def test_a_critique_to_be_taught_is_the_one_that_the_judge_would_write():
    judge = Judge.load("pocket", max_new_tokens=32)
    answers = [(PROMPT, "The otter eats fish.")]
    ((own,),) = judge.critiques(answers, 1, seed=1)
    (asked,), (said,) = teaching.critique_tokens(judge, answers, [own.text])
    assert asked == judge.asked(answers, critique=True)[0]
    assert judge.tokenizer.decode(said).strip() == own.text
    assert [*asked, *said[:-1]] == judge.criticized(answers, [[own]])[0]  # the last token is the verdict


def test_heads_from_a_start_are_minima():
    generator = torch.Generator().manual_seed(0)
    gaps, start = torch.randn(3, 20, 40, generator=generator), torch.randn(3, 40, generator=generator)
    penalties = (0.001, 0.1, 5.0)
    for penalty, heads in zip(penalties, few_labels.fit_from(gaps, start, penalties), strict=True):
        for rows, begin, head in zip(gaps.double(), start.double(), heads, strict=True):
            w = head.double().requires_grad_()
            (F.softplus(-rows @ w).mean() + penalty / 2 * (w - begin).square().sum()).backward()
            assert w.grad.abs().max() < 1e-5


def test_a_true_start_is_worth_labels():
    generator = torch.Generator().manual_seed(0)
    w = torch.randn(30, generator=generator)
    votes, tests = torch.randn(240, 30, generator=generator), torch.randn(150, 30, generator=generator)
    flip = torch.rand(240, generator=generator) > torch.sigmoid(votes @ w)
    votes = torch.where(flip[:, None], -votes, votes)
    tests = tests * (tests @ w).sign()[:, None]
    zero, start = (few_labels.learn(votes, tests, 8, 30, begin) for begin in (None, w))
    assert zero.losses.shape == zero.credit.shape == (30, 150)
    assert start.losses.mean() < zero.losses.mean() - 0.1
    assert start.credit.mean() > zero.credit.mean() + 0.1
