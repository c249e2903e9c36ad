"""The ledger forgets nothing: rows to look at for every reason, after every cut; and nothing in it acts."""

import random

import pytest
from rmkit.preferences import Preferences, Record, load

from rmkit.data.ledger import EXAMPLES, Event, Example, Ledger, counted, dropped
from rmkit.errors import InputError


def pair(prompt, better, worse, **more):
    return {"prompt": prompt, "chosen": better, "rejected": worse} | more


def many(n=60):
    """Rows of which every third is empty, identical or tied, in two subsets."""
    kinds = ([1, 2], "x"), ([1, 2], ""), ([1, 2], "good"), ([1, 1], "x")
    return [
        {"prompt": f"question {i}", "responses": ["good", kinds[i % 4][1]], "ranks": kinds[i % 4][0]}
        | {"subset": "st"[i % 2]}
        for i in range(n)
    ]


def test_rows_to_look_at():
    ledger = load(
        [pair("Why  is\nit?", "a", ""), pair([{"role": "user", "content": "w" * 99}], "a", "b")] * 2
    ).ledger
    found = ledger.examples("empty")
    assert found.to_dict("records")[0] == {"where": "row 1", "prompt": "Why is it?", "done": "left out"}
    twin = ledger.examples("duplicate").iloc[0]
    assert (twin["where"], twin["prompt"], twin["done"]) == (
        "row 4",
        "w" * 79 + "…",
        "left out: repeats row 2",
    )
    with pytest.raises(InputError, match="did you mean 'empty'"):
        ledger.examples("emty")
    with pytest.raises(InputError, match="there is none"):
        Ledger().examples("empty")


def test_places_are_of_the_file(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('\n{"prompt": "p", "responses": ["a", "b"], "ranks": [1, 1]}\n')
    preferences = load(path)
    assert preferences.ledger.examples("tied")["where"].tolist() == [f"{path}, line 2"]
    assert preferences[0].where == f"{path}, line 2"
    assert "where" not in preferences[0].to_dict()


def test_every_kind_of_row_has_an_example():
    rows = [
        {"prompt": "p", "responses": ["a", "", "b"], "ranks": [1, 2, 3]},
        {"prompt": "q", "responses": ["a", "a"], "ranks": [1, 2]},
        {"prompt": "r", "responses": ["a", 5], "ranks": [1, 2]},
        {"prompt": "s", "responses": ["a", "b"], "ranks": [1, 1]},
    ]
    ledger = load(rows).ledger
    for number, reason in enumerate(("responses removed", "identical", "not text", "tied"), 1):
        assert ledger.examples(reason)["where"].tolist() == [f"row {number}"], reason
    joined = load([{"prompt": "p", "response": f"{i}", "helpfulness": i} for i in range(3)]).ledger
    assert (joined.grouped, len(joined.examples("grouped"))) == (2, 1)


def test_few_examples_are_kept_of_many_rows():
    ledger = load(many(4000)).ledger
    assert ledger.dropped["empty"] == 1000
    assert len(ledger.examples("empty")) == EXAMPLES


CUTS = {
    "slice": lambda p: p[3:10],
    "backwards": lambda p: p[::-2],
    "take": lambda p: p.take(7, seed=1),
    "take all": lambda p: p.take(1000),
    "nothing": lambda p: p[:0],
    "shuffled": lambda p: p.shuffled(3),
    "slice of a take of a slice": lambda p: p[:20].take(5)[1:],
}


@pytest.mark.parametrize("cut", CUTS.values(), ids=CUTS)
def test_no_cut_forgets_a_row(cut):
    whole = load(many())
    part = cut(whole)
    ledger, before = part.ledger, whole.ledger
    assert (ledger.read, ledger.kept) == (before.read, len(part))
    assert ledger.dropped.get("not taken", 0) == len(whole) - len(part)
    assert {reason: n for reason, n in ledger.dropped.items() if reason != "not taken"} == before.dropped
    assert len(ledger.examples("empty"))
    # They are counted on the side, and in the subset, where they belong.
    train, test = part.split(0.4)
    assert train.ledger.merge(test.ledger).dropped == ledger.dropped
    assert not part or train.ledger.dropped != ledger.dropped != test.ledger.dropped
    table = ledger.table()
    for name in part.subsets:
        alone = part.subset(name).ledger.table().loc[("", name)]
        assert alone.to_dict() == {
            column: n for column, n in table.loc[("", name)].items() if column in alone
        }


def test_a_slice_of_a_part_still_names_the_part():
    train = load(many()).split(0.3)[0]
    assert set(train[:2].ledger.table().index.get_level_values("split")) >= {"train"}
    assert train.take(2).ledger.read == train.ledger.read


def test_a_remark_goes_with_its_record():
    records = [Record(f"p{i}", ["a", "b"], [1, 2], where=f"row {i}") for i in range(4)]
    events = [Event("no prompt", f"row {i}", kept=True) for i in range(3)] + [Event("empty", "row 9")]
    whole = Preferences(records, events=events)
    assert (whole.ledger.read, whole.ledger.remarks) == (5, {"no prompt": 3})
    some = whole[1:]
    assert (some.ledger.read, some.ledger.remarks) == (5, {"no prompt": 2})
    assert some.ledger.examples("no prompt")["done"].tolist() == ["kept", "kept"]


def test_pairs_remember_what_was_dropped_before():
    ranking = {"prompt": "p", "responses": ["a", "b", "c"], "ranks": [1, 2, 2]}
    ledger = load([ranking, {"prompt": "q", "responses": ["", "b"], "ranks": [1, 2]}]).to_pairs().ledger
    assert (ledger.kept, ledger.dropped) == (2, {"tied": 1, "empty": 1})
    assert ledger.examples("tied")["where"].tolist() == ["row 1"]


def test_merged_ledgers_show_rows_of_both():
    one, two = Ledger(), Ledger()
    for number in range(50):
        one.drop("empty", example=Example(f"one {number}", "p", "left out"))
    two.drop("empty", example=Example("two", "p", "left out"))
    assert "two" in one.merge(two).examples("empty")["where"].tolist()
    assert len(one.merge(two).examples("empty")) == EXAMPLES


def test_a_record_that_training_drops_can_be_looked_at():
    record = Record("Why?", ["a", "b"], [1, 2], id="seven")
    moved = dropped(counted([record]), [(record, "too long")])
    assert moved.line() == "1 rows read; 0 kept; 1 dropped (1 too long)"
    assert moved.examples("too long").iloc[0].tolist() == ["seven", "Why?", "left out"]


# --- notes --------------------------------------------------------------------------------------------------


def test_notes_speak_only_where_they_inform():
    rng = random.Random(0)

    def texts():
        return [" ".join(["word"] * rng.randint(1, 9)) + str(rng.random()) for _ in range(2)]

    plain = Preferences([Record(f"q {i}", texts(), [1, 2]) for i in range(300)])
    assert plain.notes == []
    assert Preferences([]).notes == []
    few = Preferences([Record(f"q {i % 3}", texts(), [1, 2]) for i in range(300)])
    assert few.notes == ["Few prompts: 3 for 300 groups; splits and intervals go over prompts."]
    longer = Preferences([Record(f"q {i}", [f"longer {i}", "short"], [1, 2]) for i in range(50)])
    assert longer.notes == ["Length alone tells: the longer response is better in 100% of 50 pairs."]
    shorter = Preferences([Record(f"q {i}", [f"longer {i}", "short"], [2, 1]) for i in range(50)])
    assert "the shorter response is better in 100%" in shorter.notes[0]
    votes = load([pair("q", "a1", "b1"), pair("q", "b1", "a1"), pair("p", "a1", "b1")])
    assert any("several votes: 1, with 2 votes; judged differently: 1" in note for note in votes.notes)
    text = "Human: a\n\nHuman: b\n\nAssistant:"
    assert any("1 prompts" in note for note in Preferences([Record(text, ["a", "b"])]).notes)
    assert longer.notes[0] in longer._repr_html_()


# --- text that acts -----------------------------------------------------------------------------------------

HOSTILE = "\x1b]0;pwn\x07\u202egnp\nkept: all"


def test_nothing_in_a_ledger_acts_on_the_terminal():
    rows = [pair(HOSTILE, HOSTILE, "", subset=HOSTILE, id=HOSTILE), pair("p", "a", "b", subset=HOSTILE)]
    preferences = load(rows)
    preferences.name = HOSTILE
    part = preferences.split(0.0)[0]
    ledger = part.ledger.merge(Ledger())
    ledger.drop(HOSTILE)
    said = [ledger.line(), str(ledger.table()), str(ledger.examples("empty")), repr(part), repr(ledger)]
    said += [part._repr_html_(), ledger._repr_html_()]
    for text in said:
        assert not set(text) & set("\x1b\x07\u202e"), text
        assert "\nkept: all" not in text
