"""Lesson 13's experiments: one run from one seed each, so that a cell repeats them and takes an interval."""

from collections.abc import Sequence

import numpy as np

from rmkit.evaluation.camps import adjusted_rand, relabeled_accuracy
from rmkit.lessons.many_aims_many_people import soups
from rmkit.lessons.many_aims_many_people.crowd import Pairs, members, vote
from rmkit.lessons.many_aims_many_people.instruments import agreement, missed, worth
from rmkit.pocket.annotators import TEMPERATURE
from rmkit.theory import ideal_points, linear, mixture
from rmkit.theory.axes import principal_axes
from rmkit.theory.few_shot import few_shot
from rmkit.training.labeling.rehearsal import CHOICES, rehearse

PRIOR = 5.0  # of a reward's weights, in votes
# Of ideal points: a map of 4 x 32 entries needs a firm hand with 3,200 votes.
POINTS = {"d": 4, "prior": 200.0, "member_prior": 0.3, "starts": 2, "steps": 100}


# --- camps --------------------------------------------------------------------------------------------------


def recovered(
    pairs: Pairs, tastes: np.ndarray, *, each: int, seed: int, people: int = 40, k: int = 0
) -> dict:
    """Camps of equal size vote `each` times a person. {rand, right (share of people), found}; k camps looked
    for (0: as many as there are).
    """
    rng = np.random.default_rng([seed, each])
    camp = members(people, np.ones(len(tastes)), rng)
    votes = vote(pairs, tastes[camp], each, rng)
    found = mixture.fit(votes.x, votes.user, k or len(tastes), prior=PRIOR, seed=seed, starts=3)
    return {
        "rand": adjusted_rand(camp, found.camps),
        "right": 100 * relabeled_accuracy(camp, found.camps),
        "found": found,
    }


def held_out(pairs: Pairs, tastes: np.ndarray, *, each: int, seed: int, people: int, ks: Sequence[int]):
    """(len(ks),) log-loss, in thousandths of a nat, of later votes of the same people, one a k."""
    rng = np.random.default_rng([seed, 1])
    camp = members(people, np.ones(len(tastes)), rng)
    votes, later = (vote(pairs, tastes[camp], each, rng) for _ in range(2))
    losses = []
    for k in ks:
        found = mixture.fit(votes.x, votes.user, k, prior=PRIOR, seed=seed, starts=3)
        p = (found.members[later.user] / (1 + np.exp(-later.x @ found.weights.T))).sum(1)
        losses.append(-1000 * np.log(p).mean())
    return np.array(losses)


# --- places between the camps -------------------------------------------------------------------------------


def placed(pairs: Pairs, ends: np.ndarray, *, each: int, seed: int, people: int, between: bool) -> dict:
    """People with taste (1 - t) ends[0] + t ends[1]; t even from 0 to 1 if `between`, else 0 or 1.

    {correlation: of each person's place with t; "ideal points", "mixture": log-loss of later votes}.
    """
    rng = np.random.default_rng([seed, 2])
    t = rng.permutation(np.linspace(0, 1, people))
    t = t if between else np.round(t)
    tastes = (1 - t)[:, None] * ends[0] + t[:, None] * ends[1]
    votes, later = (vote(pairs, tastes, each, rng) for _ in range(2))
    points = ideal_points.fit(votes.first, votes.second, votes.user, 2, seed=seed, **POINTS)
    camps = mixture.fit(votes.x, votes.user, 2, prior=PRIOR, seed=seed, starts=3)
    gaps = points.gaps(later.first, later.second, points.members[later.user])
    p = (camps.members[later.user] / (1 + np.exp(-later.x @ camps.weights.T))).sum(1)
    return {
        "correlation": abs(np.corrcoef(points.members[:, 0], t)[0, 1]),
        "ideal points": 1000 * np.logaddexp(0, -gaps).mean(),
        "mixture": -1000 * np.log(p).mean(),
        "t": t,
        "place": points.members[:, 0],
    }


# --- one new person -----------------------------------------------------------------------------------------


def crowd_of(pairs: Pairs, tastes: np.ndarray, *, seed: int, people: int = 40, each: int = 80) -> dict:
    """What is known before the newcomer comes: one reward for all, a mixture, DRM's heads beside the one."""
    rng = np.random.default_rng([seed, 3])
    camp = members(people, np.ones(len(tastes)), rng)
    votes = vote(pairs, tastes[camp], each, rng)
    found = mixture.fit(votes.x, votes.user, len(tastes), prior=PRIOR, seed=seed, starts=3)
    one = linear.fit(votes.x, prior=PRIOR)
    return {
        "all": one,
        "camps": found,
        "axes": np.concatenate([one[None], axis_heads(votes.x)]),
        "tastes": tastes,
    }


def axis_heads(x: np.ndarray, r: int = 8, *, centered: bool = False) -> np.ndarray:
    """(2 R, D) DRM's heads: the first R axes of votes x (V, D) and their opposites, gaps of variance 1."""
    found = principal_axes(x, centered=centered).directions[:r]
    heads = found / (x @ found.T).std(0)[:, None]
    return np.concatenate([heads, -heads])


def newcomer(known: dict, x: np.ndarray) -> dict[str, np.ndarray]:
    """{way: (D,) a reward for one person who cast the votes x (N, D)}."""
    camps = known["camps"]
    members = few_shot(x @ camps.weights.T, shares=camps.shares)
    heads = known["axes"]
    own = linear.fit(x, prior=PRIOR) if len(x) else np.zeros(len(known["all"]))
    return {
        "one for all": known["all"],
        "mixture": members @ camps.weights,
        "axes": few_shot(x @ heads.T) @ heads if len(x) else known["all"],
        "own votes alone": own,
    }


def newcomers(
    train: Pairs,
    test: Pairs,
    tastes: np.ndarray,
    *,
    counts: Sequence[int],
    seed: int,
    people: int = 8,
    known=None,
) -> dict[str, np.ndarray]:
    """{way: (people, len(counts), 3)} what each way is worth after so many votes: `worth` on all test pairs,
    and agreement on the pairs that the crowd's camps order differently.

    tastes (C, A): of the newcomers, who take turns. known: the crowd that is there (`crowd_of`).
    """
    rng = np.random.default_rng([seed, 4])
    values: dict[str, list] = {}
    torn = np.ptp(np.sign(test.gaps(known["tastes"])), axis=1) == 2
    for person in range(people):
        own = tastes[person % len(tastes)]
        gold = test.gaps(own)
        votes = vote(train, own[None], max(counts), rng).x
        for n in counts:
            for way, w in newcomer(known, votes[:n]).items():
                d = test.x @ w
                all_pairs = worth(d, gold) if d.any() else (50.0, 1000 * np.log(2))
                values.setdefault(way, []).append((*all_pairs, 100 * agreement(d, gold)[torn].mean()))
    return {way: np.array(each).reshape(people, len(counts), 3) for way, each in values.items()}


def asked(
    train: Pairs, test: Pairs, tastes: np.ndarray, *, counts: Sequence[int], seed: int, many: int = 200
) -> dict[str, np.ndarray]:
    """{order of asking: (len(counts), 2)} what a head of one person's own votes is worth (`worth`).

    tastes (C, A): the person has one of them, in turn by seed. The pairs asked come from `many` of `train`.
    """
    taste = tastes[seed % len(tastes)]
    pool = train[np.random.default_rng([seed, 7]).choice(len(train), min(many, len(train)), replace=False)]
    gaps, gold = pool.gaps(taste) / TEMPERATURE, test.gaps(taste)
    return {
        order: np.array(
            [worth(d, gold) for d in rehearse(pool.x, gaps, test.x, counts, order=order, seed=seed)]
        )
        for order in CHOICES
    }


# --- who is outvoted ----------------------------------------------------------------------------------------


def outvoted(
    train: Pairs, test: Pairs, tastes: np.ndarray, *, share: float, votes: int, seed: int
) -> np.ndarray:
    """(2, 2) agreement, in percent, of [majority, minority] with [one reward for all, one of their own].

    tastes (2, A): majority, minority, who casts `share` of the votes. Everybody's own reward is learned from
    as many votes as the one for all.
    """
    rng = np.random.default_rng([seed, 5])
    camp = members(votes, [1 - share, share], rng)
    crowd = [
        vote(train, tastes[camp], 1, rng).x,
        *(vote(train, np.tile(t, (votes, 1)), 1, rng).x for t in tastes),
    ]
    one, *own = (linear.fit(x, prior=PRIOR) for x in crowd)
    return np.array(
        [
            [worth(test.x @ w, test.gaps(t))[0] for w in (one, mine)]
            for t, mine in zip(tastes, own, strict=True)
        ]
    )


# --- soups --------------------------------------------------------------------------------------------------


def souped(
    train: Pairs,
    test: Pairs,
    tastes: np.ndarray,
    shares: Sequence[float],
    *,
    votes: int,
    seed: int,
    steps: int = 60,
) -> dict[str, np.ndarray]:
    """{recipe: (len(shares),)} share of the true gaps missed, in percent, for tastes mixed in these shares.

    Two heads are tuned to the two tastes (2, A): from one start, trained on a crowd of both; and from two.
    "rewards averaged" mixes what the first two heads say.
    """
    rng = np.random.default_rng([seed, 6])
    width = train.each.shape[-1]
    crowds = [vote(train, np.tile(t, (votes, 1)), 1, rng) for t in tastes]
    both = vote(train, tastes[members(votes, [0.5, 0.5], rng)], 1, rng)
    start = soups.tune(soups.begin(width, 16, seed), both.first, both.second, steps=3 * steps)
    together = [soups.tune(start, c.first, c.second, steps=steps) for c in crowds]
    apart = [
        soups.tune(soups.begin(width, 16, 1000 * (i + 1) + seed), c.first, c.second, steps=4 * steps)
        for i, c in enumerate(crowds)
    ]
    values: dict[str, list[float]] = {}
    for share in shares:
        mix = (1 - share, share)
        gold = test.gaps(np.asarray(mix) @ tastes)
        said = {
            "one start": soups.reward(soups.soup(together, mix), test.each),
            "two starts": soups.reward(soups.soup(apart, mix), test.each),
            "rewards averaged": sum(
                m * soups.reward(h, test.each) for m, h in zip(mix, together, strict=True)
            ),
        }
        for name, r in said.items():
            values.setdefault(name, []).append(100 * missed(r[:, 0] - r[:, 1], gold).mean())
    return {name: np.array(each) for name, each in values.items()}
