"""Lesson 02's exhibit: a loss that is right on paper and infinite in float32."""

import torch
import torch.nn.functional as F

from rmkit.notebook.exhibit import Exhibit


def _train(planted: bool) -> dict[str, float]:
    """A linear reward on 512 pairs, of which one is very long and labeled the wrong way around.

    planted: the loss is log(1 + exp(-d)) as written, else softplus(-d). Nothing else differs.
    Returns the accuracy on the other 511 pairs, the loss of the last batch, and the first step whose loss was
    not finite (0 = never).
    """
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(512, 8, generator=generator)
    truth = torch.linspace(-1, 1, 8)
    features = (
        features * torch.sign(features @ truth)[:, None]
    )  # chosen minus rejected: every pair is right ...
    features[100] = -60 * truth  # ... but this one
    weights = torch.zeros(8, requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=0.05)
    broken = 0
    for step in range(1, 97):
        batch = torch.arange(32) + 32 * (step % 16)
        d = features[batch] @ weights
        each = torch.log(1 + torch.exp(-d)) if planted else F.softplus(-d)
        loss = each.mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        broken = broken or (0 if loss.isfinite() else step)
    gaps = torch.cat([features[:100], features[101:]]) @ weights
    return {"accuracy": (gaps > 0).float().mean().item(), "loss": loss.item(), "first_bad_step": broken}


EXHIBITS = (
    Exhibit(
        name="log_of_one_plus_exp",
        lesson="02_from_likelihood_to_loss",
        symptom="Training looks healthy, then one batch's loss is inf; from the next step on the loss is nan "
        "and accuracy is exactly 0.",
        cause="log(1 + exp(r_rejected - r_chosen)) as written: exp overflows in float32 once a pair is lost "
        "by more than 88.7, and inf / inf makes the gradient, then every weight, nan.",
        cure="The same function without the overflow: softplus(-d), or -logsigmoid(d), in float32.",
        source="OpenRLHF pull request #1278 (LogExpLoss; 2026, closed); DeepSpeedExamples issue #423, fixed "
        "in #501 (2023), is its twin with log(sigmoid(d))",
        run=_train,
        symptom_in=lambda seen: seen["accuracy"] == 0 and seen["loss"] != seen["loss"],
    ),
)
