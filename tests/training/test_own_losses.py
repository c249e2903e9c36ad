"""A loss of one's own: any callable or module whose parameters name columns."""

import functools
import math

import numpy as np
import pytest
import torch
from rmkit.preferences import Preferences, Record
from safetensors.torch import load_file
from tiny import load, tiny_model, toy
from torch import nn

from rmkit import losses, training
from rmkit.errors import InputError
from rmkit.training.objective import Objective

FEW = {"groups_per_step": 8, "lr": 1e-3, "progress": False}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


def positional(rewards, mask, ranks):
    return losses.bradley_terry(rewards, mask, ranks=ranks)


def keyword(rewards, mask, *, ranks):
    return losses.bradley_terry(rewards, mask, ranks=ranks)


def only_by_place(rewards, mask, ranks, /):
    return losses.bradley_terry(rewards, mask, ranks=ranks)


def in_another_order(*, ranks, mask, rewards):
    return losses.bradley_terry(rewards, mask, ranks=ranks)


def option_before_column(rewards, mask, ranks, unused=1.0, margin=None):
    assert margin is None
    return losses.bradley_terry(rewards, mask, ranks=ranks)


class Module(nn.Module):
    def forward(self, rewards, mask, ranks):
        return losses.bradley_terry(rewards, mask, ranks=ranks)


class Callable_:
    def __call__(self, rewards, mask, ranks):
        return losses.bradley_terry(rewards, mask, ranks=ranks)

    def method(self, rewards, mask, ranks):
        return losses.bradley_terry(rewards, mask, ranks=ranks)


OWN = {
    "positional": positional,
    "keyword": keyword,
    "only by place": only_by_place,
    "in another order": in_another_order,
    "an option before a column": option_before_column,
    "lambda": lambda rewards, mask, ranks: losses.bradley_terry(rewards, mask, ranks=ranks),
    "partial": functools.partial(losses.bradley_terry),
    "module": Module(),
    "callable": Callable_(),
    "method": Callable_().method,
    "module in a partial": functools.partial(Module()),
}


@pytest.mark.parametrize("loss", OWN.values(), ids=OWN)
def test_every_way_to_write_a_loss_trains_and_is_saved(folder, loss, tmp_path):
    named = training.fit(load(folder), toy(), **FEW).history
    own = training.fit(load(folder), toy(), loss=loss, out=tmp_path / "run", save_every=1, **FEW).history
    assert own["loss"].tolist() == named["loss"].tolist()
    assert own["grad_norm"].tolist() == named["grad_norm"].tolist()


def strong(n=8):
    records = [
        Record(f"what {i}", ["fish", "granite of"], ranks=[1, 2], strength=None if i == 0 else float(i))
        for i in range(n)
    ]
    return Preferences(records, name="strong")


@pytest.mark.parametrize("name", ["margin", "strength"])
def test_a_loss_may_need_one_column_that_is_not_ranks(folder, name):
    seen = []

    def lead(rewards, mask, value):
        seen.extend(value.tolist())
        return (rewards[:, 0] - rewards[:, 1] - value) ** 2

    loss = {
        "margin": lambda rewards, mask, margin: lead(rewards, mask, margin),
        "strength": lambda rewards, mask, strength: lead(rewards, mask, strength),
    }[name]
    run = training.fit(load(folder), strong(), loss=loss, **FEW)
    assert sorted(seen) == [1, 2, 3, 4, 5, 6, 7]  # the group without a strength says nothing here
    assert run.ledger.dropped == {"nothing to compare": 1}


def test_a_column_with_a_default_is_given_where_the_data_have_it(folder):
    seen = []

    def loss(rewards, mask, ranks, margin=None):
        seen.append(margin)
        return losses.bradley_terry(rewards, mask, ranks=ranks)

    training.fit(load(folder), strong(), loss=loss, **FEW)
    training.fit(load(folder), toy(8), loss=loss, **FEW)
    assert seen[0].shape == (8,)
    assert seen[-1] is None


def test_a_scalar_is_the_mean_of_its_groups(folder):
    def mean(rewards, mask, ranks):
        return losses.bradley_terry(rewards, mask, ranks=ranks).mean()

    named = training.fit(load(folder), toy(), tokens_per_batch=10_000, **FEW).history
    own = training.fit(load(folder), toy(), loss=mean, tokens_per_batch=10_000, **FEW).history
    for column in ("loss", "grad_norm"):
        assert own[column].to_numpy() == pytest.approx(named[column].to_numpy(), abs=1e-5)


def bt(rewards, mask, ranks):
    return losses.bradley_terry(rewards, mask, ranks=ranks)


NU = torch.tensor(1.0, requires_grad=True)


class Holder:
    def __init__(self):
        self.nu = nn.Parameter(torch.tensor(1.0))

    def __call__(self, rewards, mask, ranks):
        return losses.davidson(rewards, mask, ranks=ranks, nu=self.nu)


BROKEN = {
    "shape (G, 1)": (
        {"loss": lambda rewards, mask, ranks: bt(rewards, mask, ranks)[:, None]},
        r"shape \(8, 1\)",
    ),
    "shape (1,)": ({"loss": lambda rewards, mask, ranks: bt(rewards, mask, ranks)[:1]}, r"shape \(1,\)"),
    "a float": ({"loss": lambda rewards, mask, ranks: 0.5}, "result of float"),
    "nothing": ({"loss": lambda rewards, mask, ranks: None}, "result of NoneType"),
    "no gradient": ({"loss": lambda rewards, mask, ranks: bt(rewards, mask, ranks).detach()}, "no gradient"),
    "a name that is no column": ({"loss": lambda rewards, mask, rank: rewards.sum(1)}, "`rank`"),
    "no rewards": ({"loss": lambda r, m, ranks: r.sum(1)}, "no parameter called rewards"),
    "a class": ({"loss": losses.Davidson}, "is a class"),
    "several rewards a response": ({"loss": "quantile"}, "several rewards"),
    "a tensor to be learned as option": ({"loss": "davidson", "nu": NU}, "nn.Module"),
    "a tensor to be learned in a closure": (
        {"loss": lambda rewards, mask, ranks: losses.davidson(rewards, mask, ranks=ranks, nu=NU)},
        "nn.Module",
    ),
    "a parameter of an object": ({"loss": Holder()}, "nn.Module"),
}


@pytest.mark.parametrize(("settings", "words"), BROKEN.values(), ids=BROKEN)
def test_a_loss_that_cannot_be_is_one_sentence_and_changes_no_weight(folder, settings, words):
    model = load(folder)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    records = [record for record in toy(40) if record.pairs()][:8]
    with pytest.raises(InputError, match=words) as error:
        training.fit(model, Preferences(records), tokens_per_batch=10_000, **FEW, **settings)
    assert "\n" not in str(error.value)
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


# A loss that learns


def ties(n=60):
    """Two thirds of the pairs are ties: between equals P(tie) = nu / (2 + nu), so nu should go up to 4."""
    records = [Record(f"what {i}", ["fish", "fish of"], ranks=[1, 1 + (i % 3 == 0)]) for i in range(n)]
    return Preferences(records, name="ties")


def test_davidsons_nu_is_learned_shown_saved_and_resumed(folder, tmp_path):
    settings = {"groups_per_step": 4, "lr": 1e-4, "loss_lr": 0.1, "progress": False}
    loss = losses.Davidson()
    run = training.fit(load(folder), ties(), loss=loss, out=tmp_path / "run", **settings)
    assert run.ledger.dropped == {}  # ties count, as under the name "davidson"
    nu = run.history["loss.log_nu"].map(math.exp)
    assert nu.iloc[0] == 1.0
    assert nu.iloc[-1] > 1.5
    saved = load_file(tmp_path / "run" / "loss.safetensors")["log_nu"]
    assert torch.equal(saved, loss.log_nu.detach())

    def stop(row):
        if row["step"] == 7:
            raise KeyboardInterrupt

    second = losses.Davidson()
    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), ties(), loss=second, out=tmp_path / "two", callback=stop, **settings)
    again = losses.Davidson()
    resumed = training.fit(load(folder), ties(), loss=again, out=tmp_path / "two", resume=True, **settings)
    assert torch.equal(again.log_nu, loss.log_nu)
    assert resumed.history["loss.log_nu"].tolist() == run.history["loss.log_nu"].tolist()
    for name, tensor in load_file(tmp_path / "run" / "model.safetensors").items():
        assert torch.equal(tensor, load_file(tmp_path / "two" / "model.safetensors")[name])


def test_davidson_with_a_fixed_nu_is_the_named_loss(folder):
    fixed = losses.Davidson(2.0).requires_grad_(False)
    own = training.fit(load(folder), ties(12), loss=fixed, **FEW).history
    named = training.fit(load(folder), ties(12), loss="davidson", nu=2.0, **FEW).history
    assert own["loss"].to_numpy() == pytest.approx(named["loss"].to_numpy(), abs=1e-6)
    with pytest.raises(InputError, match="above 0"):
        losses.Davidson(0.0)


def test_another_loss_of_the_same_name_is_not_resumed(folder, tmp_path):
    def make(sign):
        def own(rewards, mask, ranks):
            return sign * losses.bradley_terry(rewards, mask, ranks=ranks)

        return own

    def stop(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        training.fit(load(folder), toy(), loss=make(1), out=tmp_path / "run", callback=stop, **FEW)
    with pytest.raises(InputError, match="another loss"):
        training.fit(load(folder), toy(), loss=make(-1), out=tmp_path / "run", resume=True, **FEW)
    run = training.fit(load(folder), toy(), loss=make(1), out=tmp_path / "run", resume=True, **FEW)
    assert len(run.history) == 3


# Soft labels


def test_votes_are_soft_labels_of_every_loss_with_ranks():
    rewards = torch.tensor([[1.0, 0.0], [0.5, 2.0]], requires_grad=True)
    mask, ranks = torch.ones(2, 2, dtype=torch.bool), torch.tensor([[1, 2], [1, 2]])
    labels = {"ranks": ranks, "share": torch.tensor([0.75, math.nan])}
    found = Objective("bradley-terry")(rewards, mask, labels)
    wanted = [0.75 * math.log1p(math.exp(-1)) + 0.25 * math.log1p(math.exp(1)), math.log1p(math.exp(1.5))]
    assert found.tolist() == pytest.approx(wanted)
    own = Objective(positional)(rewards, mask, labels)
    assert own.tolist() == pytest.approx(wanted)
    taken = Objective(lambda rewards, mask, ranks, share: rewards.sum(1) * share.nan_to_num(1.0))
    assert taken(rewards, mask, labels).tolist() == pytest.approx([0.75, 2.5])
    with pytest.raises(InputError, match="votes"):
        Objective(lambda rewards, mask, ranks: rewards.mean())(rewards, mask, labels)


def test_a_record_with_a_share_trains_under_it(folder):
    data = Preferences([Record(f"what {i}", ["fish", "granite"], ranks=[1, 2]) for i in range(4)])
    model = load(folder)
    gaps = [float(row[0] - row[1]) for row in model.score_all(data)]
    for record in data:
        record.share = 0.6
    loss = training.fit(model, data, groups_per_step=4, lr=0.0, progress=False).history["loss"][0]
    soft = [0.6 * math.log1p(math.exp(-gap)) + 0.4 * math.log1p(math.exp(gap)) for gap in gaps]
    assert loss == pytest.approx(np.mean(soft), abs=1e-5)


class Lazy(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.LazyLinear(1)

    def forward(self, rewards, mask, ranks):
        return positional(self.scale(rewards[..., None])[..., 0], mask, ranks)


def test_a_loss_whose_parameters_have_no_shape_yet_is_one_sentence(folder):
    with pytest.raises(InputError, match="lazy parameter"):
        training.fit(load(folder), toy(8), loss=Lazy(), **FEW)
