"""Do people agree, and who differs on what? From votes that know their annotator, of any number of people.

votes = rmkit.load(["ada.jsonl", "ben.jsonl"])
rmkit.people.agreement(votes)
"""

import itertools
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rmkit.data.preferences import as_preferences, prompt_key
from rmkit.errors import InputError
from rmkit.theory.agreement import Kappa, cohen, fleiss
from rmkit.theory.intervals import accuracy_interval

TIE = 2  # beside 0 and 1: the first, or the second, of two answers in the order of their texts
SWAPPED = np.array([1, 0, TIE])
NAMES = ("this one", "the other", "tie")


@dataclass(frozen=True)
class Agreement:
    """people      a row a person: votes, ties, how often the answer that stood first was taken (`first`; far
                   from one half where sides were balanced: a habit of the hand), votes cast again
    pairs       a row for two people who judged the same pairs: shared, agreement with its 95 % interval,
                   kappa (Cohen) with the interval that follows from it
    fleiss      Fleiss' kappa over all pairs that two or more people judged; None where there is none
    disputed    a row a pair on which not all say the same: what each person took, the most divided first
    by_subset   agreement of all with all, a row a subset

    Two answers have no side of their own, so a rater's share of "the first" is a coin's: chance is what
    people with these shares of ties reach if every pair is counted both ways round.
    """

    people: pd.DataFrame
    pairs: pd.DataFrame
    fleiss: Kappa | None
    disputed: pd.DataFrame
    by_subset: pd.DataFrame

    def __str__(self) -> str:
        if self.fleiss is None:
            return f"{len(self.people)} people, and no pair that two of them judged."
        return (
            f"{len(self.people)} people agree on {self.fleiss.observed:.0%} of what they share, where chance "
            f"would have {self.fleiss.chance:.0%}: Fleiss' kappa {self.fleiss.kappa:.2f}."
        )

    def _repr_html_(self) -> str:
        tables = {"People": self.people, "Two by two": self.pairs, "By subset": self.by_subset}
        tables["Where they differ"] = self.disputed.head(10)
        inside = "".join(
            f"<details><summary>{name}</summary>{table.to_html(float_format='%.2f', na_rep='')}</details>"
            for name, table in tables.items()
        )
        return f"<p>{self}</p>{inside}"


def agreement(preferences) -> Agreement:
    """Agreement of the people whose votes these are.

    preferences: whatever `rmkit.load` takes, several files too; every two ranked responses of a record with
        an `annotator` are a vote. Who votes on a pair again has the last vote counted; `people` says how many
        were cast again.   Raises InputError where a ranked record has no annotator, or nobody voted.
    """
    ballots, about, people = _ballots(as_preferences(preferences))
    names = list(people)
    shared = {item: said for item, said in ballots.items() if len(said) > 1}
    rows = [_two(a, b, shared) for a, b in itertools.combinations(names, 2)]
    columns = ["first person", "second person", "shared", "agreement", "low", "high", "kappa", "kappa low"]
    columns += ["kappa high"]
    pairs = pd.DataFrame([row for row in rows if row], columns=columns)
    return Agreement(
        pd.DataFrame(people).T.rename_axis("person"),
        pairs,
        fleiss(_counts(shared)) if shared else None,
        _disputed(shared, about, names),
        _by_subset(shared, about),
    )


def _ballots(preferences) -> tuple[dict, dict, dict]:
    """{item: {person: 0, 1 or TIE}}, {item: (subset, prompt, texts)} and {person: counts}, in file order.

    An item is two responses to one prompt, in the order of their texts.
    """
    ballots, about, people = defaultdict(dict), {}, {}
    for number, record in enumerate(preferences):
        votes = [(i, j, 0) for i, j in record.pairs()] + [(i, j, TIE) for i, j in record.ties()]
        if not votes:
            continue
        if record.annotator is None:
            place = record.where or record.id or f"record {number}"
            raise InputError(f"{place} does not say whose vote it is (`annotator`).")
        person = people.setdefault(record.annotator, {"votes": 0, "ties": 0, "first": 0.0, "again": 0})
        for i, j, said in votes:
            texts = [record.responses[k].strip() for k in (i, j)]
            turned = texts[0] > texts[1]
            item = (prompt_key(record), *sorted(texts))
            person["again"] += record.annotator in ballots[item]
            person["votes"] += 1
            person["ties"] += said == TIE
            person["first"] += said != TIE and i < j
            ballots[item][record.annotator] = int(SWAPPED[said]) if turned else said
            about.setdefault(item, (record.subset, record.prompt, item[1:]))
    if not people:
        raise InputError("No record here ranks two responses: there are no votes.")
    for person in people.values():
        person["first"] /= max(1, person["votes"] - person["ties"])
    return ballots, about, people


def _both_ways(said: np.ndarray) -> np.ndarray:
    """Every pair as it stands, and turned."""
    return np.concatenate([said, SWAPPED[said]])


def _two(a: str, b: str, shared: dict) -> tuple | None:
    items = [item for item, said in shared.items() if a in said and b in said]
    if not items:
        return None
    first, second = (np.array([shared[item][who] for item in items]) for who in (a, b))
    kappa = cohen(_both_ways(first), _both_ways(second))
    low, high = accuracy_interval(first == second, [item[0] for item in items])
    return (a, b, len(items), kappa.observed, low, high, kappa.kappa, kappa.at(low), kappa.at(high))


def _counts(shared: dict) -> np.ndarray:
    """(2 N, 3): how many took the first, the second, neither; every pair both ways round."""
    counts = np.array([np.bincount(list(said.values()), minlength=3) for said in shared.values()])
    return np.concatenate([counts, counts[:, SWAPPED]])


def _by_subset(shared: dict, about: dict) -> pd.DataFrame:
    groups = defaultdict(dict)
    for item, said in shared.items():
        groups[about[item][0]][item] = said
    rows = {}
    for subset, group in groups.items():
        kappa = fleiss(_counts(group))
        rows[subset] = {"shared": len(group), "agreement": kappa.observed, "kappa": kappa.kappa}
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["shared", "agreement", "kappa"])
    return table.rename_axis("subset").sort_values("agreement", kind="stable")


def _disputed(shared: dict, about: dict, names: list[str]) -> pd.DataFrame:
    rows = []
    for item, said in shared.items():
        if len(set(said.values())) == 1:
            continue
        _, prompt, texts = about[item]
        asked = prompt if isinstance(prompt, str) else prompt[-1]["content"]
        counts = np.bincount(list(said.values()), minlength=3)
        took = {f"{name} took": NAMES[said[name]] for name in names if name in said}
        row = {"prompt": asked, "this one": texts[0], "the other": texts[1]} | took
        rows.append((counts.max() / counts.sum(), row))
    rows.sort(key=lambda each: each[0])
    columns = [f"{name} took" for name in names]
    return pd.DataFrame([row for _, row in rows], columns=["prompt", "this one", "the other", *columns])
