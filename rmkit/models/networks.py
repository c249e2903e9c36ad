"""The network inside a reward model: a sequence classifier with one label, its head, its pad token."""

from collections.abc import Iterator
from contextlib import contextmanager
from inspect import signature

import torch
from torch import Tensor, nn
from transformers import (
    AutoConfig,
    AutoModelForSequenceClassification,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rmkit.errors import InputError
from rmkit.models.published_heads import KEY_MAPPING, adopt_head, folder_of, read_some, says_reward


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Inside, torch's random numbers depend on the seed alone; outside, nothing was drawn."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def load_network(
    where: str,
    dtype: torch.dtype,
    seed: int,
    attention: str | None = None,
    revision: str | None = None,
) -> tuple[PreTrainedModel, bool]:
    """(classifier with one label, whether its head is new). Raises InputError for what is no reward model."""
    config = AutoConfig.from_pretrained(where, revision=revision)
    classifier = any(name.endswith("ForSequenceClassification") for name in config.architectures or ())
    if classifier and config.num_labels != 1:
        raise InputError(f"{where} is a classifier with {config.num_labels} labels; a reward model has one.")
    config.num_labels = 1
    with seeded(seed):  # transformers draws every weight that the files lack
        network, info = AutoModelForSequenceClassification.from_pretrained(
            where,
            config=config,
            revision=revision,
            dtype=dtype,
            attn_implementation=attention,
            key_mapping=KEY_MAPPING,
            ignore_mismatched_sizes=True,  # refused below, by name
            output_loading_info=True,
        )
    _check_whole(network, where, info)
    missing = [name for name, _ in network.named_parameters() if name in info["missing_keys"]]
    folder = folder_of(where, revision)
    if adopt_head(network, config, folder, info["unexpected_keys"], bool(missing)):
        missing = []
    if missing and says_reward(config):
        raise InputError(
            f"{where} says that it is a reward model, but {missing[0]} is not in its files: it was saved "
            "without its head; save it again from the program that trained it, or load the base model."
        )
    if missing:
        draw_head(network, seed)
    elif dtype != torch.float32 and hasattr(network, "score"):
        # from_pretrained rounds every weight to the dtype; a head that was saved in float32 keeps its digits.
        network.score.float()
        for exact in read_some(folder, ["score.weight"]).values():
            network.score.weight.data.copy_(exact)
    if hasattr(network, "score"):
        network.score.float()  # rewards are float32 whatever the rest is
    return network, bool(missing)


def _check_whole(network: PreTrainedModel, where: str, info: dict) -> None:
    for name, saved, wanted in info["mismatched_keys"]:
        raise InputError(
            f"{name} in {where} has the shape {tuple(saved)}, where a reward model of its config has "
            f"{tuple(wanted)}: it is a model of another kind or size."
        )
    inside = f"{network.base_model_prefix}."
    lost = [name for name, _ in network.named_parameters() if name in info["missing_keys"]]
    lost = [name for name in lost if name.startswith(inside) and "pooler" not in name]
    if lost:
        raise InputError(f"{where} lacks weights that it needs ({lost[0]}): is it whole?")


def head_parts(network: PreTrainedModel) -> list[str]:
    """Names of the parts that turn hidden states into a reward: ["score"], or ["head", "classifier"] ..."""
    parts = [(name, list(part.parameters())) for name, part in network.named_children()]
    return [name for name, weights in parts if name != network.base_model_prefix and weights]


def head_of(network: PreTrainedModel) -> nn.Module:
    """The last linear layer of the head: weight (1, D)."""
    inside = f"{network.base_model_prefix}."
    found = []
    for name, module in network.named_modules():
        weight = getattr(module, "weight", None)
        if (
            not name.startswith(inside)
            and isinstance(weight, Tensor)
            and weight.dim() == 2
            and len(weight) == 1
        ):
            found.append(module)
    return found[-1]


def draw_head(network: nn.Module, seed: int) -> None:
    """Weights from N(0, 1/(D + 1)^2) and no bias, so that first rewards are near 0.

    From a generator of its own: no earlier random number can move it.
    """
    head = head_of(network)
    drawn = torch.randn(head.weight.shape, generator=torch.Generator().manual_seed(seed))
    head.weight.data.copy_(drawn / (drawn.shape[-1] + 1))
    if getattr(head, "bias", None) is not None:
        nn.init.zeros_(head.bias)


def has_token_types(network: nn.Module, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether a network tells prompt and response apart by token types, as BERT's tokenizer makes them."""
    kinds = getattr(network.config, "type_vocab_size", None) or 0
    takes = "token_type_ids" in signature(network.forward).parameters
    return kinds > 1 and takes and "token_type_ids" in tokenizer.model_input_names


def set_pad(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
    """Tell the network its pad token, and give the token a row of the embeddings where there is none."""
    old = network.get_input_embeddings().num_embeddings
    if len(tokenizer) > old:
        network.resize_token_embeddings(len(tokenizer), mean_resizing=False)
        weight = network.get_input_embeddings().weight.data
        weight[old:] = weight[:old].mean(0)  # nobody sees a pad token; a fixed value keeps files reproducible
    network.config.pad_token_id = tokenizer.pad_token_id
    network.config.get_text_config().pad_token_id = tokenizer.pad_token_id


def floating(dtype: object) -> torch.dtype:
    """A dtype of weights by itself or by its name. Raises InputError where it is none."""
    found = getattr(torch, dtype, None) if isinstance(dtype, str) else dtype
    if not isinstance(found, torch.dtype) or not found.is_floating_point:
        raise InputError(f"dtype is {dtype!r}; it can be torch.float32, torch.bfloat16 or torch.float16.")
    return found


def longest(network: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, wanted: int) -> int:
    """`wanted` tokens, or fewer where the network has no positions for them."""
    limits = [wanted, getattr(network.config.get_text_config(), "max_position_embeddings", None) or wanted]
    if not hasattr(network, "score"):
        limits.append(tokenizer.model_max_length)
    # RoBERTa's positions begin after that of its padding.
    limits += [p.num_embeddings - p.padding_idx - 1 for p in _padded_positions(network)]
    return min(limits)


def _padded_positions(network: PreTrainedModel) -> list[nn.Embedding]:
    named = [part for name, part in network.named_modules() if name.endswith("position_embeddings")]
    return [p for p in named if isinstance(p, nn.Embedding) and p.padding_idx is not None]


def why_not_packed(network: PreTrainedModel, max_length: int) -> str | None:
    """Why a classifier cannot share a prompt between responses, or None."""
    if not hasattr(network, "score"):
        return "the prompt of an encoder sees the response, so it cannot be shared"
    return why_not_shared(network, max_length)


def why_not_shared(network: PreTrainedModel, max_length: int) -> str | None:
    """Why a network that reads from left to right cannot share a prompt between responses, or None."""
    config = network.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention", "sliding_attention"}
    if kinds:
        return f"its {', '.join(sorted(kinds))} layers would carry one response into the next"
    window = getattr(config, "sliding_window", None)
    if window and getattr(config, "use_sliding_window", True) and window < max_length:
        return f"its sliding window of {window} tokens is shorter than max_length = {max_length}"
    return None


def with_lora(network: PreTrainedModel, rank: int, seed: int) -> nn.Module:
    """The network with adapters of this rank on every linear layer, and its head trained as a whole."""
    try:
        from peft import LoraConfig, TaskType, get_peft_model
    except ImportError:
        raise InputError('lora needs the package peft: pip install "rmkit[lora]".') from None
    # SEQ_CLS and modules_to_save: without them the random head would stay as drawn and be lost on saving.
    settings = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=rank,
        lora_alpha=2 * rank,
        target_modules="all-linear",
        modules_to_save=head_parts(network),
        fan_in_fan_out=network.config.model_type == "gpt2",
    )
    with seeded(seed):
        return get_peft_model(network, settings)
