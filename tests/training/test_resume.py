"""A run that is killed goes on to the same weights, bit for bit."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import load, tiny_model, toy

from rmkit import training
from rmkit.errors import InputError
from rmkit.training import checkpoint

SETTINGS = {"groups_per_step": 4, "lr": 1e-3, "save_every": 2, "seed": 3, "centering": 0.01}

# Run by another process, which kills itself without warning: between two checkpoints, or while it writes one.
KILLED = """
import os, signal, sys
sys.path[:0] = [{here!r}, {tests!r}]
import torch
torch.set_num_threads(1)
from tiny import load, toy
from test_resume import SETTINGS
from rmkit import training
from rmkit.training import checkpoint

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def half_a_file(tensors, path, metadata):
    path.write_bytes(b"not a whole checkpoint")
    die()

def at_step_7(row):
    if row["step"] == 7 and {where!r} == "training":
        die()
    if row["step"] == 5 and {where!r} == "saving":
        checkpoint.save_file = half_a_file

training.fit(load({folder!r}), toy(50), out={out!r}, callback=at_step_7, **SETTINGS)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"), attention_dropout=0.2)


@pytest.fixture(scope="module")
def uninterrupted(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    return training.fit(load(folder), toy(50), out=out, **SETTINGS)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("where", ["training", "saving"])
def test_a_killed_run_goes_on_to_the_same_weights_bit_for_bit(folder, uninterrupted, tmp_path, where):
    out = tmp_path / "run"
    tests = str(Path(__file__).parents[1])
    script = KILLED.format(
        here=str(Path(__file__).parent), tests=tests, folder=folder, out=str(out), where=where
    )
    environment = os.environ | {"PYTHONPATH": str(Path(tests).parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    state = checkpoint.load_state(out)
    assert len(state["history"]) == {"training": 6, "saving": 4}[where]
    assert not (out / "model.safetensors").exists()

    run = training.fit(load(folder), toy(50), out=out, resume=True, **SETTINGS)
    whole = load_file(uninterrupted.out / "model.safetensors")
    resumed = load_file(out / "model.safetensors")
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    columns = ["step", "loss", "accuracy", "margin", "lr", "grad_norm", "pairs"]
    assert run.history[columns].equals(uninterrupted.history[columns])
    assert not list(out.glob("checkpoint*"))


@pytest.fixture
def stopped(folder, tmp_path):
    """A folder with a checkpoint, of a run stopped by Ctrl-C."""

    def stop(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), toy(50), out=tmp_path / "run", callback=stop, **SETTINGS)
    return tmp_path / "run"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"lr": 2e-3}, "lr=0.002, not 0.001"),
        ({"loss": "hinge"}, "loss='hinge', not 'bradley-terry'"),
        ({"loss": "hinge", "gap": 2.0}, "gap=2.0, not None"),
        ({"weight_decay": 0.1}, "weight_decay=0.1, not 0.0"),
        ({"seed": 4}, "seed=4, not 3"),
        ({"epochs": 2}, "epochs=2, not 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:epochs")
def test_other_settings_are_not_resumed(folder, stopped, changed, words):
    with pytest.raises(InputError, match=words):
        training.fit(load(folder), toy(50), out=stopped, resume=True, **SETTINGS | changed)


def test_other_data_are_not_resumed(folder, stopped):
    with pytest.raises(InputError, match="other data"):
        training.fit(load(folder), toy(seed=1), out=stopped, resume=True, **SETTINGS)


def test_a_folder_that_holds_something_is_not_overwritten(folder, uninterrupted, tmp_path):
    with pytest.raises(InputError, match="not empty"):
        training.fit(load(folder), toy(50), out=uninterrupted.out)
    with pytest.raises(InputError, match="no checkpoint to resume"):
        training.fit(load(folder), toy(50), out=uninterrupted.out, resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="is a file"):
        training.fit(load(folder), toy(50), out=tmp_path / "file")


def test_resuming_an_empty_folder_begins(folder, uninterrupted, tmp_path):
    run = training.fit(load(folder), toy(50), out=tmp_path / "new", resume=True, **SETTINGS)
    assert run.history["loss"].equals(uninterrupted.history["loss"])


def test_lora_resumes_from_a_checkpoint_of_its_adapters_alone(folder, tmp_path):
    pytest.importorskip("peft", reason="peft is not installed")

    def stop(row):
        if row["step"] == 5:
            raise KeyboardInterrupt

    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder, lora=2), toy(50), out=out, callback=stop, **SETTINGS)
    names = [name for name in load_file(out / checkpoint.NAME) if name.startswith("weight.")]
    assert names
    assert all("lora" in name or "score" in name for name in names)
    resumed, whole = load(folder, lora=2), load(folder, lora=2)
    training.fit(resumed, toy(50), out=out, resume=True, **SETTINGS)
    training.fit(whole, toy(50), **SETTINGS)
    for a, b in zip(resumed.parameters(), whole.parameters(), strict=True):
        assert torch.equal(a, b)
