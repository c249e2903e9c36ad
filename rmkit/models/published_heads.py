"""Heads of reward models that others published, under the names that their programs save.

TRL and LLaMA-Factory: v_head.summary; DeepSpeed-Chat: v_head; OpenRLHF: value_head or score; ArmoRM's kind:
regression_layer. transformers leaves such weights unread and draws a head at random. Here a head of one
number becomes the classifier's own, and whatever else would stay unread is refused by its name.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import torch
from safetensors import safe_open
from torch import Tensor, nn
from transformers import PretrainedConfig, PreTrainedModel
from transformers.utils import cached_file

from rmkit.errors import InputError

# DeepSpeed-Chat saves the language model inside one of these.
KEY_MAPPING = {r"^rwtr[a-z]*former\.": ""}
_HEAD = re.compile(
    r"^(?:.*\.)?(?:v_head(?:\.summary)?|value_head|reward_head|rm_head|scalar_head|regression_layer|score|classifier)"
    r"\.(weight|bias)$"
)
_PART_OF_A_HEAD = re.compile(
    r"(v_head|value_head|reward|rm_head|scalar_head|regression|score|classif|gating)\w*\."
)
# A layer at the top, "critic_head.weight": a language model has none but those below. No tower, no block.
_AT_THE_TOP = re.compile(r"^[^.\d]+(\.[^.\d]+)?\.(weight|bias)$")
# What a classifier leaves unread by design: heads that predict words or sentences, buffers, a pooler.
_OF_A_LANGUAGE_MODEL = re.compile(
    r"^(lm_head|embed_out|pred_layer|lm_loss|cls|mtp|generator\w*|\w*predictions|vocab_\w+|sop_classifier)\."
    r"|pooler|(inv_freq|position_ids|masked_bias|attn\.bias)$"
)
_LANGUAGE_MODELS = ("ForCausalLM", "LMHeadModel", "Model", "ForMaskedLM", "ForPreTraining", "Generation")
_SEPARATE = ("value_head.safetensors", "value_head.bin")  # beside the model: LLaMA-Factory


def folder_of(where: str | Path, revision: str | None = None) -> Path:
    """The folder in which the files of a loaded model lie: itself, or its snapshot in the Hub's cache."""
    if Path(where).is_dir():
        return Path(where)
    return Path(cached_file(str(where), "config.json", revision=revision)).parent


def adopt_head(
    network: PreTrainedModel, config: PretrainedConfig, folder: Path, unread: Iterable[str], missing: bool
) -> bool:
    """Whether the network has its head, its own or one that was saved under another name.

    unread: names in the model's files that the network did not take.   missing: its own head is not there.
    Raises InputError for weights of a head that stay unread.
    """
    left = {name for name in unread if not _OF_A_LANGUAGE_MODEL.search(name)}
    heads = {name for name in left if _HEAD.match(name)}
    if (missing or heads == {"score.bias"}) and isinstance(getattr(network, "score", None), nn.Linear):
        tensors = beside(folder) or read_some(folder, heads)
        if sum(name.endswith("weight") for name in tensors) == int(missing) and tensors:
            take(network, tensors, folder)
            left, missing = left - set(tensors), False
    named = config.architectures or ["Model"]
    language_model = any(name.endswith(_LANGUAGE_MODELS) for name in named) and not says_reward(config)
    looks = [_PART_OF_A_HEAD.search] + ([_AT_THE_TOP.search] if hasattr(network, "score") else [])
    lost = sorted(name for name in left if not language_model or any(look(name) for look in looks))
    if lost:
        raise InputError(
            f"{folder} holds weights that no sequence classifier reads ({', '.join(lost[:3])}), so scores "
            f"would not be its own: save it as a classifier with one label, or use the program that made it."
        )
    return not missing


def says_reward(config: PretrainedConfig) -> bool:
    """Whether a model says that it is a reward model."""
    names = config.architectures or ()
    return any(name.endswith("ForSequenceClassification") or "reward" in name.lower() for name in names)


def take(network: PreTrainedModel, tensors: dict[str, Tensor], folder: Path) -> None:
    """Make a weight of shape (1, D), and a bias of shape (1,), the network's head, in their own digits."""
    parts = {name.rpartition(".")[2]: tensor for name, tensor in tensors.items()}
    old = network.score
    weight, bias = parts.get("weight", old.weight.detach()), parts.get("bias")
    weight = weight[None] if weight.dim() == 1 else weight
    if weight.shape != old.weight.shape:
        raise InputError(
            f"The head in {folder} ({', '.join(sorted(tensors))}) gives {len(weight)} numbers from "
            f"{weight.shape[-1]}; a reward model gives one, here from {old.in_features}."
        )
    # A bias of 0 changes nothing. Another one makes rmkit's scores larger by it than plain transformers'.
    has_bias = bias is not None and bool(bias.any())
    network.score = nn.Linear(old.in_features, 1, bias=has_bias, device=old.weight.device)
    network.score.weight.data.copy_(weight)
    if has_bias:
        network.score.bias.data.copy_(bias.flatten())


def beside(folder: Path) -> dict[str, Tensor]:
    """A head in a file of its own beside the model or the adapter."""
    found = [folder / name for name in _SEPARATE if (folder / name).is_file()]
    return read(found[0]) if found else {}


# --- files


def read(file: Path) -> dict[str, Tensor]:
    """All tensors of one file of weights; a pickle is read as tensors only (no code of it runs)."""
    if file.suffix == ".safetensors":
        with safe_open(file, framework="pt") as weights:
            return {name: weights.get_tensor(name) for name in weights.keys()}  # noqa: SIM118
    return torch.load(file, map_location="cpu", weights_only=True)


def read_some(folder: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """The tensors of these names in the files of a folder, in the dtype in which they were saved."""
    wanted, found = set(names), {}
    safe = sorted(folder.glob("*.safetensors"))
    for file in safe:
        with safe_open(file, framework="pt") as weights:
            found |= {name: weights.get_tensor(name) for name in wanted & set(weights.keys())}
    for file in sorted(folder.glob("pytorch_model*.bin")) if not safe else ():
        found |= {name: tensor for name, tensor in read(file).items() if name in wanted}
    return found
