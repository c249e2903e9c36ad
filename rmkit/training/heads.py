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

from rmkit.arguments import seen
from rmkit.data.preferences import Preferences, as_preferences, prompt_key
from rmkit.data.records import ranks_of
from rmkit.errors import InputError
from rmkit.theory import losses
from rmkit.training.batching import COLUMNS
from rmkit.training.head_fitting import HeadData, fit_all
from rmkit.training.head_penalty import choose, cross_fit
from rmkit.training.head_results import HeadResults, compared
from rmkit.training.head_settings import Setting, draws, grid
from rmkit.training.objective import Objective

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
    settings = [settings] if isinstance(settings, Setting) else settings
    settings = grid(seed=range(20)) if settings is None else list(settings)
    features = _tensors(features)
    _check(features, groups, settings)
    if aspect is not None and not any("ratings" in losses.needs(setting.loss) for setting in settings):
        raise InputError("aspect chooses among ratings, which these losses do not take.")
    data, keys = HeadData(features, groups, aspect), [prompt_key(record) for record in groups]
    cuts = getattr(features, "cuts", [None] * len(keys))
    useless = np.array([cut is not None and cut.equal for cut in cuts], dtype=bool)
    held_out, samples, turned = draws(keys, settings, test, useless)
    pairs = compared(groups, keys, data.mask.shape[1])
    _check_informative(groups, settings, useless, len(pairs.group))
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


def _tensors(features: Sequence) -> Sequence[Tensor]:
    """Features as they are, or arrays and lists of numbers as tensors."""
    if not hasattr(features, "__len__") or isinstance(features, str | dict | Preferences):
        raise InputError(
            f"Features are one (K, D) tensor for each group, as `features` gives, not {seen(features)}."
        )
    if all(isinstance(each, Tensor) for each in features):
        return features
    try:
        return [torch.as_tensor(each, dtype=torch.float32) for each in features]
    except (TypeError, ValueError, RuntimeError) as error:
        raise InputError(f"Features must be (K, D) numbers for each group: {error}.") from error


def _check_informative(
    groups: Preferences, settings: Sequence[Setting], useless: np.ndarray, compared: int
) -> None:
    """An InputError where no group can teach a head that learns from comparisons, with the reason."""
    if not all("ranks" in losses.needs(setting.loss) for setting in settings):
        return
    if useless.all():
        raise InputError(
            f"All {len(groups):,} groups of {groups.name} have responses that are identical after the cut: "
            "raise max_length of the features."
        )
    if not any(0 < a < b for record in groups for a in ranks_of(record) for b in ranks_of(record)):
        known = "; its answers are right or wrong: take the loss 'outcome'" if compared else ""
        raise InputError(f"{groups.name} orders no two responses, so there is nothing to compare{known}.")


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
    for setting in settings:
        if not isinstance(setting, Setting):
            raise InputError(
                f"A setting is {seen(setting)}; make settings with grid(loss=[...], seed=range(20))."
            )
        Objective(setting.loss, setting.parameters)
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
