"""What a newcomer gives first: a path, a list, the wrong thing. It works, or one sentence says why not."""

import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import rmkit
from rmkit.errors import InputError
from rmkit.evaluation.benchmarks import benchmark
from rmkit.training.heads import Setting, fit_heads, grid

ROWS = [
    {"prompt": f"What does animal {i} eat?", "chosen": f"Fish {i}.", "rejected": f"Slab {i}."}
    for i in range(6)
]


@pytest.fixture(scope="module")
def model():
    return rmkit.RewardModel.load("pocket", max_length=64)


@pytest.fixture(scope="module")
def pairs():
    return rmkit.load(ROWS)


@pytest.fixture(scope="module")
def single():
    rows = [{"prompt": f"q{i}", "completion": f"a{i}", "label": bool(i % 2)} for i in range(8)]
    return rmkit.load(rows)


# --- load ---------------------------------------------------------------------------------------------------

COLUMNS = {name: [row[name] for row in ROWS] for name in ROWS[0]}
HELD = [
    pytest.param(lambda: tuple(ROWS), id="a tuple"),
    pytest.param(lambda: iter(ROWS), id="an iterator"),
    pytest.param(lambda: (row for row in ROWS), id="a generator"),
    pytest.param(lambda: COLUMNS, id="columns"),
    pytest.param(lambda: {"train": pd.DataFrame(ROWS), "test": pd.DataFrame(ROWS[:2])}, id="frames by split"),
    pytest.param(lambda: rmkit.load(ROWS), id="preferences"),
    pytest.param(lambda: list(rmkit.load(ROWS)), id="records"),
]


@pytest.mark.parametrize("held", HELD)
def test_rows_are_read_however_they_are_held(held):
    found = rmkit.load(held())
    assert [record.prompt for record in found] == [row["prompt"] for row in ROWS]
    assert [record.responses for record in found] == [[row["chosen"], row["rejected"]] for row in ROWS]
    assert all(record.ranks == [1, 2] for record in found)


def test_votes_of_preferences_that_are_loaded_already():
    turned = {"prompt": "q", "chosen": "b", "rejected": "a"}
    rows = [{"prompt": "q", "chosen": "a", "rejected": "b"}] * 2 + [turned]
    found = rmkit.load(rmkit.load(rows, clean=False), votes="share")
    assert [record.share for record in found] == [pytest.approx(2 / 3)]
    assert found.ledger.joined == 2


def test_one_record_is_enough(pairs):
    assert rmkit.load(pairs[0])[0] is pairs[0]


NOT_READ = [
    (json.dumps(ROWS[0]), "rows in memory go in as a list"),
    (json.dumps(ROWS), "rows in memory go in as a list"),
    ("a" * 5000, "no path of a file"),
    ("https://huggingface.co/datasets/owner/name", "give its Hub id, 'owner/name'"),
    ("hf://datasets/owner/name/train.jsonl", "give its Hub id, 'owner/name'"),
    ("https://example.org/rows.jsonl", "download the file"),
    (ROWS[0], "one row goes into a list"),
    (None, "Cannot load from a NoneType"),
    (3.5, "Cannot load from a float"),
    ([], "A list must hold"),
    ([("q", "a", "b")], "A list must hold"),
    (["a" * 5000, "b" * 5000], "no path of a file"),
]


@pytest.mark.parametrize(("source", "says"), NOT_READ, ids=[str(given)[:30] for given, _ in NOT_READ])
def test_what_is_no_source_is_said(source, says):
    with pytest.raises(InputError, match=says):
        rmkit.load(source)


def test_an_open_file_is_no_source(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(ROWS[0]) + "\n", encoding="utf-8")
    with path.open(encoding="utf-8") as file, pytest.raises(InputError, match="Cannot load from a TextIO"):
        rmkit.load(file)


def test_a_models_folder_is_no_data(tmp_path):
    for name in ("config.json", "tokenizer_config.json"):
        (tmp_path / name).write_text("{}")
    (tmp_path / "history.csv").write_text("step,loss\n1,0.5\n")
    with pytest.raises(InputError, match="holds a model, not data"):
        rmkit.load(tmp_path)


@pytest.mark.parametrize(
    ("dials", "says"),
    [
        ({"malformed": "a"}, "malformed is 'a'"),
        ({"malformed": -1}, "from 0 to 1"),
        ({"malformed": 10}, "from 0 to 1"),
        ({"clean": "no"}, "True or False"),
        ({"split": 0.2}, r"\.split\(test=0\.2\)"),
        ({"config": 3}, "must be a name"),
        ({"votes": None}, "'majority'"),
    ],
)
def test_dials_of_load(dials, says):
    with pytest.raises(InputError, match=says):
        rmkit.load(ROWS, **dials)


@pytest.mark.parametrize(
    ("dials", "says"),
    [
        ({"n": "3"}, "n is '3'"),
        ({"n": 0}, "1 or more"),
        ({"n": 2.5}, "whole"),
        ({"split": "dev"}, "no split 'dev'"),
    ],
)
def test_dials_of_the_pocket_world(dials, says):
    with pytest.raises(InputError, match=says):
        rmkit.load("pocket", **dials)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda p: p.split(test=1.5), "between 0 and 1"),
        (lambda p: p.split("test"), "between 0 and 1"),
        (lambda p: p.split(test=True), "test=True is no share"),
        (lambda p: p.split(test=None), "test=None is no share"),
        (lambda p: p.take(-1), "0 or more"),
        (lambda p: p.take("3"), "n is '3'"),
        (lambda p: p.subset(None), "no subset None"),
        (lambda p: p["chosen"], "have no columns"),
        (lambda p: p.save(None), "path of a file"),
        (lambda p: p.ledger.examples(None), "nothing as None"),
    ],
)
def test_calls_on_preferences(pairs, call, says):
    with pytest.raises(InputError, match=says):
        call(pairs)


# --- a model ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (None, "not None"),
        (3, "not 3"),
        (["pocket"], "A model is a name"),
        (pd.DataFrame(ROWS), "not a DataFrame"),
        (b"pocket", "A model is a name"),
        ("", "is no name of a model"),
        ("x" * 500, "is no name of a model"),
        ("https://huggingface.co/owner/name", "give the Hub id"),
        ("model.safetensors/x/y", "not a folder that holds a model"),
    ],
)
def test_what_is_no_model_is_said(name, says):
    for load in (rmkit.RewardModel.load, rmkit.generative.Judge.load):
        with pytest.raises(InputError, match=says):
            load(name)


def test_a_model_that_is_loaded_already(model):
    with pytest.raises(InputError, match="it is loaded already"):
        rmkit.RewardModel.load(model)


def test_folders_without_a_whole_model(tmp_path):
    def says(match):
        with pytest.raises(InputError, match=match):
            rmkit.RewardModel.load(tmp_path)

    says("no config.json")
    (tmp_path / "model.Q4_K_M.gguf").write_bytes(b"GGUF")
    says("Of a GGUF file")
    (tmp_path / "checkpoint-10").mkdir()
    (tmp_path / "checkpoint-10" / "config.json").write_text("{}")
    says("a model in checkpoint-10 inside it")
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    says("has no weights")
    (tmp_path / "model.safetensors").write_bytes(b"")
    says("has no tokenizer")
    (tmp_path / "tokenizer.json").write_text("{}")
    says("The tokenizer of .* could not be loaded: is a file broken")


def test_a_gguf_file_is_no_folder(tmp_path):
    file = tmp_path / "model.gguf"
    file.write_bytes(b"GGUF")
    with pytest.raises(InputError, match="of a GGUF file give the folder"):
        rmkit.RewardModel.load(file)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"seed": "a"}, "seed is 'a'"),
        ({"device": "gpu"}, "device is 'gpu'"),
        ({"device": "cuda:97"}, "here it can be cpu"),
        ({"dtype": "fp16"}, "dtype is 'fp16'"),
        ({"dtype": torch.int8}, "torch.bfloat16"),
        ({"max_length": 0}, "1 or more"),
        ({"max_length": "a"}, "max_length is 'a'"),
        ({"lora": 0}, "lora is 0"),
        ({"lora": "8"}, "lora is '8'"),
    ],
)
def test_options_of_a_model(options, says):
    with pytest.raises(InputError, match=says):
        rmkit.RewardModel.load("pocket", **options)


SAME = [
    ("What is moss?", ["A plant."]),
    ("What is moss?", ("A plant.",)),
    ("What is moss?", np.array(["A plant."])),
    ("What is moss?", pd.Series(["A plant."])),
    ("What is moss?", (text for text in ["A plant."])),
    ([{"role": "user", "content": "What is moss?"}], [[{"role": "assistant", "content": "A plant."}]]),
    ({"role": "user", "content": "What is moss?"}, [{"role": "assistant", "content": "A plant."}]),
]


def test_responses_are_scored_however_they_are_held(model):
    first, *others = [model.score(prompt, responses) for prompt, responses in SAME]
    assert first.shape == (1,)
    assert all(torch.equal(first, other) for other in others)


NOT_SCORED = [
    ("q", None, "list of one or more"),
    ("q", [], "list of one or more"),
    ("q", "a", "list of one or more"),
    ("q", {"a", "b"}, "list of one or more"),
    ("q", 3, "list of one or more"),
    ("q", ["a", None], "Response 2 is None"),
    ("q", [3], "Response 1 is 3"),
    ("q", [["a"]], "it must be a text"),
    ("q", [[{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]], "Response 1 is"),
    ("q", ["\ud800"], "Response 1 holds half of a surrogate"),
    ("\ud800", ["a"], "The prompt holds half of a surrogate"),
    (3, ["a"], "text or a list of chat messages"),
    (None, ["a"], "text or a list of chat messages"),
    (["q"], ["a"], "a list of chat messages"),
    ([{"role": "user", "content": [{"type": "image"}]}], ["a"], "The prompt holds images"),
]


@pytest.mark.parametrize(("prompt", "responses", "says"), NOT_SCORED)
def test_what_cannot_be_scored(model, prompt, responses, says):
    with pytest.raises(InputError, match=says):
        model.score(prompt, responses)


def test_a_judge_reads_what_a_model_reads():
    judge = rmkit.generative.Judge.load("pocket")
    assert torch.equal(judge.score(*SAME[0]), judge.score(*SAME[-1]))
    assert len(judge.score_all(ROWS[:2])) == 2
    with pytest.raises(InputError, match="list of one or more"):
        judge.score("q", "a")


def test_a_judge_predicts_words(tmp_path, model):
    model.save(tmp_path)
    with pytest.raises(InputError, match="predicts no words"):
        rmkit.generative.Judge.load(tmp_path)


def small_model(folder: Path, more: dict[str, torch.Tensor], **config) -> None:
    """A tiny language model's folder in which more tensors stand."""
    from safetensors.torch import load_file, save_file
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

    tokenizer = AutoTokenizer.from_pretrained(rmkit.hub.resolve("pocket"))
    sizes = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4}
    LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), **sizes)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    file = folder / "model.safetensors"
    save_file(load_file(file) | more, file, metadata={"format": "pt"})
    if config:
        about = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(about | config))


@pytest.mark.parametrize(
    "name",
    [
        "critic_head.weight",
        "head.weight",
        "linear.weight",
        "quantile_head.weight",
        "rank.out.weight",
        "critic.bias",
    ],
)
def test_a_trained_head_of_any_name_is_not_thrown_away(tmp_path, name):
    small_model(tmp_path, {name: torch.ones(1, 32)})
    with pytest.raises(InputError, match=f"weights that no sequence classifier reads .{name}"):
        rmkit.RewardModel.load(tmp_path)


@pytest.mark.parametrize(
    "name", ["model.layers.7.eh_proj.weight", "visual.blocks.0.mlp.weight", "lm_loss.bias"]
)
def test_what_a_language_model_may_hold_besides(tmp_path, name):
    small_model(tmp_path, {name: torch.ones(32, 32)})
    with pytest.warns(UserWarning, match="is new"):
        rmkit.RewardModel.load(tmp_path).score("q", ["a"])


@pytest.mark.parametrize("method", ["awq", "gptq"])
def test_a_quantized_model_whose_package_is_not_here(tmp_path, method):
    small_model(tmp_path, {}, quantization_config={"quant_method": method, "bits": 4})
    with pytest.raises(InputError, match="could not be loaded"):
        rmkit.RewardModel.load(tmp_path)


class Acts:
    def __reduce__(self):
        return print, ("code of a pickle ran",)


def test_a_pickle_that_is_more_than_tensors(tmp_path, capsys):
    small_model(tmp_path, {})
    (tmp_path / "model.safetensors").unlink()
    with (tmp_path / "pytorch_model.bin").open("wb") as file:
        pickle.dump({"a": Acts()}, file, protocol=2)
    with pytest.raises(InputError, match="could not be loaded"):
        rmkit.RewardModel.load(tmp_path)
    assert "ran" not in capsys.readouterr().out


# --- fit and evaluate ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["pocket", None, Path("x.jsonl"), 3, ROWS])
def test_a_model_is_loaded_before_it_is_trained(pairs, given):
    with pytest.raises(InputError, match=r"fit needs a loaded model.*RewardModel\.load"):
        rmkit.fit(given, pairs)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"settings": {"lr": 1e-5}}, "rmkit.Settings"),
        ({"callback": 3}, "callback is 3"),
        ({"out": 3}, "out is 3"),
        ({"out": "/proc/run"}, "cannot be made"),
        ({"evaluate": 0.2}, "Cannot load from a float"),
    ],
)
def test_options_of_fit(model, pairs, options, says):
    with pytest.raises(InputError, match=says):
        rmkit.fit(model, pairs, progress=False, **options)


@pytest.mark.parametrize(
    ("scores", "says"),
    [
        (None, "None is neither"),
        (3, "3 is neither"),
        ("pocket", "'pocket' is neither"),
        (lambda _: 1, "is neither"),
        ({"a": 1}, "is neither"),
        ([["a", "b"]] * 6, "must be numbers"),
        ([[1, 0]] * 5, "5 rows of rewards for 6 groups"),
        (np.zeros(6), "has 2 responses"),
    ],
)
def test_what_are_no_rewards(pairs, scores, says):
    with pytest.raises(InputError, match=says):
        rmkit.evaluate(scores, pairs)


def test_single_answers_may_have_one_number_each(single):
    flat = [1.0 if i % 2 else -1.0 for i in range(8)]
    assert rmkit.evaluate(flat, single).accuracy == 1
    assert rmkit.evaluate([[x] for x in flat], single).accuracy == 1


@pytest.mark.parametrize(
    "rewards", [None, "pocket", 3, [1] * 6, [[1, 2]] * 6, [[[1, 2]]] * 5, [[["a", "b"]]] * 6]
)
def test_what_are_no_rewards_of_steps(rewards):
    rows = [{"prompt": f"q{i}", "completions": ["one.", "two."], "labels": [True, False]} for i in range(6)]
    steps = rmkit.load(rows)
    with pytest.raises(InputError):
        rmkit.evaluate_steps(rewards, steps)
    assert rmkit.evaluate_steps([[[1, -1]]] * 6, steps).scores["rewards"].accuracy == 1


def test_answers_whose_label_is_missing_are_counted():
    rows = [{"prompt": f"q{i}", "completion": f"a{i}", "label": [True, None, False][i % 3]} for i in range(6)]
    found = rmkit.load(rows)
    assert [record.correct for record in found] == [[True], [None], [False]] * 2
    assert found.ledger.examples("no label")["where"].tolist() == ["row 2", "row 5"]


RB = {"prompt": "q", "chosen": "c", "rejected": "r", "subset": "hep-go", "rewards": [1.0, 0.5]}
RB2 = {
    "id": "1",
    "prompt": "q",
    "chosen": ["c"],
    "rejected": ["r", "s", "t"],
    "subset": "Focus",
    "num_correct": 1,
}


@pytest.mark.parametrize(
    ("name", "row", "options", "says"),
    [
        ("rewardbench", RB | {"subset": "hep-golang"}, {}, "did you mean 'hep-go'"),
        ("rewardbench2", RB2 | {"subset": "Maths", "rewards": [1, 0, 0, 0]}, {}, "did you mean 'Math'"),
        ("rewardbench2", RB2 | {"rewards": [1, 0]}, {}, "2 rewards for 4 responses"),
        ("rewardbench", RB, {"threshold": 3}, "no option 'threshold'"),
        ("rewardbench", RB, {"seed": "a"}, "seed is 'a'"),
    ],
)
def test_scores_that_are_no_benchmarks(name, row, options, says):
    with pytest.raises(InputError, match=says):
        benchmark(name, [row], **options)
    assert benchmark("rewardbench", [RB]).total == 1


# --- heads --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "says"),
    [({"layer": "a"}, "layer is 'a'"), ({"max_length": "a"}, "max_length"), ({"max_length": 0}, "1 or more")],
)
def test_options_of_features(pairs, options, says):
    with pytest.raises(InputError, match=says):
        rmkit.features.features(pairs, "pocket", progress=False, **options)


def test_features_of_nothing_and_of_no_model(pairs, model):
    with pytest.raises(InputError, match="nothing to read"):
        rmkit.features.features(pairs[:0], "pocket", progress=False)
    with pytest.raises(InputError, match="A model is a name"):
        rmkit.features.features(pairs, model, progress=False)


def known(k: int = 2, n: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, k, 4)).astype(np.float32)


def test_features_may_be_arrays_and_lists(pairs):
    found = [fit_heads(f, pairs, Setting(l2=0.1)).weights for f in (known(), list(known()), known().tolist())]
    assert all(torch.equal(found[0], other) for other in found)


@pytest.mark.parametrize(
    ("features", "options", "says"),
    [
        (None, {}, "as `features` gives"),
        ("pocket", {}, "as `features` gives"),
        ([["a"]] * 6, {}, "must be"),
        (known(), {"settings": "hinge"}, "A setting is 'h'"),
        (known(), {"settings": ["hinge"]}, "A setting is 'hinge'"),
        (known(), {"settings": [Setting(l2=0.1, parameters={"x": 1})]}, "no argument 'x'"),
        (known(), {"test": 1}, "the groups to hold out"),
        (known(), {"test": None}, "the groups to hold out"),
        (known(), {"test": "0.2"}, "the groups to hold out"),
        (known(), {"test": [99]}, "from 0 to 5"),
        (known(), {"aspect": "x"}, "aspect chooses among ratings"),
    ],
)
def test_what_heads_cannot_be_fitted_to(pairs, features, options, says):
    with pytest.raises(InputError, match=says):
        fit_heads(features, pairs, **options)


@pytest.mark.parametrize(
    "choice",
    [
        {"seed": "a"},
        {"seed": -1},
        {"groups": -2},
        {"groups": 1.5},
        {"l2": "a"},
        {"noise": "a"},
        {"weighting": "x"},
        {"bootstrap": "x"},
        {"loss": 3},
        {"parameters": 3},
    ],
)
def test_settings_that_cannot_be(choice):
    with pytest.raises(InputError, match=next(iter(choice))):
        Setting(**choice)


def test_a_grid_spreads_arrays():
    assert [setting.l2 for setting in grid(l2=np.array([0.1, 1.0]))] == [0.1, 1.0]


def test_why_no_head_can_be_fitted(single):
    alike = [{"prompt": f"q{i}", "chosen": "w " * 60 + "x", "rejected": "w " * 60 + "y"} for i in range(4)]
    cut = rmkit.features.features(alike, "pocket", max_length=32, progress=False)
    with pytest.raises(InputError, match=r"identical after the cut: raise max_length"):
        fit_heads(cut, alike)
    unlabelled = [{"prompt": f"q{i}", "responses": ["a", "b"]} for i in range(6)]
    with pytest.raises(InputError, match=r"nothing to compare\.$"):
        fit_heads(known(), unlabelled)
    with pytest.raises(InputError, match="take the loss 'outcome'"):
        fit_heads(known(1, 8), single)
