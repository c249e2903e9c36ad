"""A pool of graded samples: many answers of the policy to each of some prompts, so that no lesson waits for
sampling.

`make pocket-model` draws it from the model that it has trained; it ships as one small file.
"""

import gzip
import json
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from rmkit.errors import InputError
from rmkit.paths import data_folder
from rmkit.pocket import grader, rows
from rmkit.seeding import generator

FILE = "pool.json.gz"
PROMPTS, SAMPLES, TEMPERATURE = 100, 512, 1.0


@dataclass(frozen=True)
class Pool:
    """prompts (P,) texts of the test part; responses [P][n] texts as they were drawn; gold (P, n) float32.

    n is 512: the samples of a prompt are independent draws, so the first m of them, or any m, are a sample of
    size m. The same text may come more than once.
    """

    prompts: list[str]
    responses: list[list[str]]
    gold: np.ndarray
    temperature: float
