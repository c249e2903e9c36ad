"""Evaluation against brute force: pairs counted by hand, best-of-n over every subset, all orders."""

import itertools
import json
import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from rmkit.preferences import Preferences, Record

from rmkit.errors import InputError
from rmkit.evaluation import best_of_n, best_of_n_kl, evaluate
from rmkit.models.packing import TokenGroup


def group(ranks, responses=None, **more):
    responses = responses or ["a" * (i + 1) for i in range(len(ranks))]
    return Record(more.pop("prompt", f"prompt {ranks}"), responses, ranks=ranks, **more)


def toy(seed=0, groups=40):
    rng = np.random.default_rng(seed)
    records, rewards = [], []
    for g in range(groups):
        k = int(rng.integers(1, 6))
        texts = ["x" * int(n) for n in rng.integers(1, 9, k)]
        ranks = [int(r) for r in rng.integers(0, 4, k)]
        records.append(group(ranks, texts, prompt=f"p{g // 2}", subset="ab"[g % 2]))
        rewards.append(rng.integers(-2, 3, k).astype(float).tolist())
    return Preferences(records, name="toy"), rewards


def by_hand(rewards, preferences):
    """(share right with ties a half, pairs, tied rewards) by the definition."""
    credit, pairs, tied = Fraction(0), 0, 0
    for row, record in zip(rewards, preferences, strict=True):
        for (r, a), (s, b) in itertools.combinations(zip(row, record.ranks, strict=True), 2):
            if a == b or 0 in (a, b):
                continue
            pairs += 1
            tied += r == s
            credit += Fraction(1, 2) if r == s else Fraction(int((r > s) == (a < b)))
    return float(credit / pairs), pairs, tied


def test_accuracy_counts_pairs_with_different_ranks_and_equal_rewards_as_half():
    preferences, rewards = toy()
    report = evaluate(rewards, preferences)
    assert (report.accuracy, report.pairs, report.tied_rewards) == pytest.approx(
        by_hand(rewards, preferences)
    )
    assert report.tied_rewards > 5
    assert report.groups == sum(bool(record.pairs()) for record in preferences) < len(preferences)


def test_subsets_partition_the_pairs():
    preferences, rewards = toy()
    report = evaluate(rewards, preferences)
    for name, part in report.subsets.items():
        chosen = [i for i, record in enumerate(preferences) if record.subset == name]
        rows = [preferences[i] for i in chosen]
        assert part.accuracy == pytest.approx(by_hand([rewards[i] for i in chosen], rows)[0])
    assert sum(part.pairs for part in report.subsets.values()) == report.pairs


def test_baselines_are_the_accuracy_of_scorers_that_know_nothing():
    preferences, rewards = toy()
    report = evaluate(rewards, preferences)
    lengths = [[float(len(text)) for text in record.responses] for record in preferences]
    longest = by_hand(lengths, preferences)[0]
    assert report.baselines["longest"]["accuracy"] == pytest.approx(longest)
    assert report.baselines["shortest"]["accuracy"] == pytest.approx(1 - longest)
    places = [[-float(i) for i in range(len(record.responses))] for record in preferences]
    assert report.baselines["first"]["accuracy"] == pytest.approx(by_hand(places, preferences)[0])
    for value in report.baselines.values():
        low, high = value["interval"]
        assert 0 <= low < value["accuracy"] < high <= 1


def test_a_table_says_groups_and_pairs_under_their_names():
    preferences, rewards = toy()
    report = evaluate(rewards, preferences)
    table = report.table()
    assert report.groups < report.pairs
    whole = table.filter(regex="^(rewards|baseline: )", axis=0)
    assert len(whole) == 5
    assert set(zip(whole["groups"], whole["pairs"], strict=True)) == {(report.groups, report.pairs)}
    for name, part in report.subsets.items():
        row = table.loc[f"subset: {name}"]
        assert (row["groups"], row["pairs"]) == (part.groups, part.pairs)
        assert (row["accuracy"], row["low"], row["high"]) == (part.accuracy, *part.interval)


@pytest.mark.parametrize(
    "ranks", [[1, 2], [1, 2, 3, 4], [1, 1, 2, 3], [2, 1, 1], [1, 2, 2, 2, 2], [3, 0, 1, 2]]
)
def test_the_interval_of_a_random_scorer_has_the_variance_of_all_orders(ranks):
    k = len(ranks)
    orders = [[float(x) for x in order] for order in itertools.permutations(range(k))]
    one = Preferences([group(ranks)], name="one")
    shares = [by_hand([order], one)[0] for order in orders]
    assert np.mean(shares) == pytest.approx(0.5)
    many = Preferences([group(ranks, prompt=f"p{i}") for i in range(50)], name="many")
    low, high = evaluate([orders[0]] * 50, many).baselines["random"]["interval"]
    assert (high - low) / 2 == pytest.approx(1.959964 * np.std(shares) / math.sqrt(50), rel=1e-5)


def test_correct_alone_makes_pairs_of_right_over_wrong():
    preferences = Preferences([Record("q", list("abcd"), correct=[True, False, None, True])], name="checked")
    report = evaluate([[3.0, 1.0, 9.0, 0.0]], preferences)
    assert (report.pairs, report.accuracy) == (2, 0.5)


def test_prompts_and_not_pairs_make_the_interval():
    one = Preferences([group([1, 2], prompt=f"p{i}") for i in range(40)], name="one each")
    shared = Preferences([group([1, 2], prompt=f"p{i // 10}") for i in range(40)], name="shared")
    rewards = [[1.0, 0.0] if i // 10 % 2 else [0.0, 1.0] for i in range(40)]
    narrow, wide = evaluate(rewards, one).interval, evaluate(rewards, shared).interval
    assert wide[1] - wide[0] > 2 * (narrow[1] - narrow[0])


def test_report_json_has_the_promised_keys_and_plain_numbers(tmp_path):
    preferences, rewards = toy()
    report = evaluate(rewards, preferences)
    report.save(tmp_path / "new" / "report.json")
    found = json.loads((tmp_path / "new" / "report.json").read_text())
    numbers = {"accuracy", "interval", "groups", "pairs", "tied_rewards", "baselines", "calibration"}
    assert found.keys() == numbers | {"subsets", "ledger", "length_correlation"}
    assert found["length_correlation"].keys() == {"mean", "low", "high"}
    assert found["baselines"].keys() == {"longest", "shortest", "first", "random"}
    assert found["calibration"].keys() == {"ece", "brier", "temperature"}
    assert found["subsets"].keys() == {"a", "b"}
    assert all(part.keys() == numbers for part in found["subsets"].values())
    assert found["ledger"]["kept"] == len(preferences)
    low, high = found["interval"]
    assert low < found["accuracy"] < high


def test_calibration_recovers_the_temperature_of_the_people():
    rng = np.random.default_rng(0)
    gaps = rng.normal(0, 3, 4000)
    better = rng.random(4000) < 1 / (1 + np.exp(-gaps / 2))
    records = [group([1, 2] if b else [2, 1], prompt=f"p{i}") for i, b in enumerate(better)]
    report = evaluate(np.stack([gaps, np.zeros(4000)], 1), Preferences(records, name="people"))
    assert report.calibration["temperature"] == pytest.approx(2, rel=0.1)
    wins = np.where(better, gaps, -gaps)
    assert report.calibration["brier"] == pytest.approx(np.mean((1 - 1 / (1 + np.exp(-wins))) ** 2))


def test_a_subset_named_like_markup_is_escaped():
    record = group([1, 2], subset="<script>alert(1)</script>")
    page = evaluate([[1.0, 0.0]], Preferences([record], name="x"))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_rewards_may_be_tensors_of_any_dtype_a_padded_array_or_a_model():
    preferences, rewards = toy()
    wanted = evaluate(rewards, preferences).to_dict()
    tensors = [torch.tensor(row, dtype=torch.bfloat16, requires_grad=True) for row in rewards]
    assert evaluate(tensors, preferences).to_dict() == wanted
    widest = max(map(len, rewards))
    padded = np.array([row + [math.nan] * (widest - len(row)) for row in rewards])
    assert evaluate(padded, preferences).to_dict() == wanted
    assert evaluate(torch.tensor(padded), preferences).to_dict() == wanted

    class Model:
        def score_all(self, asked):
            assert asked is preferences
            return rewards

    assert evaluate(Model(), preferences).to_dict() == wanted


@pytest.mark.parametrize(
    ("rewards", "records", "words"),
    [
        ([[1.0, 2.0]], [Record("p", ["a", "b"])], "neither"),
        ([[1.0, 2.0]], [group([1, 1])], "neither"),
        ([[1.0, 2.0]], [group([0, 1])], "neither"),
        ([], [], "no groups"),
        ([[1.0, 2.0]], [group([1, 2]), group([2, 1])], "1 rows of rewards for 2 groups"),
        ([[1.0, 2.0, 3.0]], [group([1, 2])], "Group 0 has 2 responses"),
        ([[1.0, math.nan]], [group([1, 2])], "NaN"),
        ([[1.0, 2.0], [math.inf, 0.0]], [group([1, 2]), group([1, 2])], "Group 1"),
        (np.zeros((1, 3)), [group([1, 2])], "3 columns"),
    ],
)
def test_what_cannot_be_evaluated_is_said(rewards, records, words):
    with pytest.raises(InputError, match=words):
        evaluate(rewards, Preferences(records, name="toy"))


# Pairs that share answers, in one group or in many


def shared_pairs(prompts=6, answers=7, seed=0):
    """Every pair of a prompt's answers as a row of its own, in the order of a hidden quality."""
    rng, records = np.random.default_rng(seed), []
    for p in range(prompts):
        for a, b in itertools.combinations(rng.permutation(answers), 2):
            records.append(Record(f"p{p}", [f"answer {a}", f"answer {b}"], [1, 2]))
    return Preferences(records, name="shared")


def test_the_interval_of_a_random_scorer_holds_over_pairs_that_share_answers():
    preferences, rng, inside = shared_pairs(), np.random.default_rng(1), []
    for _ in range(400):
        table = rng.normal(size=(6, 7))
        rewards = [[table[int(r.prompt[1:]), int(t[-1])] for t in r.responses] for r in preferences]
        inside.append(by_hand(rewards, preferences)[0])
    low, high = evaluate(rewards, preferences).baselines["random"]["interval"]
    assert 0.93 < np.mean([low <= share <= high for share in inside]) < 0.975
    assert (high - low) / 2 == pytest.approx(1.96 * np.std(inside), rel=0.1)


def test_one_group_and_its_pairs_have_the_same_random_interval():
    ranking = Preferences([Record("p", list("abcde"), [1, 2, 3, 4, 5])], name="ranking")
    one = evaluate([[5.0, 4, 3, 2, 1]], ranking).baselines["random"]
    pairs = ranking.to_pairs()
    assert evaluate([[1.0, 0]] * len(pairs), pairs).baselines["random"]["interval"] == pytest.approx(
        one["interval"]
    )
    without_prompt = Preferences([Record("", r.responses, [1, 2]) for r in pairs], name="no prompts")
    found = evaluate([[1.0, 0]] * len(pairs), without_prompt).baselines["random"]["interval"]
    assert found == pytest.approx(one["interval"])


def test_votes_on_one_pair_are_one_draw_of_a_random_scorer():
    votes = [[1, 2]] * 5 + [[2, 1]]
    many = Preferences([Record("p", ["a", "b"], ranks) for ranks in votes], name="votes")
    low, high = evaluate([[1.0, 0.0]] * 6, many).baselines["random"]["interval"]
    # 5/6 or 1/6, each with probability 1/2: a standard deviation of 1/3.
    assert (low, high) == pytest.approx((max(0, 0.5 - 1.959964 / 3), min(1, 0.5 + 1.959964 / 3)))


# Answers that are right or wrong


def answers(n=60, seed=0, prompts=60):
    rng = np.random.default_rng(seed)
    right = rng.random(n) < 0.4
    texts = ["x" * int(k) for k in rng.integers(1, 40, n)]
    records = [
        Record(f"p{i % prompts}", [text], correct=[bool(c)])
        for i, (text, c) in enumerate(zip(texts, right, strict=True))
    ]
    return Preferences(records, name="answers"), (right - 0.5 + rng.normal(size=n))[:, None], right


@pytest.mark.parametrize("prompts", [60, 20, 1])
def test_single_answers_have_auc_accuracy_and_brier(prompts):
    preferences, rewards, right = answers(prompts=prompts)
    report, r = evaluate(rewards, preferences), rewards[:, 0]
    found = report.outcomes.measures
    auc = np.mean(r[right][:, None] > r[~right])
    assert found["AUC"]["value"] == pytest.approx(auc)
    assert report.accuracy == found["accuracy at 0"]["value"] == pytest.approx(np.mean((r > 0) == right))
    p = 1 / (1 + np.exp(-r))
    assert found["Brier"]["value"] == report.calibration["brier"] == pytest.approx(np.mean((p - right) ** 2))
    assert found["right answers"]["value"] == report.baselines["all right"]["accuracy"] == right.mean()
    for each in found.values():
        assert 0 <= each["interval"][0] <= each["value"] <= each["interval"][1] <= 1
    best = [
        preferences[max(group, key=lambda i: r[i])].correct[0]
        for group in (range(p, 60, prompts) for p in range(prompts))
        if len(group) > 1
    ]
    if prompts < 60:
        assert found["best of each prompt"]["value"] == pytest.approx(np.mean(best))
        assert found["any of each prompt"]["value"] == pytest.approx(right.mean())
    assert "nan" not in str(report).lower()
    json.dumps(report.to_dict(), allow_nan=False)
    assert report.by_length()["pairs"].sum() == 60


def test_the_interval_of_the_auc_covers_over_prompts():
    hits = []
    for seed in range(300):
        rng = np.random.default_rng(seed)
        prompt = np.repeat(np.arange(30), 3)
        hard = rng.normal(size=30)[prompt]
        right = rng.random(90) < 0.5
        rewards = right + hard + rng.normal(size=90)  # AUC: P(N(1, 4) > 0)
        records = [
            Record(f"p{p}", [f"a{i}"], correct=[bool(c)])
            for i, (p, c) in enumerate(zip(prompt, right, strict=True))
        ]
        found = evaluate(rewards[:, None], Preferences(records, name="x")).outcomes.measures["AUC"]
        hits.append(found["interval"][0] <= 0.69146 <= found["interval"][1])
    assert 0.91 < np.mean(hits) < 0.985


@pytest.mark.parametrize("right", [True, False])
def test_answers_all_of_one_kind_have_no_auc_and_no_nan(right):
    preferences = Preferences([Record(f"p{i}", ["a"], correct=[right]) for i in range(5)], name="x")
    report = evaluate([[1.0]] * 5, preferences)
    assert report.accuracy == right
    assert "AUC" not in report.outcomes.measures
    assert "nan" not in str(report).lower()
    json.dumps(report.to_dict(), allow_nan=False)


# What figures need, and notes


def test_accuracy_by_length_is_the_accuracy_of_each_part():
    preferences, rewards = toy(groups=120)
    report = evaluate(rewards, preferences)
    table = report.by_length(4)
    assert table["pairs"].sum() == report.pairs
    assert (table["accuracy"] * table["pairs"]).sum() / report.pairs == pytest.approx(report.accuracy)
    assert (table["longest"][:-1].to_numpy() < table["shortest"][1:].to_numpy()).all()
    assert report.reliability.count.sum() == report.pairs
    assert len(report.gaps) == report.pairs


def test_the_ceiling_is_the_agreement_of_one_judge_with_the_others():
    votes = [[1, 2], [1, 2], [1, 2], [2, 1]]
    several = [Record("p", ["a", "b"], ranks) for ranks in votes] + [Record("q", ["a", "b"], [1, 2])]
    report = evaluate([[1.0, 0.0]] * 5, Preferences(several, name="votes"))
    assert report.ceiling == 3 / 4  # each of three agrees with a majority of the others, the fourth does not
    alone = Preferences([Record("q", ["a", "b"], [1, 2])], name="one")
    assert evaluate([[1.0, 0.0]], alone).ceiling is None


def test_notes_are_there_only_where_they_inform():
    rng = np.random.default_rng(0)
    rows = [Record(f"p{i}", [f"good {i}", f"bad {i} !"], [1, 2]) for i in range(400)]
    rewards = np.stack([rng.normal(2, 1, 400), np.zeros(400)], 1) * 4
    assert evaluate(rewards, Preferences(rows, name="pairs")).notes == []
    mixed = [r if i % 5 else Record(r.prompt, r.responses, [2, 1]) for i, r in enumerate(rows)]
    unlabeled = [*mixed, Record("p", ["a", "b"], subset="none")]
    notes = " ".join(evaluate(np.vstack([rewards, [[0, 0]]]), Preferences(unlabeled, name="x")).notes)
    assert "order of the responses" in notes
    assert "1 of 401 groups order nothing" in notes
    assert "Subsets in which nothing is ordered: none" in notes


def test_nothing_is_scored_where_nothing_is_labeled():
    class Model:
        def score_all(self, preferences):
            raise AssertionError("scored")

    with pytest.raises(InputError, match="neither"):
        evaluate(Model(), [{"prompt": "q", "responses": ["a", "b"]}])


def test_what_load_takes_is_evaluated():
    assert evaluate([[1.0, 0.0]], [{"prompt": "q", "chosen": "a", "rejected": "b"}]).accuracy == 1


# Best of n


def best_by_brute_force(rewards, gold, n):
    """Mean over all n-subsets of the gold of the highest reward; equal rewards share."""
    values = []
    for subset in itertools.combinations(range(len(rewards)), n):
        top = max(rewards[i] for i in subset)
        values.append(np.mean([gold[i] for i in subset if rewards[i] == top]))
    return np.mean(values)


@pytest.mark.parametrize("ties", [False, True])
def test_best_of_n_equals_every_subset(ties):
    rng = np.random.default_rng(1)
    rewards = rng.integers(0, 4, (3, 8)) if ties else rng.normal(size=(3, 8))
    gold = rng.normal(size=(3, 8))
    wanted = [[best_by_brute_force(r, g, n) for n in range(1, 9)] for r, g in zip(rewards, gold, strict=True)]
    assert best_of_n(rewards, gold) == pytest.approx(np.array(wanted), abs=1e-12)
    assert best_of_n(torch.tensor(rewards[0]), gold[0]) == pytest.approx(np.array(wanted[0]), abs=1e-6)


def test_best_of_n_of_a_large_pool_stays_exact():
    n = 5000
    curve = best_of_n(np.arange(n), np.arange(1, n + 1))
    # The mean of the highest of m numbers drawn from 1..n without replacement is m (n + 1) / (m + 1).
    m = np.arange(1, n + 1)
    assert curve == pytest.approx(m * (n + 1) / (m + 1), rel=1e-9)


def test_equal_rewards_choose_at_random():
    assert best_of_n(np.zeros((1, 4)), np.array([[1.0, 2.0, 3.0, 6.0]])) == pytest.approx(
        np.full((1, 4), 3.0)
    )


def test_kl_of_best_of_n_is_that_of_its_distribution():
    n, atoms = 5, 20_000
    # The best of n has the density n u^(n - 1) over the policy's quantiles u.
    u = (np.arange(atoms) + 0.5) / atoms
    q = n * u ** (n - 1)
    assert best_of_n_kl(n) == pytest.approx(np.mean(q * np.log(q)), abs=1e-4)
    assert best_of_n_kl([1, 2]) == pytest.approx([0.0, math.log(2) - 0.5])


@pytest.mark.parametrize("bad", [np.zeros((0, 3)), np.array([[1.0, math.nan]])])
def test_best_of_n_refuses_what_has_no_answer(bad):
    with pytest.raises(InputError):
        best_of_n(bad, bad)
    with pytest.raises(InputError):
        best_of_n(np.zeros((2, 3)), np.zeros((2, 2)))
    with pytest.raises(InputError):
        best_of_n_kl(0)


def test_an_even_share_orders_nothing_and_a_smaller_one_turns_the_pair():
    votes = Preferences([group([1, 2], share=share) for share in (0.75, 0.5, 0.25)])
    report = evaluate([[1.0, 0.0]] * 3, votes)
    assert (report.pairs, report.groups, report.accuracy) == (2, 2, 0.5)
    with pytest.raises(InputError, match="orders no two responses"):
        evaluate([[1.0, 0.0]], Preferences([group([1, 2], share=0.5)]))


class ReadsInPart:
    """A model that reads of every prompt and first response only a part."""

    def encode(self, preferences, training):
        return [TokenGroup([1], [[2], [3]], True, (True, False), i) for i in range(len(preferences))], None

    def score_all(self, preferences):
        return [[1.0, 0.0]] * len(preferences)


def test_a_report_counts_what_was_cut_by_side_and_shows_the_rows():
    ledger = evaluate(ReadsInPart(), Preferences([group([1, 2], subset="s")])).ledger
    assert {what: n for (_, _, what), n in ledger.cells.items() if what != "kept"} == {
        "truncated": 1, "prompt cut": 1, "response cut": 1,
    }  # fmt: skip
    assert ledger.examples("response cut")["done"].tolist() == ["kept: a response lost its end"]
