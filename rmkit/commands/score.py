"""python -m rmkit score: the rows of a file with their rewards."""

import argparse
import math
import sys
from pathlib import Path

from rmkit.commands import shared
from rmkit.errors import InputError


def add(commands) -> None:
    """Declare the command."""
    score = commands.add_parser("score", help="write the rewards of responses", epilog=shared.EPILOG)
    score.add_argument("model", metavar="MODEL")
    score.add_argument("data", metavar="DATA")
    score.add_argument(
        "--out", required=True, metavar="FILE", help="JSONL: the rows of DATA and their rewards"
    )
    shared.add_data_options(score, votes=False)
    score.set_defaults(run=run, votes="each")


def run(arguments: argparse.Namespace) -> int:
    """As many lines as DATA has rows, in order: all their columns, and rewards, or null and the reason."""
    from rmkit.commands.parts import scored
    from rmkit.data.rows_to_score import as_preferences_to_score, rows_to_score
    from rmkit.data.saved_lines import as_line

    out = shared.out_file(arguments)
    rows = rows_to_score(arguments.data)
    groups = as_preferences_to_score(rows, Path(arguments.data).name)
    data = shared.data(groups, arguments, arguments.part)
    model = shared.model(arguments.model, arguments)
    if len(data) < len(groups):  # a part was asked for: rows of that part alone
        taken = {id(record) for record in data}
        rows = [row for row in rows if id(row.record) in taken]
    with scored(model, data, progress=sys.stderr.isatty()) as found:
        if found is None:  # the first of several processes writes
            return 0
        rewards = {id(record): numbers for record, numbers in zip(data, found, strict=True)}
        for numbers in rewards.values():
            if not all(map(math.isfinite, numbers)):
                raise InputError(f"{arguments.model} gives the reward {numbers}; is it a broken model?")
        with out.open("wb") as file:
            for row in rows:
                file.write(as_line(row.line(rewards.get(id(row.record)))))
        cut = f", {found.cut:,} read in part" if found.cut else ""
    shared.say(f"wrote {out}: {len(rows):,} rows, {len(data):,} with their rewards{cut}")
    return 0
