"""Who agrees with whom: the sides on which answers stood change nothing, ties count, nothing is lost."""

import math

import numpy as np
import pytest
from rmkit.people import agreement

import rmkit
from rmkit.data.preferences import Preferences, Record
from rmkit.errors import InputError


def vote(number, who, ranks, turned=False, **more):
    record = Record(f"question {number}", ["an owl", "a fox"], ranks=ranks, annotator=who, **more)
    return record.choose([1, 0]) if turned else record


def test_two_people_by_hand():
    ada = [vote(i, "Ada", [1, 2]) for i in range(10)]
    ben = [vote(i, "Ben", [1, 2] if i < 8 else [2, 1]) for i in range(10)]
    found = agreement(Preferences(ada + ben))
    row = found.pairs.iloc[0]
    assert (row["shared"], row["agreement"]) == (10, 0.8)
    assert row["kappa"] == pytest.approx(0.6)  # chance is one half: an answer has no side of its own
    assert row["low"] < 0.8 < row["high"]
    assert row["kappa low"] == pytest.approx(2 * row["low"] - 1)
    assert found.fleiss.kappa == pytest.approx(0.6)
    assert len(found.disputed) == 2
    assert list(found.disputed.iloc[0][["Ada took", "Ben took"]]) == ["the other", "this one"]
    assert "80%" in str(found)
    assert "0.60" in str(found)


def test_sides_order_and_order_of_files_change_nothing():
    rng = np.random.default_rng(0)
    ranks = [[1, 2], [2, 1], [1, 1]]
    said = [(i, who, ranks[rng.integers(3)]) for i in range(40) for who in ("Ada", "Ben", "Cleo")]
    plain = agreement(Preferences([vote(*each) for each in said]))
    turned = agreement(Preferences([vote(*each, turned=rng.random() < 0.5) for each in said]))
    assert turned.fleiss == plain.fleiss
    assert turned.pairs.equals(plain.pairs)
    assert turned.disputed.equals(plain.disputed)
    assert not turned.people["first"].equals(plain.people["first"])
    assert list(plain.people["votes"]) == [40, 40, 40]
    assert len(plain.pairs) == 3


def of_two(shares, n):
    """n pairs on which Ada and Ben take the first, the second or a tie by chance, with these shares."""
    rng, ranks = np.random.default_rng(0), ([1, 2], [2, 1], [1, 1])
    said = [vote(i, who, ranks[rng.choice(3, p=shares)]) for i in range(n) for who in ("Ada", "Ben")]
    return said, agreement(Preferences(said))


@pytest.mark.parametrize("ties", [0.0, 0.2, 0.6])
def test_chance_alone_has_kappa_zero_whatever_the_ties(ties):
    _, found = of_two([(1 - ties) / 2, (1 - ties) / 2, ties], 2000)
    assert abs(found.fleiss.kappa) < 0.07  # three standard errors: 3 / sqrt(2000)
    assert abs(found.pairs["kappa"].item()) < 0.07


def test_that_both_take_one_answer_more_often_is_a_fact_about_it_and_not_chance():
    said, found = of_two([0.3, 0.1, 0.6], 500)
    ties = np.mean([record.ranks == [1, 1] for record in said])
    assert found.fleiss.chance == pytest.approx(ties**2 + (1 - ties) ** 2 / 2)
    same = [a.ranks == b.ranks for a, b in zip(said[::2], said[1::2], strict=True)]
    assert found.fleiss.observed == pytest.approx(np.mean(same))


def test_who_differs_on_what():
    votes = [vote(i, who, [1, 2], subset="easy") for i in range(4) for who in ("Ada", "Ben")]
    votes += [vote(i, "Ada", [1, 2], subset="hard") for i in range(4, 8)]
    votes += [vote(i, "Ben", [2, 1], subset="hard") for i in range(4, 8)]
    found = agreement(Preferences(votes))
    assert list(found.by_subset.index) == ["hard", "easy"]
    assert list(found.by_subset["agreement"]) == [0, 1]
    assert list(found.by_subset["kappa"]) == pytest.approx([-1, 1])


def test_a_vote_cast_again_is_counted_and_the_last_one_stands():
    found = agreement(
        Preferences([vote(0, "Ada", [1, 2]), vote(0, "Ada", [2, 1], turned=True), vote(0, "Ben", [2, 1])])
    )
    assert found.people.loc["Ada", "again"] == 1
    assert found.pairs["agreement"].tolist() == [1.0]


def test_rankings_are_all_their_pairs():
    three = [
        Record("q", ["a", "b", "c"], ranks=r, annotator=w) for w, r in (("x", [1, 2, 3]), ("y", [1, 3, 2]))
    ]
    assert agreement(Preferences(three)).pairs[["shared", "agreement"]].values.tolist() == [[3, 2 / 3]]


def test_nobody_shares_a_pair():
    found = agreement(Preferences([vote(0, "Ada", [1, 2]), vote(1, "Ben", [1, 2])]))
    assert found.fleiss is None
    assert len(found.pairs) == 0
    assert "no pair" in str(found)
    assert "<table" in found._repr_html_()


def test_one_category_has_no_kappa_and_text_is_escaped():
    found = agreement(Preferences([vote(0, w, [1, 1], subset="<b>") for w in ("Ada", "<script>")]))
    assert math.isnan(found.fleiss.kappa)
    assert "<script>" not in found._repr_html_()
    assert "<b>" not in found._repr_html_()


def test_what_is_no_vote_is_refused():
    with pytest.raises(InputError, match="does not say whose vote"):
        agreement(Preferences([vote(0, None, [1, 2])]))
    with pytest.raises(InputError, match="no votes"):
        agreement(Preferences([vote(0, "Ada", None)]))
    assert rmkit.people.agreement is agreement
