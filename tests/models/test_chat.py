"""Conversations as tokens: those of the chat template, family by family, and what one does not allow."""

import warnings

import pytest
from chat_families import FAMILIES, family_tokenizer
from jinja2 import TemplateError
from tiny import tiny_model
from transformers import tokenization_utils_base
from transformers.utils import chat_template_utils

from rmkit.data.preferences import Preferences, Record
from rmkit.errors import InputError
from rmkit.models import chat
from rmkit.models.chat_template import ChatTemplate
from rmkit.models.packing import encode_group
from rmkit.models.reward_model import RewardModel
from rmkit.models.templates import closing_tokens, prompt_tokens

QUESTION = "what do otters eat?"
SYSTEM = {"role": "system", "content": "Be kind."}
TURNS = [
    {"role": "user", "content": QUESTION},
    {"role": "assistant", "content": "fish, mostly."},
    {"role": "user", "content": "why?\n"},
]
ANSWERS = ["fish", " fish, mostly. ", "\n\nfish\n", "", "otters eat\n\nfish, mostly.", "naïve 🦦 日本"]
# The roles that each family writes; for the others a system message joins the first user message.
NO_SYSTEM = ("Gemma 2", "Mistral", "Vicuna")


@pytest.fixture(scope="module", params=FAMILIES)
def tokenizer(request):
    return family_tokenizer(request.param)


def whole(tokenizer, messages, answer):
    """What plain transformers reads."""
    messages = [*messages, {"role": "assistant", "content": answer}]
    return tokenizer.apply_chat_template(messages, tokenize=True, return_dict=False)


def as_messages(prompt):
    return [{"role": "user", "content": prompt}] if isinstance(prompt, str) else prompt


@pytest.mark.parametrize(
    "prompt", [QUESTION, "", "fish\n", TURNS], ids=["text", "none", "line break", "turns"]
)
def test_tokens_are_those_of_the_whole_conversation(tokenizer, prompt):
    group = encode_group(tokenizer, prompt, ANSWERS)
    for answer, tail in zip(ANSWERS, group.responses, strict=True):
        assert group.prompt + tail == whole(tokenizer, as_messages(prompt), answer)
    alone = [encode_group(tokenizer, prompt, [answer]) for answer in ANSWERS]
    assert [g.prompt + g.responses[0] for g in alone] == [group.prompt + tail for tail in group.responses]


def test_the_prompt_is_shared_up_to_where_a_response_begins(tokenizer):
    group = encode_group(tokenizer, TURNS, ["fish", "otters"])
    opened = prompt_tokens(tokenizer, TURNS)
    assert group.prompt == opened[: len(group.prompt)]
    assert len(opened) - len(group.prompt) <= 2 or group.notes == (chat.PARTED,)
    assert (group.notes == (chat.PARTED,)) == (tokenizer.name_or_path == "DeepSeek R1")


def test_a_token_that_reaches_over_the_split_belongs_to_the_responses():
    tokenizer = family_tokenizer("Qwen 3")
    tokenizer.chat_template = FAMILIES["ChatML"][0]
    opened = prompt_tokens(tokenizer, QUESTION)
    group = encode_group(tokenizer, QUESTION, ["\nfish", "fish"])
    assert group.prompt == opened[: len(group.prompt)] != opened
    last = tokenizer.decode(opened[len(group.prompt) :])
    assert last.endswith("\n")
    texts = [tokenizer.decode(tail) for tail in group.responses]
    assert texts == [f"{last}\nfish<|im_end|>\n", f"{last}fish<|im_end|>\n"]
    assert encode_group(tokenizer, QUESTION, ["otters", "why"]).prompt == opened
    assert group.notes == ()


def test_a_system_message_is_written_or_joins_the_first_user_message(tokenizer):
    group = encode_group(tokenizer, [SYSTEM, *TURNS], ["fish"])
    messages, notes = [SYSTEM, *TURNS], set()
    if tokenizer.name_or_path in NO_SYSTEM:
        messages = [{"role": "user", "content": f"Be kind.\n\n{QUESTION}"}, *TURNS[1:]]
        notes = {chat.FOLDED}
    assert group.prompt + group.responses[0] == whole(tokenizer, messages, "fish")
    assert set(group.notes) - {chat.PARTED} == notes


def test_an_assistant_turn_at_the_end_is_continued(tokenizer):
    begun = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": "They eat"}]
    group = encode_group(tokenizer, begun, [" fish", " otters"])
    for answer, tail in zip([" fish", " otters"], group.responses, strict=True):
        assert group.prompt + tail == whole(tokenizer, begun[:1], f"They eat{answer}")
    assert tokenizer.decode(prompt_tokens(tokenizer, begun)).endswith("They eat")
    cue = [begun[0], {"role": "assistant", "content": ""}]
    assert prompt_tokens(tokenizer, cue) == prompt_tokens(tokenizer, QUESTION)


def test_text_that_looks_like_a_special_token_stays_text(tokenizer):
    special = set(tokenizer.all_special_ids)
    honest = encode_group(tokenizer, [SYSTEM, *TURNS], ["fish x fish"])
    for forged in tokenizer.all_special_tokens:
        prompt = [SYSTEM, *TURNS[:-1], {"role": "user", "content": f"why {forged}?\n"}]
        group = encode_group(tokenizer, prompt, [f"fish {forged} fish"])
        for ours, theirs in ((group.prompt, honest.prompt), (group.responses[0], honest.responses[0])):
            assert [i for i in ours if i in special] == [i for i in theirs if i in special]
        text = tokenizer.decode(group.prompt + group.responses[0])
        assert f"why {forged}?" in text
        assert f"fish {forged} fish" in text
        assert not any("\ue000" <= letter < "\uf900" for letter in text)
    marks = "\ue000<s>\ue001</s>\ue002"  # private characters of the user are text too
    assert marks in tokenizer.decode(encode_group(tokenizer, marks, ["fish"]).prompt)


def test_a_thought_is_a_token_and_no_look_alike():
    tokenizer = family_tokenizer("Qwen 3")
    answer = "<think>\nhm\n</think>\n\nfish"
    group = encode_group(tokenizer, QUESTION, [answer, "fish"])
    assert group.prompt + group.responses[0] == whole(tokenizer, as_messages(QUESTION), answer)
    assert all(tokenizer.convert_tokens_to_ids("</think>") in tail for tail in group.responses)


def test_a_response_that_is_cut_keeps_what_ends_a_turn(tokenizer):
    long = "fish, mostly. " * 40
    group = encode_group(tokenizer, QUESTION, [long, "fish"], max_length=48)
    closing = closing_tokens(tokenizer)
    assert group.responses_cut == (True, False)
    assert all(len(group.prompt) + len(tail) <= 48 for tail in group.responses)
    assert group.responses[0][-len(closing) :] == closing == group.responses[1][-len(closing) :]
    tiny = encode_group(tokenizer, QUESTION, [long, "fish"], max_length=1)
    assert [tail == closing[-1:] for tail in tiny.responses] == [True, True]


# --- what a template does not allow


def odd(template):
    tokenizer = family_tokenizer("ChatML")
    tokenizer.chat_template = template
    tokenizer.name_or_path = "odd"
    return tokenizer


OPEN = "{% if add_generation_prompt %}{{ 'A: ' }}{% endif %}"
EACH = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\\n' }}{% endfor %}"
APART = {
    "refuses assistants": "{% for m in messages %}{% if m['role'] == 'assistant' %}"
    "{{ raise_exception('no') }}{% endif %}{{ m['content'] }}{% endfor %}" + OPEN,
    "passes assistants over": "{% for m in messages %}{% if m['role'] == 'user' %}"
    "{{ m['content'] + '\\n' }}{% endif %}{% endfor %}" + OPEN,
    "writes the last message only": "{{ messages[-1]['content'] }}" + OPEN,
}


@pytest.mark.parametrize("name", APART)
def test_a_template_without_finished_turns_is_followed_by_response_and_eos(name):
    tokenizer = odd(APART[name])
    group = encode_group(tokenizer, QUESTION, ["fish", "otters<|im_end|>"])
    assert group.notes == (chat.APART,)
    assert tokenizer.decode(group.prompt).endswith(
        f"{QUESTION}A: ".replace("?A", "?\nA" if "over" in name else "?A")
    )
    texts = [tokenizer.decode(tail) for tail in group.responses]
    assert texts == ["fish<|endoftext|>", "otters<|im_end|><|endoftext|>"]


def test_a_template_that_loses_the_prompt_when_a_turn_is_finished_is_not_followed():
    finished = "m['role'] == 'system' and messages[-1]['role'] == 'assistant'"
    each = "{% else %}{{ m['role'] + m['content'] }}{% endif %}{% endfor %}"
    tokenizer = odd(f"{{% for m in messages %}}{{% if {finished} %}}{each}{OPEN}")
    group = encode_group(tokenizer, [SYSTEM, *TURNS[:1]], ["fish"])
    assert group.notes == (chat.APART,)
    assert tokenizer.decode(group.prompt) == f"systemBe kind.user{QUESTION}A: "


@pytest.mark.parametrize(
    ("messages", "wanted"),
    [
        ([TURNS[0], TURNS[0]], "alternate"),
        ([TURNS[1], TURNS[0]], "alternate"),
    ],
)
def test_roles_that_a_template_refuses_are_one_sentence(messages, wanted):
    with pytest.raises(InputError, match=wanted) as caught:
        encode_group(family_tokenizer("Gemma 2"), messages, ["fish"])
    assert "\n" not in str(caught.value)
    assert "Gemma 2" in str(caught.value)


def test_messages_that_a_template_passes_over_are_named():
    messages = [*TURNS, {"role": "tool", "content": "the tool says moss"}, TURNS[0]]
    with pytest.raises(InputError, match="'tool'"):
        encode_group(family_tokenizer("Vicuna"), messages, ["fish"])


def test_a_system_message_alone_is_the_user_message_of_a_template_without_one():
    tokenizer = family_tokenizer("Gemma 2")
    assert prompt_tokens(tokenizer, [SYSTEM]) == prompt_tokens(tokenizer, "Be kind.")


# --- in a reward model


def model_with(tmp_path, tokenizer, **more):
    model = RewardModel.load(tiny_model(tmp_path / "m", tokenizer=tokenizer), device="cpu", **more)
    model.network.score.weight.data *= 10
    return model


def test_a_model_says_once_what_its_template_does_not_allow(tmp_path):
    with pytest.warns(UserWarning, match="opens a turn otherwise") as caught:
        model = model_with(tmp_path, family_tokenizer("DeepSeek R1"))
    assert len(caught) == 1
    assert "opens a turn otherwise" in repr(model)
    gemma = model_with(tmp_path / "2", family_tokenizer("Gemma 2"))
    assert "system" not in repr(gemma)
    with pytest.warns(UserWarning, match="no place for a system message"):
        gemma.score([SYSTEM, *TURNS], ["fish"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gemma.score([SYSTEM, *TURNS], ["fish"])
    assert "system" in repr(gemma)


def test_a_record_that_the_template_refuses_is_dropped_from_training_and_named_in_scoring(tmp_path):
    model = model_with(tmp_path, family_tokenizer("Gemma 2"))
    rows = [Record(TURNS, ["fish", "moss"], [1, 2]), Record([TURNS[0]] * 2, ["fish", "moss"], [1, 2])]
    groups, ledger = model.encode(Preferences(rows))
    assert [group.index for group in groups] == [0]
    assert ledger.dropped == {"refused by the chat template": 1}
    with pytest.raises(InputError, match=r"record 2: .*alternate"):
        model.score_all(Preferences(rows))


def test_what_the_compiled_template_writes_is_what_transformers_writes(tokenizer, monkeypatch):
    template = ChatTemplate(tokenizer)
    assert template._quick, "the way that is tested"
    begun = {"role": "assistant", "content": "They eat"}
    for messages in (
        TURNS,
        TURNS[:1],
        [*TURNS, begun],
        [SYSTEM, *TURNS],
        [TURNS[0] | {"name": "Ada"}, *TURNS[1:]],
    ):
        for write, how in (
            (template.write, {}),
            (
                template.write_opened,
                {"continue_final_message" if messages[-1] == begun else "add_generation_prompt": True},
            ),
        ):
            try:
                expected = tokenizer.apply_chat_template(messages, tokenize=False, **how)
            except TemplateError:
                with pytest.raises(chat.TemplateRefusal):
                    write(messages)
            else:
                assert write(messages) == expected
    assert template._quick
    assert template._compared == {True, False}
    monkeypatch.setattr(tokenizer, "apply_chat_template", None)  # compared once, and not asked again
    assert QUESTION in template.write(TURNS)


def test_a_template_that_transformers_writes_otherwise_is_left_to_it(monkeypatch):
    tokenizer = family_tokenizer("ChatML")
    real = chat_template_utils.render_jinja_template

    def shouted(*given, **named):
        texts, more = real(*given, **named)
        return [text.upper() for text in texts], more

    monkeypatch.setattr(tokenization_utils_base, "render_jinja_template", shouted)
    template = ChatTemplate(tokenizer)
    assert all(QUESTION.upper() in template.write(TURNS) for _ in range(2))
    assert template._quick is None
