"""A page for each room of rmkit, from its docstrings. Files are read, not imported."""

import ast
from pathlib import Path


def pages(package: Path) -> dict[str, str]:
    """{room: its page in Markdown}, in the order of their names."""
    found = {}
    for room in sorted(path for path in package.iterdir() if (path / "__init__.py").is_file()):
        files = sorted(room.rglob("*.py"), key=lambda path: (path.stem != "__init__", str(path)))
        parts = [part for part in (_file(path, package) for path in files) if part]
        found[room.name] = "\n\n".join([f"# {room.name}", *parts]) + "\n"
    return found


def plain(text: str) -> str:
    """Text in which Markdown sees no marks."""
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>#|$~" else c for c in text)


def _file(path: Path, package: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    says = ast.get_docstring(tree) or ""
    if path.stem == "__init__":
        return _fence(says) if says and path.parent.parent == package else ""
    name = ".".join(path.relative_to(package.parent).with_suffix("").parts)
    shown = [node for node in tree.body if _public(node)]
    return "\n\n".join([f"## `{name}`", _fence(says), *map(_definition, shown)])


def _public(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")


def _definition(node: ast.FunctionDef | ast.ClassDef) -> str:
    lines = [_signature(node)]
    if isinstance(node, ast.ClassDef):
        lines += [f"    {_signature(inner)}" for inner in node.body if _public(inner)]
    code = "\n".join(["```python", *lines, "```"])
    return "\n\n".join([f"### `{node.name}`", code, _fence(ast.get_docstring(node) or "")])


def _signature(node: ast.FunctionDef | ast.ClassDef) -> str:
    if isinstance(node, ast.ClassDef):
        bases = ", ".join(map(ast.unparse, node.bases))
        return f"class {node.name}({bases}): ..." if bases else f"class {node.name}: ..."
    returns = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    return f"def {node.name}({ast.unparse(node.args)}){returns}: ..."


def _fence(text: str) -> str:
    ticks = "````" if "```" in text else "```"
    return f"{ticks}text\n{text}\n{ticks}" if text else ""
