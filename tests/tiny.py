"""Tiny random models and a tiny tokenizer, made on the fly: real transformers folders without a download."""

import random
from pathlib import Path

import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import (
    BertConfig,
    BertModel,
    GPT2Config,
    GPT2LMHeadModel,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from rmkit.data.preferences import Preferences, Record
from rmkit.models.reward_model import RewardModel

TEXT = "what do otters eat fish granite mostly the a is of and badgers live in rivers why how many legs"
WORDS = [*TEXT.split(), "user", "assistant", "end", "User", "Assistant"]
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for m in messages %}{{ '<' + m['role'] + '> ' + m['content'] + ' <end> ' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant> ' }}{% endif %}"
)
DECODERS = ("llama", "qwen3", "gpt2")


def tiny_tokenizer(
    *, pad: str | None = "[PAD]", bos: bool = False, chat: bool = False, encoder: bool = False, **more
):
    """A word tokenizer: 25 words, one token for every other character, and special tokens.

    pad: "[PAD]", "</s>" (equal to EOS, no other in the vocabulary) or None.  bos: BOS before every text.
    chat: with a chat template, which writes BOS itself.  encoder: [CLS] and [SEP] as BERT has them, no EOS;
    more: settings of its tokenizer.
    """
    special = ["<unk>", "<s>", "</s>", "[CLS]", "[SEP]"]
    entries = dict.fromkeys([*special, *WORDS, "\n", *map(chr, range(33, 127))])  # each once
    if pad == "[PAD]":
        entries["[PAD]"] = None  # last, so that no other token's number depends on it
    vocabulary = {token: i for i, token in enumerate(entries)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(" ", "removed"),
            pre_tokenizers.Punctuation(),
            pre_tokenizers.Split("\n", "isolated"),
        ]
    )
    if encoder:
        pattern = [("[CLS]", vocabulary["[CLS]"]), ("[SEP]", vocabulary["[SEP]"])]
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=pattern
        )
        names = more | {"cls_token": "[CLS]", "sep_token": "[SEP]"}
    else:
        names = more | {"bos_token": "<s>", "eos_token": "</s>"}
        if bos:
            begin = [("<s>", vocabulary["<s>"])]
            tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=begin)
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>", pad_token=pad, **names)
    fast.chat_template = CHAT_TEMPLATE if chat else None
    return fast


def tiny_network(kind: str, vocabulary: int = 160, seed: int = 0, **settings):
    """A random base model of 2 layers and 32 dimensions: "llama", "qwen3", "gpt2" or "bert"."""
    torch.manual_seed(seed)
    size = {"vocab_size": vocabulary, "pad_token_id": None, "bos_token_id": 1, "eos_token_id": 2}
    # Large weights: with transformers' own (0.02) attention is near uniform, and a wrong mask would hardly
    # show.
    wide = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.3}
    llama = size | wide | {"intermediate_size": 48, "num_key_value_heads": 2, "tie_word_embeddings": True}
    if kind == "llama":
        return LlamaForCausalLM(LlamaConfig(**(llama | settings)))
    if kind == "qwen3":
        return Qwen3ForCausalLM(Qwen3Config(**(llama | {"head_dim": 8} | settings)))
    if kind == "gpt2":
        small = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 2048, "initializer_range": 0.3}
        return GPT2LMHeadModel(GPT2Config(**(size | small | settings)))
    if kind == "bert":
        return BertModel(
            BertConfig(**(wide | {"vocab_size": vocabulary, "intermediate_size": 48} | settings))
        )
    raise ValueError(kind)


def tiny_model(folder: str | Path, kind: str = "llama", *, seed: int = 0, tokenizer=None, **settings) -> str:
    """Save a tiny random base model and its tokenizer as a plain transformers folder; its path.

    vocabulary=160 gives the embeddings more rows than the tokenizer has tokens, as published models have.
    """
    tokenizer = tokenizer or tiny_tokenizer(encoder=kind == "bert")
    network = tiny_network(kind, settings.pop("vocabulary", len(tokenizer)), seed, **settings)
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


def load(folder, **settings) -> RewardModel:
    """The reward model in a folder, on the CPU."""
    return RewardModel.load(folder, device="cpu", **settings)


def text(rng, least, most, fish=0.0):
    words = (
        rng.choices(["fish", rng.choice(WORDS)], [fish, 1 - fish])[0] for _ in range(rng.randint(least, most))
    )
    return " ".join(words)


def toy(groups=24, seed=0, **more):
    """Groups of 1 to 5 responses of uneven lengths; a response with more fish in it is better."""
    rng = random.Random(seed)
    records = []
    for g in range(groups):
        responses = [text(rng, 1, 9, 0.3) for _ in range(1 + g % 5)]
        ranks = [10 - response.count("fish") for response in responses]
        records.append(Record(text(rng, 6, 12), responses, ranks=ranks, **more))
    return Preferences(records, name="toy")
