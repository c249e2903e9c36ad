"""Monte-Carlo values of steps: how often a policy that goes on from there ends right.

Math-Shepherd (Wang et al. 2024, arXiv:2312.08935) labels a step right where any rollout ends right ("hard"),
or by the share that does ("soft"). Either says what the step is worth to this policy, not whether it is true.
"""

from collections.abc import Callable

import numpy as np
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rmkit.data.preferences import as_preferences
from rmkit.data.records import Prompt
from rmkit.models import encoding, policies
from rmkit.models.steps import UNREAD


def step_rollouts(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    preferences,
    is_right: Callable[[Prompt, str], bool],
    *,
    n: int = 8,
    seed: int = 0,
    temperature: float = 1.0,
    max_new_tokens: int = 64,
    max_length: int = 2048,
) -> list[list[np.ndarray]]:
    """For each record K arrays (S_k, n) bool: did rollout j from the end of step i end right?

    preferences: whatever `rmkit.load` takes, with `steps`.   is_right(prompt, response): the checker of the
    finished response, from its first step on. `.any(1)` are hard labels, `.mean(1)` soft ones; the first m
    columns are what m rollouts would have given. A step that was cut away is never right.
    """
    preferences = as_preferences(preferences)
    groups, _ = encoding.encode(tokenizer, preferences, max_length, training=False, steps=True)
    jobs = [
        (record.prompt, [*group.prompt, *tail[: end + 1]], tail[: end + 1])
        for record, group in zip(preferences, groups, strict=True)
        for tail, ends in zip(group.responses, group.steps, strict=True)
        for end in ends
        if end != UNREAD
    ]
    options = {"seed": seed, "temperature": temperature, "max_new_tokens": max_new_tokens}
    heads = [head for _, head, _ in jobs]
    drawn = policies.continue_tokens(model, tokenizer, heads, n, **options) if jobs else []
    begun = tokenizer.batch_decode([begin for *_, begin in jobs], skip_special_tokens=True)
    ended = iter(
        [
            [is_right(prompt, _joined(start, text)) for text in texts]
            for (prompt, *_), start, texts in zip(jobs, begun, drawn, strict=True)
        ]
    )
    return [
        [
            np.array([[False] * n if end == UNREAD else next(ended) for end in ends]).reshape(len(ends), n)
            for ends in group.steps
        ]
        for group in groups
    ]


def _joined(start: str, text: str) -> str:
    """A finished step and what follows; some tokenizers lose the space before a text's first word."""
    apart = start[-1:].isspace() or text[:1].isspace() or not text
    return start + text if apart else f"{start} {text}"
