"""`make classroom`: student notebooks, the key, slides, the guide and the grader, into dist/classroom."""

import shutil
import sys
from pathlib import Path

import nbformat

from rmkit.classroom import reading, slides
from rmkit.classroom.guide import guide, prose
from rmkit.classroom.key import key
from rmkit.classroom.markers import release
from rmkit.errors import InputError

ROOT = Path(__file__).resolve().parents[2]
GRADE = '''"""Grade a folder of submissions: python grade.py SUBMISSIONS --out grades.csv (see guide.md)."""

import sys
from pathlib import Path

from rmkit.classroom.grade import main

sys.exit(main(student=Path(__file__).resolve().parent / "student"))
'''


def lessons(root: Path = ROOT) -> list[Path]:
    """The course's notebooks. Raises InputError where rmkit is installed without them."""
    found = sorted((root / "notebooks").glob("[0-9A]*.ipynb"))
    if not found:
        raise InputError(f"{root / 'notebooks'} holds no lessons; run this in a clone of the repository.")
    return found


def write_notebooks(out: Path, paths: list[Path]) -> None:
    """out/key, out/student, out/guide.md and out/grade.py."""
    keys = {path.stem: key(nbformat.read(path, 4)) for path in paths}
    for folder in ("key", "student"):
        (out / folder).mkdir(parents=True)
    for name, book in keys.items():
        nbformat.write(book, out / "key" / f"{name}.ipynb")
        nbformat.write(release(book), out / "student" / f"{name}.ipynb")
    (out / "guide.md").write_text(guide(prose(ROOT / "docs"), keys), encoding="utf-8")
    (out / "grade.py").write_text(GRADE, encoding="utf-8")


def main() -> int:
    """Write everything anew; the folder is replaced when all of its notebooks are written."""
    out, part = ROOT / "dist" / "classroom", ROOT / "dist" / "classroom.part"
    try:
        paths = lessons()
        shutil.rmtree(part, ignore_errors=True)
        write_notebooks(part, paths)
    except InputError as error:
        print(f"rmkit: {error}", file=sys.stderr)
        return 2
    shutil.rmtree(out, ignore_errors=True)
    part.rename(out)
    runs = {}
    for path in paths:
        print(f"{path.name}: running it for its slides, or reading the run that is kept", flush=True)
        runs[path.stem] = reading.executed(path, ROOT / "build" / "read")
    slides.write(runs, out / "slides")
    print(f"written to {out}; begin with guide.md")
    return 0


if __name__ == "__main__":
    sys.exit(main())
