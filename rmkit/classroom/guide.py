"""The teacher's guide: prose from docs/classroom.md, and what each lesson takes, read off the lessons."""

import re
from pathlib import Path
from typing import Any

from rmkit.classroom.key import PENCIL_POINTS, exercises
from rmkit.classroom.markers import marks
from rmkit.classroom.opening import CELL
from rmkit.lessons.checks import every_check

WORDS_A_MINUTE, MINUTES_A_CELL = 130, 0.5
PASS = 0.6
MISTAKES = 3


def guide(prose: str, keys: dict[str, Any]) -> str:
    """The whole guide in Markdown. keys: {lesson: its key}."""
    chapters = [chapter(book) for book in keys.values()]
    return "\n\n".join([prose.rstrip(), "## Lesson by lesson", _overview(keys), *chapters]) + "\n"


def title(book: Any) -> str:
    """ "01 · Who is better, and by how much?" """
    return book.cells[0].source.splitlines()[0].removeprefix("# ").strip()


def parts(book: Any) -> dict[str, tuple[float, float]]:
    """{heading of a part: (minutes to read and run it, minutes for its exercises)}.

    Reading is estimated: 130 words a minute, and half a minute for a cell of code. Exercises say theirs.
    """
    found: dict[str, list[float]] = {}
    name = "Opening"
    minutes = {e.number: e.minutes for e in exercises(book)}
    for cell in book.cells:
        if marks(cell).get("solution") or cell.id == CELL:
            continue
        if cell.cell_type == "code":
            found.setdefault(name, [0.0, 0.0])[0] += MINUTES_A_CELL
            continue
        for piece in re.split(r"^(?=## )", cell.source, flags=re.M):
            heading = re.match(r"## (.+)", piece)
            name = heading.group(1) if heading else name
            spent = found.setdefault(name, [0.0, 0.0])
            spent[0] += len(piece.split()) / WORDS_A_MINUTE
            spent[1] += sum(minutes.get(n, 0) for n in re.findall(r"^### Exercise (\S+):", piece, re.M))
    return {heading: (reading, solving) for heading, (reading, solving) in found.items()}


def _overview(keys: dict[str, Any]) -> str:
    rows = ["| lesson | minutes | of these for exercises | points by machine | to pass | by hand |"]
    rows.append("|---|---|---|---|---|---|")
    for book in keys.values():
        spent = parts(book).values()
        points = sum(e.difficulty for e in exercises(book))
        pencil = PENCIL_POINTS * sum(c.cell_type == "markdown" and bool(marks(c)) for c in book.cells)
        reading, solving = (sum(x[i] for x in spent) for i in (0, 1))
        numbers = [_rounded(reading + solving), f"{solving:.0f}", points, round(PASS * points), pencil]
        rows.append(f"| {title(book)} | {' | '.join(map(str, numbers))} |")
    return "\n".join(rows)


def chapter(book: Any) -> str:
    """One lesson: minutes for each part, its exercises, and the commonest mistakes."""
    lines = [f"### {title(book)}", "", "| part | minutes | and for exercises |", "|---|---|---|"]
    for heading, (reading, solving) in parts(book).items():
        lines.append(f"| {heading} | {_rounded(reading)} | {f'{solving:.0f}' if solving else ''} |")
    found, checks = exercises(book), every_check()
    if found:
        lines += ["", "| exercise | minutes | points |", "|---|---|---|"]
        lines += [f"| {e.number} {e.title} | {e.minutes} | {e.difficulty} |" for e in found]
        lines += ["", "What goes wrong, as the checks say it:", ""]
    for exercise in found:
        told = list(dict.fromkeys(mistake.says for mistake in checks[exercise.check].mistakes))[:MISTAKES]
        lines += [f"- **{exercise.number}** {says}" for says in told]
    return "\n".join(lines)


def _rounded(minutes: float) -> str:
    return f"{max(1, round(minutes))}" if minutes < 10 else f"{5 * round(minutes / 5)}"


def prose(docs: Path) -> str:
    """The written part of the guide."""
    return (docs / "classroom.md").read_text(encoding="utf-8")
