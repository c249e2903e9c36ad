"""Attention without the pairs that nobody sees: the same ones, the same numbers, and who uses it."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rmkit.packing import PADDING, TokenGroup, pack
from tiny import DECODERS, load, tiny_model
from torch.nn.functional import scaled_dot_product_attention
from transformers import AutoModelForSequenceClassification

from rmkit.models import layouts, packed_attention
from rmkit.models.packed_attention import NAME, plan, reads_plans

PAD = 3
shapes = st.lists(
    st.tuples(st.integers(0, 30), st.lists(st.integers(1, 40), min_size=1, max_size=9)),
    min_size=1,
    max_size=5,
)


def groups(shapes):
    return [TokenGroup([10] * p, [[11] * c for c in tails]) for p, tails in shapes]


@given(shapes=shapes, width=st.integers(0, 400), block=st.sampled_from([1, 60, 512]))
@settings(max_examples=60, deadline=None)
def test_every_token_sees_what_the_mask_shows_it(shapes, width, block):
    batch = pack(groups(shapes), PAD, width)
    rows, length = batch.input_ids.shape
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_attention, "BLOCK", block)
        made = plan(batch)
    seen = []  # of each token that looks, block after block: a row over all tokens
    for part in made.blocks:
        runs, most = part.looking.shape
        mask = part.mask
        if mask is None:
            mask = torch.ones(1, 1, most, most, dtype=torch.bool).tril()
        where = part.seen[:, None].expand(-1, most, -1)
        counts = torch.zeros(runs, most, rows * length, dtype=torch.long)
        counts.scatter_add_(2, where, mask[:, 0].expand(runs, -1, -1).long())
        seen.append(counts.flatten(0, 1))
    dense = torch.block_diag(*batch.visible()[:, 0].long())
    real = (batch.groups != PADDING).flatten()
    assert torch.equal(torch.cat(seen)[made.back[real]], dense[real])


def test_what_they_compute_does_not_grow_with_the_square_of_the_responses():
    wide = plan(pack(groups([(168, [60] * 64)]), PAD))
    looked = sum(part.looking.shape[0] * part.looking.shape[1] * part.seen.shape[1] for part in wide.blocks)
    assert looked == 168 * 168 + 64 * 60 * (168 + 60)


@pytest.mark.parametrize("keys", [1, 2, 6])
def test_it_is_attention_under_the_mask_and_so_are_its_gradients(keys):
    batch = pack(groups([(7, [3, 5, 2]), (0, [4, 4]), (12, [1]), (3, [30, 9])]), PAD, 40)
    generator = torch.Generator().manual_seed(0)
    shape = batch.input_ids.shape
    inputs = [torch.randn(shape[0], h, shape[1], 8, generator=generator) for h in (6, keys, keys)]
    weights = torch.randn(shape[0], shape[1], 6, 8, generator=generator)
    weights[batch.groups == PADDING] = 0.0  # what padding reads is nobody's

    def both(attend):
        mine = [x.clone().requires_grad_() for x in inputs]
        out = (attend(*mine) * weights).sum(-1)
        return [out, *torch.autograd.grad(out.sum(), mine)]

    module = torch.nn.Module()
    found = both(lambda q, k, v: packed_attention._attend(module, q, k, v, None, plan(batch), scaling=0.3)[0])
    wanted = both(
        lambda q, k, v: scaled_dot_product_attention(
            q, k, v, attn_mask=batch.visible(), scale=0.3, enable_gqa=True
        ).transpose(1, 2)
    )
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", DECODERS)
def test_models_read_plans_and_a_saved_one_knows_nothing_of_it(tmp_path, kind):
    model = load(tiny_model(tmp_path / "base", kind))
    assert reads_plans(model.classifier)
    assert model.batch(groups([(9, [2, 7]), (3, [5])])).input_ids.shape == (1, 26)
    model.save(tmp_path / "saved")
    assert NAME not in json.dumps(json.loads((tmp_path / "saved" / "config.json").read_text()))
    plain = AutoModelForSequenceClassification.from_pretrained(tmp_path / "saved")
    assert plain.config._attn_implementation == "sdpa"


@pytest.mark.filterwarnings("ignore:.*gradient_checkpointing_enable:FutureWarning")
def test_recomputed_layers_read_the_plan_again(tmp_path):
    model = load(tiny_model(tmp_path)).train()
    batch = model.batch(groups([(9, [2, 7]), (3, [5])]))

    def gradients():
        model.zero_grad()
        model.rewards(batch).sum().backward()
        return [p.grad.clone() for p in model.parameters()]

    plain = gradients()
    model.network.gradient_checkpointing_enable({"use_reentrant": False})
    torch.testing.assert_close(gradients(), plain)


@pytest.mark.parametrize("layout", ["auto", "packed"])
def test_a_model_for_which_it_is_not_the_same_keeps_its_mask(tmp_path, monkeypatch, layout):
    monkeypatch.setattr(packed_attention, "MORE", ("output_attentions",))

    def more(*arguments, **named):
        return plain(*arguments, **named, output_attentions=1)

    plain = packed_attention._attend
    monkeypatch.setitem(packed_attention.AttentionInterface._global_mapping, NAME, more)
    model = load(tiny_model(tmp_path), layout=layout)
    assert model.layout == "packed"
    assert model.classifier.config._attn_implementation == "sdpa"
    assert not reads_plans(model.classifier)


def test_attention_that_is_not_sdpa_is_left_as_it_is(tmp_path):
    model = load(tiny_model(tmp_path))
    model.classifier.set_attn_implementation("eager")
    assert not layouts.skips_hidden(model)
    assert model.classifier.config._attn_implementation == "eager"
