"""The command line: what it writes, what it says, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch
from rmkit.preferences import load
from tiny import tiny_model, toy
from transformers import AutoModelForSequenceClassification

from rmkit import training
from rmkit.__main__ import main
from rmkit.models.reward_model import RewardModel
from rmkit.training import loop


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "toy.jsonl"
    toy(60, subset="fish").save(path)
    with path.open("a") as file:
        file.write(json.dumps({"prompt": "p", "responses": ["", "x"], "ranks": [1, 2]}) + "\n")
    return str(path)


@pytest.fixture(scope="module")
def trained(folder, data, tmp_path_factory):
    out = tmp_path_factory.mktemp("runs") / "first"
    arguments = ["train", data, "--model", folder, "--out", str(out), "--groups-per-step", "8"]
    assert main([*arguments, "--part", "train", "--evaluate", data, "--seed", "1"]) == 0
    return out


def test_train_writes_a_plain_model_its_history_ledger_and_report(trained, folder, data):
    history = pd.read_csv(trained / "history.csv")
    assert history["step"].tolist() == list(range(1, len(history) + 1))
    ledger = json.loads((trained / "ledger.json").read_text())
    assert ledger["read"] == ledger["kept"] + sum(ledger["dropped"].values())
    assert ledger["dropped"]["nothing to compare"] > 0
    report = json.loads((trained / "report.json").read_text())
    assert report["groups"] < len(load(data)) * 0.3  # the other part of the prompts
    own = RewardModel.load(folder, seed=1, device="cpu")
    training.fit(own, load(data).split(test=0.2)[0], groups_per_step=8, seed=1)
    plain = AutoModelForSequenceClassification.from_pretrained(trained)
    assert plain.config.num_labels == 1
    for name, weight in own.network.state_dict().items():
        assert torch.equal(weight, plain.state_dict()[name]), name


def test_score_writes_the_rows_and_their_rewards(trained, data, tmp_path):
    out = tmp_path / "new" / "scores.jsonl"
    assert main(["score", str(trained), data, "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    model = RewardModel.load(trained, device="cpu")
    *scored, unscored = rows
    assert unscored == {
        "prompt": "p",
        "responses": ["", "x"],
        "ranks": [1, 2],
        "rewards": None,
        "reason": "empty",
    }
    for row, record in zip(scored, load(data), strict=True):
        rewards = row.pop("rewards")
        assert row == record.to_dict()
        assert rewards == pytest.approx(model.score(record.prompt, record.responses).tolist(), abs=1e-5)
    # Rows with rewards are still rows that can be read.
    assert load(out).records == load(data).records


TALK = [{"role": "user", "content": "Sky?"}, {"role": "assistant", "content": "Blue."}]
ROWS_TO_SCORE = {
    "prompt and response": [
        {"prompt": "Sky?", "response": "Blue.", "model": "m"},
        {"prompt": "Sky?", "response": "Blue.", "model": "n"},  # a copy is a line of its own
        {"prompt": "Sky?", "response": None, "model": "o"},
        {"prompt": "Sea?", "response": "Wet.", "model": "p"},
    ],
    "messages": [{"messages": TALK, "id": 1}, {"messages": TALK[:1], "id": 2}, {"messages": TALK, "id": 3}],
    "good or not": [
        {"prompt": "Sky?", "completion": "Blue.", "label": True},
        {"prompt": "Sky?", "completion": " ", "label": False},
    ],
    "the second one won": [{"prompt": "Sky?", "response_a": "Green.", "response_b": "Blue.", "winner": "b"}],
    "pairs": [
        {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Blue.", "split": "train"},
        {"prompt": "Sky?", "chosen": "Blue.", "rejected": "Green.", "split": "test"},
        {"prompt": "Sky?", "chosen": "Blue."},
    ],
}


@pytest.mark.parametrize("kind", ROWS_TO_SCORE)
def test_score_writes_as_many_lines_as_it_reads_with_all_columns(kind, folder, tmp_path):
    given = ROWS_TO_SCORE[kind]
    source, out = tmp_path / "rows.jsonl", tmp_path / "scores.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in given) + "{not JSON\n")
    assert main(["score", folder, str(source), "--out", str(out)]) == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(rows) == len(given) + 1
    for row, before in zip(rows, given, strict=False):
        assert {column: row[column] for column in before} == before
    unscored = [row for row in rows if row["rewards"] is None]
    assert all(row["reason"] for row in unscored)
    assert len(unscored) == 1 + sum(
        None in r.values() or len(r.get("messages", "12")) == 1 for r in given
    ) + (kind in ("good or not", "pairs"))


def test_rewards_stand_in_the_order_of_the_row(folder, tmp_path):
    rewards = []
    for winner in "ab":
        source, out = tmp_path / f"{winner}.jsonl", tmp_path / f"{winner}.out"
        row = {"prompt": "Sky?", "response_a": "7.", "response_b": "8.", "winner": winner}
        source.write_text(json.dumps(row))
        assert main(["score", folder, str(source), "--out", str(out)]) == 0
        rewards.append(json.loads(out.read_text())["rewards"])
    assert rewards[0] == rewards[1]
    assert rewards[0][0] != rewards[0][1]


def test_evaluate_writes_the_report_and_prints_its_table(trained, data, tmp_path, capsys):
    out = tmp_path / "report.json"
    assert main(["evaluate", str(trained), data, "--out", str(out), "--part", "test"]) == 0
    assert json.loads(out.read_text()) == json.loads((trained / "report.json").read_text())
    printed = capsys.readouterr().out
    for words in ("accuracy", "baseline: longest", "subset: fish", "ECE", "0 dropped"):
        assert words in printed


def test_evaluate_writes_a_page_with_the_figure_and_the_tables(trained, data, tmp_path, capsys):
    out = tmp_path / "new" / "report.html"
    assert main(["evaluate", str(trained), data, "--html", str(out)]) == 0
    page = out.read_text(encoding="utf-8")
    for words in ("<figure>", "Plotly.newPlot", "<details>", "baseline: longest"):
        assert words in page
    assert f"wrote {out}" in capsys.readouterr().out


def test_a_limit_on_groups_draws_the_same_ones_and_counts_the_rest(trained, data, tmp_path, capsys):
    drawn = []
    for name in ("a", "b"):
        assert main(["score", str(trained), data, "--out", str(tmp_path / name), "--max-groups", "7"]) == 0
        drawn.append((tmp_path / name).read_text())
    assert drawn[0] == drawn[1]
    assert drawn[0].count("\n") == 7
    said = capsys.readouterr().out
    assert f"{len(load(data)) - 7} not taken, 1 empty" in said
    assert f'  empty: such as {data}, line 61 ("p"), its rewards are null' in said
    assert "not taken: such as" not in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["train", "nowhere.jsonl", "--model", "MODEL", "--out", "NEW"], "nowhere.jsonl"),
        (["train", "DATA", "--model", "nowhere/at/all", "--out", "NEW"], "nowhere/at/all"),
        (["train", "DATA", "--model", "MODEL", "--out", "TRAINED"], "not empty"),
        (["train", "DATA", "--model", "MODEL", "--out", "TRAINED", "--resume"], "no checkpoint"),
        (["train", "DATA", "--model", "MODEL", "--out", "NEW", "--loss", "margin"], "`strength`"),
        (["train", "DATA", "--model", "MODEL", "--out", "NEW", "--loss", "bt"], "bradley-terry"),
        (["train", "DATA", "--model", "MODEL", "--out", "NEW", "--lr", "1e30"], "lower lr"),
        (["score", "MODEL", "DATA", "--out", "DATA"], "overwrite"),
        (["score", "MODEL", "DATA", "--out", "."], "is a folder"),
        (["evaluate", "MODEL", "UNLABELED"], "labeled preferences"),
        (["evaluate", "MODEL", "DATA", "--html", "DATA"], "--html"),
    ],
)
def test_bad_input_is_one_sentence_and_code_2(words, said, folder, data, trained, tmp_path, capsys):
    unlabeled = tmp_path / "unlabeled.jsonl"
    unlabeled.write_text(json.dumps({"prompt": "p", "responses": ["a", "b"]}) + "\n")
    names = {"MODEL": folder, "DATA": data, "TRAINED": str(trained), "NEW": str(tmp_path / "new")}
    names["UNLABELED"] = str(unlabeled)
    assert main([names.get(word, word) for word in words]) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("rmkit: ")
    assert said in last


@pytest.mark.parametrize("words", [[], ["train"], ["train", "d", "--model", "m", "--out", "o", "--lr", "-1"]])
def test_wrong_usage_ends_with_code_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_ctrl_c_ends_quietly_and_the_run_can_be_resumed(folder, data, tmp_path, monkeypatch, capsys):
    arguments = ["train", data, "--model", folder, "--out", str(tmp_path / "run"), "--save-every", "1"]
    shown = loop.Progress.show

    def interrupted(self, row):
        shown(self, row)
        if row["step"] == 3:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(loop.Progress, "show", interrupted)
        assert main(arguments) == 130
    assert "--resume" in capsys.readouterr().err
    assert main([*arguments, "--resume"]) == 0
    history = pd.read_csv(tmp_path / "run" / "history.csv")
    assert history["step"].tolist() == list(range(1, len(history) + 1))


def test_as_a_program_without_a_traceback(tmp_path):
    command = [sys.executable, "-m", "rmkit", "evaluate", "nowhere", "nothing.jsonl"]
    root = Path(__file__).parent.parent
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 2
    assert done.stderr.startswith("rmkit: ")
    assert len(done.stderr.strip().splitlines()) == 1


HOSTILE = "\x1b]0;pwn\x07\u202egnp\nall is well"


def test_no_name_from_data_acts_on_the_terminal(folder, tmp_path, capsys):
    data = tmp_path / "hostile.jsonl"
    rows = toy(40, subset=HOSTILE)
    for record in rows:
        record.id = record.annotator = HOSTILE
    rows.save(data)
    with data.open("a") as file:
        file.write(
            json.dumps({"prompt": HOSTILE, "responses": ["", "x"], "ranks": [1, 2], "subset": HOSTILE})
        )
    out = str(tmp_path / "run")
    arguments = ["--max-groups", "30", "--part", "train"]
    assert (
        main(["train", str(data), "--model", folder, "--out", out, "--evaluate", str(data), *arguments]) == 0
    )
    assert main(["evaluate", out, str(data)]) == 0
    for command in (
        ["evaluate", out, HOSTILE],
        ["evaluate", HOSTILE, str(data)],
        ["evaluate", out, HOSTILE + "/a.csv"],
    ):
        assert main(command) == 2
    said = "".join(capsys.readouterr())
    assert "subset: \\x1b]0;pwn\\x07\\u202egnp\\nall is well" in said
    assert not set(said) & set("\x1b\x07\u202e")
    assert "\nall is well" not in said


def test_votes_are_counted_as_asked(folder, tmp_path, capsys):
    data = tmp_path / "votes.jsonl"
    pair = {"prompt": "what do otters eat", "responses": ["fish", "granite"]}
    votes = [pair | {"ranks": ranks, "id": i} for i, ranks in enumerate([[1, 2], [2, 1], [1, 2]])]
    data.write_text("".join(json.dumps(row) + "\n" for row in votes))
    assert main(["evaluate", folder, str(data), "--votes", "majority"]) == 0
    assert "3 rows read; 1 kept; 2 votes joined; 0 dropped" in capsys.readouterr().out
    assert main(["evaluate", folder, str(data)]) == 0
    assert "note: Pairs with several votes: 1, with 3 votes; judged differently: 1" in capsys.readouterr().out
