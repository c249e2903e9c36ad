"""Many responses that read one prompt together: plain attention, and the model is left as it was."""

import pytest
import torch
from tiny import DECODERS, tiny_network, tiny_tokenizer
from torch.nn.functional import scaled_dot_product_attention

from rmkit import policies
from rmkit.models import shared_prompt
from rmkit.models.sampling_cache import sampling_cache


@pytest.mark.parametrize("heads", [2, 6])
def test_it_is_attention_over_a_copy_of_the_prompt_for_each_row(heads):
    def draw(*shape):
        return torch.randn(*shape, generator=generator)

    generator = torch.Generator().manual_seed(0)
    query, key, value = draw(5, heads, 1, 8), draw(5, 2, 3, 8), draw(5, 2, 3, 8)
    prompt = draw(1, 2, 11, 8), draw(1, 2, 11, 8)
    whole = [torch.cat([p.expand(5, -1, -1, -1), x], 2) for p, x in zip(prompt, (key, value), strict=True)]
    wanted = scaled_dot_product_attention(query, *whole, scale=0.3, enable_gqa=True)
    torch.testing.assert_close(shared_prompt.attention(query, key, value, *prompt, 0.3), wanted)


@pytest.mark.parametrize("kind", DECODERS)
def test_the_model_is_as_before_also_where_sampling_fails(kind, monkeypatch):
    tokenizer = tiny_tokenizer()
    model = tiny_network(kind, len(tokenizer)).eval()
    before = model.config._attn_implementation
    assert shared_prompt.usable(model, sampling_cache(model.config))
    found = policies.sample(model, tokenizer, ["why"], 3, max_new_tokens=4)
    assert model.config._attn_implementation == before == "sdpa"
    monkeypatch.setattr(shared_prompt, "attention", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        policies.sample(model, tokenizer, ["why"], 3, max_new_tokens=4)
    assert model.config._attn_implementation == before
    monkeypatch.undo()
    assert policies.sample(model, tokenizer, ["why"], 3, max_new_tokens=4) == found


def test_attention_with_more_to_it_goes_the_plain_way(monkeypatch):
    """As position biases, which no product of ours knows: the prompt is copied, the numbers are the same."""
    tokenizer = tiny_tokenizer()
    model = tiny_network("llama", len(tokenizer)).eval()
    wanted = policies.sample(model, tokenizer, ["why"], 5, max_new_tokens=6)
    monkeypatch.setattr(shared_prompt, "MORE", ("dropout",))  # which every call gives
    monkeypatch.setattr(shared_prompt, "attention", lambda *_: 1 / 0)
    assert policies.sample(model, tokenizer, ["why"], 5, max_new_tokens=6) == wanted


def test_other_attention_does_not_share():
    model = tiny_network("llama", 160).eval()
    model.set_attn_implementation("eager")
    assert not shared_prompt.usable(model, sampling_cache(model.config))
