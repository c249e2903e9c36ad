"""What is given as a model: a name, or a folder in which all parts of one lie; else one sentence says why."""

import json
from pathlib import Path

from rmkit.arguments import seen
from rmkit.errors import InputError

_WEIGHTS = ("*.safetensors", "*.safetensors.index.json", "pytorch_model*")
_TOKENIZER = ("tokenizer*", "vocab*", "*.model", "*.tiktoken", "merges.txt")


def check_name(name: object) -> None:
    """An InputError where this is no name and no path of a model."""
    if not isinstance(name, str | Path):
        what = "it is loaded already, so use it as it is" if hasattr(name, "parameters") else "that is none"
        raise InputError(
            f"A model is a name such as 'pocket', a folder, or a Hub id, not {seen(name)}: {what}."
        )
    text = str(name)
    if not text.strip() or "\0" in text or max(map(len, text.split("/"))) > 255:
        raise InputError(f"{seen(text)} is no name of a model: give 'pocket', a folder, or a Hub id.")
    if "://" in text:
        raise InputError(f"{text} is an address, which is not read: give the Hub id, 'owner/name'.")


def is_gguf(path: Path) -> bool:
    """Whether a path is a file of llama.cpp."""
    return path.suffix.lower() == ".gguf"


def check_folder(folder: Path) -> None:
    """An InputError where a folder holds no model, or only a part of one, with what there is."""
    if not (folder / "config.json").is_file():
        raise InputError(f"The folder {folder} holds no model: it has no config.json.{_instead(folder)}")
    for what, patterns in (("weights (*.safetensors)", _WEIGHTS), ("tokenizer (tokenizer.json)", _TOKENIZER)):
        if not any(any(folder.glob(pattern)) for pattern in patterns):
            raise InputError(
                f"The model in {folder} could not be loaded: it has no {what}; save the whole model there."
            )


def _instead(folder: Path) -> str:
    """A sentence about what the folder holds that may have been meant."""
    adapter = folder / "adapter_config.json"
    if adapter.is_file():
        base = json.loads(adapter.read_text(encoding="utf-8")).get("base_model_name_or_path")
        return f" It is a LoRA adapter of {base}: merge it into its model (merge_and_unload) and save that."
    below = sorted(path.parent.name for path in folder.glob("*/config.json"))
    if below:
        return f" There is a model in {below[-1]} inside it."
    if any(map(is_gguf, folder.iterdir())):
        return " Of a GGUF file give the folder of the model that it was made of."
    return ""
