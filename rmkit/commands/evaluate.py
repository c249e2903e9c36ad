"""python -m rmkit evaluate: how often rewards agree with preferences."""

import argparse

from rmkit.commands import shared


def add(commands) -> None:
    """Declare the command."""
    evaluate = commands.add_parser("evaluate", help="compare rewards with preferences", epilog=shared.EPILOG)
    evaluate.add_argument("model", metavar="MODEL")
    evaluate.add_argument("data", metavar="DATA")
    evaluate.add_argument("--out", metavar="FILE", help="report.json to write")
    evaluate.add_argument("--html", metavar="FILE", help="page to write: the report's figure and tables")
    shared.add_data_options(evaluate)
    evaluate.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    from rmkit.evaluation.report import evaluate
    from rmkit.evaluation.steps import evaluate_steps
    from rmkit.notebook.page import require_plotly, write

    out, page = shared.out_file(arguments), shared.out_file(arguments, "html")
    if page:
        require_plotly()
    data = shared.data(arguments.data, arguments, arguments.part)
    model = shared.model(arguments.model, arguments)
    report = evaluate(model, data)
    if any(label is not None for record in data for row in record.step_labels or [] for label in row):
        report.steps = evaluate_steps(model, data)
    shared.say(str(report))
    if out:
        report.save(out)
        shared.say(f"wrote {out}")
    if page:
        write(page, f"{arguments.model} on {data.name}", report)
        shared.say(f"wrote {page}")
    return 0
