"""Strengths from comparisons, against published numbers, other packages, brute force and simulation."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from rmkit.bradley_terry import fit
from scipy import optimize

from rmkit.errors import InputError

PUBLISHED = Path(__file__).parents[3] / "shared" / "published"

# Agresti, Categorical Data Analysis, chapter 10: 1987 American League East, row beat column, 13 games a pair.
TEAMS = ["Milwaukee", "Detroit", "Toronto", "New York", "Boston", "Cleveland", "Baltimore"]
BASEBALL = np.array(
    [
        [0, 7, 9, 7, 7, 9, 11],
        [6, 0, 7, 5, 11, 9, 9],
        [4, 6, 0, 7, 7, 8, 12],
        [6, 8, 6, 0, 6, 7, 10],
        [6, 2, 6, 7, 0, 7, 12],
        [4, 4, 5, 6, 6, 0, 6],
        [2, 4, 1, 3, 1, 7, 0],
    ]
)
# Stigler (1994): row was cited by column so often; the diagonal (citing itself) is left out of the fit.
JOURNALS = ["Biometrika", "Comm Statist", "JASA", "JRSS-B"]
CITATIONS = np.array([[714, 730, 498, 221], [33, 425, 68, 17], [320, 813, 1072, 142], [284, 276, 325, 188]])


def published(name: str) -> pd.DataFrame:
    path = PUBLISHED / name
    if not path.is_file():
        pytest.skip(f"published comparisons are not here: {path}")
    return pd.read_csv(path)


def wins_and_ties(frame: pd.DataFrame) -> tuple[list, np.ndarray, np.ndarray]:
    items = sorted(set(frame.left) | set(frame.right))
    at = {item: i for i, item in enumerate(items)}
    wins, ties = np.zeros((2, len(items), len(items)))
    for left, right, winner in frame.itertuples(index=False):
        i, j = at[left], at[right]
        if winner == "tie":
            ties[i, j] += 1
            ties[j, i] += 1
        else:
            wins[(i, j) if winner == "left" else (j, i)] += 1
    return items, wins, ties


def choice_log_likelihood(scores, deltas, rankings) -> float:
    """The definition, word for word: Davidson-Luce by listing every subset (slow; an oracle)."""
    total = 0.0
    for ranking in rankings:
        levels = [level if isinstance(level, tuple) else (level,) for level in ranking]
        rest = [i for level in levels for i in level]
        for level in levels:
            if len(rest) < 2:
                break
            weights = {
                frozenset(subset): deltas.get(t, 0.0) * np.exp(np.mean([scores[i] for i in subset]))
                for t in range(1, len(rest) + 1)
                for subset in itertools.combinations(rest, t)
            }
            total += np.log(weights[frozenset(level)] / sum(weights.values()))
            rest = [i for i in rest if i not in level]
    return total


def brute_force(rankings, n, sizes, prior=0.0):
    """(scores with mean 0, deltas, log-likelihood) by an optimizer that needs no derivatives of ours."""

    def loss(theta):
        deltas = {1: 1.0, **dict(zip(sizes, np.exp(theta[n:]), strict=True))}
        return -choice_log_likelihood(theta[:n], deltas, rankings) + prior / 2 * theta @ theta

    result = optimize.minimize(loss, np.zeros(n + len(sizes)), method="BFGS", options={"gtol": 1e-7})
    return result.x[:n] - result.x[:n].mean(), np.exp(result.x[n:]), -result.fun


def test_american_league_east_1987_to_the_published_digits():
    table = fit(BASEBALL, items=TEAMS).table(reference="Baltimore")
    expected = [1.5814, 1.4364, 1.2945, 1.2476, 1.1077, 0.6839, 0.0]
    assert table.score.loc[TEAMS].round(4).tolist() == expected
    assert list(table.index) == TEAMS  # best first


def test_journal_citations_to_the_published_digits():
    model = fit(CITATIONS, items=JOURNALS)
    assert model.comparisons == CITATIONS.sum() - np.trace(CITATIONS)
    expected = {"JRSS-B": 0.2690, "JASA": -0.4796, "Comm Statist": -2.9491}
    for journal, score in expected.items():
        assert round(model.difference(journal, "Biometrika")[0], 4) == score


@pytest.mark.parametrize("name", ["food", "simple"])
def test_evalica_golden_scores(name):
    # In evalica, Bradley-Terry counts a tie as half a win each way (scores sum to 1); "newman" fits a tie
    # parameter, which is the model of Davidson (scores known up to a factor).
    items, wins, ties = wins_and_ties(published(f"evalica_{name}.csv"))
    golden = published(f"evalica_{name}-golden.csv").astype({"item": str})
    golden = {kind: rows.set_index("item").score for kind, rows in golden.groupby("algorithm")}
    strengths = np.exp(fit(wins + ties / 2, items=items).scores)
    expected = golden["bradley_terry"].loc[[str(item) for item in items]]
    np.testing.assert_allclose(strengths / strengths.sum(), expected, atol=2e-6)
    scores = fit(wins, ties=ties, items=items).scores
    expected = np.log(golden["newman"].loc[[str(item) for item in items]].to_numpy())
    np.testing.assert_allclose(scores, expected - expected.mean(), atol=2e-4)


def test_bradley_terry_agrees_with_choix():
    choix = pytest.importorskip("choix", reason="choix is the oracle here")
    rng = np.random.default_rng(0)
    truth = rng.normal(size=12)
    pairs = [tuple(rng.choice(12, 2, replace=False).tolist()) for _ in range(600)]
    pairs = [(i, j) if rng.random() < 1 / (1 + np.exp(truth[j] - truth[i])) else (j, i) for i, j in pairs]
    model = fit(pairs, items=range(12))
    np.testing.assert_allclose(model.scores, choix.ilsr_pairwise(12, pairs), atol=1e-6)
    shrunk = fit(pairs, prior=1.0, items=range(12))  # choix penalizes alpha * |s|^2, so alpha = prior / 2
    np.testing.assert_allclose(shrunk.scores, choix.opt_pairwise(12, pairs, alpha=0.5), atol=1e-4)


def test_plackett_luce_agrees_with_choix_when_k_varies():
    choix = pytest.importorskip("choix", reason="choix is the oracle here")
    rng = np.random.default_rng(1)
    truth = rng.normal(size=8)
    rankings = []
    for _ in range(200):
        shown = rng.choice(8, rng.integers(2, 7), replace=False)
        rankings.append(shown[np.argsort(-(truth[shown] + rng.gumbel(size=len(shown))))].tolist())
    model = fit(rankings, items=range(8))
    np.testing.assert_allclose(model.scores, choix.ilsr_rankings(8, rankings), atol=1e-6)
    assert model.nu == 0


@pytest.mark.parametrize("prior", [0.0, 0.7])
def test_davidson_is_the_brute_force_optimum(prior):
    rng = np.random.default_rng(2)
    games = [[0, 1], [1, 0], [2, 3], [3, 2], [1, 2], [2, 0], [3, 0]]
    games += [tuple(map(int, rng.choice(4, 2, replace=False))) for _ in range(15)]
    games += [[tuple(map(int, rng.choice(4, 2, replace=False)))] for _ in range(8)]
    model = fit(games, prior=prior, items=range(4))
    scores, deltas, value = brute_force(games, 4, [2], prior)
    np.testing.assert_allclose(model.scores, scores, atol=1e-5)
    assert model.nu == pytest.approx(deltas[0], rel=1e-4)
    if not prior:
        assert model.log_likelihood == pytest.approx(value, abs=1e-8)
    for i, j in itertools.permutations(range(4), 2):
        win, tie, loss = model.probability(i, j), model.tie_probability(i, j), model.probability(j, i)
        assert win + tie + loss == pytest.approx(1)
        assert tie == pytest.approx(model.nu * np.sqrt(win * loss))  # Davidson (1970)
        assert model.probabilities()[i, j] == pytest.approx(win)


def test_rankings_with_ties_of_several_sizes_are_the_brute_force_optimum():
    rankings = [
        [0, (1, 2), 3],
        [(3, 1), 0],
        [(0, 1, 2), 3],
        [3, 2, 1, 0],
        [(0, 3)],
        [2, 0],
        [1, (3, 0, 2)],
        [0, 2],
    ]
    model = fit(rankings)
    at = [model.items.index(i) for i in range(4)]
    scores, deltas, value = brute_force(rankings, 4, [2, 3])
    np.testing.assert_allclose(model.scores[at], scores, atol=1e-4)
    np.testing.assert_allclose([model.tie_parameters[2], model.tie_parameters[3]], deltas, rtol=1e-3)
    assert model.log_likelihood == pytest.approx(value, abs=1e-8)


def test_football_at_scale():
    frame = published("intl_football_2018on.csv")
    codes, teams = pd.factorize(pd.concat([frame.home_team, frame.away_team]))
    home, away = codes.reshape(2, -1)
    result = np.sign(frame.home_score - frame.away_score).to_numpy()
    games = [
        [(int(h), int(a))] if r == 0 else [int(h), int(a)][:: int(r)]
        for h, a, r in zip(home, away, result, strict=True)
    ]
    model = fit(games, prior=0.05, items=range(len(teams)))
    assert len(games) == 8220

    s, nu = model.scores, model.nu  # the gradient at the optimum, from Davidson's formula, is zero
    strong, weak, root = np.exp(s[home]), np.exp(s[away]), np.exp((s[home] + s[away]) / 2)
    total = strong + weak + nu * root
    slope = np.bincount(home, (result > 0) + (result == 0) / 2 - (strong + nu * root / 2) / total, len(s))
    slope += np.bincount(away, (result < 0) + (result == 0) / 2 - (weak + nu * root / 2) / total, len(s))
    assert np.abs(slope - 0.05 * s).max() < 1e-7
    assert abs((result == 0).sum() - (nu * root / total).sum() - 0.05 * np.log(nu)) < 1e-7
    assert set(teams[np.argsort(-s)[:8]]) >= {"Spain", "Argentina", "France"}
    with pytest.raises(InputError, match=r"Nothing compares .* use a prior"):
        fit(games)


def test_standard_errors_are_the_pseudo_inverse_of_a_numerical_hessian():
    games = [[0, 1], [1, 2], [2, 0], [0, 1], [2, 1], [(0, 2)], [(0, 1)], [1, 0], [0, 2, 1], [1, (0, 2)]]
    model = fit(games, items=range(3))
    theta = np.append(model.scores, np.log(model.nu))

    def value(t):
        return choice_log_likelihood(t[:3], {1: 1.0, 2: np.exp(t[3])}, games)

    h, hessian = 1e-4, np.zeros((4, 4))
    for a, b in itertools.product(range(4), repeat=2):
        da, db = h * np.eye(4)[a], h * np.eye(4)[b]
        hessian[a, b] = (
            value(theta + da + db) - value(theta + da - db) - value(theta - da + db) + value(theta - da - db)
        ) / (4 * h * h)
    inverse = np.linalg.pinv(-hessian, rcond=1e-6)
    np.testing.assert_allclose(model.covariance, inverse[:3, :3], rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(model.standard_errors, np.sqrt(np.diag(inverse)[:3]), rtol=1e-3)
    assert model.tie_errors[2] == pytest.approx(np.sqrt(inverse[3, 3]), rel=1e-3)


def test_intervals_cover_the_truth_at_their_nominal_rate():
    rng = np.random.default_rng(3)
    truth = np.linspace(-1, 1, 6)
    p = 1 / (1 + np.exp(truth - truth[:, None]))
    covered = []
    for _ in range(300):
        upper = np.triu(rng.binomial(30, p), 1)
        wins = upper + np.tril(30 - upper.T, -1)
        model = fit(wins)
        covered.append(np.abs(model.scores - truth) < 1.959964 * model.standard_errors)
    assert 0.93 < np.mean(covered) < 0.97  # 1800 intervals; a league's six are correlated


def test_scores_do_not_depend_on_the_order_or_the_name_of_items():
    order = np.random.default_rng(4).permutation(7)
    model = fit(BASEBALL, items=TEAMS)
    mixed = fit(BASEBALL[np.ix_(order, order)], items=[TEAMS[i] for i in order])
    np.testing.assert_allclose(mixed.scores, model.scores[order], atol=1e-10)
    np.testing.assert_allclose(mixed.covariance, model.covariance[np.ix_(order, order)], atol=1e-10)


def test_only_differences_are_known():
    model = fit(BASEBALL, items=TEAMS)
    assert model.scores.mean() == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(model.covariance.sum(axis=1), 0, atol=1e-12)
    gap, error = model.difference("Milwaukee", "Baltimore")
    assert error > 0
    table = model.table(reference="Baltimore")
    assert table.loc["Milwaukee", ["score", "standard_error"]].tolist() == pytest.approx([gap, error])
    assert table.loc["Baltimore", "standard_error"] == 0
    # Fixing Baltimore at 0 and inverting the reduced information gives the same reference-level errors.
    p = model.probabilities()
    information = np.where(np.eye(7, dtype=bool), 0, -13 * p * (1 - p))
    np.fill_diagonal(information, -information.sum(axis=1))
    reduced = np.linalg.inv(information[:6, :6])
    np.testing.assert_allclose(table.loc[TEAMS[:6], "standard_error"], np.sqrt(np.diag(reduced)), rtol=1e-8)


def test_a_matrix_a_frame_and_pairs_say_the_same():
    pairs = [(TEAMS[i], TEAMS[j]) for i in range(7) for j in range(7) for _ in range(BASEBALL[i, j])]
    by_pairs = fit(pairs, items=TEAMS)
    frame = fit(pd.DataFrame(BASEBALL, index=TEAMS, columns=TEAMS))
    assert frame.items == by_pairs.items == TEAMS
    np.testing.assert_allclose(by_pairs.scores, fit(BASEBALL).scores, atol=1e-10)
    np.testing.assert_allclose(frame.scores, by_pairs.scores, atol=1e-10)
    assert by_pairs.comparisons == frame.comparisons == 273


def test_weights_scale_certainty_but_not_scores():
    full, half = fit(BASEBALL), fit(BASEBALL * 0.5)
    np.testing.assert_allclose(half.scores, full.scores, atol=1e-9)
    np.testing.assert_allclose(half.standard_errors, full.standard_errors * np.sqrt(2), rtol=1e-8)


def test_two_items_in_closed_form():
    model = fit(np.array([[0, 3], [1, 0]]), kind="wins")
    assert model.probability(0, 1) == pytest.approx(0.75)
    assert model.difference(0, 1) == pytest.approx((np.log(3), np.sqrt(4 / 3)))  # 1 / (n p q)


def test_a_prior_makes_an_unbeaten_team_finite():
    wins = np.array([[0, 3], [0, 0]])
    with pytest.raises(InputError, match=r"Ann never lost to Bob.*use a prior"):
        fit(wins, items=["Ann", "Bob"])
    gap = fit(wins, prior=0.2, items=["Ann", "Bob"]).difference("Ann", "Bob")[0]
    assert 3 / (1 + np.exp(gap)) == pytest.approx(
        0.2 * gap / 2
    )  # slope of the likelihood = slope of the prior


@pytest.mark.parametrize(
    ("games", "says"),
    [
        ([["a", "b"], ["b", "a"], ["c", "d"], ["d", "c"]], "Nothing compares a, b with c, d"),
        ([["a", "b"], ["b", "c"], ["c", "a"], ["a", "d"]], "d never beat a, b, c"),
        ([["a", "b"], ["b", "c"], ["c", "a"], ["d", "a"]], "d never lost to a, b, c"),
        ([["a", "b", "c"]], "a never lost to b, c"),
        ([[("a", "b")], [("b", "c")]], "ties do not bound"),
        ([["a", "b"], [("a", "b")]], "ties do not bound"),
        ([], "nothing to compare"),
    ],
)
def test_unbounded_data_is_an_error_that_names_the_items(games, says):
    with pytest.raises(InputError, match=says):
        fit(games)
    if games:
        model = fit(games, prior=0.1)
        assert np.isfinite([*model.scores, *model.standard_errors, model.nu]).all()


def test_the_error_appears_exactly_when_the_maximum_is_at_infinity():
    rng = np.random.default_rng(5)
    seen = set()
    for _ in range(150):
        games = []
        for _ in range(rng.integers(2, 9)):
            i, j = map(int, rng.choice(3, 2, replace=False))
            games.append([(i, j)] if rng.random() < 0.4 else [i, j])
        nearly = fit(games, prior=1e-7, items=range(3))
        extremes = [*nearly.scores, *np.log(list(nearly.tie_parameters.values()))]
        finite = bool(np.abs(extremes).max() < 5) and all(any(i in str(g) for g in games) for i in "012")
        try:
            fit(games, items=range(3))
            bounded = True
        except InputError:
            bounded = False
        assert bounded == finite, games
        seen.add(bounded)
    assert seen == {True, False}


def test_items_are_anything_hashable():
    items = [None, 3, "3", frozenset({1}), 2.5, b"x"]
    pairs = [(i, j) for i in items for j in items if i != j] + [(None, "3")]
    model = fit(pairs)
    assert set(model.items) == set(items)
    assert model.probability(None, "3") > 0.5 > model.probability("3", None)
    assert model.probability(3, 2.5) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("comparisons", "options", "says"),
    [
        (np.ones((2, 3)), {}, r"shape \(2, 3\)"),
        (np.array([[0, -1], [1, 0]]), {}, r"wins\[0, 1\] is -1"),
        (np.array([[0, np.nan], [1, 0]]), {}, r"wins\[0, 1\] is nan"),
        (np.ones((2, 2)), {"items": ["a"]}, "1 names for a matrix of 2"),
        (np.ones((2, 2)), {"items": ["a", "a"]}, "same item twice"),
        (np.ones((2, 2)), {"ties": np.array([[0, 1], [2, 0]])}, "symmetric"),
        (pd.DataFrame(np.ones((2, 2)), index=["a", "b"]), {}, "index and columns"),
        ([["a", "b"], ["b", "a"]], {"ties": np.ones((2, 2))}, "a tie as the ranking"),
        (["ab", "ba"], {}, "Ranking 0 is 'ab'"),
        ("abc", {}, "There is no file abc"),
        ({"a": 1}, {}, "a matrix of wins, or a list"),
        ([["a", "b"], ["a"]], {}, "Ranking 1 compares nothing"),
        ([["a", "b", "a"]], {}, "Ranking 0 names the same item twice"),
        ([["a", {"b"}]], {}, "cannot be an item"),
        ([["a", []]], {}, "empty level"),
        ([["a", float("nan")]], {}, "cannot be an item"),
        ([["a", "b"]], {"items": ["a", "c"]}, "'b', which is not among items"),
        (np.ones((2, 2)), {"prior": -1.0}, "prior is -1.0"),
        (np.ones((2, 2)), {"prior": float("nan")}, "prior is nan"),
        ([[tuple(range(15)), *range(15, 40)]], {}, "too many outcomes"),
    ],
)
def test_bad_input_is_one_clear_sentence(comparisons, options, says):
    with pytest.raises(InputError, match=says):
        fit(comparisons, **options)


def test_an_unknown_item_is_named():
    with pytest.raises(InputError, match=r"no item 'Chicago'; the items are Milwaukee, .* and 2 more"):
        fit(BASEBALL, items=TEAMS).probability("Chicago", "Boston")


def test_the_display_is_a_table_and_escapes_names():
    model = fit([("<b>", "a"), ("a", "<b>"), [("a", "<b>")]])
    assert "<b>" not in model._repr_html_()
    assert "&lt;b&gt;" in model._repr_html_()
    text = str(fit(BASEBALL, items=TEAMS))
    assert "273 comparisons" in text
    assert text.index("Milwaukee") < text.index("Baltimore")
