"""Do the tests notice? Plants each fault of faults.py in a copy of the project, and runs its tests.

python tests/mutations/run.py [WORD ...]     all faults, or those whose name holds one of the words

The project itself is never touched. Exit code 1 where a fault survives. `make mutations` runs it; CI does
not, but tests/test_mutations.py holds every fault against the code, so that the list cannot go stale.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from faults import FAULTS, Fault

ROOT = Path(__file__).resolve().parents[2]


def copy_of_the_project(folder: Path) -> None:
    """All files that git tracks."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in listed.splitlines():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)


def run(tests: str, folder: Path) -> tuple[int, str]:
    """(pytest's exit status, the last line that it printed)."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(folder)}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # a file may change twice within a second
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests.split()]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    last = (done.stdout.strip() or done.stderr.strip() or "nothing printed").splitlines()[-1]
    return done.returncode, last


def caught(fault: Fault, folder: Path) -> tuple[bool, str]:
    """(whether a test fails with the fault planted, the last line that pytest printed)."""
    path = folder / fault.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(fault.old, fault.new), encoding="utf-8")
    status, last = run(fault.tests, folder)
    path.write_text(whole, encoding="utf-8")
    if status not in (0, 1):  # 1: a test failed; anything else says nothing about the fault
        raise SystemExit(f"{fault.name}: pytest ended with {status}: {last}")
    return status == 1, last


def main(words: list[str]) -> int:
    """Print a line a fault; 1 where one survives."""
    chosen = [fault for fault in FAULTS if not words or any(word in fault.name for word in words)]
    survived = 0
    with tempfile.TemporaryDirectory(prefix="rmkit-mutations-") as name:
        folder = Path(name)
        copy_of_the_project(folder)
        status, last = run(
            " ".join(dict.fromkeys(f for fault in chosen for f in fault.tests.split())), folder
        )
        if status:  # a test that fails anyway would seem to catch everything
            raise SystemExit(f"Without any fault pytest ends with {status}: {last}")
        for fault in chosen:
            began = time.perf_counter()
            found, last = caught(fault, folder)
            survived += not found
            word, seconds = "caught" if found else "SURVIVED", time.perf_counter() - began
            print(f"{word:9} {fault.name:60} {seconds:5.0f} s  {last[:60]}", flush=True)
    print(f"\n{len(chosen) - survived} of {len(chosen)} caught")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
