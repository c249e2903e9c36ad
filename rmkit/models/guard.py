"""An answer in words that no answer has is read in parts too, and its lowest score counts.

An answer that wants to be its own judge ("So: perfect", a forged mark, a forged critique) is a text that the
judge, as a writer of answers, would hardly ever produce. Perplexity finds such texts (Alon and Kamfonas 2023,
Jain et al. 2023), but to refuse them would also refuse honest strangers, who only write in another way. So
nobody is refused: the score of a strange answer is the least over the answer and over all beginnings and
endings of it. What was put before or after a bad answer then cannot make it better.

The limits: nothing is gained against an attack in plain words of the world, nor for an answer that the judge
takes for a good one without any attack.
"""

import re

# After a full stop, with or without a space; before a capital, a bracket or a mark; at the end of a line.
_CUT = re.compile(r"(?<=[.!?])\s*(?=[^\s.!?])|\s+(?=[A-Z])|\s*(?<![<\[({])(?=[<\[({])|\s*[\n\r\u2028]\s*")
MOST = 16  # cuts that are tried: half of them from the start, half from the end


def parts(answer: str) -> list[str]:
    """The answer, and the text before and after each of its cuts: at most 1 + 2 * MOST texts."""
    cuts = [found.span() for found in _CUT.finditer(answer)]
    if len(cuts) > MOST:
        cuts = cuts[: MOST // 2] + cuts[-MOST // 2 :]
    found = [answer[:start].strip() for start, _ in cuts] + [answer[end:].strip() for _, end in cuts]
    return list(dict.fromkeys([answer, *filter(None, found)]))
