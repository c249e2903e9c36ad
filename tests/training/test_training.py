"""Training: against a plain loop over transformers, and the traps that sums, seeds and uneven groups set."""

import math
import random

import numpy as np
import pytest
import torch
from rmkit.preferences import Preferences, Record
from tiny import load, text, tiny_model, tiny_tokenizer, toy
from transformers import AutoModelForSequenceClassification

from rmkit import losses, training
from rmkit.errors import InputError
from rmkit.evaluation import evaluate
from rmkit.training.batching import plan, split_step
from rmkit.training.schedule import default_lr, rate


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_a_model_learns_and_the_history_says_how(folder):
    train, test = toy(240), toy(60, seed=1)
    model = load(folder)
    seen = []
    run = training.fit(model, train, groups_per_step=8, lr=1e-2, evaluate=test, callback=seen.append)
    assert run.report.accuracy > 0.8 > run.history["accuracy"][:4].mean()
    assert run.history["loss"].iloc[-5:].mean() < 0.6 < run.history["loss"].iloc[0]
    columns = "step epoch loss accuracy margin reward_mean reward_std reward_min reward_max"
    columns += " pairs tokens lr grad_norm groups tokens/s"
    assert run.history.columns.tolist() == columns.split()
    assert run.history.to_dict("records") == seen
    assert run.model is model
    assert not model.training
    assert run.report.to_dict() == evaluate(model, test).to_dict()


# The same numbers as a plain loop


def test_twenty_steps_equal_a_plain_padded_loop_over_transformers(folder, tmp_path):
    data = toy(100)
    model = load(folder)
    model.save(tmp_path)
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path).train()
    optimizer = torch.optim.AdamW(plain.parameters(), weight_decay=0.0)
    groups, _ = model.encode(data)
    useful = [i for i, record in enumerate(data) if record.pairs()]
    sizes = [len(groups[i]) for i in useful]

    run = training.fit(model, data, groups_per_step=3, lr=1e-3, tokens_per_batch=60)
    steps = plan(sizes, 1, None, 3, 0)
    assert len(steps) >= 20
    for number, step in enumerate(steps[:20]):
        per_group = []
        for record in (data[useful[i]] for i in step):
            tokens = [model.tokens(record.prompt, response) for response in record.responses]
            longest = max(map(len, tokens))
            ids = torch.tensor([row + [plain.config.pad_token_id] * (longest - len(row)) for row in tokens])
            mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in tokens])
            rewards = plain(input_ids=ids, attention_mask=mask).logits[:, 0]
            pairs = [torch.nn.functional.softplus(rewards[j] - rewards[i]) for i, j in record.pairs()]
            per_group.append(torch.stack(pairs).mean())
        loss = torch.stack(per_group).mean()
        assert run.history["loss"][number] == pytest.approx(loss.item(), abs=1e-4)
        for group in optimizer.param_groups:
            rising = math.ceil(0.1 * len(steps))
            late = (number - rising) / (len(steps) - rising)
            group["lr"] = 1e-3 * ((number + 1) / (rising + 1) if number < rising else 1 - late)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()


@pytest.mark.parametrize("weighting", ["group", "pair"])
def test_the_size_of_a_batch_changes_nothing(folder, weighting):
    data = toy(24)
    settings = {"groups_per_step": 8, "weighting": weighting, "lr": 1e-3, "centering": 0.1}
    whole = training.fit(load(folder), data, tokens_per_batch=100_000, **settings).history
    alone = training.fit(load(folder), data, tokens_per_batch=1, **settings).history
    for column in ("loss", "margin", "grad_norm"):
        assert alone[column].to_numpy() == pytest.approx(whole[column].to_numpy(), abs=1e-5)
    for column in ("accuracy", "pairs", "tokens", "groups"):
        assert (alone[column] == whole[column]).all()


@pytest.mark.parametrize("weighting", ["group", "pair"])
def test_first_loss_accuracy_and_margin_by_hand(folder, weighting):
    data = toy(24)
    model = load(folder)
    rewards = model.score_all(data)
    per_group, gaps = [], []
    for row, record in zip(rewards, data, strict=True):
        gaps += (own := [float(row[i] - row[j]) for i, j in record.pairs()])
        per_group += [np.mean([math.log1p(math.exp(-gap)) for gap in own])] if own else []
    wanted = np.mean(per_group if weighting == "group" else [math.log1p(math.exp(-gap)) for gap in gaps])
    row = training.fit(model, data, groups_per_step=1000, weighting=weighting, lr=0.0).history.iloc[0]
    assert row["loss"] == pytest.approx(wanted, abs=1e-5)
    assert row["accuracy"] == pytest.approx(np.mean([(np.sign(gap) + 1) / 2 for gap in gaps]))
    assert row["margin"] == pytest.approx(np.mean(gaps), abs=1e-5)
    assert row["pairs"] == len(gaps)
    used = torch.cat([row for row, record in zip(rewards, data, strict=True) if record.pairs()])
    assert row["reward_mean"] == pytest.approx(float(used.mean()), abs=1e-5)
    assert row["reward_std"] == pytest.approx(float(used.std(correction=0)), abs=1e-5)
    assert row["reward_min"] == pytest.approx(float(used.min()), abs=1e-5)
    assert row["reward_max"] == pytest.approx(float(used.max()), abs=1e-5)


def test_padded_and_packed_layouts_train_alike(folder):
    data = toy(16)
    curves = [
        training.fit(load(folder, layout=layout), data, groups_per_step=4, lr=1e-3).history["loss"].to_numpy()
        for layout in ("packed", "padded")
    ]
    assert curves[0] == pytest.approx(curves[1], abs=1e-5)


# Seeds


def test_a_seed_fixes_everything_and_leaves_the_caller_alone(tmp_path):
    folder = tiny_model(tmp_path, attention_dropout=0.3)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    runs = []
    for seed in (0, 0, 1):
        model = load(folder)
        training.fit(model, toy(), groups_per_step=6, seed=seed)
        runs.append(weights(model))
    assert torch.equal(runs[0], runs[1])
    assert not torch.equal(runs[0], runs[2])
    assert torch.equal(before, torch.get_rng_state())


# What a loss needs


def test_strength_is_the_margin_of_the_loss(folder):
    rng = random.Random(3)
    strengths = [1.0, 0.5, None, 2.0]
    records = [
        Record(text(rng, 2, 5), [f"fish {i}", f"granite {i}"], ranks=[1, 2], strength=s)
        for i, s in enumerate(strengths)
    ]
    model = load(folder)
    gaps = [float(row[0] - row[1]) for row in model.score_all(Preferences(records))]
    wanted = np.mean([math.log1p(math.exp((s or 0) - gap)) for gap, s in zip(gaps, strengths, strict=True)])
    run = training.fit(model, Preferences(records), loss="margin", lr=0.0, groups_per_step=4)
    assert run.history["loss"][0] == pytest.approx(wanted, abs=1e-5)


def test_ratings_and_answers_known_to_be_right_train_without_ranks(folder):
    rated = [
        Record(f"what {i}", ["fish", "granite", "of"], ratings={"taste": [4.0, None, 1.0]}) for i in range(6)
    ]
    model = load(folder)
    rewards = model.score_all(Preferences(rated))
    wanted = np.mean([((row[0] - 4) ** 2 + (row[2] - 1) ** 2).item() / 2 for row in rewards])
    run = training.fit(model, Preferences(rated), loss="regression", lr=0.0, groups_per_step=6)
    assert run.history["loss"][0] == pytest.approx(wanted, rel=1e-5)
    checked = [Record(f"what {i}", ["fish", "granite"], correct=[True, False]) for i in range(6)]
    for loss in ("outcome", "bradley-terry"):
        history = training.fit(
            load(folder), Preferences(checked), loss=loss, lr=1e-2, groups_per_step=1
        ).history
        assert history["loss"].iloc[-1] < history["loss"].iloc[0]
    two = [Record("p", ["a", "b"], ratings={"taste": [1.0, 2.0], "smell": [2.0, 1.0]})]
    with pytest.raises(InputError, match="taste, smell"):
        training.fit(load(folder), Preferences(two), loss="regression")


def test_options_go_to_the_loss_and_a_function_may_be_one(folder):
    def smoothed(rewards, mask, *, ranks):
        return losses.label_smoothing(rewards, mask, ranks=ranks, smoothing=0.3)

    named = training.fit(
        load(folder), toy(), loss="label-smoothing", smoothing=0.3, groups_per_step=8
    ).history
    own = training.fit(load(folder), toy(), loss=smoothed, groups_per_step=8).history
    plain = training.fit(load(folder), toy(), loss="label-smoothing", groups_per_step=8).history
    assert (named["loss"] == own["loss"]).all()
    assert (named["loss"] != plain["loss"]).any()
    with pytest.raises(InputError, match="smothing"):
        training.fit(load(folder), toy(), loss="label-smoothing", smothing=0.3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"loss": "margin"}, "`strength`"),
        ({"loss": "regression"}, "`ratings`"),
        ({"loss": "outcome"}, "`correct`"),
        ({"loss": "process"}, "`step_labels`"),
        ({"loss": "bradly-terry"}, "no loss named"),
        ({"weighting": "both"}, "weighting"),
        ({"decay": "square"}, "decay"),
        ({"resume": True}, "out="),
        ({"aspect": "taste"}, "chooses among ratings"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_what_fit_cannot_do_is_said(folder, settings, words):
    with pytest.raises(InputError, match=words):
        training.fit(load(folder), toy(), **settings)


def test_labels_that_are_missing_everywhere_are_an_error(folder):
    bare = Preferences([Record("what", ["fish", "granite"])], name="bare")
    with pytest.raises(InputError, match="`ranks`, which no group of bare has"):
        training.fit(load(folder), bare)


# The ledger


def test_every_row_is_counted_and_groups_that_say_nothing_are_dropped(folder):
    records = [
        Record("a", ["fish", "granite"], ranks=[1, 2], subset="s"),
        Record("b", ["fish"], ranks=[1], subset="s"),
        Record("c", ["fish", "granite"], ranks=[1, 1], subset="t"),
        Record("d", ["fish", "granite"], ranks=[2, 0]),
        Record("e " * 30, ["fish " * 30 + "a", "fish " * 30 + "b"], ranks=[1, 2], subset="s"),
        Record("what " * 100, ["fish", "granite"], ranks=[1, 2], subset="t"),
    ]
    model = load(folder, max_length=20)
    ledger = training.fit(model, Preferences(records, name="mixed"), groups_per_step=2).ledger
    assert ledger.kept == 2
    assert ledger.dropped == {"nothing to compare": 2, "tied": 1, "identical after the cut": 1}
    assert (ledger.read, ledger.truncated, ledger.tied) == (6, 1, 0)
    report = evaluate(model, Preferences(records[:1] + records[5:], name="long"))
    assert (report.ledger.read, report.ledger.kept, report.ledger.truncated) == (2, 2, 1)
    with pytest.raises(InputError, match=r"No group of mixed is left .*1 tied"):
        training.fit(model, Preferences(records[2:3] + records[1:2], name="mixed"))
    with pytest.raises(InputError, match="no groups"):
        training.fit(model, Preferences([], name="empty"))


# Numbers that are none, several epochs, leaking


def test_rewards_that_are_not_numbers_stop_the_run(folder):
    model = load(folder)
    with torch.no_grad():
        model.network.score.weight[0, 0] = math.nan
    with pytest.raises(InputError, match="step 1 of"):
        training.fit(model, toy())


def test_more_than_one_epoch_and_trained_prompts_are_pointed_out(folder, recwarn):
    data = toy(8)
    training.fit(load(folder), data, lr=0.0)
    assert not recwarn
    with pytest.warns(UserWarning, match="epochs=2"):
        history = training.fit(load(folder), data, epochs=2, groups_per_step=100).history
    assert len(history) == 2
    assert history["epoch"].tolist() == [1.0, 2.0]
    with pytest.warns(UserWarning, match="have a prompt that was trained on"):
        training.fit(load(folder), data, evaluate=data)


def test_centering_pulls_the_sum_of_a_pair_to_zero(folder):
    r, ranks = torch.tensor([[1.0, 2.0, 4.0], [3.0, 5.0, 0.0]]), torch.tensor([[1, 2, 2], [1, 1, 0]])
    mask = ranks > 0
    assert losses.centered(r, mask, ranks).tolist() == pytest.approx([(3**2 + 5**2) / 2, 0.0])
    sizes = []
    for centering in (0.0, 1.0):
        model = load(folder)
        with torch.no_grad():
            model.network.score.weight += 0.5
        training.fit(model, toy(120), groups_per_step=8, centering=centering, lr=3e-3)
        sizes.append(float(torch.cat(model.score_all(toy(30, seed=1))).square().mean()))
    assert sizes[1] < 0.5 * sizes[0]


# Steps, batches, rates


def test_a_plan_uses_every_group_once_an_epoch_and_no_step_is_a_remnant():
    rng = random.Random(0)
    sizes = [rng.randint(1, 50) for _ in range(100)]
    steps = plan(sizes, 2, 120, None, 7)
    assert sorted(i for step in steps for i in step) == sorted(list(range(100)) * 2)
    even = sum(sizes) / math.ceil(sum(sizes) / 120)
    assert all(even - 50 <= sum(sizes[i] for i in step) <= even + 50 for step in steps)
    assert [len(step) for step in plan(sizes, 1, None, 30, 7)] == [25, 25, 25, 25]
    for groups in range(1, 101):
        lengths = [len(step) for step in plan(sizes, 1, None, groups, 7)]
        assert (sum(lengths), len(lengths)) == (100, math.ceil(100 / groups))
        assert max(lengths) <= groups
        assert max(lengths) - min(lengths) <= 1
    assert min(len(step) for step in plan([600] * 1000, 1, 16384, None, 0)) >= 26
    assert plan(sizes, 1, 120, None, 7) == steps[: len(steps) // 2]
    assert plan(sizes, 1, 120, None, 8) != plan(sizes, 1, 120, None, 7)
    assert plan([500, 3], 1, 120, None, 0) in ([[0], [1]], [[1], [0]])
    # A step is a random sample: its lengths are not sorted.
    means = [np.mean([sizes[i] for i in step]) for step in plan(sizes, 1, None, 10, 7)]
    assert np.std(means) < np.std(sizes) / 2


@pytest.mark.parametrize("processes", [1, 2, 3])
def test_processes_share_a_step_and_none_waits_for_another(processes):
    rng = random.Random(1)
    for groups in (1, 2, 9):
        sizes = [rng.randint(1, 50) for _ in range(20)]
        step = rng.sample(range(20), groups)
        shares = [split_step(step, sizes, 80, rank, processes) for rank in range(processes)]
        assert len({len(share) for share in shares}) == 1
        counted = [i for share in shares for part, factor, _ in share if factor for i in part]
        assert sorted(counted) == sorted(step)
        assert all(sum(sizes[i] for i in part) <= 80 for share in shares for part, _, _ in share)
        assert all([last for *_, last in share] == [False] * (len(share) - 1) + [True] for share in shares)


def test_the_rate_rises_and_falls():
    for decay, middle in (("linear", 0.5), ("cosine", 0.5), ("constant", 1.0)):
        values = [rate(step, 110, 10 / 110, decay) for step in range(110)]
        assert values[:11] == pytest.approx([(i + 1) / 11 for i in range(10)] + [1.0])
        assert values[60] == pytest.approx(middle)
        assert max(values) == 1.0
        assert min(values) > 0


# Other networks


def test_lora_trains_adapters_and_head_and_saves_them_merged(folder, tmp_path):
    pytest.importorskip("peft", reason="peft is not installed")
    model = load(folder, lora=2)
    head = model.classifier.score.weight.detach().clone()
    run = training.fit(model, toy(40), groups_per_step=4, out=tmp_path / "run", lr=1e-2)
    assert not torch.equal(head, model.classifier.score.weight)
    assert run.history["lr"].max() == pytest.approx(1e-2)
    data = toy(10, seed=1)
    for a, b in zip(model.score_all(data), load(str(tmp_path / "run")).score_all(data), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_an_encoder_and_bfloat16_train(tmp_path):
    tokenizer = tiny_tokenizer(encoder=True)
    folder = tiny_model(tmp_path, "bert", tokenizer=tokenizer, max_position_embeddings=128)
    model = load(folder, layout="padded", max_length=128)
    before = weights(model)
    history = training.fit(model, toy(12), groups_per_step=4, precision="bf16").history
    assert history["loss"].notna().all()
    assert not torch.equal(before, weights(model))
    assert model.score("what", ["fish"]).dtype == torch.float32


def test_the_default_rate_goes_down_with_size_and_up_for_adapters(folder):
    model = load(folder)
    assert default_lr(model) == 1e-3
    for parameter in model.network.model.parameters():
        parameter.requires_grad_(False)
    assert default_lr(model) == pytest.approx(1e-2)


def test_a_run_in_a_notebook_escapes_names_from_data(folder):
    run = training.fit(load(folder), toy(8, subset="<img src=x onerror=alert(1)>"), lr=0.0)
    assert "<img" not in run._repr_html_()
    assert "&lt;img" in run._repr_html_()


def test_the_fused_optimizer_takes_the_steps_of_the_plain_one(folder):
    found = []
    for optimizer in (None, lambda groups: torch.optim.AdamW(groups, 1e-3, weight_decay=0, fused=False)):
        model = load(folder)
        how = {"lr": 1e-3} if optimizer is None else {"optimizer": optimizer}
        run = training.fit(model, toy(60), groups_per_step=6, seed=3, progress=False, **how)
        found.append((torch.tensor(run.history["loss"].to_numpy()), weights(model)))
    for fused, plain in zip(*found, strict=True):
        torch.testing.assert_close(fused, plain, rtol=1e-4, atol=1e-5)
