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
    from rmkit.commands.parts import scored
    from rmkit.evaluation.report import check_labeled, evaluate
    from rmkit.evaluation.steps import evaluate_steps
    from rmkit.notebook.page import require_plotly, write

    out, page = shared.out_file(arguments), shared.out_file(arguments, "html")
    if page:
        require_plotly()
    data = shared.data(arguments.data, arguments, arguments.part)
    model = shared.model(arguments.model, arguments)
    check_labeled(data)
    with scored(model, data) as found:
        report = evaluate(found, data) if found else None
    if any(label is not None for record in data for row in record.step_labels or [] for label in row):
        with scored(model, data, steps=True) as found:
            if found:
                report.steps = evaluate_steps(found, data)
    if report is None:  # the first of several processes reports
        return 0
    shared.say(str(report))
    if out:
        report.save(out)
        shared.say(f"wrote {out}")
    if page:
        write(page, f"{arguments.model} on {data.name}", report)
        shared.say(f"wrote {page}")
    return 0
