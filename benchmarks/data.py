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


STEP = """
import sys, time
begun = time.perf_counter()
import rmkit

def held():
    words = dict(line.split(":", 1) for line in open("/proc/self/status"))
    return [1024 * int(words[name].split()[0]) for name in ("VmRSS", "VmHWM")]

rmkit.load([{"prompt": "p", "chosen": "a", "rejected": "b"}])  # imports are not what is measured
work = time.process_time()
data = rmkit.load(sys.argv[1])
load, most_of_load = time.process_time() - work, held()[1]
model = rmkit.RewardModel.load("pocket", device="cpu")
with open("/proc/self/clear_refs", "w") as file:
    file.write("5")  # from here on VmHWM is the most that is held after the model is there
encode, told = model.encode, []

def timed(*of, **how):
    before, work, clock = held()[0], time.process_time(), time.perf_counter()
    groups, ledger = encode(*of, **how)
    more = held()[1] - before
    told.extend([time.process_time() - work, time.perf_counter() - clock, more])
    told.append(int(groups.column("packed").sum()))
    return groups, ledger

model.encode = timed
rmkit.fit(model, data, groups_per_step=8, progress=False, callback=lambda row: False)
taken, work = time.perf_counter() - begun, time.process_time()
print(taken, load, most_of_load, *told)
print(max(most_of_load, held()[1]), work)
"""


def first_step(path: Path, pairs: int) -> list[dict]:
    """Two new processes: load, tokens and a first step of a run with a new cache; the same again.

    Loading is set against json.loads of the same lines in this process. Pages of mapped files count as held.
    """
    plain, _ = seconds(lambda: [json.loads(line) for line in path.read_bytes().split(b"\n") if line])
    rows, share = [], pairs / MILLION
    for name, limit, why in (
        ("load to first step, new cache", 480, "most of it is the tokenizer's own call"),
        ("the same, second time", 20, "imports, and reading all to know that it is the same"),
    ):
        taken, load, of_load, made, waited, of_tokens, tokens, most, work = map(
            float, new_process(STEP, path)
        )
        print(
            f"{name}: {taken:.0f} s; {work:.0f} s of processor time, of it load {load:.1f}, tokens {made:.1f}"
        )
        print(
            f"  tokens took {waited:.0f} s; held at most {of_load / 1e9:.2f} GB until all was loaded",
            flush=True,
        )
        if not rows:
            rows += [row("load, against json.loads of the lines", load / plain, "at most", 6.0, "x")]
            what = f"memory to make {tokens:,.0f} tokens, {of_tokens / tokens:.2g} bytes each"
            rows += [row(what, of_tokens / 1e9, "at most", max(0.25, share), "GB")]
        else:
            rows += [row("load again, from the cache", load, "at most", max(1.0, 20 * share), "s")]
        limit = max(15.0, limit * share)  # 15 s: imports, the model and one step
        rows += [row(name, taken, "at most", limit, "s", why=why)]
        rows += [row(f"{name}: most memory", most / 1e9, "at most", 3.0, "GB")]
    return rows


def loaded(path: Path):
    """The pairs at `path`; imports are not what is measured."""
    import rmkit

    return rmkit.load(path)


def tokens(preferences) -> list[dict]:
    """Making tokens against one call of the tokenizer for the same bare texts, of at most 20,000 pairs.

    What is too long is cut after it was read, and counts as read.
    """
    import rmkit

    model = rmkit.RewardModel.load("pocket", device="cpu")
    model.max_length -= 1  # tokens that no cache has
    some = preferences[:20_000]
    texts = [text for r in some for text in [r.prompt, *r.responses]]
    own, ids = seconds(lambda: model.tokenizer(texts, add_special_tokens=False, verbose=False).input_ids)
    del ids
    first, _ = seconds(lambda: model.encode(some))
    again, _ = seconds(lambda: model.encode(some))
    return [
        row("tokens a second, against one call of the tokenizer", own / first, "at least", 0.8, ""),
        row("tokens again, from the cache: time against the first", again / first, "at most", 0.1, ""),
    ]


def evaluation(preferences) -> list[dict]:
    """A report from scores."""
    import rmkit

    scores = np.random.default_rng(0).normal(size=(len(preferences), 2))
    rmkit.evaluate(scores[:100], preferences[:100])  # imports are not what is measured
    taken, _ = seconds(lambda: rmkit.evaluate(scores, preferences))
    share = len(preferences) / MILLION
    return [row("evaluate from scores", taken, "at most", max(0.5, 10 * share), "s")]


def new_process(script: str, path: Path) -> list[str]:
    """The words that a script printed about the pairs at `path`, run on its own with the same cache."""
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout.split()


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--parts", nargs="+", default=["step", "tokens", "evaluate"])
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RMKIT_CACHE"] = f"{folder}/cache"
        path = Path(folder) / "pairs.jsonl"
        write_pairs(path, arguments.pairs)
        if "step" in arguments.parts:
            rows += first_step(path, arguments.pairs)
        for name, part in (("tokens", tokens), ("evaluate", evaluation)):
            rows += part(loaded(path)) if name in arguments.parts else []
        size = path.stat().st_size / 1e6
    print(machine())
    show(f"Data: {arguments.pairs:,} pairs, {size:.0f} MB", rows)


if __name__ == "__main__":
    main()
