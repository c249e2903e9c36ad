"""python -m rmkit score: the rows of a file with their rewards."""

import argparse
import json
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
    from rmkit.data.rows_to_score import as_preferences_to_score, rows_to_score

    out = shared.out_file(arguments)
    rows = rows_to_score(arguments.data)
    groups = as_preferences_to_score(rows, Path(arguments.data).name)
    data = shared.data(groups, arguments, arguments.part)
    model = shared.model(arguments.model, arguments)
    rewards = {}
    for record, scores in zip(data, model.score_all(data, progress=sys.stderr.isatty()), strict=True):
        if not scores.isfinite().all():
            raise InputError(f"{arguments.model} gives the reward {scores.tolist()}; is it a broken model?")
        rewards[id(record)] = scores.tolist()
    if len(data) < len(groups):  # a part was asked for: rows of that part alone
        rows = [row for row in rows if id(row.record) in rewards]
    lines = [json.dumps(row.line(rewards.get(id(row.record))), ensure_ascii=False) for row in rows]
    out.write_text("\n".join(lines) + "\n", encoding="utf-8")
    cut = model.encode(data, training=False)[1].truncated
    shared.say(
        f"wrote {out}: {len(rows):,} rows, {len(data):,} with their rewards"
        f"{f', {cut:,} read in part' if cut else ''}"
    )
    return 0
