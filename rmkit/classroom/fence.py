"""What a submission may not do, by the Linux kernel: no files but its libraries, no process, no network.

Landlock (files), seccomp (system calls) and limits (memory) need no rights and cannot be undone by the
process that entered them. So a submission can neither reach the grades, nor the key, nor the grader.
"""

import ctypes
import functools
import os
import platform
from collections.abc import Sequence

from rmkit.classroom import calls
from rmkit.errors import InputError

_READ = 1 << 2 | 1 << 3  # Landlock: read a file, list a folder
_WRITE_FILE, _TRUNCATE = 1 << 1, 1 << 14
_CREATE, _ADD, _RESTRICT = 444, 445, 446  # Landlock's calls, the same on every machine
_NO_NEW_PRIVILEGES, _SET_SECCOMP, _FILTER = 38, 22, 2
_DENY, _ALLOW, _ABSENT = 0x00050001, 0x7FFF0000, 0x00050026  # EPERM; go on; ENOSYS

_THREAD, _X32 = 0x00010000, 0x40000000


class _Ruleset(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("files", "network", "scoped")]


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


class _Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_uint16),
        ("yes", ctypes.c_uint8),
        ("no", ctypes.c_uint8),
        ("k", ctypes.c_uint32),
    ]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_uint16), ("filter", ctypes.POINTER(_Instruction))]


@functools.cache
def _kernel() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def missing() -> str | None:
    """Why there can be no fence here; None where there can."""
    if platform.system() != "Linux":
        return f"it needs Linux, and this is {platform.system()}"
    if platform.machine() not in calls.MACHINES:
        return f"it knows the processors {', '.join(calls.MACHINES)}, and this is {platform.machine()}"
    if _kernel().syscall(_CREATE, None, 0, 1) < 1:
        return "this kernel has no Landlock"
    return None


def enter(readable: Sequence[str], megabytes: int) -> None:
    """Shut this process in: from now on it reads what lies below `readable`, and writes nothing.

    It may take `megabytes` of memory more than it has. Threads may be made, processes not. Raises OSError.
    """
    _limit_memory(megabytes)
    _checked(_kernel().prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _landlock([path for path in readable if os.path.exists(path)])
    _seccomp()


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the fence cannot be built: {os.strerror(number)}")
    return result


def _limit_memory(megabytes: int) -> None:
    import resource  # Windows has none

    with open("/proc/self/statm", encoding="ascii") as file:
        pages = int(file.read().split()[0])
    limit = pages * resource.getpagesize() + megabytes * 2**20
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _landlock(readable: Sequence[str]) -> None:
    version = _checked(_kernel().syscall(_CREATE, None, 0, 1))
    rights = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)  # each version knows of more
    rules = _Ruleset((1 << rights) - 1, 3 if version >= 4 else 0, 3 if version >= 6 else 0)
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    ruleset = _checked(_kernel().syscall(_CREATE, ctypes.byref(rules), size, 0))
    nowhere = _WRITE_FILE | (_TRUNCATE if rights > 14 else 0)
    for path, extra in [*((path, 0) for path in readable), (os.devnull, nowhere)]:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        allowed = (_READ if os.path.isdir(path) else 1 << 2) | extra
        beneath = _Beneath(allowed, place)
        _checked(_kernel().syscall(_ADD, ruleset, 1, ctypes.byref(beneath), 0))
        os.close(place)
    _checked(_kernel().syscall(_RESTRICT, ruleset, 0))
    os.close(ruleset)


def _seccomp() -> None:
    machine, _, clone, prlimit = calls.MACHINES[platform.machine()]
    load, equal, at_least, bits, give = 0x20, 0x15, 0x35, 0x45, 0x06
    code = [
        (load, 0, 0, 4),  # the machine's number
        (equal, 1, 0, machine),
        (give, 0, 0, _DENY),
        (load, 0, 0, 0),  # the call's number
        (at_least, 0, 1, _X32),
        (give, 0, 0, _DENY),
    ]
    for call in calls.forbidden(platform.machine()):
        code += [(equal, 0, 1, call), (give, 0, 0, _DENY)]
    code += [
        (equal, 0, 1, calls.CLONE3),
        (give, 0, 0, _ABSENT),
    ]  # clone is tried next
    # A thread is made by clone too, with a flag; limits may be read, that is with no new ones (argument 2).
    code += [(equal, 0, 4, clone), (load, 0, 0, 16), (bits, 1, 0, _THREAD), (give, 0, 0, _DENY)]
    code += [(give, 0, 0, _ALLOW), (equal, 0, 5, prlimit), (load, 0, 0, 32), (equal, 0, 2, 0)]
    code += [(load, 0, 0, 36), (equal, 1, 0, 0), (give, 0, 0, _DENY), (give, 0, 0, _ALLOW)]
    filters = (_Instruction * len(code))(*(_Instruction(*line) for line in code))
    program = _Program(len(code), filters)
    _checked(_kernel().prctl(_SET_SECCOMP, _FILTER, ctypes.byref(program), 0, 0))


def require(without: bool = False) -> None:
    """Raises InputError where submissions cannot be run or, unless `without`, there can be no fence."""
    if not hasattr(os, "fork"):
        raise InputError(
            "Submissions need a system that forks; grade in the image of the Dockerfile, or in WSL."
        )
    why = None if without else missing()
    if why:
        raise InputError(
            f"Submissions are run behind a fence, and there is none: {why}; grade in the image of the "
            "Dockerfile, or pass --no-fence if you would run each of these notebooks under your own account."
        )
