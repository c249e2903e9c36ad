"""The command line: python -m rmkit doctor | train | score | evaluate."""

import argparse
import json
import os
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

from rmkit.errors import InputError

PART = "all of DATA (default), or 80 %% or 20 %% of its prompts; with `train`, --evaluate takes the 20 %%"
EPILOG = "DATA and MODEL are a file, a folder, a Hub id, or a built-in name (pocket, smollm2-135m, minilm)."


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. Returns 0 when it is done, 2 for bad input (said in one sentence), 130 after Ctrl-C."""
    arguments = _parser().parse_args(argv)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", module=r"(torch|transformers|accelerate|peft)\b")
            for of_developers in (DeprecationWarning, FutureWarning):
                warnings.simplefilter("ignore", of_developers)
            warnings.showwarning = lambda message, *_: print(f"note: {message}", file=sys.stderr)
            return arguments.run(arguments)
    except BrokenPipeError:  # the reader of our output has left: `... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (InputError, OSError) as error:  # OSError: a file that cannot be read or written, a full disk
        print(f"rmkit: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        again = (
            "; the same command with --resume goes on from the last checkpoint"
            if arguments.run is _train
            else ""
        )
        print(f"rmkit: stopped{again}.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rmkit", description="Reward modeling.", epilog=EPILOG)
    commands = parser.add_subparsers(metavar="command", required=True)
    doctor = commands.add_parser("doctor", help="what is installed here, and what is missing")
    doctor.set_defaults(run=_doctor)

    train = commands.add_parser("train", help="train a reward model on preferences", epilog=EPILOG)
    train.add_argument("data", metavar="DATA", help="preferences to learn from")
    train.add_argument("--model", required=True, help="language model or reward model to start from")
    train.add_argument(
        "--out", required=True, metavar="FOLDER", help="new folder for the model and its history"
    )
    train.add_argument(
        "--loss", default="bradley-terry", help="bradley-terry (default), margin, plackett-luce ..."
    )
    train.add_argument("--weighting", default="group", choices=["group", "pair"], help="what counts once")
    train.add_argument("--epochs", type=_positive(int), default=1, help="passes over the data (default 1)")
    train.add_argument(
        "--lr", type=_positive(float), help="peak learning rate (default: by size of the model)"
    )
    train.add_argument(
        "--groups-per-step", type=_positive(int), help="prompts in one update (default: by tokens)"
    )
    train.add_argument(
        "--tokens-per-batch", type=_positive(int), help="in memory at once (default: by device)"
    )
    train.add_argument(
        "--centering", type=float, default=0.0, help="coefficient of (r_w + r_l)^2 (default 0)"
    )
    train.add_argument("--seed", type=int, default=0, help="of the head, the order and dropout (default 0)")
    train.add_argument("--lora", type=_positive(int), metavar="RANK", help="train adapters only (needs peft)")
    train.add_argument(
        "--precision", choices=["no", "bf16"], help="default: what accelerate is configured for"
    )
    train.add_argument("--evaluate", metavar="DATA", help="preferences to evaluate on at the end")
    train.add_argument("--save-every", type=_positive(int), metavar="STEPS", help="default: every 5 minutes")
    train.add_argument("--resume", action="store_true", help="go on with the run in FOLDER")
    train.set_defaults(run=_train)

    score = commands.add_parser("score", help="write the rewards of responses", epilog=EPILOG)
    score.add_argument("model", metavar="MODEL")
    score.add_argument("data", metavar="DATA")
    score.add_argument(
        "--out", required=True, metavar="FILE", help="JSONL: the rows of DATA and their rewards"
    )
    score.set_defaults(run=_score)

    evaluate = commands.add_parser("evaluate", help="compare rewards with preferences", epilog=EPILOG)
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("data", metavar="DATA")
    evaluate.add_argument("--out", metavar="FILE", help="report.json to write")
    evaluate.set_defaults(run=_evaluate)

    for command in (train, score, evaluate):
        command.add_argument(
            "--max-length", type=_positive(int), default=2048, help="tokens, longer text is cut"
        )
        command.add_argument("--max-groups", type=_positive(int), help="use only so many, drawn at random")
        command.add_argument("--part", choices=["all", "train", "test"], default="all", help=PART)
    return parser


def _positive(kind: type) -> type:
    def number(text: str) -> float:
        value = kind(text)
        if not value > 0:
            raise ValueError
        return value

    number.__name__ = f"positive {kind.__name__}"
    return number


def _doctor(_: argparse.Namespace) -> int:
    from rmkit.notebook import doctor

    return doctor.main()


def _train(arguments: argparse.Namespace) -> int:
    import torch

    from rmkit.training.checkpoint import check_folder
    from rmkit.training.loop import fit

    check_folder(arguments.out, arguments.resume)
    train = _data(arguments.data, arguments, arguments.part)
    held_out = "test" if arguments.part == "train" else "all"
    test = _data(arguments.evaluate, arguments, held_out) if arguments.evaluate else None
    model = _model(arguments.model, arguments, seed=arguments.seed, lora=arguments.lora)
    names = "loss weighting epochs lr groups_per_step tokens_per_batch centering seed precision save_every"
    settings = {name: getattr(arguments, name) for name in names.split()}
    try:
        run = fit(model, train, evaluate=test, out=arguments.out, resume=arguments.resume, **settings)
    except torch.OutOfMemoryError:
        raise InputError("The GPU's memory is too small: try --tokens-per-batch 2048, or less.") from None
    _say(f"trained: {run.ledger.line()}")
    _say(f"wrote {run.out}: the model, history.csv, ledger.json{' and report.json' if run.report else ''}")
    if run.report:
        _say(f"evaluation on {test.name}:\n{run.report}")
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

    out = _out_file(arguments) if arguments.out else None
    data = _data(arguments.data, arguments, arguments.part)
    report = evaluate(_model(arguments.model, arguments), data)
    _say(str(report))
    if out:
        report.save(out)
        _say(f"wrote {out}")
    return 0


def _data(source: str, arguments: argparse.Namespace, part: str):
    """Load preferences, say what became of every row, and take the part and the number of groups asked
    for."""
    from rmkit.data.ledger import dropped
    from rmkit.data.preferences import Preferences, as_preferences

    data = as_preferences(source)
    if part != "all":
        data = dict(zip(("train", "test"), data.split(test=0.2, seed=0), strict=True))[part]
    limit = arguments.max_groups
    if limit and limit < len(data):
        chosen = data.take(limit, seed=0).records
        taken = {id(record) for record in chosen}
        rest = [(record, "beyond --max-groups") for record in data if id(record) not in taken]
        data = Preferences(chosen, dropped(data.ledger, rest), data.name)
    _say(f"{data.name}: {data.ledger.line()}")
    return data


def _model(name: str, arguments: argparse.Namespace, **settings):
    from rmkit.models.reward_model import RewardModel

    # Several processes: each loads into memory, and `fit` moves it to the process's own GPU.
    device = "cpu" if "LOCAL_RANK" in os.environ else None
    model = RewardModel.load(name, max_length=arguments.max_length, device=device, **settings)
    _say(repr(model))
    return model


def _out_file(arguments: argparse.Namespace) -> Path:
    """The file to write, checked before any work is done."""
    out = Path(arguments.out)
    if out.is_dir():
        raise InputError(f"{out} is a folder; --out names a file to write.")
    if out.exists() and Path(arguments.data).exists() and out.samefile(arguments.data):
        raise InputError(f"--out {out} would overwrite DATA; name another file.")
    out.parent.mkdir(parents=True, exist_ok=True)
    return out


def _say(text: str) -> None:
    if os.environ.get("RANK", "0") == "0":  # of several processes, one speaks
        print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
