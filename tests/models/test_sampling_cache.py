"""Keys and values in room kept ahead: what the cache of transformers holds, and the same samples."""

import numpy as np
import pytest
import torch
from tiny import DECODERS, tiny_network, tiny_tokenizer
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from rmkit import pocket, policies
from rmkit.models.sampling_cache import ROOM, RoomyLayer, sampling_cache

PROMPTS = ["what do otters eat", "why", "how many legs do the badgers in the rivers of granite have"]


def test_it_holds_what_transformers_holds_as_it_grows_spreads_and_loses_rows():
    generator = torch.Generator().manual_seed(0)
    ours, theirs = RoomyLayer(), DynamicLayer()
    rows = 3
    changes = {0: [0, 0, 1, 1, 1, 2, 2, 2], 5: [0, 7, 2, 6, 4], 6: [0, 1, 2], 7: [2, 0, 1]}
    for step in range(2 * ROOM + 10):
        length = 4 if step == 0 else 1
        new = torch.randn(2, rows, 2, length, 3, generator=generator)
        for mine, their in zip(ours.update(*new), theirs.update(*new), strict=True):
            assert torch.equal(mine, their)
        if step in changes:
            chosen = torch.tensor(changes[step])
            rows = len(chosen)
            ours.batch_select_indices(chosen)
            theirs.batch_select_indices(chosen)
        assert torch.equal(ours.keys, theirs.keys)
        assert torch.equal(ours.values, theirs.values)
        assert ours.get_seq_length() == theirs.get_seq_length()
    assert ours.rooms[0].shape[2] <= ours.get_seq_length() + ROOM


def test_a_sliding_window_stays_that_of_transformers():
    config = tiny_network(
        "qwen3",
        layer_types=["sliding_attention", "full_attention"],
        sliding_window=4,
        use_sliding_window=True,
    ).config
    kinds = [type(layer) for layer in DynamicCache(config=config).layers]
    assert kinds[0] is not kinds[1] is DynamicLayer
    assert [type(layer) for layer in sampling_cache(config).layers] == [kinds[0], RoomyLayer]


@pytest.mark.parametrize("kind", DECODERS)
def test_samples_are_those_of_whole_sequences_read_anew_at_every_token(kind):
    tokenizer = tiny_tokenizer()
    model = tiny_network(kind, len(tokenizer)).eval()
    steps, n = ROOM + 8, 6
    found = policies.sample(model, tokenizer, PROMPTS, n, seed=5, max_new_tokens=steps)
    lengths = set()
    for p, prompt in enumerate(PROMPTS):
        for k in range(n):
            tokens = tokenizer(prompt + "\n", add_special_tokens=False).input_ids
            begin = len(tokens)
            for u in policies._stream(5, p, k).random(steps):
                with torch.no_grad():
                    passed = model(torch.tensor([tokens])).logits[0, -1].double().softmax(-1).cumsum(-1)
                token = int(np.searchsorted(passed.numpy(), u * float(passed[-1]), side="right"))
                if token == tokenizer.eos_token_id:
                    break
                tokens.append(token)
            lengths.add(len(tokens) - begin)
            assert found[p][k] == tokenizer.decode(tokens[begin:], skip_special_tokens=True)
    assert len(lengths) > 3  # rows have left at different times


def test_the_shipped_pool_is_what_the_shipped_policy_draws():
    pool, n = pocket.pool(), 12
    drawn = pocket.policy().sample(pool.prompts[:3], n, temperature=pool.temperature, max_new_tokens=96)
    assert drawn == [own[:n] for own in pool.responses[:3]]
