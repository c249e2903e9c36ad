"""Checks of lesson 15: a rule fitted where one may, prompts seen before, and a reward behind a sigmoid."""

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap

# --- a rule, fitted on the training pairs -------------------------------------------------------------------


def _lengths(rng):
    yield np.array([12, -3, 40]), np.array([5, -9, 2, 0])
    yield np.array([-12, 3, -40]), np.array([5, -9, 2, 0, -1])
    yield np.array([3, 4, -1]), np.array([-5, -6, 2])  # in the test pairs it goes the other way
    yield np.array([100, -1, -2, -3]), np.array([7, -7, -8, 1, -3])  # the mean and the majority disagree
    for n, drift in ((9, 10), (21, -10), (31, 4)):
        yield np.rint(rng.normal(drift, 20, n)), np.rint(rng.normal(drift, 20, n + 4))


def _direction(longer) -> int:
    return 1 if np.sign(longer).sum() >= 0 else -1


def _share(gaps) -> float:
    return float(((np.sign(gaps) + 1) / 2).mean())


def _rule(train, test):
    return _share(_direction(train) * test)


LENGTH_RULE = Check(
    "length_rule",
    reference=_rule,
    cases=_lengths,
    mistakes=(
        Mistake(
            lambda train, test: max(_share(test), _share(-test)),
            "the direction was chosen on the test pairs, so this rule has seen them. Choose it on `train`.",
        ),
        Mistake(
            lambda train, test: _share(test),
            "it always takes the longer answer; where the shorter ones won in training, the rule is to "
            "turn round.",
        ),
        Mistake(
            lambda train, test: _rule(train, train),
            "that is the accuracy on the training pairs.",
        ),
        Mistake(
            lambda train, test: float((_direction(train) * test > 0).mean()),
            "two answers of one length count as wrong; they are worth a half.",
        ),
        Mistake(
            lambda train, test: float((_direction(train) * test >= 0).mean()),
            "two answers of one length count as right; they are worth a half.",
        ),
        Mistake(
            lambda train, test: _share((1 if train.mean() >= 0 else -1) * test),
            "the mean difference decides, so one very long answer outvotes many pairs. Count pairs.",
        ),
        Mistake(
            lambda train, test: _share(-_direction(train) * test),
            "the sign is turned: numbers above 0 say that the preferred answer is the longer one.",
        ),
        Mistake(
            lambda train, test: 100 * _rule(train, test),
            "that is in percent; asked is a share.",
        ),
    ),
)

# --- prompts that were trained on ---------------------------------------------------------------------------


def _prompts(rng):
    yield ["What do otters eat?"], ["What do otters eat?", "Why?"]
    yield ["What do  otters\neat?", "Who?"], ["What do otters eat?", "Why?", "Why?", " Who? "]
    yield ["what do otters eat?"], ["What do otters eat?"]
    yield ["now here"], ["nowhere", "now here", "now  here"]
    words = np.array(["why", "who", "what", "otters", "eat", "fish", "how", "legs"])
    for n in (6, 12):
        some = [" ".join(rng.choice(words, 2)) for _ in range(n)]
        yield some[: n // 2], [*some[n // 3 :], some[0], f" {some[1]}  "]


def _same(text: str) -> str:
    return " ".join(text.split())


def _seen(train, test, key=_same):
    known = {key(text) for text in train}
    return sum(key(text) in known for text in test) / len(test)


SEEN_BEFORE = Check(
    "seen_before",
    reference=_seen,
    cases=_prompts,
    mistakes=(
        Mistake(
            lambda train, test: _seen(train, test, key=str),
            "the same words with other white space between them are the same prompt: ' '.join(text.split()).",
        ),
        Mistake(
            lambda train, test: _seen(train, test, key=str.strip),
            "white space inside a prompt may differ too: ' '.join(text.split()).",
        ),
        Mistake(
            lambda train, test: _seen(train, test, key=lambda text: _same(text).lower()),
            "capital letters stay: only white space is to be ignored.",
        ),
        Mistake(
            lambda train, test: _seen(train, test, key=lambda text: "".join(text.split())),
            "without any white space, different words run together; keep one space between words.",
        ),
        Mistake(
            lambda train, test: _seen(test, train),
            "that is the share of the training rows; asked is the share of the test rows.",
        ),
        Mistake(
            lambda train, test: len({*map(_same, train)} & {*map(_same, test)}) / len({*map(_same, test)}),
            "each prompt is counted once; asked is the share of test rows, and a prompt may have several.",
        ),
        Mistake(
            lambda train, test: sum(_same(t) in {*map(_same, train)} for t in test),
            "that is a count; divide by the number of test rows.",
        ),
        Mistake(
            lambda train, test: 1 - _seen(train, test),
            "that is the share of test rows whose prompt is new.",
        ),
    ),
    traps=(Trap(([], ["Why?"]), "nothing was trained on, so nothing was seen: 0."),),
)

# --- a reward behind a sigmoid ------------------------------------------------------------------------------


def _probabilities(rng):
    yield (np.array([0.5, 0.9]),)
    yield (np.array([0.01, 0.2, 0.999]),)
    yield (1 / (1 + np.exp(-rng.normal(0, 3, 20))),)


def _logit(p):
    return np.log(p) - np.log1p(-p)


BEHIND_SIGMOID = Check(
    "behind_sigmoid",
    reference=_logit,
    cases=_probabilities,
    mistakes=(
        Mistake(np.log, "that is log p; it misses what sigma(-r) = 1 - p says: subtract log(1 - p)."),
        Mistake(
            lambda p: -_logit(p),
            "the sign is turned: p above a half belongs to a reward above 0.",
        ),
        Mistake(lambda p: p / (1 - p), "those are the odds; the reward is their logarithm."),
        Mistake(
            lambda p: _logit(p) / np.log(10),
            "that is a logarithm to base 10; sigma is made of e.",
        ),
        Mistake(
            lambda p: _logit(p) / np.log(2),
            "that is a logarithm to base 2; sigma is made of e.",
        ),
        Mistake(lambda p: 1 / (1 + np.exp(-p)), "that is the sigmoid once more; asked is its inverse."),
        Mistake(lambda p: 2 * p - 1, "that only moves the probabilities to -1 to 1: no reward is behind it."),
        Mistake(
            lambda p: _logit(np.clip(p, 1e-3, 1 - 1e-3)),
            "it clips: rewards beyond 7 become equal. What can be told apart should stay so.",
        ),
    ),
    traps=(
        Trap(
            (np.array([1e-9, 1 - 1e-9]),),
            "the ends are not exact: no clipping, and log1p(-p) for log(1 - p).",
        ),
    ),
)

CHECKS = (LENGTH_RULE, SEEN_BEFORE, BEHIND_SIGMOID)
