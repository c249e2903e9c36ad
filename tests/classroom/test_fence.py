"""Behind the fence an attacker finds every way closed; in front of it the same ways are open."""

import json
import os
import subprocess
import sys

import pytest

from rmkit.classroom import calls, fence

pytestmark = pytest.mark.skipif(bool(fence.missing()), reason=f"no fence here: {fence.missing()}")
DEEDS = {
    "read a file": "open(mine).read()",
    "list a folder": "os.listdir(folder)",
    "write a file": "open(mine, 'a').write('x')",
    "make a file": "open(mine + '.new', 'w')",
    "cut a file": "os.truncate(mine, 1)",
    "remove a file": "os.remove(other)",
    "rename a file": "os.rename(third, third + '.moved')",
    "make a folder": "os.mkdir(folder + '/new')",
    "make a link": "os.symlink(mine, folder + '/link')",
    "change rights": "os.chmod(mine, 0o640)",
    "change times": "os.utime(mine)",
    "start a program": "subprocess.run(['true'], check=True)",
    "spawn": "os.waitpid(os.posix_spawn('/bin/true', ['true'], {}), 0)",
    "fork": "os.fork() or os._exit(0)",
    "open a socket": "socket.socket().close()",
    "open a pair of sockets": "socket.socketpair()",
    "signal the parent": "os.kill(os.getppid(), 0)",
    "read the parent's variables": "open(f'/proc/{os.getppid()}/environ').read(1)",
    "slow the parent": "os.setpriority(os.PRIO_PROCESS, os.getppid(), os.getpriority(os.PRIO_PROCESS, 0))",
    "take memory": "bytearray(400 * 2**20)",
}
ALLOWED = {
    "start a thread": "(thread := threading.Thread(target=list)).start() or thread.join()",
    "read a library": "open(os.__file__).read(1)",
    "write nowhere": "open(os.devnull, 'w').write('x')",
    "read a limit": "resource.getrlimit(resource.RLIMIT_AS)",
    "some memory": "bytearray(50 * 2**20)",
}
SCRIPT = """
import json, os, resource, socket, subprocess, sys, threading
from rmkit.classroom import fence
deeds, fenced, folder = json.loads(sys.argv[1])
mine, other, third = (f"{folder}/{name}" for name in ("mine", "other", "third"))
if fenced:
    fence.enter(["/usr", "/lib", "/lib64", "/proc/self", sys.base_prefix, sys.prefix], 200)
told = {}
for name, deed in deeds.items():
    try:
        eval(deed)
        told[name] = "done"
    except BaseException as error:
        told[name] = type(error).__name__
print(json.dumps(told))
"""


def outcomes(folder, fenced):
    for name in ("mine", "other", "third"):
        (folder / name).write_text("content")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps([DEEDS | ALLOWED, fenced, str(folder)])],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_every_way_is_closed_and_nothing_is_changed(tmp_path):
    told = outcomes(tmp_path, fenced=True)
    refused = {"PermissionError", "MemoryError"}
    assert {name: told[name] for name in DEEDS if told[name] not in refused} == {}
    assert {name: told[name] for name in ALLOWED if told[name] != "done"} == {}
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == dict.fromkeys(
        ["mine", "other", "third"], "content"
    )


def test_without_the_fence_the_same_ways_are_open(tmp_path):
    told = outcomes(tmp_path, fenced=False)
    assert {name: word for name, word in told.items() if word != "done"} == {}


def test_no_call_stands_twice_and_threads_are_not_among_them():
    for machine, (_, _, clone, prlimit) in calls.MACHINES.items():
        numbers = calls.forbidden(machine)
        assert len(set(numbers)) == len(numbers)
        assert not {clone, prlimit, calls.CLONE3} & set(numbers)
