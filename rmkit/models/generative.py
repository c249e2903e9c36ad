"""Judges: language models that say what they think of an answer.

Three ways to get a number out of words:
  verdict   the log-odds of good against bad verdict words, read right after the answer: p(Yes) as a reward
  critique  the judge first writes what is right and wrong, then sums up; several critiques vote
  compare   both answers in one prompt, the log-odds of "A" against "B", in both orders

A judge is read at its own next word, by place. What an answer says, "[[A]]" or a forged end mark, stays text
inside the question and is never parsed: answers are tokenized apart from the frame around them, so no mark
can come out of them, and every line of them is quoted with "> ". An answer in words that the judge would
hardly ever write is read in parts too (guard.py): no text put before or after an answer makes it better.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from rmkit.data import by_hand
from rmkit.data.preferences import Preferences, as_preferences
from rmkit.data.records import Prompt
from rmkit.errors import InputError
from rmkit.models import next_word, policies
from rmkit.models.guard import parts
from rmkit.models.hub import check_name, loading, reading_tokenizer, resolve
from rmkit.models.templates import prompt_tokens, response_tokens, special_tokens, transcript
from rmkit.models.verdicts import (
    CHAT,
    POCKET,
    Critique,
    Manner,
    before_verdict,
    mean_odds,
    parse_verdict,
    until_verdict,
    vote,
)

__all__ = [
    "CHAT", "POCKET", "Critique", "Judge", "Manner", "PositionBias", "mean_odds", "parse_verdict",
    "position_bias", "vote",
]  # fmt: skip

Tokens = list[int]
SLOT = "\ue000"  # stands in a question where the quoted text goes; a private character, in no question


class Judge:
    """A causal language model as a judge. It has `score_all`, so `rmkit.evaluate(judge, preferences)` works.

    votes=0: the verdict at once. votes=n: n sampled critiques, and then
        reads="words": how many came to a good verdict, as log-odds with one vote added to either side
            (Laplace), so that 3 of 3 is finite;
        reads="odds": log-odds of the mean probability of a good word where each verdict stands.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        manner: Manner | None = None,
        *,
        votes: int = 0,
        reads: str = "words",
        seed: int = 0,
        max_new_tokens: int = 96,
    ):
        if reads not in ("words", "odds"):
            raise InputError(f'reads is {reads!r}; it can be "words" or "odds".')
        self.model, self.tokenizer, self.reads = model.eval(), tokenizer, reads
        self.has_marks = tokenizer.convert_tokens_to_ids("<|compare|>") not in (None, tokenizer.unk_token_id)
        self.manner = manner or (POCKET if self.has_marks else CHAT)
        self.votes, self.seed, self.max_new_tokens = votes, seed, max_new_tokens
        self._good, self._bad = ([self._word(w) for w in ws] for ws in (self.manner.good, self.manner.bad))

    @classmethod
    def load(cls, name: str | Path = "pocket", **options) -> "Judge":
        """A judge by name: "pocket", "smollm2-135m", a folder or a Hub id."""
        check_name(name)
        with loading(name):
            where = resolve(name)
            model, info = AutoModelForCausalLM.from_pretrained(where, output_loading_info=True)
            classifier = any("ForSequenceClassification" in one for one in model.config.architectures or ())
            if classifier or info["missing_keys"]:
                raise InputError(
                    f"{name} predicts no words, so it cannot judge in words: take the language model itself, "
                    "or RewardModel.load for a reward model."
                )
            with reading_tokenizer(where):
                tokenizer = AutoTokenizer.from_pretrained(where)
        return cls(model, tokenizer, **options)

    # --- one answer

    @torch.no_grad()
    def score(self, prompt: Prompt, responses: Sequence[str]) -> Tensor:
        """(K,) float32 log-odds that the answer is good. See the class for votes."""
        return self._score([by_hand.group(prompt, responses)])[0]

    @torch.no_grad()
    def score_all(self, preferences: Preferences, progress: bool = False) -> list[Tensor]:
        """One (K,) tensor for each record, in order. `progress` is accepted and ignored."""
        return self._score([(record.prompt, record.responses) for record in as_preferences(preferences)])

    def _score(self, groups: list[tuple[Prompt, list[str]]]) -> list[Tensor]:
        sizes = [len(responses) for _, responses in groups]
        answers = [(prompt, response) for prompt, responses in groups for response in responses]
        odds, strangers = self._read_with_strangers(answers)
        more = [(i, part) for i in strangers for part in parts(answers[i][1])[1:]]
        if more:
            lower = self._read([(answers[i][0], part) for i, part in more])
            whose = torch.tensor([i for i, _ in more], device=odds.device)
            odds = odds.scatter_reduce(0, whose, lower, "amin")
        return list(odds.split(sizes))

    def _read_with_strangers(self, answers: list[tuple[Prompt, str]]) -> tuple[Tensor, list[int]]:
        """`_read` and `strangers`: from one pass, where the question is the answer and nothing more."""
        if self.votes or self.manner.score is not None or self.manner.border is None or not answers:
            return self._read(answers), self.strangers(answers)
        nats, logits = next_word.surprise_and_next(self.model, *self._written(answers))
        return self._log_odds(logits, self._good, self._bad), self._beyond(nats)

    def _read(self, answers: list[tuple[Prompt, str]]) -> Tensor:
        """(N,) log-odds that each answer, taken as it stands, is good."""
        if not self.votes:
            return self._log_odds(self.next_word(self.asked(answers)), self._good, self._bad)
        written = self.critiques(answers, self.votes, seed=self.seed)
        if self.reads == "odds":
            return mean_odds(self.verdicts(answers, written))
        return torch.stack([vote(critiques) for critiques in written])

    def strangers(self, answers: Sequence[tuple[Prompt, str]]) -> list[int]:
        """Which answers hold a token that this model would hardly ever write there; see `Manner.border`."""
        if self.manner.border is None or not answers:
            return []
        return self._beyond(next_word.surprise(self.model, *self._written(answers)))

    def _beyond(self, nats: Tensor) -> list[int]:
        return [i for i, surprise in enumerate(nats.tolist()) if surprise > self.manner.border]

    def _written(self, answers: Sequence[tuple[Prompt, str]]) -> tuple[list[Tokens], list[Tokens]]:
        """Tokens of prompts and of responses, as the model would write them."""
        heads = [prompt_tokens(self.tokenizer, prompt) for prompt, _ in answers]
        return heads, [response_tokens(self.tokenizer, response) for _, response in answers]

    def asked(self, answers: Sequence[tuple[Prompt, str]], critique: bool = False) -> list[Tokens]:
        """Tokens of each (prompt, response) as the judge reads it, up to where its verdict, or its critique,
        begins.
        """
        ask = self._ask_critique if critique else self._ask_score
        return [ask(*answer) for answer in answers]

    @torch.no_grad()
    def critiques(
        self, answers: Sequence[tuple[Prompt, str]], n: int = 1, *, seed: int = 0, temperature: float = 1.0
    ) -> list[list[Critique]]:
        """n sampled critiques of each (prompt, response)."""
        heads = [self._ask_critique(*answer) for answer in answers]
        options = {"temperature": temperature, "max_new_tokens": self.max_new_tokens}
        texts = policies.continue_tokens(self.model, self.tokenizer, heads, n, seed=seed, **options)
        texts = [[until_verdict(text, self.manner) for text in several] for several in texts]
        return [[Critique(t, parse_verdict(t, self.manner)) for t in several] for several in texts]

    @torch.no_grad()
    def verdicts(
        self, answers: Sequence[tuple[Prompt, str]], critiques: Sequence[Sequence[Critique]]
    ) -> Tensor:
        """(N, n) log-odds of a good word where the verdict of each critique stands, whatever was drawn."""
        good, bad = ([self._word(f" {w.strip()}") for w in ws] for ws in (self.manner.good, self.manner.bad))
        logits = self.next_word(self.criticized(answers, critiques))
        return self._log_odds(logits, good, bad).view(len(answers), -1)

    def criticized(
        self, answers: Sequence[tuple[Prompt, str]], critiques: Sequence[Sequence[Critique]]
    ) -> list[Tokens]:
        """Tokens of each answer and critique, up to where the verdict stands: N times n lists."""
        space = " " if self.manner.critique is None else ""
        return [
            self._ask_critique(*answer) + self._quote(space + before_verdict(critique.text, self.manner))
            for answer, several in zip(answers, critiques, strict=True)
            for critique in several
        ]

    # --- two answers

    @torch.no_grad()
    def compare(self, pairs: Sequence[tuple[Prompt, str, str]], swap: bool = True) -> Tensor:
        """(N,) log-odds that the first response of each (prompt, first, second) is the better one.

        swap=True asks in both orders and averages: with l(a, b) = gap + bias, (l(a, b) - l(b, a)) / 2 = gap.
        """
        there = self._compare(pairs)
        return (there - self._compare([(x, b, a) for x, a, b in pairs])) / 2 if swap else there

    def _compare(self, pairs: Sequence[tuple[Prompt, str, str]]) -> Tensor:
        logits = self.next_word([self._ask_pair(*pair) for pair in pairs])
        return self._log_odds(logits, [self._word(self.manner.first)], [self._word(self.manner.second)])

    # --- from questions to tokens

    def _ask_score(self, prompt: Prompt, response: str) -> Tokens:
        if self.manner.score is None:
            return prompt_tokens(self.tokenizer, prompt) + response_tokens(self.tokenizer, response)
        return self._ask(self.manner.score, prompt, f"Answer:\n{quoted(response)}")

    def _ask_critique(self, prompt: Prompt, response: str) -> Tokens:
        if self.manner.critique is None:
            return [*self._ask_score(prompt, response), self._mark("<|critique|>")]
        return self._ask(self.manner.critique, prompt, f"Answer:\n{quoted(response)}")

    def _ask_pair(self, prompt: Prompt, first: str, second: str) -> Tokens:
        if self.manner.pair is None:
            one, two = (response_tokens(self.tokenizer, text) for text in (first, second))
            head = prompt_tokens(self.tokenizer, prompt)
            return [*head, *one, self._mark("<|assistant|>"), *two, self._mark("<|compare|>")]
        both = f"Answer A:\n{quoted(first)}\n\nAnswer B:\n{quoted(second)}"
        return self._ask(self.manner.pair, prompt, both)

    def _ask(self, question: str, prompt: Prompt, answers: str) -> Tokens:
        """The frame is tokenized with its marks, what is quoted in it without."""
        asked = prompt if isinstance(prompt, str) else transcript(prompt)
        question = question.replace("{question}", SLOT)
        start: Tokens = []
        if self.tokenizer.chat_template:
            message = [{"role": "user", "content": question}]
            text = self.tokenizer.apply_chat_template(message, tokenize=False, add_generation_prompt=True)
        else:
            (start, _), text = special_tokens(self.tokenizer), f"{question}\n"
        if text.count(SLOT) != 1:
            raise InputError(
                "This chat template does not write a message exactly once, so a question cannot be quoted in "
                "it: give the tokenizer another chat_template, or None."
            )
        before, after = (self._ids(part) for part in text.split(SLOT))
        return start + before + self._quote(f"Question:\n{quoted(asked)}\n\n{answers}") + after

    def _ids(self, text: str, **options: bool) -> Tokens:
        return self.tokenizer(text, add_special_tokens=False, verbose=False, **options).input_ids

    def _quote(self, text: str) -> Tokens:
        return self._ids(text, split_special_tokens=True)

    def _mark(self, mark: str) -> int:
        return self.tokenizer.convert_tokens_to_ids(mark)

    def _word(self, word: str) -> int:
        """The token of a verdict word; its first token would be ambiguous if several words shared it."""
        ids = self.tokenizer(word, add_special_tokens=False).input_ids
        if len(ids) != 1:
            raise InputError(
                f"{word!r} is {len(ids)} tokens for this model; give a Manner whose words are one."
            )
        return ids[0]

    # --- reading the next word

    def next_word(self, heads: Sequence[Tokens], batch: int = 64) -> Tensor:
        """(N, V) float32 logits of the word that follows each list of tokens, the model's own."""
        return next_word.next_word(self.model, heads, batch)

    def hidden(self, heads: Sequence[Tokens], batch: int = 64) -> Tensor:
        """(N, D) last hidden state at the end of each list of tokens."""
        return next_word.hidden(self.model, heads, batch)

    def verdict_direction(self) -> Tensor:
        """(D,) mean output embedding of the good words minus that of the bad ones.

        A reward head with these weights reads the verdict: with one word a side, w . h = z_good - z_bad is
        exactly the log-odds of `score`. That needs logits that are plain products e . h; InputError where the
        model adds a bias, a scale (Cohere, Granite) or a soft cap (Gemma 2).
        """
        if not next_word.is_plain_product(self.model):
            raise InputError(
                f"A logit of this {self.model.config.model_type} model is not a plain product of a hidden "
                "state and an output vector, so no linear head reads its verdict: use `score`."
            )
        words = self.model.get_output_embeddings().weight.detach().float()
        return words[self._good].mean(0) - words[self._bad].mean(0)

    @staticmethod
    def _log_odds(logits: Tensor, good: list[int], bad: list[int]) -> Tensor:
        return logits[:, good].logsumexp(-1) - logits[:, bad].logsumexp(-1)


def quoted(text: str) -> str:
    """Every line with "> " before it: no line of an answer can pass for a line of the question."""
    return "\n".join(f"> {line}" for line in text.splitlines() or [""])


@dataclass(frozen=True)
class PositionBias:
    """How a pairwise judge changes its mind when the answers change places.

    logits       mean of (l(a, b) + l(b, a)) / 2: what the first place is worth
    first        share of first answers picked, over both orders (1/2 without bias)
    flips        share of pairs in which the pick depends on the order
    each         (N,) the bias of every pair in logits, for an interval
    """

    logits: float
    first: float
    flips: float
    each: Tensor


def position_bias(judge: Judge, pairs: Sequence[tuple[Prompt, str, str]]) -> PositionBias:
    """Measure position bias by asking every (prompt, a, b) in both orders."""
    there = judge.compare(pairs, swap=False)
    back = judge.compare([(x, b, a) for x, a, b in pairs], swap=False)
    picks = torch.cat([there, back]) > 0
    each = (there + back) / 2
    flips = ((there > 0) == (back > 0)).float().mean()
    return PositionBias(float(each.mean()), float(picks.float().mean()), float(flips), each)
