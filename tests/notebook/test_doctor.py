"""The doctor speaks, whatever is broken."""

import subprocess
import sys

import pytest

from rmkit import doctor


def test_a_missing_package_is_a_finding_with_a_cure(monkeypatch):
    monkeypatch.setattr(doctor, "CORE", ("a_package_that_nobody_has",))
    finding = next(f for f in doctor.checkup() if f.name == "a_package_that_nobody_has")
    assert not finding.ok
    assert "pip install" in finding.cure


def test_a_wrong_size_is_named(monkeypatch):
    monkeypatch.setenv("RMKIT_SIZE", "huge")
    finding = next(f for f in doctor.checkup() if f.name == "RMKIT_SIZE")
    assert not finding.ok
    assert "smoke" in finding.cure


def test_main_says_not_ready_with_code_2(monkeypatch, capsys):
    monkeypatch.setattr(doctor, "LAB", ("a_package_that_nobody_has",))
    assert doctor.main() == 2
    assert "LOOK" in capsys.readouterr().out


def test_a_page_shows_one_line_and_what_needs_a_look_and_folds_the_rest():
    well, ill = doctor.Finding("torch", "2.13"), doctor.Finding("plotly", "missing", ok=False, cure="get it")
    ready = doctor.Checkup([well])._repr_html_()
    assert ready.startswith("<b>✓ Ready.</b><details>")
    assert "torch" in ready
    above, folded = doctor.Checkup([well, ill])._repr_html_().split("<details>")
    assert "1 of 2 need a look" in above
    assert "get it" in above
    assert "torch" not in above
    assert "torch" in folded
    assert "plotly" in folded


def test_values_are_escaped():
    shown = doctor.Checkup([doctor.Finding("<b>name</b>", "<script>")])._repr_html_()
    assert "<script>" not in shown
    assert "&lt;b&gt;" in shown


@pytest.mark.parametrize("statement", ["import rmkit", "import rmkit.doctor", "import rmkit.pocket"])
def test_importing_is_light(statement):
    code = f"{statement}, sys; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
