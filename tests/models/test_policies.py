"""Sampling: the right distribution, the same samples whatever the batch; log-likelihood and KL."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from tiny import DECODERS, tiny_network, tiny_tokenizer
from torch.nn import functional as F

from rmkit import evaluation, policies
from rmkit.errors import InputError

PROMPTS = ["what do otters eat", "why", "how many legs do the badgers in the rivers of granite have"]


@pytest.fixture(scope="module")
def tokenizer():
    return tiny_tokenizer()


@pytest.fixture(scope="module", params=DECODERS)
def model(request, tokenizer):
    return tiny_network(request.param, len(tokenizer)).eval()


@pytest.fixture(scope="module")
def llama(tokenizer):
    return tiny_network("llama", len(tokenizer), initializer_range=0.1).eval()


def test_one_seed_one_set_of_samples(model, tokenizer):
    first = policies.sample(model, tokenizer, PROMPTS, 4, seed=3, max_new_tokens=8)
    assert first == policies.sample(model, tokenizer, PROMPTS, 4, seed=3, max_new_tokens=8)
    assert first != policies.sample(model, tokenizer, PROMPTS, 4, seed=4, max_new_tokens=8)
    assert [len(row) for row in first] == [4, 4, 4]
    assert len({text for row in first for text in row}) > 6


@pytest.mark.parametrize("batch", [1, 2, 5, 64])
def test_samples_do_not_depend_on_the_batch(model, tokenizer, batch):
    whole = policies.sample(model, tokenizer, PROMPTS, 5, seed=1, max_new_tokens=6, batch=15)
    assert policies.sample(model, tokenizer, PROMPTS, 5, seed=1, max_new_tokens=6, batch=batch) == whole


def test_more_samples_begin_with_the_fewer(model, tokenizer):
    few = policies.sample(model, tokenizer, PROMPTS, 2, seed=1, max_new_tokens=6)
    many = policies.sample(model, tokenizer, PROMPTS, 5, seed=1, max_new_tokens=6)
    assert [row[:2] for row in many] == few


def test_likeliest_token_equals_transformers(model, tokenizer):
    ours = policies.sample(model, tokenizer, PROMPTS, 1, temperature=0, max_new_tokens=7)
    for prompt, (text,) in zip(PROMPTS, ours, strict=True):
        ids = torch.tensor([tokenizer(prompt + "\n", add_special_tokens=False).input_ids])
        grown = model.generate(
            ids,
            attention_mask=torch.ones_like(ids),
            do_sample=False,
            max_new_tokens=7,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        assert text == tokenizer.decode(grown[0, ids.shape[1] :], skip_special_tokens=True)


def next_token_probabilities(model, tokenizer, prompt, temperature):
    ids = torch.tensor([tokenizer(prompt + "\n", add_special_tokens=False).input_ids])
    with torch.no_grad():
        return (model(ids).logits[0, -1].double() / temperature).softmax(-1)


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.5, 1.0), (2.0, 1.0), (1.0, 0.6)])
def test_tokens_come_as_often_as_they_are_likely(llama, tokenizer, temperature, top_p):
    n, prompt = 4000, PROMPTS[0]
    texts = policies.sample(
        llama, tokenizer, [prompt], n, max_new_tokens=1, temperature=temperature, top_p=top_p, batch=1000
    )[0]
    p = next_token_probabilities(llama, tokenizer, prompt, temperature)
    order = p.argsort(descending=True)
    kept = order[: int((p[order].cumsum(0) < top_p).sum()) + 1] if top_p < 1 else order
    p = torch.zeros_like(p).index_put((kept,), p[kept]) / p[kept].sum()
    expected: dict[str, float] = {}
    for token, share in enumerate(p.tolist()):
        word = tokenizer.decode([token], skip_special_tokens=True)
        expected[word] = expected.get(word, 0.0) + n * share
    assert {text for text in texts if expected.get(text, 0) < 1e-9} == set()
    words = [word for word, count in expected.items() if count > 5]
    found = np.array([texts.count(word) for word in words] + [0.0])
    wanted = np.array([expected[word] for word in words] + [0.0])
    found[-1], wanted[-1] = n - found.sum(), n - wanted.sum()
    keep = wanted > 1e-6
    assert stats.chisquare(found[keep], wanted[keep], sum_check=False).pvalue > 1e-4


def test_a_response_ends_at_eos_and_nowhere_else(llama, tokenizer):
    texts = policies.sample(llama, tokenizer, ["why"], 400, max_new_tokens=60)[0]
    words = [len(text.split()) for text in texts]
    assert min(words) < 20
    assert max(words) <= 60
    assert all("</s>" not in text for text in texts)


def test_log_likelihood_is_the_sum_over_tokens(model, tokenizer):
    prompts, responses = PROMPTS[:2], [["fish mostly", "granite", ""], ["the badgers live"]]
    found = policies.log_likelihood(model, tokenizer, prompts, responses, batch=3)
    assert [len(row) for row in found] == [3, 1]
    for prompt, texts, row in zip(prompts, responses, found, strict=True):
        head = tokenizer(prompt + "\n", add_special_tokens=False).input_ids
        for text, value in zip(texts, row, strict=True):
            tail = [*tokenizer(text, add_special_tokens=False).input_ids, tokenizer.eos_token_id]
            with torch.no_grad():
                each = F.log_softmax(model(torch.tensor([head + tail])).logits[0].float(), -1)
            sums = sum(float(each[len(head) + i - 1, token]) for i, token in enumerate(tail))
            assert float(value.detach()) == pytest.approx(sums, abs=1e-4)


def test_log_likelihood_has_a_gradient(llama, tokenizer):
    before = policies.log_likelihood(llama, tokenizer, ["why"], [["fish"]])[0].sum()
    (gradient,) = torch.autograd.grad(before, [llama.model.embed_tokens.weight])
    assert torch.isfinite(gradient).all()
    assert gradient.abs().sum() > 0


def test_kl_of_two_known_distributions():
    p, q = torch.tensor([0.5, 0.3, 0.2]), torch.tensor([0.2, 0.3, 0.5])
    exact = float((p * (p / q).log()).sum())
    drawn = torch.from_numpy(np.random.default_rng(0).choice(3, 20_000, p=[0.5, 0.3, 0.2]))
    estimate, error = policies.kl(p.log()[drawn], q.log()[drawn])
    assert abs(estimate - exact) < 4 * error < 0.05
    assert policies.kl(p.log()[drawn], p.log()[drawn]) == (0.0, 0.0)


def test_kl_is_never_negative_and_its_error_is_that_of_its_mean():
    d = torch.tensor([0.5, -1.0, 2.0, 0.25])  # log q - log p: its mean alone would say -0.44
    each = d.double().exp() - 1 - d.double()
    estimate, error = policies.kl(torch.zeros(4), d)
    assert estimate == pytest.approx(each.mean().item())
    assert estimate > 0 > -d.mean()
    assert error == pytest.approx(each.std().item() / 2)


def test_best_of_n_is_the_one_of_evaluation():
    assert policies.best_of_n is evaluation.best_of_n
    assert policies.best_of_n_kl is evaluation.best_of_n_kl


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"n": 0}, "at least 1"),
        ({"max_new_tokens": 0}, "at least 1"),
        ({"temperature": -1.0}, "temperature"),
        ({"top_p": 0.0}, "top_p"),
        ({"top_p": 1.5}, "top_p"),
    ],
)
def test_impossible_settings_are_named(llama, tokenizer, settings, said):
    with pytest.raises(InputError, match=said):
        policies.sample(llama, tokenizer, ["why"], **settings)


def test_a_prompt_without_tokens_is_named(llama, tokenizer):
    with pytest.raises(InputError, match="prompt 1 has no tokens"):
        policies.sample(llama, tokenizer, ["why", ""])


def test_kl_refuses_what_it_cannot_average():
    with pytest.raises(InputError, match="at least two"):
        policies.kl(torch.tensor([1.0]), torch.tensor([1.0]))
    with pytest.raises(InputError, match="finite"):
        policies.kl(torch.tensor([1.0, math.nan]), torch.tensor([1.0, 1.0]))
