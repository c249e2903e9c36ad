"""The card of a bug museum's exhibit: a real bug, planted with one switch so that its symptom can be seen."""

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any


@dataclass(frozen=True)
class Exhibit:
    """One bug.

    run(planted) -> what the reader sees, a number or a small dict, deterministic and within seconds;
    symptom_in(result) -> does it show? symptom, cause and cure are one sentence each; source cites the real
    thread (project and number); lesson is the notebook's name, such as "03_a_reward_model_from_scratch".
    """

    name: str
    lesson: str
    symptom: str
    cause: str
    cure: str
    source: str
    run: Callable[[bool], Any]
    symptom_in: Callable[[Any], bool]

    def folded(self) -> "Folded":
        """The card behind a line to click on, for a reader who wants to diagnose first."""
        return Folded(self)

    def _repr_html_(self) -> str:
        rows = (
            ("Symptom", self.symptom),
            ("Cause", self.cause),
            ("Cure", self.cure),
            ("Seen in", self.source),
        )
        cells = "".join(
            f"<tr><th>{key}</th><td style='text-align:left'>{escape(text)}</td></tr>" for key, text in rows
        )
        return f"<table><caption>{escape(self.name)}</caption>{cells}</table>"


@dataclass(frozen=True)
class Folded:
    """An exhibit whose card opens on a click; it shows no name before."""

    exhibit: Exhibit

    def __repr__(self) -> str:
        return "Folded card"

    def _repr_html_(self) -> str:
        return f"<details><summary>Open the card</summary>{self.exhibit._repr_html_()}</details>"
