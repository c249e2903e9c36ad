"""Weights over processes: two and four learn what one does, and go on where others were killed."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tiny import load, tiny_model, toy
from torch.distributed import HashStore
from torch.distributed.tensor import DTensor

from rmkit import losses, training
from rmkit.errors import InputError
from rmkit.training import checkpoint, sharded_checkpoint

pytestmark = pytest.mark.xdist_group("processes")

HERE, TESTS = Path(__file__).parent, Path(__file__).parents[1]
# Batches of one or two groups, and three in the last step: the shares of the processes are uneven.
SETTINGS = {"groups_per_step": 5, "tokens_per_batch": 40, "lr": 1e-3, "weighting": "pair", "progress": False}
LOOKS = {"evaluate_every": 2, "keep_best": True, "save_every": 2}
LONG = {"groups_per_step": 4, "lr": 1e-3, "progress": False}  # more than 200 steps


def whole(folder, **more):
    """A run of one process that is not interrupted."""
    more = {"evaluate": toy(9, seed=1), "loss": losses.Davidson(), **SETTINGS, **LOOKS, **more}
    return training.fit(load(folder), toy(22), **more)


def launched(processes, work, folder, out):
    """What `processes` processes print who do one of the WORKS of this file."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += [f"--nproc_per_node={processes}", __file__, work, str(folder), str(out)]
    paths = os.pathsep.join(map(str, (HERE, TESTS, TESTS.parent)))
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1200)


# --- in each of several processes


def killed(folder, out):
    """The second process dies in the fourth step, after the checkpoint of the second."""
    from rmkit.training import loop

    plain = loop.seed_step

    def dies(seed, number, process):
        if (number, process) == (3, 1):
            os.kill(os.getpid(), signal.SIGKILL)
        plain(seed, number, process)

    loop.seed_step = dies
    sharded(folder, out)


def resumed(folder, out):
    sharded(folder, out, resume=True)


def sharded(folder, out, **more):
    model = load(folder, shard=True)
    assert model.device.type == ("meta" if os.environ["RANK"] != "0" else "cpu")
    more = {"evaluate": toy(9, seed=1), "loss": losses.Davidson(), **SETTINGS, **LOOKS, **more}
    run = training.fit(model, toy(22), out=out, shard=True, checkpointing=True, **more)
    assert all(isinstance(parameter, DTensor) for parameter in model.parameters())
    run.history.to_pickle(f"{out}.{os.environ['RANK']}.pkl")  # to the last digit


def variants(folder, out):
    """The run of `killed` goes on; LoRA over weights in bfloat16; and a model that is in parts is refused."""
    resumed(folder, f"{out}/resumed")
    model = load(folder, shard=True, lora=2, dtype=torch.bfloat16)
    training.fit(model, toy(22), out=f"{out}/lora", shard=True, **SETTINGS)
    with pytest.raises(InputError, match="lie over processes"):
        training.fit(model, toy(22), shard=True, **SETTINGS)


# --- in the process of the tests


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def one(folder, tmp_path_factory):
    return whole(folder, out=tmp_path_factory.mktemp("one") / "run")


@pytest.fixture(scope="module")
def left(folder, tmp_path_factory):
    """The folder of a run of two processes of which one was killed."""
    out = tmp_path_factory.mktemp("killed") / "run"
    done = launched(2, "killed", folder, out)
    assert done.returncode != 0
    assert len(checkpoint.load_state(out)["history"]) == 2, done.stderr[-3000:]
    assert not (out / "model.safetensors").exists()
    return out


@pytest.fixture(scope="module")
def two(folder, left, tmp_path_factory):
    out = tmp_path_factory.mktemp("two")
    shutil.copytree(left, out / "resumed")
    done = launched(2, "variants", folder, out)
    assert done.returncode == 0, done.stderr[-3000:]
    return out


def same(history, out, one):
    close = "loss margin grad_norm reward_mean reward_std reward_min reward_max loss.log_nu held_out_loss"
    for column in close.split():
        expected = one.history[column].tolist()
        assert history[column].tolist() == pytest.approx(expected, abs=1e-5, nan_ok=True), column
    for column in ("accuracy", "pairs", "tokens", "groups"):
        assert history[column].tolist() == one.history[column].tolist(), column
    for name in ("model.safetensors", "loss.safetensors"):
        ours, theirs = load_file(out / name), load_file(one.out / name)
        assert ours.keys() == theirs.keys()
        assert all(torch.allclose(ours[key], theirs[key], atol=1e-4) for key in ours)
    assert {path.name for path in out.iterdir()} == {path.name for path in one.out.iterdir()}
    report, expected = (json.loads((path / "report.json").read_text()) for path in (out, one.out))
    assert report["accuracy"] == expected["accuracy"]


@pytest.mark.parametrize("rank", [0, 1])
def test_two_processes_go_on_and_learn_what_one_does(two, one, rank):
    same(pd.read_pickle(two / f"resumed.{rank}.pkl"), two / "resumed", one)


def test_four_processes_go_on_with_the_run_of_two(folder, left, one, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(left, out)
    done = launched(4, "resumed", folder, out)
    assert done.returncode == 0, done.stderr[-3000:]
    same(pd.read_pickle(f"{out}.3.pkl"), out, one)


def test_one_process_goes_on_with_the_run_of_two(folder, left, one, tmp_path):
    out = tmp_path / "run"
    shutil.copytree(left, out)
    with pytest.raises(InputError, match="shard=False, not True"):
        whole(folder, out=out, resume=True)
    half = out / "checkpoint-2" / "shard-00009-model-00001-of-00001.safetensors"
    half.parent.mkdir()
    half.write_bytes(b"of a process that was killed while it wrote")
    same(whole(folder, out=out, resume=True, shard=True).history, out, one)


def test_a_full_disk_leaves_the_parts_before(folder, one, tmp_path, monkeypatch):
    def full(row):
        if row["step"] == 3:
            monkeypatch.setattr(sharded_checkpoint.HuggingFaceStorageWriter, "write_data", fails)

    def fails(*_):
        raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="the disk is full"):
        whole(folder, out=tmp_path / "run", shard=True, callback=full)
    monkeypatch.undo()
    assert {path.name for path in (tmp_path / "run").glob("checkpoint*")} == {
        "checkpoint-1",
        "checkpoint.json",
    }
    same(whole(folder, out=tmp_path / "run", resume=True, shard=True).history, tmp_path / "run", one)


def test_adapters_over_processes_learn_what_one_process_does(two, folder, tmp_path):
    pytest.importorskip("peft", reason="peft is not installed")
    model = load(folder, lora=2, dtype=torch.bfloat16)
    run = training.fit(model, toy(22), out=tmp_path / "run", **SETTINGS)
    ours = pd.read_csv(two / "lora" / "history.csv")
    assert ours["loss"].tolist() == pytest.approx(run.history["loss"].tolist(), abs=1e-3)
    a, b = (load_file(path / "model.safetensors") for path in (two / "lora", run.out))
    assert a.keys() == b.keys()
    for name, weight in a.items():  # merged, and rounded to bfloat16
        assert torch.allclose(weight.float(), b[name].float(), atol=1e-2, rtol=1e-2), name
    assert torch.allclose(a["score.weight"], b["score.weight"], atol=1e-4)


def within_one_percent(history, exact):
    for steps in range(50, 201, 50):
        ours, theirs = (h["loss"][steps - 50 : steps].mean() for h in (history, exact))
        assert ours == pytest.approx(theirs, rel=0.01)
    assert not history["loss"].equals(exact["loss"])


@pytest.fixture
def group():
    """A group of one process: `fully_shard` as it is, without waiting for others."""
    torch.distributed.init_process_group("gloo", store=HashStore(), rank=0, world_size=1)
    yield
    torch.distributed.destroy_process_group()


def test_bf16_learns_as_float32_does(folder, group):
    """Over 200 steps, under autocast, and in layers that are gathered in bfloat16 from parts in float32."""
    exact = training.fit(load(folder), toy(1100), **LONG).history
    assert len(exact) >= 200
    assert exact["loss"][-50:].mean() < 0.9 * exact["loss"][:50].mean()
    within_one_percent(training.fit(load(folder), toy(1100), precision="bf16", **LONG).history, exact)
    model = load(folder)
    half = training.fit(model, toy(1100), precision="bf16", shard=True, checkpointing=True, **LONG)
    within_one_percent(half.history, exact)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert isinstance(model.classifier.base_model.norm.weight, DTensor)


def test_checkpointing_of_activations_changes_no_result(folder):
    model = load(folder)
    plain = training.fit(load(folder), toy(22), **SETTINGS)
    again = training.fit(model, toy(22), checkpointing=True, **SETTINGS)
    # A last layer that is computed again is computed at all tokens: the same sums, in another order.
    np.testing.assert_allclose(again.history["loss"], plain.history["loss"], rtol=1e-6)
    assert not any(getattr(part, "gradient_checkpointing", False) for part in model.modules())


@pytest.mark.parametrize("engine", ["FSDP", "DEEPSPEED"])
def test_another_engine_is_refused_with_what_to_set(folder, monkeypatch, engine):
    monkeypatch.setenv(f"ACCELERATE_USE_{engine}", "true")
    with pytest.raises(InputError, match=rf"{engine}.*MULTI_GPU.*shard=True"):
        training.fit(load(folder), toy(22), **SETTINGS)


def test_weights_that_only_the_first_process_has_need_shard(folder, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    model = load(folder, shard=True)
    assert all(parameter.is_meta for parameter in model.parameters())
    monkeypatch.delenv("RANK")
    with pytest.raises(InputError, match="give fit shard=True too"):
        training.fit(model, toy(22), **SETTINGS)


if __name__ == "__main__":
    torch.set_num_threads(1)
    {"killed": killed, "resumed": resumed, "variants": variants}[sys.argv[1]](*sys.argv[2:])
