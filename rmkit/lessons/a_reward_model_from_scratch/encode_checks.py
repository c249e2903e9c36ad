"""The check of lesson 03's `encode`: a chat template, its end of turn, text that looks special, the cut."""

import numpy as np

from rmkit.lessons.a_reward_model_from_scratch.toys import BARE, CHATML, letters
from rmkit.notebook.check import Check, Mistake, Trap


def encode(
    tokenizer, messages, responses, limit, *, opened=True, head=None, body=None, closing="template", cut=None
) -> tuple[list[int], list[list[int]]]:
    """Tokens of the prompt, and of each response with what closes a turn, in at most `limit` tokens.

    The keywords make the mistakes: whether the answer's turn is opened, options of the tokenizer for the
    prompt and for a response, what closes a response, and what is cut.
    """
    text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=opened)
    prompt = tokenizer(text, **(head or {"add_special_tokens": False})).input_ids
    end = _closing(tokenizer, messages, closing)
    plain = body or {"add_special_tokens": False, "split_special_tokens": True}
    tails = [[*tokenizer(y, **plain).input_ids, *end] for y in responses]
    return (cut or _cut)(prompt, tails, limit)


def _closing(tokenizer, messages, kind: str) -> list[int]:
    if kind != "template":
        return [tokenizer.eos_token_id] if kind == "eos" else []
    answer = {"role": "assistant", "content": "!"}
    finished = tokenizer.apply_chat_template([*messages, answer], tokenize=False)
    return tokenizer(finished.rpartition("!")[2], add_special_tokens=False).input_ids


def _cut(prompt, tails, limit, longest=max):
    return prompt[max(0, len(prompt) + longest(map(len, tails)) - limit) :], tails


def _wrong(**changes):
    return lambda *case: encode(*case, **changes)


def _rows(prompt, tails, limit):
    kept, tails = _cut(prompt, tails, limit)
    return [kept + tail for tail in tails]


def _ends_cut(prompt, tails, limit):
    room = max(0, limit - len(prompt))
    return prompt[:limit], [tail[:room] for tail in tails]


def _question(text: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": text}]


def _cases(rng: np.random.Generator):
    bare, chatml = letters(BARE), letters(CHATML)
    chat = [*_question("hi"), {"role": "assistant", "content": "ok"}, *_question("and?")]
    yield bare, _question("why?"), ["as is", "so"], 99
    yield chatml, _question("why?"), ["as is", "so"], 99
    yield chatml, chat, ["a<end>b", "<user>"], 99
    yield bare, chat, ["a<end>b", "c"], 99
    for tokenizer in (bare, chatml):
        words = ["".join(rng.choice(list("abcdefg"), n)) for n in (12, 3, 6)]
        yield tokenizer, _question(words[0]), words[1:], 18


_SPECIAL = {"add_special_tokens": False}

ENCODE = Check(
    "encode",
    reference=encode,
    cases=_cases,
    mistakes=(
        Mistake(
            _wrong(head={"add_special_tokens": True}),
            "the first token stands there twice. The template has written it already, so tokenize its text "
            "with add_special_tokens=False.",
        ),
        Mistake(
            _wrong(body={"split_special_tokens": True}),
            "every response begins with the tokenizer's first token: tokenize it with "
            "add_special_tokens=False.",
        ),
        Mistake(
            _wrong(head={"add_special_tokens": True}, body={"split_special_tokens": True}),
            "the tokenizer adds its first token to the prompt and to each response: both want "
            "add_special_tokens=False.",
        ),
        Mistake(
            _wrong(body=_SPECIAL),
            "a response that contains the text of a mark gets the mark itself. It is data: tokenize it with "
            "split_special_tokens=True.",
        ),
        Mistake(
            _wrong(head={"add_special_tokens": False, "split_special_tokens": True}),
            "the template's own marks became letters. Only the responses want split_special_tokens=True.",
        ),
        Mistake(
            _wrong(closing="eos"),
            "the EOS alone does not end a turn in every template: ChatML has a line break behind it. Read "
            "off the template what follows an answer.",
        ),
        Mistake(
            _wrong(closing="none"),
            "nothing closes the response: the model never hears that the answer is over.",
        ),
        Mistake(
            _wrong(opened=False),
            "the answer's turn is not opened: add_generation_prompt=True writes its header.",
        ),
        Mistake(
            _wrong(cut=lambda prompt, tails, limit: (prompt, tails)),
            "nothing is cut: the longest row must have at most `limit` tokens.",
        ),
        Mistake(
            _wrong(cut=_ends_cut),
            "the end of a row is cut, and that is the response. The start of the prompt must go.",
        ),
        Mistake(
            _wrong(cut=lambda prompt, tails, limit: (prompt[-limit:], tails)),
            "the prompt alone fits; the longest response must fit behind it.",
        ),
        Mistake(
            _wrong(cut=lambda prompt, tails, limit: _cut(prompt, tails, limit, longest=min)),
            "room is left for the shortest response; the longest must fit too.",
        ),
        Mistake(
            _wrong(cut=lambda prompt, tails, limit: (_cut(prompt, tails[:1], limit)[0], tails)),
            "only the first response was measured; the longest of all must fit.",
        ),
        Mistake(
            _wrong(cut=_rows),
            "these are whole rows; return the prompt's tokens once, then a list with those of each response.",
        ),
    ),
    traps=(
        Trap(
            (letters(BARE), _question("why?"), ["abcdef", "gh"], 7),
            "no room is left for the prompt, so nothing of it stays. (A slice from -0 is everything.)",
        ),
        Trap(
            (letters(CHATML), _question("!"), ["no!", "yes"], 99),
            "look for the end of a turn behind the *last* place of your probe; a prompt may contain it too.",
        ),
    ),
)
