"""python -m rmkit train: a flag for every setting of a run."""

import argparse
from collections.abc import Callable
from dataclasses import Field, fields

from rmkit.commands import shared
from rmkit.errors import InputError, shown
from rmkit.training.settings import Settings, checked, read


def add(commands, training: bool) -> None:
    """Declare the command. training: it is the one that was asked for, so its settings are needed."""
    train = commands.add_parser(
        "train", help="train a reward model on preferences", epilog=shared.EPILOG, allow_abbrev=False
    )
    train.add_argument("data", metavar="DATA", help="preferences to learn from")
    train.add_argument("--model", required=True, help="language model or reward model to start from")
    train.add_argument(
        "--out", required=True, metavar="FOLDER", help="new folder for the model and its history"
    )
    train.add_argument("--evaluate", metavar="DATA", help="preferences to evaluate on")
    train.add_argument("--resume", action="store_true", help="go on with the run in FOLDER")
    train.add_argument(
        "--config", metavar="FILE", help="settings in a .json or .toml file; flags change them"
    )
    train.add_argument(
        "--lora", type=shared.positive(int), metavar="RANK", help="train adapters only (needs peft)"
    )
    train.add_argument("--layout", choices=["auto", "packed", "padded"], default="auto", help="of the tokens")
    train.add_argument(
        "--dtype",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of the weights (bfloat16: --lora)",
    )
    if training:  # which imports torch; the doctor must speak where that is broken
        _add_settings(train)
    shared.add_data_options(train)
    train.set_defaults(run=run, resumes=True)


def _add_settings(train: argparse.ArgumentParser) -> None:
    """A flag for every setting of a run that can be written in a word, and for the options of losses."""
    from rmkit.training.objective import loss_options

    group = train.add_argument_group("settings")
    for setting in fields(Settings):
        said = setting.metadata
        flag = {"default": argparse.SUPPRESS, "dest": f"settings.{setting.name}"}
        flag["help"] = said["words"].replace("%", "%%")
        if said["kind"] is bool:
            flag["action"] = argparse.BooleanOptionalAction
        elif said.get("choices"):
            flag["choices"] = said["choices"]
        elif said["kind"] in (int, float):
            flag |= {"type": _number(setting), "metavar": "N" if said["kind"] is int else "X"}
        elif said["kind"] in (Callable, dict):
            continue
        else:
            flag["metavar"] = "NAME"
        group.add_argument(f"--{setting.name.replace('_', '-')}", **flag)
    for name, (kind, words) in loss_options().items():
        flag = {"default": argparse.SUPPRESS, "dest": f"settings.{name}", "type": kind, "metavar": "X"}
        group.add_argument(f"--{name}", help=words, **flag)


def _number(setting: Field) -> Callable[[str], float]:
    def number(text: str) -> float:
        try:
            return checked(setting, setting.metadata["kind"](text))
        except InputError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    number.__name__ = setting.metadata["kind"].__name__
    return number


def _settings(arguments: argparse.Namespace) -> Settings:
    """Those of --config, changed by the flags; refused here where they cannot be, before anything is read."""
    from rmkit.training.objective import Objective

    given = {name.split(".")[1]: value for name, value in vars(arguments).items() if name[:9] == "settings."}
    settings = Settings().but(**(read(arguments.config) if arguments.config else {}) | given)
    Objective(settings.loss, settings.options)
    return settings


def run(arguments: argparse.Namespace) -> int:
    import torch

    from rmkit.training.checkpoint import check_folder
    from rmkit.training.loop import fit

    check_folder(arguments.out, arguments.resume)
    settings = _settings(arguments)
    train = shared.data(arguments.data, arguments, arguments.part)
    held_out = "test" if arguments.part == "train" else "all"
    test = shared.data(arguments.evaluate, arguments, held_out) if arguments.evaluate else None
    how = {"lora": arguments.lora, "layout": arguments.layout, "dtype": getattr(torch, arguments.dtype)}
    how["shard"] = settings.shard
    model = shared.model(arguments.model, arguments, trains=True, seed=settings.seed, **how)
    try:
        done = fit(model, train, evaluate=test, out=arguments.out, resume=arguments.resume, settings=settings)
    except torch.OutOfMemoryError:
        raise InputError(
            "The GPU's memory is too small: go on with --resume and --tokens-per-batch 2048, or less."
        ) from None
    shared.say(f"trained: {done.ledger.line()}")
    files = ["README.md", "settings.json", "history.csv", "ledger.json"]
    files += ["report.json"] if done.report else []
    shared.say(f"wrote {done.out}: the model, {', '.join(files)}")
    if done.report:
        shared.say(f"evaluation on {shown(test.name)}:\n{done.report}")
    return 0
