"""From a prompt and its responses to tokens: chat template, BOS and EOS, and the pad token.

Every response is tokenized on its own, so its tokens do not depend on the prompt or on the other responses,
and ends with the EOS token at which its reward is read.
"""

from transformers import PreTrainedTokenizerBase

from rmkit.data.records import Prompt
from rmkit.errors import InputError

# Tokens that vocabularies reserve for padding; the first that exists is used before a new one is added.
RESERVED_PADS = ("<|pad|>", "<pad>", "[PAD]", "<|finetune_right_pad_id|>", "<|endoftext|>")
NEW_PAD = "<|pad|>"


def end_id(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends a response: EOS, or the separator of an encoder ([SEP])."""
    for token_id in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        if token_id is not None:
            return token_id
    raise InputError(
        f"The tokenizer {tokenizer.name_or_path} has no EOS token to read a reward at: set its eos_token."
    )


def give_pad_token(tokenizer: PreTrainedTokenizerBase) -> None:
    """Make sure that the tokenizer has a pad token that is not its EOS, and pads on the right.

    Plain transformers reads a classifier at the last token that is not the pad token: with pad = EOS it would
    read one token early. Our own scores never look at the pad token.
    """
    end = end_id(tokenizer)
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id is not None and tokenizer.pad_token_id != end:
        return
    vocabulary = tokenizer.get_vocab()
    reserved = [token for token in RESERVED_PADS if vocabulary.get(token, end) != end]
    tokenizer.add_special_tokens({"pad_token": reserved[0] if reserved else NEW_PAD})


def prompt_tokens(tokenizer: PreTrainedTokenizerBase, prompt: Prompt) -> list[int]:
    """Tokens of a prompt, up to the point where a response begins.

    With a chat template: the template's text for the messages (a text is one user message) and the header of
    the answer. The template writes BOS itself, so its text is tokenized without special tokens: BOS is never
    doubled. Without one: the text as it is (messages as "User: ..." blocks) and a line break, after the
    special tokens with which this tokenizer begins a text.
    """
    if tokenizer.chat_template:
        messages = [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        return _ids(tokenizer, text)
    text = prompt if isinstance(prompt, str) else transcript(prompt)
    if text and not text[-1].isspace():
        text += "\n"
    start, middle = special_tokens(tokenizer)
    return start + _ids(tokenizer, text) + middle


def response_tokens(tokenizer: PreTrainedTokenizerBase, response: str) -> list[int]:
    """Tokens of a response, EOS at the end. Text that looks like a special token ("<|end|>") stays text."""
    return [*_ids(tokenizer, response, split_special_tokens=True), end_id(tokenizer)]


def transcript(messages: list[dict[str, str]]) -> str:
    """Chat messages as plain text, for a tokenizer without a chat template."""
    blocks = [f"{message['role'].capitalize()}: {message['content']}" for message in messages]
    return "\n\n".join([*blocks, "Assistant:"])


def special_tokens(tokenizer: PreTrainedTokenizerBase) -> tuple[list[int], list[int]]:
    """What this tokenizer writes before a text, and (an encoder) between a text and the next.

    BERT: ([CLS], [SEP]); Llama: (BOS, nothing); GPT-2: (nothing, nothing). An EOS at the end is not one of
    them.
    """
    ids = tokenizer("").input_ids
    start = ids[:1] if ids and ids[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id) else []
    encoder = tokenizer.sep_token_id is not None and tokenizer.cls_token_id is not None
    return start, [tokenizer.sep_token_id] if encoder else []


def _ids(tokenizer: PreTrainedTokenizerBase, text: str, **options: bool) -> list[int]:
    # verbose=False: lengths are ours to keep (packing.encode_group), no warning about the model's maximum.
    return tokenizer(text, add_special_tokens=False, verbose=False, **options).input_ids
