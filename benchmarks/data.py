"""What data cost on their way to a step: loading, tokens, memory, evaluation; on generated pairs.

    python benchmarks/data.py                       # 20,000 pairs (32 MB): a few minutes
    python benchmarks/data.py --pairs 1000000       # the size that the last rows are about

Every row says what was measured, beside what, and whether it is as good as wanted. Ratios are of two things
measured in this run, so the machine's speed falls out. Limits in seconds and GB are for a million pairs, and
go down in proportion for fewer. Nothing is downloaded; the cache is a new folder.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from tables import machine, row, show

MILLION = 1_000_000


def write_pairs(path: Path, pairs: int, seed: int = 0) -> None:
    """Pairs of about 1.6 kB, one object a line: prompt, chosen and rejected, of made-up words."""
    rng = random.Random(seed)
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(rng.choices(letters, k=rng.randint(1, 9))) for _ in range(3000)]
    sentences = [" ".join(rng.choices(words, k=rng.randint(5, 15))).capitalize() + "." for _ in range(5000)]

    def text(mean: int) -> str:
        return " ".join(rng.choices(sentences, k=max(1, round(mean * rng.uniform(0.5, 1.5)))))

    with path.open("w", encoding="utf-8") as file:
        for number in range(pairs):
            row = {"prompt": f"{number}: {text(8)}", "chosen": text(10), "rejected": text(10)}
            file.write(json.dumps(row) + "\n")


def seconds(action) -> tuple[float, object]:
    """How long it took, and what it gave. Processor seconds, which other programs disturb less."""
    begun = time.process_time()
    result = action()
    return time.process_time() - begun, result


def loading(path: Path) -> tuple[list[dict], object]:
    """Loading against json.loads of the same lines; then from the cache."""
    import rmkit

    rmkit.load([{"prompt": "p", "chosen": "a", "rejected": "b"}])  # imports are not what is measured
    plain, _ = seconds(lambda: [json.loads(line) for line in path.read_bytes().split(b"\n") if line])
    first, preferences = seconds(lambda: rmkit.load(path))
    again, preferences = seconds(lambda: rmkit.load(path))
    return [
        row("load, against json.loads of the lines", first / plain, "at most", 6.0, "x"),
        row("load again, from the cache", again, "at most", max(1.0, 20 * len(preferences) / MILLION), "s"),
    ], preferences


def tokens(preferences) -> list[dict]:
    """Making tokens against one call of the tokenizer for the same bare texts.

    Times for the same texts are compared: what is too long is cut after it was read, and counts as read.
    """
    import rmkit

    model = rmkit.RewardModel.load("pocket", device="cpu")
    some = preferences[:20_000]
    texts = [text for r in some for text in [r.prompt, *r.responses]]
    own, ids = seconds(lambda: model.tokenizer(texts, add_special_tokens=False, verbose=False).input_ids)
    own *= len(preferences) / len(some)
    del ids
    first, _ = seconds(lambda: model.encode(preferences))
    again, _ = seconds(lambda: model.encode(preferences))
    return [
        row("tokens a second, against one call of the tokenizer", own / first, "at least", 0.8, ""),
        row("tokens again, from the cache: time against the first", again / first, "at most", 0.1, ""),
    ]


TOKENS = """
import resource, sys
import rmkit
data = rmkit.load(sys.argv[1])
model = rmkit.RewardModel.load("pocket", device="cpu")
model.encode(data[:100])  # what the first call brings is not the tokens'
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
groups, _ = model.encode(data)
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(1024 * (most - before), int(groups.column("packed").sum()))
"""


def tokens_memory(path: Path) -> list[dict]:
    """By how much making tokens raises the most memory held, in a new process with a new cache.

    Pages of mapped files count, as in all numbers here; a peak only rises, whatever was freed before.
    """
    with tempfile.TemporaryDirectory() as cache:
        most, number = map(int, new_process(TOKENS, path, cache))
    return [row(f"most memory while making {number:,} tokens", most / number, "at most", 6.0, "bytes each")]


def evaluation(preferences) -> list[dict]:
    """A report from scores."""
    import rmkit

    scores = np.random.default_rng(0).normal(size=(len(preferences), 2))
    rmkit.evaluate(scores[:100], preferences[:100])  # imports are not what is measured
    taken, _ = seconds(lambda: rmkit.evaluate(scores, preferences))
    share = len(preferences) / MILLION
    return [row("evaluate from scores", taken, "at most", max(0.5, 10 * share), "s")]


STEP = """
import resource, sys, time
begun = time.perf_counter()
import rmkit
data = rmkit.load(sys.argv[1])
loaded = time.perf_counter() - begun
model = rmkit.RewardModel.load("pocket", device="cpu")
rmkit.fit(model, data, groups_per_step=8, progress=False, callback=lambda row: False)
used = resource.getrusage(resource.RUSAGE_SELF)
print(time.perf_counter() - begun, used.ru_maxrss * 1024, loaded, used.ru_utime + used.ru_stime)
"""


def first_step(path: Path, pairs: int) -> list[dict]:
    """From a new process to the first step of a run, with a new cache and again; the most memory held."""
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for name, limit in (("load to first step, new cache", 480), ("the same, second time", 20)):
            taken, most, loaded, processor = map(float, new_process(STEP, path, cache))
            print(f"{name}: {loaded:.0f} s to load, {processor:.0f} s of processor time in all")
            limit = max(15.0, limit * pairs / MILLION)  # 15 s: imports, the model and one step
            rows += [row(name, taken, "at most", limit, "s")]
            rows += [row(f"{name}: most memory", most / 1e9, "at most", 3.0, "GB")]
    return rows


def new_process(script: str, path: Path, cache: str) -> list[str]:
    """The words that a script printed about the pairs at `path`, run on its own with this cache."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)],
        env=os.environ | {"RMKIT_CACHE": cache},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return done.stdout.split()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--parts", nargs="+", default=["load", "tokens", "evaluate", "step"])
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RMKIT_CACHE"] = f"{folder}/cache"
        path = Path(folder) / "pairs.jsonl"
        write_pairs(path, arguments.pairs)
        rows = first_step(path, arguments.pairs) if "step" in arguments.parts else []
        others = set(arguments.parts) - {"step"}
        found, preferences = loading(path) if others else ([], [])
        rows = [*(found if "load" in arguments.parts else []), *rows]
        rows += [*tokens(preferences), *tokens_memory(path)] if "tokens" in arguments.parts else []
        rows += evaluation(preferences) if "evaluate" in arguments.parts else []
        size = path.stat().st_size / 1e6
    print(machine())
    show(f"Data: {arguments.pairs:,} pairs, {size:.0f} MB", rows)


if __name__ == "__main__":
    main()
