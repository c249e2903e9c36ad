"""What a run takes from accelerate, what it refuses, and what its trackers are told."""

import json
import math

import pytest
import torch
from accelerate import Accelerator, FullyShardedDataParallelPlugin
from accelerate.state import AcceleratorState, GradientState
from accelerate.tracking import GeneralTracker
from rmkit.preferences import Preferences, Record
from tiny import load, tiny_model, toy

from rmkit import training
from rmkit.errors import InputError

FEW = {"groups_per_step": 8, "progress": False}


@pytest.fixture(autouse=True)
def _fresh():
    """accelerate keeps its state for the whole process."""
    AcceleratorState._reset_state(True)
    GradientState._reset_state()
    yield
    AcceleratorState._reset_state(True)
    GradientState._reset_state()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


def curve(folder, **more):
    return training.fit(load(folder), toy(), **FEW, **more).history["loss"].tolist()


def test_precision_is_what_the_settings_say_whatever_ran_before(folder):
    plain, half = curve(folder), curve(folder, precision="bf16")
    assert plain != half
    assert plain == pytest.approx(half, abs=0.1)
    assert curve(folder, accelerator=Accelerator(cpu=True, mixed_precision="bf16")) == pytest.approx(
        half, abs=1e-6
    )
    for more in ({}, {"precision": "no"}):  # accelerate's state says bf16 now
        run = training.fit(load(folder), toy(), **FEW, **more)
        assert run.history["loss"].tolist() == plain
        assert run.settings.precision == "no"
    assert curve(folder, precision="bf16") == half


def test_precision_is_that_of_accelerate_launch_where_nothing_is_said(folder, monkeypatch):
    half = curve(folder, precision="bf16")
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "bf16")
    assert curve(folder) == half
    monkeypatch.setenv("ACCELERATE_MIXED_PRECISION", "fp16")
    AcceleratorState._reset_state(True)
    with pytest.raises(InputError, match="fp16, which fit does not compute in"):
        curve(folder)


def test_what_would_change_the_gradient_silently_is_refused(folder, monkeypatch):
    with pytest.raises(InputError, match="gradient_accumulation_steps=4"):
        curve(folder, accelerator=Accelerator(cpu=True, gradient_accumulation_steps=4))
    monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", "2")
    with pytest.raises(InputError, match="gradient_accumulation_steps=2"):
        curve(folder)
    monkeypatch.delenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS")
    GradientState._reset_state()
    with pytest.raises(InputError, match="precision is 'bf16', but the accelerator computes in 'no'"):
        curve(folder, precision="bf16", accelerator=Accelerator(cpu=True))
    with pytest.raises(InputError, match="both choose trackers"):
        curve(folder, log="tensorboard", accelerator=Accelerator(cpu=True))


def test_split_weights_are_refused(folder):
    accelerator = Accelerator(cpu=True)
    accelerator.state.fsdp_plugin = FullyShardedDataParallelPlugin(cpu_ram_efficient_loading=False)
    with pytest.raises(InputError, match="set to split weights with FSDP"):
        curve(folder, accelerator=accelerator)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_weights_in_half_precision_are_refused_and_adapters_over_them_train(folder, dtype):
    with pytest.raises(InputError, match=r"dtype=torch.float32 and train it with precision='bf16'"):
        training.fit(load(folder, dtype=dtype), toy(), **FEW)
    if dtype is torch.bfloat16:
        pytest.importorskip("peft", reason="peft is not installed")
        run = training.fit(load(folder, dtype=dtype, lora=2), toy(), **FEW)
        assert run.history["loss"].notna().all()


def test_a_model_without_a_parameter_to_train_is_refused(folder):
    with pytest.raises(InputError, match="no parameter to train"):
        training.fit(load(folder).requires_grad_(False), toy(), **FEW)


def test_centering_without_pairs_is_refused(folder):
    rated = Preferences([Record(f"q {i}", ["fish", "of"], ratings={"taste": [2.0, 1.0]}) for i in range(8)])
    with pytest.raises(InputError, match="centering needs pairs"):
        training.fit(load(folder), rated, loss="regression", centering=0.1, **FEW)


def test_an_accelerator_lets_go_of_every_model(folder):
    accelerator = Accelerator(cpu=True)
    for _ in range(3):
        run = training.fit(load(folder), toy(), accelerator=accelerator, **FEW)
    assert (accelerator._models, accelerator._optimizers) == ([], [])
    assert "_original_forward" not in vars(run.model)


def test_a_fit_takes_what_load_takes(folder, tmp_path):
    path = toy(24).save(tmp_path / "toy.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert training.fit(load(folder), rows, **FEW).history["loss"].tolist() == curve(folder)
    run = training.fit(load(folder), str(path), evaluate=rows[:5], **FEW)
    assert run.report.ledger.read == 5


# Trackers


class Tracker(GeneralTracker):
    name = "mine"
    requires_logging_directory = False

    def __init__(self):
        super().__init__()
        self.settings, self.rows, self.finished = None, [], 0

    @property
    def tracker(self):
        return self

    def store_init_configuration(self, values):
        self.settings = values

    def log(self, values, step=None, **_):
        self.rows.append(step)

    def finish(self):
        self.finished += 1


def test_a_tracker_gets_settings_and_rows_and_is_finished_by_whom_began_it(folder):
    tracker = Tracker()
    accelerator = Accelerator(cpu=True, log_with=[tracker])
    training.fit(load(folder), toy(), accelerator=accelerator, lr=0.01, **FEW)
    assert (tracker.rows, tracker.finished) == ([1, 2, 3], 1)
    assert (tracker.settings["lr"], tracker.settings["loss"]) == (0.01, "bradley-terry")

    accelerator.init_trackers("of the caller")
    tracker.settings, tracker.rows = None, []
    training.fit(load(folder), toy(), accelerator=accelerator, lr=0.01, **FEW)
    assert (tracker.rows, tracker.finished) == ([1, 2, 3], 1)
    assert tracker.settings["lr"] == 0.01


def test_tensorboard_has_one_history_even_of_an_interrupted_run(folder, tmp_path):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    more = {"groups_per_step": 4, "progress": False, "log": "tensorboard", "save_every": 2}
    more |= {"evaluate": toy(12, seed=1), "evaluate_every": 2, "out": tmp_path / "run"}

    def killed(row):
        if row["step"] == 3:
            raise MemoryError

    with pytest.raises(MemoryError):
        training.fit(load(folder), toy(), callback=killed, **more)
    run = training.fit(load(folder), toy(), resume=True, **more)
    events = EventAccumulator(str(tmp_path / "run" / "logs"))
    events.Reload()
    for name in ("loss", "reward_std", "grad_norm"):
        scalars = events.Scalars(name)
        assert [scalar.step for scalar in scalars] == [1, 2, 3, 4, 5]
        assert [scalar.value for scalar in scalars] == pytest.approx(run.history[name].tolist(), rel=1e-6)
    assert [scalar.step for scalar in events.Scalars("held_out_loss")] == [2, 4, 5]
    recorded = next((tmp_path / "run" / "logs").rglob("hparams.yml")).read_text()
    assert "bradley-terry" in recorded


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"log": "tensorbord"}, "accelerate knows the trackers .*tensorboard"),
        ({"log": "dvclive", "out": "run"}, "pip install dvclive"),
        ({"log": "tensorboard"}, "give out="),
    ],
)
def test_a_tracker_that_cannot_be_is_one_sentence(folder, settings, words, tmp_path):
    if "out" in settings:
        settings = settings | {"out": tmp_path / "run"}
    with pytest.raises(InputError, match=words):
        training.fit(load(folder), toy(), **FEW, **settings)


def test_settings_without_a_number_reach_a_tracker_as_words(folder):
    tracker = Tracker()
    accelerator = Accelerator(cpu=True, log_with=[tracker])

    def own(rewards, mask, ranks):
        return rewards.sum(1)

    training.fit(load(folder), toy(), loss=own, clip=math.inf, accelerator=accelerator, **FEW)
    assert all(isinstance(value, str | int | float) for value in tracker.settings.values())
    assert tracker.settings["loss"].startswith("test_settings_without")
