"""A pool of graded samples: many answers of the policy to each of some prompts, so that no lesson waits for
sampling.

`make pocket-model` draws it from the model that it has trained; it ships as one small file.
"""

import gzip
import json
import random
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from rmkit.data.preferences import Preferences, Record
from rmkit.errors import InputError
from rmkit.paths import data_folder
from rmkit.pocket import grader, rows

FILE = "pool.json.gz"
PROMPTS, SAMPLES, TEMPERATURE = 100, 512, 1.0


@dataclass(frozen=True)
class Pool:
    """prompts: P texts of the test part; responses[p]: n texts in the order in which they were drawn; gold
    (P, n): their gold rewards, float64.

    Samples of a prompt are independent draws of the policy at `temperature`: the first m are a sample of size
    m, and so are any other m that are chosen without looking. A text may come more than once.
    """

    prompts: list[str]
    responses: list[list[str]]
    gold: np.ndarray
    temperature: float


def pool() -> Pool:
    """The shipped pool: 512 graded samples for each of 100 prompts. Raises InputError where it is missing."""
    path = data_folder() / "pocket" / FILE
    if not path.is_file():
        raise InputError(f"The pool of samples is missing from {path}: build it with `make pocket-model`.")
    return read(path)


def graded_samples(n: int = 64) -> Preferences:
    """The first n samples for each prompt of the shipped pool as groups without ranks, gold in `ratings`."""
    drawn = pool()
    if not 1 <= n <= drawn.gold.shape[1]:
        raise InputError(f"n={n}: the pool holds 1 to {drawn.gold.shape[1]} samples for each prompt.")
    records = [
        Record(prompt, responses[:n], ratings={"gold": gold[:n].tolist()})
        for prompt, responses, gold in zip(drawn.prompts, drawn.responses, drawn.gold, strict=True)
    ]
    return Preferences(records, name="pocket-pool")


def read(path: Path) -> Pool:
    kept = json.loads(gzip.decompress(path.read_bytes()))
    texts, drawn = kept["texts"], kept["drawn"]
    responses = [[own[i] for i in order] for own, order in zip(texts, drawn, strict=True)]
    gold = [[own[i] for i in order] for own, order in zip(kept["gold"], drawn, strict=True)]
    return Pool(kept["prompts"], responses, np.array(gold), kept["temperature"])


def write(path: Path, prompts: list[str], responses: list[list[str]], temperature: float) -> None:
    """Different texts once, with their gold rewards; the draws as places among them."""
    texts = [list(dict.fromkeys(own)) for own in responses]
    place = [{text: i for i, text in enumerate(own)} for own in texts]
    kept = {
        "temperature": temperature,
        "prompts": prompts,
        "texts": texts,
        "gold": [
            [round(grader.grade(prompt, text).gold, 4) for text in own]
            for prompt, own in zip(prompts, texts, strict=True)
        ],
        "drawn": [[where[text] for text in own] for where, own in zip(place, responses, strict=True)],
    }
    # without a time, so that the same samples give the same bytes
    path.write_bytes(gzip.compress(json.dumps(kept, separators=(",", ":")).encode(), mtime=0))


def draw(
    policy, path: Path, n: int = SAMPLES, prompts: int = PROMPTS, temperature: float = TEMPERATURE
) -> None:
    """Sample n answers of the policy to each prompt and write the pool. policy: see `rmkit.pocket.policy`."""
    stream = rows.ask("test", random.Random("pocket pool"))
    asked = [question.prompt for question in islice(stream, prompts)]
    responses = policy.sample(asked, n, seed=0, temperature=temperature, max_new_tokens=96)
    write(path, asked, responses, temperature)
