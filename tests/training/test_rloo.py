"""RLOO: its estimate against the exact gradient, a reward that is learned, a leash that holds."""

import copy

import numpy as np
import pytest
import torch
from tiny import tiny_network, tiny_tokenizer

from rmkit import policies
from rmkit.errors import InputError
from rmkit.training.rloo import rloo

PROMPTS = ["what do otters eat", "why do badgers live in rivers"]


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


@pytest.fixture
def model(tokenizer):
    return tiny_network("llama", len(tokenizer), initializer_range=0.1)


def fish(prompts, responses):
    "How often the text says one of five words."
    words = {"fish", "granite", "otters", "rivers", "legs"}
    return [[sum(word in words for word in text.split()) for text in texts] for texts in responses]


def test_a_reward_is_learned_and_the_leash_holds_it_back(model, tokenizer):
    options = {"steps": 12, "samples": 8, "at_once": 2, "lr": 0.02, "max_new_tokens": 6}
    free, held = copy.deepcopy(model), copy.deepcopy(model)
    loose = rloo(free, tokenizer, PROMPTS, fish, beta=0.0, **options)
    tight = rloo(held, tokenizer, PROMPTS, fish, beta=5.0, **options)
    assert loose["reward"].tail(3).mean() > loose["reward"].head(3).mean() + 0.5
    assert tight["kl"].tail(3).mean() < loose["kl"].tail(3).mean()
    assert list(loose) == ["step", "reward", "kl", "spread"]


def test_one_seed_one_run_and_the_first_samples_are_the_references(model, tokenizer):
    options = {"steps": 2, "samples": 3, "at_once": 2, "max_new_tokens": 5, "seed": 4}
    seen = []
    first = rloo(copy.deepcopy(model), tokenizer, PROMPTS, fish, callback=seen.append, **options)
    again = rloo(copy.deepcopy(model), tokenizer, PROMPTS, fish, **options)
    assert first.equals(again)
    assert first["kl"][0] == pytest.approx(0, abs=1e-5)
    assert [row["step"] for row in seen] == [0, 1]


def test_the_step_follows_the_exact_gradient_on_average():
    # A policy of three outcomes, softmax of theta: the gradient of E[r] is pi (r - E r).
    theta, r = torch.tensor([0.2, -0.5, 0.9]), torch.tensor([1.0, 3.0, 0.0])
    pi = theta.softmax(0)
    exact = pi * (r - (pi * r).sum())
    rng, k, total = np.random.default_rng(0), 4, torch.zeros(3)
    drawn = torch.tensor(rng.choice(3, (20_000, k), p=pi.double().numpy() / pi.double().numpy().sum()))
    returns = r[drawn]
    advantage = returns - (returns.sum(1, keepdim=True) - returns) / (k - 1)
    score = torch.eye(3)[drawn] - pi  # the gradient of log pi
    total = (advantage[..., None] * score).mean((0, 1))
    torch.testing.assert_close(total, exact, atol=0.01, rtol=0)


def test_one_step_moves_along_the_gradient_of_the_written_loss(model, tokenizer):
    before, told = copy.deepcopy(model), {}

    def reward(prompts, responses):
        told["x"], told["y"] = prompts, responses
        return fish(prompts, responses)

    rloo(model, tokenizer, PROMPTS, reward, steps=1, samples=4, at_once=2, lr=1e-4, max_new_tokens=5)
    log_pi = torch.stack(policies.log_likelihood(before, tokenizer, told["x"], told["y"]))
    r = torch.tensor(fish(told["x"], told["y"]), dtype=torch.float32)  # the KL is 0 at the first step
    others = (r.sum(1, keepdim=True) - r) / 3
    (-((r - others) * log_pi).mean()).backward()
    for old, new in zip(before.parameters(), model.parameters(), strict=True):
        if old.grad is not None and old.grad.abs().max() > 1e-6:
            steep = old.grad.abs() > 0.1 * old.grad.abs().max()
            assert (torch.sign(old - new)[steep] == torch.sign(old.grad)[steep]).all()  # Adam's first step


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"samples": 1}, "samples >= 2"),
        ({"prompts": []}, "needs prompts"),
        ({"reward": lambda x, y: [1.0]}, "gave"),
    ],
)
def test_what_cannot_be_trained_is_said(model, tokenizer, options, says):
    given = {"prompts": PROMPTS, "reward": fish, "steps": 1, "max_new_tokens": 3} | options
    with pytest.raises(InputError, match=says):
        rloo(model, tokenizer, **given)
