"""The voting booth: nothing that was written is lost, it goes on where it stopped, sides are balanced, and
each expectation was fixed before its vote."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import rmkit
from rmkit.data.preferences import Preferences, Record
from rmkit.errors import InputError
from rmkit.notebook.keys import Keys
from rmkit.training.labeling import vote_file
from rmkit.training.labeling.booth import Booth
from rmkit.training.labeling.panel import Voting
from rmkit.training.labeling.taste import Taste
from rmkit.training.labeling.track import Track
from tests.tiny import text, tiny_model


def pairs(n=12, **more):
    return [Record(f"question {i}", [f"owl {i}", f"fox {i}"], id=f"p{i}", **more) for i in range(n)]


def booth(folder, n=12, name="votes.jsonl", annotator="Ada", **more):
    return Booth(pairs(n), folder / name, annotator, **({"model": None} | more))


def lines(folder, name="votes.jsonl"):
    return [json.loads(line) for line in (folder / name).read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def fishy(tmp_path_factory):
    """(pairs of which one answer has more fish in it, a model that can tell)."""
    import random

    rng, made = random.Random(0), []
    for i in range(40):
        made.append(Record(f"q {i}", [text(rng, 3, 8, 0.8), text(rng, 3, 8, 0.0)][:: rng.choice([1, -1])]))
    return made, tiny_model(tmp_path_factory.mktemp("tiny"))


def left_has_more_fish(voting):
    left, right = (response.count("fish") for response in voting.shown.responses)
    return left > right


# --- what is written ----------------------------------------------------------------------------------------


def test_a_vote_is_a_record_and_nothing_of_the_source_is_in_it(tmp_path):
    truth = {"ranks": [2, 1], "ratings": {"gold": [0.0, 1.0]}, "strength": 3, "subset": "birds"}
    voting = Booth(pairs(3, **truth), tmp_path / "v.jsonl", "Ada", model=None)
    shown = voting.shown
    voting.vote("left", 2)
    (record,) = rmkit.load(tmp_path / "v.jsonl")
    assert (record.prompt, record.responses, record.ranks) == (shown.prompt, shown.responses, [1, 2])
    assert (record.annotator, record.strength, record.subset) == ("Ada", 2, "birds")
    assert record.extra["pair"] == shown.id
    assert record.ratings is None
    assert record.extra["time"].endswith("+00:00")
    assert record.extra["turned"] == (shown.ratings["gold"][0] == 1)


def test_every_kind_of_vote_reads_back(tmp_path):
    voting = booth(tmp_path)
    voting.vote("left", 0), voting.vote("right"), voting.vote("tie", 3), voting.skip()
    read = rmkit.load(tmp_path / "votes.jsonl")
    assert [record.ranks for record in read] == [[1, 2], [2, 1], [1, 1], None]
    assert [record.strength for record in read] == [0, None, None, None]
    assert read[3].extra["skipped"]
    assert len(read.to_pairs()) == 2


def test_a_kill_between_votes_loses_none(tmp_path):
    code = (
        "import os, sys; from tests.training.test_labeling import booth; from pathlib import Path\n"
        f"voting = booth(Path({str(tmp_path)!r}))\n"
        "for side in ('left', 'right', 'left'): voting.vote(side)\n"
        "os.kill(os.getpid(), 9)"
    )
    root = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, env={**os.environ, "PYTHONPATH": root})
    assert done.returncode != 0
    assert [line["ranks"] for line in lines(tmp_path)] == [[1, 2], [2, 1], [1, 2]]
    again = booth(tmp_path)
    assert len(again.votes) == 3
    assert again.shown.prompt not in {line["prompt"] for line in again.votes}


@pytest.mark.parametrize("cut", [1, 20, -2])
def test_a_last_line_that_was_cut_off_is_moved_not_lost(tmp_path, cut):
    voting = booth(tmp_path)
    voting.vote("left"), voting.vote("right")
    path = tmp_path / "votes.jsonl"
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:cut])
    again = booth(tmp_path)
    assert path.read_bytes() == first
    assert "cut off" in again.file.mended
    assert (tmp_path / "votes.jsonl.cut-off").read_bytes() == second[:cut] + b"\n"
    again.vote("tie")
    assert len(rmkit.load(path)) == 2
    assert booth(tmp_path).file.mended == ""


def test_a_last_line_without_its_line_feed_is_whole(tmp_path):
    booth(tmp_path).vote("left")
    path = tmp_path / "votes.jsonl"
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    booth(tmp_path).vote("right")
    assert [line["ranks"] for line in lines(tmp_path)] == [[1, 2], [2, 1]]


def test_zeros_after_a_power_cut_are_moved_too(tmp_path):
    booth(tmp_path).vote("left")
    with (tmp_path / "votes.jsonl").open("ab") as file:
        file.write(b"\0" * 40)
    assert "cut off" in booth(tmp_path).file.mended
    assert len(lines(tmp_path)) == 1


def test_a_damaged_line_in_the_middle_is_named_and_the_file_left_alone(tmp_path):
    voting = booth(tmp_path)
    for _ in range(3):
        voting.vote("left")
    path = tmp_path / "votes.jsonl"
    content = path.read_bytes().replace(b'{"prompt"', b'{"prompt', 2).replace(b'{"prompt', b'{"prompt"', 1)
    path.write_bytes(content)
    with pytest.raises(InputError, match="line 2"):
        booth(tmp_path)
    assert path.read_bytes() == content


# --- undo ---------------------------------------------------------------------------------------------------


def test_undo_asks_the_same_pair_on_the_same_sides_and_keeps_what_was_said(tmp_path):
    voting = booth(tmp_path)
    voting.vote("left")
    shown = voting.shown
    voting.vote("right", 3)
    voting.undo()
    assert voting.shown == shown
    _, second = rmkit.load(tmp_path / "votes.jsonl")
    assert second.ranks is None
    assert second.strength is None
    assert {**second.extra["undone"], "at": ""} == {"ranks": [2, 1], "strength": 3, "at": ""}
    voting.vote("left")
    assert [line.get("ranks") for line in lines(tmp_path)] == [[1, 2], None, [1, 2]]
    for _ in range(2):
        voting.undo()
    assert voting.votes == []
    assert [line.get("ranks") for line in lines(tmp_path)] == [None] * 3
    with pytest.raises(InputError, match="no vote"):
        voting.undo()


def test_undo_of_a_skip_and_after_a_restart(tmp_path):
    voting = booth(tmp_path)
    voting.vote("left"), voting.skip()
    again = booth(tmp_path)
    line = again.undo()
    assert line["extra"]["undone"]["skipped"]
    assert again.shown.prompt == line["prompt"]
    again.undo()
    third = booth(tmp_path)
    assert third.votes == []
    assert third.shown == booth(tmp_path, name="new.jsonl").shown


def test_an_undo_that_cannot_be_written_changes_nothing(tmp_path, monkeypatch):
    voting = booth(tmp_path)
    voting.vote("left")
    before, shown = (tmp_path / "votes.jsonl").read_bytes(), voting.shown

    def full(*_):
        raise OSError("No space left on device")

    monkeypatch.setattr(vote_file.os, "replace", full)
    with pytest.raises(InputError, match=r"No space left.*nothing was changed"):
        voting.undo()
    assert (tmp_path / "votes.jsonl").read_bytes() == before
    assert voting.shown == shown
    assert sorted(os.listdir(tmp_path)) == ["votes.jsonl"]


def test_a_vote_that_cannot_be_written_is_not_counted(tmp_path, monkeypatch):
    voting = booth(tmp_path)
    voting.vote("left")
    before, shown = (tmp_path / "votes.jsonl").read_bytes(), voting.shown

    def full(_):
        raise OSError("No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(vote_file.os, "fsync", full)  # the line is there, and may not be on the disk
        with pytest.raises(InputError, match=r"No space left.*not counted"):
            voting.vote("right")
    assert (tmp_path / "votes.jsonl").read_bytes() == before
    assert voting.shown == shown
    assert len(voting.votes) == 1
    voting.vote("right")
    assert len(lines(tmp_path)) == 2


def test_two_notebooks_on_one_file_overwrite_nothing(tmp_path):
    one, two = booth(tmp_path), booth(tmp_path)
    one.vote("left")
    for act in (lambda: two.vote("right"), two.skip):
        with pytest.raises(InputError, match="changed by something else"):
            act()
    assert len(lines(tmp_path)) == 1
    booth(tmp_path).vote("right")
    with pytest.raises(InputError, match="changed by something else"):
        one.undo()
    assert [line["ranks"] for line in lines(tmp_path)] == [[1, 2], [2, 1]]


# --- which pair, on which side ------------------------------------------------------------------------------


def test_it_goes_on_where_it_stopped(tmp_path):
    whole = booth(tmp_path, name="whole.jsonl")
    asked = []
    for _ in range(12):
        asked.append(whole.shown)
        whole.vote("left")
    assert whole.done
    assert {record.prompt for record in asked} == {record.prompt for record in pairs()}
    seen = []
    for _ in range(12):  # a new booth for every vote
        voting = booth(tmp_path)
        seen.append(voting.shown)
        voting.vote("left")
    assert seen == asked
    with pytest.raises(InputError, match="All 12 pairs"):
        booth(tmp_path).vote("left")


def test_sides_are_balanced_at_every_fourth_vote_and_drawn_for_each_person(tmp_path):
    turned = {}
    for who in ("Ada", "Ben"):
        voting = booth(tmp_path, n=60, name=f"{who}.jsonl", annotator=who)
        order = []
        while not voting.done:
            order.append(voting.shown.prompt)
            voting.vote("left")
        turned[who] = [line["extra"]["turned"] for line in lines(tmp_path, f"{who}.jsonl")]
        assert [sum(turned[who][i : i + 4]) for i in range(0, 60, 4)] == [2] * 15
        turned[f"{who}'s order"] = order
    assert turned["Ada"] != turned["Ben"]
    assert turned["Ada's order"] == turned["Ben's order"] != [record.prompt for record in pairs(60)]
    other = booth(tmp_path, n=60, name="seed.jsonl", seed=1)
    assert other.shown.prompt != turned["Ada's order"][0]


def test_the_side_of_a_vote_is_known_whatever_the_order_of_the_source(tmp_path, fishy):
    records, model = fishy
    voting = Booth(records, tmp_path / "v.jsonl", model=model)
    for _ in range(10):
        voting.vote("left" if left_has_more_fish(voting) else "right")
    turned = [record.choose([1, 0]) for record in records]
    again = Booth(turned, tmp_path / "v.jsonl", model=model)
    p, q = voting.taste.expects(), again.taste.expects()
    np.testing.assert_allclose(p, 1 - q, atol=1e-6)


def test_two_people_in_two_files_and_in_one(tmp_path):
    for who, name in (("Ada", "a.jsonl"), ("Ben", "b.jsonl")):
        voting = booth(tmp_path, name=name, annotator=who)
        for number in range(12):
            owl_is_left = voting.shown.responses[0].startswith("owl")
            voting.vote("left" if owl_is_left == (who == "Ada" or number < 9) else "right")
    votes = rmkit.load([tmp_path / "a.jsonl", tmp_path / "b.jsonl"])
    found = rmkit.people.agreement(votes)
    assert len(votes) == 24
    assert found.pairs["agreement"].tolist() == [0.75]
    assert len(votes.to_pairs()) == 24
    ben = booth(tmp_path, name="a.jsonl", annotator="Ben")
    ben.vote("tie")
    assert len(booth(tmp_path, name="a.jsonl").votes) == 12
    assert len(ben.votes) == 1
    assert set(rmkit.load(tmp_path / "a.jsonl").records[-1].to_dict()) >= {"annotator", "ranks", "extra"}


def test_pooling_counts_every_vote_once(tmp_path):
    for name in ("a.jsonl", "b.jsonl"):  # two people who kept the same name, and agree
        voting = booth(tmp_path, name=name, annotator="me")
        for _ in range(5):
            voting.vote("left")
    a, b = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    assert len(rmkit.load([a, b])) == 10
    assert rmkit.people.agreement(rmkit.load([a, b])).people.loc["me", "again"] == 5
    shutil.copy(a, tmp_path / "copy.jsonl")
    assert len(rmkit.load([a, tmp_path / "copy.jsonl"])) == 5


def test_votes_on_other_pairs_stay_and_are_counted(tmp_path):
    booth(tmp_path).vote("left")
    other = Booth([Record("else", ["x", "y"])], tmp_path / "votes.jsonl", "Ada", model=None)
    assert (other.elsewhere, other.votes) == (1, [])
    other.vote("left")
    assert len(lines(tmp_path)) == 2


def test_a_pair_that_stands_there_twice_is_asked_once(tmp_path):
    twice = [*pairs(2), pairs(1)[0].choose([1, 0])]
    assert len(Booth(twice, tmp_path / "v.jsonl", model=None).pairs) == 2


# --- what is expected ---------------------------------------------------------------------------------------


def test_expectations_are_fixed_before_the_vote_and_learn_a_clear_taste(tmp_path, fishy):
    records, model = fishy
    voting = Booth(records, tmp_path / "v.jsonl", model=model)
    assert voting.expected is None
    said = []
    while not voting.done:
        before = voting.expected
        line = voting.vote("left" if left_has_more_fish(voting) else "right")
        assert line["extra"]["expected"] == before
        said.append((before, line["ranks"]))
    track = voting.track
    assert len(track) == 39
    hits = [(p > 0.5) == (ranks == [1, 2]) for p, ranks in said[1:]]
    assert track.right == sum(hits)
    assert track.right / 39 > 0.8
    given = [p if ranks == [1, 2] else 1 - p for p, ranks in said[1:]]
    assert track.log_loss == pytest.approx(-np.log(given).mean())
    assert track.claimed == pytest.approx(np.mean([max(p, 1 - p) for p, _ in said[1:]]))
    assert np.array_equal(Booth(records, tmp_path / "v.jsonl", model=model).track.gaps, track.gaps)
    assert f"{track.right:g} of 39" in str(track)


def test_a_coin_is_not_foreseen(tmp_path, fishy):
    records, model = fishy
    rng, hits = np.random.default_rng(0), []
    for seed in range(5):
        voting = Booth(records, tmp_path / f"{seed}.jsonl", model=model, seed=seed)
        while not voting.done:
            voting.vote(["left", "right"][rng.integers(2)])
        hits.append(voting.track.right / len(voting.track))
    assert abs(np.mean(hits) - 0.5) < 3 * 0.5 / np.sqrt(5 * 39)


def test_an_undone_vote_teaches_nothing(tmp_path, fishy):
    records, model = fishy
    plain, undone = (Booth(records, tmp_path / name, model=model) for name in ("a.jsonl", "b.jsonl"))
    for voting in (plain, undone):
        voting.vote("left"), voting.vote("right")
    undone.vote("left"), undone.undo()
    assert undone.expected == plain.expected
    assert np.array_equal(undone.taste.weights, plain.taste.weights)


def test_skips_and_ties_are_no_evidence_of_a_side(tmp_path, fishy):
    records, model = fishy
    voting = Booth(records, tmp_path / "v.jsonl", model=model)
    voting.skip()
    assert voting.expected is None
    voting.vote("tie")
    assert voting.expected == 0.5
    assert len(voting.track) == 0


def test_taste_is_the_ridge_of_bradley_and_terry():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(30, 8))
    taste = Taste(x)
    taste.learn([3, 7, 9], [1.0, 0.0, 0.5])
    scaled = x / np.sqrt((x**2).sum(1).mean())
    w = taste.weights * np.sqrt((x**2).sum(1).mean())
    gap = scaled[[3, 7, 9]] @ w
    slope = scaled[[3, 7, 9]].T @ (np.array([1, 0, 0.5]) - 1 / (1 + np.exp(-gap))) - taste.prior * w
    np.testing.assert_allclose(slope, 0, atol=1e-4)
    np.testing.assert_allclose(taste.expects(), 1 / (1 + np.exp(-x @ taste.weights)), atol=1e-9)
    other = Taste(3 * x)  # the unit of the features does not matter
    other.learn([3, 7, 9], [1.0, 0.0, 0.5])
    np.testing.assert_allclose(other.expects(), taste.expects(), atol=1e-6)


def test_least_sure_first_asks_what_is_not_known_yet():
    x = np.array([[1.0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0.01]])
    taste = Taste(x)
    taste.learn([0], [1.0])
    worth = taste.worth_asking()
    assert worth.argmax() == 2  # not the pair like the one that was voted on, nor the one of equal answers
    assert worth.argmin() == 3
    assert abs(taste.expects()[3] - 0.5) < 1e-6


def test_the_booth_follows_the_order(tmp_path, fishy):
    records, model = fishy
    voting = Booth(records, tmp_path / "v.jsonl", order="least sure", model=model)
    for _ in range(6):
        worth = voting.taste.worth_asking()
        asked = {line["prompt"] for line in voting.votes}
        rest = [i for i, record in enumerate(records) if record.prompt not in asked]
        assert worth[voting.current] == pytest.approx(worth[rest].max())
        voting.vote("left" if left_has_more_fish(voting) else "right")
    assert {line["extra"]["order"] for line in voting.votes} == {"least sure"}


def test_an_empty_track_says_so():
    assert len(Track.of([])) == 0
    assert "No expectation" in str(Track.of([]))


# --- what is refused ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda f: Booth([Record("q", ["a", "b", "c"])], f / "v.jsonl", model=None), "has 3 responses"),
        (lambda f: Booth([Record("q", ["a"])], f / "v.jsonl", model=None), "has 1 responses"),
        (lambda f: Booth(Preferences([]), f / "v.jsonl", model=None), "no pair"),
        (lambda f: booth(f, name="v.csv"), "end the name in .jsonl"),
        (lambda f: booth(f, annotator=" "), "give a name"),
        (lambda f: booth(f, order="hardest"), "'hardest' is unknown"),
        (lambda f: booth(f, order="least sure"), "needs a head"),
        (lambda f: booth(f).vote("lft"), "did you mean 'left'"),
        (lambda f: booth(f).vote("left", 4), "strength=4"),
    ],
)
def test_bad_input_is_one_sentence(call, says, tmp_path):
    with pytest.raises(InputError, match=says) as caught:
        call(tmp_path)
    assert str(caught.value).count("\n") == 0
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "votes.jsonl").mkdir()
    with pytest.raises(InputError, match="cannot be read"):
        booth(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        '{"prompt": "q", "responses": ["a", "b"], "ranks": [1, 2]}\n',
        '{"prompt": "q", "responses": ["a", "b", "c"], "annotator": "Ada"}\n',
        '{"prompt": "q", "responses": ["a", "b"], "ranks": [1, "2"], "annotator": "Ada"}\n',
        '{"prompt": "q", "chosen": "a", "rejected": "b"}',
        "a diary",
        "[1, 2]\n",
    ],
)
def test_a_file_of_something_else_is_never_touched(content, tmp_path):
    path = tmp_path / "votes.jsonl"
    path.write_text(content)
    with pytest.raises(InputError, match=r"line 1.*choose another `out`"):
        booth(tmp_path)
    assert path.read_text() == content
    assert os.listdir(tmp_path) == ["votes.jsonl"]


# --- the panel, without a browser ---------------------------------------------------------------------------


@pytest.fixture
def panel(tmp_path, fishy):
    records, model = fishy
    return rmkit.label(records[:6], out=tmp_path / "votes.jsonl", annotator="Ada", model=model)


def test_buttons_and_keys_do_the_same(panel, tmp_path):
    assert isinstance(panel, Voting)
    assert "Pair 1 of 6" in panel.prompt.value
    panel.buttons["left"].click()
    assert "I think you take" in panel.expectation.value
    panel.press("2")
    assert panel.sure.value == "2"
    panel.press("right")
    assert panel.sure.value == ""
    assert "My guess was" in panel.last.value
    panel.buttons["undo"].click()
    assert "Pair 2 of 6" in panel.prompt.value
    assert "Taken back" in panel.last.value
    assert lines(tmp_path)[1]["extra"]["undone"]["strength"] == 2
    panel.press("3"), panel.press("3")
    assert panel.sure.value == ""
    for action in ("tie", "skip", "left", "left", "left"):
        panel.press(action)
    assert "All 6 pairs were asked" in panel.prompt.value
    assert panel.expectation.value.count(">") == 2
    panel.press("left")
    assert "for none of them" in panel.last.value
    assert len(lines(tmp_path)) == 7


def test_a_key_pressed_before_the_next_pair_was_shown_is_not_counted(panel):
    old = panel.keyboard.turn
    panel.keyboard._heard(panel.keyboard, {"action": "left", "turn": old}, [])
    assert len(panel.booth.votes) == 1
    panel.keyboard._heard(panel.keyboard, {"action": "left", "turn": old}, [])
    assert len(panel.booth.votes) == 1
    assert "not counted" in panel.last.value


def test_a_failure_is_shown_and_raised(panel, tmp_path):
    panel.press("left")
    with (tmp_path / "votes.jsonl").open("a") as file:
        file.write("\n")
    with pytest.raises(InputError):
        panel.press("left")
    assert "alert" in panel.alarm.value
    assert "changed by something else" in panel.alarm.value


def test_texts_are_escaped_and_expectations_can_be_kept_back(tmp_path, fishy):
    nasty = [Record(f"<script>{i}", ["<img src=x>", "$a$ & \u202eb"]) for i in range(3)]
    made = rmkit.label(nasty, out=tmp_path / "v.jsonl", tell=False, model=fishy[1])
    assert "<script>" not in made.prompt.value
    assert "&lt;script&gt;" in made.prompt.value
    assert not any("<img" in answer.value for answer in made.answers)
    made.press("left")
    assert "%" not in made.expectation.value
    assert "hear it after" in made.expectation.value
    made.press("right")
    assert "My guess was" in made.last.value
    assert [line["extra"]["told"] for line in made.booth.votes] == [False, False]


def test_a_conversation_is_shown_with_who_speaks(tmp_path):
    turns = [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Yes?"}]
    made = rmkit.label([Record(turns, ["a", "b"])], out=tmp_path / "v.jsonl", model=None)
    assert "User: Hello\n\nAssistant: Yes?" in made.prompt.value


def test_keys_say_what_they_do():
    heard = []
    made = Keys("panel", {"a": "left"}, "Keys: A", heard.append, lambda: heard.append("early"))
    made._heard(made, {"action": "left", "turn": 0}, [])
    made._heard(made, {"action": "left", "turn": 5}, [])
    assert heard == ["left", "early"]
    assert "suppress-shortcuts" in made._esm
