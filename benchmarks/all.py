"""`make bench`: every table with a verdict a row, within half an hour on two cores.

    python benchmarks/all.py [--minutes 30] [NAME ...]

The scripts run one after the other, each in its own process with one thread. What does not fit into the time
that is left is stopped, and the summary says so. Their sizes here are small; each script says how to ask for
more.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
# In the order of what they are worth; the last gets what time is left.
SCRIPTS: dict[str, list[str]] = {
    "heads": [],
    "sampling": ["--repeats", "2"],
    "scoring": [],
    "cost": [],
    "first_figure": [],
    "gpu": ["--tiny"],
    "data": [],
    "ablation": ["--no-browser"],
    "training": ["--ks", "2", "4", "--pairs", "4", "--repeats", "3"],
}


def run(name: str, limit: float) -> tuple[str, list[str]]:
    """(how it ended, the rows that fall short) of one script; its output is shown as it comes."""
    command = [sys.executable, "-u", str(HERE / f"{name}.py"), *SCRIPTS[name]]
    threads = {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    begun = time.monotonic()
    with subprocess.Popen(command, env=threads | os.environ, stdout=subprocess.PIPE, text=True) as process:
        try:
            output, _ = process.communicate(timeout=limit)
            end = "done" if process.returncode == 0 else f"ended with {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            end = "stopped: no time was left"
    print(output, flush=True)
    short = [" ".join(line.split()) for line in output.splitlines() if "short by" in line]
    return f"{end}, {time.monotonic() - begun:.0f} s", short


def main() -> int:
    """1 where a script failed; rows that fall short are printed, and are no failure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("names", nargs="*", default=list(SCRIPTS), help=", ".join(SCRIPTS))
    options = parser.parse_args()
    until = time.monotonic() + 60 * options.minutes
    ends: dict[str, str] = {}
    short: dict[str, list[str]] = {}
    for name in options.names:
        print(f"\n=== {name} {' '.join(SCRIPTS[name])}", flush=True)
        left = until - time.monotonic()
        ends[name], short[name] = run(name, left) if left > 0 else ("not begun: no time was left", [])
    print("\n=== summary\n")
    for name, end in ends.items():
        print(f"{name:14} {end}; {len(short[name])} rows fall short")
        print(*(f"    {line}" for line in short[name]), sep="\n", end="\n" if short[name] else "")
    return int(any("ended with" in end for end in ends.values()))


if __name__ == "__main__":
    sys.exit(main())
