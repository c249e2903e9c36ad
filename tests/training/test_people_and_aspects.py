"""`rmkit.people` and `rmkit.aspects`: from features and records to votes and heads, and on real ratings."""

import json

import numpy as np
import pytest
import torch
from scipy import stats

import rmkit
from rmkit import Preferences, Record, aspects, people
from rmkit.errors import InputError


def records():
    return Preferences(
        [
            Record("a", ["x", "y"], ranks=[2, 1], annotator="Ann"),
            Record("b", ["x", "y", "z"], ranks=[1, 2, 2], annotator="Bo"),
            Record("c", ["x", "y"], ranks=[1, 1], annotator="Ann"),
            Record("d", ["x", "y"], ranks=[1, 2], annotator="Ann"),
        ]
    )


def vectors(sizes, width=3, seed=0):
    rng = np.random.default_rng(seed)
    return [torch.tensor(rng.normal(size=(k, width)), dtype=torch.float32) for k in sizes]


def test_every_ordered_pair_is_a_vote_of_its_annotator_and_ties_are_none():
    f = vectors([2, 3, 2, 2])
    found = people.votes(f, records())
    mean, deviation = people.moments(f)
    assert found.names == ("Ann", "Bo")
    assert found.user.tolist() == [0, 1, 1, 0]
    assert found.record.tolist() == [0, 1, 1, 3]
    np.testing.assert_allclose(found.x[0], (f[0][1] - f[0][0]).double() / deviation, atol=1e-6)
    np.testing.assert_allclose(found.second[2], (f[1][2].double().numpy() - mean) / deviation, atol=1e-6)
    only = found.of(["Bo"])
    assert (len(only), only.names, only.user.tolist()) == (2, ("Bo",), [0, 0])


def test_votes_without_names_and_people_without_votes_are_refused():
    groups = records()
    groups[1].annotator = None
    with pytest.raises(InputError, match="1 of 4 groups do not say whose"):
        people.votes(vectors([2, 3, 2, 2]), groups)
    with pytest.raises(InputError, match="features of 1 groups for 4"):
        people.votes(vectors([2]), records())
    with pytest.raises(InputError, match="'Cy'"):
        people.votes(vectors([2, 3, 2, 2]), records()).of(["Cy"])


def rated(n=80, width=4):
    rng = np.random.default_rng(1)
    f = [torch.tensor(rng.normal(size=(2, width)), dtype=torch.float32) for _ in range(n)]
    truth = np.array([[1.0, 0, 0, 0], [0, -2.0, 1, 0]])
    groups = []
    for i, each in enumerate(f):
        y = each.double().numpy() @ truth.T + [3, 1] + 0.1 * rng.normal(size=(2, 2))
        half = y[:, 1].tolist() if i % 2 else [None, None]
        groups.append(Record(f"prompt {i}", ["x", "y"], ratings={"kind": y[:, 0].tolist(), "short": half}))
    return f, Preferences(groups), truth


def test_aspect_heads_give_ratings_in_their_own_unit_and_choose_their_penalty():
    f, groups, truth = rated()
    heads = aspects.fit(f, groups)
    assert heads.names == ("kind", "short")
    scores = np.concatenate(heads.scores(f))
    expected = np.concatenate([each.double().numpy() @ truth.T for each in f]) + np.array([3, 1])
    assert abs(scores - expected).max() < 0.3
    assert (heads.prior <= 10).all()  # hardly any noise: hardly any penalty
    np.testing.assert_allclose(aspects.fit(f, groups, ["short"], prior=5.0).prior, 5.0)


def test_an_aspect_that_nobody_rated_is_refused_by_name():
    f, groups, _ = rated(6)
    with pytest.raises(InputError, match="'brave'; rated are kind, short"):
        aspects.fit(f, groups, ["brave"])
    with pytest.raises(InputError, match="cannot be chosen with one prompt"):
        aspects.fit(f[:1], groups[:1], ["kind"])


# --- real ratings: three people, seven aspects, 32 prompts --------------------------------------------------


def ceiling_of_raters(path):
    """{aspect: the correlation with the mean of three raters that a perfect head would have}.

    The root of that mean's reliability, 3 r / (1 + 2 r) for a mean correlation r of two raters
    (Spearman and Brown, 1910).
    """
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    found = {}
    for name in rows[0]["scores"]:
        table = np.corrcoef(np.array([row["scores"][name] for row in rows], dtype=float).T)
        r = table[np.triu_indices(3, 1)].mean()
        found[name] = np.sqrt(3 * r / (1 + 2 * r))
    return found


def surface(preferences):
    """Plain features of a summary: how long it is, how it is built, how much of it stands in the reviews."""
    found = []
    for record in preferences:
        source = set(record.prompt.lower().split())
        rows = []
        for text in record.responses:
            words = text.lower().split()
            copied = np.mean([word in source for word in words])
            rows.append(
                [len(words), len(set(words)) / len(words), text.count("."), copied, len(text) / len(words)]
            )
        found.append(torch.tensor(rows, dtype=torch.float32))
    return found


def test_real_aspects_by_prompt_lie_between_chance_and_what_the_raters_noise_allows(real_data):
    path = real_data / "summeval_op.aspects.jsonl"
    everything = rmkit.load(path)
    ceiling = ceiling_of_raters(path)
    said = {name: [] for name in ceiling}
    for seed in range(5):
        train, test = everything.split(test=0.3, seed=seed)
        assert not {r.prompt for r in train} & {r.prompt for r in test}
        heads = aspects.fit(surface(train), train, sorted(ceiling))
        scores = np.concatenate(heads.scores(surface(test)))
        for name, column in zip(heads.names, scores.T, strict=True):
            truth = np.concatenate([record.ratings[name] for record in test])
            said[name].append(stats.pearsonr(column, truth).statistic)
    mean = {name: float(np.mean(each)) for name, each in said.items()}
    print({name: (round(mean[name], 2), round(float(ceiling[name]), 2)) for name in mean})
    assert np.mean(list(mean.values())) > 0.1  # counting words tells something
    assert np.mean(list(mean.values())) < np.mean(list(ceiling.values()))  # and less than all
