"""One dataclass: the signature of fit, the flags, the file, the record, and what makes two runs the same."""

import inspect
import json
import math
from dataclasses import fields

import numpy as np
import pytest
import torch
from tiny import load, tiny_model, toy

import rmkit
from rmkit import training
from rmkit.__main__ import main
from rmkit.errors import InputError
from rmkit.training import Settings
from rmkit.training import settings as all_about
from rmkit.training.identity import identity
from rmkit.training.objective import Objective


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"epochs": 0}, "whole number, 1 or more"),
        ({"epochs": 1.5}, "whole number, 1 or more"),
        ({"epochs": True}, "whole number"),
        ({"lr": -1e-3}, "number, 0 or more"),
        ({"lr": float("nan")}, "number, 0 or more"),
        ({"lr": float("inf")}, "number, 0 or more"),
        ({"lr": "1e-5"}, "number, 0 or more"),
        ({"warmup": 1.1}, "from 0 to 1"),
        ({"clip": 0}, "above 0"),
        ({"clip": float("nan")}, "above 0"),
        ({"centering": -0.1}, "0 or more"),
        ({"weight_decay": None}, "0 or more"),
        ({"seed": 0.5}, "whole number"),
        ({"groups_per_step": 0}, "1 or more"),
        ({"tokens_per_batch": -5}, "1 or more"),
        ({"weighting": "both"}, "it can be group, pair"),
        ({"decay": "square"}, "it can be linear, cosine, constant"),
        ({"precision": "fp16"}, "it can be no, bf16"),
        ({"progress": 1}, "True or False"),
        ({"aspect": 3}, "text"),
        ({"loss": 3}, "a name, a function or a module"),
        ({"schedule": "cosine"}, "function"),
        ({"schedule": lambda step, steps: 1.0, "decay": "cosine"}, "takes the place of warmup and decay"),
        ({"groups_per_step": 2, "tokens_per_step": 100}, "give one"),
        ({"keep_best": True}, "keep_best needs evaluate_every"),
        ({"stop_after": 2}, "stop_after needs evaluate_every"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(values, words):
    with pytest.raises(InputError, match=words) as error:
        Settings(**values)
    assert next(iter(values)) in str(error.value)
    assert "\n" not in str(error.value)


def test_numbers_of_numpy_become_plain_and_infinity_is_no_clipping():
    settings = Settings(epochs=np.int64(2), lr=np.float32(0.5), clip=float("inf"))
    assert json.loads(json.dumps(settings.to_dict()))["lr"] == 0.5
    assert type(settings.epochs) is int


def test_the_signature_and_the_help_of_fit_are_the_settings():
    parameters = inspect.signature(rmkit.fit).parameters
    for setting in fields(Settings):
        if setting.name != "options":
            assert parameters[setting.name].default == setting.default
            assert setting.metadata["words"] in rmkit.fit.__doc__
    assert "{SETTINGS}" not in rmkit.fit.__doc__


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"epoch": 2}, "did you mean epochs"),
        ({"loss": "label-smoothing", "smothing": 0.3}, "did you mean smoothing"),
        ({"loss": "hinge", "smoothing": 0.3}, r"its options: gap"),
        ({"rewards": 3}, "no argument 'rewards'"),
    ],
)
def test_an_unknown_name_is_one_sentence_with_what_was_meant(folder, changes, words):
    with pytest.raises(InputError, match=words):
        training.fit(load(folder), toy(8), **changes)


def test_settings_change_by_name_and_another_loss_drops_the_options_of_the_first():
    first = Settings(loss="label-smoothing", options={"smoothing": 0.2})
    assert first.but(lr=0.5).options == {"smoothing": 0.2}
    assert first.but(smoothing=0.3).options == {"smoothing": 0.3}
    assert first.but(loss="hinge", gap=2.0).options == {"gap": 2.0}
    assert first.to_dict()["smoothing"] == 0.2


def test_flags_a_file_and_the_record_say_the_same(folder, tmp_path):
    data, config = tmp_path / "toy.jsonl", tmp_path / "run.toml"
    toy(24).save(data)
    config.write_text(
        'loss = "label-smoothing"\nsmoothing = 0.3\nlr = 0.5\ngroups_per_step = 8\nwarmup = 0.5\n'
    )
    words = ["train", str(data), "--model", folder, "--no-progress"]
    assert main([*words, "--out", str(tmp_path / "a"), "--config", str(config), "--lr", "0.001"]) == 0
    recorded = json.loads((tmp_path / "a" / "settings.json").read_text())
    assert (recorded["smoothing"], recorded["lr"], recorded["warmup"]) == (0.3, 0.001, 0.5)
    assert recorded["tokens_per_batch"] > 0  # a default, as the number that was used

    again = ["--out", str(tmp_path / "b"), "--config", str(tmp_path / "a" / "settings.json")]
    assert main([*words, *again]) == 0
    flags = "--loss label-smoothing --smoothing 0.3 --lr 0.001 --groups-per-step 8 --warmup 0.5"
    assert main([*words, "--out", str(tmp_path / "c"), *flags.split()]) == 0
    weights = [(tmp_path / run / "model.safetensors").read_bytes() for run in "abc"]
    assert weights[0] == weights[1] == weights[2]


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("run.yaml", "lr: 1", "end its name in .json or .toml"),
        ("run.json", "{lr: 1}", "is not JSON"),
        ("run.toml", "lr = ", "is not TOML"),
        ("run.json", "[1]", "one object"),
        ("run.json", '{"learning_rate": 1}', "no argument 'learning_rate'"),
        ("run.json", '{"lr": -1}', "lr is -1"),
    ],
)
def test_a_file_that_cannot_be_is_one_sentence(name, text, words, tmp_path, capsys):
    (tmp_path / name).write_text(text)
    command = ["train", "nowhere.jsonl", "--model", "m", "--out", str(tmp_path / "out")]
    assert main([*command, "--config", str(tmp_path / name)]) == 2
    last = capsys.readouterr().err.strip().splitlines()
    assert len(last) == 1
    assert words in last[0]


def test_what_changes_no_result_is_no_part_of_a_runs_identity():
    assert {"tokens_per_batch", "save_every", "log", "progress", "checkpointing"} == all_about.HARMLESS


# The identity of a function

SCALE = 1.0


def scaled(rewards, mask, ranks):
    return rewards.sum(1) * SCALE


def with_default(rewards, mask, ranks, *, gap=1.0):
    return rewards.sum(1) * gap


def maker(number):
    def own(rewards, mask, ranks):
        return rewards.sum(1) * number

    return own


class Keeps:
    def __init__(self, number):
        self._number = number

    def __call__(self, rewards, mask):
        return rewards.sum(1) * self._number


def test_a_function_is_known_by_its_code_and_by_all_that_it_reads(monkeypatch):
    def one(rewards, mask):
        return rewards.sum(1) if "a" in {"a", "b"} else None

    def other(rewards, mask):
        return -rewards.sum(1) if "a" in {"a", "b"} else None

    other.__qualname__ = one.__qualname__
    assert identity(one) == identity(one)
    assert identity(one) != identity(other)
    assert identity(maker(1)) == identity(maker(1)) != identity(maker(-1))
    assert identity(Keeps(1)) == identity(Keeps(1)) != identity(Keeps(-1))
    before, first = identity(with_default), identity(scaled)
    monkeypatch.setitem(with_default.__kwdefaults__, "gap", 2.0)
    monkeypatch.setitem(globals(), "SCALE", 2.0)
    assert identity(with_default) != before
    assert identity(scaled) != first
    assert identity("hinge") == "hinge"
    json.dumps(identity(lambda rewards: rewards))


def test_a_compiled_function_is_the_function_that_was_written():
    compiled = torch.compile(scaled)
    assert identity(compiled) == identity(scaled)
    assert identity(torch.compile(with_default)) != identity(compiled)


@pytest.mark.parametrize("value", ["two", math.nan, math.inf, True, [1.0]])
def test_an_option_of_a_loss_is_a_finite_number(value):
    with pytest.raises(InputError, match=r"gamma is .* takes a finite number"):
        Objective("focal", {"gamma": value})


def test_a_settings_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match="There is no settings file"):
        all_about.read(tmp_path / "absent.json")
