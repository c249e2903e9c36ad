"""The benchmark scripts run at tiny size and compare the same things; no clock is held against a number."""

import argparse
import importlib.util
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import optimize, special
from tiny import tiny_model, tiny_tokenizer

from rmkit import RewardModel

BENCHMARKS = Path(__file__).parent.parent / "benchmarks"


@pytest.fixture(autouse=True)
def scripts(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)
    for name in ("tables", "training", "sampling", "scoring", "cost", "gpu", "heads", "all"):
        sys.modules.pop(name, None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("model"), tokenizer=tiny_tokenizer())


def test_a_verdict_says_by_how_much_and_why():
    import tables

    assert tables.row("a", 3.0, "at least", 2.0)["verdict"] == "as wanted"
    assert tables.row("a", 0.0, "at most", 2.0)["verdict"] == "as wanted"
    assert tables.row("a", 1.0, "at least", 2.0, why="of that")["verdict"] == "short by 2.00 x: of that"
    assert tables.row("a", 3.0, "at most", 2.0)["verdict"] == "short by 1.50 x"
    assert tables.unmeasured("a", "no card")["verdict"] == "not measured: no card"


def test_either_cache_draws_the_same_samples():
    import sampling

    rows = sampling.measure("pocket", 6, 1)
    assert len(rows) == 3
    assert rows[-1]["measured"] == 1.0


def test_the_pipeline_gives_the_same_scores(folder):
    import scoring

    ratio, apart = scoring.measure(folder, 6, 30, 8, 1)
    assert "token ratio" in ratio["what"]
    assert apart["verdict"] == "as wanted"


def test_curves_of_cost_count_tokens(folder):
    import cost

    table, lines = cost.measure(RewardModel.load(folder, device="cpu"), response=2, repeats=1, backward=True)
    assert len(lines) == 3
    at = table[table["against"] == "groups of K = 4"]
    assert (at["tokens"] / at["at"]).nunique() == 1
    assert (table["ms"] > 0).all()


def test_training_measures_what_is_installed_and_says_what_is_not():
    import training

    arguments = argparse.Namespace(
        pairs=1, trl_batch=1, steps=2, spread=0.2, prompt=40, response=12, tokens_per_batch=256, repeats=1
    )
    table, lines = training.measure(RewardModel.load("pocket", device="cpu"), 2, arguments)
    assert {training.PACKED, training.PADDED} <= set(table.index)
    assert (training.TRL in table.index) != lines[0]["verdict"].startswith("not measured: trl")


def test_without_a_gpu_nothing_is_said_about_one():
    import gpu

    table, lines = gpu.measure(RewardModel.load("pocket", device="cpu"), 3, 1, 2, 40, 12)
    assert (table["seconds a step"] > 0).all()
    assert {line["verdict"] for line in lines} == {"not measured: no CUDA device here"}
    assert gpu.matrix_rate(torch.device("cpu"), torch.float32, 8) > 0


class BySciPy:
    """What scikit-learn's logistic regression minimizes: C times the sum of losses, and |w|^2 / 2."""

    def __init__(self, C, fit_intercept):
        assert not fit_intercept
        self.c = C

    def fit(self, x, y):
        signed = x * np.where(y, 1, -1)[:, None]

        def objective(w):
            d = signed @ w
            slope = w - self.c * special.expit(-d) @ signed
            return self.c * np.logaddexp(0, -d).sum() + w @ w / 2, slope

        self.coef_ = optimize.minimize(objective, np.zeros(x.shape[1]), jac=True).x[None]
        return self


def test_heads_find_what_their_peer_finds(monkeypatch):
    """Where scikit-learn is not installed (it comes with `make bench`), SciPy minimizes its objective."""
    if importlib.util.find_spec("sklearn") is None:
        peer = SimpleNamespace(LogisticRegression=BySciPy)
        monkeypatch.setitem(sys.modules, "sklearn", SimpleNamespace(linear_model=peer))
        monkeypatch.setitem(sys.modules, "sklearn.linear_model", peer)
    import heads

    _, ours, theirs = heads.measure(3, 60, 8, 3)
    assert ours["verdict"] == theirs["verdict"] == "as wanted"


def test_make_bench_names_scripts_that_are_there():
    import all as every

    assert [name for name in every.SCRIPTS if not (BENCHMARKS / f"{name}.py").is_file()] == []
