"""Rows of cells on disk, each entry under a digest of all that decides it.

An entry is one cell with a block of seeds: a line with the check sum, then the rows as JSON. It is written
under another name, then renamed, so that it is there whole or not at all; several processes may write the
same entry, and the last one wins, for all are the same. One that is damaged is as good as missing.
"""

import contextlib
import hashlib
import json
import os
import tempfile
import warnings
from functools import cache
from importlib import import_module
from pathlib import Path

from rmkit.paths import cache_folder

# What computes a row: when one of these files changes, so do the keys.
_CODE = (
    "evaluation.best_of", "evaluation.true_gaps", "theory.calibration", "theory.losses", "theory.minimize",
    "theory.pairs", "theory.tied_rankings", "training.ablation.bench", "training.ablation.cells",
    "training.ablation.fit", "training.head_penalty",
)  # fmt: skip


def key(*decides: object) -> str:
    """The name of an entry: a digest of the code, and of `decides` as JSON."""
    words = json.dumps([_code(), *decides], sort_keys=True)
    return hashlib.sha256(words.encode()).hexdigest()[:40]


def read(name: str) -> list[dict] | None:
    """The rows of an entry; None where there is none, or not a whole one."""
    try:
        text = _path(name).read_bytes()
    except OSError:
        return None
    total, _, rows = text.partition(b"\n")
    return json.loads(rows) if hashlib.sha256(rows).hexdigest().encode() == total else None


def write(name: str, rows: list[dict]) -> None:
    """Keep the rows of an entry; where the cache cannot be written, a warning says so."""
    text = json.dumps(rows).encode()
    path, part = _path(name), None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=path.parent, suffix=".part")
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(text).hexdigest().encode() + b"\n" + text)
        os.replace(part, path)
        part = None
    except OSError as error:
        warnings.warn(f"The cache {path.parent} cannot be written ({error}).", stacklevel=2)
    finally:
        if part:  # whatever it was, Ctrl-C too: no half of an entry stays behind
            with contextlib.suppress(OSError):
                os.unlink(part)


def _path(name: str) -> Path:
    return cache_folder() / "ablations" / name[:2] / f"{name}.json"


@cache
def _code() -> str:
    digest = hashlib.sha256()
    for name in _CODE:
        digest.update(Path(import_module(f"rmkit.{name}").__file__).read_bytes())
    return digest.hexdigest()
