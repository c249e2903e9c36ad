"""Toys that lesson 03's checks hand to an answer: tokenizers, a body, a model to train.

A class of its own file travels to the process in which a submission is graded; the checks stay behind.
"""

import string

import torch
from tokenizers import AddedToken, Regex, Tokenizer, models, pre_tokenizers, processors
from torch import Tensor, nn
from transformers import PreTrainedTokenizerFast
from transformers.modeling_outputs import BaseModelOutput

# One ends a turn with its EOS alone, as the pocket model does; the other with a line break behind it.
BARE = (
    "{{ bos_token }}{% for m in messages %}{{ '<' + m['role'] + '>' + m['content'] }}"
    "{% if m['role'] == 'assistant' %}{{ '<end>' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>' }}{% endif %}"
)
CHATML = (
    "{{ bos_token }}{% for m in messages %}{{ '<' + m['role'] + '>\\n' + m['content'] + '<end>\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<assistant>\\n' }}{% endif %}"
)
_MARKS = ("<bos>", "<pad>", "<end>", "<user>", "<assistant>")


class Letters(PreTrainedTokenizerFast):
    """A tokenizer of one token a letter, which by default begins every text with BOS, as Llama's does."""

    def __deepcopy__(self, memo: dict) -> "Letters":
        return self  # nobody's answer changes it

    def __repr__(self) -> str:
        return "tokenizer"


def letters(template: str) -> Letters:
    """The tokenizer with one of two templates."""
    entries = dict.fromkeys([*_MARKS, "?", *string.printable])
    tokenizer = Tokenizer(models.WordLevel({token: i for i, token in enumerate(entries)}, unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in _MARKS])
    tokenizer.post_processor = processors.TemplateProcessing("<bos> $A", special_tokens=[("<bos>", 0)])
    marks = {"bos_token": "<bos>", "eos_token": "<end>", "pad_token": "<pad>", "unk_token": "?"}
    made = Letters(tokenizer_object=tokenizer, **marks)
    made.chat_template = template
    return made


WIDTH, WORDS = 4, 10


class Body:
    """A toy language model: a token's state is made of itself and the mean of the real ones up to it."""

    def __init__(self, seed: int):
        self.table = torch.randn(WORDS, WIDTH, generator=torch.Generator().manual_seed(seed))

    def __call__(self, input_ids: Tensor, attention_mask: Tensor | None = None, **_) -> BaseModelOutput:
        mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        own = self.table[input_ids]
        seen = (own * mask[..., None]).cumsum(1) / mask.cumsum(1).clamp(min=1)[..., None]
        return BaseModelOutput(torch.tanh(own + 2 * seen))

    def __deepcopy__(self, memo: dict) -> "Body":
        return self  # nobody's answer changes it

    def __repr__(self) -> str:
        return "body"


class Trainee(nn.Module):
    """A toy reward model; it is there to be trained in place, so no change of it is a fault."""

    def __init__(self, seed: int, scale: float):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.table = nn.Parameter(torch.randn(WORDS, WIDTH, generator=generator))
        self.w = nn.Parameter(scale * torch.randn(WIDTH, generator=generator))

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """(R, L) token ids and mask -> (R,) rewards."""
        return torch.tanh((self.table[ids] * mask[..., None]).sum(1)) @ self.w

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trainee)

    __hash__ = nn.Module.__hash__

    def __repr__(self) -> str:
        return "model"
