"""Runs submissions behind the fence and says what their functions return.

The grader starts one mother process with a copy of rmkit that holds no check. She loads the libraries once,
and for each submission she forks a child, which enters the fence. Nothing that a child says is a grade: it
returns values, and the grader compares them in a process of its own.
"""

import ast
import json
import os
import pickle
import re
import socket
from typing import Any, BinaryIO

import ipywidgets
import numpy as np
import pandas as pd
import plotly.graph_objects as go
import torch
import transformers
from scipy import special, stats

from rmkit.classroom import fence, wire
from rmkit.lessons import checks as stand_in
from rmkit.notebook.check import Check

PRELOADED = (np, pd, special, stats, go, ipywidgets, transformers)  # what lessons import, once for all
_KINDS = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)


class Submission:
    """The names that the cells have defined so far, and the answers that they have handed in."""

    def __init__(self):
        self.scope: dict[str, Any] = {"__name__": "__main__"}
        self.judged: dict[str, Any] = {}

    def run(self, source: str, given: bool) -> dict[str, Any]:
        """Run a cell; say which checks got a new answer, and the first error.

        Of a given cell, one that the course wrote, only imports, definitions and constants run, and the
        lines that hand something in. An error ends a statement and not the cell: what is shown beside an
        exercise may need a part of the lesson that is not run here.
        """
        error = None
        for node in self._statements(source):
            if isinstance(node, str):
                error = error or node
            elif (
                not given or _defines(node) or "rmkit.checks." in (ast.get_source_segment(source, node) or "")
            ):
                try:
                    exec(compile(ast.Module([node], []), "submission", "exec"), self.scope)
                except Exception as raised:  # told, with the exercise that it spoils
                    error = error or f"{type(raised).__name__}: {raised}"
        new = [name for name, answer in stand_in.handed_in.items() if self.judged.get(name) is not answer]
        self.judged.update(stand_in.handed_in)
        return {"new": new, "error": error}

    @staticmethod
    def _statements(source: str) -> list[ast.stmt | str]:
        plain = re.sub(r"^(\s*)[%!].*$", r"\1pass", source, flags=re.M)  # IPython's own lines
        try:
            return ast.parse(plain).body
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            where = f" (line {error.lineno})" if isinstance(error, SyntaxError) else ""
            return [f"{type(error).__name__}: {error.args[0] if error.args else ''}{where}"]

    def call(self, name: str, case: tuple, gradient: int, without: tuple[str, ...]) -> dict[str, Any]:
        """What the answer to the check `name` does with one input."""
        runner = Check(name, reference=_no_reference, cases=_no_reference, gradient=gradient)
        return wire.pack(runner._run(stand_in.handed_in[name], case, without))


def _no_reference(*_: Any) -> Any:
    raise NotImplementedError


def _defines(node: ast.stmt) -> bool:
    return isinstance(node, _KINDS) or (isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant))


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until the grader has no more requests. These come from the grader, so a pickle is safe."""
    submission = Submission()
    while True:
        try:
            what, arguments = pickle.load(requests)
        except EOFError:
            return
        try:
            answer = (submission.run if what == "cell" else submission.call)(*arguments)
        except SystemExit:
            answer = {"exit": True}
        replies.write(_sendable(answer))
        replies.flush()


def _sendable(answer: dict[str, Any]) -> bytes:
    try:
        return wire.dumps(answer)
    except (ValueError, TypeError, RecursionError):
        return wire.dumps({"large": True})


def main() -> None:
    """The mother: for each pair of pipes that comes through the socket, fork a child and tell its number."""
    control = socket.socket(fileno=os.dup(0))
    settings = json.loads(os.environ.pop("RMKIT_FENCE"))
    torch.set_num_threads(1)
    control.sendall(b"ready")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    while True:
        word, pipes, _, _ = socket.recv_fds(control, 1, 2)
        if not word:
            return
        child = os.fork()
        if child == 0:
            _child(control, *pipes, settings)
        for pipe in pipes:
            os.close(pipe)
        control.sendall(child.to_bytes(4, "big"))


def _child(control: socket.socket, requests: int, replies: int, settings: dict[str, Any]) -> None:
    """Serve one submission and end; nothing of the mother's runs after it."""
    try:
        os.setsid()
        control.close()
        if settings["fenced"]:
            fence.enter(settings["readable"], settings["megabytes"])
        os.write(replies, wire.dumps({"ready": True}))
        serve(os.fdopen(requests, "rb"), os.fdopen(replies, "wb"))
    finally:
        os._exit(0)


if __name__ == "__main__":
    main()
