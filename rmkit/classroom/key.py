"""The instructor's key of a lesson: solutions in the exercise cells, pencil questions with their answers.

A lesson of the course holds its solutions folded in Markdown, for whoever learns alone. The key moves each
into its exercise cell, between nbgrader's marks; `markers.release` of the key is the student form.
"""

import ast
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import nbformat

from rmkit.classroom.markers import BEGIN, END, mark
from rmkit.errors import InputError

HEADING = re.compile(r"^### Exercise (\S+): (.+) \(difficulty ([1-5])/5, (\d+) minutes\)$", re.M)
FOLD = re.compile(r"<details>\s*<summary>([^<]*)</summary>(.*?)</details>\n?", re.S)
PYTHON = re.compile(r"^```python\n(.*?)^```\n?", re.S | re.M)
CHECK = re.compile(r"^(\w+) = rmkit\.checks\.(\w+)\(\1\)", re.M)
KEY, SOLUTION = "Instructor's key", "Solution"
PENCIL_POINTS = 2


@dataclass(frozen=True)
class Exercise:
    """One exercise of a lesson; its points are its difficulty, 1 to 5."""

    number: str
    title: str
    check: str
    function: str
    difficulty: int
    minutes: int


def exercises(book: Any) -> list[Exercise]:
    """The exercises of a lesson, its key or its student form, in order."""
    found, heading = [], None
    for cell in book.cells:
        if cell.cell_type == "markdown":
            heading = (HEADING.findall(cell.source) or [heading])[-1]
            continue
        for function, check in CHECK.findall(cell.source):
            if heading is None:
                raise InputError(f"the exercise {check!r} has no heading '### Exercise ...' above it.")
            number, title, difficulty, minutes = heading
            found.append(Exercise(number, title, check, function, int(difficulty), int(minutes)))
    return found


def key(lesson: Any) -> Any:
    """The key of a lesson, a notebook of its own.

    Raises InputError where a stub has no solution, or one with other parameters than the stub's.
    """
    book = nbformat.from_dict(lesson)
    solved, points = _solutions(book), {e.check: e.difficulty for e in exercises(book)}
    book.cells = [new for cell in book.cells for new in _pieces(cell, solved, points)]
    return book


def _solutions(book: Any) -> dict[str, tuple[str, str]]:
    """{function: (Python of its solution, what is said about it)}."""
    folds = [
        body
        for cell in book.cells
        if cell.cell_type == "markdown"
        for title, body in FOLD.findall(cell.source)
        if title == SOLUTION
    ]
    found = {}
    for body in folds:
        for code in PYTHON.findall(body):
            for name in re.findall(r"^def (\w+)", code, re.M):
                found[name] = code, PYTHON.sub("", body).strip()
    return found


def _pieces(cell: Any, solved: dict, points: dict[str, int]) -> Iterator[Any]:
    if cell.cell_type == "markdown":
        yield from _prose(cell)
        return
    match = CHECK.search(cell.source)
    if not match:
        yield cell
        return
    function, check = match.groups()
    if function not in solved:
        raise InputError(f"the exercise {check!r} has no folded solution that defines {function}().")
    stub, rest = cell.source[: match.start()].rstrip(), cell.source[match.start() :]
    yield mark(_code(_filled(stub, function, *solved[function]), cell.id), solution=True)
    assertion = f"_judged = rmkit.checks.{check}.judge({function})\nassert _judged.passed, _judged.message"
    test = mark(_code(assertion, f"{cell.id}-grade"), points=points[check])
    test.metadata["tags"] = ["raises-exception"]  # an unsolved exercise fails here, and the lesson goes on
    yield test
    after = _code(rest, f"{cell.id}-check")
    after.metadata.update(cell.metadata)
    yield after


def _filled(stub: str, function: str, code: str, says: str) -> str:
    """The stub's signature and docstring around the body of the solution."""
    tree, solution = ast.parse(stub), ast.parse(code)
    typed, written = (next(n for n in t.body if getattr(n, "name", "") == function) for t in (tree, solution))
    others = [n for n in solution.body if n is not written]
    imports = all(isinstance(n, ast.Import | ast.ImportFrom) for n in others)
    if [a.arg for a in typed.args.args] != [a.arg for a in written.args.args] or not imports:
        raise InputError(
            f"the solution of {function}() is not one function with the parameters of its stub, and imports."
        )
    raises = next(n for n in typed.body if isinstance(n, ast.Raise))
    lines = code.splitlines()[written.body[0].lineno - 1 : written.end_lineno]
    body = "\n".join([*map(ast.unparse, others), textwrap.dedent("\n".join(lines))])
    comment = "\n".join(f"# {line}" for p in says.splitlines() for line in textwrap.wrap(p, 96))
    region = "\n".join(part for part in (BEGIN, body, comment, END) if part)
    whole = stub.splitlines()
    whole[raises.lineno - 1 : raises.end_lineno] = textwrap.indent(region, "    ").splitlines()
    return "\n".join(whole)


def _prose(cell: Any) -> Iterator[Any]:
    """A Markdown cell without its solutions, cut where an instructor's key stands."""
    text = FOLD.sub(lambda m: "" if m.group(1) == SOLUTION else m.group(0), cell.source)
    parts, place = [], 0
    for match in FOLD.finditer(text):
        if match.group(1) == KEY:
            parts += [(text[place : match.start()], False), (match.group(2), True)]
            place = match.end()
    for number, (part, answer) in enumerate([*parts, (text[place:], False)]):
        if part.strip():
            new = nbformat.v4.new_markdown_cell(part.strip())
            new.id = f"{cell.id}-{number}" if number else cell.id
            new.metadata = nbformat.from_dict({}) if answer else cell.metadata
            yield mark(new, points=PENCIL_POINTS, solution=True) if answer else new


def _code(source: str, name: str) -> Any:
    cell = nbformat.v4.new_code_cell(source)
    cell.id = name
    return cell
