"""For `pytest --nbmake notebooks`: a failing callback fails its notebook; what each took is printed."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# ipywidgets' Output prints an exception and swallows it; kernels that start with this file let it through.
GUARD = """
from ipywidgets import Output

def _leave(self, *error, _original=Output.__exit__):
    _original(self, *error)

Output.__exit__ = _leave
"""


def pytest_configure(config: pytest.Config) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    if not hasattr(config, "workerinput"):  # the workers of xdist inherit the folder
        config.rmkit_ipython = tempfile.mkdtemp(prefix="rmkit-ipython-")
        startup = Path(config.rmkit_ipython) / "profile_default" / "startup"
        startup.mkdir(parents=True)
        (startup / "guard.py").write_text(GUARD)
        os.environ["IPYTHONDIR"] = config.rmkit_ipython


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := getattr(config, "rmkit_ipython", None):
        shutil.rmtree(folder, ignore_errors=True)


def _kernel_seconds() -> float:
    used = os.times()  # of the kernels that have ended; 0 on Windows, which does not say
    return used.children_user + used.children_system


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item):
    before = _kernel_seconds()
    yield
    if item.path.suffix == ".ipynb":
        item.user_properties.append(("seconds", _kernel_seconds() - before))


def pytest_terminal_summary(terminalreporter) -> None:
    reports = [r for group in ("passed", "failed") for r in terminalreporter.getreports(group)]
    books = sorted((r.nodeid.split("::")[0], r) for r in reports if ".ipynb" in r.nodeid and r.when == "call")
    if books:
        terminalreporter.section("notebooks: seconds of computing, and by the clock")
        for name, report in books:
            seconds = dict(report.user_properties).get("seconds", float("nan"))
            terminalreporter.line(f"{seconds:6.1f} {report.duration:7.1f}  {name}")
