"""Every planted fault still fits the code: its text stands there once, and its tests exist."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(Path(__file__).parent / "mutations"))
from faults import FAULTS  # noqa: E402


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_fits_the_code(fault):
    text = (ROOT / fault.file).read_text(encoding="utf-8")
    assert text.count(fault.old) == 1, f"{fault.old!r} stands {text.count(fault.old)} times in {fault.file}"
    assert fault.new not in (fault.old, text)
    for path in fault.tests.split():
        assert (ROOT / path.split("::")[0]).exists(), path


def test_names_are_told_apart():
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)
