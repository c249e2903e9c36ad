"""What an evaluation measured, and the failures that can be read off it, as sentences and tables."""

from collections.abc import Sequence

import pandas as pd

from rmkit.data.ledger import beginning
from rmkit.data.preferences import Preferences
from rmkit.errors import shown
from rmkit.evaluation.report import Report
from rmkit.theory.intervals import (
    Difference,
    Interval,
    by_cluster,
    credit,
    crossed_interval,
    paired_difference,
)
from rmkit.training.reward_report.document import Part, Points, Table
from rmkit.training.reward_report.pictures import forest

NOT_MEASURED = "not measured"
WRONG = 5  # pairs that are quoted
DRAWN = 20  # subsets of a picture; the table has all


def share(value: float) -> str:
    """0.6543 as "65.4 %"."""
    return f"{100 * value:.1f} %"


def ends(interval: Sequence[float]) -> str:
    """(0.6, 0.7) as "60.0 to 70.0 %"."""
    return f"{100 * interval[0]:.1f} to {share(interval[1])}"


def accuracy_parts(report: Report) -> list[Part]:
    """Accuracy with its interval between the rules that know nothing, subsets, and what is beside them."""
    what = "pairs" if "first" in report.baselines else "answers"
    rows = {"these rewards": [share(report.accuracy), ends(report.interval), report.groups, report.pairs]}
    for name, rule in report.baselines.items():
        written = name == "first" and rule["accuracy"] in (0, 1)
        named = f"rule: {name}{' (how the file is written)' if written else ''}"
        rows[named] = [share(rule["accuracy"]), ends(rule["interval"]), report.groups, report.pairs]
    for name, part in report.subsets.items():
        rows[f"subset: {name}"] = [share(part.accuracy), ends(part.interval), part.groups, part.pairs]
    columns = ["accuracy", "95 % interval", "groups", what]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    parts: list[Part] = [_picture(report), Table(table, f"Accuracy on {report.pairs:,} {what}")]
    parts += [Table(each.table().round(3).astype(str), "Measured beside it") for each in _others(report)]
    if lead := ahead(report):
        name, by = lead
        parts.append(
            f"Against '{name}', the better of the two length rules on these very pairs: {100 * by.mean:+.1f} "
            f"points [{100 * by.interval[0]:+.1f}, {100 * by.interval[1]:+.1f}], paired, over prompts."
        )
    if report.ceiling is not None:
        parts.append(f"One judgment agrees with the others of its pair in {share(report.ceiling)}.")
    if report.ceiling == 1:
        parts.append("These may be copies of one judgment, and then say nothing of how far people agree.")
    return [*parts, *report.notes]


def ahead(report: Report) -> tuple[str, Difference] | None:
    """The better length rule and how far the rewards are ahead of it; None where that cannot be said."""
    frame = report.comparisons
    if not len(frame) or frame["prompt"].nunique() < 2:
        return None
    name = max(("longest", "shortest"), key=lambda rule: report.baselines[rule]["accuracy"])
    rule = frame["longer"] if name == "longest" else -frame["longer"]
    return name, paired_difference(credit(frame["gap"]), credit(rule), clusters=frame["prompt"])


def _others(report: Report) -> list:
    return [each for each in (report.outcomes, report.steps) if each is not None]


def _picture(report: Report):
    parts = sorted(report.subsets.items(), key=lambda item: -item[1].accuracy)[:DRAWN]
    rows = [(name, each.accuracy, *each.interval) for name, each in [("all", report), *parts]]
    rules = {name: rule["accuracy"] for name, rule in report.baselines.items()}
    words = (
        f"Accuracy with its 95 % interval, of all and of {len(parts)} subsets, between the rules that know "
        f"nothing of quality: {share(report.accuracy)}, {ends(report.interval)}."
    )
    return forest(rows, rules, words)


def calibration_parts(report: Report) -> list[Part]:
    """Whether sigma(gap) can be read as a probability, and how far rewards go with length."""
    c, curve = report.calibration, report.reliability
    names = ["right", "95 % interval", "pairs"]
    rows = {
        f"{share(sure)} sure": [share(right), ends((low, high)), int(n)]
        for sure, right, low, high, n in zip(*curve, strict=True)
    }
    lengths = {
        f"{row.shortest:+,.0f} to {row.longest:+,.0f}": [
            share(row.accuracy),
            ends((row.low, row.high)),
            int(row.pairs),
        ]
        for row in report.by_length().itertuples()
    }
    said = NOT_MEASURED if report.length is None else correlation(report.length)
    return [
        f"Read as a probability, the gap of two rewards has an expected calibration error of {c['ece']:.3f} "
        f"and a Brier score of {c['brier']:.3f}. Divided by {c['temperature']:.3g} it would fit best; that "
        f"number was fitted on these very pairs.",
        Table(
            pd.DataFrame.from_dict(rows, orient="index", columns=names),
            "As right as it is sure? (intervals as if all pairs were independent)",
            True,
        ),
        f"Correlation of rewards with length (characters), within prompts: {said}.",
        Table(
            pd.DataFrame.from_dict(lengths, orient="index", columns=names),
            "Accuracy by how many characters more the better answer has",
            True,
        ),
    ]


def correlation(each: Interval) -> str:
    """An interval of a correlation in words."""
    return f"{each.mean:+.2f} [{each.low:+.2f}, {each.high:+.2f}]"


def failures(report: Report) -> list[str]:
    """Sentences about what these numbers show to be wrong; empty where they show nothing."""
    found = []
    if (lead := ahead(report)) and lead[1].interval[0] <= 0:
        found.append(
            f"It cannot be told from, or is behind, a rule that looks at length alone ('{lead[0]}')."
        )
    if report.interval[0] <= 0.5:
        found.append("Its accuracy cannot be told from a coin's, or is below it.")
    weak = [name for name, part in report.subsets.items() if part.interval[0] <= 0.5]
    if weak:
        found.append(
            f"In {len(weak)} of {len(report.subsets)} subsets it is no better than a coin, or pairs are few: "
            f"{', '.join(map(shown, weak))}."
        )
    if report.length is not None and not report.length.low <= 0 <= report.length.high:
        more = "longer" if report.length.mean > 0 else "shorter"
        found.append(f"It gives more to {more} answers: correlation {correlation(report.length)}.")
    if report.tied_rewards:
        found.append(f"{report.tied_rewards:,} of {report.pairs:,} pairs have equal rewards.")
    if report.ledger.truncated:
        found.append(f"{report.ledger.truncated:,} groups were read in part only: their text was too long.")
    return found


def surely_wrong(report: Report, data: Preferences) -> Table | None:
    """The pairs with the largest gap in the wrong order, quoted; None where none is."""
    frame = report.comparisons.nsmallest(WRONG, "gap")
    frame = frame[frame["gap"] < 0]
    if not len(frame) or "first" not in report.baselines:
        return None
    rows = {}
    for row in frame.itertuples():
        record = data[int(row.group)]
        better, worse = (record.responses[i] for i in (row.at, row.at + row.earlier))
        place = shown(record.where or record.id or f"group {row.group}").rsplit("/", 1)[-1]
        rows[place] = [
            f"{row.gap:.2f}",
            beginning(record.prompt, 160),
            beginning(better, 160),
            beginning(worse, 160),
        ]
    columns = ["gap", "prompt", "labelled better", "the rewards preferred"]
    table = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    return Table(table, f"The {len(rows)} pairs that it got most surely wrong", page_only=True)


def over_seeds(reports: Sequence[Report]) -> tuple[Interval, list[float]]:
    """Accuracy over runs and prompts, crossed, and that of each run; all evaluated on the same pairs."""
    prompts = reports[0].comparisons["prompt"]
    cells = [by_cluster(credit(each.comparisons["gap"]), prompts) for each in reports]
    found = crossed_interval([totals / sizes for _, sizes, totals in cells], [sizes for _, sizes, _ in cells])
    return found, [each.accuracy for each in reports]


def unmeasured(report: Report | None, several: bool) -> Points:
    """What this report cannot say, since nobody measured it."""
    found = [] if several else ["How far these numbers move with another seed: this is one run."]
    found += [
        "What a policy does that is trained by these rewards, or whose best of n they choose.",
        "Answers of other writers, prompts of other kinds, other languages than those evaluated on.",
        "Whether people who did not label these data would agree.",
    ]
    if report is None:
        return Points(["How good it is: no evaluation was given.", *found])
    if report.ceiling is None:
        found.append("How far people agree with each other: no pair was judged twice.")
    if not report.subsets:
        found.append("Subsets: the data name none.")
    return Points(found)
