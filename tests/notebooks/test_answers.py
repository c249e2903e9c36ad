"""Answers that were tried on the exercises: each is right, or its mistake is told in words that fit it."""

import hashlib
import json
import math
import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from rmkit.checks import every_check
from scipy import special, stats

from rmkit.lessons.a_reward_model_from_scratch import encode_checks

CHECKS = every_check()


def _stop(losses, patience, *, new=lambda loss, best: loss < best, late=0):
    best = 0
    for epoch in range(len(losses)):
        if new(losses[epoch], losses[best]):
            best = epoch
        elif epoch - best >= patience + late:
            return best
    return best


def _marks(gaps, share, *, opinion=lambda gaps: gaps.mean(axis=0), count=round):
    return np.isin(np.arange(gaps.shape[1]), np.argsort(opinion(gaps))[: count(share * gaps.shape[1])])


def _bins(confidence, agree, bins, *, low):
    place = np.minimum(((confidence - low) / (1 - low) * bins).astype(int), bins - 1)
    inside = [place == k for k in range(bins) if (place == k).any()]
    return sum(k.mean() * abs(agree[k].mean() - confidence[k].mean()) for k in inside)


def _tempered(gaps):
    low, high = 1e-6, 1e6
    while high / low > 1 + 1e-9:
        t = (low * high) ** 0.5
        low, high = (t, high) if (gaps * special.expit(-gaps / t)).sum() < 0 else (low, t)
    return low


def _after(said, read):
    return read(said.rsplit("Verdict: ", 1)[1]) if "Verdict: " in said else None


def _word(words):
    return {"Yes": 1.0, "No": 0.0}.get(words[-1]) if words else None


def _group(rewards, ranks, *, sign=1):
    losses = []
    for r, k in zip(rewards, ranks, strict=True):
        pairs = [(i, j) for i in range(len(k)) for j in range(len(k)) if 0 < k[i] < k[j]]
        losses.append(torch.stack([F.softplus(sign * (r[j] - r[i])) for i, j in pairs]).mean())
    return torch.stack(losses).mean()


def _choices(r, top):
    return torch.stack([torch.logsumexp(r[:, k:], 1) - r[:, k] for k in range(top)]).sum(0)


def _said(values, yes, no, good):
    return torch.where(good, values[:, yes], values[:, no])


def _in_place(p, wins):
    p[:] = CHECKS["mm_step"].reference(p, wins)
    return p


def _in_place_positions(mask):
    mask[:, 0] *= 1
    mask += 0
    mask.cumsum_(dim=1)
    return mask - 1


def _encode(tokenizer, messages, responses, limit, *, end=None, header=True, cut=True):
    """As learners write it: every finished conversation by itself, split where the prompt ends."""
    plain = {"add_special_tokens": False}
    opened = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=header)
    head = tokenizer(opened, **plain).input_ids
    end = [tokenizer.eos_token_id] if end is None else end
    tails = [tokenizer(y, split_special_tokens=True, **plain).input_ids + end for y in responses]
    room = limit - max(map(len, tails)) if cut else len(head)
    return (head[-room:] if room > 0 else head), tails


def _whole(tokenizer, messages, responses, limit):
    opened = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
    head = tokenizer(opened, add_special_tokens=False).input_ids
    answers = [[*messages, {"role": "assistant", "content": y}] for y in responses]
    finished = [tokenizer.apply_chat_template(each, tokenize=False) for each in answers]
    tails = [tokenizer(text, add_special_tokens=False).input_ids[len(head) :] for text in finished]
    return head[max(0, len(head) + max(map(len, tails)) - limit) :], tails


def _loop(model, batches, lr, *, order="zero backward clip step", options=None):
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, **(options or {"weight_decay": 0.0}))
    losses = []
    for ids, mask in batches:
        chosen, rejected = model(ids, mask).chunk(2)
        loss = F.softplus(rejected - chosen).mean()
        acts = {
            "zero": optimizer.zero_grad,
            "backward": loss.backward,
            "clip": lambda: torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0),
            "step": optimizer.step,
        }
        for act in order.split():
            acts[act]()
        losses.append(loss)
    return losses


def _student(each, t):
    half = t * each.std(ddof=1) / len(each) ** 0.5
    return each.mean() - half, each.mean(), each.mean() + half


def _longer(gaps):
    return 1 if (gaps > 0).sum() >= (gaps < 0).sum() else -1


def _holm(p, level):
    passed, rest = [False] * len(p), len(p)
    for i in np.argsort(p):
        if p[i] > level / rest:
            break
        passed[i], rest = True, rest - 1
    return passed


def _three(low, high, least, *, ends=True):
    inside = max(-low, high) <= least if ends else max(-low, high) < least
    return "no difference that matters" if inside else "better" if low > least else (
        "worse" if high < -least else "cannot say"
    )  # fmt: skip


def _lowered(rewards, verbosity, penalties, most, correlation=stats.spearmanr):
    for p in penalties:
        if correlation(rewards - p * verbosity, verbosity)[0] <= most:
            return float(p)
    return 1.0


def _posterior(p, user, shares):
    joint = shares * np.stack([p[user == u].prod(0) for u in range(user.max() + 1)])
    return joint / joint.sum(1, keepdims=True)


def _closer(preferred, other, logits, prototypes):
    place = torch.einsum("vk,kd->vd", logits.softmax(1), prototypes)
    return (other - place).norm(dim=1) - (preferred - place).norm(dim=1)


def _log_mean(d, votes):
    return special.logsumexp(-np.logaddexp(0, -d), b=votes)


def _odin(quality, length, lengths, heads):
    unit = [F.normalize(each, dim=-1) for each in (quality, length, lengths, heads)]
    return (unit[0] @ unit[2]).abs() + 1 - unit[1] @ unit[2] + (unit[3][0] @ unit[3][1]).abs()


WRONG = [  # check, answer, words of the verdict
    ("pair_accuracy", lambda c, r: float((c > r)[c != r].double().mean()), "left out"),
    ("pair_accuracy", lambda c, r: 100 * float((((c - r).sign() + 1) / 2).mean()), "percent"),
    ("pair_accuracy", lambda c, r: ((c - r).sign() + 1) / 2, "one number each"),
    ("pair_accuracy", lambda c, r: float((((c - r).round(decimals=3).sign() + 1) / 2).mean()), "small lead"),
    ("win_probability", lambda s: special.expit(s - s[:, None]), "wrong sign"),
    ("win_probability", lambda s: (p := np.exp(s - s.max()))[:, None] / (p[:, None] + p), "overflows"),
    ("win_probability", lambda s: special.expit((s[:, None] - s).astype(np.float32)), "digits only"),
    ("mm_step", lambda p, w: CHECKS["mm_step"].reference(p, w).astype(np.float32), "digits only"),
    ("mm_step", _in_place, "in place"),
    ("mm_step", lambda p, w: CHECKS["mm_step"].reference(p, w) * 100, "percent"),
    ("difference_error", lambda c, i, j: (c[i, i] + c[j, j] - 2 * c[i, j]) ** 0.5 / 2, "0.5 times"),
    ("elo_update", lambda a, b, o, k: CHECKS["elo_update"].reference(a, b, o, k)[::-1], "another order"),
    ("second_form", lambda w, x: F.softplus(w - x), "swapped"),
    ("second_form", lambda w, x: F.softplus(x - w.detach()), "argument 1 is cut"),
    ("second_form", lambda w, x: F.softplus(x.detach() - w), "argument 2 is cut"),
    ("second_form", lambda w, x: np.log1p(np.exp(x - w)), "numpy knows no gradients"),
    ("loss_gradient", lambda c, r: torch.stack([-(s := torch.sigmoid(r - c)), s]) / (2 * len(c)), "2 N"),
    ("loss_gradient", lambda c, r: torch.stack([(s := torch.sigmoid(r - c)), -s]) / len(c), "both signs"),
    ("loss_gradient", lambda c, r: torch.stack([-(s := torch.sigmoid(r - c)), s], 1) / len(c), "transposed"),
    ("stable_loss", lambda d: F.softplus(-d), "softplus"),
    ("stable_loss", lambda d: -F.logsigmoid(d), "logsigmoid"),
    (
        "stable_loss",
        lambda d: F.binary_cross_entropy_with_logits(d, d * 0 + 1, reduction="none"),
        "asks to do",
    ),
    (
        "stable_loss",
        lambda d: F.cross_entropy(F.pad(d[:, None], (0, 1)), d.long() * 0, reduction="none"),
        "asks",
    ),
    ("stable_loss", lambda d: torch.log1p(torch.exp(-d.clamp(min=-80))), "neither may be capped"),
    ("noise_floor", lambda p: -p * torch.log(p) - (1 - p) * torch.log1p(-p), "NaN at p = 0"),
    ("noise_floor", lambda p: -(q := p.clamp(1e-12, 1 - 1e-12)) * q.log(), "half of it"),
    ("count_rows", lambda rows: {"kept": 0, **CHECKS["count_rows"].reference(rows), "spare": 0}, "expected"),
    ("padding_positions", _in_place_positions, "in place"),
    ("last_token_index", lambda ids, mask, pad: mask.sum(1) - 1, "right padding only"),
    (
        "last_token_index",
        lambda ids, mask, pad: (mask * torch.arange(mask.shape[1])).argmax(1) + 1,
        "too large",
    ),
    ("cut_prompt", lambda p, r, n: p[-(n - max(map(len, r))) :] if n > max(map(len, r)) else p, "no room"),
    ("encode", _encode, "the EOS alone"),
    ("encode", lambda *case: _encode(*case, end=[]), "nothing closes"),
    ("encode", _whole, "split_special_tokens"),
    ("encode", lambda t, m, r, n: encode_checks._rows(*_whole(t, m, r, n), n), "encode(tokenizer"),
    ("read_rewards", lambda w, b, i, m: b(i, m)[0][:, m.sum(1) - 1] @ w, "shape"),
    ("read_rewards", lambda w, b, i, m: (b(i, m)[0] @ w).gather(1, m.sum(1, keepdim=True) - 1), "shape"),
    (
        "read_rewards",
        lambda w, b, i, m: CHECKS["read_rewards"].reference(w.detach(), b, i, m),
        "is cut",
    ),
    ("pair_loss", lambda r: F.softplus(-(r[: len(r) // 2] - r[len(r) // 2 :])), "mean"),
    ("pair_loss", lambda r: -torch.log(torch.sigmoid(r[: len(r) // 2] - r[len(r) // 2 :])).mean(), "finite"),
    ("pair_loss", lambda r: F.softplus(r[1::2] - r[0::2]).mean(), "neighbors"),
    ("training_loop", lambda *case: _loop(*case, order="backward clip step"), "zero_grad is missing"),
    ("training_loop", lambda *case: _loop(*case, order="zero backward step clip"), "not clipped"),
    ("training_loop", lambda *case: _loop(*case, order="backward zero clip step"), "never move"),
    ("training_loop", lambda *case: _loop(*case, options={"weight_decay": 0.01}), "weight_decay=0.0"),
    ("training_loop", lambda *case: _loop(*case)[-1], "shape"),
    ("cut_prompt", lambda p, r, n: p[: max(0, n - max(map(len, r)))], "drop its start"),
    ("stop_at", lambda h, n: _stop(h, n, new=lambda loss, best: loss <= best), "equal to the best"),
    ("stop_at", lambda h, n: _stop(h, n, late=1), "an epoch too long"),
    ("stop_at", lambda h, n: h[_stop(h, n)], "the loss of the epoch"),
    ("ideal_agreement", lambda g, t: special.expit(np.abs(g) / t), "one number each"),
    ("calibration_error", lambda c, a, n: _bins(c, a, n, low=0.5), "equally wide"),
    ("calibration_error", lambda c, a, n: _bins(c, a, n, low=0.0), "equally wide"),
    ("calibration_error", lambda c, a, n: _bins(c, a, n, low=c.min()), "equally wide"),
    ("stop_at", lambda h, n: _stop(h, n) - 1, "before the best"),
    ("stop_at", lambda h, n: _stop(h[1:] or h, n) + (len(h) > 1), "off by one"),
    ("stop_at", lambda h, n: _stop(h[:-1] or h, n), "off by one"),
    ("stop_at", lambda h, n: _stop(h, n, late=-1), "off by one"),
    ("best_temperature", lambda d: float(np.exp(np.log(np.abs(d)).mean())), "expected"),
    ("best_temperature", lambda d: float(np.clip(_tempered(d), 0.1, 10)), "scale"),
    (
        "tuned",
        lambda v, t: np.array([[t[i, :, s].min() for s in range(v.shape[2])] for i in range(len(v))]),
        "*test*",
    ),
    ("tuned", lambda v, t: np.swapaxes(CHECKS["tuned"].reference(v, t), 0, 1), "transposed"),
    ("margin_loss", lambda c, r, m: F.softplus(m - (r - c)[:, 0]), "changed places"),
    ("margin_loss", lambda c, r, m: m * F.softplus((r - c)[:, 0]), "multiplies the loss"),
    ("margin_loss", lambda c, r, m: -torch.log(torch.sigmoid((c - r)[:, 0] - m)), "finite for any gap"),
    ("margin_loss", lambda c, r, m: F.softplus(m[:, None] - c + r), "shape (1, 1)"),
    ("scaled_loss", lambda c, r, s: -s * torch.log(torch.sigmoid(c - r)), "finite for any gap"),
    ("scaled_loss", lambda c, r, s: s * torch.log1p(torch.exp(r - c)), "finite for any gap"),
    ("scaled_loss", lambda c, r, s: s * F.softplus(c - r), "swapped"),
    ("llama2_margins", lambda s, big: {3.0}, "returns a set"),
    ("missed_share", lambda d, g: 1 - (d @ g) ** 2 / (d @ d) / (g @ g), "every pair"),
    ("missed_share", lambda d, g: 1 - np.corrcoef(d, g)[0, 1] ** 2, "means were subtracted"),
    ("missed_share", lambda d, g: float(((g - d) ** 2).sum() / (g @ g)), "unit is free"),
    ("missed_share", lambda d, g: float(((g - d * (d @ g) / (d @ d)) ** 2).sum()), "expected"),
    ("least_supported", lambda g, s: _marks(g, s, opinion=lambda g: np.median(g, 0)), "median"),
    ("least_supported", lambda g, s: _marks(g, s, opinion=lambda g: (g > 0).mean(0)), "counts heads"),
    ("least_supported", lambda g, s: _marks(g, s, count=int), "int cuts"),
    ("least_supported", lambda g, s: _marks(g, s, count=math.ceil), "ceil makes"),
    ("wilson", lambda k, n: (k / n - (e := 1.96 * (k / n * (1 - k / n) / n) ** 0.5), k / n + e), "no width"),
    ("wilson", lambda k, n: CHECKS["wilson"].reference(k, n)[0], "shape"),
    ("discoveries", lambda p, rate: p < rate, "held against the rate"),
    ("discoveries", lambda p, rate: p * len(p) <= rate, "Bonferroni"),
    ("one_of_many", lambda r, k: (r.argmax(1) == k).astype(float), "the first of equal"),
    ("one_of_many", lambda r, k: 1.0 * (r[np.arange(len(k)), k] == r.max(1)), "counts as a win"),
    ("within_share", lambda r: r.mean(1).var() / r.var(), "BETWEEN"),
    ("within_share", lambda r: r.var(1).mean(), "not divided"),
    ("policy_step", lambda t, r, lr: t + lr * len(t) * special.softmax(t) * r, "baseline is missing"),
    ("policy_step", lambda t, r, lr: t + lr * special.softmax(t) * (r - special.softmax(t) @ r), "times N"),
    (
        "ranked_pairs",
        lambda k: {(i, j) for i, a in enumerate(k) for j, b in enumerate(k) if 0 < a < b},
        "a set",
    ),
    ("ranked_pairs", lambda k: ((i, j) for i, a in enumerate(k) for j, b in enumerate(k)), "a generator"),
    ("ranked_pairs", lambda k: CHECKS["ranked_pairs"].reference(k)[::-1], "another order"),
    ("group_loss", lambda r, k: _group(r, k, sign=-1), "turned"),
    ("best_weights", lambda k, t: 100 * CHECKS["best_weights"].reference(k, t), "percent"),
    ("best_weights", lambda k, t: (k - 1) / (k - 1).sum(), "best_weights("),
    ("clean_train", lambda p, h: set(CHECKS["clean_train"].reference(p, h)), "a set"),
    (
        "clean_train",
        lambda p, h: [i for i, x in enumerate(p) if x.split() not in [p[j].lower().split() for j in h]],
        "'Nowhere'",
    ),
    ("gumbel_ranks", lambda r, u: CHECKS["gumbel_ranks"].reference(r, 1 - u), "1 - u"),
    ("gumbel_ranks", lambda r, u: CHECKS["gumbel_ranks"].reference(-r, u), "lost their sign"),
    ("top_loss", lambda r, top: _choices(r, top), "larger than K - 1"),
    ("top_loss", lambda r, top: _choices(r, min(top, r.shape[1])) + 0 * r[:, top], "larger than K - 1"),
    ("top_loss", lambda r, top: _choices(r, min(top, r.shape[1] - 2)), "top_loss("),
    ("sandwich_covariance", lambda s, h: -CHECKS["sandwich_covariance"].reference(s, h), "sign is turned"),
    ("sandwich_covariance", lambda s, h: torch.linalg.inv(s.T @ s), "sandwich_covariance("),
    ("top_loss", lambda r, top: _choices(r, min(top, r.shape[1] - 1)).mean(), "mean to the caller"),
    ("own_verdict", lambda s: _word(re.findall(r"Verdict: (Yes|No)", s)), 'such as "maybe"'),
    ("own_verdict", lambda s: _word(re.findall(r"Verdict: (Yes|No)\b", s)), 'such as "maybe"'),
    ("own_verdict", lambda s: _word(re.findall(r"Verdict: (\w+)", s)), "a choice"),
    ("own_verdict", lambda s: _word(re.findall(r"Verdict: (\w+)$", s)), "followed by"),
    ("own_verdict", lambda s: {"Verdict: Yes": 1.0, " Verdict: No": 0.0}.get(s[-12:]), "followed by"),
    (
        "own_verdict",
        lambda s: _after(s, lambda t: 1.0 if "Yes" in t else 0.0 if "No" in t else None),
        "right after",
    ),
    ("own_verdict", lambda s: _after(s, lambda t: _word([t.strip(". ")])), "own_verdict('"),
    ("p_yes", lambda z, y, n: (q := z.softmax(-1))[:, y] / (q[:, y] + q[:, n]), "vanishes"),
    ("p_yes", lambda z, y, n: torch.sigmoid(z[:, [y]] - z[:, [n]]), "shape (1, 1)"),
    ("both_orders", lambda there, back: (back - there) / 2, "sign is turned"),
    ("both_orders", lambda there, back: (there - back).abs() / 2, "sign is lost"),
    ("votes_to_odds", lambda good, n: float(np.log((good + 0.5) / (n - good + 0.5))), "half a vote"),
    ("votes_to_odds", lambda good, n: -float(np.log((good + 1) / (n - good + 1))), "sign is turned"),
    ("kappa", lambda a, b: (a == b).mean(), "agreement itself"),
    (
        "kappa",
        lambda a, b: (a == b).mean() - a.mean() * b.mean() - (1 - a.mean()) * (1 - b.mean()),
        "rescaling",
    ),
    ("verdict_loss", lambda z, y, n, g: -_said(z.softmax(-1), y, n, g).log().mean(), "vanishes"),
    ("verdict_loss", lambda z, y, n, g: -_said(z.log_softmax(-1), y, n, g), "one number each"),
    ("verdict_loss", lambda z, y, n, g: -_said(z.detach().log_softmax(-1), y, n, g).mean(), "is cut"),
    ("paired_interval", lambda a, b, t: ((d := b - a).mean() - t * d.std() / len(d) ** 0.5,), "shape"),
    ("paired_interval", lambda a, b, t: tuple(np.quantile(b - a, [0.025, 0.5, 0.975])), "expected"),
    ("paired_interval", lambda a, b, t: _student(b - a, 1.96), "endless seeds"),
    ("entry_name", lambda setting, seed: hashlib.sha256(repr([setting, seed]).encode()).hexdigest(), "str()"),
    (
        "entry_name",
        lambda setting, seed: hashlib.sha256(json.dumps(setting).encode()).hexdigest(),
        "expected",
    ),
    ("length_rule", lambda train, test: max((test > 0).mean(), (test < 0).mean()), "expected"),
    (
        "length_rule",
        lambda train, test: np.mean(test > 0) + np.mean(test == 0) / 2,
        "always takes the longer",
    ),
    ("seen_before", lambda train, test: np.mean([t in train for t in test]), "white space"),
    ("seen_before", lambda train, test: len(set(test) & set(train)) / len(test), "white space"),
    ("behind_sigmoid", lambda p: -np.log(p), "expected"),
    ("behind_sigmoid", special.expit, "once more"),
    ("holm", lambda p, level: [i for i, x in enumerate(p) if x <= level / len(p)], "expected"),
    ("holm", lambda p, level: p * len(p) <= level, "Bonferroni"),
    ("holm", lambda p, level: stats.false_discovery_control(p) <= level, "Benjamini"),
    ("interaction", lambda y: (y[1, 1] - y[0, 1]) + (y[1, 0] - y[0, 0]), "expected"),
    ("interaction", lambda y: y[1, 1] * y[0, 0] / (y[1, 0] * y[0, 1]), "interaction("),
    ("verdict", lambda low, high, least: "same" if low < 0 < high else "better", "verdict("),
    ("verdict", lambda low, high, least: _three(low, high, least, ends=False), "from -least to least"),
    ("verbosity_penalty", lambda r, v, ps, m: _lowered(r, v, ps, m, stats.pearsonr), "of the ranks"),
    ("verbosity_penalty", lambda r, v, ps, m: _lowered(r, v, ps[1:], m), "verbosity_penalty("),
    ("verbosity_penalty", lambda r, v, ps, m: ps[-1], "largest"),
    ("pooled_gap", lambda d, n: float(special.logit(n @ special.expit(d) / n.sum())), "sigma rounds to 1"),
    ("pooled_gap", lambda d, n: float(np.sign(d) @ n), "pooled_gap("),
    ("responsibilities", lambda p, u, s: _posterior(np.exp(p), u, s), "stay with logarithms"),
    ("responsibilities", lambda p, u, s: CHECKS["responsibilities"].reference(p, u, s).T, "transposed"),
    ("ideal_gap", lambda p, o, z, q: _closer(p, o, z, q.detach()), "argument 4 is cut"),
    ("ideal_gap", lambda p, o, z, q: _closer(p, o, z, q)[:, None], "shape"),
    ("ideal_gap", lambda p, o, z, q: _closer(p, o, z, q) / 2, "times"),
    (
        "few_shot_weights",
        lambda d, t: (w := np.exp(-np.log1p(np.exp(-d)).sum(0) / t)) / w.sum(),
        "is infinite",
    ),
    ("few_shot_weights", lambda d, t: special.softmax(-np.logaddexp(0, d).sum(0) / t), "sign"),
    (
        "process_loss",
        lambda z, c: F.binary_cross_entropy_with_logits(z, c.nan_to_num().to(z.dtype)),
        "counted as wrong",
    ),
    ("process_loss", lambda z, c: (F.softplus(z) - c.nan_to_num() * z)[~c.isnan()].sum(), "returns the sum"),
    (
        "process_loss",
        lambda z, c: -torch.log(torch.where(c == 1, z.sigmoid(), 1 - z.sigmoid()))[~c.isnan()].mean(),
        "finite for any reward",
    ),
    ("implicit_steps", lambda x, ends, beta: np.diff(beta * np.cumsum(x)[ends]), "first step is missing"),
    ("implicit_steps", lambda x, ends, beta: beta * np.cumsum(x)[ends], "sums q_t"),
    ("first_error_f1", lambda s, f: float(np.mean(np.array(s) == np.array(f))), "accuracy over all"),
    ("delta_credit", lambda r: np.diff(r, append=0.0), "sign is turned"),
    ("delta_credit", lambda r: np.diff(r, prepend=0.0), "BEFORE"),
    ("unbiased_reward", lambda s, a, b: np.clip((s - a) / (1 - a - b), 0, 1), "clipped"),
    ("unbiased_reward", lambda s, a, b: (s - b) / (1 - a - b), "exchanged"),
    ("length_correlation", lambda r, s: np.corrcoef(r.ravel(), s.ravel())[0, 1], "thrown together"),
    ("length_correlation", lambda r, s: abs(CHECKS["length_correlation"].reference(r, s)), "sign is lost"),
    ("subtract_length", lambda r, s: r - np.polyfit(s.ravel(), r.ravel(), 1)[0] * s, "all answers together"),
    ("subtract_length", lambda r, s: r - s, "subtract_length("),
    ("odin_terms", lambda q, r, s, w: _odin(q - q.mean(), r - r.mean(), s - s.mean(), w), "means were taken"),
    ("odin_terms", lambda q, r, s, w: _odin(q.detach(), r, s, w), "argument 1 is cut"),
    ("odin_terms", lambda q, r, s, w: _odin(q, r, s, w.T), "odin_terms("),
    ("tie_loss", lambda d, nu: -torch.log(nu / ((d / 2).exp() + (-d / 2).exp() + nu)), "infinite in float32"),
    ("tie_loss", lambda d, nu: torch.log((d.exp() + (-d).exp() + nu) / nu), "halves are missing"),
]


@pytest.mark.parametrize(("name", "answer", "says"), WRONG, ids=[f"{w[0]}-{i}" for i, w in enumerate(WRONG)])
def test_a_wrong_answer_is_refused_in_words_that_fit(name, answer, says):
    verdict = CHECKS[name].judge(answer)
    assert not verdict.passed
    assert verdict.solved
    assert says in verdict.message, verdict.message


RIGHT = [  # check, another way to be right
    ("pair_accuracy", lambda c, r: torch.heaviside(c - r, torch.tensor(0.5)).mean()),
    ("win_probability", lambda s: [[special.expit(a - b) for b in s] for a in s]),
    ("win_probability", lambda s: torch.sigmoid(torch.as_tensor(s)[:, None] - torch.as_tensor(s))),
    ("mm_step", lambda p, w: list(CHECKS["mm_step"].reference(p, w))),
    ("elo_update", lambda *case: np.array(CHECKS["elo_update"].reference(*case))),
    ("second_form", lambda w, x: F.cross_entropy(torch.stack([w, x], 1), (w * 0).long(), reduction="none")),
    ("loss_gradient", lambda c, r: ((s := -torch.sigmoid(r - c) / len(c)), -s)),
    ("loss_gradient", lambda c, r: np.stack([s := -special.expit((r - c).numpy()) / len(c), -s])),
    ("stable_loss", lambda d: torch.logaddexp(-d, torch.zeros_like(d))),
    ("stable_loss", lambda d: [torch.relu(-x) + torch.log1p(torch.exp(-x.abs())) for x in d]),
    ("noise_floor", lambda p: torch.distributions.Bernoulli(p).entropy()),
    ("last_token_index", lambda ids, mask, pad: [row.nonzero().max().item() for row in mask]),
    ("padding_positions", lambda mask: (mask.double().cumsum(1) - 1) * mask),
    ("encode", lambda *case: list(CHECKS["encode"].reference(*case))),
    ("read_rewards", lambda w, b, i, m: (b(i, m)[0] @ w)[torch.arange(len(i)), m.cumsum(1).argmax(1)]),
    ("pair_loss", lambda r: F.softplus(r[len(r) // 2 :] - r[: len(r) // 2]).mean()),
    ("training_loop", _loop),
    ("training_loop", lambda *case: np.array([loss.item() for loss in _loop(*case)])),
    ("stop_at", lambda h, n: float(_stop(h, n))),
    ("ideal_agreement", lambda g, t: torch.sigmoid(torch.as_tensor(g).abs() / t).mean()),
    ("best_temperature", lambda d: torch.tensor(_tempered(d))),
    (
        "tuned",
        lambda v, t: [[t[i, v[i, :, s].argmin(), s] for s in range(v.shape[2])] for i in range(len(v))],
    ),
    ("margin_loss", lambda c, r, m: torch.diagonal(F.softplus(m - (c - r)))),
    ("llama2_margins", lambda s, big: np.array(CHECKS["llama2_margins"].reference(s, big))),
    ("missed_share", lambda d, g: np.sum((g - max(0, d @ g / (d @ d)) * d) ** 2) / np.sum(g**2)),
    (
        "missed_share",
        lambda d, g: 1 - torch.relu(F.cosine_similarity(*map(torch.tensor, (d, g)), dim=0)) ** 2,
    ),
    ("least_supported", lambda g, s: _marks(g, s).astype(int)),
    ("ranked_pairs", lambda k: [[i, j] for i, a in enumerate(k) for j, b in enumerate(k) if 0 < a < b]),
    ("group_loss", _group),
    ("packed_positions", lambda p, n: np.concatenate([np.arange(p), *(p + np.arange(k) for k in n)])),
    ("gumbel_ranks", lambda r, u: 1 + np.argsort(np.argsort(-np.log(u) * np.exp(-r)))),
    (
        "best_weights",
        lambda k, t: (
            1 / ((1 / (2 * (k + 1) / (3 * k * (k - 1)) + t)).sum() * (2 * (k + 1) / (3 * k * (k - 1)) + t))
        ),
    ),
    ("top_loss", lambda r, top: _choices(r, min(top, r.shape[1]))),
    ("sandwich_covariance", lambda s, h: torch.linalg.solve(h, torch.linalg.solve(h, s.T @ s).T)),
    ("ranking_loss", lambda r: -sum(torch.log_softmax(r[:, k:], 1)[:, 0] for k in range(r.shape[1] - 1))),
    ("own_verdict", lambda s: _after(s, lambda t: _word([t.split()[0].strip(".,")]))),
    ("votes_to_odds", lambda good, n: torch.logit(torch.tensor((good + 1) / (n + 2)))),
    ("kappa", lambda a, b: 1 - np.mean(a != b) / ((p := a.mean()) * (1 - (q := b.mean())) + q * (1 - p))),
    ("verdict_loss", lambda z, y, n, g: -_said(z.log_softmax(-1), y, n, g).mean()),
    ("paired_interval", lambda a, b, t: list(_student(torch.tensor(b - a).numpy(), t))),
    (
        "length_rule",
        lambda train, test: float(
            np.where(_longer(train) * test == 0, 0.5, _longer(train) * test > 0).mean()
        ),
    ),
    (
        "seen_before",
        lambda train, test: float(np.mean([t.split() in [u.split() for u in train] for t in test])),
    ),
    ("behind_sigmoid", special.logit),
    ("behind_sigmoid", lambda p: torch.logit(torch.tensor(p))),
    ("paired_interval", lambda a, b, t: np.array(_student(b - a, t))),
    (
        "entry_name",
        lambda setting, seed: hashlib.new(
            "sha256", json.dumps([dict(sorted(setting.items())), seed]).encode()
        ).hexdigest(),
    ),
    ("holm", _holm),
    ("holm", lambda p, level: torch.tensor(_holm(p, level))),
    ("interaction", lambda y: np.diff(np.diff(y, axis=1)[:, 0], axis=0)[0]),
    ("interaction", lambda y: list(y[0, 0] + y[1, 1] - y[0, 1] - y[1, 0])),
    ("verdict", _three),
    ("verbosity_penalty", lambda r, v, ps, m: _lowered(stats.rankdata(r * 0) + r, v, ps, m)),
    ("pooled_gap", lambda d, n: float(np.subtract(*(_log_mean(s * d, n) for s in (1, -1))))),
    (
        "responsibilities",
        lambda p, u, s: [special.softmax(np.log(s) + p[u == i].sum(0)) for i in range(max(u) + 1)],
    ),
    ("ideal_gap", lambda p, o, z, q: torch.dist(o, z.softmax(-1) @ q) * 0 + _closer(p, o, z, q)),
    ("few_shot_weights", lambda d, t: torch.softmax(F.logsigmoid(torch.tensor(d)).sum(0) / t, 0)),
    ("process_loss", lambda z, c: -F.logsigmoid(torch.where(c == 1, z, -z))[~c.isnan()].mean()),
    (
        "implicit_steps",
        lambda x, ends, beta: [
            beta * sum(x[i:j])
            for i, j in zip([0, *(e + 1 for e in ends)], [*(e + 1 for e in ends)], strict=False)
        ],
    ),
    ("first_error_f1", lambda s, f: torch.tensor(CHECKS["first_error_f1"].reference(s, f))),
    ("delta_credit", lambda r: [a - b for a, b in zip(r, [*r[1:], 0.0], strict=True)]),
    ("unbiased_reward", lambda s, a, b: (torch.as_tensor(s) - a) / (1 - a - b)),
    ("subtract_length", lambda r, s: torch.as_tensor(CHECKS["subtract_length"].reference(r, s))),
    ("odin_terms", lambda q, r, s, w: _odin(q, r, s, w)),
    (
        "tie_loss",
        lambda d, nu: torch.logaddexp(torch.logaddexp(d / 2, -d / 2) - math.log(nu), torch.zeros_like(d)),
    ),
]


@pytest.mark.parametrize(("name", "answer"), RIGHT, ids=[f"{r[0]}-{i}" for i, r in enumerate(RIGHT)])
def test_another_way_to_be_right_passes(name, answer):
    verdict = CHECKS[name].judge(answer)
    assert verdict.passed, verdict.message
