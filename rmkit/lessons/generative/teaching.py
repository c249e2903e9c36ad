"""Lesson 08's trained judges: next-token training on what a judge ought to say.

The loss is -log p(said | asked), over the whole vocabulary, for a verdict word or a whole critique.
"""

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from rmkit.data.records import Prompt
from rmkit.models import last_layer
from rmkit.models.generative import Judge

Tokens = list[int]
IGNORED = -100  # a target that cross_entropy leaves out


def teach(
    judge: Judge,
    asked: Sequence[Tokens],
    said: Sequence[Tokens],
    *,
    lr: float,
    batch: int = 16,
    seed: int = 0,
) -> tuple[Judge, list[float]]:
    """A copy of the judge after one epoch of -log p(said | asked), and the loss of every step.

    asked, said: N lists of tokens each. All weights are trained (AdamW, a constant lr); the judge given stays
    as it is.
    """
    model = copy.deepcopy(judge.model).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    generator, losses = torch.Generator().manual_seed(seed), []
    for part in torch.randperm(len(asked), generator=generator).split(batch):
        loss = next_token_loss(model, [asked[i] for i in part], [said[i] for i in part])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    options = {"votes": judge.votes, "reads": judge.reads, "seed": judge.seed}
    taught = Judge(model, judge.tokenizer, judge.manner, max_new_tokens=judge.max_new_tokens, **options)
    return taught, losses


def next_token_loss(model, asked: Sequence[Tokens], said: Sequence[Tokens]) -> Tensor:
    """Scalar: mean of -log p over all tokens of `said`, each after what stands before it."""
    rows = [torch.tensor([*a, *s]) for a, s in zip(asked, said, strict=True)]
    ids = pad_sequence(rows, batch_first=True).to(model.device)  # on the right, where no token looks
    wanted = torch.full_like(ids, IGNORED)
    for row, (before, words) in enumerate(zip(asked, said, strict=True)):
        wanted[row, len(before) : len(before) + len(words)] = torch.tensor(words)
    places = (wanted != IGNORED).any(0).nonzero().squeeze(1)  # where some row has a target
    ends = torch.arange(len(rows), device=ids.device)[:, None] * ids.shape[1] + places - 1
    with last_layer.read_at(model.base_model, ends.flatten()):
        logits = model(input_ids=ids, logits_to_keep=places - 1).logits.float()
    return F.cross_entropy(logits.flatten(0, 1), wanted[:, places].flatten(), ignore_index=IGNORED)


def critique_tokens(
    judge: Judge, answers: Sequence[tuple[Prompt, str]], texts: Sequence[str]
) -> tuple[list[Tokens], list[Tokens]]:
    """(asked, said) for `teach`: each answer as the judge reads it, and the critique that it shall write."""
    space = " " if judge.manner.critique is None else ""
    said = judge.tokenizer(
        [space + text for text in texts], add_special_tokens=False, split_special_tokens=True
    ).input_ids
    return judge.asked(answers, critique=True), said
