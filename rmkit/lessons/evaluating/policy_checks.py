"""Checks of lesson 10: variance within prompts, and a step of RL."""

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap

# --- variance within prompts --------------------------------------------------------------------------------


def _pools(rng):
    yield (np.array([[0.0, 2.0], [4.0, 6.0]]),)
    yield (np.array([[1.0, 1.0], [3.0, 3.0]]),)
    yield (np.array([[0.0, 2.0], [0.0, 2.0]]),)
    for p, n in ((3, 5), (6, 4), (4, 10)):
        yield (rng.normal(size=(p, n)) * rng.uniform(0.2, 2) + rng.normal(size=(p, 1)),)


def _share(rewards):
    return float(rewards.var(1).mean() / rewards.var())


WITHIN = Check(
    "within_share",
    reference=_share,
    cases=_pools,
    mistakes=(
        Mistake(
            lambda r: float(r.mean(1).var() / r.var()),
            "that is the share BETWEEN prompts; a policy answers one prompt at a time and never sees it.",
        ),
        Mistake(
            lambda r: float(r.var(1).mean()),
            "it is not divided by the variance over the whole pool, so it grows with the reward's scale.",
        ),
        Mistake(
            lambda r: float(r.var(0).mean() / r.var()),
            "axis 0 runs over prompts; the samples of a prompt lie along axis 1.",
        ),
        Mistake(
            lambda r: float(r.std(1).mean() / r.std()),
            "these are deviations; variances add up, deviations do not.",
        ),
        Mistake(
            lambda r: float(r.var(1, ddof=1).mean() / r.var(ddof=1)),
            "ddof=1 divides by N - 1 within and by P N - 1 over all, so the two parts no longer add up to 1. "
            "Divide by the number both times.",
        ),
        Mistake(
            lambda r: r.var(1) / r.var(),
            "return one number: the mean over prompts.",
        ),
    ),
)

# --- a step of RL -------------------------------------------------------------------------------------------


def _policies(rng):
    yield np.zeros(2), np.array([1.0, 0.0]), 1.0
    yield np.zeros(4), np.array([1.0, 0.0, 0.0, 3.0]), 0.5
    for n in (3, 5, 8):
        yield rng.normal(size=n), rng.normal(size=n), float(rng.uniform(0.1, 1))


def _softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


def _step(logits, rewards, lr):
    pi = _softmax(logits)
    return logits + lr * len(logits) * pi * (rewards - pi @ rewards)


STEP = Check(
    "policy_step",
    reference=_step,
    cases=_policies,
    mistakes=(
        Mistake(
            lambda t, r, lr: t + lr * len(t) * _softmax(t) * r,
            "the baseline is missing: logits that all rise by the same change nothing, so E[r] is "
            "subtracted.",
        ),
        Mistake(
            lambda t, r, lr: t + lr * len(t) * _softmax(t) * (r - r.mean()),
            "the baseline is the mean over the pool; the gradient has the mean under the policy, π · r.",
        ),
        Mistake(
            lambda t, r, lr: t + lr * len(t) * (r - _softmax(t) @ r),
            "π is missing in front: an answer that the policy hardly gives hardly moves. (Without π it is "
            "the natural gradient.)",
        ),
        Mistake(
            lambda t, r, lr: t + lr * _softmax(t) * (r - _softmax(t) @ r),
            "the step is lr times N, so that lr means the same for every pool.",
        ),
        Mistake(
            lambda t, r, lr: 2 * t - _step(t, r, lr),
            "it goes downhill: rewards are to rise, so the gradient is added.",
        ),
        Mistake(
            lambda t, r, lr: _softmax(_step(t, r, lr)),
            "these are probabilities; return the new logits.",
        ),
        Mistake(
            lambda t, r, lr: _step(t, r, lr) - t,
            "that is the step alone; add it to the logits.",
        ),
        Mistake(
            lambda t, r, lr: t + lr * len(t) * _softmax(t) * (r - _softmax(t) @ r) / max(r.std(), 1e-12),
            "the rewards are divided by their deviation first; that hides what a flat reward does.",
        ),
        Mistake(
            lambda t, r, lr: t + lr * len(t) * t * (r - t @ r),
            "the logits were taken for probabilities: π = softmax(logits).",
        ),
    ),
    traps=(
        Trap(
            (np.array([800.0, 0.0, -800.0]), np.array([1.0, 2.0, 0.0]), 0.5),
            "exp(800) is infinite: subtract the largest logit first, or use scipy.special.softmax.",
        ),
    ),
)
