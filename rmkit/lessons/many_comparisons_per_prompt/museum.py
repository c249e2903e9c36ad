"""Lesson 06's exhibit: a packed row whose mask says more than the attention reads."""

import torch

from rmkit.models.packing import attention_mask, encode_group, pack
from rmkit.models.reward_model import RewardModel
from rmkit.notebook.exhibit import Exhibit

PROMPT = "Card: The otter eats fish. It lives in rivers.\nVisitor: What does the otter eat?"
OTHERS = ("Fish.", "The otter eats moss. It lives in deserts.")


@torch.no_grad()
def _beside(planted: bool) -> dict[str, float]:
    """The reward of one response, beside two different neighbors in its row.

    planted: the attention gets the number of each token's response, 1 or 2, as a mask of shape (1, L); else
    the mask of shape (1, 1, L, L) of who sees whom. Tokens and positions are the same.
    """
    model = RewardModel.load("pocket", seed=0)
    network = model.classifier
    found = {}
    for name, other in zip(("beside a short answer", "beside a long one"), OTHERS, strict=True):
        group = encode_group(model.tokenizer, PROMPT, [other, "The otter eats fish."])
        batch = pack([group], model.tokenizer.pad_token_id)
        numbers = batch.segments.clamp(min=1)  # the prompt goes with the first response
        mask = (
            numbers if planted else attention_mask(batch, network.config._attn_implementation, torch.float32)
        )
        hidden = network.base_model(
            input_ids=batch.input_ids, position_ids=batch.position_ids, attention_mask=mask, use_cache=False
        ).last_hidden_state
        row, column = batch.last[0, 1]
        found[name] = network.score(hidden[row, column]).item()
    return found


def _moved(seen: dict[str, float]) -> bool:
    first, second = seen.values()
    return abs(first - second) > 1e-4


EXHIBITS = (
    Exhibit(
        name="segments_as_padding_mask",
        lesson="06_many_comparisons_per_prompt",
        symptom="The reward of one and the same response changes with the response packed before it.",
        cause="The numbers 1 and 2 of the responses are passed as a two-dimensional attention mask, which "
        "transformers casts to bool: both mean 'not padding', and the second response sees the first.",
        cure="A four-dimensional mask of who sees whom, and a test that neighbors change no reward.",
        source="LLaMA-Factory, v1/trainers/rm_trainer.py at ff6d4d12e (August 2026), gives token_type_ids to "
        "the model as its attention mask; its supervised packing passes such numbers too, to an attention "
        "patched to read them (#7308, 2025); transformers #46634 (2026; a mask of ones already switches the "
        "detection of packed rows off)",
        run=_beside,
        symptom_in=_moved,
    ),
)
