"""Errors that hold where battles are not independent, scores at equal style, anchors and the Elo scale."""

import numpy as np
import pandas as pd
import pytest
from rmkit.bradley_terry import fit

from rmkit.errors import InputError

TRUTH = np.linspace(-1, 1, 6)
NAMES = np.array(list("uvwxyz"))


def battles(rng, size: int, *, voters: int | None = None, strength=0.0, style=0.0, ties=0.0) -> pd.DataFrame:
    """Simulated battles. strength: of a taste of his own that each voter has; style: worth of one unit."""
    a = rng.integers(6, size=size)
    b = (a + rng.integers(1, 6, size=size)) % 6
    voter = rng.integers(voters or size, size=size)
    taste = strength * rng.normal(size=(voters or size, 6))
    longer = rng.normal(size=size) + TRUTH[a] - TRUTH[b]  # better models write more
    eta = TRUTH[a] - TRUTH[b] + taste[voter, a] - taste[voter, b] + style * longer
    nu = ties * np.ones(size)
    p = np.stack([np.exp(eta / 2), np.exp(-eta / 2), nu], axis=1)
    place = (rng.random(size)[:, None] * p.sum(1, keepdims=True) > p.cumsum(1)).sum(1)
    winner = np.array(["model_a", "model_b", "tie"])[place]
    columns = {"model_a": NAMES[a], "model_b": NAMES[b], "winner": winner, "voter": voter, "length": longer}
    return pd.DataFrame(columns)


def test_robust_errors_are_the_models_own_where_the_model_holds():
    model = fit(battles(np.random.default_rng(0), 20_000, ties=0.5))
    ratio = np.sqrt(np.diag(model.robust_covariance)) / model.standard_errors
    np.testing.assert_allclose(ratio, 1, atol=0.04)


def test_voters_with_tastes_make_the_sandwich_wider_as_they_make_the_bootstrap():
    frame = battles(np.random.default_rng(1), 6000, voters=60, strength=0.8, ties=0.3)
    model = fit(frame, by="voter", bootstrap=300, seed=1)
    robust = np.sqrt(np.diag(model.robust_covariance))
    resampled = model.resampled.std(0, ddof=1)
    np.testing.assert_allclose(robust / resampled, 1, atol=0.2)  # 300 resamples: each +-4 %, 60 voters more
    assert abs(np.mean(robust / resampled) - 1) < 0.1
    assert (robust > 1.5 * model.standard_errors).all()
    alone = fit(frame)  # battles as draws do not see the voters
    assert (np.sqrt(np.diag(alone.robust_covariance)) < 1.2 * model.standard_errors).all()


def test_robust_intervals_cover_the_truth_where_the_models_own_do_not():
    covered = {"model": [], "robust": []}
    rng = np.random.default_rng(2)
    truth = TRUTH
    for _ in range(120):
        frame = battles(rng, 1200, voters=40, strength=0.5)
        model = fit(frame, by="voter", items=NAMES.tolist())
        for errors, found in covered.items():
            table = model.table(errors=errors).loc[NAMES]
            shrink = np.polyfit(truth, table.score, 1)[0]  # tastes pull all scores together, by one factor
            found.append((table.low < shrink * truth) & (shrink * truth < table.high))
    assert np.mean(covered["robust"]) > 0.9
    assert np.mean(covered["model"]) < np.mean(covered["robust"]) - 0.03


def test_the_sandwich_by_hand():
    frame = battles(np.random.default_rng(3), 60, voters=7)
    model = fit(frame, by="voter", items=NAMES.tolist())
    u = np.zeros((7, 6))
    for a, b, winner, voter in frame[["model_a", "model_b", "winner", "voter"]].itertuples(index=False):
        i, j = NAMES.tolist().index(a), NAMES.tolist().index(b)
        missed = (winner == "model_a") - model.probability(a, b)
        u[voter, i] += missed
        u[voter, j] -= missed
    expected = model.covariance @ (u.T @ u) @ model.covariance * 7 / 6
    np.testing.assert_allclose(model.robust_covariance, expected, atol=1e-10)
    ranked = fit(
        [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"], ["a", "c", "b"]] * 2, by=[0, 1, 2, 3] * 2
    )
    twice = fit(
        [["a", "b", "c"], ["c", "a", "b"], ["b", "c", "a"], ["a", "c", "b"]], counts=[2, 2, 2, 2], by=range(4)
    )
    np.testing.assert_allclose(ranked.robust_covariance, twice.robust_covariance, atol=1e-12)


def test_the_errors_that_are_asked_for_are_those_of_the_table_and_of_a_difference():
    model = fit(battles(np.random.default_rng(8), 60), items=NAMES.tolist(), bootstrap=20, prior=0.1)
    resampled = np.cov(model.resampled, rowvar=False)
    kinds = {"model": model.covariance, "robust": model.robust_covariance, "bootstrap": resampled}
    for errors, covariance in kinds.items():
        table = model.table(errors=errors).loc[NAMES]
        np.testing.assert_allclose(table["standard_error"], np.sqrt(np.diag(covariance)), rtol=1e-9)
        variance = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
        assert model.difference(*NAMES[:2], errors=errors)[1] == pytest.approx(variance**0.5)
    assert not np.allclose(model.robust_covariance, model.covariance, rtol=0.01)


def test_counts_are_so_many_draws_and_weights_are_not():
    frame = battles(np.random.default_rng(4), 400)
    doubled = pd.concat([frame, frame], ignore_index=True)
    counted, weighted = fit(frame.assign(count=2)), fit(frame.assign(weight=2))
    np.testing.assert_allclose(counted.robust_covariance, fit(doubled).robust_covariance, atol=1e-9)
    np.testing.assert_allclose(weighted.robust_covariance, fit(frame).robust_covariance, rtol=1e-6)
    np.testing.assert_allclose(weighted.covariance, fit(frame).covariance / 2, rtol=1e-6)


def test_a_bootstrap_of_battles_agrees_with_the_model_and_repeats():
    frame = battles(np.random.default_rng(5), 3000, ties=0.4)
    model = fit(frame, bootstrap=200)
    np.testing.assert_allclose(model.resampled.std(0) / model.standard_errors, 1, atol=0.2)
    np.testing.assert_array_equal(model.resampled, fit(frame, bootstrap=200).resampled)
    assert not np.array_equal(model.resampled, fit(frame, bootstrap=200, seed=1).resampled)
    table = model.table(errors="bootstrap")
    assert ((table.low < table.score) & (table.score < table.high)).all()
    rng = np.random.default_rng(6)  # one tie among rankings: many resamples hold none
    rankings = [rng.permutation(5)[:3].tolist() for _ in range(60)] + [[(0, 1), 2]]
    ranked = fit(rankings, bootstrap=60)
    np.testing.assert_allclose(ranked.resampled.std(0) / ranked.standard_errors, 1, atol=0.4)
    with pytest.raises(InputError, match=r"Resample \d+ of 50 has no finite scores.*prior"):
        fit([("a", "b"), ("b", "a"), ("b", "c"), ("c", "b")], bootstrap=50)
    with pytest.raises(InputError, match="whole battles"):
        fit(np.array([[0, 1.5], [2, 0]]), bootstrap=10)
    with pytest.raises(InputError, match="fit with bootstrap=200"):
        fit(frame).table(errors="bootstrap")
    with pytest.raises(InputError, match="errors is 'sandwich'"):
        fit(frame).table(errors="sandwich")


def test_a_planted_worth_of_length_is_found_and_the_scores_are_unbiased():
    found, scores, ignoring = [], [], []
    for seed in range(25):
        frame = battles(np.random.default_rng(100 + seed), 4000, style=0.6, ties=0.3)
        model = fit(frame, style=["length"], items=NAMES.tolist())
        row = model.style.loc["length"]
        found.append((row.coefficient / row.unit, row.low / row.unit < 0.6 < row.high / row.unit))
        scores.append(model.scores)
        ignoring.append(fit(frame, items=NAMES.tolist()).scores)
    worth, covered = zip(*found, strict=True)
    assert np.mean(worth) == pytest.approx(0.6, abs=0.02)
    assert np.mean(covered) > 0.8
    np.testing.assert_allclose(np.mean(scores, axis=0), TRUTH, atol=0.05)
    assert np.abs(np.mean(ignoring, axis=0) - TRUTH).max() > 0.3  # without it, length passes for strength


def test_style_is_logistic_regression():
    frame = battles(np.random.default_rng(7), 500, style=0.5)
    model = fit(frame, style="length", prior=0.0)
    theta = np.append(model.scores, model.style.coefficient)
    at = [model.items.index(a) for a in frame.model_a], [model.items.index(b) for b in frame.model_b]
    x = np.zeros((500, 7))
    x[np.arange(500), at[0]] += 1
    x[np.arange(500), at[1]] -= 1
    x[:, 6] = frame.length / np.sqrt((frame.length**2).mean())
    p = 1 / (1 + np.exp(-x @ theta))
    assert np.abs(x.T @ ((frame.winner == "model_a") - p)).max() < 1e-8
    covariance = np.linalg.pinv(x.T @ ((p * (1 - p))[:, None] * x))
    assert model.style.standard_error.iloc[0] == pytest.approx(np.sqrt(covariance[6, 6]), rel=1e-6)
    np.testing.assert_allclose(model.covariance, covariance[:6, :6], atol=1e-8)


def test_style_may_be_two_columns_a_frame_or_a_place():
    frame = battles(np.random.default_rng(8), 800, style=0.5)
    plain = fit(frame, style="length")
    two = frame.drop(columns="length").assign(length_a=frame.length + 5, length_b=5.0)
    for model in (
        fit(two, style=["length"]),
        fit(frame, style=frame[["length"]]),
        fit(frame, style=frame.length.to_numpy()),
    ):
        np.testing.assert_allclose(model.scores, plain.scores, atol=1e-8)
    pairs = [
        (a, b) if w == "model_a" else (b, a)
        for a, b, w in zip(frame.model_a, frame.model_b, frame.winner, strict=True)
    ]
    turned = np.where(frame.winner == "model_a", 1, -1) * frame.length
    by_pairs = fit(pairs, style=pd.DataFrame({"length": turned}), items=plain.items)
    np.testing.assert_allclose(by_pairs.scores, plain.scores, atol=1e-8)
    place = fit(frame.assign(first=1), style=["first"]).style.loc["first"]  # what the first place is worth
    assert place.low < 0 < place.high
    assert "length" in str(plain)


@pytest.mark.parametrize(
    ("change", "style", "says"),
    [
        ({}, ["tone"], "no column tone, nor tone_a and tone_b"),
        ({"tone": 0}, ["tone"], "tone is 0 in every battle"),
        ({"tone": np.nan}, ["tone"], "Row 0, column tone"),
        ({"tone": lambda f: 2 * f.length}, ["length", "tone"], "do not fix every parameter"),
        (
            {"tone": lambda f: np.where(f.winner == "model_a", 1, -1)},
            ["tone"],
            "decides the battles without exception",
        ),
    ],
)
def test_a_style_that_cannot_be_measured_is_refused(change, style, says):
    frame = battles(np.random.default_rng(9), 200).assign(**change)
    with pytest.raises(InputError, match=says):
        fit(frame, style=style)


def test_an_anchor_and_the_elo_scale():
    model = fit(battles(np.random.default_rng(10), 2000))
    table = model.table(anchor={"w": 1000}, scale="elo")
    assert table.loc["w", ["score", "standard_error", "low", "high"]].tolist() == [1000, 0, 1000, 1000]
    gap = table.score["z"] - table.score["u"]
    assert 1 / (1 + 10 ** (-gap / 400)) == pytest.approx(model.probability("z", "u"))
    same = model.table(reference="w") * (400 / np.log(10)) + [1000, 0, 1000, 1000]
    pd.testing.assert_frame_equal(table, same)
    assert model.table(anchor=1000, scale="elo").score.mean() == pytest.approx(1000)
    board = model.leaderboard(anchor={"w": 1000})
    assert board.columns.tolist() == ["rank", "item", "score", "low", "high", "battles"]
    assert board["rank"].tolist() == [1, 2, 3, 4, 5, 6]
    assert board.battles.sum() == 4000
    for options, says in (
        ({"anchor": {"q": 1}}, "no item 'q'"),
        ({"anchor": {"u": 1, "v": 2}}, "An anchor holds one item"),
        ({"anchor": {"u": "high"}}, "must be a finite number"),
        ({"anchor": 5, "reference": "u"}, "not both"),
        ({"scale": -1.0}, "scale is -1.0"),
        ({"scale": "glicko"}, "scale is 'glicko'"),
    ):
        with pytest.raises(InputError, match=says):
            model.table(**options)


def test_the_figure_shows_every_item_both_errors_and_the_parts():
    frame = battles(np.random.default_rng(11), 500)
    apart = pd.DataFrame({"model_a": ["<i>p", "q"], "model_b": ["q", "<i>p"], "winner": "model_a"})
    model = fit(pd.concat([frame, apart], ignore_index=True), prior=0.1, bootstrap=20)
    figure = model.figure(scale="elo")
    assert [trace.name for trace in figure.data] == [
        "model interval",
        "robust interval",
        "bootstrap interval",
    ]
    assert all(len(trace.x) == 8 for trace in figure.data)
    assert len(set(figure.data[0].marker.symbol)) == 2
    assert "&lt;i&gt;p" in figure.layout.yaxis.ticktext
    assert "2 unconnected parts" in figure.layout.title.text
