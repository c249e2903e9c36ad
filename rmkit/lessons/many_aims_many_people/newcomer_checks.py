"""Checks of lesson 13: an ideal point, and one new person from a few votes."""

import numpy as np
import torch
from scipy import special

from rmkit.notebook.check import Check, Mistake, Trap
from rmkit.theory import few_shot, ideal_points

# --- an ideal point -----------------------------------------------------------------------------------------


def _places(rng):
    yield (
        torch.tensor([[3.0, 1.0]]),
        torch.tensor([[0.0, 4.0]]),
        torch.log(torch.tensor([[1.0, 3.0]])),
        torch.tensor([[0.0, 0.0], [4.0, 0.0]]),
    )
    for n, k, d in ((3, 2, 2), (5, 3, 4)):
        preferred, other = torch.tensor(rng.normal(size=(2, n, d)))
        yield (
            preferred,
            other,
            torch.tensor(2 * rng.normal(size=(n, k))),
            torch.tensor(rng.normal(size=(k, d))),
        )


def _gap(preferred, other, logits, prototypes, members=lambda z: z.softmax(-1), far=lambda x: x.norm(dim=-1)):
    point = members(logits) @ prototypes
    return far(other - point) - far(preferred - point)


def _right(preferred, other, logits, prototypes):
    return ideal_points.distance_gap(preferred, other, ideal_points.points(logits, prototypes))


def _one_hot(z):
    return torch.nn.functional.one_hot(z.argmax(-1), z.shape[-1]).to(z.dtype)


IDEAL = Check(
    "ideal_gap",
    reference=_right,
    cases=_places,
    gradient=4,
    mistakes=(
        Mistake(
            lambda p, o, z, q: _gap(p, o, z, q, far=lambda x: x.square().sum(-1)),
            "the distances are squared; PAL takes the distance itself.",
        ),
        Mistake(
            lambda p, o, z, q: -_gap(p, o, z, q),
            "the sign is turned: the preferred answer should be the closer one, and the gap positive.",
        ),
        Mistake(
            lambda p, o, z, q: _gap(p, o, z, q, members=lambda z: z),
            "the logits are used as weights: take their softmax first, so that the point lies among the "
            "prototypes.",
        ),
        Mistake(
            lambda p, o, z, q: _gap(p, o, z, q, members=lambda z: z.softmax(0)),
            "the softmax runs over the people; each person's weights of the prototypes must sum to 1.",
        ),
        Mistake(
            lambda p, o, z, q: _gap(p, o, z, q, members=_one_hot),
            "everyone stands on one prototype; a person may stand between them.",
        ),
        Mistake(
            lambda p, o, z, q: _gap(p, o, z, q, far=lambda x: x.abs().sum(-1)),
            "these are sums of absolute differences; take the Euclidean distance.",
        ),
        Mistake(
            lambda p, o, z, q: (p - o).norm(dim=-1),
            "that is the distance between the answers; asked are both distances to the person.",
        ),
        Mistake(
            lambda p, o, z, q: _gap(p, o, z, q).mean(),
            "it returns the mean; return one number a vote and leave the mean to the caller.",
        ),
        Mistake(
            lambda p, o, z, q: ((z.softmax(-1) @ q) * (p - o)).sum(-1),
            "that is a product, which makes the person a direction; here a person is a place.",
        ),
    ),
)

# --- one new person -----------------------------------------------------------------------------------------


def _shots(rng):
    yield np.array([[2.0, 0.0]]), 1.0
    yield np.array([[1.0, -1.0, 0.5], [2.0, 0.5, -0.5]]), 1.0
    for n, k, t in ((10, 3, 1.0), (4, 4, 2.5), (10, 2, 5.0)):
        yield 2 * rng.normal(size=(n, k)) + rng.normal(size=k), t


def _losses(gaps):
    return np.logaddexp(0, -gaps)


FEW_SHOT = Check(
    "few_shot_weights",
    reference=lambda gaps, temperature: few_shot.few_shot(gaps, temperature=temperature),
    cases=_shots,
    mistakes=(
        Mistake(
            lambda gaps, t: special.softmax(-_losses(gaps).mean(0) / t),
            "the losses are averaged. Then the hundredth vote counts no more than the first: add them up.",
        ),
        Mistake(
            lambda gaps, t: special.softmax(_losses(gaps).sum(0) / t),
            "the minus sign is missing: the reward that is most surprised gets the most weight.",
        ),
        Mistake(
            lambda gaps, t: special.softmax(-_losses(gaps).sum(0)),
            "the temperature is ignored.",
        ),
        Mistake(
            lambda gaps, t: special.softmax(-_losses(gaps).sum(0) * t),
            "the temperature multiplies; it divides, so that a higher one is more careful.",
        ),
        Mistake(
            lambda gaps, t: special.softmax(-_losses(gaps / t).sum(0)),
            "the temperature stands inside the loss; it divides the sum of the losses.",
        ),
        Mistake(
            lambda gaps, t: special.softmax(gaps.sum(0) / t),
            "the gaps themselves are added, so one vote won by far outweighs all others; add the losses.",
        ),
        Mistake(
            lambda gaps, t: special.softmax((gaps > 0).sum(0) / t),
            "it counts the votes that are won; the loss also sees by how much.",
        ),
        Mistake(
            lambda gaps, t: np.eye(gaps.shape[1])[_losses(gaps).sum(0).argmin()],
            "the best reward takes all; after ten votes nobody can be that sure.",
        ),
        Mistake(
            lambda gaps, t: special.softmax(-_losses(gaps) / t, axis=1).mean(0),
            "every vote gives its own weights and these are averaged; add up the losses first.",
        ),
        Mistake(
            lambda gaps, t: np.exp(-_losses(gaps).sum(0) / t),
            "the weights do not sum to 1: divide by their sum.",
        ),
    ),
    traps=(
        Trap(
            (np.array([[-800.0, -802.0], [-800.0, -800.0]]), 1.0),
            "exp(800) is infinite, and both rewards are wrong by far: np.logaddexp, and softmax of the sums.",
        ),
    ),
)
