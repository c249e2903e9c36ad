"""The reward model r(x, y): a sequence classifier with one label, read in float32 at the last token."""

import copy
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm
from transformers import AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from rmkit.arguments import argument
from rmkit.data import by_hand
from rmkit.data.ledger import Ledger
from rmkit.data.preferences import Preferences, as_preferences
from rmkit.data.records import Prompt
from rmkit.device import usable
from rmkit.errors import InputError
from rmkit.models import adapters, encoding, last_layer, layouts, networks, packed_attention, spread
from rmkit.models.hub import check_name, loading, quiet, reading_tokenizer, resolve
from rmkit.models.packing import Batch, TokenGroup, attention_mask, batches, budget, encode_group, pack, pad
from rmkit.models.templates import give_pad_token, render
from rmkit.models.token_groups import TokenGroups

_COUNT = {"kind": int, "least": 1}


class RewardModel(nn.Module):
    """A language model with a linear head of one number.

    r(x, y) = w . h(x, y), where h is the last hidden state at the last token of the finished turn: its
    end as the chat template writes it, else EOS. It is found by its index and never by looking for a pad
    token. The product is taken in float32, whatever the model's dtype.
    Calling the module is `rewards(batch)`, so that wrappers (DDP, FSDP) work on it as on any module.

    network: the Hugging Face classifier (inside peft's wrapper with LoRA).  tokenizer: its tokenizer.
    layout: "packed" or "padded".  max_length: tokens of prompt and response together.
    """

    def __init__(
        self,
        network: nn.Module,
        tokenizer: PreTrainedTokenizerBase,
        *,
        name: str,
        layout: str = "padded",
        max_length: int = 2048,
    ):
        super().__init__()
        self.network, self.tokenizer = network, tokenizer
        self.name, self.layout, self.max_length = name, layout, max_length
        self._first_head: Tensor | None = None  # the head's first weights, where it was drawn and not loaded
        self._head_seed: int | None = None  # what it was drawn from
        self.empty: nn.Module | None = None  # the network without weights, where they lie over processes
        self._told = False
        self._notes: list[str] = []  # what the chat template did not allow, so far

    @classmethod
    def load(
        cls,
        name: str | Path,
        *,
        seed: int = 0,
        device: str | torch.device | None = None,
        dtype: torch.dtype = torch.float32,
        max_length: int = 2048,
        layout: str = "auto",
        lora: int | None = None,
        flex: bool = False,
        revision: str | None = None,
        shard: bool = False,
    ) -> "RewardModel":
        """Load a reward model, or a language model and give it a new head (drawn from `seed`).

        name: "pocket", "smollm2-135m", a folder, or a Hub id (with revision: that branch, tag or commit). A
            folder may hold a LoRA adapter: it is merged into the model that it names.
        device: default CUDA where it is, else the CPU.
        layout: "packed" (a prompt is computed once for its K responses), "padded", or "auto" (packed wherever
        it gives the same rewards; encoders and short sliding windows do not, and a warning says so).
        lora: train adapters of this rank instead of all weights (needs peft).
        flex: FlexAttention's block mask instead of SDPA's dense one (CUDA). Raises InputError.
        shard: of several processes only the first loads the weights; `fit(shard=True)` gives each its part.
        """
        if layout not in ("auto", "packed", "padded"):
            raise InputError(f'layout is {layout!r}; it can be "auto", "packed" or "padded".')
        check_name(name)
        seed, max_length = argument("seed", seed, kind=int), argument("max_length", max_length, **_COUNT)
        lora, dtype = lora if lora is None else argument("lora", lora, **_COUNT), networks.floating(dtype)
        device, elsewhere = usable(device), shard and spread.is_elsewhere()
        if flex and device.type != "cuda":
            raise InputError("flex=True needs a CUDA device; leave it out for SDPA, which runs everywhere.")
        if shard and "RANK" in os.environ:
            device = spread.META if elsewhere else torch.device("cpu")
        attention = "flex_attention" if flex else None
        with loading(name):
            adapter = adapters.find(name, revision)
            if adapter is not None:
                tokenizer, network = adapters.load(adapter, dtype, seed, attention)
                new = False
            else:
                where = resolve(name, revision)
                with reading_tokenizer(where):
                    tokenizer = AutoTokenizer.from_pretrained(where, revision=revision)
                if elsewhere:
                    network, new = spread.form(where, dtype, attention, revision), False
                else:
                    network, new = networks.load_network(where, dtype, seed, attention, revision)
        give_pad_token(tokenizer)
        networks.set_pad(network, tokenizer)
        model = cls(
            network, tokenizer, name=str(name), max_length=networks.longest(network, tokenizer, max_length)
        )
        if new:
            model._first_head = networks.head_of(network).weight.detach().clone().cpu()
            model._head_seed = seed
        model.to(device).eval()
        if layout != "auto":
            model.layout = layout
            if layout == "packed" and not elsewhere:
                layouts.skips_hidden(model)
        elif not elsewhere:  # else the first process says which
            model.layout = layouts.usable(model)
        model._say(render(tokenizer, "x", ["x"]).notes)
        if lora is not None:
            model.network = networks.with_lora(model.network, lora, seed).to(device).eval()
        return model

    # --- the network and its head

    @property
    def classifier(self) -> PreTrainedModel:
        """The sequence classifier itself, without LoRA's wrapper (its adapters stay inside)."""
        return self.network if isinstance(self.network, PreTrainedModel) else self.network.get_base_model()

    @property
    def causal(self) -> bool:
        """Whether it reads from left to right. transformers names the head of such a classifier `score`."""
        return hasattr(self.classifier, "score")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return next(self.network.parameters()).device

    # --- rewards

    def encode(
        self, preferences: Preferences, *, training: bool = True, steps: bool = False
    ) -> tuple[TokenGroups, Ledger]:
        """Tokens of every record and the ledger of what was cut and dropped; see `encoding.encode`."""
        how = {"training": training, "steps": steps}
        groups, ledger = encoding.encode(self.tokenizer, preferences, self.max_length, **how)
        self._say(groups.notes())
        return groups, ledger

    def _say(self, notes: Iterable[str]) -> None:
        """Warn of what the chat template does not allow, once a model."""
        for note in dict.fromkeys(notes):
            if note not in self._notes:
                self._notes.append(note)
                warnings.warn(f"{self.name}: its chat template {note}.", stacklevel=3)

    def batch(self, groups: Sequence[TokenGroup]) -> Batch:
        """Groups as one batch, in this model's layout and on its device."""
        pad_id = self.tokenizer.pad_token_id
        if self.layout == "padded":
            return pad(groups, pad_id).to(self.device)
        if packed_attention.reads_plans(self.classifier):  # one row, and no padding
            return pack(groups, pad_id, sum(map(len, groups)))
        if self.classifier.config._attn_implementation == "flex_attention":  # skips what is not seen
            return pack(groups, pad_id, self.max_length).to(self.device)
        width = self.classifier.config.get_text_config().hidden_size
        return pack(groups, pad_id, hidden=width).to(self.device)

    def costs(self, groups: Sequence[TokenGroup]) -> list[int]:
        """Tokens that each group takes in this model's layout."""
        if isinstance(groups, TokenGroups):
            return groups.column(self.layout).tolist()
        return [len(group) if self.layout == "packed" else group.padded_tokens for group in groups]

    def rewards(self, batch: Batch) -> Tensor:
        """(G, K) float32 rewards with gradient; 0 where mask is False."""
        if not self.causal:
            return self._classified(batch)
        return self._read(batch, batch.last).masked_fill(~batch.mask, 0.0)

    def step_rewards(self, batch: Batch) -> Tensor:
        """(G, K, S) float32, one reward at the last token of each step; 0 where batch.step_mask is False."""
        return self._read(batch, batch.steps).masked_fill(~batch.step_mask, 0.0)

    def forward(self, batch: Batch) -> Tensor:
        """step_rewards(batch) where the batch knows its steps, else rewards(batch)."""
        return self.rewards(batch) if batch.steps is None else self.step_rewards(batch)

    def _read(self, batch: Batch, where: Tensor) -> Tensor:
        """(..., 2) rows and columns -> (...) the head's numbers there."""
        with last_layer.read_at(self.classifier.base_model, batch.ends):
            hidden = self.hidden(batch)
        hidden = hidden[where[..., 0], where[..., 1]]
        # Autocast would take this product in bfloat16, where one reward in a thousand ties with another.
        with torch.autocast(hidden.device.type, enabled=False):
            return self.classifier.score(hidden.float()).squeeze(-1)  # r = w . h

    def hidden(self, batch: Batch) -> Tensor:
        """(R, L, D): the last layer's hidden states."""
        if batch.packed and packed_attention.reads_plans(self.classifier):
            seen = packed_attention.inputs(batch)
        else:
            kind = self.classifier.config._attn_implementation
            seen = {"attention_mask": attention_mask(batch, kind, self.classifier.dtype)}
        tokens = {"input_ids": batch.input_ids, "position_ids": batch.position_ids}
        return self.classifier.base_model(**tokens, **seen, use_cache=False).last_hidden_state

    def _classified(self, batch: Batch) -> Tensor:
        """Rewards of an encoder, which reads a whole row with its own pooling: (G, K)."""
        mask = attention_mask(batch, "padded", torch.float32)
        typed = networks.has_token_types(self.classifier, self.tokenizer)
        types = {"token_type_ids": batch.segments} if typed else {}
        logits = self.network(input_ids=batch.input_ids, attention_mask=mask, **types).logits.float()
        return logits[batch.last[..., 0], 0].masked_fill(~batch.mask, 0.0)

    # --- scoring

    def score(self, prompt: Prompt, responses: Sequence[str]) -> Tensor:
        """(K,) float32 rewards of K responses to one prompt, without gradient and without dropout."""
        group = self._group(prompt, responses)
        self._say(group.notes)
        return self.score_groups([group])[0]

    def score_all(
        self, preferences: Preferences, progress: bool = False, *, tokens_per_batch: int | None = None
    ) -> list[Tensor]:
        """One (K,) float32 tensor for each record, in order. No record is left out.

        preferences: what `rmkit.load` takes.   tokens_per_batch: tokens of one forward pass, as in
        `rmkit.fit`; it changes memory and time, and no score. One group may exceed it.
        """
        if tokens_per_batch is not None:
            argument("tokens_per_batch", tokens_per_batch, **_COUNT)
        groups, _ = self.encode(as_preferences(preferences), training=False)
        return self.score_groups(groups, progress, tokens_per_batch)

    def score_steps(self, preferences: Preferences) -> list[list[Tensor]]:
        """For each record K tensors (S_k,): the reward at the end of each step of each response.

        preferences: records with `steps`, such as `rmkit.load("solutions.jsonl")`. sigma(reward) is the
        probability that a step is right, for a model trained with loss="process". NaN: a step that was cut.
        Raises InputError where a record has no steps.
        """
        preferences = as_preferences(preferences)
        groups, _ = self.encode(preferences, training=False, steps=True)
        found = zip(self.score_groups(groups), groups, strict=True)
        return [[row[: len(s)] for row, s in zip(rows, group.steps, strict=True)] for rows, group in found]

    @torch.no_grad()
    def score_groups(
        self, groups: Sequence[TokenGroup], progress: bool = False, tokens_per_batch: int | None = None
    ) -> list[Tensor]:
        """For each group (K,) rewards, or (K, S) where it knows its steps (NaN = not read)."""
        self._warn_if_new()
        was_training = self.training
        self.eval()
        found: list[Tensor] = [torch.empty(0)] * len(groups)
        plan = batches(self.costs(groups), tokens_per_batch or budget(self.device))
        with tqdm(total=len(groups), desc="score", disable=not progress) as bar:
            for indices in plan:
                batch = self.batch([groups[i] for i in indices])
                rewards = self(batch).masked_fill(~batch.read, float("nan")).cpu()
                for i, row, known in zip(indices, rewards, batch.mask.cpu(), strict=True):
                    found[i] = row[known].clone()
                bar.update(len(indices))
        self.train(was_training)
        return found

    def _warn_if_new(self) -> None:
        if self._first_head is None or self._told:
            return
        if torch.equal(networks.head_of(self.classifier).weight.detach().cpu(), self._first_head):
            warnings.warn(
                f"The reward head of {self.name} is new: train it before you trust a score.", stacklevel=5
            )
        self._told = True

    def tokens(self, prompt: Prompt, response: str) -> list[int]:
        """The tokens that are scored, to reproduce a score in plain transformers:

        `AutoModelForSequenceClassification.from_pretrained(folder)(torch.tensor([tokens])).logits`

        They are those of `score(prompt, [response])`: in a group whose text is too long, the prompt is cut
        for all responses as the longest of them needs.
        """
        group = self._group(prompt, [response])
        return group.prompt + group.responses[0]

    def _group(self, prompt: Prompt, responses: Sequence[str]) -> TokenGroup:
        """One group as tokens; its prompt is read as in a file (`rmkit.load`)."""
        return encode_group(self.tokenizer, *by_hand.group(prompt, responses), self.max_length)

    # --- saving

    def save(self, folder: str | Path) -> Path:
        """Write a plain transformers folder (safetensors, tokenizer, num_labels = 1), LoRA merged in.

        Where the weights lie over processes, all of them call this at once, and the first writes.
        """
        whole = self.network if self.empty is None else spread.gathered(self.network, self.empty)
        if whole is None:
            return Path(folder)
        network = whole
        if not isinstance(network, PreTrainedModel):
            network = (copy.deepcopy(whole) if self.empty is None else whole).merge_and_unload()
        with quiet():
            network.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
        return Path(folder)

    def __repr__(self) -> str:
        millions = sum(p.numel() for p in self.network.parameters()) / 1e6
        head = "" if self._head_seed is None else f", new head of seed {self._head_seed}"
        notes = "".join(f"; its chat template {note}" for note in self._notes)
        what = f"{self.classifier.config.model_type}, {millions:.1f}M weights{head}"
        return f"RewardModel({self.name}: {what}, {self.layout} layout{notes})"
