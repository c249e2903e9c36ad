"""A LoRA adapter that was saved by itself (peft, TRL): merged into the model that it was trained on."""

from pathlib import Path
from typing import TYPE_CHECKING

import torch
from huggingface_hub import snapshot_download
from torch import Tensor
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase
from transformers.utils.peft_utils import find_adapter_config_file

from rmkit.errors import InputError
from rmkit.models.hub import BUILT_IN, resolve
from rmkit.models.networks import head_parts, load_network
from rmkit.models.published_heads import beside, take

if TYPE_CHECKING:
    from peft import PeftConfig

CONFIG = "adapter_config.json"
_FILES = ["adapter_*", "value_head.*", "*token*", "*.jinja", "vocab*", "merges.txt"]


def find(name: str | Path, revision: str | None = None) -> Path | None:
    """The folder of an adapter, where `name` is one: a folder, or a Hub id."""
    if name in BUILT_IN:
        return None
    folder = Path(name).expanduser()
    if folder.exists():
        return folder if (folder / CONFIG).is_file() else None
    if str(name).count("/") != 1 or str(name).startswith((".", "~", "/")):
        return None
    if find_adapter_config_file(str(name), revision=revision) is None:
        return None
    return Path(snapshot_download(str(name), revision=revision, allow_patterns=_FILES))


def load(
    folder: Path, dtype: torch.dtype, seed: int, attention: str | None = None
) -> tuple[PreTrainedTokenizerBase, PreTrainedModel]:
    """(tokenizer, classifier with the adapter merged in). Raises InputError where a part of it is missing."""
    try:
        import peft
    except ImportError:
        raise InputError(
            f'{folder} is a LoRA adapter, which needs peft: pip install "rmkit[lora]".'
        ) from None
    config = peft.PeftConfig.from_pretrained(folder)
    where, network, new = _base(folder, config, dtype, seed, attention)
    own = (folder / "tokenizer_config.json").is_file()
    tokenizer = AutoTokenizer.from_pretrained(folder if own else where)
    weights = peft.load_peft_weights(str(folder), device="cpu")
    weights = {name: tensor for name, tensor in weights.items() if ".lm_head." not in name}
    _resize(network, weights)
    if new and not any(
        name.startswith(f"base_model.model.{p}.") for p in head_parts(network) for name in weights
    ):
        head = beside(folder)
        if not head:
            raise InputError(
                f"The LoRA adapter {folder} has no head, and its model {where} has none: save it with "
                f"modules_to_save={head_parts(network)}."
            )
        take(network, head, folder)
    for part in head_parts(network):  # peft wants the head among the adapter's weights
        for name, tensor in getattr(network, part).named_parameters():
            weights.setdefault(f"base_model.model.{part}.{name}", tensor.detach())
    config.task_type, config.inference_mode = peft.TaskType.SEQ_CLS, True
    adapted = peft.get_peft_model(network, config)
    result = peft.set_peft_model_state_dict(adapted, weights)
    lost = [*result.unexpected_keys, *(name for name in result.missing_keys if "lora_" in name)]
    if lost:
        raise InputError(f"The LoRA adapter {folder} does not fit its model {where}: {lost[0]}.")
    merged = adapted.merge_and_unload()
    if hasattr(merged, "score"):
        merged.score.float()  # rewards are float32 whatever the rest is
    return tokenizer, merged


def _base(
    folder: Path, config: "PeftConfig", dtype: torch.dtype, seed: int, attention: str | None
) -> tuple[str, PreTrainedModel, bool]:
    """The model that an adapter was trained on: (where, classifier, whether its head is new)."""
    name = config.base_model_name_or_path
    if not name:
        raise InputError(f"The LoRA adapter {folder} does not say which model it belongs to, in {CONFIG}.")
    try:
        where = resolve(folder / name if (folder / name).is_dir() else name)
        revision = None if Path(where).is_dir() else config.revision
        return where, *load_network(where, dtype, seed, attention, revision)
    except OSError as error:  # InputError is a ValueError, and says what is wrong itself
        first = str(error).strip().partition("\n")[0]
        raise InputError(f"{folder} is a LoRA adapter of {name!r}, which cannot be had: {first}") from error


def _resize(network: PreTrainedModel, weights: dict[str, Tensor]) -> None:
    """Give the embeddings the rows that the adapter saved, where it was trained with more tokens."""
    embeddings = network.get_input_embeddings()
    name = next(name for name, module in network.named_modules() if module is embeddings)
    saved = weights.get(f"base_model.model.{name}.weight")
    if saved is not None and len(saved) != embeddings.num_embeddings:
        network.resize_token_embeddings(len(saved), mean_resizing=False)
