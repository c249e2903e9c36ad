"""What fitted heads found: rewards, accuracy and log-loss on held-out pairs, with honest intervals."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from rmkit.data.ledger import Ledger
from rmkit.data.preferences import Preferences
from rmkit.data.records import ranks_of
from rmkit.theory import statistics
from rmkit.theory.calibration import log_loss
from rmkit.training.head_settings import Setting


@dataclass
class Compared:
    """P pairs that people ordered; where no group orders two responses, answers right or wrong against 0.

    better, worse   (P,) places in the flat rewards (G * K), the last of all for the reference of reward 0
    group           (P,) which group.   prompt (P,): the number of its prompt
    longer          (P,) how many characters the better one has more (an answer: than the median)
    share           (P,) the share of votes for this order, 1 where one person judged
    """

    better: np.ndarray
    worse: np.ndarray
    group: np.ndarray
    prompt: np.ndarray
    longer: np.ndarray
    share: np.ndarray

    def gaps(self, rewards: Tensor) -> np.ndarray:
        """(S, P) reward(better) - reward(worse), from rewards (S, G, K)."""
        flat = torch.cat([rewards.flatten(1), torch.zeros(len(rewards), 1)], 1).numpy()
        return flat[:, self.better] - flat[:, self.worse]


def compared(groups: Preferences, keys: list[str], width: int) -> Compared:
    """The comparisons by which heads are measured.   keys (G,): prompts.   width: the largest K."""
    numbers = {key: number for number, key in enumerate(dict.fromkeys(keys))}
    rows, single, zero = [], [], len(groups) * width
    for g, (record, key) in enumerate(zip(groups, keys, strict=True)):
        ranks, lengths = ranks_of(record), [len(text) for text in record.responses]
        share = getattr(record, "share", None)
        here, place = (g, numbers[key], 1.0 if share is None else share), g * width
        rows += [
            (place + i, place + j, lengths[i] - lengths[j], *here)
            for i, a in enumerate(ranks)
            for j, b in enumerate(ranks)
            if 0 < a < b
        ]
        for i, right in enumerate(record.correct or []):
            if right is not None:
                two = (place + i, zero) if right else (zero, place + i)
                single.append((*two, lengths[i], g, numbers[key], 1.0))
    table = np.array(rows or single, dtype=np.float64).reshape(-1, 6)
    better, worse, group, prompt = (table[:, column].astype(np.int64) for column in (0, 1, 3, 4))
    longer = table[:, 2]
    if not rows and single:
        longer = np.where(worse == zero, 1, -1) * (longer - np.median(longer))
    return Compared(better, worse, group, prompt, longer, table[:, 5])


@dataclass
class HeadResults:
    """S fitted heads.

    settings    S settings.          weights (S, D), bias (S,): of the features as they were given
    rewards     (S, G, K) float32 of every group, held out or not; 0 where a group has fewer responses
    held_out    (S, G) bool: groups that the head has not seen, nor their prompts
    l2          (S,) the penalty of each head, given or chosen
    accuracy    (S,) share of held-out pairs ordered as people did, equal rewards half.   train_accuracy (S,)
    temperature, log_loss   (S,) the head's own temperature, fitted on training prompts that a fold left out,
                and the mean of -log sigma(gap / temperature) over held-out pairs; computed when asked for
    objective   (S,) the smallest J.   converged (S,) bool: whether the fit reached it
    ledger      what became of the groups

    Where no group orders two responses but answers are right or wrong, each answer is compared with 0.
    """

    settings: list[Setting]
    weights: Tensor
    bias: Tensor
    rewards: Tensor
    held_out: Tensor
    l2: np.ndarray
    objective: np.ndarray
    converged: np.ndarray
    ledger: Ledger
    pairs: Compared = field(repr=False)
    seen: Tensor = field(repr=False)
    temperatures: np.ndarray = field(repr=False)
    calibrate: Callable[[list[int]], np.ndarray] = field(repr=False)

    def __len__(self) -> int:
        return len(self.settings)

    def score(self, features: Sequence[Tensor]) -> list[Tensor]:
        """(S, K) rewards of new groups."""
        return [self.weights @ each.float().T + self.bias[:, None] for each in features]

    @cached_property
    def credit(self) -> np.ndarray:
        """(S, P) 1, 0 or 1/2 for every pair."""
        return (np.sign(self.pairs.gaps(self.rewards)) + 1) / 2

    @cached_property
    def accuracy(self) -> np.ndarray:
        return _means(self.credit, self._tested)

    @cached_property
    def train_accuracy(self) -> np.ndarray:
        return _means(self.credit, self.seen.numpy()[:, self.pairs.group])

    @cached_property
    def temperature(self) -> np.ndarray:
        unknown = np.flatnonzero(np.isnan(self.temperatures)).tolist()
        found = self.temperatures.copy()
        if unknown:
            found[unknown] = self.calibrate(unknown)
        return found

    @cached_property
    def log_loss(self) -> np.ndarray:
        gaps = self.pairs.gaps(self.rewards) / self.temperature[:, None]
        return _means(log_loss(gaps, self.pairs.share), self._tested)

    @cached_property
    def _tested(self) -> np.ndarray:
        """(S, P) bool: whether the head was not trained on this pair."""
        return self.held_out.numpy()[:, self.pairs.group]

    def table(self) -> pd.DataFrame:
        """One row for each head: its setting, with the penalty that it has, and how it did."""
        found = {name: getattr(self, name) for name in ("accuracy", "train_accuracy", "log_loss")}
        table = self._settings().assign(l2=self.l2, l2_chosen=[s.l2 is None for s in self.settings], **found)
        table = table.assign(temperature=self.temperature, objective=self.objective, converged=self.converged)
        return table.drop(columns=_unknown(table))

    def summary(self) -> pd.DataFrame:
        """Heads that differ in their seed only, as one row: means over held-out pairs and their intervals.

        low, high: of the accuracy at 95 %, over prompts and over seeds (`statistics.crossed_interval`; one
        seed: over prompts).   longest, shortest: what length alone reaches on the same pairs.   l2: the
        penalty, or the range of those chosen.
        """
        table = self._settings()
        by = [name for name in table if name != "seed" and table[name].nunique(dropna=False) > 1]
        parts = table.groupby(by, dropna=False, sort=False) if by else [((), table)]
        found = [self._row(part.index.to_numpy()) | dict(zip(by, key, strict=True)) for key, part in parts]
        penalty = [_range(self.l2[part.index.to_numpy()]) for _, part in parts]
        summary = pd.DataFrame(found).assign(l2=penalty)
        summary = summary[[*by, *(name for name in summary if name not in by)]]
        return summary.drop(columns=_unknown(summary))

    def _settings(self) -> pd.DataFrame:
        """One row for each setting; `groups` None reads "all"."""
        rows = [asdict(s) | {"parameters": _named(s.parameters)} for s in self.settings]
        return pd.DataFrame(rows).assign(groups=[s.groups or "all" for s in self.settings])

    def _row(self, heads: np.ndarray) -> dict:
        tested = self._tested[heads]
        numbers = {"seeds": len(heads)}
        if tested.any(1).all():
            numbers |= self._accuracy(self.credit[heads], tested)
        numbers |= {
            "train_accuracy": self.train_accuracy[heads].mean(),
            "log_loss": self.log_loss[heads].mean(),
        }
        longest = _means((np.sign(self.pairs.longer) + 1) / 2, tested).mean()
        return numbers | {"longest": longest, "shortest": 1 - longest}

    def _accuracy(self, credit: np.ndarray, tested: np.ndarray) -> dict:
        prompts, place = np.unique(self.pairs.prompt, return_inverse=True)
        if len(credit) == 1 or len(set(place[tested.any(0)])) == 1:
            mean = (credit * tested).sum(0)[tested.any(0)] / tested.sum(0)[tested.any(0)]
            low, high = statistics.accuracy_interval(mean, place[tested.any(0)])
            return {"accuracy": mean.mean(), "low": low, "high": high}
        counts, sums = np.zeros((len(credit), len(prompts))), np.zeros((len(credit), len(prompts)))
        for row in range(len(credit)):
            counts[row] = np.bincount(place, weights=tested[row], minlength=len(prompts))
            sums[row] = np.bincount(place, weights=tested[row] * credit[row], minlength=len(prompts))
        weights = counts / counts.sum(1, keepdims=True)  # every head weighs the same
        mean, low, high = statistics.crossed_interval(sums / counts.clip(min=1), weights)
        return {"accuracy": mean, "low": max(low, 0.0), "high": min(high, 1.0)}


def _means(values: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(S,) mean of the chosen values of each row; NaN where none is."""
    number = chosen.sum(1)
    return np.where(number > 0, np.where(chosen, values, 0).sum(1) / np.maximum(number, 1), np.nan)


def _unknown(table: pd.DataFrame) -> list[str]:
    """Columns of which no row knows anything, such as the accuracy where nothing was held out."""
    known = {"accuracy", "low", "high", "train_accuracy", "log_loss", "temperature", "longest", "shortest"}
    return [name for name in table if name in known and table[name].isna().all()]


def _range(values: np.ndarray) -> str:
    low, high = values.min(), values.max()
    return f"{low:g}" if low == high else f"{low:g} to {high:g}"


def _named(parameters: dict) -> str:
    return ", ".join(f"{name}={value}" for name, value in parameters.items())
