"""Prompts and responses as tokens: chat templates, BOS, EOS, pad tokens."""

import pytest
from tiny import tiny_tokenizer

from rmkit.errors import InputError
from rmkit.models.packing import encode_group
from rmkit.models.templates import end_id, give_pad_token, prompt_tokens, response_tokens

MESSAGES = [
    {"role": "user", "content": "what do otters eat"},
    {"role": "assistant", "content": "fish"},
    {"role": "user", "content": "why"},
]


def words(tokenizer, ids):
    return tokenizer.convert_ids_to_tokens(ids)


@pytest.mark.parametrize("bos", [True, False], ids=["tokenizer adds BOS", "tokenizer adds none"])
@pytest.mark.parametrize("prompt", ["what do otters eat", MESSAGES], ids=["text", "messages"])
def test_a_chat_template_gives_exactly_one_bos(bos, prompt):
    tokenizer = tiny_tokenizer(bos=bos, chat=True)
    ids = prompt_tokens(tokenizer, prompt)
    assert ids.count(tokenizer.bos_token_id) == 1
    assert ids[0] == tokenizer.bos_token_id


def test_a_text_becomes_a_user_message_of_the_template_and_the_answer_is_opened():
    tokenizer = tiny_tokenizer(chat=True)
    text = "".join(words(tokenizer, prompt_tokens(tokenizer, "otters")))
    assert text == "<s><user>otters<end><assistant>"


@pytest.mark.parametrize("bos", [True, False])
def test_without_a_template_a_text_begins_as_the_tokenizer_begins_one(bos):
    tokenizer = tiny_tokenizer(bos=bos)
    begin = ["<s>"] if bos else []
    assert words(tokenizer, prompt_tokens(tokenizer, "why fish")) == [*begin, "why", "fish", "\n"]
    assert words(tokenizer, prompt_tokens(tokenizer, "why fish\n")) == [*begin, "why", "fish", "\n"]
    assert words(tokenizer, prompt_tokens(tokenizer, "")) == begin


def test_messages_without_a_template_keep_their_roles():
    tokenizer = tiny_tokenizer()
    text = "".join(words(tokenizer, prompt_tokens(tokenizer, MESSAGES)))
    assert text == "User:whatdootterseat\n\nAssistant:fish\n\nUser:why\n\nAssistant:\n"


@pytest.mark.parametrize("bos", [True, False])
def test_a_response_ends_with_one_eos_and_has_no_bos(bos):
    tokenizer = tiny_tokenizer(bos=bos)
    assert words(tokenizer, response_tokens(tokenizer, "fish mostly")) == ["fish", "mostly", "</s>"]
    assert words(tokenizer, response_tokens(tokenizer, "")) == ["</s>"]


def test_an_encoder_separates_prompt_and_response_as_it_was_trained():
    tokenizer = tiny_tokenizer(encoder=True)
    ids = prompt_tokens(tokenizer, "why") + response_tokens(tokenizer, "fish")
    assert words(tokenizer, ids) == ["[CLS]", "why", "\n", "[SEP]", "fish", "[SEP]"]


@pytest.mark.parametrize("pad", [None, "</s>", "[PAD]"])
def test_the_pad_token_is_never_eos(pad):
    tokenizer = tiny_tokenizer(pad=pad)
    tokenizer.padding_side = "left"
    before = len(tokenizer)
    give_pad_token(tokenizer)
    assert tokenizer.pad_token_id is not None
    assert tokenizer.pad_token_id != tokenizer.eos_token_id
    assert tokenizer.padding_side == "right"
    assert len(tokenizer) - before == (0 if pad == "[PAD]" else 1)


def test_a_reserved_pad_token_is_used_before_a_new_one_is_added():
    tokenizer = tiny_tokenizer()
    tokenizer.pad_token = tokenizer.eos_token
    before = len(tokenizer)
    give_pad_token(tokenizer)
    assert (tokenizer.pad_token, len(tokenizer)) == ("[PAD]", before)


def test_a_tokenizer_without_an_end_is_named():
    tokenizer = tiny_tokenizer()
    tokenizer.eos_token = None
    with pytest.raises(InputError, match="EOS"):
        end_id(tokenizer)


def test_the_pad_token_is_not_the_end_of_turn_either():
    tokenizer = tiny_tokenizer(chat=True)  # its template ends a turn with "end" and ">"
    tokenizer.pad_token = ">"
    give_pad_token(tokenizer)
    assert tokenizer.pad_token == "[PAD]"


def test_a_template_that_ends_its_turns_needs_no_eos():
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.eos_token = None
    give_pad_token(tokenizer)
    assert words(tokenizer, encode_group(tokenizer, "why", ["fish"]).responses[0]) == [
        "fish",
        "<",
        "end",
        ">",
    ]
