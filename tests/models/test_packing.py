"""Layouts: who sees whom, cutting, filling of rows and batches."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from rmkit.packing import PADDING, TokenGroup, attention_mask, batches, encode_group, pack, pad
from tiny import tiny_tokenizer
from torch.nn.attention.flex_attention import create_block_mask

from rmkit.models.templates import prompt_tokens, response_tokens

PAD = 99
lengths = st.integers(1, 12)


@st.composite
def groups(draw, most=5):
    """Random groups; every token of the batch is different, so that a token can be traced."""
    counter = iter(range(100, 100_000))

    def take(n):
        return [next(counter) for _ in range(n)]

    shapes = draw(
        st.lists(
            st.tuples(st.integers(0, 12), st.lists(lengths, min_size=1, max_size=9)),
            min_size=1,
            max_size=most,
        )
    )
    return [TokenGroup(take(p), [take(c) for c in tails]) for p, tails in shapes]


def naive_view(group, k):
    """What a response's last token must see, with its positions: prompt then response, counted from 0."""
    return list(enumerate(group.prompt + group.responses[k]))


@pytest.mark.parametrize("layout", [pack, pad])
@given(groups=groups(), width=st.integers(0, 200), hidden=st.sampled_from([0, 1]))
@settings(max_examples=40, deadline=None)
def test_the_last_token_of_a_response_sees_its_prompt_and_itself_and_nothing_else(
    layout, groups, width, hidden
):
    batch = pack(groups, PAD, width, hidden) if layout is pack else pad(groups, PAD)
    seen = batch.visible()[:, 0]
    for g, group in enumerate(groups):
        for k in range(batch.mask.shape[1]):
            assert batch.mask[g, k] == (k < len(group.responses))
            if not batch.mask[g, k]:
                continue
            row, column = batch.last[g, k].tolist()
            visible = seen[row, column]
            view = zip(
                batch.position_ids[row][visible].tolist(), batch.input_ids[row][visible].tolist(), strict=True
            )
            assert list(view) == naive_view(group, k)


@given(groups=groups())
@settings(max_examples=40, deadline=None)
def test_every_token_of_a_response_is_causal(groups):
    batch = pack(groups, PAD)
    seen = batch.visible()[:, 0]
    assert not torch.triu(seen, diagonal=1).any()
    assert seen.diagonal(dim1=1, dim2=2).all()  # no row of the mask is empty: no NaN out of softmax
    for row, column in (batch.groups != PADDING).nonzero().tolist():
        assert int(seen[row, column].sum()) == int(batch.position_ids[row, column]) + 1


@given(groups=groups(), width=st.integers(0, 300))
@settings(max_examples=40, deadline=None)
def test_packed_rows_hold_each_token_once_within_their_width(groups, width):
    batch = pack(groups, PAD, width)
    assert batch.tokens == sum(len(group) for group in groups)
    assert batch.input_ids.shape[1] <= max(width, *map(len, groups), 0) if len(groups) > 1 else True
    real = batch.input_ids[batch.groups != PADDING]
    assert len(set(real.tolist())) == len(real)
    assert (batch.input_ids[batch.groups == PADDING] == PAD).all()


def test_groups_share_rows_first_fit():
    sizes = [10, 6, 4, 3]
    made = [TokenGroup([1], [[2] * (n - 1)]) for n in sizes]
    assert pack(made, PAD).input_ids.shape == (3, 10)  # 10 | 6 + 4 | 3
    assert pack(made, PAD, 23).input_ids.shape == (1, 23)


def test_the_mask_fits_each_implementation():
    made = [TokenGroup([1, 2], [[3], [4, 5]])]
    packed, padded = pack(made, PAD), pad(made, PAD)
    seen = packed.visible()
    assert attention_mask(packed, "sdpa", torch.float32).dtype == torch.bool
    assert attention_mask(packed, "sdpa", torch.float32).shape == (1, 1, 5, 5)
    added = attention_mask(packed, "eager", torch.bfloat16)
    assert added.dtype == torch.bfloat16
    assert torch.equal(added == 0, seen)
    assert added.isfinite().all()
    assert attention_mask(padded, "sdpa", torch.float32).tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]


@given(groups=groups(most=3))
@settings(max_examples=10, deadline=None)
def test_the_block_mask_is_the_dense_mask(groups):
    batch = pack(groups, PAD, 40)
    block = attention_mask(batch, "flex_attention", torch.float32)
    rows, length = batch.input_ids.shape
    row, q, k = torch.meshgrid(torch.arange(rows), torch.arange(length), torch.arange(length), indexing="ij")
    assert torch.equal(block.mask_mod(row, torch.tensor(0), q, k), batch.visible()[:, 0])
    assert isinstance(block, type(create_block_mask(lambda b, h, q, k: q >= k, 1, None, 8, 8, device="cpu")))


# --- cutting


@given(
    p=st.integers(0, 60),
    tails=st.lists(st.integers(0, 60), min_size=1, max_size=5),
    room=st.integers(1, 70),
    bos=st.booleans(),
)
@settings(max_examples=60, deadline=None)
def test_a_cut_never_reaches_into_a_response_and_keeps_eos(p, tails, room, bos):
    tokenizer = tiny_tokenizer(bos=bos)
    prompt = " ".join(["what", "do", "otters"] * 20)[: 5 * p]
    texts = [" ".join(["fish", "granite", "rivers", "legs"] * 15)[: 6 * n].strip() for n in tails]
    group = encode_group(tokenizer, prompt, texts, room)
    whole = prompt_tokens(tokenizer, prompt)
    for tail, text, cut in zip(group.responses, texts, group.responses_cut, strict=True):
        full = response_tokens(tokenizer, text)
        assert len(group.prompt) + len(tail) <= room
        assert tail[-1] == tokenizer.eos_token_id
        assert tail[:-1] == full[: len(tail) - 1]
        assert cut == (len(tail) < len(full))
        assert not cut or len(full) > room - min(len(whole), room // 4)  # cut only where it does not fit
    assert group.prompt_cut == (len(group.prompt) < len(whole))
    body = group.prompt[1:] if bos and len(group.prompt) > 1 else group.prompt
    assert body == whole[len(whole) - len(body) :]
    if bos and len(group.prompt) > 1:
        assert group.prompt[0] == tokenizer.bos_token_id


def test_a_long_prompt_leaves_the_responses_whole_and_as_different_as_they_were():
    group = encode_group(tiny_tokenizer(), "otters " * 500, ["fish mostly", "granite"], max_length=40)
    assert (group.prompt_cut, group.responses_cut) == (True, (False, False))
    assert [len(tail) for tail in group.responses] == [3, 2]
    assert len(group.prompt) == 37
    assert group.same() == []


def test_responses_that_differ_after_the_cut_only_are_found():
    long = "fish " * 50
    group = encode_group(tiny_tokenizer(), "why", [long + "granite", "legs", long + "rivers"], max_length=20)
    assert group.same() == [(0, 2)]
    assert group.truncated


# --- batches


@given(sizes=st.lists(st.integers(1, 50), max_size=200), budget=st.integers(1, 200))
@settings(max_examples=60, deadline=None)
def test_batches_hold_every_item_once_within_the_budget(sizes, budget):
    plan = batches(sizes, budget)
    assert sorted(i for batch in plan for i in batch) == list(range(len(sizes)))
    assert all(len(batch) == 1 or sum(sizes[i] for i in batch) <= budget for batch in plan)
    assert all(plan)


def test_batches_hold_similar_sizes_longest_first():
    sizes = [1 + (i * 37) % 300 for i in range(600)]
    plan = batches(sizes, 3000)
    spread = [max(sizes[i] for i in batch) - min(sizes[i] for i in batch) for batch in plan]
    assert max(spread) <= 100
    assert sizes[plan[0][0]] == max(sizes)
