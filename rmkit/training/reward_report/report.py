"""The Reward Report of a run, or of a model and an evaluation: put together here, written by `save`.

Its six parts are those of Gilbert, Lambert, Dean, Zick and Snoswell, "Reward Reports for Reinforcement
Learning" (2022). A number in it was measured; what was not measured, or not stated, says so.
"""

import datetime
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from rmkit.errors import InputError, did_you_mean
from rmkit.evaluation.report import Report
from rmkit.models.reward_model import RewardModel
from rmkit.training.reward_report import evaluation, training
from rmkit.training.reward_report.document import Code, Part, Points, Section, Table, to_html, to_markdown

# What only a person can say, and how the report calls it.
PLACES = {
    "owner": "Owner and contact",
    "goal": "What it is meant to reward",
    "stakeholders": "Who is affected",
    "recourse": "What one can do about a wrong score",
    "failures": "Failures known from elsewhere",
    "update": "When it is to be trained again",
}
USE = """import rmkit

model = rmkit.RewardModel.load("FOLDER")  # this folder
model.score("a prompt", ["one answer", "another"])
# The tokens of one answer alone, for any other program. In a group
# whose text is too long, the prompt is cut alike for all answers.
tokens = model.tokens("a prompt", "one answer")

# It is a plain transformers folder: .logits of those tokens is the score.
from transformers import AutoModelForSequenceClassification
AutoModelForSequenceClassification.from_pretrained("FOLDER")
"""


@dataclass(frozen=True)
class RewardReport:
    """title, sections, and the Hub id of the model that was started from, where it has one."""

    title: str
    sections: Sequence[Section]
    base: str | None = None

    def html(self) -> str:
        """One page that stands alone: no script, nothing asked of a network."""
        return to_html(self.title, self.sections)

    def markdown(self) -> str:
        """A model card, with the head that the Hub reads. It quotes no data."""
        lines = ["library_name: transformers", "pipeline_tag: text-classification"]
        lines += [f"base_model: {json.dumps(self.base)}"] if self.base else []
        head = "\n".join(["---", *lines, "tags:", "- reward-model", "- rmkit", "---"])
        return f"{head}\n\n{to_markdown(self.title, self.sections)}"

    def _repr_markdown_(self) -> str:
        return to_markdown(self.title, self.sections)

    def save(self, path: str | Path) -> Path:
        """Write the report: an .html file is the page, an .md file the model card."""
        path = Path(path)
        if path.suffix not in (".html", ".md"):
            raise InputError(f"{path} is no name for a report: end it in .html (a page) or .md (a card).")
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self.html() if path.suffix == ".html" else self.markdown()
        path.write_bytes(text.encode("utf-8", "xmlcharrefreplace"))
        return path


def reward_report(
    what, report: Report | None = None, *, seeds: Sequence = (), says: Mapping[str, str] | None = None
) -> RewardReport:
    """What a trained model says about itself.

    what: a `Run`, or a RewardModel, of which nothing is known but what `report` says.
    report: an evaluation of it (`rmkit.evaluate`); a run that was given `evaluate=` has its own.
    seeds: runs that differ from this one in their seed alone, evaluated on the same pairs.
    says: what only a person can say: {"owner", "goal", "stakeholders", "recourse", "failures", "update"}.
    Raises InputError where `says` has another name, or `seeds` are no such runs.
    """
    says = dict(says or {})
    for name in says:
        if name not in PLACES:
            raise InputError(f"A Reward Report has no place for {name!r}{did_you_mean(name, PLACES)}")
    run, model = (None, what) if isinstance(what, RewardModel) else (what, what.model)
    given, report = report is not None, report or getattr(run, "report", None)
    trained = getattr(run, "data", None)
    held_out = None if given else getattr(run, "held_out", None)
    runs = _same_but_for_the_seed(run, seeds)
    today = datetime.date.today().isoformat()
    sections = [
        Section("1. System details", [_facts(_details(run, model, says, today)), Code(USE)]),
        Section("2. What it is for, and how it fails", _intent(run, report, runs, held_out, says)),
        Section("3. People", [_said(says, "stakeholders", "recourse")]),
        Section("4. Implementation", _implementation(run, trained, held_out)),
        Section("5. Evaluation", _evaluation(report, runs)),
        Section("6. Maintenance", [_said(says, "update"), f"{today}: this report was written."]),
    ]
    return RewardReport(f"Reward Report: {_name(run, model)}", sections, training.base_model(model))


def _stated(says: Mapping[str, str], name: str) -> str:
    return f"{says[name]} (stated by a person, not measured)" if says.get(name) else "not stated"


def _name(run, model: RewardModel) -> str:
    return run.out.name if run is not None and run.out else Path(model.name).name


def _facts(facts: Mapping[str, str]) -> Table:
    return Table(pd.DataFrame({"": facts}), "In short")


def _said(says: Mapping[str, str], *names: str) -> Table:
    return _facts({PLACES[name]: _stated(says, name) for name in names})


def _details(run, model: RewardModel, says: Mapping[str, str], today: str) -> dict[str, str]:
    recorded = run is not None and run.settings is not None
    source = "model" if run is None else "run"
    return {
        PLACES["owner"]: _stated(says, "owner"),
        "written": f"{today}, by rmkit {version('rmkit')}, from the {source} itself",
        **training.made_with(model, run is not None),
        "seed": f"{run.settings.seed} (order of the groups, dropout)" if recorded else "not recorded",
    }


def _intent(run, report: Report | None, runs: Sequence, held_out, says: Mapping[str, str]) -> list[Part]:
    settings = getattr(run, "settings", None)
    loss = str(training.identity(settings.loss)) if settings else "not recorded"
    return [
        _said(says, "goal", "failures"),
        f"The loss that was minimized: {loss}.",
        *_failures(report, held_out),
        "What nobody measured here:",
        evaluation.unmeasured(report, len(runs) > 1),
    ]


def _failures(report: Report | None, held_out) -> list[Part]:
    if report is None:
        return ["Failures: not measured."]
    found = evaluation.failures(report)
    if found:
        found_by = ["Failures that the numbers below show:", Points(found)]
    else:
        found_by = ["The numbers below show no failure by themselves."]
    wrong = evaluation.surely_wrong(report, held_out) if held_out is not None else None
    return [*found_by, *([wrong] if wrong else [])]


def _implementation(run, trained, held_out) -> list[Part]:
    if run is None:
        return ["How it was trained is not recorded in a model: this report was not made from a run."]
    parts: list[Part] = []
    if trained is not None or held_out is not None:
        parts = [training.data_table(trained, held_out), training.shared_prompts(trained, held_out)]
    return [*parts, *training.steps(run)]


def _evaluation(report: Report | None, runs: Sequence) -> list[Part]:
    if report is None:
        return [
            "No evaluation was given: accuracy, subsets, calibration, correlation with length: not measured."
        ]
    parts = [*evaluation.accuracy_parts(report), *evaluation.calibration_parts(report)]
    parts.append(f"What became of the rows evaluated on: {report.ledger.line()}.")
    if len(runs) < 2:
        return [*parts, "Spread over seeds: not measured (one run)."]
    found, each = evaluation.over_seeds([one.report for one in runs])
    names = [f"seed {one.settings.seed}" for one in runs]
    table = pd.DataFrame({"accuracy": dict(zip(names, map(evaluation.share, each), strict=True))})
    mean = f"{evaluation.share(found.mean)}, {evaluation.ends(found[1:])}"
    return [*parts, f"Over {len(runs)} seeds and the prompts: {mean}.", Table(table, "Each seed")]


def _same_but_for_the_seed(run, others: Sequence) -> list:
    """The run and the others, checked."""
    runs = [run, *(other for other in others if other is not run)]
    if len(runs) < 2:
        return runs
    if any(one is None or one.report is None or one.settings is None for one in runs):
        raise InputError("seeds= takes runs of rmkit.fit that were evaluated, beside a run.")
    for other in runs[1:]:
        if other.settings.but(seed=run.settings.seed) != run.settings:
            raise InputError(
                "seeds= takes runs that differ in their seed alone; these differ in another setting."
            )
        if not other.report.comparisons[["group", "better", "worse"]].equals(
            run.report.comparisons[["group", "better", "worse"]]
        ):
            raise InputError("seeds= takes runs that were evaluated on the same pairs; these were not.")
    return runs
