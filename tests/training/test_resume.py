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
from rmkit.training import checkpoint, objective

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
    """A folder with a checkpoint of step 3, of a run stopped by Ctrl-C."""

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


def test_what_changes_no_result_may_change(folder, uninterrupted, stopped):
    changed = SETTINGS | {"tokens_per_batch": 60, "save_every": 1, "progress": False}
    run = training.fit(load(folder), toy(50), out=stopped, resume=True, **changed)
    assert run.history["loss"][:3].equals(uninterrupted.history["loss"][:3])
    assert len(run.history) == len(uninterrupted.history)


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


# Interruptions of every kind


def resumes_to(uninterrupted, folder, out):
    run = training.fit(load(folder), toy(50), out=out, resume=True, **SETTINGS)
    whole = load_file(uninterrupted.out / "model.safetensors")
    resumed = load_file(out / "model.safetensors")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    assert run.history.drop(columns="tokens/s").equals(uninterrupted.history.drop(columns="tokens/s"))


def test_an_update_that_fails_is_not_counted(folder, uninterrupted, tmp_path, monkeypatch):
    plain, calls = torch.optim.AdamW.step, []

    def fails(*values, **named):
        calls.append(1)
        if len(calls) == 5:
            raise MemoryError
        return plain(*values, **named)

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", fails)
        with pytest.raises(MemoryError):
            training.fit(load(folder), toy(50), out=out, **SETTINGS)
    assert len(checkpoint.load_state(out)["history"]) == 4
    resumes_to(uninterrupted, folder, out)


@pytest.mark.parametrize("where", ["a callback", "a loss", "a gradient", "the update"])
def test_an_error_anywhere_leaves_a_checkpoint(folder, uninterrupted, tmp_path, monkeypatch, where):
    """Ctrl-C comes as a real signal, in the middle of the fifth step."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background begins without it
    calls = []

    def interrupt(*_):
        calls.append(1)
        if len(calls) == 5:
            signal.raise_signal(signal.SIGINT)

    more = {}
    if where == "a callback":
        more["callback"] = interrupt
    else:
        owner, name = {
            "a loss": (objective.Objective, "forward"),
            "a gradient": (torch.nn.utils, "clip_grad_norm_"),
            "the update": (torch.optim.AdamW, "step"),
        }[where]
        plain = getattr(owner, name)

        def also(*values, **named):
            found = plain(*values, **named)
            interrupt()
            return found

        monkeypatch.setattr(owner, name, also)
    out = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt) as error:
        training.fit(load(folder), toy(50), out=out, **SETTINGS, **more)
    monkeypatch.undo()
    done = {"a callback": 5, "a loss": 4, "a gradient": 4, "the update": 5}[where]
    assert len(checkpoint.load_state(out)["history"]) == done
    assert f"checkpoint of step {done}" in error.value.__notes__[0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    resumes_to(uninterrupted, folder, out)


FULL = """
import resource, sys
sys.path[:0] = [{here!r}, {tests!r}]
import torch
torch.set_num_threads(1)
from tiny import load, toy
from test_resume import SETTINGS
from rmkit import training
from rmkit.errors import InputError

def full(row):
    if row["step"] == {step}:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))

model, data = load({folder!r}), toy(50)
try:
    training.fit(model, data, out={out!r}, callback=full, progress=False, **SETTINGS)
except InputError as error:
    print(error)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows limits no file's size")
@pytest.mark.parametrize(("step", "whole"), [(3, 2), (1, 0)])
def test_a_full_disk_leaves_the_checkpoint_before(folder, uninterrupted, tmp_path, step, whole):
    out = tmp_path / "run"
    here, tests = str(Path(__file__).parent), str(Path(__file__).parents[1])
    script = FULL.format(here=here, tests=tests, folder=folder, out=str(out), step=step)
    environment = os.environ | {"PYTHONPATH": str(Path(tests).parent)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    before = "that of step 2 is whole" if whole else "there is none before it"
    assert f"could not be written to {out}" in done.stdout
    assert before in done.stdout
    assert "resume=True" in done.stdout
    assert not list(out.glob("*.tmp"))
    assert (out / checkpoint.NAME).exists() == bool(whole)
    resumes_to(uninterrupted, folder, out)


def test_a_run_killed_before_its_first_checkpoint_begins_again(folder, uninterrupted, tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / checkpoint.SETTINGS).write_text("{}")
    resumes_to(uninterrupted, folder, out)


def test_a_folder_with_a_checkpoint_says_how_to_go_on(folder, stopped):
    with pytest.raises(InputError, match="go on with resume=True"):
        training.fit(load(folder), toy(50), out=stopped, **SETTINGS)


def test_a_run_that_was_stopped_is_not_trained_further(folder, tmp_path, monkeypatch):
    out = tmp_path / "run"

    def fails(self, learned):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(training.Run, "save", fails)
    with pytest.raises(OSError, match="space"):
        training.fit(load(folder), toy(50), out=out, callback=lambda row: row["step"] < 3, **SETTINGS)
    monkeypatch.undo()
    run = training.fit(load(folder), toy(50), out=out, resume=True, **SETTINGS)
    assert len(run.history) == 3


class Odd(torch.optim.SGD):
    """Keeps numbers that are no tensors in its state and its groups."""

    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            group["count"] = group.get("count", 0) + 1
            self.state[group["params"][0]]["seen"] = group["count"]


def test_what_an_optimizer_keeps_beside_tensors_is_resumed(folder, tmp_path):
    def make(groups):
        Odd.last = Odd(groups, lr=0.01, momentum=0.5)
        return Odd.last

    def stop(row):
        if row["step"] == 3:
            raise KeyboardInterrupt

    few = {"groups_per_step": 4, "progress": False, "optimizer": make}
    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), toy(), out=tmp_path / "run", callback=stop, **few)
    run = training.fit(load(folder), toy(), out=tmp_path / "run", resume=True, **few)
    assert [group["count"] for group in Odd.last.param_groups] == [len(run.history)] * 2
