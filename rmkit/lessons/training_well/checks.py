"""Checks of lesson 04: when to stop, what an ideal judge scores, and the expected calibration error."""

import numpy as np

from rmkit.notebook.check import Check, Mistake


def _stop(losses, patience):
    best = 0
    for epoch, loss in enumerate(losses):
        if loss < losses[best]:
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


def _histories(rng):
    yield [0.69, 0.62, 0.66, 0.71], 1
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


def _picks(rng):
    yield np.array([0.6, 0.9]), np.array([1.0, 0.0]), 1
    yield np.array([0.9, 0.6, 0.8, 0.7, 0.95]), np.array([1.0, 0.0, 1.0, 1.0, 0.0]), 2
    for n, bins in ((11, 3), (25, 4)):
        confidence = rng.uniform(0.5, 1.0, size=n)
        yield confidence, (rng.random(n) < confidence - 0.1).astype(float), bins


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
        ),
    ),
)
