"""Pairs per second of one training step: rmkit's packed and padded layouts, and TRL's RewardTrainer.

    python benchmarks/training.py                      # SmolLM2-135M, K = 2 and K = 8
    python benchmarks/training.py --ks 2 --repeats 5 --threads 2

All train the same network from the same weights on the same tokens: prompts of about 150 tokens, responses
of about 60 (lengths vary by --spread, as in real data; padding pays for that), float32, no gradient
checkpointing, AdamW, equally many pairs in every step. TRL reads pairs, so a ranking of K = 8 is 28 of its
rows; it gets the tokens ready-made, and its steps of many pairs as accumulated batches of --trl-batch pairs
(the whole step at once would not fit into the memory of most machines). The methods take turns, so that a
machine that is busy for a while is busy for all. On a CPU with one thread the seconds are processor
seconds, which other programs disturb less than the clock on the wall; otherwise they are that clock's. Text
is generated; nothing is read or downloaded but the model.
"""

import argparse
import copy
import itertools
import os
import platform
import random
import tempfile
import time
import warnings

import pandas as pd
import torch
from rmkit.preferences import Preferences, Record

from rmkit import RewardModel, fit

WORDS = ["otter", "river", "fish", "stone", "winter", "small", "quick", "under", "light", "carry", "deep"]


def rankings(model: RewardModel, groups: int, k: int, seed: int, spread: float) -> Preferences:
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
            text(130),  # and about 20 of the chat template
            [text(58) for _ in range(k)],
            ranks=rng.sample(range(1, k + 1), k),
        )
        for _ in range(groups)
    ]
    return Preferences(records, name=f"K={k}")


def ours(model: RewardModel, data: Preferences, layout: str, groups: int, batch: int) -> list[float]:
    """Seconds of each step of `fit`; the first includes tokenizing and all else before it."""
    model.layout = layout
    times = [now(model.device)]
    settings = {"groups_per_step": groups, "tokens_per_batch": batch, "lr": 1e-5, "progress": False}
    fit(model, data, callback=lambda _: times.append(now(model.device)), **settings)
    return [end - begin for begin, end in itertools.pairwise(times)]


def trl(model: RewardModel, data: Preferences, pairs: int, batch: int, folder: str) -> list[float]:
    """Seconds of each step of TRL's RewardTrainer."""
    from datasets import Dataset
    from transformers import TrainerCallback
    from trl import RewardConfig, RewardTrainer

    class Clock(TrainerCallback):
        def __init__(self):
            self.seconds: list[float] = []

        def on_step_begin(self, *_, **__):
            self.begun = now(model.device)

        def on_step_end(self, *_, **__):
            self.seconds.append(now(model.device) - self.begun)

    groups, _ = model.encode(data)
    rows = []
    for group in groups:
        texts = [group.prompt + response for response in group.responses]
        pairs_of_group = data[group.index].pairs()
        rows += [{"chosen_ids": texts[i], "rejected_ids": texts[j]} for i, j in pairs_of_group]
    clock = Clock()
    config = RewardConfig(
        output_dir=folder, report_to="none", save_strategy="no", disable_tqdm=True,
        per_device_train_batch_size=batch, gradient_accumulation_steps=pairs // batch,
        num_train_epochs=1, learning_rate=1e-5, logging_steps=1000, seed=0,
        bf16=False, gradient_checkpointing=False, use_cpu=model.device.type == "cpu",
    )  # fmt: skip
    RewardTrainer(
        model=model.network,
        args=config,
        train_dataset=Dataset.from_list(rows),
        processing_class=model.tokenizer,
        callbacks=[clock],
    ).train()
    return clock.seconds


def now(device: torch.device) -> float:
    """A clock in seconds, when all work that was begun is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def measure(model: RewardModel, k: int, arguments: argparse.Namespace) -> pd.DataFrame:
    """One row a method: seconds a step (median, fastest, slowest) and pairs per second."""
    groups = max(1, arguments.pairs // (k * (k - 1) // 2))
    pairs = groups * k * (k - 1) // 2
    batch = max(n for n in range(1, arguments.trl_batch + 1) if pairs % n == 0)
    data = rankings(model, groups * arguments.steps, k, k, arguments.spread)
    tokens = arguments.tokens_per_batch
    methods = {
        "rmkit, packed": lambda m, _: ours(m, data, "packed", groups, tokens),
        "rmkit, padded": lambda m, _: ours(m, data, "padded", groups, tokens),
        "TRL RewardTrainer": lambda m, folder: trl(m, data, pairs, batch, folder),
    }
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for repeat, (name, method) in itertools.product(range(arguments.repeats), methods.items()):
        with tempfile.TemporaryDirectory() as folder:
            taken = method(copy.deepcopy(model), folder)
        seconds[name] += taken if len(taken) == 1 else taken[1:]  # the first step warms up
        print(
            f"K={k} repeat {repeat + 1}: {name}: {', '.join(f'{s:.1f}' for s in taken)} s a step", flush=True
        )
    rows = {}
    for name, values in seconds.items():
        middle = pd.Series(values).median()
        rows[name] = [k, pairs, middle, min(values), max(values), pairs / middle]
    columns = ["K", "pairs a step", "seconds a step", "fastest", "slowest", "pairs/s"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    table["times TRL"] = table["pairs/s"] / table["pairs/s"]["TRL RewardTrainer"]
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--ks", type=int, nargs="+", default=[2, 8])
    parser.add_argument("--pairs", type=int, default=8, help="in a step, at least one group")
    parser.add_argument("--spread", type=float, default=0.4, help="of lengths, as a share of their means")
    parser.add_argument("--steps", type=int, default=3, help="in a repeat; the first warms up")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--trl-batch", type=int, default=8, help="pairs in one forward pass; 8 is TRL's own")
    parser.add_argument("--tokens-per-batch", type=int, default=2048, help="in one forward pass of rmkit")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    warnings.simplefilter("ignore")
    model = RewardModel.load(arguments.model)
    print(f"{model}, float32, {model.device}, {arguments.threads} threads, torch {torch.__version__}")
    print(f"{platform.machine()}, load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    tables = [measure(model, k, arguments) for k in arguments.ks]
    print(pd.concat(tables).to_string(float_format=lambda number: f"{number:.2f}"))


if __name__ == "__main__":
    main()
