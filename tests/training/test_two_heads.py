"""ODIN's two heads on frozen features: parted, and strict about what they are given."""

import numpy as np
import pytest
import torch

from rmkit import load
from rmkit.errors import InputError
from rmkit.training.two_heads import fit_two_heads


@pytest.fixture(scope="module")
def world():
    """300 pairs whose voters like quality (feature 0) and length (feature 1, an eighth of the words)."""
    rng = np.random.default_rng(0)
    features, rows = [], []
    for i in range(300):
        words = rng.integers(3, 30, 2)
        x = rng.normal(size=(2, 6))
        x[:, 1] = words / 8
        x[:, 2] = x[:, 0] + words / 10  # quality and length mixed
        felt = 1.5 * x[:, 0] + 0.8 * x[:, 1] + rng.gumbel(size=2)
        features.append(torch.tensor(x, dtype=torch.float32))
        texts = [" ".join([f"{side}{i}"] + ["word"] * (n - 1)) for side, n in zip("ab", words, strict=True)]
        rows.append({"prompt": f"q{i}", "responses": texts, "ranks": (1 + (felt < felt.max())).tolist()})
    return features, load(rows)


def gaps(scores):
    return np.array([float(each[0] - each[1]) for each in scores])


def test_the_quality_head_is_free_of_length_and_still_orders_by_quality(world):
    features, groups = world
    found = fit_two_heads(features, groups, l2=0.01)
    assert abs(found.quality_correlation) < 0.02
    assert found.length_correlation > 0.9
    truth = gaps([each[:, 0] for each in features])
    assert np.corrcoef(gaps(found.score(features)), truth)[0, 1] > 0.9
    words = gaps([each[:, 1] for each in features])
    assert np.corrcoef(gaps(found.score_length(features)), words)[0, 1] > 0.9
    assert found.history[-1] < found.history[0]


def test_without_its_terms_the_quality_head_goes_with_length(world):
    features, groups = world
    found = fit_two_heads(features, groups, l2=0.01, decorrelate=0.0, orthogonal=0.0)
    assert found.quality_correlation > 0.3
    torch.testing.assert_close(found.weights[0], found.weights[1])  # nothing tells the two apart


def test_lengths_may_be_another_style_and_votes_shares(world):
    features, groups = world
    lengths = [each[:, 1].tolist() for each in features]
    same = fit_two_heads(features, groups, l2=0.01, steps=50)
    named = fit_two_heads(features, groups, lengths=lengths, l2=0.01, steps=50)
    torch.testing.assert_close(same.weights, named.weights, atol=1e-3, rtol=1e-3)
    rows = [
        {"prompt": r.prompt, "responses": r.responses, "ranks": r.ranks, "share": 0.5} for r in groups.records
    ]
    halves = fit_two_heads(features, load(rows), l2=0.01, orthogonal=0.0)
    sure = fit_two_heads(features, groups, l2=0.01, orthogonal=0.0)
    assert np.abs(gaps(halves.score(features))).mean() < 0.1 * np.abs(gaps(sure.score(features))).mean()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"lengths": [[1, 2]] * 3}, "lengths must hold"),
        ({"lengths": [[2, 2]] * 300}, "No length differs"),
        ({"loss": "margin"}, "from ranks alone"),
    ],
)
def test_what_does_not_fit_is_refused(world, change, says):
    features, groups = world
    with pytest.raises(InputError, match=says):
        fit_two_heads(features, groups, steps=1, **change)
    with pytest.raises(InputError, match="features must hold"):
        fit_two_heads(features[:-1], groups, steps=1)
