"""Tables with a verdict a row: what the scripts here share."""

import os
import platform
import time
from collections.abc import Callable

import pandas as pd
import torch


def row(what: str, value: float, side: str, limit: float, unit: str = "x", why: str = "") -> dict:
    """One line: what was measured, and whether it is as good as wanted.

    side: "at least" or "at most".   why: said where the row falls short.
    """
    good = value >= limit if side == "at least" else value <= limit
    verdict = "as wanted"
    if not good:
        verdict = f"short by {max(value / limit, limit / value):.2f} x" + (f": {why}" if why else "")
    return {
        "what": what,
        "measured": value,
        "wanted": f"{side} {limit:.3g}",
        "unit": unit,
        "verdict": verdict,
    }


def unmeasured(what: str, why: str) -> dict:
    """A line that says why there is no number."""
    return {
        "what": what,
        "measured": float("nan"),
        "wanted": "",
        "unit": "",
        "verdict": f"not measured: {why}",
    }


def show(title: str, rows: list[dict]) -> None:
    """Print a table under its title."""
    print(f"\n{title}\n")
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.3g}".format, na_rep="-"), flush=True)


def fastest(
    ways: dict[str, Callable[[], object]], repeats: int, now: Callable[[], float]
) -> dict[str, tuple[float, object]]:
    """(seconds of the fastest repeat, its result) of each way; they take turns, so that load falls on all.

    now: the clock, such as `time.process_time`.
    """
    found: dict[str, tuple[float, object]] = {}
    for _ in range(repeats):
        for name, run in ways.items():
            begun = now()
            result = run()
            spent = now() - begun
            if name not in found or spent < found[name][0]:
                found[name] = spent, result
    return found


def clock(device: torch.device) -> float:
    """Seconds, when all work that was begun is done: of the processor on a CPU with one thread, which other
    programs disturb less, else of the clock on the wall.
    """
    if device.type == "cuda":
        torch.cuda.synchronize()
    alone = device.type == "cpu" and torch.get_num_threads() == 1
    return time.process_time() if alone else time.perf_counter()


def machine() -> str:
    """One line about where this ran."""
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else "no CUDA"
    threads = f"{torch.get_num_threads()} threads of torch {torch.__version__}"
    return f"{_processor()}, {os.cpu_count()} cores, {card}; {threads}; Python {platform.python_version()}"


def _processor() -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":")[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
