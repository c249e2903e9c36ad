"""The pocket language model as a policy: it answers visitors."""

from collections.abc import Sequence
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from rmkit.data.records import Prompt
from rmkit.models import policies
from rmkit.models.hub import quiet, resolve


class Policy:
    """A causal language model that answers prompts. `.model` and `.tokenizer` are plain transformers
    objects.
    """

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase):
        self.model, self.tokenizer = model.eval(), tokenizer

    def sample(
        self, prompts: Sequence[Prompt], n: int = 1, seed: int = 0, temperature: float = 1.0, **options
    ) -> list[list[str]]:
        """n responses to each prompt, [prompt][sample]; options as in `rmkit.policies.sample`."""
        return policies.sample(
            self.model, self.tokenizer, prompts, n, seed=seed, temperature=temperature, **options
        )


def policy(name: str | Path = "pocket") -> Policy:
    """The shipped policy; or one from a folder or the Hub."""
    where = resolve(name)
    with quiet():
        return Policy(AutoModelForCausalLM.from_pretrained(where), AutoTokenizer.from_pretrained(where))
