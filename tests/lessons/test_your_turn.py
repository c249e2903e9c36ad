"""Lesson 00, your turn: the stand-in, what was paid for, and agreement with votes to come."""

import numpy as np
import pytest

import rmkit
from rmkit.lessons.start_here import your_turn
from rmkit.pocket.annotators import CAMPS
from rmkit.training.labeling.booth import Booth

PAIRS = rmkit.load("pocket", split="validation")


def test_a_stand_in_votes_elsewhere_until_there_are_votes_enough(tmp_path, capsys):
    mine = rmkit.label(PAIRS[:20], out=tmp_path / "my-votes.jsonl")
    booth = your_turn.voter(mine, votes=8)
    assert len(booth.shares) == 8
    assert len(booth.track) == 7
    assert "You have cast 0 votes" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    for _ in range(8):
        mine.press("left")
    assert your_turn.voter(mine, votes=8) is mine.booth
    assert "your 8 votes" in capsys.readouterr().out


def test_what_was_paid_for_is_counted(tmp_path):
    booth = Booth(PAIRS[:60], tmp_path / "v.jsonl")
    brevity = [np.subtract(*record.ratings["brevity"]) for record in booth.pairs]
    voted = 0
    while voted < 20:  # always the briefer answer; others are skipped
        if not brevity[booth.current]:
            booth.skip()
            continue
        left, right = booth.shown.ratings["brevity"]
        booth.vote("left" if left > right else "right")
        voted += 1
    table = your_turn.paid_for(booth)
    assert table.loc["brevity", "took the one with more"] == "20 of 20"
    assert set(table.index) == set(your_turn.ASPECTS)
    head = booth.taste.expects()
    pairs = [(p > 0.5) == (b > 0) for p, b in zip(head, brevity, strict=True) if round(b, 6)]
    assert table.loc["brevity", "the head would"] == pytest.approx(np.mean(pairs))
    assert table.loc["brevity", "the head would"] > table.loc["brevity", "gold would"]


def test_camps_weigh_only_what_is_rated():
    assert all(set(weights) <= set(PAIRS[0].ratings) for weights in CAMPS.values())


def test_agreement_is_bounded_by_the_judge_who_knows():
    agrees, knows = your_turn.after(PAIRS[:60], PAIRS[60:100], (0, 12), seeds=2)
    assert agrees.shape == (2, 2, 40)
    assert knows.shape == (40,)
    assert (agrees[:, 0] == 0.5).all()
    assert (agrees <= knows + 1e-12).all()
    right = agrees[:, 1] >= 0.5
    np.testing.assert_allclose(np.where(right, agrees[:, 1], 1 - agrees[:, 1]), np.tile(knows, (2, 1)))
