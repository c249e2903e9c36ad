"""The mean of weights: of heads exactly the mean of rewards, of networks a network; counters stay."""

import numpy as np
import pytest
import torch
from tiny import tiny_network

from rmkit.errors import InputError
from rmkit.models.averaging import average_weights


def test_averaged_linear_heads_give_the_mean_reward():
    rng = np.random.default_rng(0)
    heads = [{"weight": torch.tensor(rng.normal(size=7))} for _ in range(4)]
    features = torch.tensor(rng.normal(size=(9, 7)))
    mean = torch.stack([features @ head["weight"] for head in heads]).mean(0)
    torch.testing.assert_close(features @ average_weights(heads)["weight"], mean)


def test_networks_average_name_by_name_in_their_own_dtype():
    nets = [tiny_network("llama", 40, seed) for seed in range(3)]
    mean = average_weights([net.state_dict() for net in nets])
    name = "model.layers.0.mlp.up_proj.weight"
    expected = sum(net.state_dict()[name] for net in nets) / 3
    torch.testing.assert_close(mean[name], expected)
    nets[0].load_state_dict(mean)
    half = average_weights([{"w": torch.ones(2, dtype=torch.bfloat16), "steps": torch.tensor(3)}] * 2)
    assert half["w"].dtype == torch.bfloat16
    assert half["steps"] == 3


@pytest.mark.parametrize("other", [{"b": torch.zeros(2)}, {"a": torch.zeros(3)}])
def test_members_of_other_shapes_have_no_mean(other):
    with pytest.raises(InputError, match=r"differ in '[ab]'"):
        average_weights([{"a": torch.zeros(2)}, other])
    with pytest.raises(InputError, match="no members"):
        average_weights([])
