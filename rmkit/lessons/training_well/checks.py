"""Checks of lesson 04: when to stop, what an ideal judge scores, and the expected calibration error."""

import operator

import numpy as np

from rmkit.notebook.check import Check, Mistake, Trap


def _stop(losses, patience, better=operator.lt):
    best = 0
    for epoch, loss in enumerate(losses):
        if better(loss, losses[best]):
            best = epoch
        elif epoch - best >= patience:
            break
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


def _histories(rng):
    yield [0.69, 0.62, 0.66, 0.71], 1
    yield [0.60, 0.62, 0.55, 0.70, 0.80, 0.90, 0.40], 1
    yield [0.60, 0.62, 0.63, 0.55, 0.70, 0.80, 0.90, 0.40], 2
    yield [0.69, 0.70, 0.60, 0.61, 0.55, 0.58, 0.59, 0.40], 2
    yield [0.60, 0.65, 0.70, 0.75], 3
    yield [0.60, 0.62, 0.61, 0.50], 2
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


def _parts(confidence, agree, bins):
    order = np.argsort(confidence, kind="stable")
    return [(confidence[part], agree[part]) for part in np.array_split(order, bins)]


def _ece(confidence, agree, bins):
    parts = _parts(confidence, agree, bins)
    return float(sum(len(c) * abs(a.mean() - c.mean()) for c, a in parts) / len(confidence))


def _equal_width(low):
    def ece(confidence, agree, bins):
        where = np.digitize(confidence, np.linspace(low, 1, bins + 1)[1:-1])
        parts = [(confidence[where == k], agree[where == k]) for k in range(bins) if (where == k).any()]
        return float(sum(len(c) * abs(a.mean() - c.mean()) for c, a in parts) / len(confidence))

    return ece


def _one_sorted(both):
    def ece(confidence, agree, bins):
        splits = (
            np.array_split(np.sort(confidence), bins),
            np.array_split(np.sort(agree) if both else agree, bins),
        )
        return float(
            sum(len(c) * abs(a.mean() - c.mean()) for c, a in zip(*splits, strict=True)) / len(agree)
        )

    return ece


def _worst(confidence, agree, bins):
    return float(max(abs(a.mean() - c.mean()) for c, a in _parts(confidence, agree, bins)))


def _root_mean_square(confidence, agree, bins):
    parts = _parts(confidence, agree, bins)
    return float(np.sqrt(sum(len(c) * (a.mean() - c.mean()) ** 2 for c, a in parts) / len(confidence)))


def _picks(rng):
    """Bins of exactly equal counts; what becomes of a remainder is a trap."""
    yield np.array([0.6, 0.9]), np.array([1.0, 0.0]), 1
    yield np.array([0.9, 0.6, 0.8, 0.7]), np.array([1.0, 0.0, 1.0, 1.0]), 2
    for n, bins in ((12, 3), (24, 4)):
        confidence = rng.uniform(0.5, 1.0, size=n)
        yield confidence, (rng.random(n) < 1.4 - confidence).astype(float), bins


_EQUAL_WIDTH = (
    "these bins are equally wide, as in Guo et al. (2017); asked are bins of equal counts, cut from the "
    "sorted order."
)
_REMAINDER = (
    "right where the bins come out even. With a remainder, sort from low to high and let np.array_split "
    "give the first bins one more; weigh each bin by its own count."
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
                "off by one: it stops an epoch too soon. `patience` epochs in a row must bring no new best.",
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
        "calibration_error",
        reference=_ece,
        cases=_picks,
        mistakes=(
            Mistake(
                lambda c, a, bins: float(np.mean([abs(y.mean() - x.mean()) for x, y in _parts(c, a, bins)])),
                "the bins do not all hold the same number of pairs: weight each by its share.",
            ),
            Mistake(
                lambda c, a, bins: float(np.abs(a - c).mean()),
                "this compares each single outcome, 0 or 1, with a probability; average inside a bin first.",
            ),
            Mistake(
                lambda c, a, bins: float(abs(a.mean() - c.mean())),
                "this is one bin for everything: too sure here and not sure enough there cancel.",
            ),
            Mistake(
                lambda c, a, bins: float(
                    sum(len(x) * (y.mean() - x.mean()) for x, y in _parts(c, a, bins)) / len(c)
                ),
                "without | | errors of different bins cancel.",
            ),
            Mistake(
                lambda c, a, bins: float(
                    sum(
                        len(x) * abs(y.mean() - x.mean())
                        for x, y in zip(np.array_split(c, bins), np.array_split(a, bins), strict=True)
                    )
                    / len(c)
                ),
                "the pairs are binned in the order in which they came; sort them by confidence first.",
            ),
            Mistake(_equal_width(0.5), _EQUAL_WIDTH),
            Mistake(_equal_width(0.0), _EQUAL_WIDTH),
            Mistake(
                _one_sorted(both=False),
                "only the confidences were sorted, so each met another's outcome: use one order for both.",
            ),
            Mistake(
                _one_sorted(both=True),
                "both were sorted, each by itself, which tears the pairs apart: sort both by one order.",
            ),
            Mistake(
                _worst,
                "this is the worst bin, the *maximum* calibration error; asked is the mean over bins.",
            ),
            Mistake(
                _root_mean_square,
                "this is the root of the mean square; the ECE is a mean of | |, weighted by the bins' sizes.",
            ),
        ),
        traps=(
            Trap((np.array([0.9, 0.6, 0.8, 0.7, 0.95]), np.array([1.0, 0.0, 1.0, 1.0, 0.0]), 2), _REMAINDER),
            Trap(
                (np.linspace(0.51, 0.99, 11) ** 2, np.array([0, 1, 1, 0, 0, 1, 1, 0, 1, 1, 1.0]), 4),
                _REMAINDER,
            ),
        ),
    ),
)
