"""Loading and saving reward models: heads, pad tokens, LoRA, layouts, and what cannot be loaded."""

import json
import warnings
from pathlib import Path

import pytest
import torch
from rmkit.preferences import Preferences, Record
from safetensors.torch import load_file, save_file
from tiny import DECODERS, tiny_model, tiny_network, tiny_tokenizer
from transformers import AutoModelForSequenceClassification, LlamaConfig, MistralConfig, MistralForCausalLM

from rmkit.errors import InputError
from rmkit.models.reward_model import RewardModel

PROMPT, RESPONSES = "what do otters eat", ["fish mostly", "otters eat granite", "the rivers of badgers"]


def trained(model, seed=9):
    """The model with other weights everywhere that trains, as after fit."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.requires_grad:
                noise = torch.randn(parameter.shape, generator=generator) * 0.05
                parameter.add_(noise.to(parameter.dtype))
    return model


@pytest.mark.parametrize("kind", [*DECODERS, "bert"])
@pytest.mark.filterwarnings("ignore:.*padded layout")
def test_a_saved_model_scores_the_same_and_its_head_is_not_new(tmp_path, kind):
    model = trained(RewardModel.load(tiny_model(tmp_path / "base", kind)))
    before = model.score(PROMPT, RESPONSES)
    folder = model.save(tmp_path / "saved")
    again = RewardModel.load(folder, seed=123)
    torch.testing.assert_close(again.score(PROMPT, RESPONSES), before, rtol=1e-6, atol=1e-6)
    assert "new head" not in repr(again)
    assert list(folder.glob("*.safetensors"))
    assert not [file for file in folder.rglob("*") if file.suffix in (".bin", ".pt", ".pkl", ".py")]
    config = json.loads((folder / "config.json").read_text())
    assert config["pad_token_id"] == again.tokenizer.pad_token_id != again.tokenizer.eos_token_id
    assert AutoModelForSequenceClassification.from_pretrained(folder).num_labels == 1


def test_a_head_trained_in_float32_keeps_its_digits_in_a_bfloat16_model(tmp_path):
    model = trained(RewardModel.load(tiny_model(tmp_path / "base"), dtype=torch.bfloat16))
    folder = model.save(tmp_path / "saved")
    again = RewardModel.load(folder, dtype=torch.bfloat16)
    assert torch.equal(again.network.score.weight, model.network.score.weight)
    assert not torch.equal(again.network.score.weight.bfloat16().float(), again.network.score.weight)
    assert torch.equal(again.score(PROMPT, RESPONSES), model.score(PROMPT, RESPONSES))


@pytest.mark.parametrize("kind", [*DECODERS, "bert"])
@pytest.mark.filterwarnings("ignore:.*padded layout")
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_lora_trains_the_head_and_is_merged_on_saving(tmp_path, kind):
    pytest.importorskip("peft", reason="peft is not installed")
    base = tiny_model(tmp_path / "base", kind)
    model = RewardModel.load(base, lora=2)
    names = [name for name, parameter in model.named_parameters() if parameter.requires_grad]
    assert any("lora" in name for name in names)
    assert any("score" in name or "classifier" in name for name in names)
    assert not any("embed" in name for name in names)
    before = trained(model).score(PROMPT, RESPONSES)
    folder = model.save(tmp_path / "saved")
    again = RewardModel.load(folder)
    torch.testing.assert_close(again.score(PROMPT, RESPONSES), before, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        model.score(PROMPT, RESPONSES), before
    )  # saving leaves the adapters as they were
    assert not (folder / "adapter_config.json").exists()
    with pytest.warns(UserWarning, match="new"):
        untrained = RewardModel.load(base).score(PROMPT, RESPONSES)
    assert (untrained - before).abs().max() > 1e-3


def test_lora_adapters_depend_on_the_seed_alone(tmp_path):
    pytest.importorskip("peft", reason="peft is not installed")
    folder = tiny_model(tmp_path / "base")
    states = []
    for seed, drawn in ((1, 0), (1, 5), (2, 0)):
        torch.randn(drawn)
        states.append(
            {n: p for n, p in RewardModel.load(folder, lora=2, seed=seed).named_parameters() if "lora_A" in n}
        )
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert not any(torch.equal(states[0][name], states[2][name]) for name in states[0])


@pytest.mark.parametrize("kind", ["llama", "bert"])
@pytest.mark.filterwarnings("ignore:.*padded layout")
def test_the_head_depends_on_the_seed_alone(tmp_path, kind):
    folder = tiny_model(tmp_path / "base", kind)

    def weights(seed, before):
        torch.manual_seed(before)
        torch.randn(before)
        return RewardModel.load(folder, seed=seed).state_dict()

    first, same, other = weights(0, 1), weights(0, 77), weights(1, 1)
    assert all(torch.equal(first[name], same[name]) for name in first)
    changed = {name.split(".")[1] for name in first if not torch.equal(first[name], other[name])}
    assert changed == {"score" if kind == "llama" else "classifier"}


def test_loading_leaves_the_random_numbers_alone(tmp_path):
    folder = tiny_model(tmp_path / "base")
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    RewardModel.load(folder)
    assert torch.equal(torch.rand(3), expected)


def test_a_new_head_is_small_and_told_once_when_scored(tmp_path, recwarn):
    model = RewardModel.load(tiny_model(tmp_path / "base"), seed=3)
    assert not recwarn.list  # nothing scary about weights that are meant to be new
    assert "new head of seed 3" in repr(model)
    assert model.network.score.weight.abs().max() < 5 / 33
    with pytest.warns(UserWarning, match=r"head of .* is new"):
        model.score(PROMPT, RESPONSES)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model.score(PROMPT, RESPONSES)
        trained(RewardModel.load(tiny_model(tmp_path / "other"))).score(PROMPT, RESPONSES)


@pytest.mark.parametrize(
    ("pad", "vocabulary", "rows"), [("[PAD]", None, 0), ("</s>", None, 1), (None, None, 1), (None, 160, 0)]
)
def test_embeddings_grow_only_for_a_pad_token_that_has_no_row(tmp_path, pad, vocabulary, rows):
    tokenizer = tiny_tokenizer(pad=pad)
    size = vocabulary or len(tokenizer)
    model = RewardModel.load(tiny_model(tmp_path / "base", tokenizer=tokenizer, vocabulary=size))
    assert model.network.get_input_embeddings().num_embeddings == size + rows
    assert model.network.config.vocab_size == size + rows
    again = RewardModel.load(model.save(tmp_path / "saved"))
    assert again.network.get_input_embeddings().num_embeddings == size + rows
    assert len(again.tokenizer) == len(model.tokenizer)


def test_dropout_is_off_in_scoring_and_the_mode_comes_back(tmp_path):
    model = trained(RewardModel.load(tiny_model(tmp_path / "base", "gpt2")))
    assert any(isinstance(m, torch.nn.Dropout) and m.p > 0 for m in model.modules())
    model.train()
    assert torch.equal(model.score(PROMPT, RESPONSES), model.score(PROMPT, RESPONSES))
    assert model.training


# --- layouts


def test_an_encoder_takes_the_padded_layout_and_says_so(tmp_path):
    with pytest.warns(UserWarning, match=r"padded layout: the prompt of an encoder"):
        model = RewardModel.load(tiny_model(tmp_path / "base", "bert", max_position_embeddings=40))
    assert (model.layout, model.max_length) == ("padded", 40)
    trained(model)
    together = model.score(PROMPT, RESPONSES)
    for response, reward in zip(RESPONSES, together, strict=True):
        ids = torch.tensor([model.tokens(PROMPT, response)])
        torch.testing.assert_close(model.network(ids).logits[0, 0], reward, rtol=1e-5, atol=1e-5)
    assert model.score("otters " * 100, ["fish " * 100]).isfinite().all()


@pytest.mark.parametrize(("window", "layout"), [(32, "padded"), (64, "packed")])
def test_a_sliding_window_packs_only_where_it_covers_the_longest_text(tmp_path, window, layout):
    torch.manual_seed(0)
    size = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = MistralConfig(
        vocab_size=160, sliding_window=window, num_key_value_heads=2, initializer_range=0.3, **size
    )
    MistralForCausalLM(config).save_pretrained(tmp_path)
    tiny_tokenizer().save_pretrained(tmp_path)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mis.*padded" if layout == "padded" else "nothing")
        warnings.simplefilter("ignore")
        model = trained(RewardModel.load(tmp_path, max_length=64))
    assert model.layout == layout
    group = model.encode(Preferences([Record("otters " * 40, ["fish " * 9, "legs " * 20], [1, 2])]))[0]
    chosen = model.rewards(model.batch(group))
    model.layout = "padded"
    torch.testing.assert_close(model.rewards(model.batch(group)), chosen, rtol=1e-5, atol=1e-5)


def test_a_network_that_does_not_take_the_mask_is_found_out(tmp_path, monkeypatch):
    folder = tiny_model(tmp_path / "base")

    def cast(batch, *_):  # to two dimensions
        return (batch.groups >= 0).long()

    monkeypatch.setattr("rmkit.models.reward_model.attention_mask", cast)
    inputs = "rmkit.models.packed_attention.inputs"  # and a forward that does not hand on the plan
    monkeypatch.setattr(inputs, lambda batch: {"attention_mask": cast(batch)})
    with pytest.warns(UserWarning, match="padded layout: its attention"):
        assert RewardModel.load(folder).layout == "padded"


# --- encoding and its ledger


def test_encoding_counts_what_it_cut_and_drops_what_became_equal(tmp_path):
    model = RewardModel.load(tiny_model(tmp_path / "base"), max_length=24)
    long = "fish " * 40
    rows = [
        Record("why", ["fish", "legs"], [1, 2], subset="short"),
        Record("why " * 60, ["fish", "legs"], [1, 2], subset="long prompt"),
        Record("why", [long + "eat", long + "live"], [1, 2], subset="equal after the cut"),
        Record("why", [long + "eat", long + "live"], [1, 1], subset="tied"),
        Record("why", [long, "legs"], None, subset="unlabelled"),
    ]
    groups, ledger = model.encode(Preferences(rows))
    assert [group.index for group in groups] == [0, 1, 3, 4]
    assert (ledger.kept, ledger.truncated, ledger.dropped) == (4, 3, {"identical after the cut": 1})
    assert len(trained(model).score_all(Preferences(rows))) == 5


# --- what cannot be loaded


def refusal(folder) -> str:
    """The one sentence that a user is told."""
    with pytest.raises(InputError) as caught:
        RewardModel.load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_reward_model_without_its_head_is_refused(tmp_path):
    folder = RewardModel.load(tiny_model(tmp_path / "base")).save(tmp_path / "saved")
    file = folder / "model.safetensors"
    weights = {name: value for name, value in load_file(file).items() if name != "score.weight"}
    save_file(weights, file, metadata={"format": "pt"})
    assert "score.weight is not in its files" in refusal(folder)


def test_missing_weights_are_not_drawn_at_random(tmp_path):
    folder = Path(tiny_model(tmp_path / "base"))
    file = folder / "model.safetensors"
    weights = {name: value for name, value in load_file(file).items() if "layers.1" not in name}
    save_file(weights, file, metadata={"format": "pt"})
    assert "lacks weights" in refusal(folder)


def test_a_classifier_with_other_labels_is_refused(tmp_path):
    folder = Path(tiny_model(tmp_path / "base"))
    config = LlamaConfig.from_pretrained(folder, num_labels=3)
    AutoModelForSequenceClassification.from_config(config).save_pretrained(folder)
    assert "3 labels" in refusal(folder)


def test_a_broken_folder_is_one_sentence(tmp_path):
    tiny_tokenizer().save_pretrained(tmp_path)
    assert "no config.json" in refusal(tmp_path)
    tiny_network("llama").config.save_pretrained(tmp_path)
    assert "could not be loaded" in refusal(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"not weights")
    assert "could not be loaded" in refusal(tmp_path)


def test_bad_arguments_are_named(tmp_path):
    folder = tiny_model(tmp_path / "base")
    with pytest.raises(InputError, match="layout"):
        RewardModel.load(folder, layout="wide")
    with pytest.raises(InputError, match="CUDA"):
        RewardModel.load(folder, flex=True, device="cpu")
    with pytest.raises(InputError, match="list of one or more"):
        RewardModel.load(folder).score("why", "fish")
    with pytest.raises(InputError, match="list of one or more"):
        RewardModel.load(folder).score("why", [])
