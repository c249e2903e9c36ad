"""The command line: python -m rmkit doctor | train | score | evaluate | benchmark | rank | plan."""

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from typing import NoReturn

from rmkit.commands import benchmark, evaluate, plan, rank, score, shared, train
from rmkit.errors import InputError, shown


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0 when it is done, 2 for bad input (said in one sentence), 130 after Ctrl-C."""
    words = sys.argv[1:] if argv is None else list(argv)
    arguments = _parser(training="train" in words[:1]).parse_args(words)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(torch|transformers|accelerate|peft)\b")
            for of_developers in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", of_developers)
            warnings.showwarning = lambda message, *_: print(f"note: {shown(message)}", file=sys.stderr)
            return arguments.run(arguments)
    except BrokenPipeError:  # the reader of our output has left: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InputError, OSError) as error:  # OSError: a file that cannot be read or written, a full disk
        print(f"rmkit: {shown(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        resumes = getattr(arguments, "resumes", False)
        again = "; the same command with --resume goes on from the last checkpoint" if resumes else ""
        print(f"rmkit: stopped{again}.", file=sys.stderr)
        return 130


class _Parser(argparse.ArgumentParser):
    """Says what it cannot read as every other error does: control characters stand as escapes."""

    def error(self, message: str) -> NoReturn:
        super().error(shown(message))


def _parser(training: bool = False) -> argparse.ArgumentParser:
    parser = _Parser(prog="python -m rmkit", description="Reward modeling.", epilog=shared.EPILOG)
    commands = parser.add_subparsers(metavar="command", required=True)
    doctor = commands.add_parser("doctor", help="what is installed here, and what is missing")
    doctor.set_defaults(run=_doctor)
    train.add(commands, training)
    for command in (score, evaluate, benchmark, rank, plan):
        command.add(commands)
    return parser


def _doctor(_: argparse.Namespace) -> int:
    from rmkit.notebook import doctor

    return doctor.main()


if __name__ == "__main__":
    sys.exit(main())
