"""Where heads are taught and measured: features, the truth, and for each seed a split and the luck of votes.

Everything random is drawn by the seed, in streams of its own: which prompts are held out, which are labelled,
which answers are ranked, how the votes fall, which are turned round. So two cells that share a seed differ in
nothing but their dials, and their difference is paired.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rmkit.data.preferences import Preferences, as_preferences, load, prompt_key
from rmkit.data.records import Record, ranks_of
from rmkit.errors import InputError
from rmkit.evaluation import true_gaps
from rmkit.evaluation.best_of import best_of_n
from rmkit.models.features import features
from rmkit.theory.calibration import log_loss, temperature
from rmkit.training.ablation.cells import Cell, penalty_word
from rmkit.training.ablation.fit import fit
from rmkit.training.head_penalty import PENALTIES

TEST, HELD_OUT = 0.3, 0.2  # shares of the prompts: to measure, and to choose penalty and temperature
# Felt leads, in log-odds, from which on people use the next word; the pocket world's are about these.
WORDS = (0.5, 1.7, 3.3)
MOST = 32  # samples of features that stay in memory, so that a dial that needs the same ones is quick
MEASURES = ("agreement", "log_loss", "missed", "best_of_n")


@dataclass(frozen=True)
class Draw:
    """What a seed decides, whatever the dials say. G groups, K answers at most.

    train, held_out, test   groups, the first in the order in which they are labelled
    order (G, K)            the answers of a group, those to be ranked first
    luck (G, K)             what each answer gains by chance, standard Gumbel, in log-odds
    size, turn (G,)         uniform in [0, 1): the group's size among those allowed; turned where below noise
    """

    train: np.ndarray
    held_out: np.ndarray
    test: np.ndarray
    order: np.ndarray
    luck: np.ndarray
    size: np.ndarray
    turn: np.ndarray


class Bench:
    """Prepared once, asked for any cell.

    data         graded groups (`ratings["gold"]`): votes are drawn anew by each seed. Groups without gold:
                 their own ranks are what people said, and no dial can change what they like.
    model        whose frozen features are used (see `rmkit.features`)
    pool         graded samples to choose the best of, one group a prompt; None: `best_of_n` is not measured
    temperature  of the votes, in gold reward
    best_of      the n of best-of-n
    """

    def __init__(
        self,
        data="pocket",
        *,
        model: str = "pocket",
        pool=None,
        temperature: float = 0.15,
        best_of: int = 16,
        progress: bool = True,
    ):
        groups, pool = _sets(data, pool)
        if not temperature > 0:
            raise InputError(f"temperature={temperature}: votes need a number above 0.")
        self.temperature, self.best_of = temperature, best_of
        vectors = features(groups, model, progress=progress)
        self.ledger = vectors.ledger  # groups whose answers became equal after the cut are left out
        useful = [i for i, cut in enumerate(vectors.cuts) if not (cut and cut.equal)]
        groups, vectors = [groups[i] for i in useful], [vectors[i] for i in useful]
        counts = np.array([len(record.responses) for record in groups])
        self.mask = np.arange(counts.max()) < counts[:, None]
        self.prompts = np.unique([prompt_key(record) for record in groups], return_inverse=True)[1]
        self.words = self._padded([[len(text.split()) for text in record.responses] for record in groups])
        self.ranks = self._padded([ranks_of(record) for record in groups])
        self.strength = np.array([np.nan if r.strength is None else r.strength for r in groups])
        self.gold = self._padded(_gold(groups)) if _gold(groups) else None
        about = (temperature, best_of, TEST, HELD_OUT, WORDS)
        self._digest = hashlib.sha256(repr(about).encode())
        self._counts(self.mask, self.prompts, self.words, self.ranks, self.strength, self.gold, *vectors)
        self._axes(vectors)
        self.pairs = self._pairs()
        self.pool = self._pool(pool, model, progress) if pool is not None else None
        self.measures = tuple(m for m in MEASURES if self._knows(m))
        self._draws: dict[int, Draw] = {}
        self._taught: dict[tuple, Tensor] = {}

    def __repr__(self) -> str:
        truth = "votes drawn from gold" if self.gold is not None else "ranks as given"
        g, k, width = self.x.shape
        return f"Bench({g:,} groups of up to {k}, D = {width}, {truth}; measures {', '.join(self.measures)})"

    @property
    def identity(self) -> str:
        """A digest of everything that decides a result, apart from the cell and its seeds."""
        return self._digest.hexdigest()

    def _counts(self, *arrays) -> None:
        """Part of the identity: what was given, before any arithmetic that may round in its own way."""
        for each in arrays:
            self._digest.update(b"-" if each is None else np.ascontiguousarray(each).tobytes())

    def measure(self, cell: Cell, seeds: Sequence[int]) -> list[dict]:
        """One row for each seed: `seed`, the measures, the head's `temperature`, `penalty_used`, `converged`.

        agreement   how often fresh, unbiased votes on held-out prompts agree (without gold: those given)
        log_loss    in nats, on the same, at the head's own temperature, which held-out votes gave it
        missed      the share of the true gaps that it misses (`true_gaps.missed`)
        best_of_n   mean gold reward of the answer that it prefers among n of the pool
        """
        cell = cell.essence()
        self._refuse(cell)
        taught = [self.lesson(cell, seed) for seed in seeds]
        x, mask = torch.stack([each[0] for each in taught]), torch.stack([each[1] for each in taught])
        names = ("ranks", "margin") if cell.loss in ("margin", "scaled-bradley-terry") else ("ranks",)
        labels = {name: torch.stack([each[2][name] for each in taught]) for name in names}
        penalties = PENALTIES if cell.penalty is None else (cell.penalty,)
        weights, converged = fit(cell.loss, x, mask, labels, cell.weighting, penalties)
        return [
            self._row(cell, seed, penalties, weights[s], converged[s].numpy()) for s, seed in enumerate(seeds)
        ]

    def draw(self, seed: int) -> Draw:
        """What this seed decides; equal for equal seeds, whatever the dials."""
        if seed in self._draws:
            return self._draws[seed]
        split, pick, luck, size, turn = (np.random.default_rng([seed, 14, part]) for part in range(5))
        prompts = int(self.prompts.max()) + 1
        place = split.permutation(prompts)[self.prompts] / prompts
        label = split.permutation(len(self.prompts))
        shuffled = np.where(self.mask, pick.random(self.mask.shape), 2.0)
        self._draws[seed] = Draw(
            train=label[place[label] >= TEST + HELD_OUT],
            held_out=np.flatnonzero((place >= TEST) & (place < TEST + HELD_OUT)),
            test=np.flatnonzero(place < TEST),
            order=np.argsort(shuffled, axis=1, kind="stable"),
            luck=luck.gumbel(size=self.mask.shape),
            size=size.random(len(self.prompts)),
            turn=turn.random(len(self.prompts)),
        )
        return self._draws[seed]

    def lesson(self, cell: Cell, seed: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """(x (n, k, D), mask (n, k), {"ranks": (n, k), "margin": (n, k, k)}): what a head is taught."""
        draw, (low, high) = self.draw(seed), cell.sizes()
        able = draw.train[self.mask[draw.train].sum(1) >= high]
        if len(able) < cell.labels:
            raise InputError(
                f"labels={cell.labels}: seed {seed} has {len(able)} prompts with {high} answers to label."
            )
        groups = able[: cell.labels]
        order = draw.order[groups, :high]
        inside = np.arange(high) < low + np.floor(draw.size[groups] * (high - low + 1))[:, None]
        felt, ranks = (np.take_along_axis(each, order, 1) for each in self._votes(cell, draw, groups))
        strength = np.digitize(np.abs(felt[:, :, None] - felt[:, None, :]), WORDS).astype(np.float32)
        if self.gold is None:
            strength = np.broadcast_to(self.strength[groups, None, None], strength.shape)
        margin = strength * (cell.margin / len(WORDS) if cell.loss == "margin" else 1.0)
        key = (seed, cell.labels, low, high)
        if key not in self._taught:
            if len(self._taught) >= MOST:  # the dials have moved on
                self._taught.clear()
            self._taught[key] = self.x[groups[:, None], order]
        labels = {
            "ranks": torch.from_numpy(np.where(inside, ranks, 0)),
            "margin": torch.tensor(margin, dtype=torch.float32),
        }
        return self._taught[key], torch.from_numpy(inside), labels

    def _votes(self, cell: Cell, draw: Draw, groups: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(felt worth (n, K) in log-odds, ranks (n, K), 0 = none) of whole groups."""
        turned = (draw.turn[groups] < cell.noise)[:, None]
        if self.gold is None:
            ranks = self.ranks[groups]
            last = ranks.max(1, keepdims=True) + 1
            return np.zeros(ranks.shape), np.where(turned & (ranks > 0), last - ranks, ranks)
        worth = self.gold[groups] + cell.length_bias * self.words[groups] / 10
        felt = worth / self.temperature + draw.luck[groups]
        felt = np.where(turned, -felt, felt)
        felt = np.where(self.mask[groups], felt, -np.inf)
        place = np.argsort(np.argsort(-felt, axis=1), axis=1) + 1
        return np.where(self.mask[groups], felt, 0.0), np.where(self.mask[groups], place, 0)

    def _row(self, cell: Cell, seed: int, penalties, weights: Tensor, converged: np.ndarray) -> dict:
        """weights (P, D): heads of one seed, a penalty each."""
        draw = self.draw(seed)
        _, ranks = self._votes(cell, draw, draw.held_out)
        sign, (group, i, j) = self._said(draw.held_out, ranks)
        own = sign[:, None] * self._gaps(group, i, j, weights)
        fitted = [temperature(gaps)[0] for gaps in own.T]
        losses = [log_loss(gaps / t).mean() for gaps, t in zip(own.T, fitted, strict=True)]
        best = int(np.argmin(losses))
        row = {"seed": int(seed), **self._judged(draw, weights[best], fitted[best])}
        used = penalty_word(penalties[best])
        return row | {"temperature": fitted[best], "penalty_used": used, "converged": bool(converged[best])}

    def _judged(self, draw: Draw, w: Tensor, own: float) -> dict[str, float]:
        if self.gold is None:
            sign, (group, i, j) = self._said(draw.test, self.ranks[draw.test])
            gaps = sign * self._gaps(group, i, j, w[None])[:, 0]
            return {
                "agreement": float(((np.sign(gaps) + 1) / 2).mean()),
                "log_loss": float(log_loss(gaps / own).mean()),
            } | self._best(w)
        group, i, j = self.pairs[:, np.isin(self.pairs[0], draw.test)]
        d, g = self._gaps(group, i, j, w[None])[:, 0], self.gold[group, i] - self.gold[group, j]
        return {
            "agreement": float(true_gaps.agreement(d, g, self.temperature).mean()),
            "log_loss": float(true_gaps.log_loss(d / own, g, self.temperature).mean()),
            "missed": float(true_gaps.missed(d, g).mean()),
        } | self._best(w)

    def _best(self, w: Tensor) -> dict[str, float]:
        if self.pool is None:
            return {}
        x, place, gold = self.pool
        rewards = (x @ w).numpy()[place]
        return {"best_of_n": float(best_of_n(rewards, gold)[:, self.best_of - 1].mean())}

    def _gaps(self, group, i, j, weights: Tensor) -> np.ndarray:
        """(pairs, heads): r_i - r_j, float64."""
        some, place = np.unique(group, return_inverse=True)
        rewards = (self.x[some] @ weights.T).numpy()
        return (rewards[place, i] - rewards[place, j]).astype(np.float64)

    def _said(self, groups: np.ndarray, ranks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(sign of i over j, pairs (3, P)) of the pairs of these groups that `ranks` (n, K) order."""
        every = np.zeros(self.mask.shape, dtype=np.int64)
        every[groups] = ranks
        group, i, j = self.pairs
        a, b = every[group, i], every[group, j]
        known = (a > 0) & (b > 0) & (a != b)
        if not known.any():
            raise InputError("The held-out groups order no two answers, so nothing can be measured on them.")
        return np.sign(b - a)[known], self.pairs[:, known]

    def _pairs(self) -> np.ndarray:
        """(3, P): group, i, j of every two answers of a group, i < j."""
        i, j = np.triu_indices(self.mask.shape[1], 1)
        group, which = np.nonzero(self.mask[:, i] & self.mask[:, j])
        return np.stack([group, i[which], j[which]])

    def _axes(self, vectors: Sequence[Tensor]) -> None:
        """x (G, K, D): standardized, and turned to the principal axes of what differs inside a group."""
        every = torch.cat([each.float() for each in vectors])
        mean, deviation = every.mean(0), every.std(0)
        deviation = deviation.where(deviation > 1e-6, 1.0)
        inside = torch.cat([(each.float() - each.float().mean(0)) / deviation for each in vectors])
        basis = torch.linalg.eigh(inside.T @ inside)[1]
        self._turn = lambda some: ((some.float() - mean) / deviation) @ basis
        self.x = torch.zeros(*self.mask.shape, every.shape[1])
        self.x[torch.from_numpy(self.mask)] = self._turn(every)

    def _pool(self, pool: Preferences, model: str, progress: bool) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """(x (U, D) of different answers, their places (prompts, N), gold (prompts, N))."""
        counts = {len(record.responses) for record in pool}
        if len(counts) != 1 or min(counts) < self.best_of or not _gold(pool):
            raise InputError(
                f"The pool needs gold ratings and as many answers to each prompt, at least {self.best_of}."
            )
        once = [dict.fromkeys(record.responses) for record in pool]
        texts = Preferences([Record(each.prompt, list(own)) for each, own in zip(pool, once, strict=True)])
        vectors = torch.cat(list(features(texts, model, progress=progress)))
        number = {
            (p, text): n for n, (p, text) in enumerate((p, t) for p, own in enumerate(once) for t in own)
        }
        place = np.array([[number[p, t] for t in record.responses] for p, record in enumerate(pool)])
        gold = np.array(_gold(pool))
        self._counts(vectors, place, gold)
        return self._turn(vectors), place, gold

    def _padded(self, rows: list[list]) -> np.ndarray:
        flat = np.concatenate([np.asarray(row) for row in rows])
        padded = np.zeros(self.mask.shape, dtype=flat.dtype)
        padded[self.mask] = flat
        return padded

    def _knows(self, measure: str) -> bool:
        return {"missed": self.gold, "best_of_n": self.pool}.get(measure, True) is not None

    def _refuse(self, cell: Cell) -> None:
        if self.gold is None and cell.length_bias:
            raise InputError("length_bias changes votes, and without gold ratings there are none to draw.")
        strong = cell.sizes() == (2, 2) and not np.isnan(self.strength).all()
        if self.gold is None and cell.loss in ("margin", "scaled-bradley-terry") and not strong:
            raise InputError(f"The loss {cell.loss!r} needs pairs (k=2) with a `strength`, or gold ratings.")


def _sets(data, pool) -> tuple[Preferences, Preferences | None]:
    """The groups and the pool; those of the pocket world by its name alone."""
    if isinstance(data, str) and data == "pocket":
        data = load("pocket", n=700, k=4, strengths=False, steps=False)
        pool = load("pocket-pool", n=32) if pool is None else pool
    groups = as_preferences(data)
    if not len(groups):
        raise InputError("There are no groups to learn from.")
    return groups, None if pool is None else as_preferences(pool)


def _gold(groups) -> list[list[float]] | None:
    """The gold ratings of every answer; None where one is missing."""
    rows = [(record.ratings or {}).get("gold") for record in groups]
    return None if any(row is None or None in row for row in rows) else rows
