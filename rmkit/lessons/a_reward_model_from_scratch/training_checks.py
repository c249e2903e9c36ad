"""Checks of lesson 03's model: the forward pass, the loss of pairs, and the training loop."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rmkit.lessons.a_reward_model_from_scratch.toys import WIDTH, WORDS, Body, Trainee
from rmkit.notebook.check import Check, Mistake, Trap


def _rows(rng: np.random.Generator, rows: int, left: bool = False) -> tuple[Tensor, Tensor]:
    """(token ids, mask), each (R, L), of rows of uneven lengths; the pad token is 0."""
    lengths = rng.permutation(np.arange(2, 2 + rows))
    columns = np.arange(lengths.max())
    mask = columns < lengths[:, None]
    mask = torch.tensor(mask[:, ::-1].copy() if left else mask).long()
    return torch.tensor(rng.integers(1, WORDS, mask.shape)) * mask, mask


def _states(body: Body, ids: Tensor, mask: Tensor) -> Tensor:
    return body(input_ids=ids, attention_mask=mask).last_hidden_state


def _last(mask: Tensor) -> Tensor:
    return (mask * torch.arange(mask.shape[1])).argmax(1)


def _at(hidden: Tensor, column: Tensor) -> Tensor:
    return hidden[torch.arange(len(hidden)), column]


def read_rewards(w: Tensor, body: Callable, ids: Tensor, mask: Tensor) -> Tensor:
    """(R,) rewards: w times the state at each row's last real token."""
    return _at(_states(body, ids, mask), _last(mask)) @ w


def _batches(rng: np.random.Generator):
    for seed, left in enumerate((False, False, True)):
        w = torch.tensor(rng.normal(size=WIDTH), dtype=torch.float32)
        yield w, Body(seed), *_rows(rng, 3 + seed, left)


FORWARD = Check(
    "read_rewards",
    reference=read_rewards,
    cases=_batches,
    gradient=1,
    mistakes=(
        Mistake(
            lambda w, body, ids, mask: _states(body, ids, mask)[:, -1] @ w,
            "it reads the last column, which is padding for every short row that is padded on the right.",
        ),
        Mistake(
            lambda w, body, ids, mask: _at(_states(body, ids, mask), mask.sum(1) - 1) @ w,
            "the number of real tokens less one is right for right padding only: use last_token_index.",
        ),
        Mistake(
            lambda w, body, ids, mask: _states(body, ids, mask)[:, 0] @ w,
            "it reads the first token, which has seen nothing of the response.",
        ),
        Mistake(
            lambda w, body, ids, mask: _at(_states(body, ids, None), _last(mask)) @ w,
            "the body is not given the mask, so padding on the left counts as text: attention_mask=mask.",
        ),
        Mistake(
            lambda w, body, ids, mask: _states(body, ids, mask)[:, _last(mask)] @ w,
            "hidden[:, last] takes all columns of `last` for every row: pair each row with its own, "
            "hidden[torch.arange(len(ids)), last].",
        ),
        Mistake(
            lambda w, body, ids, mask: _states(body, ids, mask) @ w,
            "this is one number for each token; the reward is the one at the last real token.",
        ),
        Mistake(
            lambda w, body, ids, mask: (
                (_states(body, ids, mask) * mask[..., None]).sum(1) / mask.sum(1)[:, None] @ w
            ),
            "this is the mean over all tokens, as sentence encoders do it; the lesson reads the last one.",
        ),
        Mistake(
            lambda w, body, ids, mask: _states(body, ids, mask).mean(1) @ w,
            "this is the mean over all columns, padding among them; read the last real token.",
        ),
        Mistake(
            lambda w, body, ids, mask: torch.sigmoid(read_rewards(w, body, ids, mask)),
            "a reward is no probability: the sigmoid belongs to the *gap* of two rewards, in the loss.",
        ),
    ),
)


def pair_loss(rewards: Tensor) -> Tensor:
    """Mean of -log sigma(chosen - rejected); rewards (2N,), the N chosen ones first."""
    chosen, rejected = rewards.chunk(2)
    return -F.logsigmoid(chosen - rejected).mean()


def _rewards(rng: np.random.Generator):
    yield (torch.tensor([2.0, -1.0, 0.5, 0.0]),)
    for n in (3, 8):
        yield (torch.tensor(rng.normal(size=2 * n), dtype=torch.float32),)


LOSS = Check(
    "pair_loss",
    reference=pair_loss,
    cases=_rewards,
    gradient=1,
    mistakes=(
        Mistake(
            lambda r: -F.logsigmoid(r[0::2] - r[1::2]).mean(),
            "it compares neighbors; the first half of the rewards is chosen and the second half rejected.",
        ),
        Mistake(
            lambda r: pair_loss(-r),
            "a sign is turned: the loss must fall when the *chosen* reward rises.",
        ),
        Mistake(
            lambda r: pair_loss(r) * (len(r) // 2),
            "this is the sum over pairs; take the mean, or the step grows with the batch.",
        ),
        Mistake(
            lambda r: pair_loss(r) / 2,
            "it divides by the number of rewards; there are half as many pairs.",
        ),
        Mistake(
            lambda r: -torch.sigmoid(r.chunk(2)[0] - r.chunk(2)[1]).mean(),
            "the logarithm is missing: this is minus the mean probability of the votes.",
        ),
        Mistake(
            lambda r: -(r.chunk(2)[0] - r.chunk(2)[1]).mean(),
            "sigma and logarithm are missing: this falls for ever, however large the gap.",
        ),
        Mistake(
            lambda r: F.relu(1 - (r.chunk(2)[0] - r.chunk(2)[1])).mean(),
            "this is the hinge loss, which is flat beyond a gap of 1; equation 3 is -log sigma(gap).",
        ),
    ),
    traps=(
        Trap(
            (torch.tensor([-200.0, 200.0, 0.0, 0.0]),),
            "the loss must be finite for any gap: F.logsigmoid, as in lesson 02.",
        ),
    ),
)


def training_loop(
    model: nn.Module,
    batches: list,
    lr: float,
    *,
    optimizer=None,
    loss=pair_loss,
    clip: str = "norm",
    zero=True,
    anew=False,
    step=True,
    after=False,
) -> list[float]:
    """The loss of every step, before it. The keywords make the mistakes."""
    new = optimizer or (lambda weights: torch.optim.AdamW(weights, lr=lr, weight_decay=0.0))
    chosen, losses = new(model.parameters()), []
    for ids, mask in batches:
        chosen = new(model.parameters()) if anew else chosen
        value = loss(model(ids, mask))
        if zero:
            chosen.zero_grad()
        value.backward()
        if clip == "norm":
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        elif clip == "value":
            nn.utils.clip_grad_value_(model.parameters(), 1.0)
        if step:
            chosen.step()
        losses.append(loss(model(ids, mask)).item() if after else value.item())
    return losses


def _runs(rng: np.random.Generator):
    for seed, (steps, pairs, scale, lr) in enumerate(
        [(3, 2, 1.0, 0.05), (6, 3, 12.0, 0.1), (5, 2, 6.0, 0.2)]
    ):
        yield Trainee(seed, scale), [_rows(rng, 2 * pairs) for _ in range(steps)], lr


def _wrong(**changes):
    return lambda model, batches, lr: training_loop(model, batches, lr, **changes)


def _other(kind, **options):
    """The loop with another optimizer."""
    return lambda model, batches, lr: training_loop(
        model, batches, lr, optimizer=lambda weights: kind(weights, lr=lr, **options)
    )


LOOP = Check(
    "training_loop",
    reference=training_loop,
    cases=_runs,
    mistakes=(
        Mistake(
            _wrong(zero=False),
            "gradients pile up from step to step: zero_grad is missing.",
        ),
        Mistake(
            _wrong(clip=""),
            "the gradient is not clipped, or only after it was used: between backward and step stands "
            "clip_grad_norm_(model.parameters(), 1.0).",
        ),
        Mistake(
            _wrong(clip="value"),
            "every entry of the gradient is clipped by itself; clip the length of the whole, its norm.",
        ),
        Mistake(
            _wrong(zero=False, clip=""),
            "gradients pile up from step to step, and nothing clips them: zero_grad and clip_grad_norm_ are "
            "missing.",
        ),
        Mistake(
            _other(torch.optim.AdamW),
            "AdamW shrinks the weights by default: the lesson asks for weight_decay=0.0.",
        ),
        Mistake(
            _other(torch.optim.SGD),
            "that is plain gradient descent; the lesson asks for AdamW.",
        ),
        Mistake(
            _wrong(anew=True),
            "the optimizer is made anew in each step and forgets its averages: make it once, before.",
        ),
        Mistake(
            _wrong(step=False),
            "the weights never move: is step missing, or does zero_grad stand between backward and step?",
        ),
        Mistake(
            _wrong(after=True),
            "the loss is measured after the step; note the one that the step was computed from.",
        ),
        Mistake(
            _wrong(loss=lambda r: pair_loss(-r)),
            "chosen and rejected have changed places: the first half of each batch is chosen.",
        ),
        Mistake(
            _wrong(loss=lambda r: -F.logsigmoid(r[0::2] - r[1::2]).mean()),
            "neighbors are compared; the first half of each batch is chosen and the second half rejected.",
        ),
        Mistake(
            _wrong(loss=lambda r: pair_loss(r) * (len(r) // 2)),
            "this is the sum over pairs; the loss of a step is their mean.",
        ),
    ),
)
