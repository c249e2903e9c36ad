"""A group of very many responses: in how many rows is it cheapest to read?

Dense attention (under a mask) compares all L x L tokens of a row, also those that do not see each other. One
row of 64 answers spends more on that than on everything else; a row each spends most on the prompt, again and
again. Between them lies a width that costs least. Attention that skips what is hidden needs none of this
(`packed_attention.py` on a CPU, FlexAttention on CUDA): there a group stays in one row.
"""

from collections.abc import Sequence
from itertools import accumulate


def best_width(prompt: int, hidden: int) -> float:
    """Tokens of a row, its prompt of P tokens included, at which a response's token costs least.

    A layer of width D takes about 24 D^2 operations a token and 4 D for each token of the row: so a row of w
    costs w (24 D + 4 w) D, and holds w - P tokens of responses. Their ratio is least at
    w = P + sqrt(P (P + 6 D)).
    """
    return prompt + (prompt * (prompt + 6 * hidden)) ** 0.5


def parts(prompt: int, responses: Sequence[int], hidden: int) -> list[range]:
    """The responses of each row of a group: all in one, unless it is more than twice as wide as is best.

    prompt, responses (K,): their tokens.   hidden: D, or 0 where attention skips what is not seen.
    """
    every, width = range(len(responses)), best_width(prompt, hidden)
    if not hidden or prompt + sum(responses) <= 2 * width:
        return [every]
    ends = list(accumulate(responses))
    number = min(len(every), round(ends[-1] / max(1.0, width - prompt)))
    # A response belongs to the row in which its middle falls: rows of about the same length.
    middles = [end - length / 2 for end, length in zip(ends, responses, strict=True)]
    row = [int(middle * number / ends[-1]) for middle in middles]
    return [range(row.index(n), len(row) - row[::-1].index(n)) for n in sorted(set(row))]
