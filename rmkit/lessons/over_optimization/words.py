"""Lesson 11: another pretraining, namely none. An answer as counts of its words, hashed into a few places.

A head on these counts knows nothing of order or meaning, and so it errs elsewhere than a head on a language
model. Half of the places count all words of the answer, the other half those that stand in its prompt too.
"""

import re
import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

WIDTH = 128


def counts(prompt: str, responses: Sequence[str]) -> Tensor:
    """(K, WIDTH) float32 counts of the words of K responses to one prompt."""
    known, half = set(_words(prompt)), WIDTH // 2
    found = torch.zeros(len(responses), WIDTH)
    for row, response in zip(found, responses, strict=True):
        for word in _words(response):
            place = zlib.crc32(word.encode()) % half
            row[place] += 1
            row[half + place] += word in known
    return found


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())
