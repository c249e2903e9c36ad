"""The training step on a GPU: pairs a second, the share of the measured matrix rate, memory, against TRL.

    python benchmarks/gpu.py                      # where there is a GPU: SmolLM2-135M, FlexAttention
    python benchmarks/gpu.py --tiny               # on a CPU: the same code at a size that takes seconds

Float32 weights and bf16 products on CUDA, for both. Without a GPU nothing here says anything about one:
every row of that kind reads "not measured". Steps are those of `fit`, all included; the first warms up.
"""

import argparse
import copy
import tempfile
import warnings
from importlib.util import find_spec

import pandas as pd
import torch
from tables import clock, machine, row, show, unmeasured
from training import PACKED, PADDED, TRL, ours, rankings, token_ratio, trl

from rmkit import RewardModel

AIMS = (
    ("packed against TRL", "at least", 2.0),
    ("share of the measured bf16 matrix rate", "at least", 0.4),
    ("peak memory, packed over TRL", "at most", 1.0),
)


def matrix_rate(device: torch.device, dtype: torch.dtype, size: int) -> float:
    """Operations a second of a product of two square matrices: the best of five."""
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    taken = []
    for _ in range(6):
        begun = clock(device)
        a @ b
        taken.append(clock(device) - begun)
    return 2 * size**3 / max(min(taken[1:]), 1e-9)


def peak(device: torch.device) -> float:
    """GB held at most since the last call; NaN on a CPU."""
    if device.type != "cuda":
        return float("nan")
    held = torch.cuda.max_memory_allocated() / 1e9
    torch.cuda.reset_peak_memory_stats()
    return held


def measure(model: RewardModel, k: int, groups: int, steps: int, prompt: int, response: int) -> tuple:
    """(a line a method, verdicts) of one K."""
    data = rankings(model, groups * steps, k, k, 0.4, prompt, response)
    pairs, tokens = groups * k * (k - 1) // 2, 2048 if model.device.type == "cpu" else 16_384
    there = model.device.type == "cuda"
    precision = "bf16" if there else "no"
    methods = {
        PACKED: lambda m, _: ours(m, data, "packed", groups, tokens, precision),
        PADDED: lambda m, _: ours(m, data, "padded", groups, tokens, precision),
    }
    if find_spec("trl"):
        methods[TRL] = lambda m, folder: trl(m, data, pairs, min(8, pairs), folder, there)
    encoded, _ = model.encode(data)
    packed = sum(map(len, encoded)) / steps
    found = {}
    for name, method in methods.items():
        peak(model.device)
        with tempfile.TemporaryDirectory() as folder:
            taken = method(copy.deepcopy(model), folder)
        seconds = float(pd.Series(taken[1:]).median())
        found[name] = {
            "K": k,
            "seconds a step": seconds,
            "pairs/s": pairs / seconds,
            "peak GB": peak(model.device),
        }
    table = pd.DataFrame.from_dict(found, orient="index")
    return table, verdicts(model, table, k, packed, token_ratio(model, data))


def verdicts(model: RewardModel, table: pd.DataFrame, k: int, packed: float, ratio: float) -> list[dict]:
    """The aims on CUDA, each a row; not measured without one."""
    if model.device.type != "cuda":
        return [unmeasured(f"K = {k}: {what}", "no CUDA device here") for what, *_ in AIMS]
    mine = table.loc[PACKED]
    weights = sum(p.numel() for p in model.parameters())
    done = (
        6 * weights * packed / mine["seconds a step"]
    )  # forward 2, backward 4 operations a weight and token
    numbers = [None, done / matrix_rate(model.device, torch.bfloat16, 8192), None]
    if TRL in table.index:
        theirs = table.loc[TRL]
        numbers[0] = theirs["seconds a step"] / mine["seconds a step"]
        numbers[2] = mine["peak GB"] / theirs["peak GB"]
    name = f"K = {k}, token ratio {ratio:.2f}"
    return [
        unmeasured(f"{name}: {what}", "trl is not installed")
        if number is None
        else row(f"{name}: {what}", number, side, limit, "")
        for number, (what, side, limit) in zip(numbers, AIMS, strict=True)
    ]


def main() -> None:
    """Read the command line and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--ks", type=int, nargs="+", default=[2, 4, 8])
    parser.add_argument("--groups", type=int, default=32, help="in a step")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--prompt", type=int, default=600)
    parser.add_argument("--response", type=int, default=200)
    parser.add_argument("--tiny", action="store_true", help="the pocket model and few short groups")
    options = parser.parse_args()
    if options.tiny:
        vars(options).update(model="pocket", groups=2, steps=2, prompt=60, response=20)
    warnings.simplefilter("ignore")
    model = RewardModel.load(options.model, flex=torch.cuda.is_available())
    print(machine(), model, sep="\n")
    sizes = (options.groups, options.steps, options.prompt, options.response)
    measured = [measure(model, k, *sizes) for k in options.ks]
    print(pd.concat([table for table, _ in measured]).to_string(float_format="{:.3f}".format))
    show("GPU", [line for _, lines in measured for line in lines])


if __name__ == "__main__":
    main()
