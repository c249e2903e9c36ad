"""What a lesson claims, measured: effect, interval, seeds, source, and whether it holds.

A notebook collects its claims in one `Claims` and ends with `claims.table()`. `make claims` runs the
notebooks at lab size and gathers every table into one page; claims that do not show are in it, with their
number.
"""

import argparse
import json
import os
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from rmkit.notebook.size import size

COLUMNS = ["claim", "effect", "interval", "seeds", "source", "holds"]


@dataclass(frozen=True)
class Claim:
    """effect: the number with `unit`; interval: [low, high] at 95 %; seeds: how many independent repetitions.

    expected=False marks a claim of the literature that does not show here; `holds` must then be False at lab
    size. expected=None marks one that ends too close to zero to promise either: reported, not asserted.
    """

    claim: str
    effect: float
    interval: tuple[float, float] | None
    seeds: int
    source: str
    holds: bool
    expected: bool | None = True
    unit: str = ""

    def row(self) -> list[str]:
        """The claim as six texts, one for each of COLUMNS."""
        pair = f"[{self.interval[0]:.3g}, {self.interval[1]:.3g}]" if self.interval else "exact"
        effect = f"{self.effect:.3g} {self.unit}".strip()
        return [self.claim, effect, pair, str(self.seeds), self.source, "yes" if self.holds else "no"]


class Claims:
    """The claims of one lesson: `claims = Claims("01_bradley_terry")`, then `add` and `table`."""

    def __init__(self, lesson: str):
        self.lesson = lesson
        self.items: list[Claim] = []

    def add(
        self,
        claim: str,
        *,
        effect: float,
        interval: tuple[float, float] | None,
        seeds: int,
        source: str,
        holds: bool,
        expected: bool | None = True,
        unit: str = "",
    ) -> None:
        """Note one measured claim. interval=None only where the number is exact (no sampling behind it)."""
        ends = None if interval is None else (float(interval[0]), float(interval[1]))
        self.items.append(Claim(claim, float(effect), ends, int(seeds), source, bool(holds), expected, unit))

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
            if item.expected is not None and item.holds != item.expected
        ]
        if wrong and size() != "smoke":
            raise AssertionError(f"{self.lesson}: not as the lesson says: " + "; ".join(wrong))
        return pd.DataFrame([item.row() for item in self.items], columns=COLUMNS)


def gather(folder: Path) -> str:
    """One Markdown page from the JSON files that `Claims.table` wrote into `folder`."""
    parts = [
        "# Claims\n",
        "Written by `make claims`: every notebook at lab size, on a CPU. Intervals are at 95 %.\n",
    ]
    for path in sorted(folder.glob("*.json")):
        page = json.loads(path.read_text(encoding="utf-8"))
        rows = [Claim(**item).row() for item in page["claims"]]
        parts += [
            f"\n## {page['lesson']}\n",
            _line(COLUMNS),
            _line(["---"] * len(COLUMNS)),
            *map(_line, rows),
        ]
    return "\n".join(parts) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main(arguments: list[str] | None = None) -> None:
    """Run notebooks at lab size and write their claims as one page."""
    parser = argparse.ArgumentParser(prog="python -m rmkit.notebook.claims", description=main.__doc__)
    parser.add_argument("notebooks", nargs="*", type=Path, help="default: notebooks/*.ipynb")
    parser.add_argument("--out", type=Path, default=Path("CLAIMS.md"), help="the Markdown page to write")
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
        options.out.write_text(gather(Path(folder)), encoding="utf-8")
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
