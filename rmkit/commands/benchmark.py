"""python -m rmkit benchmark: saved rewards by a public benchmark's own rule."""

import argparse
import json

from rmkit.commands import shared


def add(commands) -> None:
    """Declare the command."""
    command = commands.add_parser("benchmark", help="saved rewards by a public benchmark's own rule")
    command.add_argument("name", metavar="NAME", help="rewardbench, rewardbench2, rm-bench, judgebench ...")
    command.add_argument("data", metavar="SCORES", help="its rows with rewards, as `score` writes")
    command.add_argument("--threshold", type=float, help="processbench: below it a step is called wrong")
    command.add_argument("--aggregate", help="rewardmath: from step rewards to one (last, min, mean ...)")
    command.add_argument("--out", metavar="FILE", help="the result as JSON")
    command.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from rmkit.evaluation.benchmarks import benchmark

    out = shared.out_file(arguments)
    options = {name: getattr(arguments, name) for name in ("threshold", "aggregate")}
    given = {name: value for name, value in options.items() if value is not None}
    score = benchmark(arguments.name, arguments.data, **given)
    shared.say(str(score))
    if out:
        out.write_text(json.dumps(score.to_dict(), indent=2) + "\n", encoding="utf-8")
        shared.say(f"wrote {out}")
    return 0
