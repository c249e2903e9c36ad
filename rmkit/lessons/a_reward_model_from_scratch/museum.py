"""Lesson 03's exhibits: six bugs between the text and the score, none of which raises an error.

All but one train a linear head on frozen hidden states of the pocket model: the same code with one switch.
`run(planted)` gives {"loss": of every step, "accuracy": on held-out pairs, "table": some scores, ...}.
"""

import tempfile
from functools import lru_cache

import torch
import torch.nn.functional as F
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import AutoModel, AutoModelForSequenceClassification, AutoTokenizer

from rmkit.data.preferences import load
from rmkit.lessons.a_reward_model_from_scratch.learned_positions import left_padding
from rmkit.models.hub import quiet, resolve
from rmkit.models.networks import seeded
from rmkit.notebook.exhibit import Exhibit
from rmkit.notebook.size import pick

LESSON = "03_a_reward_model_from_scratch"
TRAIN, TEST = pick(smoke=(32, 16), lab=(96, 64), research=(96, 64))  # pairs
STEPS, LR = 60, 5e-3
LIMIT = 96  # tokens that the truncating run keeps
CHATTER = "Good morning! I am here with my two children and we have all day."
GREETING = "Welcome to the park! I am glad to help. What would you like to know?"


@lru_cache
def _pocket() -> tuple:
    """(tokenizer, the language model without any head, frozen)"""
    folder = resolve("pocket")
    with quiet():
        return AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder).eval()


@lru_cache
def _pairs() -> list[tuple[str, str, str]]:
    """(prompt, better, worse) by gold reward, of answers that differ clearly."""
    found = []
    for record in load("pocket", n=2 * (TRAIN + TEST), temperature=0, seed=3):
        gold = record.ratings["gold"]
        if abs(gold[0] - gold[1]) > 0.2:
            better = int(gold[1] > gold[0])
            found.append((record.prompt, record.responses[better], record.responses[1 - better]))
    return found[: TRAIN + TEST]


def _rows(turns: int = 0, tokenizer=None, **special: bool) -> list[list[int]]:
    """Tokens of every better and every worse answer in turn, after up to `turns` rounds of small talk."""
    tokenizer = tokenizer or _pocket()[0]
    rows, options = [], special or {"add_special_tokens": False}
    for number, (prompt, *answers) in enumerate(_pairs()):
        before = [{"role": "user", "content": CHATTER}, {"role": "assistant", "content": GREETING}]
        messages = before * (1 + number % turns if turns else 0) + [{"role": "user", "content": prompt}]
        head = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        for answer in answers:
            end = tokenizer.eos_token_id
            rows.append([*tokenizer(head + answer, **options).input_ids, end])
    return rows


@torch.no_grad()
def _read(rows: list[list[int]], pad_id: int | None = None) -> Tensor:
    """(pairs, 2, D): hidden states at the last token; with a pad_id, at the token before the first pad."""
    body, found = _pocket()[1], [None] * len(rows)
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    for start in range(0, len(rows), 32):
        chosen = order[start : start + 32]
        lengths = torch.tensor([len(rows[i]) for i in chosen])
        ids = torch.full((len(chosen), int(lengths.max())), 0 if pad_id is None else pad_id)
        for place, i in enumerate(chosen):
            ids[place, : len(rows[i])] = torch.tensor(rows[i])
        mask = torch.arange(ids.shape[1]) < lengths[:, None]
        at = lengths - 1 if pad_id is None else (ids == pad_id).int().argmax(1) - 1
        hidden = body(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        for i, vector in zip(chosen, hidden[torch.arange(len(chosen)), at], strict=True):
            found[i] = vector
    return torch.stack(found).view(-1, 2, body.config.hidden_size)


@lru_cache
def _healthy() -> Tensor:
    return _read(_rows())


def _train(states: Tensor, chosen: int = 0) -> tuple[Tensor, dict]:
    """(head (D,), what its training showed); `chosen` is the column that the loss calls chosen."""
    head = torch.randn(states.shape[-1], generator=torch.Generator().manual_seed(0)) / states.shape[-1]
    optimizer = torch.optim.AdamW([head.requires_grad_()], lr=LR, weight_decay=0.01)
    seen: dict = {"loss": [], "accuracy": []}
    for _ in range(STEPS):
        rewards = states[:TRAIN] @ head
        loss = -F.logsigmoid(rewards[:, chosen] - rewards[:, 1 - chosen]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen["loss"].append(loss.item())
        seen["accuracy"].append(_accuracy(states[TRAIN:] @ head.detach()))
    return head.detach(), seen


def _accuracy(rewards: Tensor) -> float:
    """Share of pairs (N, 2) with the better answer ahead, equal rewards half."""
    return ((rewards[:, 0] - rewards[:, 1]).sign() + 1).mean().item() / 2


def _first_scores(rewards: Tensor) -> dict[str, list[float]]:
    """Rewards of the first held-out pairs."""
    return {"better answer": rewards[:5, 0].tolist(), "worse answer": rewards[:5, 1].tolist()}


def _two_places(where: str, before: Tensor, served: Tensor) -> dict:
    """What rewards (N, 2) are in the trainer and elsewhere."""
    scores = {"in the trainer": before.flatten().tolist(), where: served.flatten().tolist()}
    first = {place: rewards[:10:2] for place, rewards in scores.items()}  # of five better answers
    return {"table": first, "scores": scores, "served": _accuracy(served)}


def _pad_is_eos(planted: bool) -> dict:
    tokenizer = _pocket()[0]
    pad_id = tokenizer.eos_token_id if planted else tokenizer.pad_token_id
    states = _read(_rows(turns=1), pad_id)
    head, seen = _train(states)
    rewards = states[TRAIN:] @ head
    return seen | {
        "table": _first_scores(rewards),
        "tied": (rewards[:, 0] == rewards[:, 1]).float().mean().item(),
    }


def _truncated(planted: bool) -> dict:
    rows = _rows(turns=3)
    end = rows[0][-1]
    rows = [[*row[: LIMIT - 1], end] if planted and len(row) > LIMIT else row[-LIMIT:] for row in rows]
    states = _read(rows)
    head, seen = _train(states)
    same = [a == b for a, b in zip(rows[::2], rows[1::2], strict=True)]
    return seen | {"table": _first_scores(states[TRAIN:] @ head), "tied": sum(same) / len(same)}


def _sign_flipped(planted: bool) -> dict:
    head, seen = _train(_healthy(), chosen=int(planted))
    return seen | {"table": _first_scores(_healthy()[TRAIN:] @ head)}


def _head_not_saved(planted: bool) -> dict:
    """Train, save, load again, score again."""
    head, seen = _train(_healthy())
    with quiet(), seeded(0), tempfile.TemporaryDirectory() as folder:
        network = AutoModelForSequenceClassification.from_pretrained(resolve("pocket"), num_labels=1)
        network.score.weight.data.copy_(head[None])
        weights = network.state_dict()
        if planted:
            weights = {name: value for name, value in weights.items() if not name.startswith("score")}
        network.save_pretrained(folder, state_dict=weights)
        again = AutoModelForSequenceClassification.from_pretrained(folder, num_labels=1)
    after = again.score.weight.detach()[0]
    before, served = (_healthy()[TRAIN:] @ each for each in (head, after))
    return seen | _two_places("after loading", before, served)


@lru_cache
def _with_bos(special: bool) -> Tensor:
    """States under a tokenizer that begins a text with BOS, and a chat template that writes BOS too, as
    Llama 3's do. special: tokenized with the tokenizer's defaults, so that BOS stands twice.
    """
    with quiet():
        tokenizer = AutoTokenizer.from_pretrained(resolve("pocket"), bos_token="<|system|>")
    bos = (tokenizer.bos_token, tokenizer.bos_token_id)
    tokenizer.backend_tokenizer.post_processor = TemplateProcessing(f"{bos[0]} $A", special_tokens=[bos])
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    return _read(_rows(tokenizer=tokenizer, add_special_tokens=special))


def _doubled_bos(planted: bool) -> dict:
    states = _with_bos(False)
    head, seen = _train(states)
    served = _with_bos(planted)[TRAIN:] @ head
    before = states[TRAIN:] @ head
    moved = ((served - before).abs().mean() / before.std()).item()
    return seen | {"moved": moved} | _two_places("in the server", before, served)


LOG_2 = 0.693147


def _stuck(seen: dict) -> bool:
    return seen["tied"] == 1 and all(abs(loss - LOG_2) < 1e-5 for loss in seen["loss"])


EXHIBITS = (
    Exhibit(
        name="sign_flipped",
        lesson=LESSON,
        symptom="The loss falls as in a textbook, and accuracy falls below one half with it.",
        cause="Chosen and rejected are swapped on their way into the loss: it learns the opposite, and well.",
        cure="An accuracy far below one half is information: check the sign on one pair by hand.",
        source="Ziegler et al. 2019, section 4.4 (a flipped reward, trained on overnight); ARENA chapter "
        "2.4, bonus "
        "exercise (commit 219fc89: the minus is missing)",
        run=_sign_flipped,
        symptom_in=lambda seen: seen["accuracy"][-1] < 0.4 and seen["loss"][-1] < seen["loss"][0] - 0.05,
    ),
    Exhibit(
        name="pad_is_eos",
        lesson=LESSON,
        symptom="The loss stands at log 2 from the first step to the last: both answers to every prompt get "
        "the same reward.",
        cause="The pad token is the EOS, and the reward is read at the token before the first pad; the chat "
        "template ends earlier turns with that EOS, so every row is read inside its prompt.",
        cure="Read at an index that you know from the lengths (or the mask), and give padding a token of "
        "its own.",
        source="trl #2758 (Llama 3 and RewardTrainer); Generalizable-Reward-Model #1; "
        "RLHFlow/RLHF-Reward-Modeling #49; the pooling rule: transformers #35352",
        run=_pad_is_eos,
        symptom_in=_stuck,
    ),
    Exhibit(
        name="truncated_away",
        lesson=LESSON,
        symptom="The loss flattens high, and many pairs have a gap of exactly zero.",
        cause="Long rows are cut at their end, where the response is; what is left of a pair is twice the "
        "same prompt, with a loss of log 2 and no gradient.",
        cure="Cut the start of the prompt, never the response; drop pairs that became identical, and count "
        "them.",
        source="rlhf-book #503; OpenRLHF #1311 (2026)",
        run=_truncated,
        symptom_in=lambda seen: seen["tied"] > 0.3,
    ),
    Exhibit(
        name="head_not_saved",
        lesson=LESSON,
        symptom="Accurate in the trainer; loaded from disk, the same model is a coin.",
        cause="What was saved lacks the head (an adapter without modules_to_save, a causal model's class); "
        "loading draws a new one at random, with a warning that scrolls by.",
        cure="Save the head, and before you trust a file load it and score one pair again.",
        source="trl #1379; OpenRLHF #682 and pull request #1342",
        run=_head_not_saved,
        symptom_in=lambda seen: seen["accuracy"][-1] - seen["served"] > 0.1,
    ),
    Exhibit(
        name="doubled_bos",
        lesson=LESSON,
        symptom="Curves and accuracy look right, but the server's rewards are not the trainer's.",
        cause="The chat template writes BOS, and the tokenizer, called on that text with its defaults, "
        "writes another: the model is served texts of a kind that it was not trained on.",
        cure="Tokenize a template's text with add_special_tokens=False, and compare token ids, not texts.",
        source="reward-bench #164; Generalizable-Reward-Model #6; RLHFlow/RLHF-Reward-Modeling #16 (about "
        "1 % on RewardBench)",
        run=_doubled_bos,
        symptom_in=lambda seen: seen["moved"] > 0.001,  # rounding moves them by 1e-6
    ),
    Exhibit(
        name="left_padding_without_positions",
        lesson=LESSON,
        symptom="An answer's reward depends on who else is in its batch; alone it scores as in training. It "
        "moves with the longest row beside it, and a batch of two is worst for accuracy.",
        cause="Left padding shifts a row to the right, and without position_ids its first word is told "
        "that it stands at place 20, say. In a batch of two only the shorter row of a pair is shifted, so "
        "a pair is measured with two rulers. Learned absolute positions (GPT-2) suffer; rotary ones see only "
        "distances.",
        cure="position_ids = cumsum(mask) - 1, or pad on the right; then test one by one against batched.",
        source="transformers #18478; nnsight pull request #673 (GPT-2 in batches); trl #6800 (for rotary "
        "models it changes nothing)",
        run=left_padding,
        symptom_in=lambda seen: seen["moved"] > 0.1,
    ),
)
