"""Checks of lesson 04: when to stop, what an ideal judge scores, which penalty; and on confidence."""

import operator

import numpy as np

from rmkit.lessons.training_well import temperature_checks
from rmkit.notebook.check import Check, Mistake, Trap


def _stop(losses, patience, better=operator.lt):
    best = 0
    for epoch, loss in enumerate(losses):
        if better(loss, losses[best]):
            best = epoch
        elif epoch - best >= patience:
            break
    return best


def _noticed_or_best(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch
    return best


def _stopped_at(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return epoch
    return len(losses) - 1


def _total_patience(losses, patience):
    best, bad = 0, 0
    for epoch, loss in enumerate(losses[1:], 1):
        if loss < losses[best]:
            best = epoch
        else:
            bad += 1
        if bad >= patience:
            break
    return best


def _against_the_last(losses, patience):
    best, bad = 0, 0
    for epoch in range(1, len(losses)):
        bad = 0 if losses[epoch] < losses[epoch - 1] else bad + 1
        best = epoch if losses[epoch] < losses[best] else best
        if bad >= patience:
            break
    return best


def _without_the_last(losses, patience):
    return _stop(losses[:-1], patience) if len(losses) > 1 else 0


def _without_the_first(losses, patience):
    return _stop(losses[1:], patience) + 1 if len(losses) > 1 else 0


def _one_behind(losses, patience):
    """enumerate(losses[1:]) with the index left as it is."""
    best = 0
    for epoch, loss in enumerate(losses[1:]):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            break
    return best


def _counted_back(losses, patience):
    """`patience` before the last epoch looked at, whether or not the patience was used up."""
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
            best = epoch
        elif epoch - best >= patience:
            return best
    return len(losses) - 1


def _histories(rng):
    yield [0.69, 0.62, 0.66, 0.71], 1
    yield [0.60, 0.62, 0.55, 0.70, 0.80, 0.90, 0.40], 1
    yield [0.60, 0.62, 0.63, 0.55, 0.70, 0.80, 0.90, 0.40], 2
    yield [0.69, 0.70, 0.60, 0.61, 0.55, 0.58, 0.59, 0.40], 2
    yield [0.60, 0.65, 0.70, 0.75], 3
    yield [0.60, 0.62, 0.61, 0.50], 2
    yield [0.90, 0.80, 0.70], 1
    yield [0.70, 0.50, 0.60], 3
    for length in (6, 12):
        yield [round(float(x), 3) for x in rng.uniform(0.4, 0.9, size=length)], 2


def _sigma(x):
    return 1 / (1 + np.exp(-np.asarray(x, dtype=float)))


def _golds(rng):
    yield np.array([0.2]), 0.2
    yield np.array([-0.3, 0.1]), 0.25
    yield np.array([0.0, 0.0, 0.9]), 0.1
    for n in (4, 9):
        yield rng.uniform(-0.8, 0.8, size=n), float(rng.uniform(0.1, 0.5))


def _second(gaps, temperature):
    p = _sigma(gaps / temperature)
    return float((p**2 + (1 - p) ** 2).mean())


def _trials(rng):
    """validation and test losses (sizes, penalties, seeds)."""
    yield np.array([[[0.5], [0.4]]]), np.array([[[0.6], [0.7]]])
    yield np.array([[[0.5, 0.2], [0.4, 0.3]]]), np.array([[[0.6, 0.5], [0.7, 0.4]]])
    for shape in ((2, 3, 4), (3, 5, 2)):
        yield rng.uniform(0.3, 0.9, size=shape), rng.uniform(0.3, 0.9, size=shape)


def _tuned(validation, test):
    return np.take_along_axis(test, validation.argmin(1)[:, None], 1)[:, 0]


def _chosen_by(score):
    """The test losses where `score(validation, test)` (broadcast to sizes, penalties, seeds) is lowest."""

    def tuned(validation, test):
        scores = np.broadcast_to(score(validation, test), test.shape)
        return np.take_along_axis(test, scores.argmin(1)[:, None], 1)[:, 0]

    return tuned


_TOO_SOON = "off by one: it stops an epoch too soon. `patience` epochs in a row must bring no new best."
_PEEKED = (
    "it chooses by the *test* loss, so the number that it reports is the best of several draws, and too "
    "good. Choose by the validation loss."
)

CHECKS = (
    Check(
        "stop_at",
        reference=_stop,
        cases=_histories,
        mistakes=(
            Mistake(
                lambda losses, patience: int(np.argmin(losses)),
                "this is the best of the whole history: it looks at epochs that would never have been run. "
                "Stop after `patience` epochs without a new best.",
            ),
            Mistake(
                _stopped_at,
                "this is the epoch in which you noticed; keep the weights of the best epoch before it.",
            ),
            Mistake(
                _noticed_or_best,
                "it returns the epoch in which the patience ran out; keep the best one before it.",
            ),
            Mistake(
                lambda losses, patience: len(losses) - 1,
                "this is the last epoch: nothing was stopped.",
            ),
            Mistake(
                _total_patience,
                "it counts all bad epochs together; patience starts anew at every new best.",
            ),
            Mistake(
                lambda losses, patience: _stop(losses, patience) + 1,
                "it counts epochs from 1; return the index into the list, which starts at 0.",
            ),
            Mistake(
                lambda losses, patience: _stop(losses, patience, operator.le),
                "a loss equal to the best starts the patience anew here; only a lower one is a new best (<).",
            ),
            Mistake(
                lambda losses, patience: _stop(losses, patience + 1),
                "off by one: it waits an epoch too long. Stop in the patience-th epoch without a new best.",
            ),
            Mistake(
                lambda losses, patience: _stop(losses, max(patience - 1, 1)),
                _TOO_SOON,
            ),
            Mistake(lambda losses, patience: _stop(losses, patience - 1), _TOO_SOON),
            Mistake(
                lambda losses, patience: _stop(losses, patience) - 1,
                "off by one: this is the epoch before the best; return the index of the best itself.",
            ),
            Mistake(
                _without_the_last,
                "off by one: it never looks at the last epoch. range(len(losses)) already ends there.",
            ),
            Mistake(_without_the_first, "off by one: it never looks at epoch 0, which may be the best."),
            Mistake(
                _one_behind,
                "off by one: enumerate(losses[1:]) counts from 0 again; write enumerate(losses[1:], 1).",
            ),
            Mistake(
                _counted_back,
                "if the history ends before the patience does, return its best epoch, not its last.",
            ),
            Mistake(
                _against_the_last,
                "it compares each epoch with the one before; compare it with the best epoch so far.",
            ),
            Mistake(
                lambda losses, patience: losses[_stop(losses, patience)],
                "this is the loss of the epoch; return the epoch's index.",
            ),
        ),
        traps=(
            Trap(
                ([0.60, 0.60, 0.65, 0.70], 2),
                "a loss equal to the best is no new best, and does not start the patience anew (<, not <=).",
            ),
            Trap(
                ([0.62, 0.60, 0.60, 0.60, 0.50], 2),
                "a loss equal to the best is no new best: a flat stretch uses up the patience (<, not <=).",
            ),
            Trap(([0.70], 1), "a history of one epoch has its best in epoch 0."),
        ),
    ),
    Check(
        "ideal_agreement",
        reference=lambda gaps, temperature: float(_sigma(np.abs(gaps) / temperature).mean()),
        cases=_golds,
        mistakes=(
            Mistake(
                lambda gaps, temperature: float(_sigma(np.abs(gaps)).mean()),
                "the temperature is missing: people choose by gap / T.",
            ),
            Mistake(
                lambda gaps, temperature: float(_sigma(np.abs(gaps) * temperature).mean()),
                "it multiplies by the temperature: hotter must mean less sure, so divide.",
            ),
            Mistake(
                lambda gaps, temperature: float(_sigma(np.asarray(gaps) / temperature).mean()),
                "this is how often the *first* answer wins. The judge picks the better one, wherever it "
                "stands: |gap|.",
            ),
            Mistake(
                lambda gaps, temperature: float(_sigma(np.abs(np.mean(gaps)) / temperature)),
                "it averages the gaps first; sigma is curved, so average the probabilities.",
            ),
            Mistake(
                lambda gaps, temperature: float(_sigma(np.mean(np.abs(gaps)) / temperature)),
                "it averages the sizes of the gaps first; sigma is curved, so average the probabilities.",
            ),
            Mistake(
                lambda gaps, temperature: float(max(p := _sigma(gaps / temperature).mean(), 1 - p)),
                "it averages over pairs before it picks: take the larger of p and 1 - p of each pair first.",
            ),
            Mistake(
                lambda gaps, temperature: float(np.median(_sigma(np.abs(gaps) / temperature))),
                "this is the median; how often the judge agrees is the mean over pairs.",
            ),
            Mistake(
                lambda gaps, temperature: float(_sigma(np.abs(gaps) / temperature).sum()),
                "this is the sum: how many agreements to expect. Divide by the number of pairs.",
            ),
            Mistake(
                lambda gaps, temperature: float((_sigma(np.abs(gaps) / temperature) ** 2).mean()),
                "squared, it is how often two people both take the better answer; the judge does not waver.",
            ),
            Mistake(
                _second,
                "p^2 + (1 - p)^2 is how often two annotators agree with each other; the ideal judge does not "
                "waver.",
            ),
            Mistake(
                lambda gaps, temperature: float((np.asarray(gaps) >= 0).mean()),
                "this is how often the first answer is better; asked is how often people agree with a judge.",
            ),
        ),
    ),
    Check(
        "tuned",
        reference=_tuned,
        cases=_trials,
        mistakes=(
            Mistake(lambda validation, test: test.min(1), _PEEKED),
            Mistake(
                lambda validation, test: validation.min(1),
                "this is the validation loss of the choice, which was made low by choosing; report the test "
                "loss of the same head.",
            ),
            Mistake(
                lambda validation, test: validation.argmin(1),
                "these are the places of the chosen penalties; return the test losses that stand there.",
            ),
            Mistake(
                _chosen_by(lambda validation, test: -validation),
                "it takes the penalty with the *highest* validation loss.",
            ),
            Mistake(
                _chosen_by(lambda validation, test: validation.mean((0, 2), keepdims=True)),
                "one penalty for everything is what made the curve misleading: choose anew for each size.",
            ),
            Mistake(
                _chosen_by(lambda validation, test: validation.mean(0, keepdims=True)),
                "this is one penalty for all sizes of a seed: choose anew for each size.",
            ),
            Mistake(
                _chosen_by(lambda validation, test: validation.mean(2, keepdims=True)),
                "it chooses by the mean over seeds, and a seed has only its own validation pairs to go by.",
            ),
            Mistake(_chosen_by(lambda validation, test: test.mean(2, keepdims=True)), _PEEKED),
            Mistake(
                lambda validation, test: _tuned(validation, test).mean(1),
                "it returns the mean over seeds; return one number a size and seed, so that they can vary.",
            ),
        ),
    ),
    *temperature_checks.CHECKS,
)
