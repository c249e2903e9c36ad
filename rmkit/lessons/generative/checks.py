"""Checks of lesson 08: the verdict in a judge's words, p(Yes), both orders, votes, kappa, next-token loss."""

import re

import numpy as np
import torch
import torch.nn.functional as F

from rmkit.notebook.check import Check, Mistake, Trap


def _judgments(_rng):
    yield ("It is right. Verdict: Yes",)
    yield ("It is wrong. Verdict: No",)
    yield ("I can see no verdict here. Yes, it is long.",)
    yield ("Verdict: Yes at first sight, but the legs are miscounted. Verdict: No",)
    yield ("Yes, it names the animal. Verdict: No",)
    yield ("Verdict: maybe",)
    yield ("",)


def _found(said: str, which: int = -1, otherwise: float | None = None, word=r"[\w/]+") -> float | None:
    words = re.findall(rf"Verdict: ({word})", said)
    return {"Yes": 1.0, "No": 0.0}.get(words[which], otherwise) if words else otherwise


def _starts(said: str) -> float | None:
    _, verdict, end = said.rpartition("Verdict: ")
    return next((x for word, x in (("Yes", 1.0), ("No", 0.0)) if verdict and end.startswith(word)), None)


def _contains(said: str) -> float | None:
    _, verdict, end = said.rpartition("Verdict: ")
    return next((x for word, x in (("Yes", 1.0), ("No", 0.0)) if verdict and word in end), None)


def _ends(said: str) -> float | None:
    return 1.0 if said.endswith("Verdict: Yes") else 0.0 if said.endswith("Verdict: No") else None


_SKIPS = 'it skips a last verdict such as "maybe" and takes an earlier one. The last counts, and is None.'


def _logits(rng):
    for n in (1, 4):
        yield torch.tensor(rng.normal(size=(n, 12)) * 3).float(), 5, 2


def _orders(rng):
    yield torch.tensor([1.5]), torch.tensor([-0.5])
    for n in (3, 7):
        yield torch.tensor(rng.normal(size=n)).float(), torch.tensor(rng.normal(size=n)).float()


def _votes(_rng):
    yield from ((0, 0), (1, 1), (0, 1), (3, 4), (2, 8), (8, 8), (0, 8))


def _ratio(good, n, above=1.0, below=1.0):
    top, bottom = good + above, n - good + below
    return float(torch.log(torch.tensor(top / bottom if bottom else float("inf"))))


def _raters(rng):
    yield np.array([1, 1, 0, 0]), np.array([1, 0, 0, 0])
    yield np.array([1, 0, 1, 0]), np.array([0, 1, 0, 1])
    for n, often in ((30, 0.5), (60, 0.9)):
        truth = (rng.random(n) < often).astype(int)
        yield np.where(rng.random(n) < 0.3, 1 - truth, truth), truth


def _kappa(a, b, chance=lambda p, q: p * q + (1 - p) * (1 - q)):
    agreed, by_chance = (a == b).mean(), chance(a.mean(), b.mean())
    return float((agreed - by_chance) / (1 - by_chance))


def _verdicts(rng):
    for n in (1, 3, 6):
        logits = torch.tensor(rng.normal(size=(n, 9)) * 2).float()
        yield logits, 4, 1, torch.tensor(rng.random(n) < 0.5)


def _right_words(yes, no, good):
    return torch.where(good, yes, no)


def _next_token(logits, yes, no, good, **options):
    return F.cross_entropy(logits, _right_words(yes, no, good), **options)


def _among_two(logits, yes, no, good):
    gap = logits[:, yes] - logits[:, no]
    return F.softplus(torch.where(good, -gap, gap)).mean()


CHECKS = (
    Check(
        "own_verdict",
        reference=_found,
        cases=_judgments,
        mistakes=(
            Mistake(
                lambda said: _found(said, 0),
                "it takes the first verdict. Judges change their minds: the last one counts.",
            ),
            Mistake(
                lambda said: 1.0 if "Yes" in said else 0.0 if "No" in said else None,
                'a "Yes" anywhere is not a verdict: only the word right after "Verdict:" is.',
            ),
            Mistake(
                lambda said: _found(said, -1, 0.0),
                "where there is no verdict, it says No. Return None, so that it can be counted.",
            ),
            Mistake(lambda said: _found(said, word="Yes|No"), _SKIPS),
            Mistake(lambda said: _found(said, word=r"(?:Yes|No)\b"), _SKIPS),
            Mistake(
                lambda said: _found(said, word=r"\w+"),
                'it takes the "Yes" of "Yes/No": a choice is no verdict. Let a word hold a slash: [\\w/]+.',
            ),
            Mistake(_ends, "the verdict may be followed by a full stop, or by more text, and still count."),
            Mistake(_starts, "it looks at how the word begins; the whole word must be Yes or No."),
            Mistake(_contains, 'only the word right after the last "Verdict: " counts, not those after it.'),
            Mistake(
                lambda said: None if (found := _found(said)) is None else 1.0 - found,
                "Yes and No have changed places.",
            ),
        ),
        traps=(
            Trap(("Verdict: Yes, it seemed. I counted again. Verdict: maybe",), _SKIPS),
            Trap(("It is right. Verdict: Yes.",), "a full stop after the verdict does not unsay it."),
            Trap(("Verdict: Yes\nI checked it twice.",), "text may follow the verdict."),
            Trap(
                ("Verdict: No. Yes, the animal is right, but not its food.",),
                'only the word right after the last "Verdict: " counts.',
            ),
            Trap(("Verdict: Yes/No",), '"Yes/No" is a choice, and no verdict.'),
            Trap(("Verdict: No/Yes",), '"No/Yes" is a choice, and no verdict.'),
            Trap(
                ("Verdict: Yesterday I would have said so.",),
                '"Yesterday" is not Yes: the whole word counts.',
            ),
            Trap(("Verdict: None of it is right.",), '"None" is not No: the whole word counts.'),
        ),
    ),
    Check(
        "p_yes",
        reference=lambda logits, yes, no: torch.sigmoid(logits[:, yes] - logits[:, no]),
        cases=_logits,
        mistakes=(
            Mistake(
                lambda logits, yes, no: logits.softmax(-1)[:, yes],
                "this is a share of the whole vocabulary: p(Yes) among Yes and No only is asked for, or a "
                'judge that is about to write "Well" seems to say No.',
            ),
            Mistake(
                lambda logits, yes, no: torch.sigmoid(logits[:, no] - logits[:, yes]),
                "this is p(No): the difference of the logits has the wrong sign.",
            ),
            Mistake(
                lambda logits, yes, no: logits[:, yes] - logits[:, no],
                "these are the log-odds; one function is missing before they are a probability.",
            ),
            Mistake(
                lambda logits, yes, no: logits[:, yes].exp() / (logits[:, yes].exp() + logits[:, no].exp()),
                "exp(200) is infinite in float32, and inf / inf is nan: use the difference of the logits.",
            ),
            Mistake(
                lambda logits, yes, no: (logits[:, yes] > logits[:, no]).float(),
                "this is the verdict, 0 or 1; asked is its probability.",
            ),
        ),
        traps=(
            Trap(
                (torch.tensor([[200.0, 0.0, -200.0], [-200.0, 0.0, 200.0], [-200.0, 500.0, -199.0]]), 0, 2),
                "an exponentiated logit overflows, or vanishes: use the difference of the two logits.",
            ),
        ),
    ),
    Check(
        "both_orders",
        reference=lambda there, back: (there - back) / 2,
        cases=_orders,
        mistakes=(
            Mistake(
                lambda there, back: (there + back) / 2,
                "this is the bias: `back` speaks for b, so it enters with a minus.",
            ),
            Mistake(
                lambda there, back: there - back,
                "this is twice the gap: two readings need to be averaged.",
            ),
            Mistake(
                lambda there, back: there,
                "it uses one order only, so the bias is still in it.",
            ),
            Mistake(
                lambda there, back: (back - there) / 2,
                "the sign is turned: this is the opinion of b against a.",
            ),
            Mistake(
                lambda there, back: (there - back).abs() / 2,
                "its size is right and its sign is lost: who is better matters.",
            ),
            Mistake(
                lambda there, back: torch.sigmoid((there - back) / 2),
                "this is a probability; asked are the log-odds, which average well.",
            ),
        ),
    ),
    Check(
        "votes_to_odds",
        reference=_ratio,
        cases=_votes,
        mistakes=(
            Mistake(
                lambda good, n: _ratio(good, n, 0.0, 0.0) if n else 0.0,
                "8 of 8 makes it infinite, and 1 of 1 too: add one vote to either side.",
            ),
            Mistake(
                lambda good, n: (good + 1) / (n + 2),
                "this is the probability; the reward is its log-odds.",
            ),
            Mistake(
                lambda good, n: _ratio(n - good, n),
                "the sign is turned: more good votes must raise the reward.",
            ),
            Mistake(
                lambda good, n: _ratio(good, n, 0.5, 0.5),
                "half a vote is added to either side (Jeffreys' prior); asked is one (Laplace's).",
            ),
            Mistake(
                lambda good, n: _ratio(good, n, 1.0, 2.0),
                "it divides by all votes; odds are good against *bad*, each with one more.",
            ),
            Mistake(
                lambda good, n: _ratio(good, n) / float(torch.log(torch.tensor(10.0))),
                "that is a logarithm to base 10; log-odds are natural.",
            ),
        ),
    ),
    Check(
        "kappa",
        reference=_kappa,
        cases=_raters,
        mistakes=(
            Mistake(
                lambda a, b: float((a == b).mean()),
                "this is the agreement itself; take off what chance alone would give, and rescale.",
            ),
            Mistake(
                lambda a, b: 2 * float((a == b).mean()) - 1,
                "it takes chance for 1/2. Two raters who mostly say Yes agree more often by chance.",
            ),
            Mistake(
                lambda a, b: _kappa(a, b, lambda p, q: p * q),
                "they also agree by chance where both say No: that part of the chance is missing.",
            ),
            Mistake(
                lambda a, b: _kappa(a, b, lambda p, q: ((p + q) / 2) ** 2 + (1 - (p + q) / 2) ** 2),
                "it gives both raters one common share of Yes (Scott's pi). Cohen's kappa keeps two.",
            ),
            Mistake(
                lambda a, b: _kappa(a, b) * (1 - (a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean()))),
                "the rescaling is missing: divide by 1 minus the agreement by chance.",
            ),
            Mistake(
                lambda a, b: float(np.corrcoef(a, b)[0, 1]),
                "this is the correlation (phi). It forgives a rater who says Yes too often; kappa does not.",
            ),
        ),
    ),
    Check(
        "verdict_loss",
        reference=_next_token,
        cases=_verdicts,
        gradient=1,
        mistakes=(
            Mistake(
                _among_two,
                "this is the loss among Yes and No only. Next-token training looks at every word: it also "
                "teaches the judge to say one of the two.",
            ),
            Mistake(
                lambda logits, yes, no, good: _next_token(logits, no, yes, good),
                "Yes and No have changed places: a good answer must raise p(Yes).",
            ),
            Mistake(
                lambda logits, yes, no, good: -_next_token(logits, yes, no, good),
                "the sign is turned: minus the log-probability is what goes down.",
            ),
            Mistake(
                lambda logits, yes, no, good: _next_token(logits, yes, no, good, reduction="sum"),
                "this is the sum over the answers; asked is the mean.",
            ),
            Mistake(
                lambda logits, yes, no, good: (
                    -logits[torch.arange(len(logits)), _right_words(yes, no, good)].mean()
                ),
                "a logit is not yet a log-probability: subtract the logsumexp over the vocabulary.",
            ),
            Mistake(
                lambda logits, yes, no, good: _next_token(logits.softmax(-1), yes, no, good),
                "the softmax is taken twice: cross_entropy wants logits.",
            ),
        ),
        traps=(
            Trap(
                (
                    torch.tensor([[0.0, 300.0, -300.0], [300.0, 0.0, -300.0]]),
                    2,
                    0,
                    torch.tensor([True, False]),
                ),
                "a probability vanishes in float32, and its logarithm with it: use log_softmax.",
            ),
        ),
    ),
)
