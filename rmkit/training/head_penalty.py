"""How strong a penalty: chosen by log-loss on prompts that the head has not seen.

Log-loss at the head's own temperature, since it is sharper than accuracy: it also sees how sure a head is.
Only training prompts are used, so what is held out for the test stays unseen.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rmkit.errors import InputError
from rmkit.theory.calibration import log_loss, temperature
from rmkit.training.head_fitting import HeadData, fit_all, informative
from rmkit.training.head_results import Compared
from rmkit.training.head_settings import Setting

PENALTIES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
FOLDS = 5


def choose(
    settings: Sequence[Setting],
    data: HeadData,
    pairs: Compared,
    keys: list[str],
    samples: Tensor,
    turned: Tensor,
) -> tuple[np.ndarray, np.ndarray]:
    """(l2 (S,), temperature (S,), NaN where the penalty was given): the penalty with the least log-loss.

    All penalties of all settings are one batched call of `cross_fit`.
    """
    l2 = np.array([np.nan if setting.l2 is None else setting.l2 for setting in settings])
    heads = [i for i, setting in enumerate(settings) if setting.l2 is None]
    temperatures = np.full(len(settings), np.nan)
    if heads:
        tries = [(i, replace(settings[i], l2=each)) for i in heads for each in PENALTIES]
        rows = [i for i, _ in tries]
        found = cross_fit([s for _, s in tries], data, pairs, keys, samples[rows], turned[rows])
        loss, fitted = (each.reshape(len(heads), len(PENALTIES)) for each in found)
        if np.isnan(loss).any():
            raise InputError(
                "l2 cannot be chosen: it takes at least 2 training prompts with pairs, or right and wrong "
                "answers. Give a number, such as Setting(l2=0.1)."
            )
        best = loss.argmin(1)
        l2[heads], temperatures[heads] = np.array(PENALTIES)[best], fitted[np.arange(len(heads)), best]
    return l2, temperatures


def cross_fit(
    settings: Sequence[Setting],
    data: HeadData,
    pairs: Compared,
    keys: list[str],
    samples: Tensor,
    turned: Tensor,
) -> tuple[np.ndarray, np.ndarray]:
    """(log-loss (S,), temperature (S,)) of each setting on training prompts that its heads have not seen.

    Every setting is fitted once for each fold of its training prompts; the gaps of all folds give one
    temperature. NaN where there are not two prompts to learn from, or nothing to compare.
    """
    folds = [_folds(*each, data, keys) for each in zip(settings, samples, strict=True)]
    folds = torch.stack(folds)  # (S, G), -1 = in no fold
    usable = (folds.amax(1) > 0).nonzero().flatten().tolist()
    loss, fitted = np.full(len(settings), np.nan), np.full(len(settings), np.nan)
    jobs = [(i, fold) for i in usable for fold in range(int(folds[i].max()) + 1)]
    if not jobs or not len(pairs.group):
        return loss, fitted
    rows = [i for i, _ in jobs]
    kept = torch.stack([samples[i] * (folds[i] != fold) * (folds[i] >= 0) for i, fold in jobs])
    weights, _, _ = fit_all([settings[i] for i in rows], data, kept, turned[rows])
    begin = 0
    for i in usable:
        begin, own = begin + int(folds[i].max()) + 1, begin
        gaps = pairs.gaps(data.rewards(weights[own:begin]))
        fold = folds[i].numpy()[pairs.group]
        tested = np.flatnonzero(fold >= 0)
        if not len(tested):
            continue
        gap = gaps[fold[tested], tested]
        gap = np.where(turned[i].numpy()[pairs.group[tested]], -gap, gap)  # as its training labels are
        often = samples[i].numpy()[pairs.group[tested]]
        gap, share = np.repeat(gap, often), np.repeat(pairs.share[tested], often)
        fitted[i], _ = temperature(gap, share)
        loss[i] = log_loss(gap / fitted[i], share).mean()
    return loss, fitted


def _folds(setting: Setting, sample: Tensor, data: HeadData, keys: list[str]) -> Tensor:
    """(G,) the fold of each training group that says something, by prompt; -1 for the others."""
    known = informative([setting], data)[0]
    useful = ((sample > 0) & (known > 0)).tolist()
    prompts = sorted({key for key, use in zip(keys, useful, strict=True) if use})
    order = np.random.default_rng([setting.seed, 3]).permutation(len(prompts))
    fold = {prompts[prompt]: place % FOLDS for place, prompt in enumerate(order.tolist())}
    return torch.tensor([fold[key] if use else -1 for key, use in zip(keys, useful, strict=True)])
