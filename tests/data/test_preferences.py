"""Records, the ledger, splitting by prompt, pairs, saving."""

import html.parser
import json
from itertools import combinations

import datasets
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rmkit.preferences import Preferences, Record, as_preferences, load, prompt_key

from rmkit.data.ledger import Ledger
from rmkit.errors import InputError


def pair(prompt, better, worse, **more):
    return {"prompt": prompt, "chosen": better, "rejected": worse} | more


def balanced(ledger):
    return ledger.read == ledger.kept + ledger.grouped + sum(ledger.dropped.values())


# --- what is dropped, and why -------------------------------------------------------------------------------


def test_every_reason_is_counted_by_subset():
    rows = [
        pair("a", "x", "y", subset="s"),
        pair("a", " x ", "y", subset="s"),  # duplicate but for white space
        pair("b", "", "y", subset="s"),
        pair("b", "x", None, subset="t"),
        pair("c", True, "y", subset="t"),
        pair("c", "x", 3, subset="t"),
        pair("d", "same", " same\n", subset="t"),
        pair("f", "\ud800", "y", subset="t"),
    ]
    preferences = load(rows)
    assert preferences.ledger.dropped == {"duplicate": 1, "empty": 2, "not text": 3, "identical": 1}
    assert (len(preferences), preferences.ledger.read) == (1, 8)
    assert balanced(preferences.ledger)
    table = preferences.ledger.table()
    assert table.loc[("", "s"), "dropped: duplicate"] == 1
    assert table.loc[("", "t"), "dropped: not text"] == 3
    assert table.loc[("total", ""), "kept"] == 1


def test_rankings_lose_single_responses_before_they_are_dropped():
    row = {
        "prompt": "a",
        "responses": ["x", "", "y", "x ", "z", "z"],
        "ranks": [1, 2, 3, 1, 4, 5],
        "ratings": {"q": [1, 2, 3, 4, 5, 6]},
        "correct": [True, False, True, True, False, False],
    }
    preferences = load([row])
    record = preferences[0]
    # out: the empty one, the copy with the same rank, and both copies with different ranks
    assert (record.responses, record.ranks, record.ratings) == (["x", "y"], [1, 3], {"q": [1, 3]})
    assert record.correct == [True, True]
    assert preferences.ledger.removed == 4
    assert "4 responses removed" in preferences.ledger.line()
    with pytest.raises(InputError, match="1 identical"):
        load([{"prompt": "a", "responses": ["x", "x", "x"], "ranks": [1, 2, 3]}])


def test_samples_without_ranks_may_repeat():
    record = load([{"prompt": "a", "responses": ["x", "x", "y"]}])[0]
    assert (record.responses, record.ranks, record.pairs()) == (["x", "x", "y"], None, [])


def test_partial_ranks_and_ties():
    record = load([{"prompt": "a", "responses": ["x", "y", "z", "w"], "ranks": [1, None, 2, 2]}])[0]
    assert record.ranks == [1, 0, 2, 2]
    assert record.pairs() == [(0, 2), (0, 3)]
    assert record.ties() == [(2, 3)]


def test_a_tied_group_is_kept_and_counted():
    rows = [
        {"prompt": name, "responses": ["x", "y"], "ranks": ranks}
        for name, ranks in [("a", [1, 1]), ("b", [1, 2])]
    ]
    preferences = load(rows)
    assert (preferences.ledger.kept, preferences.ledger.tied) == (2, 1)


# --- split --------------------------------------------------------------------------------------------------

WORDS = st.sampled_from(["ox", "elk", "emu", "yak", "cat", "<b>", "é"])
PROMPTS = st.one_of(
    st.lists(WORDS, max_size=2).map(" ".join),
    st.lists(WORDS, max_size=2).map(lambda words: "  \n".join(["", *words, ""])),
    st.lists(WORDS, min_size=1, max_size=2).map(lambda words: [{"role": "user", "content": " ".join(words)}]),
)


@st.composite
def records(draw):
    k = draw(st.integers(1, 4))
    texts = [f"{draw(WORDS)} {i}" for i in range(k)]
    maybe = lambda strategy: draw(st.none() | strategy)  # noqa: E731
    each = lambda strategy: st.lists(strategy, min_size=k, max_size=k)  # noqa: E731
    steps = maybe(each(st.lists(WORDS, min_size=1, max_size=3)))
    ranks = maybe(each(st.integers(0, 3)))
    ordered = k == 2 and ranks and 0 not in ranks and ranks[0] != ranks[1]
    return Record(
        prompt=draw(PROMPTS),
        responses=texts,
        ranks=ranks,
        ratings=maybe(st.dictionaries(WORDS, each(st.none() | st.floats(-9, 9)), min_size=1, max_size=2)),
        strength=maybe(st.floats(0, 9)) if k == 2 else None,
        correct=maybe(each(st.none() | st.booleans())),
        share=maybe(st.floats(0, 1)) if ordered else None,
        steps=steps,
        step_labels=steps
        and [[draw(st.sampled_from([0, 1, None])) for _ in each_step] for each_step in steps],
        annotator=maybe(WORDS),
        subset=maybe(WORDS),
        id=maybe(WORDS),
    )


@given(st.lists(records(), max_size=30), st.floats(0, 1), st.integers(0, 5), st.randoms())
@settings(max_examples=60, deadline=None)
def test_no_prompt_straddles_a_split(rows, share, seed, random):
    preferences = Preferences(rows)
    train, test = preferences.split(share, seed)
    keys = [{prompt_key(record) for record in part} for part in (train, test)]
    assert not keys[0] & keys[1]
    assert len(train) + len(test) == len(rows)
    assert len(keys[1]) == round(share * len(keys[0] | keys[1]))
    assert train.ledger.merge(test.ledger).kept == len(rows)
    # The order of the rows changes nothing, and neither does a second call.
    random.shuffle(rows)
    again = Preferences(rows).split(share, seed)[1]
    assert {prompt_key(record) for record in again} == keys[1]


def test_one_prompt_however_it_is_written():
    messages = [[{"role": "user", "content": text}] for text in ("What is an ox?", "What\tis an ox? ")]
    same = ["What is  an ox?", " What is an\nox? ", *messages]
    assert len({prompt_key(Record(prompt, ["a"])) for prompt in same}) == 1
    other = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is an ox?"}]
    assert prompt_key(Record(other, ["a"])) != prompt_key(Record(same[0], ["a"]))
    # Without a prompt every group is its own.
    assert prompt_key(Record("", ["a"])) != prompt_key(Record("", ["b"]))


def test_a_split_depends_on_its_seed_and_keeps_the_dropped_rows():
    rows = [pair(f"p{i % 40}", f"x{i}", "" if i % 5 == 0 else "y") for i in range(100)]
    preferences = load(rows)
    sides = [preferences.split(0.25, seed) for seed in range(2)]
    assert sides[0][1].records != sides[1][1].records
    train, test = sides[0]
    both = train.ledger.merge(test.ledger)
    assert (both.read, both.dropped) == (100, preferences.ledger.dropped)
    assert set(train.ledger.table().index.get_level_values("split")) == {"train"}
    # A dropped row goes where the other rows of its prompt go.
    for part in (train, test):
        inside = {prompt_key(record) for record in part}
        orphans = {event.prompt for event in part.events} - inside
        assert not orphans & {prompt_key(record) for record in preferences}


@pytest.mark.parametrize("share", [-0.1, 1.5, 2])
def test_a_share_is_a_share(share):
    with pytest.raises(InputError, match="between 0 and 1"):
        load("tiny").split(share)


# --- pairs, subsets, samples --------------------------------------------------------------------------------


@given(st.lists(records(), max_size=8))
@settings(max_examples=60, deadline=None)
def test_pairs_are_all_ordered_pairs(rows):
    pairs = Preferences(rows).to_pairs()
    expected, tied = [], 0
    for row in rows:
        ranks = row.ranks or [0] * len(row.responses)
        for i, j in combinations(range(len(ranks)), 2):
            if 0 in (ranks[i], ranks[j]):
                continue
            tied += ranks[i] == ranks[j]
            if ranks[i] != ranks[j]:
                w, l = (i, j) if ranks[i] < ranks[j] else (j, i)  # noqa: E741
                expected.append((row.responses[w], row.responses[l], row.correct and row.correct[w]))
    found = [(*record.responses, record.correct and record.correct[0]) for record in pairs]
    assert sorted(map(repr, found)) == sorted(map(repr, expected))
    assert all(record.ranks == [1, 2] for record in pairs)
    assert pairs.ledger.dropped.get("tied", 0) == tied
    assert balanced(pairs.ledger)


def test_pairs_of_a_ranking_keep_what_belongs_to_them():
    row = {
        "prompt": "p",
        "responses": ["a", "b", "c"],
        "ranks": [2, 1, 2],
        "ratings": {"q": [1, 5, None]},
        "steps": [["a"], ["b"], ["c"]],
        "step_labels": [[0], [1], [None]],
        "id": "r",
        "subset": "s",
    }
    first, second = load([row]).to_pairs()
    assert (first.responses, first.ratings, first.step_labels) == (["b", "a"], {"q": [5, 1]}, [[1], [0]])
    assert (second.responses, second.id, second.subset) == (["b", "c"], "r:1>2", "s")
    strong = load([pair("p", "a", "b", margin=3, id="x")]).to_pairs()[0]
    assert (strong.strength, strong.id) == (3, "x")


def test_subsets_slices_and_samples():
    tiny = load("tiny")
    assert sum(tiny.subsets.values()) == len(tiny) == 42
    assert {record.subset for record in tiny.subset("math")} == {"math"}
    with pytest.raises(InputError, match="did you mean 'math'"):
        tiny.subset("maths")
    assert tiny[:5].records == tiny.records[:5]
    assert tiny[-1] is tiny.records[-1]
    assert sorted(map(id, tiny.shuffled(1))) == sorted(map(id, tiny))
    assert tiny.shuffled(1).records == tiny.shuffled(1).records != tiny.records
    assert len(tiny.take(10)) == 10
    assert len(tiny.take(100)) == 42


def test_the_tiny_set_cannot_be_won_by_length_or_place():
    tiny = load("tiny").to_pairs()
    longer = sum(len(record.responses[0]) > len(record.responses[1]) for record in tiny)
    first = sum(record.ranks == [1, 2] for record in load("tiny"))
    assert longer == first == len(tiny) / 2
    assert tiny.ledger.dropped == {}


def test_whatever_load_takes_becomes_preferences(tmp_path):
    rows = [pair("p", "a", "b")]
    path = load(rows).save(tmp_path / "a.jsonl")
    for source in (rows, path, str(path), datasets.Dataset.from_list(rows)):
        assert as_preferences(source).records == load(rows).records
    tiny = load("tiny")
    assert as_preferences(tiny) is tiny  # with its ledger
    assert len(as_preferences("tiny")) == len(tiny)
    with pytest.raises(InputError, match="Cannot load from a int"):
        as_preferences(3)


def test_dials_are_for_built_in_sets(tmp_path):
    with pytest.raises(InputError, match="no dial 'n'"):
        load("tiny", n=3)
    with pytest.raises(InputError, match="built-in"):
        load(load("tiny").save(tmp_path / "a.jsonl"), n=3)


# --- saving -------------------------------------------------------------------------------------------------


@given(rows=st.lists(records(), min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_what_is_saved_is_read_back(tmp_path_factory, name, rows):
    rows = [row for row in rows if row.prompt or isinstance(row.prompt, str)]
    path = Preferences(rows).save(tmp_path_factory.mktemp("saved") / "new" / name)
    assert load(path, clean=False).records == rows


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
@pytest.mark.parametrize("chat", [True, False])
def test_tables_hold_every_column(tmp_path, name, chat):
    prompt = [{"role": "user", "content": "p"}] if chat else "p"
    full = Record(
        prompt,
        ["a", "b"],
        [1, 2],
        {"q": [1.5, None]},
        2.0,
        [True, None],
        [["s", "t"], []],
        [[1, None], []],
        "ann",
        "sub",
        "id",
    )
    bare = Record(prompt, ["a"])
    path = Preferences([full, bare]).save(tmp_path / name)
    assert load(path).records == [full, bare]
    # `datasets` reads the same file, and load reads what datasets holds.
    reader = datasets.Dataset.from_parquet if name.endswith("parquet") else datasets.Dataset.from_file
    options = {"cache_dir": str(tmp_path / "cache")} if name.endswith("parquet") else {}
    table = reader(str(path), **options)
    assert load(table).records == [full, bare]
    table.save_to_disk(tmp_path / "disk")
    assert load(tmp_path / "disk").records == [full, bare]


def test_saving_says_what_it_cannot_do(tmp_path):
    mixed = Preferences([Record("p", ["a"]), Record([{"role": "user", "content": "p"}], ["a"])])
    with pytest.raises(InputError, match=r"\.parquet"):
        mixed.save(tmp_path / "a.csv")


# --- the ledger and the notebook ----------------------------------------------------------------------------


def test_ledgers_add_up():
    one, two = Ledger(), Ledger()
    one.add("kept", 3, subset="a", split="train")
    one.drop("empty", 2, subset="a", split="train")
    two.add("kept", 4, subset="a", split="train")
    two.add("truncated", 1, split="test")
    two.drop("too long", 5)
    both = one.merge(two)
    assert (both.kept, both.dropped, both.truncated, both.read) == (7, {"too long": 5, "empty": 2}, 1, 14)
    assert both == two.merge(one) != one
    plain = json.loads(json.dumps(both.to_dict()))
    assert (plain["read"], plain["dropped"]["too long"]) == (14, 5)
    assert plain["by_split"]["train"]["a"] == {"kept": 7, "dropped: empty": 2}
    assert "14 rows read" in both.line()
    assert "\n" not in both.line()
    assert Ledger().line() == "0 rows read; 0 kept; 0 dropped"
    assert Ledger().table().empty
    one.add("no prompt", 2, subset="a")  # a remark about rows that were kept
    assert (one.read, one.remarks) == (5, {"no prompt": 2})
    assert one.line().endswith("; 2 no prompt")
    assert one.table().loc[("", "a"), "no prompt"] == one.to_dict()["remarks"]["no prompt"] == 2


class _Tags(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.names, self.text = set(), ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)

    def handle_data(self, data):
        self.text += data


def test_nothing_from_data_becomes_html():
    evil = "<script>alert(1)</script><img src=x onerror=y>"
    rows = [{"prompt": evil, "responses": [evil, "b"], "ranks": [1, 2], "subset": evil, "id": evil}]
    preferences = load(rows)
    preferences.name = evil
    for shown in (preferences._repr_html_(), preferences.ledger._repr_html_()):
        found = _Tags(shown)
        assert not found.names & {"script", "img"}
        assert "<script>" in found.text
    chat = Preferences([Record([{"role": "user", "content": evil}], [evil])])
    assert not _Tags(chat._repr_html_()).names & {"script", "img"}
    assert "0 groups" in Preferences([])._repr_html_()


def test_the_card_has_no_colors_of_its_own():
    shown = load("tiny")._repr_html_()
    assert "#" not in shown
    assert "currentColor" in shown


def test_built_in_names_do_not_hide_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Preferences([Record("p", ["a"])]).save("mine.jsonl")
    assert load("mine.jsonl").records == [Record("p", ["a"])]


@pytest.mark.parametrize(
    ("name", "dials", "asked"),
    [
        ("a/b", {}, ("a/b", None, "train")),
        ("a/b:test", {}, ("a/b", None, "test")),
        ("a/b:chat:test", {}, ("a/b", "chat", "test")),
        ("a/b", {"split": "test[:10]", "config": "chat"}, ("a/b", "chat", "test[:10]")),
    ],
)
def test_hub_ids(monkeypatch, name, dials, asked):
    calls = []

    def load_dataset(path, config, split):
        calls.append((path, config, split))
        return datasets.Dataset.from_list([pair("p", "a", "b")])

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    assert load(name, **dials)[0].responses == ["a", "b"]
    assert calls == [asked]
