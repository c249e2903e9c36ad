"""Lesson 04's exhibit: an evaluation on rows that were trained on, which asks for ever more epochs."""

import torch
import torch.nn.functional as F

from rmkit.notebook.exhibit import Exhibit

EPOCHS = 30


def _early_stopping(planted: bool) -> dict[str, float]:
    """A linear reward on 200 noisy pairs with 60 features, and early stopping by the evaluation loss.

    planted: no evaluation set was named, so the first rows of the training data serve as one; else 40 other
    pairs do. Returns the epoch with the lowest evaluation loss, the accuracy that is reported there, the
    accuracy on 20,000 fresh pairs, and that of an ideal judge.
    """
    generator = torch.Generator().manual_seed(0)
    truth = torch.randn(60, generator=generator) / 60**0.5 * 1.5

    def pairs(n: int) -> torch.Tensor:  # chosen minus rejected features of n votes
        x = torch.randn(n, 60, generator=generator)
        first = torch.rand(n, generator=generator) < torch.sigmoid(x @ truth)
        return torch.where(first[:, None], x, -x)

    train, others, fresh = pairs(200), pairs(40), pairs(20_000)
    evaluation = train[:40] if planted else others
    weights = torch.zeros(60, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=0.01)
    rows = []
    for _ in range(EPOCHS):
        for batch in train.split(20):
            optimizer.zero_grad()
            F.softplus(-(batch @ weights)).mean().backward()
            optimizer.step()
        with torch.no_grad():
            gaps, new = evaluation @ weights, fresh @ weights
            accuracies = [(each > 0).float().mean().item() for each in (gaps, new)]
            rows.append((F.softplus(-gaps).mean().item(), *accuracies, F.softplus(-new).mean().item()))
    best = min(range(EPOCHS), key=lambda epoch: rows[epoch][0])
    return {
        "epoch chosen": best + 1,
        "accuracy reported": rows[best][1],
        "accuracy on fresh pairs": rows[best][2],
        "loss on fresh pairs": rows[best][3],
        "accuracy of an ideal judge": (fresh @ truth > 0).float().mean().item(),
    }


EXHIBITS = (
    Exhibit(
        name="evaluated_on_training_rows",
        lesson="04_training_well",
        symptom="The evaluation loss falls to the last epochs and its accuracy passes what an ideal judge "
        "could reach, so early stopping never stops.",
        cause="No evaluation set was named, and the program took the first rows of the training data.",
        cure="Hold out prompts before training (Preferences.split), and distrust an accuracy above the "
        "ceiling.",
        source="OpenRLHF issue #1089 (2025: the first 1 % of the training data) and pull request #594; "
        "RLHFlow, llama3_8B_rm.py (the first 500 training rows)",
        run=_early_stopping,
        symptom_in=lambda seen: (
            seen["epoch chosen"] > EPOCHS - 3
            and seen["accuracy reported"] > seen["accuracy of an ideal judge"]
        ),
    ),
)
