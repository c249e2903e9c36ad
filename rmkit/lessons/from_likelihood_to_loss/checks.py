"""Checks of lesson 02: the second printed form, its gradient, a form without overflow, the noise floor."""

import torch
import torch.nn.functional as F

from rmkit.notebook.check import Check, Mistake, Trap

_OVERFLOW = (
    "exp(120) is infinite in float32, and sigmoid(-120) = 1 / (1 + exp(120)) is 0: never exponentiate a "
    "number that can be large."
)


def _pairs_of_rewards(rng):
    yield torch.tensor([2.0]), torch.tensor([0.5])
    yield torch.tensor([-1.0]), torch.tensor([1.5])
    for n in (3, 6):
        yield torch.tensor(rng.normal(size=n)), torch.tensor(rng.normal(size=n))


def _gaps(rng):
    yield (torch.tensor([1.0]),)
    yield (torch.tensor([-2.0, 0.5, 4.0]),)
    yield (torch.tensor(rng.normal(size=8) * 5).float(),)


def _probabilities(rng):
    yield (torch.tensor([0.5]),)
    yield (torch.tensor([0.9, 0.2]),)
    yield (torch.tensor(rng.uniform(0.01, 0.99, size=6)),)


def _slope(chosen, rejected, surprise=lambda d: torch.sigmoid(-d), mean=True, signs=(-1.0, 1.0)):
    s = surprise(chosen - rejected) / (len(chosen) if mean else 1)
    return torch.stack([signs[0] * s, signs[1] * s])


def _entropy(p):
    return -torch.xlogy(p, p) - torch.xlogy(1 - p, 1 - p)


CHECKS = (
    Check(
        "second_form",
        reference=lambda chosen, rejected: F.softplus(rejected - chosen),
        cases=_pairs_of_rewards,
        gradient=2,
        mistakes=(
            Mistake(
                lambda w, x: torch.log(1 + torch.exp(x) - torch.exp(w)),
                "this is equation 4 as it is printed. Try chosen 2.0 and rejected 0.5: 1 + e^0.5 - e^2 is "
                "negative. Which difference belongs where?",
            ),
            Mistake(
                lambda w, x: torch.log(1 + torch.exp(w - x)),
                "it grows as the chosen response gets better: the two rewards are swapped.",
            ),
            Mistake(
                lambda w, x: F.softplus(x - w).mean(),
                "it returns the mean; return one number a pair and leave the mean to the caller.",
            ),
            Mistake(
                lambda w, x: torch.log(torch.exp(x - w)),
                "the 1 + inside the logarithm is missing: what is left is the bare gap.",
            ),
            Mistake(
                lambda w, x: torch.log(1 + torch.exp(x)) - w,
                "1 + e^x over e^w is not 1 + e^(x - w): the 1 was divided by e^w too.",
            ),
            Mistake(
                lambda w, x: F.softplus(x) - F.softplus(w),
                "two logarithms, one for each reward: it must be one, of 1 + e^(x - w).",
            ),
            Mistake(
                lambda w, x: torch.log(1 + torch.exp(x) - torch.exp(x - w)),
                "only one exponential is left: the difference of the rewards stands in its exponent.",
            ),
        ),
    ),
    Check(
        "loss_gradient",
        reference=_slope,
        cases=_pairs_of_rewards,
        mistakes=(
            Mistake(
                lambda w, x: _slope(w, x, signs=(1.0, -1.0)),
                "both signs are turned: raising the chosen reward must lower the loss.",
            ),
            Mistake(
                lambda w, x: _slope(w, x, mean=False),
                "this is the gradient of the sum; the loss is a mean, so divide by the number of pairs.",
            ),
            Mistake(
                lambda w, x: _slope(w, x, surprise=torch.sigmoid),
                "sigma(d) is how sure the model was; the slope is how surprised it was, sigma(-d).",
            ),
            Mistake(
                lambda w, x: _slope(w, x, signs=(-1.0, -1.0)),
                "d = chosen - rejected, so the rejected reward's slope has the other sign.",
            ),
            Mistake(
                lambda w, x: _slope(w, x) / 2,
                "it is divided by 2 N: a batch holds N pairs, and the mean is over pairs, not responses.",
            ),
            Mistake(
                lambda w, x: _slope(w, x, surprise=torch.sigmoid, mean=False),
                "two things: the slope is sigma(-d), not sigma(d); and a mean is divided by N.",
            ),
            Mistake(
                lambda w, x: _slope(w, x, mean=False, signs=(1.0, -1.0)),
                "two things: raising the chosen reward must lower the loss; and a mean is divided by N.",
            ),
            Mistake(
                lambda w, x: _slope(w, x, surprise=torch.sigmoid, signs=(1.0, -1.0)),
                "two things: raising the chosen reward must lower the loss; and the slope is sigma(-d).",
            ),
            Mistake(
                lambda w, x: _slope(w, x, mean=False).mean(1),
                "it is averaged over the pairs; each pair's reward has a slope of its own, divided by N.",
            ),
            Mistake(
                lambda w, x: _slope(w, x, surprise=lambda d: torch.sigmoid(d) * torch.sigmoid(-d)),
                "sigma(d) sigma(-d) is the slope of the probability; the loss is its logarithm.",
            ),
        ),
        without=("grad", "backward"),
    ),
    Check(
        "stable_loss",
        reference=lambda d: torch.relu(-d) + torch.log1p(torch.exp(-d.abs())),
        cases=_gaps,
        gradient=1,
        mistakes=(
            Mistake(
                lambda d: torch.log1p(torch.exp(-d)),
                _OVERFLOW,
            ),
            Mistake(
                lambda d: torch.log(1 + torch.exp(-d)),
                _OVERFLOW,
            ),
            Mistake(
                lambda d: -torch.log(torch.sigmoid(d)),
                _OVERFLOW,
            ),
            Mistake(
                lambda d: -torch.log(torch.sigmoid(d) + 1e-8),
                "a small number inside the logarithm caps the loss near 18.4 and kills the gradient exactly "
                "where the model is most wrong.",
            ),
            Mistake(
                lambda d: torch.log1p(torch.exp(-d.abs())),
                "this treats a lost pair like a won one; the straight part max(-d, 0) is missing.",
            ),
            Mistake(
                lambda d: torch.where(d < 0, -d + torch.log1p(torch.exp(d)), torch.log1p(torch.exp(-d))),
                "the value is right but the gradient is NaN: torch.where differentiates the branch that it "
                "does not use too, and 0 times infinity is NaN. Keep infinity out of both branches.",
            ),
            Mistake(
                lambda d: torch.where(d < 0, -d, torch.log1p(torch.exp(-d))),
                "on the losing side the straight part -d is only most of it; log(1 + exp(-|d|)) is missing.",
            ),
        ),
        traps=(
            Trap(
                (torch.tensor([-1000.0, -120.0, -95.0, 120.0, 1000.0]),),
                "at -1000 the loss is 1000 and its slope -1; neither may be capped, cut or infinite.",
            ),
        ),
        without=(
            "softplus",
            "log_sigmoid",
            "log_softmax",
            "cross_entropy",
            "binary_cross_entropy_with_logits",
            "soft_margin_loss",
        ),
    ),
    Check(
        "noise_floor",
        reference=_entropy,
        cases=_probabilities,
        mistakes=(
            Mistake(
                lambda p: -p * torch.log(p) - (1 - p) * torch.log(1 - p),
                "right inside, but NaN at p = 0 and p = 1, where a certain vote must give 0 (torch.xlogy).",
            ),
            Mistake(
                lambda p: -torch.xlogy(p, p),
                "only half of it: the other vote comes with probability 1 - p.",
            ),
            Mistake(
                lambda p: -_entropy(p),
                "the sign is turned: a logarithm of a probability is negative, a loss is not.",
            ),
            Mistake(
                lambda p: _entropy(p) / torch.log(torch.tensor(2.0)),
                "that is in bits (log2); the loss is in nats, the natural logarithm.",
            ),
            Mistake(
                lambda p: -torch.log(p),
                "that is the surprise of one outcome; the expected loss weighs both outcomes, p and 1 - p.",
            ),
        ),
        traps=(
            Trap(
                (torch.tensor([0.0, 1.0]),),
                "a certain vote must give 0: in float32 1 - 1e-12 is 1, so clamping does not help; "
                "torch.xlogy does.",
            ),
        ),
    ),
)
