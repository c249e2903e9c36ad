"""Policies: responses sampled from a causal language model, how likely they were, and best-of-n.

A sample depends on the seed, its prompt's place and its own number, not on the batch that it was drawn
in: every sample has its own stream of uniform numbers u, and the next token is the first whose
cumulative probability passes u.
"""

import contextlib
import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from transformers import Cache, PreTrainedModel, PreTrainedTokenizerBase

from rmkit.data.records import Prompt
from rmkit.errors import InputError
from rmkit.evaluation.best_of import best_of_n, best_of_n_kl
from rmkit.models import shared_prompt
from rmkit.models.next_word import check_length
from rmkit.models.packing import encode_group
from rmkit.models.sampling_cache import sampling_cache
from rmkit.models.templates import end_id, prompt_tokens

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["best_of_n", "best_of_n_kl", "continue_tokens", "kl", "log_likelihood", "sample"]


NOTHING = -1  # in place of a token where a response has ended


def sample(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    n: int = 1,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int = 64,
    batch: int = 256,
) -> list[list[str]]:
    """n responses to each prompt: [prompt][sample] texts, without the end mark.

    temperature 0 takes the likeliest token. top_p: only the likeliest tokens that together hold this
    probability (Holtzman et al. 2020). batch: sequences that grow together; no sample depends on it, but for
    rounding. A response that has not ended after max_new_tokens is cut there. Raises InputError.
    """
    heads = [prompt_tokens(tokenizer, prompt) for prompt in prompts]
    options = {"temperature": temperature, "top_p": top_p, "max_new_tokens": max_new_tokens, "batch": batch}
    return continue_tokens(model, tokenizer, heads, n, seed=seed, **options)


def continue_tokens(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    heads: Sequence[list[int]],
    n: int = 1,
    *,
    seed: int = 0,
    temperature: float = 1.0,
    top_p: float = 1.0,
    max_new_tokens: int = 64,
    batch: int = 256,
) -> list[list[str]]:
    """n continuations of each list of tokens: what `sample` does once a prompt is tokens."""
    if n < 1 or max_new_tokens < 1 or batch < 1:
        raise InputError(
            f"n ({n}), max_new_tokens ({max_new_tokens}) and batch ({batch}) must be at least 1."
        )
    if temperature < 0 or not 0 < top_p <= 1:
        raise InputError(f"temperature ({temperature}) must be >= 0, and top_p ({top_p}) in (0, 1].")
    if not all(heads):
        raise InputError(f"prompt {heads.index([])} has no tokens: there is nothing to continue.")
    if "past_key_values" not in inspect.signature(model.forward).parameters:
        raise InputError(
            f"A {model.config.model_type} model keeps no keys and values, and sampling here needs them: "
            "take a model with attention in every layer."
        )
    check_length(model, heads, max_new_tokens)
    jobs = [(p, start, min(batch, n - start)) for p in range(len(heads)) for start in range(0, n, batch)]
    jobs.sort(key=lambda job: len(heads[job[0]]))  # similar lengths together: little padding
    found: list[list[str]] = [[""] * n for _ in heads]
    choose = _Chooser(temperature, top_p)
    for group in _fill(jobs, batch):
        rows = [(p, k) for p, start, count in group for k in range(start, start + count)]
        u = np.stack([_stream(seed, p, k).random(max_new_tokens) for p, k in rows])
        tokens = _grow(model, tokenizer, [heads[p] for p, _, _ in group], [c for *_, c in group], u, choose)
        texts = tokenizer.batch_decode(tokens, skip_special_tokens=True)
        for (p, k), text in zip(rows, texts, strict=True):
            found[p][k] = text
    return found


def _stream(seed: int, prompt: int, sample: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=[seed % 2**64, (prompt << 32) + sample]))


def _fill(jobs: list[tuple[int, int, int]], batch: int) -> "Iterable[list[tuple[int, int, int]]]":
    """Jobs (prompt, first sample, samples) gathered into batches of at most `batch` samples."""
    group: list[tuple[int, int, int]] = []
    for job in jobs:
        if group and sum(count for *_, count in group) + job[2] > batch:
            yield group
            group = []
        group.append(job)
    if group:
        yield group


class _Chooser:
    """Picks the next token of each row from its logits (R, V) and a uniform number u (R,)."""

    def __init__(self, temperature: float, top_p: float):
        self.temperature, self.top_p = temperature, top_p

    def __call__(self, logits: Tensor, u: Tensor) -> Tensor:
        if self.temperature == 0:
            return logits.argmax(-1)
        probabilities = (logits.double() / self.temperature).softmax(-1)
        if self.top_p < 1:
            probabilities, order = probabilities.sort(dim=-1, descending=True, stable=True)
            before = probabilities.cumsum(-1) - probabilities
            probabilities = probabilities.masked_fill(before >= self.top_p, 0.0)
        passed = probabilities.cumsum(-1)
        # the first token at which the cumulative probability exceeds u times the total
        place = torch.searchsorted(passed, (u * passed[:, -1])[:, None], right=True).squeeze(1)
        place = place.clamp(max=logits.shape[-1] - 1)
        return order.gather(-1, place[:, None]).squeeze(1) if self.top_p < 1 else place


@torch.inference_mode()
def _grow(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    heads: list[list[int]],
    counts: list[int],
    u: np.ndarray,
    choose: _Chooser,
) -> list[list[int]]:
    """Tokens of counts[i] responses to each prompt heads[i], EOS excluded; u (R, T) are their uniform
    numbers.

    Every prompt is computed once. Its keys and values are shared by its responses where it is the only one
    (`shared_prompt`), else repeated for them. Prompts are padded on the left, so that all rows grow at the
    same column; rows that have ended leave the batch.
    """
    device, longest, steps = model.device, max(map(len, heads)), u.shape[1]
    ids = torch.full((len(heads), longest), tokenizer.pad_token_id or 0, device=device)
    seen = torch.ones(len(heads), longest + steps, dtype=torch.long, device=device)
    for row, head in enumerate(heads):
        ids[row, longest - len(head) :] = torch.tensor(head, device=device)
        seen[row, : longest - len(head)] = 0
    cache = sampling_cache(model.config)
    ends = torch.tensor(sorted(_ends(model, tokenizer)), device=device)
    training = model.training
    model.eval()
    positions = (seen[:, :longest].cumsum(-1) - 1).clamp(min=0)
    logits = _last(model, ids, seen[:, :longest], positions, cache)
    repeat = torch.repeat_interleave(torch.arange(len(heads)), torch.tensor(counts)).to(device)
    sharing = contextlib.nullcontext()
    if len(heads) == 1 and shared_prompt.usable(model, cache):
        sharing = shared_prompt.shared(model, cache, len(repeat))
    else:
        cache.batch_select_indices(repeat)
    logits, seen, position = logits[repeat], seen[repeat], positions[repeat, -1]
    grown = torch.full(u.shape, NOTHING, device=device)
    alive = torch.arange(len(repeat), device=device)
    numbers = torch.from_numpy(u).to(device)
    with sharing:
        for step in range(steps):
            token = choose(logits, numbers[alive, step])
            going = ~torch.isin(token, ends)
            grown[alive[going], step] = token[going]
            if step + 1 == steps or not going.any():
                break
            if not going.all():
                kept = _close_ranks(going)
                cache.batch_select_indices(kept)
                token, alive, seen, position = token[kept], alive[kept], seen[kept], position[kept]
            position = position + 1
            logits = _last(model, token[:, None], seen[:, : longest + step + 1], position[:, None], cache)
    model.train(training)
    return [[token for token in row if token != NOTHING] for row in grown.tolist()]


def _close_ranks(going: Tensor) -> Tensor:
    """Places of the rows that go on: the last of them stand in for those that ended, so that few move."""
    kept = going.nonzero().squeeze(1)
    gaps = (~going[: len(kept)]).nonzero().squeeze(1)
    places = torch.arange(len(kept), device=going.device)
    places[gaps] = kept[len(kept) - len(gaps) :]
    return places


def _last(model: PreTrainedModel, ids: Tensor, seen: Tensor, positions: Tensor, cache: Cache) -> Tensor:
    """(R, V) float32 logits after the last column; the cache grows."""
    out = model(
        input_ids=ids,
        attention_mask=seen,
        position_ids=positions,
        past_key_values=cache,
        use_cache=True,
        logits_to_keep=1,
    )
    return out.logits[:, -1].float()


def _ends(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Tokens that end a response: the tokenizer's, and those that the model's generation settings name."""
    settings = getattr(model, "generation_config", None)
    more = getattr(settings, "eos_token_id", None)
    own = [end_id(tokenizer)] if tokenizer.eos_token or tokenizer.sep_token else []
    return {*own, *([more] if isinstance(more, int) else more or [])}


def log_likelihood(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    responses: Sequence[Sequence[str]],
    *,
    max_length: int = 2048,
    batch: int = 64,
) -> list[Tensor]:
    """log p(y | x), natural logarithm, summed over the tokens of y and its EOS: for each prompt a (K,)
    tensor.

    Gradients flow where they are enabled. Too long a prompt or response is cut as in training.
    """
    rows: list[tuple[list[int], list[int]]] = []
    for prompt, texts in zip(prompts, responses, strict=True):
        group = encode_group(tokenizer, prompt, texts, max_length)
        rows += [(group.prompt, tail) for tail in group.responses]
    values = [_log_likelihood(model, rows[i : i + batch]) for i in range(0, len(rows), batch)]
    return list(torch.cat(values).split([len(texts) for texts in responses])) if rows else []


def _log_likelihood(model: PreTrainedModel, rows: list[tuple[list[int], list[int]]]) -> Tensor:
    length = max(len(head) + len(tail) for head, tail in rows)
    ids = torch.zeros(len(rows), length, dtype=torch.long)
    seen, answer = torch.zeros_like(ids), torch.zeros(len(rows), length)
    for row, (head, tail) in enumerate(rows):
        end = len(head) + len(tail)
        ids[row, :end] = torch.tensor(head + tail)
        seen[row, :end] = 1
        answer[row, len(head) : end] = 1.0
    ids, seen, answer = (t.to(model.device) for t in (ids, seen, answer))
    logits = model(input_ids=ids, attention_mask=seen).logits[:, :-1].float()
    # log softmax at the token that came: z_t - log sum exp z
    chosen = logits.gather(-1, ids[:, 1:, None]).squeeze(-1) - logits.logsumexp(-1)
    return (chosen * answer[:, 1:]).sum(-1)


def kl(log_p: Tensor, log_q: Tensor) -> tuple[float, float]:
    """(estimate, standard error) of KL(p || q) in nats from responses drawn from p.

    log_p, log_q (N,): log-likelihood of the same responses under p and q. With d = log q - log p the mean of
    exp(d) - 1 - d is unbiased and never negative (Schulman 2020, "k3").
    """
    d = (log_q - log_p).double().flatten()
    if d.numel() < 2 or not torch.isfinite(d).all():
        raise InputError("kl needs at least two responses with finite log-likelihoods.")
    each = d.expm1() - d
    return float(each.mean()), float(each.std() / d.numel() ** 0.5)
