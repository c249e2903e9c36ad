"""What the rows of a set do not say one by one: a few sentences, and only where they inform."""

import re
from collections.abc import Sequence

import numpy as np

from rmkit.data.records import Record, prompt_key, ranks_of
from rmkit.data.votes import pair_key
from rmkit.errors import shown

_TURN = re.compile(r"(?:\A|\n)[ \t]*(?:Human|User|Assistant|System|Bot):", re.IGNORECASE)


def notes(records: Sequence[Record]) -> list[str]:
    """Sentences about a set: its prompts, votes, lengths, unused columns and unsplit transcripts."""
    keys = [prompt_key(record) for record in records]
    found = (_prompts(keys), _votes(records), _length(records, keys), _unused(records), _unsplit(records))
    return [note for note in found if note]


def _prompts(keys: list[str]) -> str:
    prompts = len(set(keys))
    if len(keys) < 2 * prompts or not keys:
        return ""
    return f"Few prompts: {prompts:,} for {len(keys):,} groups; splits and intervals go over prompts."


def _votes(records: Sequence[Record]) -> str:
    ballots: dict[tuple, list[str]] = {}
    for record in records:
        if (key := pair_key(record)) is not None:
            best = {record.responses[i].strip() for i in range(2) if record.ranks[i] == min(record.ranks)}
            ballots.setdefault(key, []).append(" ".join(best) if len(best) == 1 else "")
    several = [ballot for ballot in ballots.values() if len(ballot) > 1]
    if not several:
        return ""
    both = sum(len(set(ballot)) > 1 for ballot in several)
    counts = f"Pairs with several votes: {len(several):,}, with {sum(map(len, several)):,} votes"
    return f'{counts}; judged differently: {both:,} (`load` counts votes by votes="majority" or "share").'


def _length(records: Sequence[Record], keys: list[str]) -> str:
    """Whether length alone tells the better response: by at least 5 points, and beyond chance."""
    credit, prompts = [], []
    for record, key in zip(records, keys, strict=True):
        ranks, lengths = ranks_of(record), [len(text) for text in record.responses]
        for i, a in enumerate(ranks):
            for j, b in enumerate(ranks):
                if 0 < a < b:
                    credit.append((np.sign(lengths[i] - lengths[j]) + 1) / 2)
                    prompts.append(key)
    if len(credit) < 2:
        return ""
    from rmkit.theory import statistics  # SciPy takes half a second: only where a set is looked at

    longest = float(np.mean(credit))
    low, high = statistics.accuracy_interval(credit, clusters=prompts)
    if low <= 0.5 <= high or abs(longest - 0.5) < 0.05:
        return ""
    name, share = ("longer", longest) if longest > 0.5 else ("shorter", 1 - longest)
    return f"Length alone tells: the {name} response is better in {share:.0%} of {len(credit):,} pairs."


def _unused(records: Sequence[Record]) -> str:
    columns = dict.fromkeys(name for record in records for name in getattr(record, "extra", None) or ())
    return f"Columns not used: {', '.join(map(shown, columns))}." if columns else ""


def _unsplit(records: Sequence[Record]) -> str:
    n = sum(isinstance(r.prompt, str) and len(_TURN.findall(r.prompt)) > 1 for r in records)
    return f"Transcripts that stayed one text, not messages: {n:,} prompts." if n else ""
