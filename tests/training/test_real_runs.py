"""`python -m rmkit train` on real pairs: killed at three moments and resumed, it is one run."""

import os
import signal

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file
from tiny import tiny_model

from rmkit.__main__ import main
from rmkit.training import checkpoint, held_out
from rmkit.training.progress import Progress

PAIRWISE = ["llmbar", "truthfulqa"]  # of five, which all pass: five processes each


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"), attention_dropout=0.1)


def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)


def kill_in_a_step():
    show = Progress.show
    Progress.show = lambda self, row: die() if row["step"] == 4 else show(self, row)


def kill_while_it_saves():
    def half_a_file(tensors, path, metadata):
        path.write_bytes(b"not a whole checkpoint")
        die()

    checkpoint.save_file = half_a_file


def kill_in_the_last_evaluation():
    held_out.HeldOut.report = die


def nothing():
    pass


def in_a_child(words, before) -> int:
    """The exit status of `main` in a process of its own: minus the signal that ended it."""
    child = os.fork()
    if child == 0:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        before()
        code = 1
        try:
            code = main(words)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.parametrize("name", PAIRWISE)
def test_a_run_killed_three_times_is_one_run(real_data, folder, tmp_path, name):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    data = str(real_data / f"{name}.jsonl")
    words = ["train", data, "--model", folder, "--evaluate", data, "--part", "train", "--no-progress"]
    sizes = "--max-groups 32 --max-length 48 --groups-per-step 4 --save-every 2 --evaluate-every 3"
    words += sizes.split(" ")
    words += ["--keep-best", "--log", "tensorboard"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert in_a_child([*words, "--out", str(whole)], nothing) == 0
    again = [*words, "--out", str(killed), "--resume"]
    assert in_a_child(again[:-1], kill_in_a_step) == -signal.SIGKILL
    assert in_a_child(again, kill_while_it_saves) == -signal.SIGKILL
    assert in_a_child(again, kill_in_the_last_evaluation) == -signal.SIGKILL
    assert in_a_child(again, nothing) == 0

    a, b = (load_file(run / "model.safetensors") for run in (whole, killed))
    assert a.keys() == b.keys()
    assert all(torch.equal(a[key], b[key]) for key in a)
    one, two = (pd.read_csv(run / "history.csv").drop(columns="tokens/s") for run in (whole, killed))
    assert one.equals(two)
    assert (whole / "report.json").read_text() == (killed / "report.json").read_text()
    assert not list(killed.glob("*.tmp")) + list(killed.glob("checkpoint*")) + list(killed.glob("best*"))
    events = EventAccumulator(str(killed / "logs"))
    events.Reload()
    assert [scalar.step for scalar in events.Scalars("loss")] == one["step"].tolist()
    assert [scalar.value for scalar in events.Scalars("loss")] == pytest.approx(
        one["loss"].tolist(), rel=1e-6
    )
