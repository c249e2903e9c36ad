"""Formats of preference data: each is one small function, registered under a name; yours too.

registry       how a format registers and is recognized
own            the record as rmkit saves it
pairs          chosen and rejected
side_by_side   two answers, and which one won
summaries      OpenAI's summaries of posts
ranked_objects several answers, each an object with its score
rankings       several answers ranked or rated; one answer a line
outcomes       right and wrong answers; answers without a label
steps          solutions in steps, with a label for each
rewardbench    RewardBench and RM-Bench: right and wrong answers of each item
right_answers  multiple choice, and lists of right and wrong answers
separate       three answers or more, each in a numbered column
trees          conversations as trees of messages
win_rates      two answers, and how likely a judge prefers the second
workbenches    exports of annotation tools

And what they share: verdicts (what one judgment says), tallies (votes of one row), nearest (what to say of
rows that no format reads).
"""

# In this order they register, and of two that fit a file equally the later one reads it.
from rmkit.data.formats import (
    outcomes,
    own,
    pairs,
    ranked_objects,
    rankings,
    rewardbench,
    right_answers,
    separate,
    side_by_side,
    steps,
    summaries,
    trees,
    win_rates,
    workbenches,
)
from rmkit.data.formats.own import RECORD_COLUMNS
from rmkit.data.formats.registry import FORMATS, Format, detect, page, register

__all__ = [
    "FORMATS",
    "RECORD_COLUMNS",
    "Format",
    "detect",
    "outcomes",
    "own",
    "page",
    "pairs",
    "ranked_objects",
    "rankings",
    "register",
    "rewardbench",
    "right_answers",
    "separate",
    "side_by_side",
    "steps",
    "summaries",
    "trees",
    "win_rates",
    "workbenches",
]
