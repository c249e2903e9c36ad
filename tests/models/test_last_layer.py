"""The last MLP at few tokens: the same states there, and the same gradients, for every decoder."""

import pytest
import torch
from tiny import load, tiny_model
from transformers import AutoConfig, AutoModel

from rmkit.models.last_layer import read_at
from rmkit.models.packing import TokenGroup

SIZE = {"vocab_size": 40, "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
LLAMA = SIZE | {"intermediate_size": 24, "num_key_value_heads": 2, "pad_token_id": 0}
EXPERTS = {"num_experts": 4, "num_local_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 8}
GPT2 = {"vocab_size": 40, "n_embd": 16, "n_layer": 2, "n_head": 2}
DECODERS = {
    **dict.fromkeys(["llama", "mistral", "qwen2", "olmo2", "phi3", "stablelm", "gpt_neox", "bloom"], LLAMA),
    **dict.fromkeys(["qwen3", "gemma2", "gemma3_text"], LLAMA | {"head_dim": 8}),
    "phi": LLAMA,
    "falcon": LLAMA | {"new_decoder_architecture": False},
    "gpt2": GPT2,
    "gptj": GPT2 | {"rotary_dim": 4},
}
WHOLE = {  # computed at all tokens: no such MLP, or one that routes to experts
    "opt": SIZE | {"ffn_dim": 24, "word_embed_proj_dim": 16, "max_position_embeddings": 64},
    "qwen3_moe": LLAMA | EXPERTS | {"head_dim": 8},
    "mixtral": LLAMA | EXPERTS,
    "mamba": SIZE | {"state_size": 4},
}


def built(kind: str, **settings):
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **settings)
    model = AutoModel.from_config(config, attn_implementation="eager")
    return model if "num_experts" in settings else model.double()  # experts have no products in float64


def states(model, ids, ends):
    """States at `ends`, and the gradient of their cubes in every weight."""
    model.zero_grad()
    found = model(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)[ends]
    found.pow(3).sum().backward()
    return found.detach(), {
        name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None
    }


@pytest.mark.parametrize("kind", DECODERS | WHOLE)
def test_states_and_gradients_are_those_of_the_whole(kind):
    model = built(kind, **(DECODERS | WHOLE)[kind]).eval()
    ids, ends = torch.randint(3, 40, (2, 9)), torch.tensor([4, 8, 17])
    wanted, slopes = states(model, ids, ends)
    with read_at(model, ends):
        found, own = states(model, ids, ends)
    torch.testing.assert_close(found, wanted)
    assert own.keys() == slopes.keys()
    for name, slope in slopes.items():
        torch.testing.assert_close(own[name], slope, msg=f"{kind}: {name}")
    again, _ = states(model, ids, torch.arange(18))  # outside, all of it is computed
    torch.testing.assert_close(again[ends], wanted)


@pytest.mark.parametrize("kind", DECODERS)
def test_the_last_mlp_sees_only_what_is_read(kind):
    model, seen = built(kind, **DECODERS[kind]).eval(), []
    layers = model.h if hasattr(model, "h") else model.layers
    for layer in layers:
        layer.mlp.register_forward_hook(lambda _, given, __: seen.append(given[0].shape[:-1].numel()))
    with read_at(model, torch.tensor([4, 8, 17])):
        model(input_ids=torch.randint(3, 40, (2, 9)), use_cache=False)
    assert seen == [18, 3]


def test_a_layer_that_is_computed_again_is_computed_whole():
    model = built("llama", **LLAMA).train()
    ids, ends = torch.randint(3, 40, (2, 9)), torch.tensor([4, 8, 17])
    wanted, slopes = states(model, ids, ends)
    model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
    with read_at(model, ends):
        found = model(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)[ends]
    model.zero_grad()
    found.pow(3).sum().backward()  # after the end of `with`
    torch.testing.assert_close(found, wanted)
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, slopes[name])


def test_rewards_and_rewards_of_steps_are_read_from_one_batch(tmp_path):
    model = load(tiny_model(tmp_path))
    group = TokenGroup([5, 6], [[7, 8, 9, 2], [9, 2]], steps=[[1, 2], [0]])
    for layout in ("packed", "padded"):
        model.layout = layout
        batch = model.batch([group])
        wanted = model.classifier.score(model.hidden(batch)).squeeze(-1)  # at every token
        for rewards, where in ((model.rewards(batch), batch.last), (model.step_rewards(batch), batch.steps)):
            known = batch.mask if where is batch.last else batch.step_mask
            torch.testing.assert_close(rewards[known], wanted[where[..., 0], where[..., 1]][known])
        assert batch.ends.tolist() == sorted(set(batch.ends.tolist()))
        assert len(batch.ends) == 5
