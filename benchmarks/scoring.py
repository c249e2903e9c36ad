"""Many answers to one prompt: a reward model's scores against the transformers pipeline, the same numbers.

    python benchmarks/scoring.py [--answers 64] [--model pocket] [--prompt 150] [--response 60]

The pipeline reads every answer with its prompt, in batches of 8 and of all, and the faster one counts.
Lengths are in tokens and vary by 40 percent. The seconds are the processor's, one thread, the fastest of the
repeats.
"""

import argparse
import tempfile
import warnings

import torch
from tables import clock, fastest, machine, row, show
from training import rankings
from transformers import pipeline

from rmkit import RewardModel


def measure(name: str, answers: int, prompt: int, response: int, repeats: int) -> list[dict]:
    """The row of the table; the scores must agree."""
    model = RewardModel.load(name)
    record = rankings(model, 1, answers, 0, 0.4, prompt, response)[0]
    group = model._group(record.prompt, record.responses)
    texts = [model.tokenizer.decode(group.prompt + tail) for tail in group.responses]
    with tempfile.TemporaryDirectory() as folder:
        model.save(folder)
        peer = pipeline("text-classification", folder, device=model.device, function_to_apply="none")

    def theirs(batch: int) -> list[float]:
        return [found["score"] for found in peer(texts, batch_size=batch, add_special_tokens=False)]

    methods = {
        "rmkit": lambda: model.score(record.prompt, record.responses).tolist(),
        "pipeline, batches of 8": lambda: theirs(8),
        f"pipeline, all {answers} at once": lambda: theirs(answers),
    }
    timed = fastest(methods, repeats + 1, lambda: clock(model.device))  # the first warms up
    best = {key: seconds for key, (seconds, _) in timed.items()}
    scores = {key: found for key, (_, found) in timed.items()}
    for key, each in best.items():
        print(f"{key:28} {each:.2f} s")
    ours = best.pop("rmkit")
    apart = max(abs(a - b) for a, b in zip(scores["rmkit"], scores["pipeline, batches of 8"], strict=True))
    tokens = sum(map(len, group.responses))
    ratio = (answers * len(group.prompt) + tokens) / (len(group.prompt) + tokens)
    what = f"{answers} answers, prompt {len(group.prompt)}, {name}; token ratio {ratio:.2f}"
    why = "attention to the prompt, norms and rotations do not shrink with the tokens"
    return [
        row(what, min(best.values()) / ours, "at least", 3.0, why=why),
        row("largest difference of a score", apart, "at most", 1e-4, ""),
    ]


def main() -> None:
    """Read the command line and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--answers", type=int, default=64)
    parser.add_argument("--model", default="pocket")
    parser.add_argument("--prompt", type=int, default=150)
    parser.add_argument("--response", type=int, default=60)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    print(machine())
    lengths = (options.prompt, options.response)
    show("Scoring", measure(options.model, options.answers, *lengths, options.repeats))


if __name__ == "__main__":
    main()
