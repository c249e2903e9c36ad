"""python -m rmkit rank: a leaderboard from battles."""

import argparse

from rmkit.commands import shared
from rmkit.errors import shown


def add(commands) -> None:
    """Declare the command."""
    rank = commands.add_parser("rank", help="a leaderboard from battles: who beat whom")
    rank.add_argument("data", metavar="BATTLES", help="table with model_a, model_b, winner; or JSON rankings")
    rank.add_argument("--anchor", type=_anchor, metavar="NAME=1000", help="hold an item (default: mean 1000)")
    above_0 = shared.positive(float)
    rank.add_argument("--prior", type=above_0, nargs="?", const=0.1, default=0.0, help="keeps scores finite")
    rank.add_argument("--half-ties", action="store_true", help="a tie is half a win each way, as in evalica")
    rank.add_argument("--style", nargs="+", metavar="COLUMN", help="scores at equal length, format ...")
    rank.add_argument("--by", metavar="COLUMN", help="voters, say: robust errors that keep theirs together")
    rank.add_argument(
        "--bootstrap", type=shared.positive(int), default=0, metavar="N", help="intervals by resampling"
    )
    rank.add_argument("--out", metavar="FILE", help="table.csv to write")
    rank.add_argument("--html", metavar="FILE", help="figure to write (needs plotly)")
    rank.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from rmkit.theory.bradley_terry import fit

    out, html = (shared.out_file(arguments, option) for option in ("out", "html"))
    ties = "half" if arguments.half_ties else None
    options = {name: getattr(arguments, name) for name in ("prior", "style", "by", "bootstrap")}
    model = fit(arguments.data, ties=ties, **options)
    errors = "bootstrap" if arguments.bootstrap else "robust" if arguments.by else "model"
    scale = {"anchor": arguments.anchor or 1000, "scale": "elo"}
    table = model.leaderboard(**scale, errors=errors)
    shared.say(f"{model.headline()}\nElo scale, 95 % intervals: {errors} errors over {model.evidence.unit}")
    printed = table.assign(item=table["item"].map(shown))
    shared.say(printed.to_string(index=False, float_format="{:.1f}".format))
    if model.style is not None:
        style = model.style.to_string(float_format="{:.4f}".format)
        shared.say(f"\nstyle, in log-odds for one unit:\n{style}")
    if out:
        table.to_csv(out, index=False)
        shared.say(f"wrote {out}")
    if html:
        model.figure(**scale).write_html(html, include_plotlyjs=True)
        shared.say(f"wrote {html}")
    return 0


def _anchor(text: str) -> dict[str, float]:
    name, _, value = text.rpartition("=")
    try:
        found = {name: float(value)} if name else None
    except ValueError:
        found = None
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as gpt-4=1000")
    return found
