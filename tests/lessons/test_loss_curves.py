"""The figures of lesson 02 show what they say."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.special import expit
from scipy.stats import bernoulli

from rmkit.lessons.from_likelihood_to_loss import figures as curves


@pytest.mark.parametrize(("wins", "losses"), [(7, 3), (1, 19), (20, 20)])
def test_the_marked_gap_is_where_likelihood_is_highest_and_loss_lowest(wins, losses):
    a = curves.votes_compute(wins, losses)
    assert expit(a["best"][0]) == pytest.approx(wins / (wins + losses))
    assert a["d"][np.argmax(a["likelihood"])] == pytest.approx(a["best"][0], abs=0.05)
    assert a["d"][np.argmin(a["loss"])] == pytest.approx(a["best"][0], abs=0.05)
    assert a["lowest"][0] == pytest.approx(curves.entropy(wins / (wins + losses)))
    probability = bernoulli(expit(1.0)).pmf([1] * wins + [0] * losses).prod()
    at_one = np.argmin(abs(a["d"] - 1.0))
    best = bernoulli(wins / (wins + losses)).pmf([1] * wins + [0] * losses).prod()
    assert a["likelihood"][at_one] == pytest.approx(probability / best)


def test_a_unanimous_vote_has_no_best_gap_and_the_figure_says_so():
    for wins, losses, edge in ((5, 0, 6.0), (0, 5, -6.0)):
        a = curves.votes_compute(wins, losses)
        assert a["best"] == [edge]
        assert "No finite gap" in curves.votes_say(a)


@pytest.mark.parametrize("flip", [0.05, 0.2, 0.5])
def test_the_floor_is_the_lowest_point_of_the_expected_loss_and_the_slope_is_its_derivative(flip):
    a = curves.surprise_compute(1.3, flip)
    lowest = np.argmin(a["loss"])
    assert a["loss"][lowest] == pytest.approx(a["floor"], abs=1e-4)
    assert a["floor"] == pytest.approx(bernoulli(flip).entropy())
    np.testing.assert_allclose(np.gradient(a["loss"], a["d"])[1:-1], a["slope"][1:-1], atol=1e-3)
    assert abs(a["slope"][lowest]) < 0.02
    x, y = a["tangent"]
    assert (y[1] - y[0]) / (x[1] - x[0]) == pytest.approx(a["here"][3])


FORMS = {
    "log(sigmoid(d))": lambda d: -torch.log(torch.sigmoid(d)),
    "log(1 + exp(-d))": lambda d: torch.log(1 + torch.exp(-d)),
    "logsigmoid(d)": lambda d: -F.logsigmoid(d),
    "softplus(-d)": lambda d: F.softplus(-d),
}


def test_breakage_is_found_where_it_is_known_to_be():
    gaps = np.array([-120.0, -16.0, 0.0, 8.0, 120.0])
    a = curves.breakage_compute(gaps, FORMS)
    row = dict(zip(a["names"], a["verdicts"].tolist(), strict=True))
    assert row["float32: log(1 + exp(-d))"] == [3, 0, 0, 0, 0]
    assert row["float16: log(sigmoid(d))"][:3] == [3, 3, 0]
    assert row["bfloat16: log(1 + exp(-d))"][3] == 1  # exactly 0 where the loss is 3.4e-4
    for name, verdicts in row.items():
        if "logsigmoid" in name or "softplus" in name:
            assert verdicts == [0] * 5, name


def test_a_wrong_number_is_not_called_right():
    """The judge itself: 10 % off, and a right value whose gradient is lost."""
    forms = {
        "10 % off": lambda d: 1.1 * (-d).exp().log1p(),
        "no gradient": lambda d: (-d).exp().log1p().detach() + 0 * d,
    }
    verdicts = curves.breakage_compute(np.array([-3.0, 3.0]), forms)["verdicts"]
    assert (verdicts == 2).all()


def test_figures_hold_their_axes_and_draw_what_was_computed():
    first, other = curves.surprise_compute(-6.0, 0.5), curves.surprise_compute(6.0, 0.0)
    one, two = curves.surprise_draw(first), curves.surprise_draw(other)
    assert [t.name for t in one.data] == [t.name for t in two.data]
    assert one.layout.yaxis.range == two.layout.yaxis.range
    np.testing.assert_allclose(one.data[0].y, first["loss"])
    assert "0.693" in curves.surprise_say(first)
    assert "always wants more" in curves.surprise_say(other)
    assert len(curves.breakage_draw(curves.breakage_compute([-8.0, 0.0], FORMS)).data) == 4
    losses = np.array([[0.5, 0.51], [0.52, 0.5]])
    assert len(curves.floor_draw([256, 512], losses, losses, 0.5).data) == 5
