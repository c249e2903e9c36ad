"""Lesson 09: what heads are worth, over training sets drawn anew and over prompts."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.special import expit

from rmkit.evaluation.best_of import best_of_n
from rmkit.evaluation.first_error import f1_values
from rmkit.lessons.outcome_and_process import heads
from rmkit.lessons.outcome_and_process.chains import Chains
from rmkit.theory import intervals, verifier
from rmkit.theory.intervals import Interval

ARMS = ("process", "process, one label", "value", "value, rise", "outcome", "implicit")


def resampled(chains: Chains, rng: np.random.Generator) -> Chains:
    """As many prompts, drawn with replacement (the bootstrap), with all their solutions."""
    prompts = np.unique(chains.prompt)
    drawn = rng.choice(prompts, len(prompts))
    return chains[np.concatenate([np.flatnonzero(chains.prompt == prompt) for prompt in drawn])]


def halves(chains: Chains, rng: np.random.Generator) -> tuple[Chains, Chains]:
    """Two training sets without a prompt in common."""
    prompts = rng.permutation(np.unique(chains.prompt))
    one = np.isin(chains.prompt, prompts[: len(prompts) // 2])
    return chains[one], chains[~one]


def by_prompt(values: np.ndarray, chains: Chains) -> np.ndarray:
    """(B, N) numbers of solutions -> (B, P) numbers of prompts with the same mean."""
    prompts, place = np.unique(chains.prompt, return_inverse=True)
    sums = np.zeros((len(values), len(prompts)))
    np.add.at(sums.T, place, values.T)
    return sums * len(prompts) / len(chains)


def crossed(values: np.ndarray, chains: Chains, unit: float = 1.0) -> Interval:
    """Mean of (B, N) with its interval: training sets and prompts both count as samples."""
    return intervals.crossed_interval(unit * by_prompt(np.asarray(values, dtype=float), chains))


def said(interval: Sequence[float], digits: int = 1) -> str:
    """ "+3.1 [+1.2, +5.0]" """
    mean, low, high = (f"{end:+.{digits}f}" for end in interval)
    return f"{mean} [{low}, {high}]"


# --- first wrong steps --------------------------------------------------------------------------------------


def fitted(train: Chains, penalties: dict[str, float], rng: np.random.Generator) -> dict[str, np.ndarray]:
    """{head: weights} of every head, from the same solutions."""
    found = {kind: fit(train, penalties[kind]) for kind, fit in heads.FITS.items()}
    lean = heads.process(train, penalties["process"], heads.one_label(train, rng))
    return {**found, "process, one label": lean}


def rewards(arm: str, weights: dict[str, np.ndarray], chains: Chains, start: float) -> np.ndarray:
    """(N, S) by which the arm calls steps wrong: the rise of the value, else the number at the step."""
    if arm == "value, rise":
        return heads.rises(weights["value"], chains, start)
    return heads.read(weights[arm], chains)


def found_by(weights: dict[str, np.ndarray], validation: Chains, test: Chains, start: float) -> dict:
    """{arm: (N,) the steps of the test solutions that it calls first wrong}; thresholds of the validation."""
    return {
        arm: heads.locate(
            rewards(arm, weights, test, start),
            rewards(arm, weights, validation, start),
            validation.first_wrong,
        )
        for arm in ARMS
    }


def f1_table(found: Sequence[dict], test: Chains) -> dict[str, np.ndarray]:
    """{arm: (B, N) values whose mean is the F1} of what B training sets found."""
    first = test.first_wrong
    return {arm: np.stack([f1_values(each[arm], first) for each in found]) for arm in found[0]}


# --- how firmly is it known? --------------------------------------------------------------------------------

DIRECTIONS = 24  # of the features, for heads with weights of their own for some steps


def reduced(chains: Chains, train: Chains) -> Chains:
    """Features along the main directions of the training steps, each with variance 1."""
    steps = train.x[train.real]
    _, spread, basis = np.linalg.svd(steps, full_matrices=False)
    x = chains.x @ basis[:DIRECTIONS].T / (spread[:DIRECTIONS] / len(steps) ** 0.5)
    return replace(chains, x=x)


def freed(chains: Chains) -> Chains:
    """Features from which a head can give the first, the last and the middle steps weights of their own."""
    n, steps = chains.real.shape
    role = np.ones((n, steps), dtype=int)
    role[:, 0] = 0
    role[np.arange(n), chains.size - 1] = 2
    one = np.concatenate([chains.x, np.ones((n, steps, 1))], -1)
    parts = [np.where((chains.real & (role == k))[..., None], one, 0.0) for k in range(3)]
    return replace(chains, x=np.concatenate([chains.x, *parts], -1))


def agreement(kind: str, sets: Sequence[tuple[Chains, Chains]], l2: float, test: Chains) -> np.ndarray:
    """(R,) correlation, over test steps, of the step rewards of two heads that share no training prompt."""
    found = []
    for pair in sets:
        one, other = (heads.read(heads.FITS[kind](each, l2), test)[test.real] for each in pair)
        found.append(np.corrcoef(one, other)[0, 1])
    return np.array(found)


# --- choosing among n ---------------------------------------------------------------------------------------


def chosen(scores: np.ndarray, good: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(P,) how often the best of all n solutions by `scores` (N,) is good; ties count evenly."""
    return best_of_n(scores[places], good[places].astype(float))[:, -1]


def chances(weights: dict[str, np.ndarray], chains: Chains) -> tuple[np.ndarray, np.ndarray]:
    """((N, S) P(this step is right), NaN where there is none; (N,) P(the result is right)) by two heads."""
    at_end = heads.at_last(heads.read(weights["outcome"], chains), chains)
    return expit(heads.read(weights["process"], chains)), expit(at_end)


def in_camp(scores: np.ndarray, totals: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(N,) scores that put the solutions of a prompt's largest camp of equal results before all others."""
    lifted = np.array(scores, dtype=float)
    for row in places:
        told = totals[row]
        names, votes = np.unique(told[told >= 0], return_counts=True)
        lifted[row] += 1e3 * np.isin(told, names[votes == votes.max(initial=0)])
    return lifted


# --- Bradley-Terry on right-wrong pairs ---------------------------------------------------------------------


def pairs_of(chains: Chains) -> tuple[np.ndarray, np.ndarray]:
    """(places of right solutions, of wrong ones) of every pair within a prompt."""
    pairs = [
        (i, j)
        for prompt in np.unique(chains.prompt)
        for i in np.flatnonzero((chains.prompt == prompt) & chains.correct)
        for j in np.flatnonzero((chains.prompt == prompt) & ~chains.correct)
    ]
    right, wrong = np.array(pairs).T
    return right, wrong


def bradley_terry(chains: Chains, l2: float) -> np.ndarray:
    """(D + 1,) weights; the last, which no pair can see, is 0. Every prompt counts once."""
    right, wrong = pairs_of(chains)
    _, place, count = np.unique(chains.prompt[right], return_inverse=True, return_counts=True)
    x = chains.last[right] - chains.last[wrong]
    return heads.logistic(x, np.ones(len(x)), l2=l2, weight=1 / count[place], constant=np.zeros(len(x)))


def pair_risk(w: np.ndarray, chains: Chains) -> float:
    """Mean -log sigma(gap) over right-wrong pairs."""
    z = heads.at_last(heads.read(w, chains), chains)
    right, wrong = pairs_of(chains)
    return float(np.logaddexp(0, z[wrong] - z[right]).mean())


def recalibrated(z: np.ndarray, validation: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """a z + b with the two numbers that explain the outcomes of other solutions best (Platt 1999)."""
    a, b = heads.logistic(validation[:, None], correct, l2=1e-6)
    return a * z + b


def outcome_loss(weights: Sequence[np.ndarray], test: Chains, validation: Chains | None = None) -> np.ndarray:
    """(B, N) log-loss of sigma(z) on outcomes, of B heads; validation: with a z + b fitted there."""
    z = [heads.at_last(heads.read(w, test), test) for w in weights]
    if validation is not None:
        there = [heads.at_last(heads.read(w, validation), validation) for w in weights]
        z = [recalibrated(*each, validation.correct) for each in zip(z, there, strict=True)]
    return np.stack([heads.cross_entropy(each, test.correct) for each in z])


# --- a verifier that errs -----------------------------------------------------------------------------------


NOISY_PENALTIES = (0.1, 0.3, 1.0, 3.0)  # a corrected label may lie beyond 1, and a light head runs after it


def under_noise(
    train: Chains, validation: Chains, rates: tuple[float, float], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """{arm: weights} of outcome heads from clean verdicts, from those of a checker that errs, and corrected.

    rates: (false positive, false negative). Each arm's penalty has the lowest risk on validation labels of
    its own kind: nobody sees a clean label but "clean".
    """

    def seen(chains: Chains) -> dict[str, np.ndarray]:
        errs = rng.random(len(chains)) < np.where(chains.correct, rates[1], rates[0])
        verdict = chains.correct ^ errs
        return {"clean": chains.correct, "noisy": verdict, "corrected": verifier.unbiased(verdict, *rates)}

    learned, judged, found = seen(train), seen(validation), {}
    for arm, y in learned.items():
        tried = [heads.logistic(train.last, y, l2=l2) for l2 in NOISY_PENALTIES]
        risks = [
            heads.cross_entropy(heads.at_last(heads.read(w, validation), validation), judged[arm]).mean()
            for w in tried
        ]
        found[arm] = tried[int(np.argmin(risks))]
    return found
