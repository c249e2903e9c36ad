"""Implicit process rewards of a causal language model and its reference, from their token probabilities."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rmkit.data.preferences import as_preferences
from rmkit.models import encoding
from rmkit.theory.implicit import step_rewards

Row = tuple[list[int], list[int]]  # tokens of a prompt and of a response


@torch.no_grad()
def implicit_step_rewards(
    model: PreTrainedModel,
    reference: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    preferences,
    *,
    beta: float = 0.05,
    max_length: int = 2048,
    batch: int = 16,
) -> list[list[Tensor]]:
    """For each record K tensors (S_k,): beta log pi / pi_ref summed over each step (`theory.implicit`).

    model, reference: two causal models with one tokenizer.   preferences: whatever `rmkit.load` takes, with
    `steps`. A step that was cut away is NaN. `rmkit.evaluate_steps` takes the result as it is.
    """
    groups, _ = encoding.encode(
        tokenizer, as_preferences(preferences), max_length, training=False, steps=True
    )
    rows = [(group.prompt, tail) for group in groups for tail in group.responses]
    ratios = log_ratios(model, reference, rows, batch=batch)
    ends = [row for group in groups for row in group.steps]
    found = iter([step_rewards(ratio, row, beta) for ratio, row in zip(ratios, ends, strict=True)])
    return [[next(found) for _ in group.responses] for group in groups]


def log_ratios(
    model: PreTrainedModel, reference: PreTrainedModel, rows: Sequence[Row], *, batch: int = 16
) -> list[Tensor]:
    """log pi(y_t) / pi_ref(y_t) for every token of each response, [(T_n,)], float32 on the CPU.

    Gradients flow through `model` where they are enabled, for `theory.implicit.implicit_outcome`.
    """
    found = []
    for start in range(0, len(rows), batch):
        part = rows[start : start + batch]
        mine = _log_probabilities(model, part)
        with torch.no_grad():
            theirs = _log_probabilities(reference, part)
        found += [a - b for a, b in zip(mine, theirs, strict=True)]
    return found


def _log_probabilities(model: PreTrainedModel, rows: Sequence[Row]) -> list[Tensor]:
    whole = [torch.tensor([*head, *tail]) for head, tail in rows]
    ids = pad_sequence(whole, batch_first=True).to(model.device)
    seen = pad_sequence([torch.ones_like(row) for row in whole], batch_first=True).to(model.device)
    logits = model(input_ids=ids, attention_mask=seen, use_cache=False).logits[:, :-1].float()
    chosen = logits.log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1).cpu()
    return [
        row[len(head) - 1 : len(head) + len(tail) - 1] for row, (head, tail) in zip(chosen, rows, strict=True)
    ]
