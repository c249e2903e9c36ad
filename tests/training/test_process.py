"""loss="process": learns which steps are wrong, ignores what nobody judged, reports beside two rules."""

import json

import numpy as np
import pytest
import torch

import rmkit
from rmkit.data.preferences import Preferences, Record
from rmkit.evaluation.steps import evaluate_steps
from tests import tiny


def solutions(n, seed=0):
    """Steps with the word granite are wrong; after the first wrong step nobody judged."""
    rng, records = np.random.default_rng(seed), []
    for i in range(n):
        words = [("granite" if rng.random() < 0.3 else "fish") for _ in range(rng.integers(2, 5))]
        steps = [f"{rng.choice(['otters', 'badgers'])} eat {word} ." for word in words]
        first = words.index("granite") if "granite" in words else len(words)
        labels = [1 if k < first else 0 if k == first else None for k in range(len(words))]
        records.append(
            Record(f"what do {i} eat {seed}", ["\n".join(steps)], steps=[steps], step_labels=[labels],
                   correct=[first == len(words)])
        )  # fmt: skip
    return Preferences(records)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("process")
    model = rmkit.RewardModel.load(tiny.tiny_model(folder / "m", "llama"), seed=0)
    train, test = solutions(60), solutions(40, seed=1)
    how = {"loss": "process", "epochs": 6, "lr": 1e-2, "groups_per_step": 10, "progress": False}
    with pytest.warns(UserWarning, match="epochs=6"):
        run = rmkit.fit(model, train, evaluate=test, evaluate_every=36, out=folder / "out", **how)
    return run, test


def test_it_finds_the_wrong_steps_and_says_what_the_rules_find(trained):
    run, _ = trained
    scores = run.report.steps.scores
    assert scores["rewards"].accuracy > 0.95
    assert scores["rewards"].accuracy > max(scores["majority"].accuracy, scores["position"].accuracy)
    assert scores["rewards"].f1 > 0.9
    assert scores["majority"].f1 == 0
    assert run.history["held_out_accuracy"].dropna().iloc[-1] == pytest.approx(scores["rewards"].accuracy)
    saved = json.loads((run.out / "report.json").read_text())
    assert saved["steps"]["scores"]["rewards"]["f1"] == scores["rewards"].f1
    assert "error found" in str(run.report)


def test_the_report_is_that_of_score_steps(trained):
    run, test = trained
    assert evaluate_steps(run.model, test) == run.report.steps


def test_the_loss_is_the_mean_over_judged_steps(trained):
    run, test = trained
    rewards = run.model.score_steps(test)
    by_hand = []
    for reward, record in zip(rewards, test, strict=True):
        labeled = zip(reward[0], record.step_labels[0], strict=True)
        known = [(float(r), float(x)) for r, x in labeled if x is not None]
        r, x = torch.tensor(known).T
        by_hand.append(float(torch.nn.functional.binary_cross_entropy_with_logits(r, x)))
    assert run.history["held_out_loss"].dropna().iloc[-1] == pytest.approx(np.mean(by_hand), abs=1e-5)


def test_labels_of_unjudged_steps_change_nothing(tmp_path):
    first = solutions(12)
    weights = []
    for unjudged in (None, "dropped"):
        records = [
            rec if unjudged is None else Record(
                rec.prompt, rec.responses, correct=rec.correct,
                steps=[[s for s, x in zip(rec.steps[0], rec.step_labels[0], strict=True) if x is not None]],
                step_labels=[[x for x in rec.step_labels[0] if x is not None]],
            )
            for rec in first
        ]  # fmt: skip
        model = rmkit.RewardModel.load(tiny.tiny_model(tmp_path / f"m{unjudged}", "llama"), seed=0)
        rmkit.fit(model, Preferences(records), loss="process", lr=1e-2, progress=False)
        weights.append(torch.cat([p.detach().flatten() for p in model.parameters()]))
    torch.testing.assert_close(*weights)


def test_process_needs_labels(tmp_path):
    model = rmkit.RewardModel.load(tiny.tiny_model(tmp_path / "m", "llama"), seed=0)
    records = [Record("what", ["otters eat"], correct=[True])]
    with pytest.raises(rmkit.InputError, match="step_labels"):
        rmkit.fit(model, Preferences(records), loss="process", progress=False)


@pytest.mark.parametrize("name", ["bigbench_mistake.steps", "prm800k_sample.steps"])
def test_real_solutions_train_through_the_command_line(name, real_data, tmp_path, capsys):
    from rmkit.__main__ import main

    rows = (real_data / f"{name}.jsonl").read_text().splitlines()
    (tmp_path / "train.jsonl").write_text("\n".join(rows[:40] if len(rows) > 40 else rows[:4]) + "\n")
    (tmp_path / "test.jsonl").write_text("\n".join(rows[40:60] if len(rows) > 40 else rows[4:]) + "\n")
    tiny.tiny_model(tmp_path / "m", "llama")
    code = main(["train", str(tmp_path / "train.jsonl"), "--model", str(tmp_path / "m"), "--loss", "process",
                 "--evaluate", str(tmp_path / "test.jsonl"), "--out", str(tmp_path / "out")])  # fmt: skip
    assert code == 0
    assert "majority" in capsys.readouterr().out


def test_real_outcomes_train_through_the_command_line(real_data, tmp_path, capsys):
    from rmkit.__main__ import main

    rows = [json.loads(line) for line in (real_data / "gsm8k_verified.kwise.jsonl").read_text().splitlines()]
    for row in rows:  # rank 1 is a right answer, rank 2 a wrong one
        row["correct"] = [rank == 1 for rank in row.pop("ranks")]
    for name, part in {"train": rows[:30], "test": rows[30:50]}.items():
        (tmp_path / f"{name}.jsonl").write_text("\n".join(map(json.dumps, part)) + "\n")
    tiny.tiny_model(tmp_path / "m", "llama")
    code = main(["train", str(tmp_path / "train.jsonl"), "--model", str(tmp_path / "m"), "--loss", "outcome",
                 "--evaluate", str(tmp_path / "test.jsonl"), "--out", str(tmp_path / "out")])  # fmt: skip
    assert code == 0
    assert "right answers" in capsys.readouterr().out  # what calling all of them right would reach
    saved = json.loads((tmp_path / "out" / "report.json").read_text())["outcomes"]
    assert saved["answers"] == 80
    assert saved["right answers"]["value"] == pytest.approx(
        np.mean([sum(r["correct"]) / 4 for r in rows[30:50]])
    )
    assert 0 <= saved["best of each prompt"]["value"] <= saved["possible"]["value"]


def test_the_real_files_are_reported_beside_both_rules(real_data, tmp_path, capsys):
    from rmkit.__main__ import main

    rows = (real_data / "bigbench_mistake.steps.jsonl").read_text().splitlines()[:60]
    (tmp_path / "train.jsonl").write_text("\n".join(rows[:40]) + "\n")
    (tmp_path / "test.jsonl").write_text("\n".join(rows[40:]) + "\n")
    tiny.tiny_model(tmp_path / "m", "llama")
    main(["train", str(tmp_path / "train.jsonl"), "--model", str(tmp_path / "m"), "--loss", "process",
          "--evaluate", str(tmp_path / "test.jsonl"), "--out", str(tmp_path / "out")])  # fmt: skip
    steps = json.loads((tmp_path / "out" / "report.json").read_text())["steps"]
    judged = [label for row in rows[40:] for label in json.loads(row)["labels"] if label is not None]
    assert steps["steps"] == len(judged)  # those after the first error are null, and not counted
    assert set(steps["scores"]) == {"rewards", "majority", "position"}
    most = max(np.mean(judged), 1 - np.mean(judged))
    assert abs(steps["scores"]["majority"]["accuracy"] - most) < 0.1  # known from the other prompts alone
