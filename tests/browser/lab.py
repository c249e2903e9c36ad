"""A real JupyterLab in headless Chromium: one isolated server, notebooks opened in it, run, and looked at."""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path

PATIENCE = 600  # seconds before a wait gives up: a guard against hanging, never a judgment of speed
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
RUN_ALL = "() => window.jupyterapp.commands.execute('notebook:run-all-cells')"
STATE = """() => {
  const panel = window.jupyterapp.shell.currentWidget;
  if (!panel || !panel.content || !panel.content.model) return null;
  const cells = panel.content.widgets.filter(c => c.model.type === 'code');
  const outputs = cells.flatMap(c => c.model.sharedModel.toJSON().outputs);
  const session = panel.sessionContext.session;
  return {
    cells: cells.length,
    ran: cells.filter(c => c.model.executionCount !== null || !c.model.sharedModel.getSource().trim()).length,
    status: session && session.kernel ? session.kernel.status : 'none',
    errors: outputs.filter(o => o.output_type === 'error').map(o => o.ename + ': ' + o.evalue),
    figures: outputs.filter(o => o.data && o.data['application/vnd.plotly.v1+json']).length,
  };
}"""
# Every figure on the page: the data plotly holds, and how many marks it painted.
DRAWN = """() => [...document.querySelectorAll('.js-plotly-plot')].map(g => ({
  title: g.layout && g.layout.title ? g.layout.title.text : null,
  traces: (g._fullData || []).length,
  marks: g.querySelectorAll('.trace, .hm image, canvas, .slice, .table').length,
  width: g.getBoundingClientRect().width,
}))"""
FIGURES_OF_PANELS = """() => [...document.querySelectorAll('.rmkit-panel')].map(
  p => p.querySelectorAll('.js-plotly-plot').length)"""
SHUT_DOWN = "() => window.jupyterapp.serviceManager.sessions.shutdownAll()"


@contextmanager
def server(root: Path, scratch: Path, **variables: str):
    """A JupyterLab on a free port that serves `root`, with every configuration folder inside `scratch`.

    variables: more of the environment, for its kernels. Notebooks are never saved.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folders = (
        "JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR", "IPYTHONDIR",
        "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR",
    )  # fmt: skip
    env = {**os.environ, **variables, **{name: str(scratch / name.lower()) for name in folders}}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    settings = scratch / "settings"
    settings.mkdir(parents=True, exist_ok=True)
    overrides = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
        "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},  # every cell is in the page
    }
    (settings / "overrides.json").write_text(json.dumps(overrides))
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}"]
    command += ["--IdentityProvider.token=", "--ServerApp.password=", f"--ServerApp.root_dir={root}"]
    command += ["--LabApp.expose_app_in_browser=True", f"--LabApp.app_settings_dir={settings}"]
    log = (scratch / "server.log").open("w")
    process = subprocess.Popen(command, env=env, stdout=log, stderr=subprocess.STDOUT)
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(url, process, scratch / "server.log")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=PATIENCE)
        log.close()


def _wait_for(url: str, process: subprocess.Popen, log: Path, seconds: float = PATIENCE) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            raise RuntimeError(f"JupyterLab stopped:\n{log.read_text()[-2000:]}")
        try:
            with urllib.request.urlopen(f"{url}/api/status", timeout=2):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not answer in {seconds} s:\n{log.read_text()[-2000:]}")


@contextmanager
def browser(width: int = 1280, height: int = 900):
    """A Chromium page, and the list of addresses outside this machine that it asked for."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        page = chromium.new_page(viewport={"width": width, "height": height})
        page.set_default_timeout(1000 * PATIENCE)
        outside: list[str] = []
        local = ("http://127.0.0.1", "ws://127.0.0.1", "data:", "blob:", "about:")
        page.on(
            "request", lambda request: None if request.url.startswith(local) else outside.append(request.url)
        )
        try:
            yield page, outside
        finally:
            chromium.close()


def open_and_run(page, url: str, notebook: str, seconds: float = PATIENCE) -> dict:
    """Open `notebook` (a path below the server's root), run all its cells, wait; returns STATE when idle."""
    page.goto(f"{url}/lab/tree/{notebook}?reset", wait_until="domcontentloaded")
    page.wait_for_function(
        "() => window.jupyterapp && window.jupyterapp.shell.currentWidget", timeout=1000 * PATIENCE
    )
    wait(page, lambda s: s is not None and s["status"] == "idle" and s["cells"] > 0, seconds, notebook)
    page.evaluate("() => { const s = window.jupyterapp.shell; s.collapseLeft(); s.collapseRight(); }")
    page.evaluate(RUN_ALL)
    end = wait(
        page, lambda s: s["errors"] or (s["ran"] == s["cells"] and s["status"] == "idle"), seconds, notebook
    )
    return end


def is_drawn(figure: dict) -> bool:
    """Whether a row of DRAWN has data, marks of it on the page, and room to be seen."""
    return figure["traces"] > 0 and figure["marks"] > 0 and figure["width"] > 100


def wait_for_figures(page, still: int, seconds: float = PATIENCE) -> tuple[list[int], list[dict]]:
    """(figures of each panel, DRAWN) when `still` figures and those of all panels stand, or when time is up.

    A kernel that is idle has sent its figures; the page draws them some moments later.
    """
    end = time.monotonic() + seconds
    while True:
        panels, drawn = page.evaluate(FIGURES_OF_PANELS), page.evaluate(DRAWN)
        ready = all(panels) and len(drawn) >= still + sum(panels) and all(map(is_drawn, drawn))
        if ready or time.monotonic() > end:
            return panels, drawn
        page.wait_for_timeout(200)


def wait(page, done, seconds: float, what: str) -> dict:
    """Poll STATE until `done(state)`."""
    end = time.monotonic() + seconds
    while True:
        state = page.evaluate(STATE)
        if done(state):
            return state
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not ready after {seconds} s: {state}")
        page.wait_for_timeout(150)
