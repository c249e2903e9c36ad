"""A cell of a grid: one position of every dial."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace

from rmkit.errors import InputError

LOSSES = (
    "bradley-terry",
    "margin",
    "scaled-bradley-terry",
    "label-smoothing",
    "hinge",
    "focal",
    "plackett-luce",
)


@dataclass(frozen=True)
class Cell:
    """How a head is taught.

    loss          a name of `rmkit.losses` that learns from ranks
    margin        of the strongest word, in log-odds; weaker words ask for less (loss "margin" alone)
    weighting     "group" or "pair": whether a larger group weighs more
    k             answers that are ranked for a prompt; "2-6": a size between the two, drawn for each prompt
    labels        prompts whose answers were ranked
    noise         share of the rankings that are turned round
    length_bias   gold reward that ten more words are worth to those who vote
    penalty       lambda / 2 of the squared weights; None: chosen by log-loss on held-out votes
    """

    loss: str = "bradley-terry"
    margin: float = 3.0
    weighting: str = "group"
    k: int | str = 2
    labels: int = 200
    noise: float = 0.0
    length_bias: float = 0.0
    penalty: float | None = None

    def __post_init__(self):
        """Raises InputError for a dial beyond its scale."""
        if self.loss not in LOSSES:
            raise InputError(f"loss={self.loss!r}: an ablation learns from ranks, by {', '.join(LOSSES)}.")
        if self.weighting not in ("group", "pair"):
            raise InputError(f"weighting={self.weighting!r}: use 'group' or 'pair'.")
        low, high = self.sizes()
        if not 2 <= low <= high:
            raise InputError(f"k={self.k!r}: give a number from 2 on, or a range such as '2-6'.")
        rules = {
            "labels": (self.labels, 1, math.inf, "at least 1"),
            "noise": (self.noise, 0, 1, "a share between 0 and 1"),
            "margin": (self.margin, 0, math.inf, "0 or more"),
            "length_bias": (self.length_bias, -math.inf, math.inf, "a number"),
        }
        for name, (value, least, most, words) in rules.items():
            if not (least <= value <= most and math.isfinite(value)):
                raise InputError(f"{name}={value}: give {words}.")
        if self.penalty is not None and not 0 < self.penalty < math.inf:
            raise InputError(f"penalty={self.penalty}: give a number above 0, or None to have it chosen.")

    def sizes(self) -> tuple[int, int]:
        """The smallest and the largest group."""
        low, _, high = str(self.k).partition("-")
        try:
            return int(low), int(high or low)
        except ValueError:
            raise InputError(f"k={self.k!r}: give a number from 2 on, or a range such as '2-6'.") from None

    def essence(self) -> "Cell":
        """The same cell, with dials that do nothing in it at their usual place: one fit serves them all."""
        low, high = self.sizes()
        usual = {} if self.loss == "margin" else {"margin": Cell.margin}
        if low == high:  # all groups have as many pairs
            usual["weighting"] = Cell.weighting
        numbers = {name: float(getattr(self, name)) for name in ("margin", "noise", "length_bias")}
        penalty = None if self.penalty is None else float(self.penalty)
        size = low if low == high else f"{low}-{high}"
        return replace(self, **numbers | {"penalty": penalty, "k": size, "labels": int(self.labels)} | usual)

    def row(self) -> dict:
        """The dials as columns of a table: `k` as text, `penalty` "chosen" where it is None."""
        return asdict(self) | {"k": str(self.k), "penalty": penalty_word(self.penalty)}


def penalty_word(penalty: float | None) -> str:
    return "chosen" if penalty is None else f"{penalty:g}"


DIALS = tuple(f.name for f in fields(Cell))


def cells(grid: Mapping[str, object]) -> list[Cell]:
    """Every combination of {dial: its values}, the last dial moving fastest; other dials stay as usual."""
    unknown = [name for name in grid if name not in DIALS]
    if unknown:
        raise InputError(f"There is no dial {unknown[0]!r}; there are {', '.join(DIALS)}.")
    values = {
        name: list(each) if isinstance(each, Sequence | range) and not isinstance(each, str) else [each]
        for name, each in grid.items()
    }
    empty = [name for name, each in values.items() if not each]
    if empty:
        raise InputError(f"The dial {empty[0]!r} has no value: give a list such as {{'noise': [0.0, 0.2]}}.")
    return [Cell(**dict(zip(values, each, strict=True))) for each in itertools.product(*values.values())]
