"""Tokens of groups in rows: a prompt computed once for its K responses, or one padded row a response.

Packed: a row holds one or more groups, each as  prompt, response 1, response 2, ...  A token sees the prompt
of its group and its own response up to itself; the positions of every response restart after the prompt. A
group costs P + sum of C_k tokens, where padded rows cost K P + sum of C_k and padding.
Padded: one row  prompt, response k, padding  for every response: the plain alternative, and the oracle of the
other. Both are the same `Batch`, and give the same rewards and gradients.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rmkit.data.ledger import PROMPT_CUT, RESPONSE_CUT, TRUNCATED
from rmkit.data.records import Prompt
from rmkit.models import wide_groups
from rmkit.models.chat import Rendering
from rmkit.models.steps import UNREAD, step_ends
from rmkit.models.templates import closing_tokens, render, tokenize

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

PADDING = -1  # the group number of padding


@dataclass
class TokenGroup:
    """One prompt and its K responses as tokens; every response ends with what ends a turn."""

    prompt: list[int]  # P tokens, P >= 0
    responses: list[list[int]]  # K lists of C_k >= 1 tokens
    prompt_cut: bool = False
    responses_cut: tuple[bool, ...] = ()  # K
    index: int = 0  # which record of the preferences this is
    pair: bool = False  # an encoder's pair of texts: the response has a token type of its own
    notes: tuple[str, ...] = ()  # what the chat template did not allow, in words
    steps: list[list[int]] | None = None  # K lists: index of each step's last token, -1 = cut (steps.py)

    def __len__(self) -> int:
        """Tokens of the packed layout: P + sum of C_k."""
        return len(self.prompt) + sum(map(len, self.responses))

    @property
    def padded_tokens(self) -> int:
        """Tokens of the padded layout: K (P + max C_k)."""
        return len(self.responses) * (len(self.prompt) + max(map(len, self.responses)))

    @property
    def truncated(self) -> bool:
        """Whether anything was cut."""
        return self.prompt_cut or any(self.responses_cut)

    def cuts(self) -> dict[str, str]:
        """{what the ledger counts of this group: what was done, in words}; empty where all was read."""
        return cuts(self.prompt_cut, any(self.responses_cut))

    def same(self) -> list[tuple[int, int]]:
        """Pairs (i, j), i < j, of responses with the same tokens."""
        texts = self.responses
        return [(i, j) for j in range(len(texts)) for i in range(j) if texts[i] == texts[j]]


def cuts(prompt: bool, response: bool) -> dict[str, str]:
    """{what the ledger counts: what was done} where a prompt, a response or both were cut."""
    lost = {
        PROMPT_CUT: (prompt, "kept: the prompt lost its start"),
        RESPONSE_CUT: (response, "kept: a response lost its end"),
    }
    found = {what: done for what, (cut, done) in lost.items() if cut}
    return {TRUNCATED: "kept: some text was cut"} | found if found else {}


def encode_group(
    tokenizer: "PreTrainedTokenizerBase",
    prompt: Prompt,
    responses: Sequence[str],
    max_length: int = 2048,
    index: int = 0,
) -> TokenGroup:
    """Tokens of one group; see `encode_groups`. Raises InputError where a template refuses the prompt."""
    return encode_groups(tokenizer, [render(tokenizer, prompt, responses)], max_length, [index])[0]


def encode_groups(
    tokenizer: "PreTrainedTokenizerBase",
    renderings: Sequence[Rendering],
    max_length: int = 2048,
    indices: Sequence[int] | None = None,
    steps: Sequence[Sequence[Sequence[str]]] | None = None,
) -> list[TokenGroup]:
    """Tokens of many groups (`templates.render`), of which prompt and response never exceed max_length.

    A response may use all that the prompt leaves, and at least 3/4 of max_length; what is beyond is cut at
    its end (what ends a turn stays). Then the prompt is cut at its start to fit the longest response, the
    same for all of them; a leading BOS or [CLS] stays. Both are recorded. indices: of the records, else 0,
    1 ...   steps: those of each rendering's responses, to be found among their tokens (`TokenGroup.steps`).
    """
    closing = cache(lambda: closing_tokens(tokenizer))  # needed only where something is cut
    first = tokenizer.cls_token_id if tokenizer.bos_token_id is None else tokenizer.bos_token_id
    groups = []
    numbers = range(len(renderings)) if indices is None else indices
    for place, (index, turns) in enumerate(zip(numbers, tokenize(tokenizer, renderings), strict=True)):
        head, tails = turns.prompt, turns.responses
        room = max(1, max_length - min(len(head), max_length // 4))
        cut = [tail if len(tail) <= room else _cut_end(tail, room, closing()) for tail in tails]
        kept = _cut_start(head, max_length - max(map(len, cut)), first)
        shorter = tuple(len(a) < len(b) for a, b in zip(cut, tails, strict=True))
        group = TokenGroup(kept, cut, len(kept) < len(head), shorter, index, turns.pair, turns.notes)
        if steps is not None:
            ends = step_ends(tokenizer, renderings[place], turns, steps[place])
            read = [
                len(tail) - len(closing()) if less else len(tail)
                for tail, less in zip(cut, shorter, strict=True)
            ]
            group.steps = [[i if i < n else UNREAD for i in row] for row, n in zip(ends, read, strict=True)]
        groups.append(group)
    return groups


def _cut_end(tokens: list[int], room: int, closing: list[int]) -> list[int]:
    end = closing if closing and tokens[-len(closing) :] == closing else tokens[-1:]
    return tokens[: max(0, room - len(end))] + end[-room:]


def _cut_start(tokens: list[int], room: int, bos: int | None) -> list[int]:
    if len(tokens) <= room:
        return tokens
    begin = tokens[:1] if room > 1 and tokens[0] == bos else []
    return begin + tokens[len(tokens) - (room - len(begin)) :]


@dataclass
class Batch:
    """R rows of L tokens that hold G groups of up to K responses.

    groups and segments say who sees whom (see `visible`): groups is the number of a token's group, or of its
    part where a wide group is cut (-1 = padding); segments is 0 for a prompt and 1..K for its responses. In
    the padded layout segments are token types: 1 for the response of an encoder's pair, else 0. Rows are
    right-padded.
    """

    input_ids: Tensor  # (R, L) int64
    position_ids: Tensor  # (R, L) int64
    groups: Tensor  # (R, L) int64
    segments: Tensor  # (R, L) int64
    last: Tensor  # (G, K, 2) int64: row and column of each response's last token; (0, 0) where mask is False
    mask: Tensor  # (G, K) bool: a real response
    ends: Tensor  # (N,) int64: row * L + column of each token at which a reward is read, each once
    packed: bool
    steps: Tensor | None = None  # (G, K, S, 2) int64: row and column of each step's last token, where known
    step_mask: Tensor | None = None  # (G, K, S) bool: a step that was read

    def to(self, device: torch.device | str) -> "Batch":
        """The same batch on another device."""
        tensors = {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}
        return replace(self, **{name: value.to(device) for name, value in tensors.items()})

    @property
    def read(self) -> Tensor:
        """Where there is a reward: (G, K), or (G, K, S) where the steps are known."""
        return self.mask if self.steps is None else self.step_mask

    def final(self, rewards: Tensor) -> Tensor:
        """(G, K): of rewards (G, K, S) each response's last; rewards (G, K) as they are."""
        if self.steps is None:
            return rewards
        last = (self.step_mask.sum(-1, keepdim=True) - 1).clamp(min=0)
        return rewards.gather(-1, last).squeeze(-1)

    @property
    def tokens(self) -> int:
        """Tokens that are not padding."""
        return int((self.groups != PADDING).sum())

    def visible(self) -> Tensor:
        """(R, 1, L, L) bool: [r, 0, q, k] = token q sees token k.

        Four dimensions, because transformers reads a two-dimensional mask as "padding or not" (it casts it to
        bool) and would let one response see another.
        """
        groups, segments = self.groups, self.segments
        same_group = groups[:, :, None] == groups[:, None, :]
        prompt_or_own = (segments[:, None, :] == 0) | (segments[:, :, None] == segments[:, None, :])
        order = torch.arange(groups.shape[1], device=groups.device)
        return (same_group & prompt_or_own & (order[:, None] >= order))[:, None]


def attention_mask(batch: Batch, implementation: str, dtype: torch.dtype) -> object:
    """The mask of a batch in the form that an attention implementation of transformers takes.

    padded                 (R, L) int64, 1 = a token: the plain mask that every model knows
    packed, sdpa           (R, 1, L, L) bool
    packed, eager          (R, 1, L, L) of dtype, 0 = seen and the lowest finite number = hidden
    packed, flex_attention a BlockMask (CUDA), which skips the blocks that nobody sees
    """
    if not batch.packed:
        return (batch.groups != PADDING).long()
    if implementation == "flex_attention":
        return _block_mask(batch)
    seen = batch.visible()
    if implementation != "eager":
        return seen
    return torch.zeros(seen.shape, dtype=dtype, device=seen.device).masked_fill(~seen, torch.finfo(dtype).min)


def _block_mask(batch: Batch) -> object:
    from torch.nn.attention.flex_attention import create_block_mask

    groups, segments = batch.groups, batch.segments

    def sees(row: Tensor, head: Tensor, q: Tensor, k: Tensor) -> Tensor:
        own = (segments[row, k] == 0) | (segments[row, q] == segments[row, k])
        return (q >= k) & own & (groups[row, q] == groups[row, k])

    rows, length = groups.shape
    return create_block_mask(sees, rows, None, length, length, device=groups.device)


def pack(groups: Sequence[TokenGroup], pad_id: int, width: int = 0, hidden: int = 0) -> Batch:
    """The packed layout: groups placed first-fit, longest first, in rows of up to `width` tokens.

    The default width, the longest group, is right where attention computes all L x L under a mask: a wider
    row has the same tokens, but costs more. Attention that skips what is hidden prefers few wide rows.
    hidden: the model's width; a group of very many responses is then cut (`wide_groups.parts`), and its
    prompt begins each part.
    """
    tokens = [(len(group.prompt), list(map(len, group.responses))) for group in groups]
    parts = [(g, part) for g, own in enumerate(tokens) for part in wide_groups.parts(*own, hidden)]
    sizes = [tokens[g][0] + sum(tokens[g][1][k] for k in part) for g, part in parts]
    width = max(width, max(sizes))
    used: list[int] = []  # tokens in each row
    starts = [(0, 0)] * len(parts)  # row and column at which a part begins
    for n in sorted(range(len(parts)), key=lambda n: -sizes[n]):
        row = next((r for r, taken in enumerate(used) if taken + sizes[n] <= width), len(used))
        used += [0] * (row == len(used))
        starts[n] = (row, used[row])
        used[row] += sizes[n]
    builder = _Rows(len(used), max(used), groups, pad_id)
    for n, ((g, part), (row, column)) in enumerate(zip(parts, starts, strict=True)):
        group = groups[g]
        column = builder.put(row, column, group.prompt, 0, n, 0)
        for k in part:
            column = builder.put(row, column, group.responses[k], len(group.prompt), n, k + 1)
            builder.end(g, k, row, column, group)
    return builder.batch(packed=True)


def pad(groups: Sequence[TokenGroup], pad_id: int) -> Batch:
    """The padded layout: one right-padded row for each response, groups in order."""
    sizes = [len(group.prompt) + len(tail) for group in groups for tail in group.responses]
    builder = _Rows(len(sizes), max(sizes), groups, pad_id)
    row = 0
    for g, group in enumerate(groups):
        for k, response in enumerate(group.responses):
            column = builder.put(row, 0, group.prompt, 0, g, 0)
            column = builder.put(row, column, response, column, g, int(group.pair))
            builder.end(g, k, row, column, group)
            row += 1
    return builder.batch(packed=False)


class _Rows:
    """Rows being filled."""

    def __init__(self, rows: int, length: int, groups: Sequence[TokenGroup], pad_id: int):
        counts = torch.tensor([len(group.responses) for group in groups])
        most = int(counts.max())
        self.input_ids = torch.full((rows, length), pad_id)
        self.position_ids = torch.zeros(rows, length, dtype=torch.long)
        self.groups = torch.full((rows, length), PADDING)
        self.segments = torch.zeros(rows, length, dtype=torch.long)
        self.last = torch.zeros(len(groups), most, 2, dtype=torch.long)
        self.mask = torch.arange(most) < counts[:, None]
        self.steps = self.step_mask = None
        if all(group.steps is not None for group in groups):
            longest = max(len(row) for group in groups for row in group.steps)
            self.steps = torch.zeros(len(groups), most, longest, 2, dtype=torch.long)
            self.step_mask = torch.zeros(len(groups), most, longest, dtype=torch.bool)

    def end(self, g: int, k: int, row: int, column: int, group: TokenGroup) -> None:
        """Note where response k of a group ends, and where its steps do; `column` is the one after it."""
        self.last[g, k] = torch.tensor([row, column - 1])
        if self.steps is not None:
            ends = torch.tensor(group.steps[k], dtype=torch.long)
            begin = column - len(group.responses[k])
            self.steps[g, k, : len(ends)] = torch.stack([torch.full_like(ends, row), begin + ends], 1)
            self.step_mask[g, k, : len(ends)] = ends != UNREAD

    def put(self, row: int, column: int, tokens: list[int], position: int, group: int, segment: int) -> int:
        """Write tokens whose positions begin at `position`; the column after them."""
        end = column + len(tokens)
        self.input_ids[row, column:end] = torch.tensor(tokens, dtype=torch.long)
        self.position_ids[row, column:end] = torch.arange(position, position + len(tokens))
        self.groups[row, column:end] = group
        self.segments[row, column:end] = segment
        return end

    def batch(self, packed: bool) -> Batch:
        read = [self.last[self.mask], *([] if self.steps is None else [self.steps[self.step_mask]])]
        ends = torch.unique(torch.cat(read) @ torch.tensor([self.input_ids.shape[1], 1]))
        return Batch(
            self.input_ids, self.position_ids, self.groups, self.segments, self.last, self.mask, ends, packed,
            self.steps, self.step_mask,
        )  # fmt: skip


def budget(device: torch.device) -> int:
    """Tokens of one forward pass, unless told otherwise: what fits a CPU's caches, and keeps a GPU busy."""
    return 2048 if device.type == "cpu" else 8192


def batches(sizes: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of at most `budget` tokens (one item alone may exceed it), of similar sizes.

    Longest first, so that what does not fit in memory fails at once.
    """
    order = sorted(range(len(sizes)), key=lambda i: (-sizes[i], i))
    found, room = [], 0
    for i in order:
        if sizes[i] > room or not found:
            found.append([])
            room = budget
        found[-1].append(i)
        room -= sizes[i]
    return found
