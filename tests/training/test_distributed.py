"""Two processes learn what one does."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tiny import load, tiny_model, toy

from rmkit import losses, training
from rmkit.errors import InputError

pytestmark = pytest.mark.xdist_group("processes")  # one after the other: each takes several processors

SCRIPT = """
import json, os, sys
from pathlib import Path
sys.path[:0] = [{here!r}, {tests!r}, {root!r}]
import torch
torch.set_num_threads(1)
from accelerate import PartialState
from test_distributed import SETTINGS
from tiny import load, toy
from rmkit import losses, training

more = dict(evaluate=toy(9, seed=1), evaluate_every=2, loss=losses.Davidson(), **SETTINGS)
run = training.fit(load({folder!r}), toy(22), out={out!r}, progress=False, **more)
assert run.report.groups > 0
assert PartialState().num_processes == 2
Path({out!r} + os.environ["RANK"]).write_text(json.dumps(run.history.to_dict("list")))
"""
# 3 useful groups in the last step, batches of one or two groups: the processes' shares are uneven.
SETTINGS = {"groups_per_step": 5, "tokens_per_batch": 40, "lr": 1e-3, "weighting": "pair", "save_every": 2}


def test_two_processes_give_the_losses_and_weights_of_one(tmp_path):
    folder = tiny_model(tmp_path / "llama")
    more = {"evaluate": toy(9, seed=1), "evaluate_every": 2, "loss": losses.Davidson(), **SETTINGS}
    one = training.fit(load(folder), toy(22), out=tmp_path / "one", **more)
    tests = Path(__file__).parents[1]
    script = tmp_path / "script.py"
    out = tmp_path / "two"
    names = {
        "here": str(Path(__file__).parent),
        "tests": str(tests),
        "root": str(tests.parent),
        "folder": folder,
        "out": str(out),
    }
    script.write_text(SCRIPT.format(**names))
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node=2",
        str(script),
    ]
    environment = os.environ | {"ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(launch, env=environment, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr[-3000:]
    for rank in (0, 1):
        two = json.loads(Path(f"{out}{rank}").read_text())
        close = "loss margin grad_norm reward_mean reward_std reward_min reward_max loss.log_nu held_out_loss"
        for column in close.split():
            assert two[column] == pytest.approx(one.history[column].tolist(), abs=1e-5, nan_ok=True)
        for column in ("accuracy", "pairs", "tokens", "groups", "lr"):
            assert two[column] == one.history[column].tolist()
    a, b = (load_file(path / "model.safetensors") for path in (one.out, out))
    assert all(torch.allclose(a[name], b[name], atol=1e-4) for name in a)
    assert one.history["held_out_loss"].notna().sum() >= 2
    assert one.history["loss.log_nu"].nunique() == len(one.history)


def test_processes_that_do_not_find_each_other_are_an_error(tmp_path, monkeypatch):
    model = load(tiny_model(tmp_path))
    monkeypatch.setenv("WORLD_SIZE", "2")  # as torchrun sets it
    with pytest.raises(InputError, match="ACCELERATE_USE_CPU"):
        training.fit(model, toy(8))
