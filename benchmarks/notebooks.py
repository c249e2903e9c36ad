"""Is a lesson still a minute at lab size? Seconds of computing of every notebook, beside a calibration loop.

python benchmarks/notebooks.py [NAME ...]       RMKIT_SIZE as for a lesson (default lab)

Machines differ by a factor of three, so a minute means: 60 s where the calibration loop, timed in the same
run, takes REFERENCE seconds. The table gives seconds as measured, seconds at that speed, and the verdict.
Every notebook begins with an empty cache, as a reader does: features kept by an earlier run would not count.
"""

import contextlib
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import nbformat
import torch
from nbclient import NotebookClient

from rmkit.paths import cache_folder

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
REFERENCE = 1.2  # seconds of `calibration` on the machine on which "a minute" was agreed
MINUTE = 60.0


def calibration() -> float:
    """Processor seconds of a fixed mix of what lessons do: small matrix products, and plain Python."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    a = torch.randn(256, 384, generator=generator)
    best = float("inf")
    for _ in range(3):  # the fastest of three: other work can only add
        start = time.process_time()
        x = a
        for _ in range(600):
            x = torch.tanh(x @ a.T @ a / 384)
        counts: dict[int, int] = {}
        for i in range(1_200_000):
            counts[i % 977] = counts.get(i % 977, 0) + i
        best = min(best, time.process_time() - start)
    return best


def kernel_seconds() -> float:
    """Processor seconds of all kernels that have ended."""
    used = os.times()
    return used.children_user + used.children_system


@contextlib.contextmanager
def emptied_cache():
    """$RMKIT_CACHE is an empty folder, but for the models that were converted once (SmolLM2)."""
    models, before = cache_folder() / "models", os.environ.get("RMKIT_CACHE")
    models.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "models").symlink_to(models, target_is_directory=True)
        os.environ["RMKIT_CACHE"] = folder
        try:
            yield
        finally:
            os.environ.pop("RMKIT_CACHE")
            if before is not None:
                os.environ["RMKIT_CACHE"] = before


def main(names: list[str]) -> int:
    """Run the notebooks whose names contain one of `names` (all without any); 1 where one is over."""
    paths = [p for p in sorted(NOTEBOOKS.glob("*.ipynb")) if not names or any(n in p.stem for n in names)]
    speed = calibration() / REFERENCE
    print(f"calibration: {speed:.2f} of the reference's time; {os.environ.get('RMKIT_SIZE', 'lab')} size\n")
    print(f"{'notebook':34} {'seconds':>8} {'by the clock':>13} {'at reference':>13}  verdict")
    over, total = 0, 0.0
    for path in paths:
        book = nbformat.read(path, as_version=4)
        before, began = kernel_seconds(), time.perf_counter()
        with emptied_cache():
            NotebookClient(
                book, timeout=None, kernel_name="python3", resources={"metadata": {"path": NOTEBOOKS}}
            ).execute()
        seconds, clock = kernel_seconds() - before, time.perf_counter() - began
        there = seconds / speed
        over, total = over + (there > MINUTE), total + there
        verdict = "over" if there > MINUTE else "ok"
        print(
            f"{path.stem:34} {seconds:8.1f} {clock:13.1f} {there:13.1f}  {verdict}",
            flush=True,
        )
    print(f"\ntogether at reference {total:.0f} s; {over} of {len(paths)} over {MINUTE:.0f} s")
    return int(over > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
