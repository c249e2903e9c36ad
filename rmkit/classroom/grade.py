"""Grade a folder of submissions into one CSV: `python -m rmkit.classroom.grade FOLDER --out grades.csv`."""

import argparse
import csv
import os
import re
import secrets
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import nbformat

from rmkit.classroom import fence
from rmkit.classroom.desk import FORGED, Far, Limits, Lost, Mother, Worker, library
from rmkit.classroom.key import Exercise, exercises
from rmkit.errors import InputError, shown
from rmkit.lessons.checks import every_check

MOST_BYTES = 50_000_000
# Words that an answer seldom needs: the row asks a person to look, the grade stays.
LOOK = re.compile(
    r"\b(?:rmkit\.(?!checks\b)\w+|ctypes|gc|importlib|inspect|os|signal|socket|subprocess|sys)\b(?=[.,\n]|$)"
    r"|\b(?:eval|exec|open|every_check)(?=\()|\.reference\b|__(?:builtins|code|globals|import|subclasses)__"
)


@dataclass(frozen=True)
class Row:
    """One exercise of one submission.

    outcome: right, wrong, not solved, no answer, time, ended, unreadable. look: words in it that an answer
    seldom needs, for a person to look at.
    """

    submission: str
    lesson: str
    exercise: str
    check: str
    points: int
    of: int
    outcome: str
    says: str
    look: str = ""
    seed: int = 0


@dataclass(frozen=True)
class Lesson:
    """A released lesson: its exercises, and the sources of the cells that the course wrote."""

    name: str
    exercises: tuple[Exercise, ...]
    given: frozenset[str]

    @classmethod
    def read(cls, path: Path) -> "Lesson":
        """From the student form at `path`."""
        book = nbformat.read(path, 4)
        cells = [cell.source for cell in book.cells if cell.cell_type == "code"]
        return cls(path.stem, tuple(exercises(book)), frozenset(cells))


def grade(folder: Path, student: Path, *, limits: Limits, seed: int, jobs: int = 1) -> Iterator[Row]:
    """A row for every exercise of every notebook below `folder`, in order of their names.

    student: the folder of released notebooks, from which lessons and exercises are known. Everything is read
    before anything is run. Raises InputError where there is nothing to grade.
    """
    lessons = [Lesson.read(path) for path in sorted(student.glob("*.ipynb"))]
    if not lessons:
        raise InputError(f"{student} holds no released notebooks; `make classroom` writes them.")
    paths = [path for path in sorted(folder.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts]
    if not paths:
        raise InputError(f"{folder} holds no notebook (.ipynb).")
    for exercise in (e for lesson in lessons for e in lesson.exercises):
        Far.of(every_check()[exercise.check], seed).require_sound()
    read = [(str(path.relative_to(folder)), *_read(path, lessons)) for path in paths]
    with (
        tempfile.TemporaryDirectory(prefix="rmkit-grade-") as scratch,
        Mother(library(Path(scratch)), limits) as mother,
        ThreadPoolExecutor(jobs) as pool,
    ):
        for rows in pool.map(lambda one: _submission(*one, mother, seed), read):
            yield from rows


def _read(path: Path, lessons: Sequence[Lesson]) -> tuple[Lesson | None, list[str] | str]:
    """(its lesson, the sources of its code cells or why it cannot be read)."""
    cells, text = [], ""
    try:
        if path.is_symlink():
            raise ValueError("it is a link, not a file")
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"it is larger than {MOST_BYTES // 10**6} MB; clear its outputs")
        text = path.read_text(encoding="utf-8")
        cells = [str(c.source) for c in nbformat.reads(text, 4).cells if c.cell_type == "code"]
        trouble = "" if any(cell.strip() for cell in cells) else "it has no code"
    except Exception as error:  # a submission may hold anything; the row says what
        trouble = f"not a notebook: {type(error).__name__}" if text else str(error) or "not a notebook"
        trouble = trouble if text or path.is_symlink() else "the file is empty"
    names = Counter(re.findall(r"rmkit\.checks\.(\w+)", "\n".join(cells)))
    fit = {lesson: sum(names[e.check] > 0 for e in lesson.exercises) for lesson in lessons}
    best = max(lessons, key=lambda lesson: (fit[lesson], lesson.name in str(path)))
    known = fit[best] or best.name in str(path)
    return best if known else None, trouble or cells


def _submission(
    name: str, lesson: Lesson | None, cells: list[str] | str, mother: Mother, seed: int
) -> list[Row]:
    if lesson is None:
        says = cells if isinstance(cells, str) else "no exercise of a released lesson is in it"
        return [Row(name, "", "", "", 0, 0, "unreadable", f"{says}.", seed=seed)]
    if isinstance(cells, str):
        verdicts = {e.check: ("unreadable", f"{cells}.") for e in lesson.exercises}
    else:
        verdicts = _Judge(lesson, cells, mother, seed).verdicts()
    look = _look(cells, lesson)
    rows = []
    for exercise in lesson.exercises:
        outcome, says = verdicts[exercise.check]
        points = exercise.difficulty if outcome == "right" else 0
        told = (exercise.number, exercise.check, points, exercise.difficulty, outcome, shown(says[:600]))
        rows.append(Row(name, lesson.name, *told, look, seed))
    return rows


def _look(cells: list[str] | str, lesson: Lesson) -> str:
    own = [cell for cell in cells if cell not in lesson.given] if isinstance(cells, list) else []
    return " ".join(sorted({word for cell in own for word in LOOK.findall(cell)}))


class _Judge:
    """Runs the cells of one submission in order and judges each answer when it is handed in."""

    def __init__(self, lesson: Lesson, cells: list[str], mother: Mother, seed: int):
        self.lesson, self.cells, self.mother = lesson, cells, mother
        checks = every_check()
        self.checks = {e.check: Far.of(checks[e.check], seed) for e in lesson.exercises}
        self.found: dict[str, tuple[str, str]] = {}
        self.bad: set[int] = set()  # cells that ended their process
        self.dead: set[str] = set()  # checks whose answer did
        self.trouble = ""  # the first error since the last exercise

    def verdicts(self) -> dict[str, tuple[str, str]]:
        """{check: (outcome, what it says)} for every exercise of the lesson."""
        place = 0
        while place < len(self.cells):  # a process that is lost is replaced, and goes on behind the loss
            try:
                with self.mother.child() as worker:
                    for number in range(place):
                        self._cell(worker, number, replay=True)
                    while place < len(self.cells):
                        self._cell(worker, place)
                        place += 1
            except _Replace as lost:
                place = max(place, lost.go_on)
        return {name: self.found.get(name, ("no answer", "no cell hands it in.")) for name in self.checks}

    def _cell(self, worker: Worker, number: int, replay: bool = False) -> None:
        source = self.cells[number]
        if number in self.bad:
            return
        named = self._named(number)
        try:
            given = source in self.lesson.given
            ran = worker.ask("cell", source, given, course=given)
            new, error = [str(x) for x in ran["new"]], str(ran["error"] or "")
        except (Lost, KeyError, TypeError) as gone:
            lost = gone if isinstance(gone, Lost) else Lost("ended", FORGED)
            self.bad.add(number)
            after = [e for n in range(number + 1, len(self.cells)) for e in self._named(n)]
            for name in [*named, *([] if named else after[:1])]:
                self.found.setdefault(name, (lost.outcome, lost.says))
            raise _Replace(number + 1) from None
        if replay:
            return
        for name in new:
            if name in self.checks and name not in self.dead:
                self._judge(worker, name, number)
        if source not in self.lesson.given or named:
            self.trouble = self.trouble or error
        for name in named if self.trouble else ():
            self.found.setdefault(name, ("no answer", f"its cell fails: {self.trouble}"[:500]))
        self.trouble = "" if named else self.trouble

    def _named(self, number: int) -> list[str]:
        return [name for name in self.checks if re.search(rf"checks\.{name}\b", self.cells[number])]

    def _judge(self, worker: Worker, name: str, number: int) -> None:
        try:
            verdict = self.checks[name].judge(worker)
        except Lost as lost:
            self.found[name] = lost.outcome, lost.says
            self.dead.add(name)
            raise _Replace(number) from None
        except Exception as error:  # a value on which the check itself stumbles: no point, and it says so
            self.found[name] = "wrong", f"its result cannot be compared ({type(error).__name__})."
            return
        outcome = "right" if verdict.passed else "wrong" if verdict.solved else "not solved"
        self.found[name] = outcome, verdict.message


class _Replace(Exception):
    """The worker is lost; the next one goes on at cell `go_on`."""

    def __init__(self, go_on: int):
        super().__init__()
        self.go_on = go_on


def write(path: Path, rows: Sequence[Row]) -> None:
    """One CSV, whole or not at all. A text that a spreadsheet would take for a formula gets an apostrophe."""
    part = path.with_name(path.name + ".part")
    with part.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, list(Row.__dataclass_fields__))
        table.writeheader()
        table.writerows({k: _inert(v) for k, v in asdict(row).items()} for row in rows)
    os.replace(part, path)


def _inert(value: Any) -> Any:
    text = shown(value) if isinstance(value, str) else value
    return f"'{text}" if isinstance(text, str) and text[:1] in set("=+-@\t\r") and text else text


def main(arguments: Sequence[str] | None = None, student: Path | None = None) -> int:
    """Grade, write the CSV, and print a line for each submission. Returns 0, or 2 for bad input."""
    parser = argparse.ArgumentParser(description="Grade a folder of notebooks into one CSV.")
    parser.add_argument("folder", type=Path, help="submissions: notebooks, in folders or not, of any name")
    parser.add_argument("--out", type=Path, default=Path("grades.csv"), help="the CSV (default: %(default)s)")
    parser.add_argument(
        "--student",
        type=Path,
        default=student or Path("dist/classroom/student"),
        help="the released notebooks",
    )
    parser.add_argument(
        "--seconds", type=float, default=Limits.seconds, help="of computing for a cell or an exercise"
    )
    parser.add_argument(
        "--megabytes", type=int, default=Limits.megabytes, help="of memory beyond the libraries"
    )
    parser.add_argument(
        "--seed", type=int, help="of the inputs (default: drawn anew, and written into the CSV)"
    )
    parser.add_argument("--jobs", type=int, default=1, help="submissions at a time")
    parser.add_argument("--no-fence", action="store_true", help="run them with your rights; see the guide")
    asked = parser.parse_args(arguments)
    rows: list[Row] = []
    try:
        fence.require(asked.no_fence)
        seed = secrets.randbelow(2**31) if asked.seed is None else asked.seed
        limits = Limits(asked.seconds, asked.megabytes, not asked.no_fence)
        for row in grade(asked.folder, asked.student, limits=limits, seed=seed, jobs=asked.jobs):
            rows.append(row)
    except InputError as error:
        print(f"rmkit: {error}", file=sys.stderr)
        return 2
    finally:
        if rows:  # after Ctrl-C too: what was graded is kept
            write(asked.out, rows)
    for name in dict.fromkeys(row.submission for row in rows):
        own = [row for row in rows if row.submission == name]
        print(f"{sum(row.points for row in own):3} of {sum(row.of for row in own):3}  {shown(name)}")
    print(f"{asked.out}: {len(rows)} rows, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
