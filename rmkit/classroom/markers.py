"""nbgrader's marks on a cell (its metadata, schema 3), and what its release step makes of a solution.

`make classroom` releases without nbgrader; a test holds that nbgrader releases the same.
"""

import re
from typing import Any

import nbformat

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB = "# YOUR CODE HERE\nraise NotImplementedError()"  # nbgrader's own words
WRITE_HERE = "YOUR ANSWER HERE"


def mark(cell: Any, *, points: int = 0, solution: bool = False) -> Any:
    """Mark `cell` for nbgrader and return it.

    solution: the learner writes it. points: it is graded, by machine where nothing is written (code that
    asserts), by hand where the learner writes prose.
    """
    cell.metadata["nbgrader"] = {
        "grade": points > 0,
        "grade_id": re.sub(r"[^\w-]", "-", cell.id),
        "locked": not solution,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    } | ({"points": points} if points else {})
    return cell


def marks(cell: Any) -> dict[str, Any]:
    """nbgrader's metadata of a cell; empty where it has none."""
    return cell.metadata.get("nbgrader", {})


def release(key: Any) -> Any:
    """The student form of a key: regions between BEGIN and END become the stub, written answers a line."""
    book = nbformat.from_dict(key)
    for cell in book.cells:
        if marks(cell).get("solution"):
            cell.source = _without_solution(cell.source) if cell.cell_type == "code" else WRITE_HERE
    return book


def _without_solution(source: str) -> str:
    lines, inside = [], False
    for line in source.split("\n"):
        if BEGIN in line:
            inside = True
            indent = line[: len(line) - len(line.lstrip())]
            lines += [indent + stub for stub in STUB.split("\n")]
        elif END in line:
            inside = False
        elif not inside:
            lines.append(line)
    return "\n".join(lines)
