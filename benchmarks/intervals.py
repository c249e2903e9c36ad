"""Do the intervals over prompts cover? Simulated accuracies whose truth is known.

    python benchmarks/intervals.py [--draws 2000]

Every draw makes prompts with K responses each, so K (K - 1) / 2 pairs that share a prompt, and asks whether
`statistics.accuracy_interval` holds the true accuracy. In "shared r" each prompt has an accuracy of its own,
beta-distributed, such that two of its pairs correlate by r; in "rewards" the responses have a true quality
and a reward that sees it through noise, more on some prompts than on others. Prints the coverage and the mean
width in percent, as a table in Markdown.
"""

import argparse

import numpy as np

from rmkit import statistics

DESIGNS = {"K = 2": (2,), "K = 4": (4,), "K = 2 to 9": tuple(range(2, 10)), "K = 2, 3 or 9": (2, 3, 9)}
PROMPTS, ACCURACIES, SHARED = (6, 20, 100), (0.6, 0.75, 0.9), (0.0, 0.05, 0.2)
NOISE = {"rewards, strong": 0.5, "rewards, weak": 1.5}


def shared(rng: np.random.Generator, prompts: int, ks: tuple, accuracy: float, r: float) -> tuple:
    """(credits, prompts) of pairs whose prompt has its own accuracy."""
    k = rng.choice(ks, prompts)
    clusters = np.repeat(np.arange(prompts), k * (k - 1) // 2)
    own = rng.beta(accuracy * (1 / r - 1), (1 - accuracy) * (1 / r - 1), prompts) if r else accuracy
    return (rng.random(len(clusters)) < np.broadcast_to(own, prompts)[clusters]).astype(float), clusters


def rewards(rng: np.random.Generator, prompts: int, ks: tuple, noise: float) -> tuple:
    """(credits, prompts) of pairs of responses with a true quality and a noisy reward."""
    credit, clusters = [], []
    for prompt, k in enumerate(rng.choice(ks, prompts)):
        quality = np.sort(rng.normal(size=k))
        reward = quality + noise * np.exp(rng.normal()) * rng.normal(size=k)
        better, worse = np.tril_indices(k, -1)
        credit.append(reward[better] > reward[worse])
        clusters.append(np.full(len(better), prompt))
    return np.concatenate(credit).astype(float), np.concatenate(clusters)


def coverage(draw, truth: float, draws: int) -> str:
    """Coverage and mean width of `draws` intervals, in percent."""
    ends = np.array([statistics.accuracy_interval(*draw()) for _ in range(draws)])
    held = ((ends[:, 0] <= truth) & (truth <= ends[:, 1])).mean()
    return f"{100 * held:.1f} ({100 * (ends[:, 1] - ends[:, 0]).mean():.0f})"


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--draws", type=int, default=2000)
    draws = parser.parse_args().draws
    rng = np.random.default_rng(0)
    print("| responses | pairs of a prompt | accuracy |", " | ".join(f"{g} prompts" for g in PROMPTS), "|")
    print("|---|---|---|" + "---|" * len(PROMPTS))
    for name, ks in DESIGNS.items():
        for accuracy in ACCURACIES:
            for r in SHARED if len(ks) > 1 or ks[0] > 2 else (0.0,):
                found = [
                    coverage(lambda g=g, a=accuracy, r=r, ks=ks: shared(rng, g, ks, a, r), accuracy, draws)
                    for g in PROMPTS
                ]
                print(f"| {name} | shared {r} | {accuracy} |", " | ".join(found), "|", flush=True)
        for kind, noise in NOISE.items():
            truth = rewards(rng, 20_000, ks, noise)[0].mean()
            found = [
                coverage(lambda g=g, n=noise, ks=ks: rewards(rng, g, ks, n), truth, draws) for g in PROMPTS
            ]
            print(f"| {name} | {kind} | {truth:.2f} |", " | ".join(found), "|", flush=True)


if __name__ == "__main__":
    main()
