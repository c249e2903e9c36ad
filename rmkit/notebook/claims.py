"""What a lesson claims, measured: the number, its interval, what it runs over, what was expected, and whether
it holds.

A notebook collects its claims in one `Claims` and ends with `claims.table()`. `make claims` runs the
notebooks at lab size and gathers every table into one page. Claims that do not show are in it, with their
number and with the power of the design: the chance that it would have seen the effect that was expected.
"""

import argparse
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from rmkit.errors import InputError
from rmkit.notebook import papers as literature
from rmkit.notebook.size import size

COLUMNS = ["claim", "measured", "interval", "over", "expected (by whom)", "holds"]


@dataclass(frozen=True)
class Claim:
    """One row. Numbers are in `unit`; intervals are at 95 %.

    claim      a sentence that can be true or false
    measured   the number
    interval   (low, high); None where the number is exact, with no sampling behind it
    over       what the interval runs over: "20 seeds x 500 pairs", "30 label sets"; "identity" for algebra
    expected   the effect that theory or the source expects, and by whom: "above 0 (Llama 2, table 28)"
    holds      whether the measurement bears the claim out
    shows      what the lesson says: True, it shows; False, it does not; None, too close to call
    power      of a claim that does not show: the chance of seeing the effect expected (`statistics.power`)
    papers     keys of the papers that it bears on (data/published/papers.csv; PAPERS.md)
    """

    claim: str
    measured: float
    interval: tuple[float, float] | None
    over: str
    expected: str
    holds: bool
    shows: bool | None = True
    power: float | None = None
    unit: str = ""
    papers: tuple[str, ...] = ()

    def row(self) -> list[str]:
        """The claim as six texts, one for each of COLUMNS."""
        pair = f"[{self.interval[0]:.3g}, {self.interval[1]:.3g}]" if self.interval else "exact"
        measured = f"{self.measured:.3g} {self.unit}".strip()
        power = "" if self.power is None else f" (power {self.power:.2f})"
        return [self.claim, measured, pair, self.over, self.expected, ("yes" if self.holds else "no") + power]


class Claims:
    """The claims of one lesson: `claims = Claims("01_bradley_terry")`, then `add` and `table`."""

    def __init__(self, lesson: str):
        self.lesson = lesson
        self.items: list[Claim] = []

    def add(
        self,
        claim: str,
        *,
        measured: float,
        interval: tuple[float, float] | None,
        over: str,
        expected: str,
        holds: bool,
        shows: bool | None = True,
        power: float | None = None,
        unit: str = "",
        papers: tuple[str, ...] | list[str] = (),
    ) -> None:
        """Note one measured claim; the fields are those of `Claim`. A null without a power is refused."""
        if not over.strip() or not expected.strip():
            raise InputError(f"{claim!r}: say over what it runs (over) and what was expected (expected).")
        if shows is not True and power is None:
            raise InputError(
                f"{claim!r} does not show: give the power of the design, power=rmkit.statistics.power(...)."
            )
        ends = None if interval is None else (float(interval[0]), float(interval[1]))
        power = None if power is None else float(power)
        known = literature.check(papers)
        self.items.append(
            Claim(claim, float(measured), ends, over, expected, bool(holds), shows, power, unit, known)
        )

    def table(self) -> pd.DataFrame:
        """The claims as a table. At lab and research size every one must come out as the lesson says."""
        folder = os.environ.get("RMKIT_CLAIMS")
        if folder:
            page = {"lesson": self.lesson, "size": size(), "claims": [asdict(item) for item in self.items]}
            Path(folder).mkdir(parents=True, exist_ok=True)
            Path(folder, f"{self.lesson}.json").write_text(
                json.dumps(page, indent=1) + "\n", encoding="utf-8"
            )
        wrong = [
            f"{item.claim} ({item.row()[1]}, {item.row()[2]})"
            for item in self.items
            if item.shows is not None and item.holds != item.shows
        ]
        if wrong and size() != "smoke":
            raise AssertionError(f"{self.lesson}: not as the lesson says: " + "; ".join(wrong))
        return pd.DataFrame([item.row() for item in self.items], columns=COLUMNS)


def collect(folder: Path) -> dict[str, list[Claim]]:
    """{lesson: its claims} of the JSON files that `Claims.table` wrote into `folder`."""
    pages = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    return {page["lesson"]: [Claim(**item) for item in page["claims"]] for page in pages}


def gather(claims: dict[str, list[Claim]]) -> str:
    """One Markdown page of the claims of all lessons."""
    everything = [claim for found in claims.values() for claim in found]
    nulls = sum(claim.shows is not True for claim in everything)
    parts = [
        "# Claims\n",
        'Written by `make claims`: every notebook at lab size, on a CPU. Intervals are at 95 %; "over" says',
        "what they run over. Power is the chance that the design would have seen the effect expected.",
        f"{len(everything)} claims; {nulls} of them do not show, or end too close to call.\n",
    ]
    for lesson, found in claims.items():
        rows = [literature.line(claim.row()) for claim in found]
        parts += [f"\n## {lesson}\n", *literature.head(COLUMNS), *rows]
    return "\n".join(parts) + "\n"


def main(arguments: list[str] | None = None) -> None:
    """Run notebooks at lab size and write their claims as one page."""
    parser = argparse.ArgumentParser(prog="python -m rmkit.notebook.claims", description=main.__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: notebooks/*.ipynb")
    parser.add_argument("--out", type=Path, default=Path("CLAIMS.md"), help="the page of claims")
    parser.add_argument("--papers", type=Path, default=Path("PAPERS.md"), help="the page of papers")
    options = parser.parse_args(arguments)
    import nbformat  # the notebook stack is needed here only
    from nbclient import NotebookClient

    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(RMKIT_CLAIMS=folder, RMKIT_SIZE="lab")
        for path in options.notebooks or sorted(Path("notebooks").glob("*.ipynb")):
            print(f"running {path}", flush=True)
            resources = {"metadata": {"path": str(path.parent)}}
            book = nbformat.read(path, 4)
            NotebookClient(book, timeout=600, kernel_name="python3", resources=resources).execute()
        claims = collect(Path(folder))
    for path, text in ((options.out, gather(claims)), (options.papers, literature.page(claims))):
        path.write_text(text, encoding="utf-8")
        print(f"wrote {path}")


if __name__ == "__main__":
    main()
