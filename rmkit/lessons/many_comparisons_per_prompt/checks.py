"""Exercise checks of lesson 06: pairs of a ranking, weights of groups, honest splits, packed positions."""

from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F

from rmkit.notebook.check import Check, Mistake, Trap


def _rankings(rng: np.random.Generator):
    yield ([1, 2],)
    yield ([2, 1, 2],)
    yield ([1, 0, 2],)
    yield ([0, 0, 1],)
    for k in (4, 6, 9):
        yield (rng.integers(0, k, k).tolist(),)


def _every(beats):
    return lambda ranks: [
        (i, j) for i, a in enumerate(ranks) for j, b in enumerate(ranks) if i != j and beats(a, b)
    ]


def _neighbors(ranks):
    order = sorted((rank, i) for i, rank in enumerate(ranks) if rank > 0)
    return sorted((i, j) for (a, i), (b, j) in pairwise(order) if a < b)


def _listed_order(ranks):
    return [(i, j) for i, j in _pairs(ranks) if i < j]


_pairs = _every(lambda a, b: 0 < a < b)

RANKED_PAIRS = Check(
    "ranked_pairs",
    reference=_pairs,
    cases=_rankings,
    mistakes=(
        Mistake(
            _every(lambda a, b: a > 0 and a <= b), "a tie is no pair: equal ranks say nothing about who wins."
        ),
        Mistake(_every(lambda a, b: a < b), "rank 0 means not ranked; here such a response beats everybody."),
        Mistake(_every(lambda a, b: 0 < b < a), "the order is turned round: rank 1 is the best and wins."),
        Mistake(_neighbors, "only neighbors of the ranking are paired; the first also beats the third."),
        Mistake(
            _listed_order,
            "only pairs with the winner listed first are found: compare every response with every other.",
        ),
        Mistake(
            lambda ranks: [(j, i) for i, j in _pairs(ranks)],
            "winner and loser have changed places: (i, j) says that i beats j.",
        ),
        Mistake(
            lambda ranks: [(i + 1, j + 1) for i, j in _pairs(ranks)],
            "it counts responses from 1; indices start at 0.",
        ),
        Mistake(
            lambda ranks: len(_pairs(ranks)), "this is the number of pairs; return the pairs themselves."
        ),
    ),
)


def _batches(rng: np.random.Generator):
    yield torch.tensor([[1.0, 0.0]]), torch.tensor([[1, 2]])
    yield torch.tensor([[0.5, -1.0, 2.0], [1.0, 0.0, 0.0]]), torch.tensor([[1, 2, 3], [2, 1, 0]])
    for k in (4, 6):
        ranks = torch.tensor(np.stack([rng.permutation(k) + 1 for _ in range(3)]))
        ranks[0] = torch.tensor([1, 2] + [0] * (k - 2))
        ranks[1] = torch.tensor([1, 2, 2] + [0] * (k - 3))  # a tie: two pairs, not three
        yield torch.tensor(rng.normal(size=(3, k)), dtype=torch.float32), ranks


def _each(rewards, ranks, unranked=False):
    """Summed loss and number of pairs of each group."""
    counted = ((ranks[:, :, None] > 0) | unranked) & (ranks[:, :, None] < ranks[:, None, :])
    loss = F.softplus(rewards[:, None, :] - rewards[:, :, None]) * counted
    return loss.sum((1, 2)), counted.sum((1, 2))


def _by(divide):
    def loss(rewards, ranks):
        total, number = _each(rewards, ranks)
        return (total / divide(number, (ranks > 0).sum(1))).mean()

    return loss


def _with_unranked(rewards, ranks):
    total, number = _each(rewards, ranks, unranked=True)
    return (total / number).mean()


def _one_each(rewards, ranks):
    total, number = _each(rewards, ranks)
    return total / number


def _by_pair(rewards, ranks):
    total, number = _each(rewards, ranks)
    return total.sum() / number.sum()


GROUP_LOSS = Check(
    "group_loss",
    reference=_by(lambda number, k: number),
    cases=_batches,
    mistakes=(
        Mistake(
            _by(lambda number, k: number**0), "the sum over a group's pairs is not divided by their number."
        ),
        Mistake(_by(lambda number, k: k), "this divides by K; nine answers have 36 pairs, not 9."),
        Mistake(
            _by(lambda number, k: k / 2), "this divides by the fraction K/2, as the chapter's print looks."
        ),
        Mistake(
            _by(lambda number, k: k * (k - 1)), "K (K - 1) counts every pair twice; C(K,2) is half of that."
        ),
        Mistake(
            _by(lambda number, k: k * (k - 1) / 2),
            "C(K,2) counts a tie as a pair: divide by the number of pairs that there are.",
        ),
        Mistake(
            _by_pair, "this is the mean over all pairs of the batch: a group of nine outweighs 36 of two."
        ),
        Mistake(_with_unranked, "rank 0 means not ranked; here such a response beats everybody."),
        Mistake(_one_each, "one number a prompt is left; asked is their mean, one number."),
        Mistake(
            lambda rewards, ranks: _one_each(rewards, ranks).sum(),
            "it sums over the prompts: twice the batch would be twice the loss. Take their mean.",
        ),
        Mistake(
            lambda rewards, ranks: _by(lambda number, k: number)(-rewards, ranks),
            "the gaps are turned: the winner's reward is subtracted from the loser's in softplus.",
        ),
        Mistake(
            lambda rewards, ranks: -_by(lambda number, k: number)(-rewards, ranks),
            "two signs are turned: the loss is softplus(loser - winner), and falls as the winner rises.",
        ),
    ),
    gradient=1,
)


def _group_sizes(rng: np.random.Generator):
    yield np.array([2, 9]), 0.0
    yield np.array([2, 9]), 2.0
    for n in (3, 6):
        yield rng.integers(2, 10, n), float(rng.uniform(0.02, 0.5))


def _shares(weights):
    return weights / weights.sum()


def _worth(k):
    return 3 * k * (k - 1) / (2 * (k + 1))


def _variance(k, differ):
    return 1 / _worth(k) + differ


BEST_WEIGHTS = Check(
    "best_weights",
    reference=lambda k, differ: _shares(1 / _variance(k, differ)),
    cases=_group_sizes,
    mistakes=(
        Mistake(
            lambda k, differ: 1 / _variance(k, differ),
            "the weights do not sum to 1 yet: divide them by their sum.",
        ),
        Mistake(
            lambda k, differ: _shares(_worth(k)),
            "t is missing: these are the best weights where prompts do not differ.",
        ),
        Mistake(
            lambda k, differ: _shares(k * (k - 1) / 2),
            "this counts pairs; the pairs of a ranking share responses, so nine answers are worth 10.8.",
        ),
        Mistake(
            lambda k, differ: _shares(1 / (2 / (k * (k - 1)) + differ)),
            "this takes a ranking's pairs for independent; they share responses, and are worth fewer.",
        ),
        Mistake(
            lambda k, differ: _shares(1 / (k * (k - 1) / 2) / _variance(k, differ)),
            "this is the weight of one pair; asked is that of the whole group, all its pairs together.",
        ),
        Mistake(
            lambda k, differ: _shares(_variance(k, differ)),
            "turned round: the surer a group is, the more it should weigh. Take one over the variance.",
        ),
        Mistake(
            lambda k, differ: _shares(_variance(k, differ) ** -0.5),
            "this is one over the standard deviation; the best weight is one over the variance.",
        ),
        Mistake(
            lambda k, differ: _shares(1 / (_worth(k) + differ)),
            "n_K is what a group is worth; the variance of what it says is one over that.",
        ),
        Mistake(
            lambda k, differ: _shares(_worth(k) + differ),
            "t is a variance: add it to 1 / n_K, and then take one over the sum.",
        ),
        Mistake(
            lambda k, differ: _shares(1 / ((k + 1) / 3 + differ)),
            "(K + 1) / 3 is how noisy one pair is; a group has C(K,2) of them, so its variance is 1 / n_K.",
        ),
    ),
)


def _splits(rng: np.random.Generator):
    yield ["a", "a", "b"], [0]
    yield ["why ?", "why  ?", "how?", " how?"], [1]
    for n in (6, 12):
        prompts = [f"question  {i}"[int(rng.integers(0, 2)) :] for i in rng.integers(0, n // 2, n)]
        prompts = [
            f"{prompt:{rng.integers(0, 14)}}".replace("  ", " " * int(rng.integers(1, 3)))
            for prompt in prompts
        ]
        yield prompts, sorted(rng.choice(n, n // 4, replace=False).tolist())


def _rest(prompts, held_out):
    return [i for i in range(len(prompts)) if i not in held_out]


def _not_among(prompts, held_out):
    taken = {prompts[i] for i in held_out}
    return [i for i, prompt in enumerate(prompts) if prompt not in taken]


def _clean(prompts, held_out):
    return _not_among([" ".join(prompt.split()) for prompt in prompts], held_out)


CLEAN_TRAIN = Check(
    "clean_train",
    reference=_clean,
    cases=_splits,
    mistakes=(
        Mistake(
            _rest, "a pair whose prompt also has a pair in the test set is still here: that is the leak."
        ),
        Mistake(_not_among, "two prompts that differ in white space alone are the same prompt."),
        Mistake(
            lambda prompts, held_out: [
                i for i in _rest(prompts, held_out) if i not in _clean(prompts, held_out)
            ],
            "turned round: these are the pairs that leak.",
        ),
        Mistake(
            lambda prompts, held_out: _not_among([prompt.strip() for prompt in prompts], held_out),
            "strip cleans the ends only; two spaces inside a prompt are white space as well.",
        ),
        Mistake(
            lambda prompts, held_out: [prompts[i] for i in _clean(prompts, held_out)],
            "these are the prompts; return their indices.",
        ),
    ),
    traps=(
        Trap(
            (["now here", "nowhere", "Nowhere ", "Why?", "why?"], [1, 3]),
            "'now here' and 'nowhere' are two prompts, and so is 'Nowhere': only how much white space there "
            "is does not count.",
        ),
        Trap((["why?", "how?"], []), "nothing is held out, so all may be trained on."),
    ),
)


def _groups(rng: np.random.Generator):
    yield 3, [2, 2]
    yield 5, [1, 4, 2]
    for k in (3, 6):
        yield int(rng.integers(2, 9)), rng.integers(1, 7, k).tolist()


def _restart(offset):
    return lambda prompt, lengths: [
        *range(prompt),
        *(offset(prompt) + step for length in lengths for step in range(length)),
    ]


PACKED_POSITIONS = Check(
    "packed_positions",
    reference=_restart(lambda prompt: prompt),
    cases=_groups,
    mistakes=(
        Mistake(
            lambda prompt, lengths: list(range(prompt + sum(lengths))),
            "the positions run on: the second response would be read as if it stood after the first.",
        ),
        Mistake(
            _restart(lambda prompt: 0), "a response follows its prompt: it begins at position P, not at 0."
        ),
        Mistake(_restart(lambda prompt: prompt + 1), "one too far: positions count from 0, so P comes next."),
        Mistake(_restart(lambda prompt: prompt - 1), "one too few: P - 1 is the prompt's own last token."),
    ),
)

CHECKS = (RANKED_PAIRS, GROUP_LOSS, BEST_WEIGHTS, CLEAN_TRAIN, PACKED_POSITIONS)
