"""Grids of heads: every number against a plain computation; stopped, damaged, shared, and the same table."""

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import optimize, special

import rmkit
from rmkit.data.preferences import Preferences, Record
from rmkit.errors import InputError
from rmkit.evaluation import true_gaps
from rmkit.evaluation.best_of import best_of_n
from rmkit.models.features import Features
from rmkit.theory import losses
from rmkit.theory.calibration import log_loss, temperature
from rmkit.training.ablation import bench as benches
from rmkit.training.ablation import kept
from rmkit.training.ablation.bench import Bench
from rmkit.training.ablation.cells import Cell, cells
from rmkit.training.ablation.fit import fit
from rmkit.training.head_penalty import PENALTIES

ROOT = Path(__file__).parent.parent.parent
T = 0.15


def world(groups=60, k=4, width=5, seed=0, gold=True):
    """Groups whose answers are their own features, written as numbers; gold follows some of them."""
    rng = np.random.default_rng(seed)
    records = []
    for number in range(groups):
        x = rng.normal(size=(k, width)) + rng.normal(size=width)
        worth = special.expit(x @ np.linspace(1, -0.5, width) / 2 + rng.normal(size=k) / 4)
        texts = [" ".join(f"{value:.4f}" for value in row) + " word" * int(rng.integers(9)) for row in x]
        ranks = [int((worth > each).sum()) + 1 for each in worth]
        known = {"gold": [round(float(each), 3) for each in worth]} if gold else None
        records.append(Record(f"prompt {number}", texts, ranks, ratings=known, strength=float(number % 4)))
    return Preferences(records)


def read(groups, _model="pocket", **_):
    """The numbers of the answers as their features."""
    rows = [
        [[float(word) for word in text.split() if word != "word"] for text in record.responses]
        for record in groups
    ]
    return Features([torch.tensor(row) for row in rows], [None] * len(rows), None, "numbers")


@pytest.fixture
def plain(monkeypatch, tmp_path):
    """Features without a language model, and a cache of its own; returns the cache's folder of ablations."""
    monkeypatch.setattr(benches, "features", read)
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path))
    return tmp_path / "ablations"


@pytest.fixture
def bench(plain):
    return Bench(world(), pool=world(10, k=20, seed=1), best_of=8, progress=False)


# --- dials --------------------------------------------------------------------------------------------------


def test_a_grid_is_every_combination_and_the_last_dial_moves_fastest():
    found = cells({"loss": ["hinge", "focal"], "noise": [0.0, 0.1], "labels": 50})
    assert [(c.loss, c.noise, c.labels) for c in found] == [
        ("hinge", 0.0, 50), ("hinge", 0.1, 50), ("focal", 0.0, 50), ("focal", 0.1, 50),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("grid", "says"),
    [
        ({"los": ["hinge"]}, "no dial 'los'"),
        ({"noise": []}, "has no value"),
        ({"noise": [1.5]}, "share between 0 and 1"),
        ({"noise": [float("nan")]}, "share between 0 and 1"),
        ({"loss": ["regression"]}, "learns from ranks"),
        ({"k": [1]}, "from 2 on"),
        ({"k": ["4-2"]}, "from 2 on"),
        ({"k": ["many"]}, "from 2 on"),
        ({"weighting": ["equal"]}, "'group' or 'pair'"),
        ({"penalty": [0.0]}, "above 0"),
        ({"labels": [0]}, "at least 1"),
    ],
)
def test_a_grid_that_cannot_be_is_refused_in_a_sentence(grid, says):
    with pytest.raises(InputError, match=says):
        cells(grid)


def test_dials_that_do_nothing_in_a_cell_share_its_essence():
    assert Cell("hinge", margin=1.0).essence() == Cell("hinge").essence()
    assert Cell("margin", margin=1.0).essence() != Cell("margin").essence()
    assert Cell(k=3, weighting="pair").essence() == Cell(k="3").essence()
    assert Cell(k="2-3", weighting="pair").essence() != Cell(k="2-3").essence()


# --- what a head is taught ----------------------------------------------------------------------------------


def test_votes_are_drawn_from_gold_and_the_same_luck_serves_every_dial(bench):
    draw = bench.draw(3)
    cell = Cell(labels=20, k=3)
    x, mask, labels = bench.lesson(cell, 3)
    for row, group in enumerate(draw.train[:20]):
        picked = draw.order[group, :3]
        worth = bench.gold[group, picked] / T + draw.luck[group, picked]
        whole = bench.gold[group] / T + draw.luck[group]
        place = [int((whole > each).sum()) + 1 for each in worth]
        assert labels["ranks"][row].tolist() == place
        np.testing.assert_array_equal(x[row], bench.x[group, picked])
        felt = np.abs(worth[:, None] - worth)
        words = (felt[..., None] >= benches.WORDS).sum(-1)
        np.testing.assert_array_equal(labels["margin"][row], words)
    assert mask.all()
    noisy = bench.lesson(Cell(labels=20, k=3, noise=0.4), 3)[2]["ranks"]
    turned = draw.turn[draw.train[:20]] < 0.4
    order, before = noisy.argsort(1), labels["ranks"].argsort(1)
    for row in range(20):
        assert order[row].tolist() == (before[row].flip(0) if turned[row] else before[row]).tolist()


def test_length_bias_is_worth_so_much_gold_for_ten_words(bench):
    draw, cell = bench.draw(0), Cell(labels=20, length_bias=0.5)
    ranks = bench.lesson(cell, 0)[2]["ranks"].numpy()
    for row, group in enumerate(draw.train[:20]):
        i, j = draw.order[group, :2]
        worth = bench.gold[group] + 0.05 * bench.words[group]
        first = worth[i] / T + draw.luck[group, i] > worth[j] / T + draw.luck[group, j]
        assert (ranks[row, 0] < ranks[row, 1]) == first


def test_mixed_sizes_are_within_their_range_and_a_seed_splits_by_prompt(bench):
    _, mask, labels = bench.lesson(Cell(labels=28, k="2-4"), 1)
    sizes = mask.sum(1)
    assert set(sizes.tolist()) == {2, 3, 4}
    assert ((labels["ranks"] > 0) == mask).all()
    draw = bench.draw(1)
    parts = [set(bench.prompts[each]) for each in (draw.train, draw.held_out, draw.test)]
    assert len(set.union(*parts)) == sum(map(len, parts)) == 60
    assert list(map(len, parts)) == [30, 12, 18]


def test_too_many_labels_are_refused(bench):
    with pytest.raises(InputError, match=r"labels=31: seed 0 has 30 prompts with 2 answers"):
        bench.measure(Cell(labels=31), [0])


def test_groups_without_gold_teach_what_they_say(plain):
    groups = world(gold=False)
    bench = Bench(groups, progress=False)
    assert bench.measures == ("agreement", "log_loss")
    draw = bench.draw(0)
    _, _, labels = bench.lesson(Cell("margin", margin=6.0, labels=9, noise=0.5), 0)
    for row, group in enumerate(draw.train[:9]):
        i, j = draw.order[group, :2]
        first = (groups[group].ranks[i] < groups[group].ranks[j]) != (draw.turn[group] < 0.5)
        assert (labels["ranks"][row, 0] < labels["ranks"][row, 1]) == first
        assert labels["margin"][row].unique().tolist() == [2.0 * groups[group].strength]
    with pytest.raises(InputError, match="without gold"):
        bench.measure(Cell(labels=9, length_bias=0.1), [0])
    with pytest.raises(InputError, match="needs pairs"):
        bench.measure(Cell("margin", labels=9, k=3), [0])
    row = bench.measure(Cell(labels=20, penalty=0.1), [0])[0]
    assert set(row) == {"seed", "agreement", "log_loss", "temperature", "penalty_used", "converged"}


# --- what a head is worth -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "loss", ["bradley-terry", "margin", "scaled-bradley-terry", "plackett-luce", "focal"]
)
def test_a_head_is_the_minimum_found_by_scipy_one_by_one(bench, loss):
    cell = Cell(loss, labels=20, k="2-4", weighting="pair", penalty=0.3)
    taught = [bench.lesson(cell, seed) for seed in (0, 4)]
    x, mask = (torch.stack([each[part] for each in taught]) for part in (0, 1))
    labels = {name: torch.stack([each[2][name] for each in taught]) for name in losses.needs(loss)}
    weights, converged = fit(loss, x, mask, labels, "pair", [0.3, 3.0])
    assert converged.all()
    for seed, penalty in ((0, 0), (1, 1)):
        here = {name: each[seed] for name, each in labels.items()}
        size = losses.group_weights(mask[seed], here["ranks"], "pair", loss=loss).double()

        def value(w, seed=seed, here=here, size=size, l2=(0.3, 3.0)[penalty]):
            w = torch.tensor(w, requires_grad=True)
            each = losses.get(loss)((x[seed].double() @ w).float(), mask[seed], **here).double()
            found = (size * each).sum() / size.sum() + l2 / 2 * (w * w).sum()
            found.backward()
            return found.item(), w.grad.numpy()

        best = optimize.minimize(value, np.zeros(5), jac=True, method="L-BFGS-B", tol=1e-12)
        assert value(weights[seed, penalty].double().numpy())[0] == pytest.approx(best.fun, abs=2e-6)


def test_a_row_is_what_a_plain_computation_finds(bench):
    cell = Cell(labels=25, k=3)
    row, draw = bench.measure(cell, [2])[0], bench.draw(2)
    x, mask, labels = (part for part in bench.lesson(cell, 2))
    heads, _ = fit("bradley-terry", x[None], mask[None], {"ranks": labels["ranks"][None]}, "group", PENALTIES)
    tried = []
    for w in heads[0]:
        gaps = []
        for group in draw.held_out:
            felt, r = bench.gold[group] / T + draw.luck[group], bench.x[group] @ w
            gaps += [float(r[i] - r[j]) for i in range(4) for j in range(4) if felt[i] > felt[j]]
        t, _ = temperature(gaps)
        tried.append((log_loss(np.array(gaps) / t).mean(), t, w))
    _, t, w = min(tried, key=lambda each: each[0])
    pairs = [(g, i, j) for g in draw.test for i in range(4) for j in range(i)]
    d = np.array([float(bench.x[g, i] @ w - bench.x[g, j] @ w) for g, i, j in pairs])
    true = np.array([bench.gold[g, i] - bench.gold[g, j] for g, i, j in pairs])
    p = special.expit(true / T)
    assert row["temperature"] == pytest.approx(t, rel=1e-3)
    assert row["agreement"] == pytest.approx(np.where(d > 0, p, 1 - p).mean(), abs=1e-6)
    by_hand = -(p * np.log(special.expit(d / t)) + (1 - p) * np.log(special.expit(-d / t))).mean()
    assert row["log_loss"] == pytest.approx(by_hand, abs=1e-5)
    c = (d @ true) / (d @ d)
    assert row["missed"] == pytest.approx(((true - c * d) ** 2).sum() / (true @ true), abs=1e-5)
    samples, place, gold = bench.pool
    assert row["best_of_n"] == pytest.approx(best_of_n((samples @ w).numpy()[place], gold)[:, 7].mean())


def test_true_gaps_by_hand():
    g = np.array([0.15, -0.3, 0.0])
    one, two = 1 / (1 + np.exp(-1)), 1 / (1 + np.exp(-2))
    assert true_gaps.agreement(np.array([1, -1, 1.0]), g, T).mean() == pytest.approx((one + two + 0.5) / 3)
    assert true_gaps.agreement(np.array([-1, 1, 0.0]), g, T).mean() == pytest.approx(
        (2 - one - two + 0.5) / 3
    )
    assert true_gaps.log_loss(np.zeros(3), g, T).mean() == pytest.approx(np.log(2))
    assert true_gaps.missed(3 * g, g).mean() == pytest.approx(0)
    assert true_gaps.missed(-g, g).mean() == 1
    assert true_gaps.missed(np.array([0.15, 0.3, 0.0]), np.array([0.3, 0.15, 0.0])).mean() == pytest.approx(
        0.36
    )


def test_more_noise_and_fewer_labels_are_seen_in_the_table(bench):
    table = rmkit.ablate({"labels": [5, 28], "noise": [0.0, 0.35]}, 10, data=bench, progress=False)
    mean = table.groupby(["labels", "noise"])["missed"].mean()
    assert mean[28, 0.0] < mean[28, 0.35] < 1
    assert mean[28, 0.0] < mean[5, 0.0]
    assert table["converged"].all()


# --- kept on disk -------------------------------------------------------------------------------------------

GRID = {"loss": ["bradley-terry", "focal"], "noise": [0.0, 0.2], "labels": [20]}


def same(a: pd.DataFrame, b: pd.DataFrame) -> bool:
    pd.testing.assert_frame_equal(a, b, check_exact=True)
    return True


def test_a_table_is_tidy_and_is_read_back_exactly(bench, plain, monkeypatch):
    table = rmkit.ablate(GRID, 7, data=bench, progress=False)
    assert len(table) == 4 * 7
    assert list(table.columns[:9]) == [*Cell.__dataclass_fields__, "seed"]
    assert len(list(plain.rglob("*.json"))) == 4 * 2  # two blocks of five seeds
    monkeypatch.setattr(Bench, "measure", None)
    assert same(rmkit.ablate(GRID, 7, data=bench, progress=False), table)
    assert same(rmkit.ablate(GRID, [8, 2], data=bench, progress=False)[1::2].reset_index(drop=True),
                table[table["seed"] == 2].reset_index(drop=True))  # fmt: skip


def test_a_bench_is_not_told_twice(bench):
    with pytest.raises(InputError, match="temperature: a Bench has its own"):
        rmkit.ablate(GRID, 1, data=bench, temperature=0.3)


def test_other_votes_other_labels_and_other_pools_are_other_entries(bench, plain):
    rmkit.ablate(GRID, 1, data=bench, progress=False)
    for other in (
        Bench(world(seed=5), pool=world(10, k=20, seed=1), best_of=8, progress=False),
        Bench(world(), pool=world(10, k=20, seed=2), best_of=8, progress=False),
        Bench(world(), pool=world(10, k=20, seed=1), best_of=9, progress=False),
        Bench(world(), pool=world(10, k=20, seed=1), best_of=8, temperature=0.2, progress=False),
    ):
        assert other.identity != bench.identity
    again = Bench(world(), pool=world(10, k=20, seed=1), best_of=8, progress=False)
    assert again.identity == bench.identity
    assert kept.key(bench.identity, {"loss": "focal"}) != kept.key(bench.identity, {"loss": "hinge"})


@pytest.mark.parametrize("damage", ["cut", "changed", "empty", "half of another"])
def test_a_damaged_entry_is_noticed_and_computed_again(bench, plain, damage):
    whole = rmkit.ablate(GRID, 2, data=bench, progress=False)
    paths = sorted(plain.rglob("*.json"))
    text, other = paths[0].read_bytes(), paths[1].read_bytes()
    spoiled = {
        "cut": text[:-40],
        "changed": text.replace(b'"agreement": 0.', b'"agreement": 1.', 1),
        "empty": b"",
        "half of another": text[:100] + other[100:],
    }[damage]
    assert spoiled != text
    paths[0].write_bytes(spoiled)
    assert same(rmkit.ablate(GRID, 2, data=bench, progress=False), whole)
    assert paths[0].read_bytes() == text


def test_without_a_cache_there_is_a_warning_and_the_same_table(bench, plain, monkeypatch):
    whole = rmkit.ablate(GRID, 2, data=bench, keep=False, progress=False)
    assert not plain.exists()
    plain.write_text("a file where a folder should be")
    with pytest.warns(UserWarning, match="cannot be written"):
        assert same(rmkit.ablate(GRID, 2, data=bench, progress=False), whole)


SCRIPT = """
import sys, time
sys.path.insert(0, {root!r})
import rmkit
from tests.training.test_ablation import GRID, Bench, benches, read, world
benches.features = read
if {slow}:
    quick = Bench.measure
    def slowly(self, *a):
        rows = quick(self, *a)
        print("measured", flush=True)
        time.sleep(0.3)
        return rows
    Bench.measure = slowly
bench = Bench(world(), pool=world(10, k=20, seed=1), best_of=8, progress=False)
rmkit.ablate(GRID, 15, data=bench, progress=False).to_pickle({out!r})
"""


def start(cache: Path, out: Path, slow: bool) -> subprocess.Popen:
    code = textwrap.dedent(SCRIPT).format(root=str(ROOT), slow=slow, out=str(out))
    env = {**os.environ, "RMKIT_CACHE": str(cache), "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killed_in_the_middle_and_started_again_gives_the_table_of_an_undisturbed_run(bench, tmp_path, how):
    undisturbed = rmkit.ablate(GRID, 15, data=bench, keep=False, progress=False)
    cache, out = tmp_path / "killed", tmp_path / "table.pickle"
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a child of a background job ignores it else
    first = start(cache, out, slow=True)
    for _ in range(4):
        assert first.stdout.readline() == "measured\n"
    first.send_signal(how)
    assert first.wait() != 0
    assert not out.exists()
    done = len(list(cache.rglob("*.json")))
    assert 3 <= done < 12
    second = start(cache, out, slow=True)
    said, _ = second.communicate()
    assert second.returncode == 0
    assert said.count("measured") == 12 - done
    assert same(pd.read_pickle(out), undisturbed)


def test_two_processes_on_one_cache_lose_nothing(bench, tmp_path):
    undisturbed = rmkit.ablate(GRID, 15, data=bench, keep=False, progress=False)
    cache, outs = tmp_path / "shared", [tmp_path / "a.pickle", tmp_path / "b.pickle"]
    both = [start(cache, out, slow=False) for out in outs]
    assert [each.wait() for each in both] == [0, 0]
    for out in outs:
        assert same(pd.read_pickle(out), undisturbed)
    entries = list(cache.rglob("*.json"))
    assert len(entries) == 12
    assert all(kept.read(path.stem) is None for path in entries)  # of this cache, nothing in the own one
    for path in entries:
        total, rows = path.read_bytes().split(b"\n", 1)
        assert len(total) == 64
        assert [row["seed"] % 5 for row in json.loads(rows)] == [0, 1, 2, 3, 4]
    assert list(cache.rglob("*.part")) == []
