"""The museum of lesson 03 as two wards: the evidence of three patients at once, then guesses and cards."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape

import pandas as pd

from rmkit.errors import InputError
from rmkit.lessons.a_reward_model_from_scratch import run_figures
from rmkit.lessons.a_reward_model_from_scratch.museum import EXHIBITS

PATIENTS = dict(zip("ABCDEF", EXHIBITS, strict=True))


def run(letters: str) -> run_figures.Runs:
    """{letter: (the run with its bug, the same run without)}."""
    return {letter: (PATIENTS[letter].run(True), PATIENTS[letter].run(False)) for letter in letters}


def scores(runs: run_figures.Runs) -> pd.DataFrame:
    """Some scores of each patient, side by side."""
    return pd.concat({letter: pd.DataFrame(sick["table"]) for letter, (sick, _) in runs.items()}, axis=1)


@dataclass(frozen=True)
class Cards:
    """What a reader wrote about each patient, {letter: guess}, and its card, which opens on a click."""

    guesses: Mapping[str, str]

    def __post_init__(self) -> None:
        unknown = [letter for letter in self.guesses if letter not in PATIENTS]
        if unknown:
            raise InputError(f"There is no patient {unknown[0]!r}; the letters are {', '.join(PATIENTS)}.")

    def _repr_html_(self) -> str:
        cards = {letter: PATIENTS[letter].folded()._repr_html_() for letter in self.guesses}
        return "".join(
            f"<p><b>Patient {letter}.</b> You wrote: {escape(guess)}</p>{cards[letter]}"
            for letter, guess in self.guesses.items()
        )

    def __repr__(self) -> str:
        return "; ".join(f"{letter}: {guess}" for letter, guess in self.guesses.items())
