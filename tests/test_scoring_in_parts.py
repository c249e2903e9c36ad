"""`score` and `evaluate` in parts: a killed command goes on, and processes share the work."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tiny import tiny_model, toy

from rmkit.__main__ import main
from rmkit.models.reward_model import RewardModel

pytestmark = pytest.mark.xdist_group("processes")

PARTS = 5  # of 64 records


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "toy.jsonl"
    toy(300).save(path)
    with path.open("a") as file:
        file.write(json.dumps({"prompt": "p", "responses": ["", "x"]}) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def whole(folder, data, tmp_path_factory):
    """scores.jsonl and report.json of one process that is not interrupted."""
    out = tmp_path_factory.mktemp("whole")
    assert main(["score", folder, data, "--out", str(out / "scores.jsonl")]) == 0
    assert main(["evaluate", folder, data, "--out", str(out / "report.json")]) == 0
    return out


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "scores"


def scored_until(part, monkeypatch, arguments):
    """How many parts a command scores; it is stopped at this one."""
    plain, calls = RewardModel.score_groups, []

    def scores(*values, **named):
        if len(calls) == part:
            raise KeyboardInterrupt
        calls.append(1)
        return plain(*values, **named)

    with monkeypatch.context() as patch:
        patch.setattr(RewardModel, "score_groups", scores)
        ended = main(arguments)
    return ended, len(calls)


def test_a_killed_command_scores_only_what_is_left(folder, data, whole, cache, monkeypatch, tmp_path):
    out = tmp_path / "scores.jsonl"
    arguments = ["score", folder, data, "--out", str(out)]
    assert scored_until(2, monkeypatch, arguments) == (130, 2)
    assert not out.exists()
    other = tiny_model(tmp_path / "other", seed=1)  # the parts are of another model
    assert scored_until(9, monkeypatch, ["score", other, *arguments[2:]]) == (0, PARTS)
    assert scored_until(9, monkeypatch, arguments) == (0, PARTS - 2)
    assert out.read_bytes() == (whole / "scores.jsonl").read_bytes()
    assert list(cache.iterdir()) == []


def test_two_processes_write_what_one_does(folder, data, whole, cache, monkeypatch, tmp_path):
    scores, report = tmp_path / "scores.jsonl", tmp_path / "report.json"
    scored_until(1, monkeypatch, ["score", folder, data, "--out", str(scores)])
    script = tmp_path / "both.py"
    script.write_text(
        "import sys\n"
        "from rmkit.__main__ import main\n"
        "from rmkit.models.reward_model import RewardModel\n"
        "plain = RewardModel.score_groups\n"
        "def scores(*values, **named):\n"
        "    print('one part')\n"
        "    return plain(*values, **named)\n"
        "RewardModel.score_groups = scores\n"
        "folder, data, scores, report = sys.argv[1:]\n"
        "assert main(['score', folder, data, '--out', scores]) == 0\n"
        "assert main(['evaluate', folder, data, '--out', report]) == 0\n"
    )
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    command += [str(script), folder, data, str(scores), str(report)]
    root = str(Path(__file__).parent.parent)
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("one part") == PARTS - 1 + PARTS  # each once, and none of the first again
    assert scores.read_bytes() == (whole / "scores.jsonl").read_bytes()
    assert json.loads(report.read_text()) == json.loads((whole / "report.json").read_text())
    assert list(cache.iterdir()) == []


def test_a_damaged_part_is_scored_again(folder, data, whole, cache, monkeypatch, tmp_path):
    out = tmp_path / "scores.jsonl"
    arguments = ["score", folder, data, "--out", str(out)]
    scored_until(2, monkeypatch, arguments)
    part = sorted(cache.rglob("*.arrow"))[0]
    part.write_bytes(part.read_bytes()[:-9])
    assert scored_until(9, monkeypatch, arguments) == (0, PARTS - 1)
    assert out.read_bytes() == (whole / "scores.jsonl").read_bytes()
    shutil.rmtree(cache)
