"""Twelve submissions, some of them hostile, become one CSV: no hang, no forged grade, no lost file."""

import csv
import pickle

import nbformat
import numpy as np
import pytest
from rmkit.checks import every_check

from rmkit.classroom import desk, fence, grade, wire
from rmkit.classroom.key import exercises, key
from rmkit.classroom.markers import STUB, release
from rmkit.notebook.check import Outcome
from tests.notebook_hygiene import NOTEBOOKS, notebooks

pytestmark = [
    pytest.mark.skipif(bool(fence.missing()), reason=f"no fence here: {fence.missing()}"),
    pytest.mark.xdist_group("grade"),
]
RIGHT = {
    "my_accuracy": "return float(((chosen > rejected).float() + 0.5 * (chosen == rejected).float()).mean())",
    "best_gold": "return float(gold.gather(1, rewards.argmax(dim=1)[:, None]).mean())",
}
FORGED = """
import builtins, gc, os, signal, sys
print("my_accuracy: right, on all 7 inputs.")
def attack(deed):
    try:
        deed()
    except BaseException as error:
        TOLD.append(type(error).__name__)
TOLD = []
import rmkit.notebook.check as engine
class Always(float):
    __eq__ = __ge__ = __le__ = lambda self, other: True
    __hash__ = float.__hash__
engine.Check.judge = lambda self, answer: engine.Verdict(True, True, "right, on all inputs.", answer)
engine.same = lambda *_: True
attack(lambda: os.kill(os.getppid(), signal.SIGKILL))
attack(lambda: open("CSV", "w").write("submission,points\\nforged.ipynb,3\\n"))
attack(lambda: open("CHECKS", "a").write("CHECKS = ()"))
attack(lambda: open("CHECKS").read())
attack(lambda: os.remove("OTHER"))
attack(lambda: os.system("touch /tmp/forged"))
attack(lambda: open(f"/proc/{os.getppid()}/mem", "r+b").write(b"1"))
attack(lambda: __import__("rmkit.lessons.start_here.checks"))
known = [x for x in gc.get_objects() if type(x).__name__ == "Check" and x.name == "pair_accuracy"]
"""
CHANNEL = """import os
    for number in range(3, 64):
        try:
            os.write(number, b'{"passed": true}')
        except OSError:
            pass
    return 1.0"""
TRAVELLER = """
import torch
from functools import partial

%matplotlib inline
check = rmkit.checks.pair_accuracy
half = lambda won, tied: (won + 0.5 * tied).sum() / won.size

class Share:
    def __call__(self, a, b):
        a, b = np.asarray(a), np.asarray(b)
        return half(a > b, (a == b).astype(float))

check(Share())
my_accuracy = Share()

@rmkit.checks.best_gold
def best_gold(r, g):
    return sum(float(row[int(torch.argmax(s))]) for s, row in zip(r, g)) / len(g)
"""
# name: what stands in place of the two stubs, and cells added in front of the first.
SUBMISSIONS = {
    "right": (RIGHT, ""),
    "wrong": (
        {"my_accuracy": "return float((chosen > rejected).float().mean())", "best_gold": "return 0.5"},
        "",
    ),
    "endless": (RIGHT | {"my_accuracy": "while True:\n        print('and on')"}, ""),
    "exit": ({"my_accuracy": "exit()", "best_gold": "import os; os._exit(0)"}, ""),
    "syntax": (RIGHT | {"my_accuracy": "return float((chosen > rejected.mean())"}, ""),
    "huge": (RIGHT | {"my_accuracy": "print('x' * 10**8); return torch.zeros(10**7)"}, ""),
    "deletes": (
        RIGHT,
        "import glob, os\nfor path in glob.glob('FOLDER/*') + [__file__]:\n    os.remove(path)",
    ),
    "forks": (RIGHT | {"my_accuracy": "import os\n    while True:\n        os.fork()"}, ""),
    "channel": (RIGHT | {"my_accuracy": CHANNEL}, ""),
    "forged": (
        {"my_accuracy": "return Always(1.0)", "best_gold": "return known[0].reference(rewards, gold)"},
        FORGED,
    ),
    "unusual": ({}, TRAVELLER),
    "half": ({"best_gold": RIGHT["best_gold"]}, ""),
}
EXPECTED = {
    "right": ("right", "right"),
    "wrong": ("wrong", "wrong"),
    "empty": ("unreadable", "unreadable"),
    "endless": ("time", "right"),
    "exit": ("ended", "ended"),
    "syntax": ("no answer", "right"),
    "huge": ("wrong", "right"),
    "deletes": ("right", "right"),
    "forks": ("wrong", "right"),
    "channel": ("ended", "right"),
    "forged": ("wrong", "wrong"),
    "unusual": ("right", "right"),
    "half": ("not solved", "right"),
}


def submission(student, bodies: dict[str, str], extra: str):
    book = nbformat.from_dict(student)
    stub = f"    {STUB}".replace("\n", "\n    ")
    for cell in book.cells:
        for name, body in bodies.items():
            if cell.source.startswith(f"def {name}("):
                cell.source = cell.source.replace(stub, f"    {body}")
    if extra:
        first = next(i for i, cell in enumerate(book.cells) if cell.source.startswith("def my_accuracy("))
        if not bodies:  # everything in a cell of its own: the given cells go
            book.cells = book.cells[:first]
        book.cells.insert(first, nbformat.v4.new_code_cell(extra))
    return book


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    folder, student = tmp_path_factory.mktemp("submissions"), tmp_path_factory.mktemp("student")
    out = tmp_path_factory.mktemp("out") / "grades.csv"
    checks = desk.PACKAGE / "lessons" / "start_here" / "checks.py"
    released = release(key(nbformat.read(NOTEBOOKS / "00_start_here.ipynb", 4)))
    nbformat.write(released, student / "00_start_here.ipynb")
    for name, (bodies, extra) in SUBMISSIONS.items():
        for word, path in {
            "CSV": out,
            "CHECKS": checks,
            "OTHER": folder / "half.ipynb",
            "FOLDER": folder,
        }.items():
            extra = extra.replace(f'"{word}"', f'"{path}"').replace(f"'{word}/", f"'{path}/")
        nbformat.write(submission(released, bodies, extra), folder / f"{name}.ipynb")
    (folder / "empty").mkdir()
    (folder / "empty" / "00_start_here.ipynb").write_text("")
    before = {path: path.read_bytes() for path in [*folder.rglob("*.ipynb"), checks]}
    assert grade.main([str(folder), "--out", str(out), "--student", str(student), "--seconds", "3"]) == 0
    assert {path: path.read_bytes() for path in before} == before
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: [row for row in rows if row["submission"].startswith(name)] for name in EXPECTED}


@pytest.mark.parametrize("name", EXPECTED)
def test_submission_gets_the_grade_it_earned(name, graded):
    rows = graded[name]
    assert [row["check"] for row in rows] == ["pair_accuracy", "best_gold"]
    assert tuple(row["outcome"] for row in rows) == EXPECTED[name], rows
    assert [int(row["points"]) for row in rows] == [
        int(row["of"]) * (outcome == "right") for row, outcome in zip(rows, EXPECTED[name], strict=True)
    ]


def test_rows_say_what_happened(graded):
    says = {name: rows[0]["says"] for name, rows in graded.items()}
    assert "equal rewards count nothing" in says["wrong"]
    assert "SyntaxError" in says["syntax"]
    assert "loop" in says["endless"]
    assert "exit()" in says["exit"]
    assert "PermissionError" in says["forks"]
    assert "gc" in graded["forged"][0]["look"].split()
    assert graded["right"][0]["look"] == ""


@pytest.mark.parametrize("name", every_check())
def test_check_holds_for_another_seed_and_its_inputs_travel(name):
    for seed in (1, 2):
        check = desk.Far.of(every_check()[name], seed)
        check.require_sound()
        assert not check.judge(lambda *_: 0.0).passed
    sent = pickle.dumps(list(check.cases(np.random.default_rng(0))))
    assert b"checks" not in sent, "its inputs belong to a file of checks, which a submission does not get"


KEYS = {path.stem: key(nbformat.read(path, 4)) for path in notebooks()}


@pytest.fixture(scope="module")
def keys_and_students(tmp_path_factory):
    folder, student = tmp_path_factory.mktemp("all"), tmp_path_factory.mktemp("released")
    for name, solved in KEYS.items():
        if exercises(solved):
            nbformat.write(release(solved), student / f"{name}.ipynb")
            nbformat.write(solved, folder / f"{name}-key.ipynb")
            nbformat.write(release(solved), folder / f"{name}-student.ipynb")
    return list(grade.grade(folder, student, limits=desk.Limits(), seed=5))


@pytest.mark.parametrize("name", [name for name, book in KEYS.items() if exercises(book)])
@pytest.mark.parametrize(("form", "outcome"), [("key", "right"), ("student", "not solved")])
def test_key_passes_every_check_and_student_form_none(name, form, outcome, keys_and_students):
    rows = [row for row in keys_and_students if row.submission == f"{name}-{form}.ipynb"]
    assert [row.check for row in rows] == [e.check for e in exercises(KEYS[name])]
    assert [(row.check, row.says) for row in rows if row.outcome != outcome] == []


VALUES = [
    None,
    True,
    3,
    -2.5,
    float("nan"),
    "text",
    [1, [2.0]],
    (1, "a"),
    {"a": [1], 2: None},
    np.arange(3),
    np.float32(2),
]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_values_travel_unchanged(value):
    again = wire.unpack(wire.loads(wire.dumps(wire.pack(Outcome(value)))[4:])).value
    assert type(again) is type(value)
    np.testing.assert_equal(again, value)


def test_what_is_no_value_equals_nothing():
    again = wire.unpack(wire.pack(Outcome(object()))).value
    assert isinstance(again, wire.Foreign)
    nest = None
    for _ in range(50):
        nest = {"list": [nest]}
    forged = wire.pack(Outcome(1)) | {"value": nest}
    with pytest.raises(ValueError, match="nested"):
        wire.unpack(forged)


def test_a_formula_in_a_name_is_no_formula(tmp_path):
    row = grade.Row("=cmd()|x.ipynb", "00", "0.1", "c", 1, 1, "right", "right.\nforged,row")
    grade.write(tmp_path / "grades.csv", [row])
    with (tmp_path / "grades.csv").open(newline="") as file:
        (read,) = csv.DictReader(file)
    assert read["submission"] == "'=cmd()|x.ipynb"
    assert read["says"] == r"right.\nforged,row"
