"""What a step of training reports: sums that become means, numbers that must be finite, a bar or lines."""

import math
import sys
import time

import torch
from accelerate import Accelerator
from torch import Tensor
from tqdm.auto import tqdm

from rmkit.errors import InputError
from rmkit.theory import losses

LINE_SECONDS = 10.0


class Sums:
    """Sums over the batches of a step, and then over processes: metrics are sums before they are means."""

    def __init__(self, device: torch.device):
        self.wide = torch.float32 if device.type == "mps" else torch.float64  # mps has no float64
        self.values = torch.zeros(8, device=device, dtype=self.wide)
        self.range = torch.tensor([math.inf, -math.inf], device=device, dtype=self.wide)

    @torch.no_grad()
    def add(self, weighted: Tensor, rewards: Tensor, batch, ranks: Tensor, factor: float) -> None:
        """Count a batch: weighted losses (G,), rewards and ranks (G, K); factor 0: counted elsewhere."""
        pairs = losses.pairs(ranks, batch.mask)
        gaps = (rewards[:, :, None] - rewards[:, None, :]).float()
        right = ((gaps.sign() + 1) / 2 * pairs).sum()  # equal rewards count half
        single = rewards[batch.mask].to(self.wide)
        spread = (single.sum(), single.square().sum(), torch.tensor(len(single)))
        counted = (
            weighted.sum(),
            right,
            (gaps * pairs).sum(),
            pairs.sum(),
            torch.tensor(batch.tokens),
            *spread,
        )
        self.values += factor * torch.stack([value.to(self.values) for value in counted])
        if factor:
            self.range[0] = torch.minimum(self.range[0], single.min())
            self.range[1] = torch.maximum(self.range[1], single.max())

    def row(self, accelerator: Accelerator, total: float) -> dict[str, float]:
        """The means of the whole step, whose groups weigh `total` together."""
        every = accelerator.gather(torch.cat([self.values, self.range])[None])  # (processes, 10)
        loss, right, gap, pairs, tokens, reward, square, responses = every[:, :8].sum(0).tolist()
        mean = reward / responses
        return {
            "loss": loss / total,
            "accuracy": right / pairs if pairs else math.nan,
            "margin": gap / pairs if pairs else math.nan,
            "reward_mean": mean,
            "reward_std": max(0.0, square / responses - mean**2) ** 0.5,
            "reward_min": float(every[:, 8].min()),
            "reward_max": float(every[:, 9].max()),
            "pairs": int(pairs),
            "tokens": int(tokens),
        }


def check_finite(row: dict[str, float], steps: int) -> None:
    """An InputError where the loss or its gradient is no longer a number."""
    if not (math.isfinite(row["loss"]) and math.isfinite(row["grad_norm"])):
        raise InputError(
            f"Training stopped at step {row['step']} of {steps}: the loss is {row['loss']:g} and the "
            f"norm of its gradient {row['grad_norm']:g}, with lr={row['lr']:g}; use a lower lr, or not fp16."
        )


class Progress:
    """Shows loss, accuracy and margin of a run: a bar in a notebook or terminal, plain lines in a file."""

    def __init__(self, steps: int, done: int = 0, shown: bool = True):
        live = sys.stderr.isatty() or "ipykernel" in sys.modules
        self.steps, self.lines = steps, shown and not live
        self.bar = tqdm(total=steps, initial=done, desc="fit", disable=not (shown and live))
        self.begun, self.first, self.next_line = time.perf_counter(), done, 0.0

    def show(self, row: dict) -> None:
        """One step is done; row as in the history of a Run."""
        shown = ("loss", "accuracy", "margin", "held_out_loss", "held_out_accuracy")
        # A loss of nan is news; an accuracy of nan only says that nothing was ordered, as with steps.
        told = [name for name in shown if name in row and ("loss" in name or not math.isnan(row[name]))]
        numbers = {name: f"{row[name]:.3f}" for name in told}
        self.bar.set_postfix(numbers, refresh=False)
        self.bar.update()
        now = time.perf_counter()
        if self.lines and (now >= self.next_line or row["step"] == self.steps):
            self.next_line = now + LINE_SECONDS
            left = (now - self.begun) / (row["step"] - self.first) * (self.steps - row["step"])
            words = "  ".join(f"{name} {number}" for name, number in numbers.items())
            speed = f"{row['tokens/s']:,.0f} tokens/s  {left:.0f} s left"
            print(f"step {row['step']}/{self.steps}  {words}  {speed}", file=sys.stderr, flush=True)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.close()
