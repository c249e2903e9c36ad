"""What commands share: the data and the model that are asked for, the file to write, and how they speak."""

import argparse
import os
from pathlib import Path

from rmkit.errors import InputError, shown

PART = "all of DATA (default), or 80 %% or 20 %% of its prompts; with `train`, --evaluate takes the 20 %%"
VOTES = "judgments of one pair: each a record (default), their majority, or their share (a soft label)"
EPILOG = "DATA and MODEL are a file, a folder, a Hub id, or a built-in name (pocket, smollm2-135m, minilm)."


def add_data_options(command: argparse.ArgumentParser, votes: bool = True) -> None:
    """Which rows of DATA are used, and how."""
    command.add_argument("--max-length", type=positive(int), default=2048, help="tokens, longer text is cut")
    command.add_argument("--max-groups", type=positive(int), help="use only so many, drawn at random")
    command.add_argument("--part", choices=["all", "train", "test"], default="all", help=PART)
    if votes:
        command.add_argument("--votes", choices=["each", "majority", "share"], default="each", help=VOTES)


def positive(kind: type) -> type:
    def number(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise ValueError
        return value

    number.__name__ = f"positive {kind.__name__}"
    return number


def data(source: str, arguments: argparse.Namespace, part: str):
    """Load preferences, take the part and number of groups asked for, say what became of every row."""
    from rmkit.data.ledger import NOT_TAKEN
    from rmkit.data.preferences import Preferences, load

    found = source if isinstance(source, Preferences) else load(source, votes=arguments.votes)
    if part != "all":
        found = dict(zip(("train", "test"), found.split(test=0.2, seed=0), strict=True))[part]
    if arguments.max_groups and arguments.max_groups < len(found):
        found = found.take(arguments.max_groups, seed=0)
    say(f"{shown(found.name)}: {found.ledger.line()}")
    for reason in (reason for reason in found.ledger.dropped if reason != NOT_TAKEN):
        for where, prompt, done in found.ledger.examples(reason).head(1).itertuples(index=False):
            say(f'  {shown(reason)}: such as {where} ("{prompt}"), {done}')
    for note in found.notes:
        say(f"  note: {note}")
    return found


def model(name: str, arguments: argparse.Namespace, *, trains: bool = False, **settings):
    """Load a model. Of several processes each takes its own GPU; to train, `fit` moves it there."""
    from rmkit.device import best_device
    from rmkit.models.reward_model import RewardModel

    device = best_device()
    if "LOCAL_RANK" in os.environ:
        device = "cpu" if trains or device == "cpu" else f"{device}:{os.environ['LOCAL_RANK']}"

    found = RewardModel.load(name, max_length=arguments.max_length, device=device, **settings)
    say(repr(found))
    return found


def out_file(arguments: argparse.Namespace, option: str = "out") -> Path | None:
    """The file to write, checked before any work is done; None where the option was not given."""
    if getattr(arguments, option) is None:
        return None
    out = Path(getattr(arguments, option))
    if out.is_dir():
        raise InputError(f"{out} is a folder; --{option} names a file to write.")
    if out.exists() and Path(arguments.data).exists() and out.samefile(arguments.data):
        raise InputError(f"--{option} {out} would overwrite DATA; name another file.")
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def say(text: str) -> None:
    if os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        print("\n".join(map(shown, text.split("\n"))), flush=True)
