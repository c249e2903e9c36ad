"""The MLP of the last layer, computed only where its result is read.

A reward is read at a few tokens of a row. The last layer's attention needs the keys and values of all of
them; its MLP works on each token alone, and what it gives to the others nobody reads. Rewards and gradients
stay what they are, and of the products with weights about 2 in 3 N go in a network of N layers: a sixth in
the pocket model, a fiftieth in one of 32 layers.
"""

import contextlib
from collections.abc import Iterator

from torch import Tensor, nn

LAYERS = ("layers", "h")  # what transformers calls the layers of a decoder


@contextlib.contextmanager
def read_at(decoder: nn.Module, ends: Tensor) -> Iterator[None]:
    """Inside, a decoder computes its last MLP at these tokens alone, and takes 0 for all others.

    decoder: a base model of transformers.   ends: (N,) int64 row * L + column of the tokens, each once.
    Where there is no such MLP, or the backward pass computes it again, all of it is computed.
    """
    mlp = _last_mlp(decoder)
    if mlp is None:
        yield
        return
    shape: tuple[int, ...] = ()

    def gather(_: nn.Module, given: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        nonlocal shape
        shape = given[0].shape
        return tuple(each.flatten(0, 1)[ends][None] for each in given)

    def scatter(_: nn.Module, __: tuple[Tensor, ...], found: Tensor) -> Tensor:
        return found.new_zeros(shape).flatten(0, 1).index_copy(0, ends, found[0]).view(shape)

    with mlp.register_forward_pre_hook(gather), mlp.register_forward_hook(scatter):
        yield


def _last_mlp(decoder: nn.Module) -> nn.Module | None:
    layers = next((found for name in LAYERS if (found := getattr(decoder, name, None)) is not None), None)
    if not isinstance(layers, nn.ModuleList):
        return None
    last = layers[-1]
    mlp = getattr(last, "mlp", None)
    again = last.training and getattr(last, "gradient_checkpointing", False)
    return None if again or hasattr(mlp, "experts") else mlp
