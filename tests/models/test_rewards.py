"""Rewards and their gradients: packed = padded = one by one = plain transformers, whatever the batch."""

import random

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rmkit.packing import TokenGroup, pack, pad
from rmkit.preferences import Preferences, Record
from tiny import DECODERS, WORDS, tiny_model, tiny_tokenizer
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from rmkit import losses
from rmkit.models.reward_model import RewardModel

KINDS = [*DECODERS, "untied llama", "eager llama"]
tokens = st.integers(4, 120)
responses = st.lists(st.lists(tokens, max_size=14), min_size=1, max_size=9)
shapes = st.lists(st.tuples(st.lists(tokens, max_size=14), responses), min_size=1, max_size=5)
relaxed = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """One reward model of every kind, its head made large, so that rewards are of order 1."""
    made = {}
    for kind in KINDS:
        folder = tmp_path_factory.mktemp("model") / "base"
        settings = {"tie_word_embeddings": False} if kind == "untied llama" else {}
        model = RewardModel.load(tiny_model(folder, kind.split()[-1], **settings))
        model.network.score.weight.data *= 10
        if kind == "eager llama":
            model.network.set_attn_implementation("eager")
        made[kind] = model
    return made


def token_groups(shapes, end=2):
    return [TokenGroup(prompt, [[*tail, end] for tail in tails]) for prompt, tails in shapes]


def with_gradient(model, batch, weights):
    """(rewards (G, K), gradients) of a fixed function of the rewards."""
    model.zero_grad()
    rewards = model.rewards(batch)
    (rewards * weights).sum().backward()
    return rewards.detach(), {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_close(a, b, tolerance=1e-5):
    torch.testing.assert_close(a, b, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("kind", KINDS)
@given(shapes=shapes, width=st.integers(0, 300), hidden=st.sampled_from([0, 1, 32]))
@relaxed
def test_packed_is_padded_is_one_by_one(models, kind, shapes, width, hidden):
    model, groups = models[kind], token_groups(shapes)
    packed, padded = pack(groups, 3, width, hidden), pad(groups, 3)
    assert model.layout == "packed"
    weights = torch.randn(packed.mask.shape, generator=torch.Generator().manual_seed(0))
    rewards, gradients = with_gradient(model, packed, weights)
    plain_rewards, plain_gradients = with_gradient(model, padded, weights)
    assert_close(rewards, plain_rewards)
    assert gradients.keys() == plain_gradients.keys()
    scale = max(float(gradient.abs().max()) for gradient in plain_gradients.values())
    for name, gradient in gradients.items():
        assert_close(gradient / scale, plain_gradients[name] / scale)
    with torch.no_grad():
        for g, group in enumerate(groups):
            for k, tail in enumerate(group.responses):
                ids = torch.tensor([group.prompt + tail])
                alone = model.network.base_model(input_ids=ids).last_hidden_state[0, -1]
                assert_close(rewards[g, k], (alone @ model.network.score.weight[0]).detach())


@pytest.mark.parametrize("kind", DECODERS)
def test_every_k_from_1_to_9_in_one_batch(models, kind):
    generator = torch.Generator().manual_seed(1)

    def draw(n):
        return torch.randint(4, 120, (n,), generator=generator).tolist()

    groups = [TokenGroup(draw(7), [[*draw(3 + k), 2] for k in range(n)]) for n in range(1, 10)]
    batch = pack(groups, 3)
    rewards = models[kind].rewards(batch)
    assert rewards.shape == (9, 9)
    assert batch.mask.sum(1).tolist() == list(range(1, 10))
    assert (rewards[~batch.mask] == 0).all()
    assert_close(rewards, models[kind].rewards(pad(groups, 3)))


def preferences(n, seed=0):
    """n groups of 2 to 4 ranked responses, of random words and lengths."""
    words = random.Random(seed)

    def text():
        return " ".join(words.choices(WORDS, k=words.randint(1, 12)))

    def record(k):
        return Record(text(), [f"{text()} {i}" for i in range(k)], list(range(1, k + 1)))

    return Preferences([record(words.randint(2, 4)) for _ in range(n)])


@pytest.mark.parametrize("layout", ["packed", "padded"])
def test_a_score_does_not_know_its_batch(models, layout):
    model, rows = models["llama"], preferences(64)
    model.layout = layout
    together = model.score_all(rows)
    model.layout = "packed"
    for record, rewards in zip(rows, together, strict=True):
        assert rewards.dtype == torch.float32
        assert_close(rewards, model.score(record.prompt, record.responses))
        assert_close(rewards[:1], model.score(record.prompt, record.responses[:1]))


@pytest.mark.parametrize("kind", DECODERS)
def test_no_score_depends_on_the_pad_token_or_the_padding_side(tmp_path, kind):
    rows, scores = preferences(6), {}
    for pad_token in (None, "</s>", "[PAD]"):
        for layout in ("packed", "padded"):
            tokenizer = tiny_tokenizer(pad=pad_token)
            tokenizer.padding_side = "left"
            folder = tiny_model(tmp_path / f"{pad_token}"[1:4], kind, tokenizer=tokenizer, vocabulary=160)
            model = RewardModel.load(folder, layout=layout)
            assert model.network.config.pad_token_id == model.tokenizer.pad_token_id != 2
            with pytest.warns(UserWarning, match="new"):
                scores[pad_token, layout] = torch.cat(model.score_all(rows))
    first, *others = scores.values()
    for other in others:
        assert_close(first, other)


@pytest.mark.parametrize("kind", DECODERS)
def test_plain_transformers_gives_the_same_scores(models, kind, tmp_path):
    model, rows = models[kind], preferences(8)
    folder = model.save(tmp_path / "saved")
    network = AutoModelForSequenceClassification.from_pretrained(folder)
    assert network.config.num_labels == 1
    tokenizer = AutoTokenizer.from_pretrained(folder)
    texts = [model.tokens(r.prompt, response) for r in rows for response in r.responses]
    padded = tokenizer.pad({"input_ids": texts}, return_tensors="pt")
    with torch.no_grad():
        plain = network(**padded).logits[:, 0]
    assert_close(torch.cat(model.score_all(rows)), plain, 1e-4)


def test_the_head_is_read_in_float32_under_autocast(models):
    model = models["llama"]
    batch = model.batch([TokenGroup([5, 6, 7], [[8, 9, 2], [10, 2], [11, 12, 2]])])
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        rewards = model.rewards(batch)[batch.mask]
    assert rewards.dtype == torch.float32
    assert (rewards != rewards.bfloat16().float()).all()  # more digits than bfloat16 has


def test_twenty_steps_are_those_of_a_plain_padded_loop(tmp_path):
    base = RewardModel.load(tiny_model(tmp_path / "base", "llama"), seed=3)
    folder = base.save(tmp_path / "start")
    rows = preferences(40, seed=2)
    ours, plain = RewardModel.load(folder), AutoModelForSequenceClassification.from_pretrained(folder).eval()
    groups, _ = ours.encode(rows)
    assert (ours.layout, len(groups)) == ("packed", 40)
    optimizers = [torch.optim.AdamW(m.parameters(), lr=3e-3, weight_decay=0.0) for m in (ours, plain)]
    curves = [[], []]
    for step in range(20):
        chosen = groups[2 * step : 2 * step + 2]
        batch = ours.batch(chosen)
        terms = []
        for group in chosen:  # the plain loop: -log sigmoid(r_i - r_j) over pairs, mean over each group
            texts = [group.prompt + tail for tail in group.responses]
            padded = ours.tokenizer.pad({"input_ids": texts}, return_tensors="pt")
            r = plain(**padded).logits[:, 0]
            i, j = torch.triu_indices(len(r), len(r), 1)
            terms.append(-torch.nn.functional.logsigmoid(r[i] - r[j]).mean())
        counts = torch.arange(1, batch.mask.shape[1] + 1).expand_as(batch.mask)
        packed = losses.bradley_terry(ours(batch), batch.mask, ranks=counts * batch.mask)
        for curve, loss, optimizer in zip(
            curves, (packed.mean(), torch.stack(terms).mean()), optimizers, strict=True
        ):
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            curve.append(loss.item())
    assert_close(torch.tensor(curves[0]), torch.tensor(curves[1]), 1e-4)
    assert max(curves[0]) - min(curves[0]) > 0.1  # the weights moved: untrained losses are all near log 2


def test_bfloat16_rewards_are_float32_where_bfloat16_would_tie(tmp_path):
    folder = tiny_model(tmp_path / "base", "llama")
    model = RewardModel.load(folder, dtype=torch.bfloat16)
    assert model.network.get_input_embeddings().weight.dtype == torch.bfloat16
    model.network.score.weight.data *= 10
    rewards = torch.cat(model.score_all(preferences(150)))
    assert rewards.dtype == torch.float32
    assert len(rewards.unique()) > 1.15 * len(rewards.bfloat16().unique())
    batch = model.batch(model.encode(preferences(150))[0])
    with torch.autocast("cpu", dtype=torch.bfloat16), torch.no_grad():
        under = model.rewards(batch)
    assert under.dtype == torch.float32
    values = under[batch.mask]
    assert len(values.unique()) > 1.15 * len(values.bfloat16().unique())
