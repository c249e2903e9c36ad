"""The rooms of rmkit: a room imports from the floors below it, never from above or beside it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "rmkit"

# Lowest first; the README shows the same picture. Rooms of one floor do not know each other.
FLOORS = [
    ["errors", "lazy"],
    ["arguments", "paths", "device"],
    ["theory"],
    ["notebook"],
    ["data"],
    ["evaluation"],
    ["models"],
    ["training", "pocket"],
    ["lessons", "commands"],
    ["__main__", "classroom"],
]
# Inside the room pocket, plain text comes before models: these files make dictionaries and know no tensor.
POCKET_TEXT = [
    "facts",
    "phrasing",
    "wording",
    "reading",
    "questions",
    "answers",
    "grader",
    "annotators",
    "twins",
    "rows",
    "bench_items",
    "nulls",
]


def floor_of(module: str) -> int:
    """The floor of a module name without the leading `rmkit.`: "theory.losses", "errors"."""
    room = module.split(".")[0]
    for number, rooms in enumerate(FLOORS):
        if room in rooms:
            return number
    raise AssertionError(f"rmkit/{room} has no floor: put it into FLOORS of {__file__}")


def imports(path: Path) -> list[str]:
    """Modules below rmkit that a file imports, at its top or inside a function, as "room.file"."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [a.name.removeprefix("rmkit.") for a in node.names if a.name.startswith("rmkit.")]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: write the import in full"
            package, _, inside = (node.module or "").partition(".")
            if package == "rmkit":
                is_file = (PACKAGE / inside.replace(".", "/")).with_suffix(".py").is_file()
                named = [f"{inside}.{a.name}".lstrip(".") for a in node.names]
                found += [inside] if inside and is_file else named
    return found


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE or path.stem != "__init__"]


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_no_import_goes_up(path):
    name = module_name(path)
    room, own = name.split(".")[0], floor_of(name)
    for target in imports(path):
        assert target.split(".")[0] == room or floor_of(target) < own, f"{name} imports {target}"
        assert target != name


def test_files_of_a_room_form_no_circle():
    graph = {module_name(path): imports(path) for path in FILES}
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, f"a circle: {' -> '.join([*way, name])}"
        if name not in done:
            for target in graph.get(name, ()):
                visit(target, (*way, name))
            done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("name", POCKET_TEXT)
def test_the_text_of_the_pocket_world_knows_no_model(name):
    text = {f"pocket.{other}" for other in POCKET_TEXT}
    for target in imports(PACKAGE / "pocket" / f"{name}.py"):
        assert target in text or target == "errors", f"pocket.{name} imports {target}"


@pytest.mark.parametrize("path", FILES, ids=module_name)
def test_a_file_holds_one_idea(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 330


def test_every_room_stands_in_the_readme():
    picture = (ROOT / "README.md").read_text(encoding="utf-8").split("## What is where")[1].split("\n## ")[0]
    rooms = [path.name for path in sorted(PACKAGE.iterdir()) if (path / "__init__.py").is_file()]
    assert [room for room in rooms if f"{room}/" not in picture] == []


def test_training_imports_no_widget():
    code = (
        "import rmkit, sys; rmkit.fit; rmkit.evaluate; rmkit.load; rmkit.RewardModel; rmkit.bradley_terry; "
        "print([n for n in ('plotly', 'ipywidgets', 'anywidget', 'rmkit.notebook', 'rmkit.lessons')"
        " if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_test_sees_an_upward_import(tmp_path):
    planted = tmp_path / "losses.py"
    planted.write_text("def f():\n    from rmkit.training.loop import fit\n    return fit\n")
    assert imports(planted) == ["training.loop"]
    assert floor_of("training.loop") > floor_of("theory.losses")


def test_faces_are_the_files_of_the_rooms():
    code = (
        "import rmkit, importlib, sys\n"
        "from rmkit.losses import bradley_terry\n"
        "from rmkit.theory import losses\n"
        "assert rmkit.losses is losses is sys.modules['rmkit.losses']\n"
        "assert losses.bradley_terry is bradley_terry\n"
        "assert losses.__spec__.name == 'rmkit.theory.losses'\n"
        "for name in rmkit.__all__: getattr(rmkit, name)\n"
        "for name in rmkit._FACES: importlib.import_module(f'rmkit.{name}')\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
