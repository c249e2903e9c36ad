"""From a prompt and its responses to tokens: once, here, for everything that reads or trains a model.

With a chat template they are the tokens of the whole conversation as the template finishes it (chat.py),
split where the response begins. An encoder reads what its tokenizer makes of the pair. A base model reads the
prompt, a line break, the response and EOS. A user's text that looks like a special token stays text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rmkit.data.records import Prompt
from rmkit.errors import InputError
from rmkit.models import chat
from rmkit.models.chat_template import ChatTemplate, looks_special

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Tokens that vocabularies reserve for padding; the first that exists is used before a new one is added.
RESERVED_PADS = ("<|pad|>", "<pad>", "[PAD]", "<|finetune_right_pad_id|>", "<|endoftext|>")
NEW_PAD = "<|pad|>"
_TOGETHER = 4096  # texts that a tokenizer reads at once: its threads wait for each other at the end
ANSWER = "\uf8ff"  # stands where a response stands; a private character, in no template

Tokens = list[int]


@dataclass
class Turns:
    """Tokens of one prompt and its K responses. prompt + responses[k] is the whole that a model reads."""

    prompt: Tokens  # the same for all responses
    responses: list[Tokens]  # K lists of one or more tokens, each with what ends a turn
    pair: bool = False  # an encoder's pair of texts: the response has a token type of its own
    notes: tuple[str, ...] = ()  # what the chat template did not allow (chat.Rendering)


def end_id(tokenizer: "PreTrainedTokenizerBase") -> int:
    """The token that ends a response without a chat template: EOS, or the separator of an encoder ([SEP])."""
    for token_id in (tokenizer.eos_token_id, tokenizer.sep_token_id):
        if token_id is not None:
            return token_id
    raise InputError(
        f"The tokenizer {tokenizer.name_or_path} has no EOS token to read a reward at: set its eos_token."
    )


def give_pad_token(tokenizer: "PreTrainedTokenizerBase") -> None:
    """Make sure that the tokenizer has a pad token that ends no response, and pads on the right.

    Plain transformers reads a classifier at the last token that is not the pad token: with pad = EOS it would
    read one token early. Our own scores never look at the pad token.
    """
    ends = {tokenizer.eos_token_id, tokenizer.sep_token_id, *closing_tokens(tokenizer)[-1:], None}
    tokenizer.padding_side = "right"
    if tokenizer.pad_token_id not in ends:
        return
    vocabulary = tokenizer.get_vocab()
    reserved = [token for token in RESERVED_PADS if vocabulary.get(token) not in ends]
    tokenizer.add_special_tokens({"pad_token": reserved[0] if reserved else NEW_PAD})


# --- prompt and responses together


def render(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: Prompt,
    responses: Sequence[str],
    template: ChatTemplate | None = None,
) -> chat.Rendering:
    """One prompt and its responses as text; template: the tokenizer's, where it is at hand.

    Raises TemplateRefusal, before anything is tokenized.
    """
    if tokenizer.chat_template:
        return chat.render(tokenizer, prompt, responses, template)
    guard = chat.Guard(template.looks_special if template else looks_special(tokenizer), ())
    opened = _plain_text(prompt) if _is_encoder(tokenizer) else opened_text(prompt)
    return chat.Rendering(opened, list(responses), guard, apart=True)


def tokenize(tokenizer: "PreTrainedTokenizerBase", renderings: Sequence[chat.Rendering]) -> list[Turns]:
    """Tokens of many renderings, in as few calls of the tokenizer as there can be."""
    if not renderings:
        return []
    if tokenizer.chat_template:
        return _turns(tokenizer, renderings)
    return (_pairs if _is_encoder(tokenizer) else _texts)(tokenizer, renderings)


def _turns(tokenizer: "PreTrainedTokenizerBase", renderings: Sequence[chat.Rendering]) -> list[Turns]:
    """By the chat template."""
    shared = _shared(tokenizer, renderings)
    texts = [
        (r.guard, text)
        for r, at in zip(renderings, shared, strict=True)
        for text in [*([r.opened[:at]] if at else []), *_rest(r, at)]
    ]
    found = iter(_frame_ids(tokenizer, texts))
    turns = []
    for r, at in zip(renderings, shared, strict=True):
        head, opened = next(found) if at else [], next(found)
        if r.apart:
            tails = [response_tokens(tokenizer, response) for response in r.finished]
            turns.append(Turns(head + opened, tails, notes=r.notes))
        else:
            own = _split(opened, [next(found) for _ in r.finished], r.notes)
            turns.append(Turns(head + own.prompt, own.responses, notes=r.notes))
    return turns


def _rest(rendering: chat.Rendering, at: int) -> list[str]:
    """The opened turn, and every finished one, from this letter on."""
    texts = [rendering.opened, *([] if rendering.apart else rendering.finished)]
    return [text[at:] for text in texts]


def _shared(tokenizer: "PreTrainedTokenizerBase", renderings: Sequence[chat.Rendering]) -> list[int]:
    """How many letters of each rendering stand before the last special token that all its texts share.

    No token reaches over the start of a special token, so what stands before it, most of the prompt, is
    tokenized once for all its responses. 0 where that is not so; a tokenizer that writes anything else there
    is noticed at the first rendering, and then all are tokenized whole.
    """
    special = [t for t in tokenizer.added_tokens_decoder.values() if t.special]
    names = [str(token) for token in special if not token.lstrip and not token.normalized]
    places = []
    for r in renderings:
        at = max((r.opened.rfind(name) for name in names), default=0)
        texts = [r.opened, *r.finished]
        fits = at > 0 and not r.apart and all(text.startswith(r.opened[:at]) for text in r.finished)
        places.append(at if fits and not any(r.guard.start in text for text in texts) else 0)
    first = next((i for i, at in enumerate(places) if at), None)
    if first is None:
        return places
    at, texts = places[first], _rest(renderings[first], 0)
    head, *wholes = _ids(tokenizer, [texts[0][:at], *texts])
    tails = _ids(tokenizer, _rest(renderings[first], at))
    return places if [head + tail for tail in tails] == wholes else [0] * len(places)


def _split(opened: Tokens, finished: list[Tokens], notes: tuple[str, ...]) -> Turns:
    """Split every whole at one place: after the tokens that it shares with the opened turn and all others.

    That is the end of the opened turn, unless a token reaches over it, such as a line break that merges with
    the response's own: then that token belongs to the responses. prompt + response stays the whole.
    """
    most = min(len(opened), *(len(whole) - 1 for whole in finished))
    if all(whole[:most] == opened[:most] for whole in finished):
        shared = most
    else:
        shared = next(i for i in range(most) if any(whole[i] != opened[i] for whole in finished))
    return Turns(opened[:shared], [whole[shared:] for whole in finished], notes=notes)


def _texts(tokenizer: "PreTrainedTokenizerBase", renderings: Sequence[chat.Rendering]) -> list[Turns]:
    """A base model: prompt and response are tokenized apart, and EOS ends each response."""
    start, end = special_tokens(tokenizer)[0], end_id(tokenizer)
    heads = _ids(tokenizer, [r.opened for r in renderings], split_special_tokens=True)
    responses = [text for r in renderings for text in r.finished]
    tails = iter(_ids(tokenizer, responses, split_special_tokens=True))
    return [
        Turns(start + head, [[*next(tails), end] for _ in r.finished])
        for head, r in zip(heads, renderings, strict=True)
    ]


def _pairs(tokenizer: "PreTrainedTokenizerBase", renderings: Sequence[chat.Rendering]) -> list[Turns]:
    """What the tokenizer makes of (prompt, response), as cross-encoders read it: [CLS] x [SEP] y [SEP]."""
    responses = [text for r in renderings for text in r.finished]
    prompts = [r.opened for r in renderings for _ in r.finished]
    wholes = _ids(tokenizer, prompts, responses, split_special_tokens=True)
    own = _ids(tokenizer, responses, split_special_tokens=True)
    after = len(closing_tokens(tokenizer))
    found = iter([(len(whole) - len(text) - after, whole) for whole, text in zip(wholes, own, strict=True)])
    turns = []
    for r in renderings:
        parts = [next(found) for _ in r.finished]
        at, first = parts[0]
        turns.append(Turns(first[:at], [whole[i:] for i, whole in parts], pair=True))
    return turns


def closing_tokens(tokenizer: "PreTrainedTokenizerBase") -> Tokens:
    """What stands after a response: the template's end of turn, an encoder's last [SEP], or EOS."""
    if tokenizer.chat_template:
        rendering = chat.render(tokenizer, "x", [ANSWER])
        if not rendering.apart:
            return _frame_ids(tokenizer, [(rendering.guard, rendering.finished[0].rpartition(ANSWER)[2])])[0]
    elif _is_encoder(tokenizer):
        pair = tokenizer("x", "x", return_special_tokens_mask=True)
        after = next((i for i, special in enumerate(reversed(pair.special_tokens_mask)) if not special), 0)
        return pair.input_ids[len(pair.input_ids) - after :]
    return [end_id(tokenizer)]


# --- one side


def prompt_tokens(tokenizer: "PreTrainedTokenizerBase", prompt: Prompt) -> Tokens:
    """Tokens of a prompt, up to the point where a response begins: what a policy continues.

    With a chat template: the template's text for the messages (a text is one user message) and the header of
    the answer; an assistant turn at the end stays open. The template writes BOS itself: it is never doubled.
    Without one: the text as it is (messages as "User: ..." blocks) and a line break, after the special tokens
    with which this tokenizer begins a text.
    """
    if tokenizer.chat_template:
        rendering = chat.render(tokenizer, prompt, [])
        return _frame_ids(tokenizer, [(rendering.guard, rendering.opened)])[0]
    start, middle = special_tokens(tokenizer)
    return start + _ids(tokenizer, opened_text(prompt), split_special_tokens=True) + middle


def response_tokens(tokenizer: "PreTrainedTokenizerBase", response: str) -> Tokens:
    """Tokens of a response by itself, EOS at the end. Text that looks like a special token stays text."""
    return [*_ids(tokenizer, response, split_special_tokens=True), end_id(tokenizer)]


def _plain_text(prompt: Prompt) -> str:
    """A prompt for a tokenizer without a chat template."""
    return prompt if isinstance(prompt, str) else transcript(prompt)


def opened_text(prompt: Prompt) -> str:
    """The same, and a line break where a response begins; none within an assistant turn that it continues."""
    text = _plain_text(prompt)
    continued = not isinstance(prompt, str) and chat.messages_of(prompt)[-1]["role"] == "assistant"
    return text if continued or not text or text[-1].isspace() else f"{text}\n"


def transcript(messages: list[dict[str, str]]) -> str:
    """Chat messages as plain text up to where the assistant speaks; an assistant turn there stays open."""
    messages = chat.messages_of(messages)
    blocks = [f"{message['role'].capitalize()}: {message['content']}" for message in messages]
    return "\n\n".join(blocks if messages[-1]["role"] == "assistant" else [*blocks, "Assistant:"])


def special_tokens(tokenizer: "PreTrainedTokenizerBase") -> tuple[Tokens, Tokens]:
    """What this tokenizer writes before a text, and (an encoder) between a text and the next.

    BERT: ([CLS], [SEP]); Llama: (BOS, nothing); GPT-2: (nothing, nothing). An EOS at the end is not one of
    them.
    """
    ids = tokenizer("").input_ids
    start = ids[:1] if ids and ids[0] in (tokenizer.bos_token_id, tokenizer.cls_token_id) else []
    return start, [tokenizer.sep_token_id] if _is_encoder(tokenizer) else []


def _is_encoder(tokenizer: "PreTrainedTokenizerBase") -> bool:
    return tokenizer.sep_token_id is not None and tokenizer.cls_token_id is not None


def _frame_ids(tokenizer: "PreTrainedTokenizerBase", texts: Sequence[tuple[chat.Guard, str]]) -> list[Tokens]:
    """Tokens of texts of a template: special tokens are read as such, except those that a guard encloses."""
    plain = [text for guard, text in texts if guard.start not in text]
    found = iter(_ids(tokenizer, plain) if plain else [])
    return [
        next(found) if guard.start not in text else _guarded_ids(tokenizer, guard.pieces(text))
        for guard, text in texts
    ]


def _guarded_ids(tokenizer: "PreTrainedTokenizerBase", pieces: list[tuple[str, bool]]) -> Tokens:
    return [i for piece, is_text in pieces for i in _ids(tokenizer, piece, split_special_tokens=is_text)]


def _ids(
    tokenizer: "PreTrainedTokenizerBase",
    text: str | list[str],
    pair: list[str] | None = None,
    **options: bool,
) -> list:
    # verbose=False: lengths are ours to keep (packing.encode_groups), no warning about the model's maximum.
    options |= {"return_attention_mask": False, "return_token_type_ids": False, "verbose": False}
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None or pair is not None or isinstance(text, str) or len(text) < 2:
        return tokenizer(text, pair, add_special_tokens=pair is not None, **options).input_ids
    # The first text sets the backend up as the options say; the others need no more than ids: no offsets.
    first = tokenizer(text[:1], add_special_tokens=False, **options).input_ids
    found = [
        encoding.ids
        for start in range(0, len(text), _TOGETHER)  # an encoding takes 100 bytes a token until it is read
        for encoding in backend.encode_batch_fast(text[start : start + _TOGETHER], add_special_tokens=False)
    ]
    if found[:1] == first:
        return found
    return tokenizer(text, add_special_tokens=False, **options).input_ids  # it does more than its backend
