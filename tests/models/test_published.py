"""Reward models that others published: their heads, encoders of every kind, adapters, and what is refused."""

import json
import warnings
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file
from tiny import load, tiny_model, tiny_tokenizer
from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

from rmkit.data.preferences import Preferences, Record
from rmkit.device import best_device
from rmkit.errors import InputError
from rmkit.models import hub
from rmkit.models.reward_model import RewardModel
from rmkit.notebook import doctor

PROMPT, RESPONSES = "what do otters eat", ["fish mostly", "otters eat granite", "the rivers of badgers"]


def change(folder, **weights):
    """Write these tensors into a model's file; None takes one out."""
    file = Path(folder) / "model.safetensors"
    kept = {name: value for name, value in load_file(file).items() if weights.get(name, value) is not None}
    save_file(kept | {n: w for n, w in weights.items() if w is not None}, file, metadata={"format": "pt"})


def configure(folder, **settings):
    file = Path(folder) / "config.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))


def draw(rows=1, width=32, seed=5):
    return torch.randn(rows, width, generator=torch.Generator().manual_seed(seed))


def by_hand(model, head, bias=0.0):
    """Rewards from the last hidden state and a head, without ours."""
    found = []
    for response in RESPONSES:
        ids = torch.tensor([model.tokens(PROMPT, response)])
        with torch.no_grad():
            hidden = model.classifier.base_model(input_ids=ids).last_hidden_state[0, -1]
        found.append(hidden @ head[0] + bias)
    return torch.stack(found)


# --- heads

HEADS = ["v_head.summary", "v_head", "value_head", "regression_layer", "classifier", "reward_head"]


@pytest.mark.parametrize("name", HEADS)
def test_a_head_under_another_name_is_the_head(tmp_path, name):
    folder, head = tiny_model(tmp_path / "m"), draw()
    change(folder, **{f"{name}.weight": head, f"{name}.bias": torch.zeros(1)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = load(folder)
        scores = model.score(PROMPT, RESPONSES)
    assert "new head" not in repr(model)
    torch.testing.assert_close(scores, by_hand(model, head), rtol=1e-5, atol=1e-5)
    plain = AutoModelForSequenceClassification.from_pretrained(model.save(tmp_path / "saved"))
    with torch.no_grad():
        logits = [plain(torch.tensor([model.tokens(PROMPT, r)])).logits[0, 0] for r in RESPONSES]
    torch.testing.assert_close(torch.stack(logits), scores, rtol=1e-5, atol=1e-5)


def test_a_head_with_a_bias_keeps_it_through_saving(tmp_path):
    folder, head = tiny_model(tmp_path / "m"), draw()
    change(folder, **{"v_head.summary.weight": head, "v_head.summary.bias": torch.full((1,), 0.7)})
    model = load(folder)
    scores = model.score(PROMPT, RESPONSES)
    torch.testing.assert_close(scores, by_hand(model, head, 0.7), rtol=1e-5, atol=1e-5)
    again = load(model.save(tmp_path / "saved"))
    torch.testing.assert_close(again.score(PROMPT, RESPONSES), scores, rtol=1e-6, atol=1e-6)


def test_a_head_keeps_its_digits_in_a_bfloat16_model(tmp_path):
    folder, head = tiny_model(tmp_path / "m"), draw()
    change(folder, **{"value_head.weight": head})
    assert torch.equal(load(folder, dtype=torch.bfloat16).network.score.weight, head)


def test_a_head_in_a_file_of_its_own_is_read(tmp_path):
    folder, head = tiny_model(tmp_path / "m"), draw()
    save_file({"v_head.summary.weight": head}, Path(folder) / "value_head.safetensors")
    assert torch.equal(load(folder).network.score.weight, head)


def test_a_language_model_inside_a_wrapper_is_found(tmp_path):
    folder, head = tiny_model(tmp_path / "m"), draw()
    file = Path(folder) / "model.safetensors"
    weights = {f"rwtransformer.{n.removeprefix('model.')}": w for n, w in load_file(file).items()}
    file.unlink()
    torch.save(weights | {"v_head.weight": head}, Path(folder) / "pytorch_model.bin")
    assert torch.equal(load(folder).network.score.weight, head)


def refusal(folder):
    with pytest.raises(InputError) as caught:
        load(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("weights", "wanted"),
    [
        ({"v_head.0.weight": draw(32), "v_head.2.weight": draw()}, "v_head.0.weight"),
        ({"regression_layer.weight": draw(19)}, "19 numbers"),
        ({"regression_layer.weight": draw(), "gating.layers.0.weight": draw(32)}, "gating.layers.0.weight"),
        ({"v_head.weight": draw(), "value_head.weight": draw()}, "v_head.weight, value_head.weight"),
        ({"value_head.weight": draw(1, 16)}, "from 16"),
    ],
    ids=["two layers", "19 rewards", "gates", "two heads", "another width"],
)
def test_a_head_that_no_classifier_has_is_refused_by_name(tmp_path, weights, wanted):
    folder = tiny_model(tmp_path / "m")
    change(folder, **weights)
    assert wanted in refusal(folder)


def test_a_reward_model_of_another_program_must_have_its_head(tmp_path):
    folder = load(tiny_model(tmp_path / "base")).save(tmp_path / "m")
    configure(folder, architectures=["LlamaForRewardModel"], id2label={"0": "A", "1": "B"})
    assert load(folder).score(PROMPT, RESPONSES).isfinite().all()
    change(folder, adjustment=draw())
    assert "adjustment" in refusal(folder)
    change(folder, adjustment=None, **{"score.weight": None})
    assert "score.weight is not in its files" in refusal(folder)


def test_a_head_of_a_trained_model_that_stays_unread_is_refused(tmp_path):
    folder = load(tiny_model(tmp_path / "base")).save(tmp_path / "m")
    change(folder, **{"v_head.summary.weight": draw()})
    assert "v_head.summary.weight" in refusal(folder)


def test_weights_of_another_size_are_named(tmp_path):
    folder = tiny_model(tmp_path / "base")
    change(folder, **{"model.norm.weight": torch.ones(16)})
    assert "model.norm.weight" in refusal(folder)


# --- encoders

WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 48}
ENCODERS = {
    "bert": WIDE,
    "roberta": WIDE | {"type_vocab_size": 1, "max_position_embeddings": 66, "pad_token_id": 1},
    "distilbert": {"dim": 32, "n_layers": 2, "n_heads": 4, "hidden_dim": 48},
    "deberta-v2": WIDE | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"], "type_vocab_size": 0},
    "electra": WIDE | {"embedding_size": 32},
    "modernbert": WIDE,
    "modernbert-decoder": WIDE,
    "xlm-roberta": WIDE | {"type_vocab_size": 1, "max_position_embeddings": 66, "pad_token_id": 1},
    "albert": WIDE | {"embedding_size": 32},
    "mpnet": WIDE,
}


TYPED = ("bert", "electra", "albert")


def encoder(folder, kind, head=True):
    """A random encoder in a folder: a cross-encoder with one label, or the base model alone."""
    names = {"model_input_names": ["input_ids", "token_type_ids", "attention_mask"]} if kind in TYPED else {}
    tokenizer = tiny_tokenizer(encoder=True, **names)
    settings = {"pad_token_id": tokenizer.pad_token_id, "num_labels": 1, "initializer_range": 0.3}
    config = AutoConfig.for_model(kind, **(settings | {"vocab_size": len(tokenizer)} | ENCODERS[kind]))
    torch.manual_seed(0)
    kinds = transformers.AutoModelForSequenceClassification if head else transformers.AutoModel
    kinds.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.filterwarnings("ignore:.*padded layout")
def test_a_cross_encoder_scores_as_in_plain_transformers(tmp_path, kind):
    folder = encoder(tmp_path / "m", kind)
    model = load(folder)
    plain = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rewards = []
    for response in RESPONSES:
        encoded = tokenizer(PROMPT, response, return_tensors="pt")
        assert ("token_type_ids" in encoded) == (kind in TYPED)
        assert model.tokens(PROMPT, response) == encoded.input_ids[0].tolist()
        with torch.no_grad():
            rewards.append(plain(**encoded).logits[0, 0])
    torch.testing.assert_close(model.score(PROMPT, RESPONSES), torch.stack(rewards), rtol=1e-5, atol=1e-5)
    assert model.score("otters " * 200, ["fish " * 200, ""]).isfinite().all()


def test_token_types_change_what_a_cross_encoder_says(tmp_path):
    with pytest.warns(UserWarning, match="padded layout"):
        model = load(encoder(tmp_path / "m", "bert"))
    scores = model.score(PROMPT, RESPONSES)
    model.network.bert.embeddings.token_type_embeddings.weight.data[1] += draw()[0]
    assert (model.score(PROMPT, RESPONSES) - scores).abs().min() > 1e-4


@pytest.mark.parametrize("kind", ["distilbert", "modernbert", "modernbert-decoder", "deberta-v2"])
@pytest.mark.filterwarnings("ignore:.*padded layout")
@pytest.mark.filterwarnings("ignore:.*is new")
def test_an_encoder_without_a_head_gets_a_new_one(tmp_path, kind):
    folder = encoder(tmp_path / "base", kind, head=False)
    model = load(folder)
    assert "new head" in repr(model)
    assert load(folder, seed=1).score(PROMPT, RESPONSES).ne(model.score(PROMPT, RESPONSES)).all()
    again = load(model.save(tmp_path / "saved")).score(PROMPT, RESPONSES)
    torch.testing.assert_close(again, model.score(PROMPT, RESPONSES), rtol=1e-6, atol=1e-6)


def test_text_that_looks_like_a_special_token_stays_text_in_an_encoder(tmp_path):
    with pytest.warns(UserWarning, match="padded layout"):
        model = load(encoder(tmp_path / "m", "bert"))
    ids = model.tokens("what [SEP] do [PAD]", "[SEP] fish")
    assert [ids.count(i) for i in model.tokenizer.convert_tokens_to_ids(["[CLS]", "[SEP]", "[PAD]"])] == [
        1,
        2,
        0,
    ]


# --- adapters


@pytest.fixture
def adapter(tmp_path):
    """Saves a LoRA adapter of a tiny model and gives (its folder, the adapted model)."""
    peft = pytest.importorskip("peft", reason="peft is not installed")

    def make(task="SEQ_CLS", kind="llama", base=None, **more):
        base = base or tiny_model(tmp_path / "base", kind)
        of = {"SEQ_CLS": AutoModelForSequenceClassification, "CAUSAL_LM": transformers.AutoModelForCausalLM}[
            task
        ]
        settings = {"num_labels": 1} if task == "SEQ_CLS" else {}
        network = of.from_pretrained(base, **settings)
        config = peft.LoraConfig(task_type=task, r=2, target_modules="all-linear", **more)
        adapted = peft.get_peft_model(network, config)
        with torch.no_grad():
            for i, weight in enumerate(p for p in adapted.parameters() if p.requires_grad):
                weight.copy_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(i)) * 0.2)
        adapted.save_pretrained(tmp_path / "adapter")
        return tmp_path / "adapter", adapted.eval()

    return make


@pytest.mark.filterwarnings("ignore:.*padded layout")
@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize("kind", ["llama", "bert"])
def test_a_lora_adapter_scores_as_the_model_that_was_trained(adapter, tmp_path, kind):
    folder, adapted = adapter(kind=kind)
    model = load(folder)
    assert "new head" not in repr(model)
    for response, score in zip(RESPONSES, model.score(PROMPT, RESPONSES), strict=True):
        ids = torch.tensor([model.tokens(PROMPT, response)])
        with torch.no_grad():
            wanted = adapted(input_ids=ids).logits[0, 0]
        torch.testing.assert_close(score, wanted, rtol=1e-4, atol=1e-5)
    again = load(model.save(tmp_path / "whole")).score(PROMPT, RESPONSES)
    torch.testing.assert_close(again, model.score(PROMPT, RESPONSES), rtol=1e-6, atol=1e-6)


def test_an_adapter_of_a_language_model_needs_a_head(adapter):
    folder, _ = adapter("CAUSAL_LM")
    assert "has no head" in refusal(folder)
    head = draw()
    save_file(
        {"v_head.summary.weight": head, "v_head.summary.bias": torch.zeros(1)},
        folder / "value_head.safetensors",
    )
    model = load(folder)
    torch.testing.assert_close(model.score(PROMPT, RESPONSES), by_hand(model, head), rtol=1e-5, atol=1e-5)


def test_an_adapter_whose_model_is_gone_or_another_is_one_sentence(adapter, tmp_path):
    folder, _ = adapter()
    settings = json.loads((folder / "adapter_config.json").read_text())

    def of(base):
        (folder / "adapter_config.json").write_text(json.dumps(settings | {"base_model_name_or_path": base}))
        return refusal(folder)

    assert "nobody/nothing" in of("nobody/nothing")
    assert "no-such-folder" in of("/no-such-folder")
    assert "adapter" in of(None)
    assert "does not fit" in of(tiny_model(tmp_path / "short", num_hidden_layers=1))


# --- where and what


def test_a_revision_is_of_the_hub(tmp_path, monkeypatch):
    with pytest.raises(InputError, match="revision='main'"):
        RewardModel.load(tiny_model(tmp_path / "m"), revision="main")
    with pytest.raises(InputError, match="revision"):
        RewardModel.load("pocket", revision="main")
    assert hub.resolve("Qwen/Qwen3-0.6B", revision="main") == "Qwen/Qwen3-0.6B"
    asked = []

    def tokenizer(where, **options):
        asked.append((where, options))
        raise OSError("offline")

    monkeypatch.setattr("rmkit.models.reward_model.AutoTokenizer.from_pretrained", tokenizer)
    with pytest.raises(InputError, match="offline"):
        RewardModel.load("nobody/nothing", revision="v2")
    assert asked == [("nobody/nothing", {"revision": "v2"})]


def test_the_doctor_names_the_device_that_load_takes(tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    shown = next(f.value for f in doctor.checkup() if f.name == "device")
    assert shown.startswith(best_device())
    assert RewardModel.load(tiny_model(tmp_path / "m")).device.type == best_device() == "cpu"
    assert "mps" in shown


def test_a_smaller_budget_changes_the_batches_and_no_score(tmp_path, monkeypatch):
    model = load(tiny_model(tmp_path / "m"))
    model.network.score.weight.data *= 10
    rows = [{"prompt": f"{PROMPT} {i}", "responses": RESPONSES, "ranks": [1, 2, 3]} for i in range(12)]
    sizes, rewards = [], model.rewards

    def seen(batch):
        sizes.append(batch.tokens)
        return rewards(batch)

    monkeypatch.setattr(model, "rewards", seen)
    whole = model.score_all(rows)
    assert len(sizes) == 1
    small = model.score_all(rows, tokens_per_batch=50)
    assert max(sizes[1:]) <= 50
    torch.testing.assert_close(torch.stack(small), torch.stack(whole), rtol=1e-5, atol=1e-5)
    with pytest.raises(InputError, match="tokens_per_batch"):
        model.score_all(rows, tokens_per_batch=0)


@pytest.mark.filterwarnings("ignore:.*is new")
def test_a_prompt_is_read_in_scoring_as_in_a_file(tmp_path):
    model = load(tiny_model(tmp_path / "m", tokenizer=tiny_tokenizer(chat=True)))
    said = f"Human: {PROMPT}\n\nAssistant: fish\n\nHuman: why"
    (from_file,) = model.score_all([{"prompt": said, "responses": RESPONSES}])
    assert torch.equal(model.score(said, RESPONSES), from_file)
    for wrong in (None, 5, [{"role": "user"}], []):
        with pytest.raises(InputError, match="prompt"):
            model.score(wrong, RESPONSES)


def test_the_ledger_tells_a_cut_prompt_from_a_cut_response(tmp_path):
    model = load(tiny_model(tmp_path / "m"), max_length=24)
    rows = [
        Record("why " * 60, ["fish", "legs"], [1, 2]),
        Record("why", ["fish " * 60, "legs"], [1, 2]),
        Record("why " * 60, ["fish " * 60, "legs"], [1, 2]),
        Record("why", ["fish", "legs"], [1, 2]),
    ]
    _, ledger = model.encode(Preferences(rows))
    assert ledger.truncated == 3
    assert "3 truncated (2 prompt cut, 2 response cut)" in ledger.line()
