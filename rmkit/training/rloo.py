"""Reinforcement learning from a reward, on one screen: REINFORCE, leave one out.

K responses y_1 ... y_K are sampled for each prompt x. Each has the return

    R_i = r(x, y_i) - beta (log pi(y_i | x) - log pi_ref(y_i | x)),

and is compared with what the others got: A_i = R_i - mean of R_j over j != i. A step follows the gradient of

    mean over prompts and i of  A_i log pi(y_i | x),       A_i held constant.

The mean of the others does not depend on y_i, so it takes away noise and adds no bias (Kool et al. 2019;
Ahmadian et al. 2024, "Back to Basics", for language models). beta is in units of reward for each nat.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rmkit.data.records import Prompt
from rmkit.errors import InputError
from rmkit.models import policies

Reward = Callable[[Sequence[Prompt], list[list[str]]], object]  # prompts, [prompt][sample] texts -> (P, K)


def rloo(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[Prompt],
    reward: Reward,
    *,
    steps: int = 50,
    at_once: int = 8,
    samples: int = 4,
    beta: float = 0.05,
    lr: float = 1e-4,
    max_new_tokens: int = 64,
    seed: int = 0,
    callback: Callable[[dict], None] | None = None,
) -> pd.DataFrame:
    """Train `model`, in place, towards `reward`; its state before is the reference. One row for each step.

    reward(prompts, responses): the texts [prompt][sample] of one step -> a (P, K) array of finite numbers;
    bound it with `rmkit.theory.bounded` if you wish. at_once: prompts a step, drawn anew; samples: K of each,
    2 or more. callback(row) is called after each step. Columns: step, reward (mean r), kl (mean log pi - log
    pi_ref over the samples: an estimate of KL(pi || pi_ref) in nats), spread (mean deviation of r within a
    prompt: what there is to learn from). A response that was
    cut at max_new_tokens counts as if it had ended there. Raises InputError.
    """
    if samples < 2 or steps < 1 or not prompts:
        raise InputError(
            f"RLOO needs prompts, steps >= 1 and samples >= 2; here {len(prompts)}, {steps}, {samples}."
        )
    reference = copy.deepcopy(model).eval().requires_grad_(False)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.0)
    model.eval()  # no dropout: samples and likelihoods are of one and the same policy
    rng, rows = np.random.default_rng(seed), []
    for step in range(steps):
        x = [prompts[i] for i in rng.choice(len(prompts), min(at_once, len(prompts)), replace=False)]
        y = policies.sample(
            model, tokenizer, x, samples, seed=int(rng.integers(2**62)), max_new_tokens=max_new_tokens
        )
        log_pi = torch.stack(policies.log_likelihood(model, tokenizer, x, y))  # (P, K), with gradients
        with torch.no_grad():
            log_ref = torch.stack(policies.log_likelihood(reference, tokenizer, x, y))
            r = torch.as_tensor(np.asarray(reward(x, y), dtype=np.float32), device=log_pi.device)
            if r.shape != log_pi.shape or not r.isfinite().all():
                raise InputError(
                    f"reward gave {tuple(r.shape)}; finite numbers (P, K) = {tuple(log_pi.shape)} are needed."
                )
            returns = r - beta * (log_pi - log_ref)
            others = (returns.sum(1, keepdim=True) - returns) / (samples - 1)
        loss = -((returns - others) * log_pi).mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        kl = float((log_pi.detach() - log_ref).mean())
        rows.append({"step": step, "reward": float(r.mean()), "kl": kl, "spread": float(r.std(1).mean())})
        if callback:
            callback(rows[-1])
    return pd.DataFrame(rows)
