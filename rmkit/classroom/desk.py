"""The grader's side of a submission: a process is started, asked, watched, and ended.

Judging happens here, in the grader's own process: a submission returns values, never a verdict.
"""

import contextlib
import json
import os
import pickle
import selectors
import shutil
import signal
import site
import socket
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from rmkit.classroom import stand_in, wire
from rmkit.errors import InputError
from rmkit.notebook.check import Check, Outcome
from rmkit.paths import data_folder

_COURSE = 120.0  # seconds of computing that the imports of a lesson may take, on a slow machine
_TICK = 0.05
ENDED = "it ended the process that ran it."
FORGED = "it wrote into the grader's channel."
_LONGEST = 600  # times the limit, by the clock: for whoever neither computes nor sleeps
PACKAGE = Path(__file__).resolve().parents[1]
_SYSTEM = (
    "/usr",
    "/lib",
    "/lib64",
    "/etc",
    "/dev/urandom",
    "/proc/self",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/sys/devices/system",
)


class Lost(Exception):
    """The submission's process cannot go on: it ran too long, it ended, or it talks nonsense."""

    def __init__(self, outcome: str, says: str):
        super().__init__(says)
        self.outcome, self.says = outcome, says


@dataclass(frozen=True)
class Limits:
    """seconds: of computing, for a cell or an exercise, and the same again asleep. megabytes: beyond the
    libraries. fenced: see `fence`."""

    seconds: float = 20.0
    megabytes: int = 1024
    fenced: bool = True


def library(folder: Path) -> Path:
    """A copy of rmkit for submissions below `folder`: no check, so no reference, is in it."""
    hidden = shutil.ignore_patterns("*checks.py", "*checks.*.pyc", "shipped")
    shutil.copytree(PACKAGE, folder / "rmkit", ignore=hidden)
    shutil.copy(stand_in.__file__, folder / "rmkit" / "lessons" / "checks.py")
    (folder / "rmkit" / "shipped").symlink_to(data_folder().resolve(), target_is_directory=True)
    return folder


def _readable(copy: Path) -> list[str]:
    """Python, its libraries, and the copy; of the place where rmkit itself is installed, the rest."""
    packages = [Path(p) for p in (*site.getsitepackages(), site.getusersitepackages()) if Path(p).is_dir()]
    libraries = [child for folder in packages for child in folder.iterdir() if "rmkit" not in child.name]
    return [*_SYSTEM, *map(str, [sys.base_prefix, *libraries, copy, data_folder().resolve()])]


class Mother:
    """The process from which submissions are forked. Use as a context: at its end, all are ended."""

    def __init__(self, copy: Path, limits: Limits):
        self.limits, self._turn = limits, threading.Lock()
        settings = {"fenced": limits.fenced, "megabytes": limits.megabytes, "readable": _readable(copy)}
        self._control, theirs = socket.socketpair()
        threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-s", "-B", "-m", "rmkit.classroom.worker"],
            cwd=copy,
            env={
                "PYTHONPATH": str(copy),
                "HOME": str(copy),
                "PATH": os.defpath,
                "LANG": "C.UTF-8",
                "HF_HUB_OFFLINE": "1",
                "TOKENIZERS_PARALLELISM": "false",
                "RMKIT_FENCE": json.dumps(settings),
                **dict.fromkeys(threads, "1"),
            },
            stdin=theirs,
            stdout=subprocess.DEVNULL,
        )
        theirs.close()
        if self._control.recv(5) != b"ready":
            raise RuntimeError(
                f"the process for submissions did not start (exit code {self._process.wait()})"
            )

    def __enter__(self) -> "Mother":
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._process.wait()

    def child(self) -> "Worker":
        """A new process for a submission."""
        (theirs_in, ours_out), (ours_in, theirs_out) = os.pipe(), os.pipe()
        with self._turn:
            socket.send_fds(self._control, [b"1"], [theirs_in, theirs_out])
            number = int.from_bytes(self._control.recv(4), "big")
        os.close(theirs_in)
        os.close(theirs_out)
        return Worker(number, ours_out, ours_in, self.limits)


class Worker:
    """One process that runs a submission. Use as a context: whatever happens, it is ended.

    Its mother does not wait for it while she lives, so nobody else gets its number.
    """

    def __init__(self, number: int, sender: int, receiver: int, limits: Limits):
        self.number, self.sender, self.receiver, self.limits = number, sender, receiver, limits
        os.set_blocking(sender, False)
        os.set_blocking(receiver, False)
        self._received = b""

    def __enter__(self) -> "Worker":
        try:
            self._exchange(b"", _COURSE)
        except Lost:  # nothing of a submission has run yet
            self.__exit__()
            raise InputError("A process for submissions could not be fenced in; see --no-fence.") from None
        return self

    def __exit__(self, *_: object) -> None:
        for end in (os.kill, os.killpg):  # without a fence it may have started others
            with contextlib.suppress(ProcessLookupError):
                end(self.number, signal.SIGKILL)
        os.close(self.sender)
        os.close(self.receiver)

    def ask(self, what: str, *arguments: Any, course: bool = False) -> dict[str, Any]:
        """Send a request and return the answer; `course`: it is ours, and may take its time. Raises Lost."""
        seconds = _COURSE if course else self.limits.seconds
        answer = self._exchange(pickle.dumps((what, arguments)), seconds)
        if "exit" in answer:
            raise Lost("ended", "it called exit().")
        if "large" in answer:
            raise Lost("wrong", "what it returned is too large to look at.")
        return answer

    def _exchange(self, request: bytes, seconds: float) -> dict[str, Any]:
        began, clock, asleep = self._computed(), time.monotonic(), 0.0
        with selectors.DefaultSelector() as ready:
            ready.register(self.receiver, selectors.EVENT_READ)
            ready.register(self.sender, selectors.EVENT_WRITE)
            while True:
                tick = time.monotonic()
                for key, _ in ready.select(_TICK):
                    if key.fileobj == self.sender:
                        request = self._send(request)
                        if not request:
                            ready.unregister(self.sender)
                    elif (answer := self._receive()) is not None:
                        return answer
                asleep += (time.monotonic() - tick) * self._sleeps()
                late = time.monotonic() - clock > _LONGEST * seconds
                if self._computed() - began > seconds or asleep > seconds or late:
                    raise Lost("time", f"it was not done after {seconds:g} seconds: does a loop never end?")

    def _send(self, request: bytes) -> bytes:
        try:
            return request[os.write(self.sender, request[:65536]) :]
        except BrokenPipeError:
            raise Lost("ended", ENDED) from None

    def _receive(self) -> dict[str, Any] | None:
        """The next whole message, if it is here."""
        chunk = os.read(self.receiver, 1 << 20)
        if not chunk:
            raise Lost("ended", ENDED)
        self._received += chunk
        length = int.from_bytes(self._received[:4], "big")
        if length > wire.MOST_BYTES or len(self._received) > 2 * wire.MOST_BYTES:
            raise Lost("ended", FORGED)
        if len(self._received) < 4 + length or len(self._received) < 4:
            return None
        body, self._received = self._received[4 : 4 + length], self._received[4 + length :]
        try:
            return wire.loads(body)
        except (ValueError, RecursionError):
            raise Lost("ended", FORGED) from None

    def _stat(self) -> list[str]:
        try:
            return Path(f"/proc/{self.number}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended, or this is no Linux; the pipe tells
            return []

    def _computed(self) -> float:
        stat = self._stat()
        return sum(map(int, stat[11:13])) / os.sysconf("SC_CLK_TCK") if stat else 0.0

    def _sleeps(self) -> bool:
        """Whether it waits for something other than a processor: a loaded machine is nobody's fault."""
        stat = self._stat()
        return not stat or stat[0] not in "RD"


class Far(Check):
    """A check whose answer lives in a worker; reference and catalogue stay here."""

    @classmethod
    def of(cls, check: Check, seed: int) -> "Far":
        """The check with random inputs of another seed, so that no table of its answers helps."""
        return cls(**{f.name: getattr(check, f.name) for f in fields(check)} | {"seed": seed})

    def require_sound(self) -> None:
        """Raises InputError unless the reference passes with this seed and the inputs can be sent."""
        inputs = [*self.cases(np.random.default_rng(self.seed)), *(trap.arguments for trap in self.traps)]
        sent = [pickle.loads(pickle.dumps(case)) for case in inputs]
        if len(sent) != len(inputs) or not self.judge(self.reference).passed:
            raise InputError(
                f"the check {self.name!r} refuses its reference with seed {self.seed}; try another --seed."
            )

    def _run(self, answer: Any, case: tuple, without: tuple[str, ...] = ()) -> Outcome:
        if not isinstance(answer, Worker):
            return super()._run(answer, case, without)
        got = answer.ask("call", self.name, case, self.gradient, without)
        try:
            return wire.unpack(got)
        except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError):
            raise Lost("ended", FORGED) from None
