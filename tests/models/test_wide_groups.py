"""Groups of very many responses: cut where it is cheapest, and nothing is lost or moved."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rmkit.packing import TokenGroup, pack
from tiny import load, tiny_model

from rmkit.models.wide_groups import best_width, parts


@pytest.mark.parametrize(("prompt", "hidden"), [(10, 32), (75, 128), (150, 576), (600, 4096)])
def test_the_best_width_costs_least_for_each_token_of_a_response(prompt, hidden):
    def cost(width):
        return width * (24 * hidden + 4 * width) / (width - prompt)

    best = best_width(prompt, hidden)
    assert cost(best) < min(cost(0.9 * best), cost(1.1 * best))


@given(st.integers(0, 30), st.lists(st.integers(1, 40), min_size=1, max_size=60), st.sampled_from([1, 8, 64]))
def test_every_response_is_in_one_part_and_in_order(prompt, lengths, hidden):
    found = parts(prompt, lengths, hidden)
    assert [k for part in found for k in part] == list(range(len(lengths)))
    assert all(len(part) for part in found)


def test_parts_are_of_about_the_best_width_and_narrow_groups_stay_whole():
    wide = (75, [27] * 256)
    widths = [75 + 27 * len(part) for part in parts(*wide, 128)]
    assert max(widths) - min(widths) <= 27
    assert best_width(75, 128) / 1.1 < max(widths) < best_width(75, 128) * 1.1
    most = int((2 * best_width(75, 128) - 75) / 27)  # responses of a row twice as wide as is best
    assert [len(parts(75, [27] * k, 128)) for k in (9, most, most + 1)] == [1, 1, 2]
    assert parts(*wide, 0) == [range(256)]  # attention that skips what is not seen
    assert len(parts(0, [5] * 7, 128)) == 7  # without a prompt nothing is shared


def test_a_model_with_dense_attention_cuts_a_wide_group_and_computes_less(tmp_path):
    model = load(tiny_model(tmp_path))
    model.network.set_attn_implementation("sdpa")
    wide = TokenGroup(list(range(10, 22)), [[30 + k % 50, 4, 2] for k in range(150)])
    whole, cut = pack([wide], model.tokenizer.pad_token_id), model.batch([wide])
    assert cut.tokens < 1.5 * whole.tokens
    assert cut.visible().numel() < whole.visible().numel() / 3
    with torch.no_grad():
        torch.testing.assert_close(model.rewards(cut), model.rewards(whole), rtol=1e-5, atol=1e-5)
