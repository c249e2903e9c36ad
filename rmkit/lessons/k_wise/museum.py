"""Lesson 07's exhibit: ranks where a list loss expects relevance, and a model that stands on its head."""

import torch
from torch import Tensor

from rmkit.notebook.exhibit import Exhibit
from rmkit.theory.minimize import minimize


def _listwise(scores: Tensor, relevance: Tensor) -> Tensor:
    """(G,) ListMLE: -log P(the order of falling relevance); scores and relevance (G, K)."""
    ordered = scores.gather(1, relevance.argsort(1, descending=True))
    return (ordered.flip(1).logcumsumexp(1).flip(1) - ordered)[:, :-1].sum(1)


def _train(planted: bool) -> dict[str, float]:
    """A linear reward on 400 rankings of five responses by people who follow a linear reward.

    planted: ranks (1 = best) go in as relevance (more = better); else K + 1 - rank does. Returns the loss
    before and after training, the share of 400 new pairs ordered rightly, the same for minus the score, and
    the length of the fitted weights over that of the true ones.
    """
    generator = torch.Generator().manual_seed(0)
    truth = torch.tensor([1.5, -1.0, 0.5, 0.0])
    features = torch.randn(400, 5, 4, generator=generator)
    felt = features @ truth - torch.rand(400, 5, generator=generator).log().neg().log()
    ranks = 1 + felt.argsort(1, descending=True).argsort(1)
    relevance = ranks if planted else 6 - ranks

    def objective(w: Tensor, rows: Tensor) -> tuple[Tensor, Tensor]:
        with torch.enable_grad():
            w = w.detach().requires_grad_()
            value = torch.stack([_listwise(features @ each, relevance).mean() for each in w])
            (slope,) = torch.autograd.grad(value.sum(), w)
        return value.detach(), slope

    w, value, _ = minimize(objective, torch.zeros(1, 4), torch.ones(1, 4))
    pairs = torch.randn(400, 2, 4, generator=generator)
    gaps, true_gaps = (pairs[:, 0] - pairs[:, 1]) @ w[0], (pairs[:, 0] - pairs[:, 1]) @ truth
    right = (gaps.sign() == true_gaps.sign()).float().mean().item()
    start = _listwise(torch.zeros(400, 5), relevance).mean().item()
    return {
        "loss at the start": start,
        "loss at the end": value.item(),
        "accuracy": right,
        "accuracy of minus the score": 1 - right,
        "length of the weights / true": (w[0].norm() / truth.norm()).item(),
    }


EXHIBITS = (
    Exhibit(
        name="ranks_as_relevance",
        lesson="07_k_wise",
        symptom="The list loss falls as it should, yet sorting by the score puts the worst response first; "
        "sorting by minus the score looks sensible.",
        cause="Ranks (1 = best) were passed where the loss expects relevance (more = better), so it learned "
        "the opposite order.",
        cure="Turn ranks into relevance (K + 1 - rank), or use a loss that says in its signature what it "
        "takes; do not just negate the score: for K > 2 a Plackett-Luce law read from the end is none.",
        source="allegro/allRank issue #26 (2021)",
        run=_train,
        symptom_in=lambda seen: (
            seen["accuracy"] < 0.5 and seen["loss at the end"] < 0.9 * seen["loss at the start"]
        ),
    ),
)
