"""Evaluation during training: what is measured, which weights are kept, when a run stops."""

import functools
import json
import math

import numpy as np
import pandas as pd
import pytest
import torch
from rmkit.preferences import Preferences, Record
from safetensors.torch import load_file
from tiny import load, tiny_model, toy

from rmkit import losses, training
from rmkit.errors import InputError
from rmkit.evaluation import evaluate
from rmkit.training import held_out as measured
from rmkit.training.schedule import parameter_groups

FEW = {"groups_per_step": 4, "lr": 1e-3, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


def loss_and_accuracy(model, preferences):
    own, right = [], []
    for row, record in zip(model.score_all(preferences), preferences, strict=True):
        gaps = [float(row[i] - row[j]) for i, j in record.pairs()]
        own += [np.mean([math.log1p(math.exp(-gap)) for gap in gaps])] if gaps else []
        right += [(np.sign(gap) + 1) / 2 for gap in gaps]
    return np.mean(own), np.mean(right)


def test_loss_and_accuracy_are_those_of_the_weights_at_that_step(folder):
    test = toy(20, seed=1)
    model = load(folder)
    run = training.fit(model, toy(40), evaluate=test, evaluate_every=3, **FEW)
    steps = run.history["step"][run.history["held_out_loss"].notna()].tolist()
    assert steps == [3, 6, len(run.history)] if len(run.history) < 9 else steps[:2] == [3, 6]
    assert steps[-1] == len(run.history)
    loss, accuracy = loss_and_accuracy(model, test)
    assert run.history["held_out_loss"].iloc[-1] == pytest.approx(loss, abs=1e-5)
    assert run.history["held_out_accuracy"].iloc[-1] == pytest.approx(accuracy)
    assert run.report.accuracy == pytest.approx(accuracy)


def test_looking_changes_nothing(tmp_path):
    folder = tiny_model(tmp_path, attention_dropout=0.3)
    weights = []
    for more in ({}, {"evaluate": toy(12, seed=1), "evaluate_every": 1}):
        model = load(folder)
        training.fit(model, toy(), **FEW, **more)
        weights.append(torch.cat([parameter.detach().flatten() for parameter in model.parameters()]))
    assert torch.equal(*weights)


@pytest.mark.parametrize("with_folder", [False, True])
def test_the_best_weights_are_kept(folder, tmp_path, with_folder):
    test = toy(20, seed=1)
    out = tmp_path / "run" if with_folder else None
    states = {}

    def remember(row):
        states[row["step"]] = torch.cat([p.detach().flatten().clone() for p in model.parameters()])

    model = load(folder)
    settings = FEW | {"lr": 0.05, "decay": "constant"}
    run = training.fit(
        model,
        toy(40),
        evaluate=test,
        evaluate_every=2,
        keep_best=True,
        out=out,
        callback=remember,
        **settings,
    )
    best = int(run.history.loc[run.history["held_out_loss"].idxmin(), "step"])
    assert run.kept == best < len(run.history)  # such a rate goes astray
    found = torch.cat([parameter.detach().flatten() for parameter in model.parameters()])
    assert torch.equal(found, states[best])
    assert run.report.to_dict() == evaluate(model, test).to_dict()
    if out:
        for a, b in zip(load(str(out)).parameters(), model.parameters(), strict=True):
            assert torch.equal(a, b)
        assert not list(out.glob("*.tmp"))
        assert not (out / "best.safetensors").exists()


def test_the_best_weights_survive_an_interruption(folder, tmp_path):
    settings = FEW | {"lr": 0.05, "decay": "constant", "evaluate": toy(20, seed=1), "evaluate_every": 2}
    whole = training.fit(load(folder), toy(40), keep_best=True, **settings)

    def stop(row):
        if row["step"] == whole.kept + 1:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), toy(40), keep_best=True, out=out, callback=stop, **settings)
    again = load(folder)
    run = training.fit(again, toy(40), keep_best=True, out=out, resume=True, **settings)
    assert run.kept == whole.kept
    for a, b in zip(again.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_an_evaluation_that_was_interrupted_is_made_up_for(folder, tmp_path, monkeypatch):
    settings = FEW | {"evaluate": toy(20, seed=1), "evaluate_every": 2}
    whole = training.fit(load(folder), toy(40), **settings).history
    asked = []
    measure = measured.HeldOut.measure

    def once_interrupted(self):
        asked.append(1)
        if len(asked) == 2:
            raise KeyboardInterrupt
        return measure(self)

    out = tmp_path / "run"
    monkeypatch.setattr(measured.HeldOut, "measure", once_interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), toy(40), out=out, **settings)
    monkeypatch.undo()
    rows = []
    run = training.fit(load(folder), toy(40), out=out, resume=True, callback=rows.append, **settings)
    assert run.history.drop(columns="tokens/s").equals(whole.drop(columns="tokens/s"))
    assert [row["step"] for row in rows] == list(range(5, len(whole) + 1))  # each new row once


def test_a_run_stops_after_looks_without_gain():
    rows = [
        {"step": n, "held_out_loss": loss} for n, loss in enumerate([0.7, 0.5, 0.6, 0.5, 0.4, 0.9, 0.8], 1)
    ]
    assert [measured.best_step(rows[:n]) for n in range(8)] == [None, 1, 2, 2, 2, 5, 5, 5]
    assert [measured.stalled(rows[:n], 2) for n in range(8)] == [False] * 4 + [True, False, False, True]
    assert not measured.stalled(rows, None)
    assert measured.best_step([{"step": 1, "held_out_loss": math.nan}, {"step": 2}]) is None


def test_stop_after_ends_a_run_that_gets_worse(folder):
    settings = FEW | {"lr": 0.2, "decay": "constant", "evaluate": toy(20, seed=1), "evaluate_every": 1}
    run = training.fit(load(folder), toy(100), stop_after=2, keep_best=True, **settings)
    losses_ = run.history["held_out_loss"].tolist()
    assert len(run.history) == run.kept + 2 < 25
    assert losses_.index(min(losses_)) + 1 == run.kept


@pytest.mark.parametrize("answer", [False, np.False_])
def test_a_callback_stops_a_run_and_nothing_else_that_it_returns_does(folder, tmp_path, answer):
    run = training.fit(
        load(folder), toy(40), callback=lambda row: answer if row["step"] == 3 else True,
        out=tmp_path / "run", evaluate=toy(12, seed=1), **FEW,
    )  # fmt: skip
    assert len(run.history) == 3
    assert len(pd.read_csv(tmp_path / "run" / "history.csv")) == 3
    assert run.report is not None
    for other in (None, 0, [], ""):
        run = training.fit(load(folder), toy(8), callback=lambda row, other=other: other, **FEW)
        assert len(run.history) == 2


# What is refused before the first step

BARE = [{"prompt": f"p {i}", "responses": ["fish", "granite"]} for i in range(3)]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"evaluate": BARE}, "orders no two responses"),
        ({"evaluate": [row | {"ranks": [1, 1]} for row in BARE]}, "orders no two responses"),
        ({"evaluate_every": 2}, "needs evaluate="),
        ({"loss": "regression", "evaluate": toy(8), "evaluate_every": 1, "keep_best": True}, "`ratings`"),
    ],
)
def test_what_would_fail_at_the_end_is_refused_before_the_first_step(folder, tmp_path, settings, words):
    model = load(folder)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    rated = [
        {"prompt": f"q {i}", "responses": ["fish", "granite"], "ratings": {"taste": [2.0, 1.0]}}
        for i in range(8)
    ]
    data = rated if settings.get("loss") else toy()
    with pytest.raises(InputError, match=words):
        training.fit(model, data, out=tmp_path / "run", **FEW, **settings)
    assert not (tmp_path / "run").exists()
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_ranked_pairs_may_judge_a_run_on_ratings(folder):
    rated = Preferences(
        [Record(f"q {i}", ["fish", "granite"], ratings={"taste": [2.0, 1.0]}) for i in range(8)], name="rated"
    )
    run = training.fit(
        load(folder), rated, loss="regression", evaluate=toy(12, seed=1), evaluate_every=1, **FEW
    )
    assert run.history["held_out_loss"].isna().all()
    assert run.history["held_out_accuracy"].notna().all()


def test_the_weights_are_written_before_the_final_evaluation(folder, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def out_of_memory(self):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(measured.HeldOut, "report", out_of_memory)
    with pytest.raises(RuntimeError, match="memory"):
        training.fit(load(folder), toy(), evaluate=toy(12, seed=1), out=out, **FEW)
    monkeypatch.undo()
    assert len(load_file(out / "model.safetensors")) > 10
    assert len(pd.read_csv(out / "history.csv")) == 5
    run = training.fit(load(folder), toy(), evaluate=toy(12, seed=1), out=out, resume=True, **FEW)
    assert json.loads((out / "report.json").read_text())["accuracy"] == run.report.accuracy
    assert not (out / "checkpoint.safetensors").exists()


def test_evaluation_stays_within_the_tokens_of_a_batch(folder):
    model = load(folder)
    largest = {True: 0, False: 0}
    rewards = model.rewards

    def spy(batch):
        largest[model.training] = max(largest[model.training], batch.tokens)
        return rewards(batch)

    model.rewards = spy
    training.fit(model, toy(40), tokens_per_batch=80, evaluate=toy(40, seed=1), evaluate_every=2, **FEW)
    assert 0 < largest[True] <= 80
    assert 0 < largest[False] <= 80


# Own optimizer and schedule; what is decayed


def test_an_optimizer_and_a_schedule_of_ones_own(folder):
    plain = functools.partial(torch.optim.SGD, lr=0.01, momentum=0.9)
    run = training.fit(
        load(folder),
        toy(),
        optimizer=plain,
        schedule=lambda step, steps: 1 / (step + 1),
        **FEW | {"lr": None},
    )
    assert run.history["lr"].tolist() == pytest.approx([0.01 / (n + 1) for n in range(5)])
    model = load(folder)
    own = torch.optim.SGD([{"params": model.network.model.parameters(), "lr": 0.1},
                           {"params": model.network.score.parameters(), "lr": 0.2}])  # fmt: skip
    rates = []
    training.fit(
        model, toy(), optimizer=own, warmup=0.0, **FEW | {"lr": None},
        callback=lambda row: rates.append([group["lr"] for group in own.param_groups]),
    )  # fmt: skip
    assert np.array(rates) == pytest.approx(np.outer([1 - n / 5 for n in range(5)], [0.1, 0.2]))
    assert [group["lr"] for group in own.param_groups] == [0.1, 0.2]  # as the caller left it


def test_an_optimizer_of_ones_own_resumes_bit_for_bit(folder, tmp_path):
    plain = functools.partial(torch.optim.SGD, lr=0.01, momentum=0.9)
    settings = FEW | {"lr": None}
    whole = load(folder)
    training.fit(whole, toy(), optimizer=plain, **settings)

    def stop(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), toy(), optimizer=plain, out=tmp_path / "o", callback=stop, **settings)
    other = functools.partial(torch.optim.SGD, lr=0.02, momentum=0.9)
    with pytest.raises(InputError, match="another optimizer"):
        training.fit(load(folder), toy(), optimizer=other, out=tmp_path / "o", resume=True, **settings)
    model = load(folder)
    training.fit(model, toy(), optimizer=plain, out=tmp_path / "o", resume=True, **settings)
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), whole.parameters(), strict=True))


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"optimizer": torch.optim.SGD}, "leave lr= and weight_decay= out"),
        ({"optimizer": lambda groups: None, "lr": None}, "gave a NoneType"),
        ({"optimizer": torch.optim.SGD([torch.nn.Parameter(torch.ones(1))]), "lr": None}, "does not hold"),
        ({"schedule": lambda step, steps: -1.0}, "schedule gives -1.0"),
        ({"schedule": lambda step: 1.0}, r"function \(step, steps\)"),
    ],
)
def test_an_optimizer_or_schedule_that_cannot_be_is_one_sentence(folder, settings, words):
    with pytest.raises(InputError, match=words):
        training.fit(load(folder), toy(8), **FEW | settings)


def test_norms_and_biases_and_the_loss_are_not_decayed(tmp_path):
    model = load(tiny_model(tmp_path, "gpt2"))
    decayed, plain, own = parameter_groups(model, losses.Davidson(), 0.01)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    assert all(
        name.endswith("weight") and "ln" not in name for name in (names[id(p)] for p in decayed["params"])
    )
    assert all(name.endswith("bias") or "ln" in name for name in (names[id(p)] for p in plain["params"]))
    assert len(decayed["params"]) + len(plain["params"]) == len(names)
    assert (plain["weight_decay"], own["weight_decay"], own["lr"]) == (0.0, 0.0, 0.01)


def test_weight_decay_shrinks_matrices_alone(folder):
    model = load(folder)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}
    still = {"groups_per_step": 100, "warmup": 0.0, "decay": "constant", "progress": False}

    def nothing(rewards, mask, ranks):
        return rewards.sum(1) * 0

    training.fit(model, toy(8), loss=nothing, lr=0.1, weight_decay=0.5, **still)
    for name, parameter in model.named_parameters():
        assert torch.allclose(parameter, before[name] * (0.95 if parameter.dim() == 2 else 1.0), atol=1e-6), (
            name
        )


def test_a_run_may_be_evaluated_on_answers_that_are_right_or_wrong(folder):
    answers = [
        {"prompt": f"why {i}", "responses": ["fish" if i % 2 else "granite"], "correct": [i % 2 == 1]}
        for i in range(6)
    ]
    run = training.fit(load(folder), toy(), evaluate=answers, evaluate_every=2, **FEW)
    assert run.report.outcomes.answers == 6
