"""A judge reads its model's own logits: equal to a plain forward in every family, whatever the padding."""

import dataclasses

import pytest
import torch
import transformers
from rmkit.generative import CHAT, Judge, Manner
from tiny import tiny_network, tiny_tokenizer

from rmkit.errors import InputError
from rmkit.models import policies, prefixes
from rmkit.models.next_word import hidden, is_plain_product, next_word

WORDS = Manner(good=("fish",), bad=("granite",), sums_up="why", score=CHAT.score, critique=CHAT.critique)
SIZE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "initializer_range": 0.3}
LLAMA = SIZE | {"intermediate_size": 48, "num_key_value_heads": 2}
# Family: (its config's own settings, whether a logit is a plain product e . h)
FAMILIES = {
    "Llama": (LLAMA, True),
    "Gemma2": (LLAMA | {"head_dim": 8, "sliding_window": 6}, False),
    "Cohere": (LLAMA, False),
    "Granite": (LLAMA | {"logits_scaling": 8.0}, False),
    "GPT2": ({"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 160, "initializer_range": 0.3}, True),
    "Falcon": (SIZE, True),
    "Qwen3": (LLAMA | {"head_dim": 8}, True),
    "Phi3": (LLAMA, True),
    # and kinds that pad, place or project in their own ways
    "Bloom": ({"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}, True),
    "OPT": (SIZE | {"ffn_dim": 48, "word_embed_proj_dim": 16, "init_std": 0.3}, True),
    "Phi": (SIZE | {"intermediate_size": 48}, False),
    "Mamba": ({"hidden_size": 32, "num_hidden_layers": 2, "initializer_range": 0.3}, True),
}
# Unequal on purpose: two of one length, one much longer.
HEADS = [[5, 6, 7], list(range(9, 30)), [8, 9, 10, 11, 12], [30, 31, 32, 33, 34]]


def network(family: str):
    tokenizer = tiny_tokenizer()
    settings, _ = FAMILIES[family]
    named = {"vocab_size": len(tokenizer), "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": None}
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**named, **settings)
    return transformers.AutoModelForCausalLM.from_config(config).eval(), tokenizer


@torch.no_grad()
def plain(model, heads) -> torch.Tensor:
    """(N, V): one forward for each list, nothing padded, every logit computed."""
    return torch.cat([model(torch.tensor([head])).logits[:, -1].float() for head in heads])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_judge_is_its_model(family):
    model, tokenizer = network(family)
    torch.testing.assert_close(next_word(model, HEADS), plain(model, HEADS), atol=2e-5, rtol=1e-5)
    torch.testing.assert_close(next_word(model, HEADS, batch=2), plain(model, HEADS), atol=2e-5, rtol=1e-5)
    judge = Judge(model, tokenizer, WORDS)
    answers = ["fish mostly", "granite", "the otters live in rivers and eat fish"]
    logits = plain(model, judge.asked([("what do otters eat", answer) for answer in answers]))
    good, bad = (tokenizer.convert_tokens_to_ids(word) for word in ("fish", "granite"))
    expected = logits[:, good] - logits[:, bad]
    assert expected.abs().max() > 0.01  # a judge that reads nothing would pass otherwise
    torch.testing.assert_close(judge.score("what do otters eat", answers), expected, atol=3e-5, rtol=1e-5)


@pytest.mark.parametrize("family", FAMILIES)
def test_lists_that_begin_alike_are_read_as_if_alone(family, monkeypatch):
    """Packed where the model can do it: a short window, a state, and distances (ALiBi) cannot."""
    model, _ = network(family)
    one, other = list(range(3, 23)), list(range(5, 30))
    heads = [one + tail for tail in ([30], [31, 32], [30, 33, 34], [30])] + [
        other + tail for tail in ([3], [4, 9])
    ]
    heads += [one, [5, 6, 7]]  # the beginning itself, and one that shares nothing
    read, forward = [], type(model.base_model).forward

    def counted(self, input_ids=None, **options):
        read.append(input_ids.numel())
        return forward(self, input_ids=input_ids, **options)

    monkeypatch.setattr(type(model.base_model), "forward", counted)
    found, states = next_word(model, heads), hidden(model, heads)
    monkeypatch.undo()
    assert (max(read) < sum(map(len, heads))) == (family not in ("Gemma2", "Mamba", "Bloom")), read
    torch.testing.assert_close(found, plain(model, heads), atol=2e-5, rtol=1e-5)
    alone = [model.base_model(torch.tensor([head])).last_hidden_state[:, -1] for head in heads]
    torch.testing.assert_close(states, torch.cat(alone).detach(), atol=2e-5, rtol=1e-5)


def test_groups_of_lists_that_begin_alike():
    shared = list(range(20))
    lists = [[*shared, 7], [1, 2], [*shared, 5, 6], [*shared, 7], shared, [3]]
    groups, places = prefixes.grouped(lists)
    back = {i: g.prompt + tail for g, own in zip(groups, places, strict=True)
            for i, tail in zip(own, g.responses, strict=True)}  # fmt: skip
    assert [back[i] for i in range(len(lists))] == lists
    assert sorted(map(len, places)) == [1, 1, 4]
    assert all(tail for group in groups for tail in group.responses)
    assert sum(map(len, groups)) == 19 + 2 + 3 + 2 + 1 + 2 + 1
    assert prefixes.grouped([]) == ([], [])
    assert max(map(len, prefixes.grouped([[*shared, i] for i in range(40)])[1])) == prefixes.MOST


@pytest.mark.parametrize("family", FAMILIES)
def test_the_verdict_direction_reads_the_verdict_or_is_refused(family):
    model, tokenizer = network(family)
    judge = Judge(model, tokenizer, WORDS)
    assert is_plain_product(model) == FAMILIES[family][1]
    if not FAMILIES[family][1]:
        with pytest.raises(InputError, match="not a plain product"):
            judge.verdict_direction()
        return
    direction = judge.verdict_direction()
    heads = judge.asked([("what do otters eat", answer) for answer in ("fish mostly", "granite")])
    scores = judge.score("what do otters eat", ["fish mostly", "granite"])
    torch.testing.assert_close(hidden(model, heads).float() @ direction, scores, atol=3e-5, rtol=1e-5)
    assert not model.get_output_embeddings()._forward_hooks  # the probe has left


@pytest.mark.parametrize("family", [family for family in FAMILIES if family != "Mamba"])
def test_the_likeliest_continuation_is_the_plain_one(family):
    model, tokenizer = network(family)
    expected = []
    for head in HEADS:
        grown = list(head)
        for _ in range(4):
            grown.append(int(plain(model, [grown]).argmax()))
        tail = grown[len(head) :]
        tail = tail[: tail.index(tokenizer.eos_token_id)] if tokenizer.eos_token_id in tail else tail
        expected.append([tokenizer.decode(tail, skip_special_tokens=True)])
    assert policies.continue_tokens(model, tokenizer, HEADS, temperature=0, max_new_tokens=4) == expected


def test_what_a_model_cannot_do_is_one_sentence():
    model, tokenizer = network("GPT2")
    with pytest.raises(InputError, match=r"160 positions.*shorten"):
        next_word(model, [[5] * 161])
    with pytest.raises(InputError, match=r"158 tokens long and shall grow by 3"):
        policies.continue_tokens(model, tokenizer, [[5] * 158], max_new_tokens=3)
    with pytest.raises(InputError, match="at least one token"):
        next_word(model, [[5], []])
    recurrent, tokenizer = network("Mamba")
    with pytest.raises(InputError, match="keeps no keys and values"):
        policies.continue_tokens(recurrent, tokenizer, HEADS)


def test_a_tokenizer_without_template_or_special_tokens_judges():
    tokenizer = tiny_tokenizer(pad=None)
    tokenizer.bos_token = tokenizer.eos_token = tokenizer.unk_token = None
    judge = Judge(tiny_network("gpt2", len(tokenizer)), tokenizer, WORDS, max_new_tokens=5)
    assert judge.score("what do otters eat", ["fish", "granite"]).isfinite().all()
    ((critique,),) = judge.critiques([("what do otters eat", "fish")])
    assert isinstance(critique.text, str)
    pairwise = dataclasses.replace(WORDS, first="otters", second="badgers", pair=CHAT.pair)
    gap = Judge(judge.model, tokenizer, pairwise).compare([("what do otters eat", "fish", "granite")])
    assert gap.isfinite().all()


def test_a_template_that_loses_the_message_is_refused():
    tokenizer = tiny_tokenizer(chat=True)
    tokenizer.chat_template = "{% for m in messages %}{{ m['role'] }}{% endfor %}"
    judge = Judge(tiny_network("llama", len(tokenizer)), tokenizer, WORDS)
    with pytest.raises(InputError, match="does not write a message exactly once"):
        judge.score("what do otters eat", ["fish"])
