"""Votes on disk: one JSON line a vote, written at once; nothing that was written is lost.

A line is a record of rmkit, so `rmkit.load` reads the file. A vote that was taken back stays as a record
without ranks that says what it was. Lines are appended. To change one, the whole file is written under
another name and renamed, so that a kill leaves the old file or the new one.
"""

import json
import os
import tempfile
from pathlib import Path

from rmkit.errors import InputError


class VoteFile:
    """The lines of a file: `.lines`, `.append(line)`, `.replace(number, line)`.

    mended: what was done to a last line that had been cut off, in a sentence; empty where it is whole.
    Raises InputError for a file that holds something else than votes: it is never written to.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path).expanduser()
        if self.path.suffix != ".jsonl":
            raise InputError(f"out={str(path)!r}: votes are written as JSON lines; end the name in .jsonl.")
        self.mended = ""
        content = self._content()
        whole, newline, tail = content.rpartition(b"\n")
        cut_off = _is_cut_off(tail)
        lines = (whole if cut_off else content).split(b"\n")
        self.lines = [self._vote(line, number) for number, line in enumerate(lines, 1) if line.strip()]
        if cut_off:
            content = whole + newline
            self._mend(content, tail)
        self._ended = not content or content.endswith(b"\n")
        self._size = len(content)

    def append(self, line: dict) -> None:
        """Write one more line, down to the disk."""
        self._require_unchanged()
        content = (b"" if self._ended else b"\n") + _encoded(line)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("ab") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            self._forget_half()
            raise InputError(
                f"{self.path} could not be written ({error}): the vote is not counted."
            ) from error
        self._size, self._ended = self._size + len(content), True
        self.lines.append(line)

    def replace(self, number: int, line: dict) -> None:
        """Put another line in the place of `lines[number]`."""
        self._require_unchanged()
        lines = [*self.lines]
        lines[number] = line
        content = b"".join(map(_encoded, lines))
        try:
            self._write(content)
        except OSError as error:
            raise InputError(f"{self.path} could not be written ({error}): nothing was changed.") from error
        self._size, self._ended, self.lines = len(content), True, lines

    def _content(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise InputError(f"{self.path}: cannot be read ({error}).") from error

    def _vote(self, line: bytes, number: int) -> dict:
        where = f"{self.path}, line {number}"
        if not _is_object(line):
            raise InputError(
                f"{where}: is no JSON object; mend or delete this line, or choose another `out`."
            )
        vote = json.loads(line)
        texts, ranks, extra = vote.get("responses"), vote.get("ranks"), vote.get("extra")
        two = isinstance(texts, list) and len(texts) == 2 and all(isinstance(text, str) for text in texts)
        judged = ranks is None or (isinstance(ranks, list) and len(ranks) == 2 and {*ranks} <= {1, 2})
        named = isinstance(vote.get("annotator"), str) and isinstance(extra, dict | None)
        if not (two and judged and named):
            raise InputError(
                f"{where}: is no vote (two `responses`, their `ranks`, an `annotator`); choose another `out`."
            )
        return vote

    def _mend(self, content: bytes, tail: bytes) -> None:
        """Move the beginning of a line whose rest was never written to a file beside this one."""
        aside = self.path.with_name(f"{self.path.name}.cut-off")
        with aside.open("ab") as file:
            file.write(tail + b"\n")
        self._write(content)
        self.mended = f"The last line of {self.path.name} was cut off; it was moved to {aside.name}."

    def _write(self, content: bytes) -> None:
        handle, part = tempfile.mkstemp(dir=self.path.parent, prefix=self.path.name, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if self.path.exists():
                os.chmod(part, self.path.stat().st_mode & 0o777)
            os.replace(part, self.path)
        except BaseException:  # whatever it was, Ctrl-C too: no half of a file stays behind
            Path(part).unlink(missing_ok=True)
            raise

    def _require_unchanged(self) -> None:
        """Two notebooks on one file would not know of each other's votes."""
        size = self.path.stat().st_size if self.path.exists() else 0
        if size != self._size:
            raise InputError(
                f"{self.path} was changed by something else since it was opened: run this cell again."
            )

    def _forget_half(self) -> None:
        """After a write that failed half-way (a full disk) the file ends where it did."""
        if self.path.exists() and self.path.stat().st_size > self._size:
            os.truncate(self.path, self._size)


def _encoded(line: dict) -> bytes:
    return json.dumps(line, ensure_ascii=False).encode("utf-8") + b"\n"


def _is_cut_off(tail: bytes) -> bool:
    """Whether what follows the last line feed is the beginning of a vote (after a power cut, zeros)."""
    return bool(tail) and tail.lstrip(b"\0")[:1] in (b"{", b"") and not _is_object(tail)


def _is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False
