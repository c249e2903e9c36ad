"""The instant size: hundreds of linear reward heads on frozen features, fitted in one batched call.

r(x, y) = w . f(x, y) + b, with features f standardized (mean 0, variance 1 over all responses). A head
minimizes

    J(w) = sum_g weight_g loss_g(w) / sum_g weight_g + l2 / 2 |w|^2

over its training groups g; l2 > 0 makes the minimum unique for the convex losses. All heads are rows of one
(S, D) matrix: the rewards of all of them are one matrix product, and the losses see S times G groups.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from rmkit.data.preferences import Preferences, as_preferences, prompt_key
from rmkit.errors import InputError
from rmkit.theory import losses
from rmkit.training.batching import COLUMNS
from rmkit.training.head_fitting import HeadData, fit_all
from rmkit.training.head_penalty import choose, cross_fit
from rmkit.training.head_results import HeadResults, compared
from rmkit.training.head_settings import Setting, draws, grid

__all__ = ["HeadResults", "Setting", "fit_heads", "grid"]


def fit_heads(
    features: Sequence[Tensor],
    groups,
    settings: Sequence[Setting] | None = None,
    *,
    test: float | Sequence[int] = 0.2,
    aspect: str | None = None,
) -> HeadResults:
    """Fit one linear head for each setting, all in one batch.

    features: one (K, D) tensor for each group (see `rmkit.features`); groups of which it says that their
        responses became equal are not trained on.   groups: their labels, whatever `rmkit.load` takes.
    settings: default 20 seeds of Bradley-Terry with chosen penalties.
    test: the share of prompts that each seed holds out, or the indices of the groups held out from all heads.
    aspect: which ratings a loss that needs them uses.
    Pairs with a share of votes (`Record.share`) are learned as soft labels (`losses.under_shares`).
    Raises InputError where a setting cannot be fitted on these groups.
    """
    groups = as_preferences(groups)
    settings = grid(seed=range(20)) if settings is None else list(settings)
    _check(features, groups, settings)
    data, keys = HeadData(features, groups, aspect), [prompt_key(record) for record in groups]
    cuts = getattr(features, "cuts", [None] * len(keys))
    useless = np.array([cut is not None and cut.equal for cut in cuts], dtype=bool)
    held_out, samples, turned = draws(keys, settings, test, useless)
    pairs = compared(groups, keys, data.mask.shape[1])
    l2, temperature = choose(settings, data, pairs, keys, samples, turned)
    full = [replace(setting, l2=float(each)) for setting, each in zip(settings, l2, strict=True)]
    weights, objective, converged = fit_all(full, data, samples, turned)
    raw = weights[:, :-1] / data.deviation

    def calibrate(heads: list[int]) -> np.ndarray:
        some = [full[i] for i in heads]
        return cross_fit(some, data, pairs, keys, samples[heads], turned[heads])[1]

    return HeadResults(
        settings=settings,
        weights=raw,
        bias=weights[:, -1] - raw @ data.mean,
        rewards=data.rewards(weights).masked_fill(~data.mask, 0.0),
        held_out=held_out,
        l2=l2,
        objective=objective.numpy(),
        converged=converged.numpy(),
        ledger=getattr(features, "ledger", groups.ledger),
        pairs=pairs,
        seen=samples > 0,
        temperatures=temperature,
        calibrate=calibrate,
    )


def _check(features: Sequence[Tensor], groups: Preferences, settings: Sequence[Setting]) -> None:
    if not settings:
        raise InputError("There are no settings to fit: give at least one, such as grid(seed=range(20)).")
    if len(features) != len(groups):
        raise InputError(f"There are features of {len(features):,} groups for {len(groups):,} groups.")
    finite = torch.cat([each.flatten() for each in features]).isfinite().all()  # else look at each of them
    for number, (each, record) in enumerate(zip(features, groups, strict=True)):
        shaped = each.dim() == 2 and each.shape[0] == len(record.responses)
        if not shaped or not (finite or each.isfinite().all()):
            shape = tuple(each.shape)
            raise InputError(
                f"Group {number} needs finite features (K={len(record.responses)}, D), not {shape}."
            )
    needs = {loss: losses.needs(loss) for loss in dict.fromkeys(setting.loss for setting in settings)}
    for setting in settings:
        needed = needs[setting.loss]
        beyond = [name for name in needed if name == "step_labels" or name not in COLUMNS]
        if beyond:
            raise InputError(
                f"The loss {setting.loss!r} needs `{beyond[0]}`: a head gives one reward for a response."
            )
        if setting.l2 is not None and not setting.l2 > 0:
            raise InputError(
                f"l2={setting.l2}: give a number above 0 (or the best weights may be infinite), or None."
            )
        if not 0 <= setting.noise <= 1:
            raise InputError(f"noise={setting.noise}: give a share between 0 and 1.")
        if setting.noise and "ratings" in needed:
            raise InputError("noise turns preferences round; ratings have nothing to turn.")
