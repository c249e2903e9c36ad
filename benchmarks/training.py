"""Pairs per second of one training step: rmkit's packed and padded layouts, and TRL's RewardTrainer.

    python benchmarks/training.py                      # SmolLM2-135M, K = 2 and K = 8
    python benchmarks/training.py --ks 2 4 --repeats 5 --pairs 4
    python benchmarks/training.py --ks 2 --prompt 600 --response 100

All train the same network from the same weights on the same tokens: prompts of about --prompt tokens,
responses of about --response (lengths vary by --spread, as in real data; padding pays for that), float32,
no gradient checkpointing, AdamW, equally many pairs in every step. The token ratio counts what each reads:
for TRL a prompt and a response twice a pair, for the packed layout a prompt once and each response once.
TRL reads pairs, so a ranking of K = 8 is 28 of its rows; it gets the tokens ready-made, and its steps of
many pairs as accumulated batches of --trl-batch pairs (the whole step at once would not fit into the memory
of most machines). Every repeat has rankings of its own, the same in each of its steps, and the methods take
turns on them: so a machine that is busy for a while is busy for all, and each repeat gives a ratio. The
padded loop is in the first alone. On a CPU with one thread the seconds are processor seconds, which other
programs disturb less than the clock on the wall; otherwise they are that clock's. Text is generated;
nothing is read or downloaded but the model.
"""

import argparse
import copy
import itertools
import os
import random
import tempfile
import warnings
from importlib.util import find_spec

import pandas as pd
import torch
from rmkit.preferences import Preferences, Record
from tables import clock, machine, row, show, unmeasured

from rmkit import RewardModel, fit

PACKED, PADDED, TRL = "rmkit, packed", "rmkit, padded", "TRL RewardTrainer"
WORDS = ["otter", "river", "fish", "stone", "winter", "small", "quick", "under", "light", "carry", "deep"]


def rankings(
    model: RewardModel, groups: int, k: int, seed: int, spread: float, prompt: int = 150, response: int = 60
) -> Preferences:
    """Groups of K ranked responses of random words: lengths are uniform within +- spread of their means."""
    rng = random.Random(seed)

    def text(mean: int) -> str:
        tokens = mean * rng.uniform(1 - spread, 1 + spread)
        words: list[str] = []
        while len(model.tokenizer(" ".join(words)).input_ids) < tokens:
            words += rng.choices(WORDS, k=2)
        return " ".join(words)

    records = [
        Record(
            text(max(1, prompt - 20)),  # and about 20 of the chat template
            [text(max(1, response - 2)) for _ in range(k)],
            ranks=rng.sample(range(1, k + 1), k),
        )
        for _ in range(groups)
    ]
    return Preferences(records, name=f"K={k}")


def ours(
    model: RewardModel, data: Preferences, layout: str, groups: int, batch: int, precision: str = "no"
) -> list[float]:
    """Seconds of each step of `fit`, from its first batch on: tokens are ready-made, as they are for TRL."""
    model.layout = layout
    make, times = model.batch, []

    def timed(some: list) -> object:
        if not times:
            times.append(clock(model.device))
        return make(some)

    model.batch = timed
    settings = {
        "groups_per_step": groups,
        "tokens_per_batch": batch,
        "lr": 1e-5,
        "progress": False,
        "precision": precision,
    }
    fit(model, data, callback=lambda _: times.append(clock(model.device)), **settings)
    return [end - begin for begin, end in itertools.pairwise(times)]


def trl(
    model: RewardModel, data: Preferences, pairs: int, batch: int, folder: str, bf16: bool = False
) -> list[float]:
    """Seconds of each step of TRL's RewardTrainer."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import RewardConfig, RewardTrainer

    class Clock(TrainerCallback):
        def __init__(self):
            self.seconds: list[float] = []

        def on_step_begin(self, *_, **__):
            self.begun = clock(model.device)

        def on_step_end(self, *_, **__):
            self.seconds.append(clock(model.device) - self.begun)

    groups, _ = model.encode(data)
    rows = []
    for group in groups:
        texts = [group.prompt + response for response in group.responses]
        pairs_of_group = data[group.index].pairs()
        rows += [{"chosen_ids": texts[i], "rejected_ids": texts[j]} for i, j in pairs_of_group]
    timer = Clock()
    model.network.set_attn_implementation("sdpa")  # as transformers loads it
    config = RewardConfig(
        output_dir=folder, report_to="none", save_strategy="no", disable_tqdm=True,
        per_device_train_batch_size=batch, gradient_accumulation_steps=pairs // batch,
        num_train_epochs=1, learning_rate=1e-5, logging_steps=1000, seed=0,
        bf16=bf16, gradient_checkpointing=False, use_cpu=model.device.type == "cpu",
    )  # fmt: skip
    RewardTrainer(
        model=model.network,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=model.tokenizer,
        callbacks=[timer],
    ).train()
    return timer.seconds


def token_ratio(model: RewardModel, data: Preferences) -> float:
    """Tokens that pairs of prompt and response hold, over those of the packed layout; no padding."""
    groups, _ = model.encode(data)
    apart = 0
    for group in groups:
        sides = [len(group.prompt) + len(tail) for tail in group.responses]
        apart += sum(sides[i] + sides[j] for i, j in data[group.index].pairs())
    return apart / sum(map(len, groups))


def measure(model: RewardModel, k: int, arguments: argparse.Namespace) -> tuple[pd.DataFrame, list[dict]]:
    """(a line a method: seconds a step, median, fastest, slowest, and pairs a second; verdicts)."""
    groups = max(1, arguments.pairs // (k * (k - 1) // 2))
    pairs = groups * k * (k - 1) // 2
    batch = max(n for n in range(1, arguments.trl_batch + 1) if pairs % n == 0)
    lengths = (arguments.spread, arguments.prompt, arguments.response)
    tokens = arguments.tokens_per_batch
    methods = {
        PACKED: lambda m, data, _: ours(m, data, "packed", groups, tokens),
        TRL: lambda m, data, folder: trl(m, data, pairs, batch, folder),
        PADDED: lambda m, data, _: ours(m, data, "padded", groups, tokens),
    }
    if find_spec("trl") is None:
        del methods[TRL]
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    runs = []  # of each repeat: its token ratio, and the seconds of each method
    for repeat in range(arguments.repeats + 1):
        # The first is short, and warms up.
        data = rankings(model, groups, k, repeat, *(lengths if repeat else (0, 30, 20)))
        data = Preferences(data.records * arguments.steps, name=data.name)
        run = {"token ratio": token_ratio(model, data)}
        for name, method in methods.items():
            if repeat > 1 and name == PADDED:
                continue
            with tempfile.TemporaryDirectory() as folder:
                taken = method(copy.deepcopy(model), data, folder)
            taken = taken[1:] or taken  # in the first the optimizer makes its state
            run[name] = sum(taken) / len(taken)
            seconds[name] += taken if repeat else []
            if repeat:
                each = ", ".join(f"{s:.1f}" for s in taken)
                print(f"K={k} repeat {repeat}: {name}: {each} s a step", flush=True)
        runs += [run] if repeat else []
    rows = {}
    for name, values in seconds.items():
        middle = pd.Series(values).median()
        rows[name] = [k, pairs, middle, min(values), max(values), pairs / middle]
    columns = ["K", "pairs a step", "seconds a step", "fastest", "slowest", "pairs/s"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return table, verdicts(pd.DataFrame(runs), k, arguments)


def verdicts(runs: pd.DataFrame, k: int, arguments: argparse.Namespace) -> list[dict]:
    """Against TRL, over the token ratio of the same run: for pairs the median, for rankings the least.

    runs: a line a repeat, with its token ratio and the seconds of each method. And against padded rows.
    """
    what = f"K = {k}, prompt {arguments.prompt}, response {arguments.response}"
    lines = [unmeasured(f"{what}: packed against TRL", "trl is not installed")]
    if TRL in runs:
        ratio = runs[TRL] / runs[PACKED]
        share = ratio / runs["token ratio"]
        said = f"{what}: packed against TRL, {ratio.min():.2f} to {ratio.max():.2f} in {len(runs)} runs, over"
        said += f" the token ratio, {runs['token ratio'].mean():.2f}; {'median' if k == 2 else 'least'}"
        why = "norms, rotations and the optimizer do not shrink with the tokens"
        value, limit = (share.median(), 1.1) if k == 2 else (share.min(), 0.95)
        lines = [row(said, value, "at least", limit, why=why)]
    padded = (runs[PADDED] / runs[PACKED]).iloc[0]
    return [*lines, row(f"{what}: packed against padded", padded, "at least", 1.0)]


def main() -> None:
    style = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=style)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--ks", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--prompt", type=int, default=150, help="tokens")
    parser.add_argument("--response", type=int, default=60, help="tokens")
    parser.add_argument("--pairs", type=int, default=8, help="in a step, at least one group")
    parser.add_argument("--spread", type=float, default=0.4, help="of lengths, as a share of their means")
    parser.add_argument("--steps", type=int, default=2, help="in a repeat; the first warms up")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trl-batch", type=int, default=8, help="pairs in one forward pass; 8 is TRL's own")
    parser.add_argument("--tokens-per-batch", type=int, default=2048, help="in one forward pass of rmkit")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")
    model = RewardModel.load(arguments.model)
    print(f"{model}, float32, {model.device}; load {os.getloadavg()[0]:.1f}")
    print(machine())
    measured = [measure(model, k, arguments) for k in arguments.ks]
    table = pd.concat([table for table, _ in measured])
    print(table.to_string(float_format=lambda number: f"{number:.2f}"))
    show("Training", [line for _, lines in measured for line in lines])


if __name__ == "__main__":
    main()
