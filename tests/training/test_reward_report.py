"""The Reward Report, read as a sceptic: numbers are recomputed, what is missing is said, and no text acts."""

import html
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from rmkit.preferences import Preferences, Record
from tiny import load, tiny_model, toy

import rmkit
from rmkit import training
from rmkit.errors import InputError
from rmkit.evaluation import length
from rmkit.theory import statistics
from rmkit.training.reward_report import document

EVIL = "<script>alert(1)</script> <img src=https://evil.example/x> `](javascript:x) | **bold**"
EMPTY = {"meta", "circle", "line", "polyline"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tiny_model(tmp_path_factory.mktemp("llama"))


def named(data: Preferences, name: str) -> Preferences:
    for number, record in enumerate(data):
        record.subset, record.id = f"subset {number % 2}", f"{name}-{number}"
    return Preferences(data.records, name=name)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory):
    train, test = named(toy(120), "some-people"), named(toy(60, seed=1), "others")
    out = tmp_path_factory.mktemp("runs") / "first"
    return training.fit(
        load(folder), train, evaluate=test, out=out, groups_per_step=8, lr=1e-2, progress=False
    )


class Page(HTMLParser):
    """Tags, attributes and words of a page, and whether every tag is closed."""

    def __init__(self, text: str):
        super().__init__()
        self.tags, self.attributes, self.words, self.open = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())


def page(path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def percent(value: float) -> str:
    return f"{100 * value:.1f} %"


def test_every_number_of_the_evaluation_is_that_of_an_evaluation_made_anew(run, tmp_path):
    run.page(tmp_path / "report.html")
    text = page(tmp_path / "report.html").text
    rewards = run.model.score_all(run.held_out)
    gaps, longer, prompts = [], [], []
    for record, own in zip(run.held_out, rewards, strict=True):
        for i, j in record.pairs():
            gaps.append(float(own[i] - own[j]))
            longer.append(len(record.responses[i]) - len(record.responses[j]))
            prompts.append(record.prompt)
    right, rule = ((np.sign(each) + 1) / 2 for each in (gaps, longer))
    low, high = statistics.accuracy_interval(right, clusters=prompts)
    assert f"these rewards {percent(right.mean())} {100 * low:.1f} to {percent(high)}" in text
    assert f"rule: longest {percent(rule.mean())}" in text
    assert f"rule: shortest {percent(1 - rule.mean())}" in text
    best = rule if rule.mean() > 0.5 else 1 - rule
    lead = statistics.paired_difference(right, best, clusters=prompts)
    assert (
        f"{100 * lead.mean:+.1f} points [{100 * lead.interval[0]:+.1f}, {100 * lead.interval[1]:+.1f}]"
        in text
    )
    found = statistics.calibration(gaps)
    assert f"error of {found.ece:.3f} and a Brier score of {found.brier:.3f}" in text
    assert f"Divided by {found.temperature:.3g} it" in text
    sizes = [list(map(len, record.responses)) for record in run.held_out]
    several = [g for g, own in enumerate(sizes) if len(set(own)) > 1]
    rho = length.length_correlation(
        [rewards[g] for g in several],
        Preferences([run.held_out[g] for g in several]),
        [sizes[g] for g in several],
    )
    assert f"within prompts: {rho.mean:+.2f} [{rho.low:+.2f}, {rho.high:+.2f}]" in text
    for name in ("subset 0", "subset 1"):
        part = rmkit.evaluate(run.model, run.held_out.subset(name))
        assert f"subset: {name} {percent(part.accuracy)}" in text


def test_the_numbers_of_the_training_are_those_of_the_run(run, tmp_path):
    text = page(run.page(tmp_path / "report.html")).text
    history, few = run.history, max(1, len(run.history) // 10)
    first, last = history["loss"][:few].mean(), history["loss"][-few:].mean()
    assert (
        f"{len(history)} steps, {history['pairs'].sum():,} pairs, {history['tokens'].sum():,} tokens" in text
    )
    assert f"went from {first:.3f} to {last:.3f}" in text
    assert "groups 120, of which 120 are different 60, of which 60 are different" in text
    pairs = [sum(len(record.pairs()) for record in data) for data in (run.data, run.held_out)]
    assert f"ordered pairs {pairs[0]:,} {pairs[1]:,}" in text
    assert run.ledger.line() in text
    assert run.report.ledger.line() in text
    assert "No prompt of the evaluation was trained on" in text
    for name, value in run.settings.to_dict().items():
        assert f"{name} {value}" in text
    assert "learned from evaluated on name some-people others" in text


def test_the_pairs_it_got_most_surely_wrong_are_quoted_on_the_page_and_not_in_the_card(run, tmp_path):
    text = page(run.page(tmp_path / "report.html")).text
    rows = run.report.comparisons.nsmallest(1, "gap").iloc[0]
    record, rewards = run.held_out[int(rows["group"])], run.model.score_all(run.held_out)[int(rows["group"])]
    better, worse = int(rows["at"]), int(rows["at"] + rows["earlier"])
    assert record.ranks[better] < record.ranks[worse]
    assert float(rewards[better] - rewards[worse]) == pytest.approx(rows["gap"], abs=1e-5)
    assert f"{record.id} {rows['gap']:.2f} {record.prompt}"[:60] in text
    card = (run.out / "README.md").read_text()
    assert record.prompt not in card
    assert "most surely wrong" not in card


def test_fit_leaves_a_card_with_the_same_numbers(run):
    card = (run.out / "README.md").read_text(encoding="utf-8")
    head, body = card.removeprefix("---\n").split("\n---\n", 1)
    assert "library_name: transformers" in head
    assert "base_model" not in head  # it was loaded from a folder
    low, high = run.report.interval
    assert f"| these rewards | {percent(run.report.accuracy)} | {100 * low:.1f} to {percent(high)} |" in body
    assert str(run.out.parent) not in card


def test_the_page_asks_for_nothing_and_runs_nothing(run, tmp_path):
    found = page(run.page(tmp_path / "report.html"))
    assert not {"script", "link", "img", "iframe", "object"} & set(found.tags)
    assert not [value for name, value in found.attributes if name in ("src", "href") or name.startswith("on")]
    assert not [value for _, value in found.attributes if value and "http" in value]
    text = (tmp_path / "report.html").read_text()
    assert "url(" not in text
    assert "color-scheme: light dark" in text
    assert found.tags.count("svg") == 2
    assert len([value for name, value in found.attributes if name == "aria-label" and value]) == 2
    assert len(text) < 60_000


def test_what_was_not_measured_says_so(folder, tmp_path):
    alone = training.fit(load(folder), named(toy(40), "some"), groups_per_step=8, progress=False)
    text = page(alone.page(tmp_path / "report.html")).text
    assert "No evaluation was given: accuracy, subsets, calibration" in text
    assert "How good it is: no evaluation was given." in text
    assert "Failures: not measured." in text
    assert "evaluated on name" not in text
    assert "Whether the two share prompts was not measured." in text
    assert not re.search(r"these rewards \d", text)
    assert text.count("not stated") == len(rmkit.training.reward_report.report.PLACES)
    model = load(folder)
    text = page(rmkit.reward_report(model).save(tmp_path / "model.html")).text
    assert "How it was trained is not recorded" in text
    assert "loss that was minimized: not recorded" in text
    assert "seed not recorded" in text


def test_a_model_and_an_evaluation_are_enough_for_the_evaluation(run, folder, tmp_path):
    model = load(run.out)
    report = rmkit.evaluate(model, run.held_out)
    text = page(rmkit.reward_report(model, report).save(tmp_path / "model.html")).text
    assert f"these rewards {percent(run.report.accuracy)}" in text
    assert "How it was trained is not recorded" in text
    assert "most surely wrong" not in text


@pytest.mark.filterwarnings("ignore:60 of the 60 groups")
def test_texts_of_the_data_act_in_neither_form(folder, tmp_path):
    data = toy(60)
    for number, record in enumerate(data):
        record.prompt = f"{number} {EVIL}"
        record.responses = [f"{text} {EVIL}" for text in record.responses]
        record.subset, record.id = EVIL, EVIL
    evil = Preferences(data.records, name=EVIL)
    done = training.fit(load(folder), evil, evaluate=evil, groups_per_step=30, progress=False)
    says = dict.fromkeys(rmkit.training.reward_report.report.PLACES, EVIL)
    found = page(done.page(tmp_path / "report.html", says=says))
    assert not {"script", "img", "a"} & set(found.tags)
    assert "evaluated on have a prompt that was trained on" in found.text
    assert f"{EVIL} (stated by a person, not measured)" in found.text
    assert "most surely wrong" in found.text
    card = done.page(tmp_path / "card.md", says=says).read_text()
    assert "<script" not in card
    assert "<img" not in card
    assert not re.search(r"(?<!\\)\]\(", card)
    assert document.plain(EVIL) in card
    for line in card.splitlines():
        if line.startswith("| rule:"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 6


def test_choosing_the_weights_on_the_evaluation_is_told(folder, tmp_path):
    train, test = named(toy(60), "some"), named(toy(40, seed=1), "others")
    done = training.fit(
        load(folder),
        train,
        evaluate=test,
        groups_per_step=8,
        evaluate_every=2,
        keep_best=True,
        progress=False,
    )
    text = page(done.page(tmp_path / "report.html")).text
    assert "was chosen on the very data of the evaluation" in text
    assert (f"The weights are those of step {done.kept}" in text) == (done.kept != len(done.history))
    assert "loss, held out" in text


def test_known_failures_are_read_off_the_numbers(tmp_path, folder):
    pairs = [
        Record(f"p{n}", ["a" * (5 + n % 7), "b" * (20 + n % 5)], ranks=[2, 1] if n % 3 else [1, 2])
        for n in range(60)
    ]
    data = Preferences(pairs, name="long")
    by_length = rmkit.evaluate([[float(len(t)) for t in r.responses] for r in pairs], data)
    text = page(rmkit.reward_report(load(folder), by_length).save(tmp_path / "r.html")).text
    assert "It cannot be told from, or is behind, a rule that looks at length alone ('longest')" in text
    assert "It gives more to longer answers: correlation +1.00" in text
    gold = rmkit.evaluate([[-float(rank) for rank in r.ranks] for r in pairs], data)
    text = page(rmkit.reward_report(load(folder), gold).save(tmp_path / "r.html")).text
    assert "It cannot be told from" not in text
    coin = rmkit.evaluate([[0.0, 0.0] for _ in pairs], data)
    text = page(rmkit.reward_report(load(folder), coin).save(tmp_path / "r.html")).text
    assert "Its accuracy cannot be told from a coin's" in text
    assert "60 of 60 pairs have equal rewards" in text
    assert "within prompts: not measured" in text


def test_several_seeds_are_one_interval_and_others_are_refused(folder, tmp_path):
    train, test = named(toy(60), "some"), named(toy(40, seed=1), "others")

    def one(seed, **more):
        how = {"groups_per_step": 8, "lr": 1e-2, "progress": False} | more
        return training.fit(load(folder, seed=seed), train, evaluate=test, seed=seed, **how)

    runs = [one(seed) for seed in range(3)]
    text = page(runs[0].page(tmp_path / "report.html", seeds=runs)).text
    assert ", before this run a new head of seed 0," in text
    accuracies = [each.report.accuracy for each in runs]
    for number, value in enumerate(accuracies):
        assert f"seed {number} {percent(value)}" in text
    assert f"Over 3 seeds and the prompts: {percent(np.mean(accuracies))}" in text
    assert "another seed: this is one run" not in text
    with pytest.raises(InputError, match="differ in another setting"):
        runs[0].page(tmp_path / "report.html", seeds=[one(4, lr=2e-2)])
    with pytest.raises(InputError, match="beside a run"):
        rmkit.reward_report(runs[0].model, seeds=runs)


@pytest.mark.parametrize(
    ("how", "says"),
    [({"path": "report.txt"}, "end it in .html"), ({"says": {"ownr": "me"}}, "did you mean 'owner'")],
)
def test_what_cannot_be_is_one_sentence(run, tmp_path, how, says):
    with pytest.raises(InputError, match=re.escape(says)):
        run.page(tmp_path / how.get("path", "report.html"), says=how.get("says"))


def test_the_pieces_escape():
    table = document.Table(document.pd.DataFrame({EVIL: {EVIL: EVIL}}), EVIL)
    section = document.Section(EVIL, [EVIL, table, document.Code(EVIL), document.Points([EVIL])])
    found = Page(document.to_html(EVIL, [section]))
    assert set(found.tags).isdisjoint({"script", "img"})
    assert html.unescape(html.escape(EVIL)) in " ".join(found.words)
