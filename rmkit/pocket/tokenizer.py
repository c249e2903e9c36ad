"""The pocket language model's own tokenizer: byte-level BPE in which every word of the world is one token.

Any text can be written with it, since single bytes are tokens too. Marks of the format (`<|end|>` and
others) are special tokens; the chat template breaks them up where a message contains their text, so a
visitor cannot forge one.
"""

import random
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

from rmkit.pocket import corpus, facts
from rmkit.pocket.corpus import ASSISTANT, END, MARKS, PAD, SYSTEM, USER, Piece

SIZE = 1600
# A message is written after the mark of its role; an answer is closed by the end mark. "<|" in a
# message becomes "< |".
TEMPLATE = (
    "{%- for message in messages -%}"
    f"{{%- if message['role'] == 'assistant' -%}}{ASSISTANT}"
    f"{{%- elif message['role'] == 'system' -%}}{SYSTEM}{{%- else -%}}{USER}{{%- endif -%}}"
    "{{- message['content'] | replace('<|', '< |') -}}"
    f"{{%- if message['role'] == 'assistant' -%}}{END}{{%- endif -%}}"
    "{%- endfor -%}"
    f"{{%- if add_generation_prompt -%}}{ASSISTANT}{{%- endif -%}}"
)
_WORD = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")


def train(documents: int = 12_000, size: int = SIZE, seed: int = 0) -> PreTrainedTokenizerFast:
    """A tokenizer for the world's text. Deterministic."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(MARKS),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    bpe.train_from_iterator(_texts(documents, seed), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[mark for mark in MARKS if mark not in (PAD, END)],
        chat_template=TEMPLATE,
        model_max_length=512,
        padding_side="right",
        clean_up_tokenization_spaces=False,
    )


def _texts(documents: int, seed: int) -> Iterator[str]:
    rng = random.Random(seed)
    for pieces in islice(corpus.documents(rng), documents):
        yield from (piece.text for piece in pieces if not piece.is_mark)
    # Every name, value and small number is frequent enough for a token of its own.
    words = [
        *facts.ANIMALS,
        *facts.PLURALS.values(),
        *(v for values in facts.VALUES.values() for v in values),
    ]
    for word in [*words, *map(str, range(2, 121))]:
        yield from [f"the {word}", word.capitalize()] * 30
    yield from ["".join(f" {word}" for word in (*corpus.GRADES, *corpus.VERDICTS, "A", "B", "So"))] * 30


class Encoder:
    """Pieces to token ids and weights, quickly: a word's tokens are looked up once.

    Each piece is encoded by itself, as rmkit's packing does with prompts and responses.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast):
        self.tokenizer = tokenizer
        self.marks = {mark: tokenizer.convert_tokens_to_ids(mark) for mark in MARKS}
        self.words: dict[str, list[int]] = {}

    def text(self, text: str) -> list[int]:
        """Token ids of a text of the world (ASCII), equal to the tokenizer's."""
        ids: list[int] = []
        for word in _WORD.findall(text):
            if word not in self.words:
                self.words[word] = self.tokenizer(word, add_special_tokens=False).input_ids
            ids += self.words[word]
        return ids

    def pieces(self, pieces: list[Piece]) -> tuple[list[int], list[float]]:
        """(ids, weights) of a document; the weight is that of the token when it is to be predicted."""
        ids: list[int] = []
        weights: list[float] = []
        for piece in pieces:
            new = [self.marks[piece.text]] if piece.is_mark else self.text(piece.text)
            ids += new
            weights += [piece.weight] * len(new)
        return ids, weights


def load(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer in a model folder."""
    return PreTrainedTokenizerFast.from_pretrained(folder)
