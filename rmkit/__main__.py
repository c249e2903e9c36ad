"""The command line: python -m rmkit doctor | train | score | evaluate | rank."""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Callable, Sequence
from dataclasses import Field, fields
from pathlib import Path

from rmkit.errors import InputError, shown
from rmkit.training.settings import Settings, checked, read

PART = "all of DATA (default), or 80 %% or 20 %% of its prompts; with `train`, --evaluate takes the 20 %%"
VOTES = "judgments of one pair: each a record (default), their majority, or their share (a soft label)"
EPILOG = "DATA and MODEL are a file, a folder, a Hub id, or a built-in name (pocket, smollm2-135m, minilm)."


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
        again = (
            "; the same command with --resume goes on from the last checkpoint"
            if arguments.run is _train
            else ""
        )
        print(f"rmkit: stopped{again}.", file=sys.stderr)
        return 130


def _parser(training: bool = False) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rmkit", description="Reward modeling.", epilog=EPILOG)
    commands = parser.add_subparsers(metavar="command", required=True)
    doctor = commands.add_parser("doctor", help="what is installed here, and what is missing")
    doctor.set_defaults(run=_doctor)

    train = commands.add_parser(
        "train", help="train a reward model on preferences", epilog=EPILOG, allow_abbrev=False
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
    train.add_argument("--lora", type=_positive(int), metavar="RANK", help="train adapters only (needs peft)")
    train.add_argument("--layout", choices=["auto", "packed", "padded"], default="auto", help="of the tokens")
    train.add_argument(
        "--dtype",
        choices=["float32", "bfloat16"],
        default="float32",
        help="of the weights (bfloat16: --lora)",
    )
    if training:  # which imports torch; the doctor must speak where that is broken
        _add_settings(train)
    train.set_defaults(run=_train)

    score = commands.add_parser("score", help="write the rewards of responses", epilog=EPILOG)
    score.add_argument("model", metavar="MODEL")
    score.add_argument("data", metavar="DATA")
    score.add_argument(
        "--out", required=True, metavar="FILE", help="JSONL: the rows of DATA and their rewards"
    )
    score.set_defaults(run=_score, votes="each")

    evaluate = commands.add_parser("evaluate", help="compare rewards with preferences", epilog=EPILOG)
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("data", metavar="DATA")
    evaluate.add_argument("--out", metavar="FILE", help="report.json to write")
    evaluate.add_argument("--html", metavar="FILE", help="page to write: the report's figure and tables")
    evaluate.set_defaults(run=_evaluate)

    rank = commands.add_parser("rank", help="a leaderboard from battles: who beat whom")
    rank.add_argument("data", metavar="BATTLES", help="table with model_a, model_b, winner; or JSON rankings")
    rank.add_argument("--anchor", type=_anchor, metavar="NAME=1000", help="hold an item (default: mean 1000)")
    rank.add_argument(
        "--prior", type=_positive(float), nargs="?", const=0.1, default=0.0, help="keeps scores finite (0.1)"
    )
    rank.add_argument("--half-ties", action="store_true", help="a tie is half a win each way, as in evalica")
    rank.add_argument("--style", nargs="+", metavar="COLUMN", help="scores at equal length, format ...")
    rank.add_argument("--by", metavar="COLUMN", help="voters, say: robust errors that keep theirs together")
    rank.add_argument(
        "--bootstrap", type=_positive(int), default=0, metavar="N", help="intervals by resampling"
    )
    rank.add_argument("--out", metavar="FILE", help="table.csv to write")
    rank.add_argument("--html", metavar="FILE", help="figure to write (needs plotly)")
    rank.set_defaults(run=_rank)

    for command in (train, score, evaluate):
        command.add_argument(
            "--max-length", type=_positive(int), default=2048, help="tokens, longer text is cut"
        )
        command.add_argument("--max-groups", type=_positive(int), help="use only so many, drawn at random")
        command.add_argument("--part", choices=["all", "train", "test"], default="all", help=PART)
    for command in (train, evaluate):
        command.add_argument("--votes", choices=["each", "majority", "share"], default="each", help=VOTES)
    return parser


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


def _positive(kind: type) -> type:
    def number(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise ValueError
        return value

    number.__name__ = f"positive {kind.__name__}"
    return number


def _anchor(text: str) -> dict[str, float]:
    name, _, value = text.rpartition("=")
    if not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE, such as gpt-4=1000")
    return {name: float(value)}


def _doctor(_: argparse.Namespace) -> int:
    from rmkit.notebook import doctor

    return doctor.main()


def _train(arguments: argparse.Namespace) -> int:
    import torch

    from rmkit.training.checkpoint import check_folder
    from rmkit.training.loop import fit

    check_folder(arguments.out, arguments.resume)
    settings = _settings(arguments)
    train = _data(arguments.data, arguments, arguments.part)
    held_out = "test" if arguments.part == "train" else "all"
    test = _data(arguments.evaluate, arguments, held_out) if arguments.evaluate else None
    how = {"lora": arguments.lora, "layout": arguments.layout, "dtype": getattr(torch, arguments.dtype)}
    model = _model(arguments.model, arguments, seed=settings.seed, **how)
    try:
        run = fit(model, train, evaluate=test, out=arguments.out, resume=arguments.resume, settings=settings)
    except torch.OutOfMemoryError:
        raise InputError(
            "The GPU's memory is too small: go on with --resume and --tokens-per-batch 2048, or less."
        ) from None
    _say(f"trained: {run.ledger.line()}")
    files = ["settings.json", "history.csv", "ledger.json", *(["report.json"] if run.report else [])]
    _say(f"wrote {run.out}: the model, {', '.join(files)}")
    if run.report:
        _say(f"evaluation on {shown(test.name)}:\n{run.report}")
    return 0


def _score(arguments: argparse.Namespace) -> int:
    """As many lines as DATA has rows, in order: all their columns, and rewards, or null and the reason."""
    from rmkit.data.rows_to_score import as_preferences_to_score, rows_to_score

    out = _out_file(arguments)
    rows = rows_to_score(arguments.data)
    groups = as_preferences_to_score(rows, Path(arguments.data).name)
    data = _data(groups, arguments, arguments.part)
    model = _model(arguments.model, arguments)
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
    _say(
        f"wrote {out}: {len(rows):,} rows, {len(data):,} with their rewards"
        f"{f', {cut:,} read in part' if cut else ''}"
    )
    return 0


def _evaluate(arguments: argparse.Namespace) -> int:
    from rmkit.evaluation.report import evaluate
    from rmkit.notebook.page import require_plotly, write

    out, page = _out_file(arguments), _out_file(arguments, "html")
    if page:
        require_plotly()
    data = _data(arguments.data, arguments, arguments.part)
    report = evaluate(_model(arguments.model, arguments), data)
    _say(str(report))
    if out:
        report.save(out)
        _say(f"wrote {out}")
    if page:
        write(page, f"{arguments.model} on {data.name}", report)
        _say(f"wrote {page}")
    return 0


def _rank(arguments: argparse.Namespace) -> int:
    from rmkit.theory.bradley_terry import fit

    out, html = (_out_file(arguments, option) for option in ("out", "html"))
    ties = "half" if arguments.half_ties else None
    options = {name: getattr(arguments, name) for name in ("prior", "style", "by", "bootstrap")}
    model = fit(arguments.data, ties=ties, **options)
    errors = "bootstrap" if arguments.bootstrap else "robust" if arguments.by else "model"
    scale = {"anchor": arguments.anchor or 1000, "scale": "elo"}
    table = model.leaderboard(**scale, errors=errors)
    _say(f"{model.headline()}\nElo scale, 95 % intervals: {errors} errors over {model.evidence.unit}")
    _say(table.assign(item=table["item"].map(shown)).to_string(index=False, float_format="{:.1f}".format))
    if model.style is not None:
        _say(f"\nstyle, in log-odds for one unit:\n{model.style.to_string(float_format='{:.4f}'.format)}")
    if out:
        table.to_csv(out, index=False)
        _say(f"wrote {out}")
    if html:
        model.figure(**scale).write_html(html, include_plotlyjs=True)
        _say(f"wrote {html}")
    return 0


def _data(source: str, arguments: argparse.Namespace, part: str):
    """Load preferences, take the part and number of groups asked for, say what became of every row."""
    from rmkit.data.ledger import NOT_TAKEN
    from rmkit.data.preferences import Preferences, load

    data = source if isinstance(source, Preferences) else load(source, votes=arguments.votes)
    if part != "all":
        data = dict(zip(("train", "test"), data.split(test=0.2, seed=0), strict=True))[part]
    if arguments.max_groups and arguments.max_groups < len(data):
        data = data.take(arguments.max_groups, seed=0)
    _say(f"{shown(data.name)}: {data.ledger.line()}")
    for reason in (reason for reason in data.ledger.dropped if reason != NOT_TAKEN):
        for where, prompt, done in data.ledger.examples(reason).head(1).itertuples(index=False):
            _say(f'  {shown(reason)}: such as {where} ("{prompt}"), {done}')
    for note in data.notes:
        _say(f"  note: {note}")
    return data


def _model(name: str, arguments: argparse.Namespace, **settings):
    from rmkit.models.reward_model import RewardModel

    # Several processes: each loads into memory, and `fit` moves it to the process's own GPU.
    device = "cpu" if "LOCAL_RANK" in os.environ else None
    model = RewardModel.load(name, max_length=arguments.max_length, device=device, **settings)
    _say(repr(model))
    return model


def _out_file(arguments: argparse.Namespace, option: str = "out") -> Path | None:
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


def _say(text: str) -> None:
    if os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        print("\n".join(map(shown, text.split("\n"))), flush=True)


if __name__ == "__main__":
    sys.exit(main())
