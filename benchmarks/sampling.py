"""n answers of a policy to a prompt: rmkit's sampler, the same on the cache of transformers, and generate.

    python benchmarks/sampling.py [--n 256] [--model pocket] [--repeats 3]

The cache of transformers is concatenated at every token and copied when a response ends; the samples must be
the same, token for token. `generate` draws other samples (its random numbers are its own) of about the same
length. The methods take turns; the fastest repeat counts, in processor seconds of one thread on a CPU.
"""

import argparse
from functools import partial

import torch
from tables import clock, fastest, machine, row, show
from transformers import DynamicCache

from rmkit import pocket
from rmkit.models import policies

MOST = 96  # new tokens


def ours(policy, prompt: str, n: int) -> list[str]:
    return policy.sample([prompt], n, max_new_tokens=MOST)[0]


def copying(policy, prompt: str, n: int) -> list[str]:
    """rmkit's sampler on the cache of transformers."""
    kept = policies.sampling_cache
    policies.sampling_cache = lambda config: DynamicCache(config=config)
    try:
        return ours(policy, prompt, n)
    finally:
        policies.sampling_cache = kept


def generate(policy, prompt: str, n: int) -> list[str]:
    """transformers' own."""
    ids = torch.tensor([policies.prompt_tokens(policy.tokenizer, prompt)], device=policy.model.device)
    torch.manual_seed(0)
    settings = {"do_sample": True, "top_k": 0, "max_new_tokens": MOST, "num_return_sequences": n}
    ends = sorted(policies._ends(policy.model, policy.tokenizer))
    found = policy.model.generate(
        ids,
        attention_mask=torch.ones_like(ids),
        eos_token_id=ends,
        pad_token_id=policy.tokenizer.pad_token_id,
        **settings,
    )
    return policy.tokenizer.batch_decode(found[:, ids.shape[1] :], skip_special_tokens=True)


def measure(name: str, n: int, repeats: int) -> list[dict]:
    """The rows of the table."""
    policy, prompt = pocket.policy(name), pocket.pool().prompts[0]
    methods = {"room ahead": ours, "copying": copying, "generate": generate}
    for method in methods.values():
        method(policy, prompt, min(8, n))  # warms up
    ways = {key: partial(method, policy, prompt, n) for key, method in methods.items()}
    timed = fastest(ways, repeats, lambda: clock(policy.model.device))
    best = {key: seconds for key, (seconds, _) in timed.items()}
    texts = {key: found for key, (_, found) in timed.items()}
    words = {key: sum(len(t.split()) for t in each) / n for key, each in texts.items()}
    for key in methods:
        print(f"{key:12} {best[key]:.2f} s, {words[key]:.1f} words an answer")
    same = sum(a == b for a, b in zip(texts["room ahead"], texts["copying"], strict=True)) / n
    why = "the rest are matrix products and the draw itself"
    what = f"n = {n} from {name}"
    return [
        row(
            f"{what}, against the copying cache",
            best["copying"] / best["room ahead"],
            "at least",
            2.0,
            why=why,
        ),
        row(
            f"{what}, against transformers' generate", best["generate"] / best["room ahead"], "at least", 1.5
        ),
        row("samples that are the same with either cache", same, "at least", 1.0, ""),
    ]


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--n", type=int, default=256)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    show("Sampling", measure(options.model, options.n, options.repeats))


if __name__ == "__main__":
    main()
