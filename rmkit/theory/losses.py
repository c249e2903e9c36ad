"""Every reward-model loss, as a pure function of one group per row.

Shapes: G groups (one prompt each), K responses (padded to the longest group of the batch).
  rewards (G, K)  any float dtype; computed in float32
  mask    (G, K)  True where a response is real
  ranks   (G, K)  1 = best, equal = tie, 0 = not ranked (padding too)
A loss returns (G,) float32, the mean over what the group has to say; a group that says nothing returns 0 and
has no gradient. Value and gradient are finite for any finite rewards. How groups weigh against one another is
not a loss's business: see `group_weights`. d = r_i - r_j stands for a pair in which response i beats j.
"""

import inspect
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rmkit.errors import InputError
from rmkit.theory import gap_losses
from rmkit.theory.pairs import pairs, ties
from rmkit.theory.tied_rankings import tied_set

_FAR = 1e30  # rewards beyond this are held here, so that gaps and sums over pairs still fit into float32
_NOTHING = -1e38  # stands for "no such response" inside a logsumexp; -inf would make its gradient NaN
# A squared error goes on as a straight line from here: float32 squares overflow at 1.8e19.
_SQUARE_UNTIL = 1e6


def group_weights(
    mask: Tensor,
    ranks: Tensor | None = None,
    weighting: str = "group",
    *,
    loss: str = "bradley-terry",
    labels: Tensor | None = None,
) -> Tensor:
    """(G,) float32 weights w, so that a step's loss is sum(w * loss) / sum(w).

    "group": 1 for every group that says something; the mean over its pairs is then the 1 / C(K, 2) of
    InstructGPT, equation 1. "pair": how many things it says, so that every pair of the step weighs the same.
    Losses without ranks count their known `labels` (ratings, correct, step_labels) instead; davidson counts
    ties too; plackett-luce counts a ranking as one observation.
    """
    if weighting not in ("group", "pair"):
        raise InputError(f"weighting is {weighting!r}; use 'group' or 'pair'.")
    if "ranks" not in needs(loss):
        counted = _known(labels, mask, signed=loss in ("regression", "quantile"))
    elif loss == "davidson":
        counted = pairs(ranks, mask) | ties(ranks, mask)
    else:
        counted = pairs(ranks, mask)
    number = counted.flatten(1).sum(1).float()
    return number.clamp(max=1.0) if weighting == "group" or loss == "plackett-luce" else number


def _float32(rewards: Tensor, mask: Tensor) -> Tensor:
    """Rewards as float32; padding is 0 before any arithmetic, so that it cannot make a gradient NaN."""
    wide = rewards.float()
    held = wide.clamp(-_FAR, _FAR)
    held = torch.where(rewards.isinf(), wide, held)  # an infinite reward is the model's bug: leave it visible
    return held.masked_fill(~mask, 0.0)


def _gaps(rewards: Tensor, mask: Tensor, counted: Tensor) -> Tensor:
    """(G, K, K) gaps d[g, i, j] = r_i - r_j where counted, else 0."""
    r = _float32(rewards, mask)
    return (r[:, :, None] - r[:, None, :]).masked_fill(~counted, 0.0)


def _mean(values: Tensor, counted: Tensor) -> Tensor:
    """(G,) mean of the counted values of each group; 0 where none is. Divides first: a sum might overflow."""
    number = counted.flatten(1).sum(1).clamp(min=1)
    return (values.masked_fill(~counted, 0.0).flatten(1) / number[:, None]).sum(1)


def _known(labels: Tensor, mask: Tensor, *, signed: bool = False) -> Tensor:
    """True where a label was given: not NaN and, unless labels are signed, not negative."""
    labels = labels.float()
    return mask & (~labels.isnan() if signed else labels >= 0)


def _per_pair(column: Tensor | float, counted: Tensor, missing: float) -> Tensor:
    """A column given per group (G,) or per pair (G, K, K), spread over the pairs; NaN becomes `missing`."""
    column = torch.as_tensor(column, device=counted.device).float()
    column = column[:, None, None] if column.dim() == 1 else column
    return torch.where(column.isnan(), torch.full_like(column, missing), column).expand(counted.shape)


# Losses over pairs


def bradley_terry(rewards: Tensor, mask: Tensor, *, ranks: Tensor) -> Tensor:
    """Negative log-likelihood of the pairs, averaged over the group: InstructGPT (2022), equation 1.

        L = -1/C(K,2) sum log sigma(r_w - r_l)         first printed form
          =  1/C(K,2) sum log(1 + exp(r_l - r_w))      second printed form, the softplus of -d

    The two are one function, since 1/sigma(d) = 1 + exp(-d). The chapter prints the second with a difference
    of exponentials, log(1 + e^{r_l} - e^{r_w}) (its equation 4): a misprint, undefined as soon as
    e^{r_w} >= 1 + e^{r_l}. With ties or unranked responses, C(K,2) is the number of pairs there are.
    Gradient in d: -sigma(-d), the probability that the model gave to the other outcome.
    """
    w = pairs(ranks, mask)
    d = _gaps(rewards, mask, w)
    return _mean(gap_losses.logistic(d), w)  # -log sigma(d) = softplus(-d)


def margin(rewards: Tensor, mask: Tensor, *, ranks: Tensor, margin: Tensor) -> Tensor:
    """Bradley-Terry that asks for a lead: Llama 2 (2023), equation 2.  L = mean of -log sigma(d - m)

    margin: (G,), or (G, K, K) with [g, i, j] for i beating j; NaN (no strength given) counts as 0.
    """
    w = pairs(ranks, mask)
    d = _gaps(rewards, mask, w)
    m = _per_pair(margin, w, missing=0.0)
    return _mean(-F.logsigmoid(d - m), w)  # -log sigma(d - m)


def scaled_bradley_terry(rewards: Tensor, mask: Tensor, *, ranks: Tensor, margin: Tensor) -> Tensor:
    """A clearer preference counts more often: HelpSteer2-Preference (2024).  L = mean of -m log sigma(d)

    margin: shaped as in `margin`, typically 1, 2, 3; NaN counts as 1. As in the paper, not renormalized by m.
    """
    w = pairs(ranks, mask)
    d = _gaps(rewards, mask, w)
    m = _per_pair(margin, w, missing=1.0)
    return _mean(-m * F.logsigmoid(d), w)  # -m log sigma(d)


def label_smoothing(rewards: Tensor, mask: Tensor, *, ranks: Tensor, smoothing: float = 0.1) -> Tensor:
    """Bradley-Terry for labels wrong with probability e: Secrets of RLHF II (2024), as in conservative DPO.

    L = mean of -(1 - e) log sigma(d) - e log sigma(-d), smallest where sigma(d) = 1 - e.
    """
    w = pairs(ranks, mask)
    d = _gaps(rewards, mask, w)
    return _mean(gap_losses.smoothed(d, smoothing), w)


def hinge(rewards: Tensor, mask: Tensor, *, ranks: Tensor, gap: float = 1.0) -> Tensor:
    """Stop pulling once the lead is `gap`: tried by Skywork-Reward (2024).  L = mean of max(0, gap - d)"""
    w = pairs(ranks, mask)
    d = _gaps(rewards, mask, w)
    return _mean(gap_losses.hinge(d, gap), w)


def focal(rewards: Tensor, mask: Tensor, *, ranks: Tensor, gamma: float = 2.0) -> Tensor:
    """Look past the pairs already won: Lin et al. (2017), equation 4, on pairs as in Skywork-Reward (2024).

    L = mean of -(1 - p)^gamma log p with p = sigma(d). (InternLM2's variant waits until p > 1/2.)
    """
    w = pairs(ranks, mask)
    d = _gaps(rewards, mask, w)
    return _mean(gap_losses.focal(d, gamma), w)


def davidson(rewards: Tensor, mask: Tensor, *, ranks: Tensor, nu: Tensor | float = 1.0) -> Tensor:
    """Bradley-Terry in which a tie is an outcome: Davidson (1970).  With p = e^r,

        P(i beats j) = p_i / (p_i + p_j + nu sqrt(p_i p_j)),    P(tie) = nu sqrt(p_i p_j) / (the same)

    L = mean of -log P over won pairs and ties. nu > 0 is a number, or a scalar tensor to be learned; between
    equals P(tie) = nu / (2 + nu). Ask for group weights with loss="davidson": they count the ties.
    """
    nu = torch.as_tensor(nu, device=rewards.device).float()
    if not nu.requires_grad and not bool(nu > 0):
        raise InputError(f"davidson's nu is {nu.item():g}; it must be above 0 (without ties: bradley-terry).")
    won, tied = pairs(ranks, mask), ties(ranks, mask)
    d = _gaps(rewards, mask, won | tied)
    zero, log_nu = torch.zeros_like(d), nu.log().expand_as(d)
    loss_won = torch.logsumexp(torch.stack([zero, -d, log_nu - d / 2]), 0)  # log(1 + e^-d + nu e^{-d/2})
    loss_tied = torch.logsumexp(torch.stack([d / 2, -d / 2, log_nu]), 0) - log_nu  # both over sqrt(p_i p_j)
    return _mean(torch.where(won, loss_won, loss_tied), won | tied)


class Davidson(nn.Module):
    """`davidson` with a nu that is learned: fit(model, preferences, loss=losses.Davidson())."""

    like = "davidson"  # groups weigh as under that name: ties count

    def __init__(self, nu: float = 1.0):
        super().__init__()
        if not nu > 0:
            raise InputError(f"davidson's nu is {nu!r}; it must be above 0.")
        self.log_nu = nn.Parameter(torch.tensor(float(nu)).log())  # nu > 0, whatever is learned

    def forward(self, rewards: Tensor, mask: Tensor, *, ranks: Tensor) -> Tensor:
        """The loss at the present nu: (G,)."""
        return davidson(rewards, mask, ranks=ranks, nu=self.log_nu.exp())


# The whole ranking at once


def plackett_luce(rewards: Tensor, mask: Tensor, *, ranks: Tensor, top: int | None = None) -> Tensor:
    """Negative log-likelihood of a ranking, as repeated choice of the best that is left: Zhu et al. (2023).

        L = sum over k of -log( e^{r_k} / sum_{j not better than k} e^{r_j} )

    A sum, not a mean: a ranking is one observation (K = 2 is Bradley-Terry). `top` = m keeps the first m
    choices. A tie means that the order inside it was not told: the tied set counts with the probability that
    all of it precedes everything worse, in whatever order (the exact rule of Allison & Christakis, 1994, by
    the integral of DeLong, Guirguis & So, 1994). So ranks 1, 2, 2, 2 are one choice, a softmax.
    """
    r = _float32(rewards, mask)
    beats = pairs(ranks, mask)
    chosen = beats.any(-1)  # the last rank is no choice: nothing is left to lose against it
    rest = torch.where(beats, r[:, None, :], torch.full_like(r, _NOTHING)[:, None, :]).logsumexp(-1)
    ahead = (r - rest).masked_fill(~chosen, 0.0)  # (G, K): lead of k over all that is worse than k
    if top is not None:
        chosen = chosen & (beats.sum(1) < top)  # beats.sum(1): how many are better than k
    loss = -F.logsigmoid(ahead)  # -log( e^{r_k} / (e^{r_k} + rest) )
    tied = ties(ranks, mask) & chosen[:, None, :]
    if tied.any():
        tied = tied | tied.transpose(1, 2)
        size = tied.sum(-1) + 1  # each member carries its share of the set's loss
        loss = torch.where(size > 1, tied_set(ahead, tied) / size, loss)
    return loss.masked_fill(~chosen, 0.0).sum(-1)


# Losses without pairs


def regression(rewards: Tensor, mask: Tensor, *, ratings: Tensor) -> Tensor:
    """Squared error against ratings (G, K), NaN = not rated: HelpSteer2 (2024).  L = mean of (r - rating)^2

    Beyond an error of 1e6 the square goes on as its tangent, so that it cannot overflow.
    """
    rated = _known(ratings, mask, signed=True)
    r = _float32(rewards, rated)
    target = ratings.float().masked_fill(~rated, 0.0)
    return _mean(2 * F.huber_loss(r, target, reduction="none", delta=_SQUARE_UNTIL), rated)  # (r - rating)^2


def quantile(rewards: Tensor, mask: Tensor, *, ratings: Tensor, levels: Tensor | None = None) -> Tensor:
    """Pinball loss of Q predicted quantiles of the rating: QRM (2024), after Koenker & Bassett (1978).

        L = mean of max(tau e, (tau - 1) e),   e = rating - q_tau

    rewards (G, K, Q); ratings (G, K); levels (Q,) the tau in (0, 1), by default the midpoints (q + 1/2) / Q.
    """
    if levels is None:
        levels = (torch.arange(rewards.shape[-1]) + 0.5) / rewards.shape[-1]
    tau = torch.as_tensor(levels, device=rewards.device).float()
    rated = _known(ratings, mask, signed=True)[..., None].expand(rewards.shape)
    e = ratings.float()[..., None].masked_fill(~rated, 0.0) - _float32(rewards, rated)
    return _mean(torch.maximum(tau * e, (tau - 1) * e), rated)


def outcome(rewards: Tensor, mask: Tensor, *, correct: Tensor) -> Tensor:
    """Was the answer right? After Cobbe et al. (2021).  L = mean of -c log sigma(r) - (1 - c) log sigma(-r)

    rewards (G, K) read at the last token; or (G, K, T), one per token, with a mask of that shape: the mean is
    then over a response's tokens first, so that long ones weigh no more. correct (G, K): 1, 0, or anything
    between; NaN or -1 = unknown.
    """
    if rewards.dim() == 2:
        return process(rewards, mask, step_labels=correct)
    every = process(rewards.flatten(0, 1), mask.flatten(0, 1), step_labels=correct.flatten()[:, None])
    return _mean(every.view(correct.shape), _known(correct, mask.any(-1)))


def process(rewards: Tensor, mask: Tensor, *, step_labels: Tensor) -> Tensor:
    """Was this step right? Cross-entropy as in `outcome`, mean over the judged steps: after Lightman et al.
    (2023), who have a third label, neutral.

    rewards, mask and step_labels (G, K, S), one per step; 1 = good, 0 = bad, NaN or -1 = not judged, ignored.
    """
    judged = _known(step_labels, mask)
    r = _float32(rewards, judged)
    c = step_labels.float().expand(judged.shape).masked_fill(~judged, 0.0)
    return _mean(-(c * F.logsigmoid(r) + (1 - c) * F.logsigmoid(-r)), judged)


# Around a loss: centering, and labels that are shares


def centered(rewards: Tensor, mask: Tensor, ranks: Tensor) -> Tensor:
    """(G,) mean of (r_w + r_l)^2 over the pairs of a group: Eisenstein et al. (2023); 0 without pairs.

    The likelihood knows a reward up to a constant only; this chooses the constant.
    """
    beats = pairs(ranks, mask)
    squared = (rewards[:, :, None] + rewards[:, None, :]).float().square()
    return (squared * beats).sum((1, 2)) / beats.sum((1, 2)).clamp(min=1)


def under_shares(
    loss: Callable[..., Tensor], rewards: Tensor, mask: Tensor, *, ranks: Tensor, share: Tensor, **known
) -> Tensor:
    """(G,) a loss under soft labels, q L(ranks) + (1 - q) L(ranks reversed): its mean over the votes.

    share (G,) is q, the share of votes for the order of the ranks; NaN = all of them.
    """
    top = ranks.amax(1, keepdim=True)
    reverse = torch.where(ranks > 0, top + 1 - ranks, ranks)
    q = share.float().nan_to_num(nan=1.0)
    there, back = (loss(rewards, mask, ranks=order, **known) for order in (ranks, reverse))
    return q * there + (1 - q) * back


LOSSES: dict[str, Callable[..., Tensor]] = {
    "bradley-terry": bradley_terry,
    "margin": margin,
    "scaled-bradley-terry": scaled_bradley_terry,
    "regression": regression,
    "label-smoothing": label_smoothing,
    "davidson": davidson,
    "plackett-luce": plackett_luce,
    "hinge": hinge,
    "focal": focal,
    "outcome": outcome,
    "process": process,
    "quantile": quantile,
}


def get(name: str) -> Callable[..., Tensor]:
    """The loss of that name; an unknown name is an InputError that lists the known ones."""
    if name not in LOSSES:
        raise InputError(f"There is no loss named {name!r}; known losses are {', '.join(LOSSES)}.")
    return LOSSES[name]


def needs(name: str) -> tuple[str, ...]:
    """The columns a loss asks for, which are its arguments without a default: ("ranks", "margin"), ..."""
    arguments = inspect.signature(get(name)).parameters.values()
    return tuple(a.name for a in arguments if a.kind is a.KEYWORD_ONLY and a.default is a.empty)
