"""The ledger of the literature: which papers' ideas run here, where, and what was measured (PAPERS.md)."""

import csv
import functools
from collections.abc import Mapping, Sequence

from rmkit.errors import InputError
from rmkit.paths import data_folder

COLUMNS = ["paper", "idea", "lesson", "measured", "state"]


@functools.cache
def papers() -> dict[str, dict[str, str]]:
    """{key: {"key", "title", "idea", "lesson"}} of data/published/papers.csv, in its order."""
    with (data_folder() / "published" / "papers.csv").open(encoding="utf-8", newline="") as file:
        return {row["key"]: row for row in csv.DictReader(file)}


def check(keys: Sequence[str]) -> tuple[str, ...]:
    """The keys as they are; InputError for one that no paper has."""
    for key in keys:
        if key not in papers():
            raise InputError(f"There is no paper {key!r} in data/published/papers.csv: add it there.")
    return tuple(keys)


def page(claims: Mapping[str, Sequence]) -> str:
    """One Markdown table: a row for each paper. claims: {lesson: its claims} (`rmkit.notebook.claims`).

    shown: a claim that names the paper holds. not shown: claims name it, and none holds. not yet: none does.
    """
    about: dict[str, list] = {key: [] for key in papers()}
    for found in claims.values():
        for claim in found:
            for key in claim.papers:
                about[key].append(claim)
    rows = [[p["title"], p["idea"], p["lesson"], *_state(about[key])] for key, p in papers().items()]
    states = [row[-1] for row in rows]
    count = ", ".join(f"{states.count(state)} {state}" for state in ("shown", "not shown", "not yet"))
    words = [
        "# Papers\n",
        f"Written by `make claims`. What of the literature runs in these notebooks: {count}.",
        "S1 to S9: a later shelf. The numbers behind each claim stand in [CLAIMS.md](CLAIMS.md).\n",
        *head(COLUMNS),
    ]
    return "\n".join([*words, *map(line, rows)]) + "\n"


def _state(claims: Sequence) -> tuple[str, str]:
    measured = "; ".join(f"{claim.claim}: {claim.row()[1]} {claim.row()[2]}" for claim in claims)
    return measured, "not yet" if not claims else "shown" if any(c.holds for c in claims) else "not shown"


def head(columns: Sequence[str]) -> list[str]:
    """The first two rows of a Markdown table."""
    return [line(columns), line(["---"] * len(columns))]


def line(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
