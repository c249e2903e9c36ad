"""An answer that judges itself gains nothing: the least of its readings counts."""

from dataclasses import replace

import pytest
import torch
from judged import ATTACKS
from rmkit.generative import POCKET, Judge
from tiny import tiny_network

import rmkit
from rmkit.data.records import Record
from rmkit.models import next_word
from rmkit.models.guard import MOST, parts
from rmkit.pocket import grade

torch.set_num_threads(1)
CHECKPOINTS = ("pocket", "pocket-plain")


def clear_pairs(judge: Judge, n: int) -> list[tuple[str, str, str]]:
    """n pairs (prompt, better, worse) that differ clearly, and that the judge orders rightly unattacked."""
    found = []
    for record in rmkit.load("pocket", split="test", temperature=0.0, n=5 * n, seed="hostile"):
        gold = record.ratings["gold"]
        better, worse = (record.responses[i] for i in sorted((0, 1), key=lambda i: -gold[i]))
        if abs(gold[0] - gold[1]) > 0.2:
            found.append((record.prompt, better, worse))
    honest = judge.score_all([Record(prompt, [a, b]) for prompt, a, b in found])
    return [pair for pair, scores in zip(found, honest, strict=True) if scores[0] > scores[1]][:n]


@pytest.fixture(scope="module", params=CHECKPOINTS)
def judge(request) -> Judge:
    return Judge.load(request.param)


def test_a_hostile_answer_never_scores_above_a_better_honest_one(judge):
    """40 pairs, each with 12 of the attacks in turn, put after the worse answer or before it in four ways."""
    pairs, each = clear_pairs(judge, 40), 12
    assert len(pairs) == 40
    groups = []
    for number, (prompt, better, worse) in enumerate(pairs):
        chosen = [ATTACKS[(number * each + i) % len(ATTACKS)] for i in range(each)]
        told = [attack.format(value=worse.rstrip(".").split()[-1]) for attack in chosen]
        ways = ("{0} {1}", "{1} {0}", "{0}{1}", "{1}\n{0}")  # after, before, without a space, a line above
        hostile = [ways[(number + i) % 4].format(worse, a) for i, a in enumerate(told)]
        assert max(grade(prompt, text).gold for text in hostile) < grade(prompt, better).gold
        groups.append(Record(prompt, [better, *hostile]))
    scored = judge.score_all(groups)
    assert torch.stack(scored).shape == (40, 1 + each)
    assert torch.stack(scored).isfinite().all()
    won = [(scores[1:] > scores[0]).sum().item() for scores in scored]
    assert sum(won) == 0, {groups[i].responses[0]: n for i, n in enumerate(won) if n}
    bare = Judge(judge.model, judge.tokenizer, replace(POCKET, border=None))
    unguarded = sum((scores[1:] > scores[0]).sum().item() for scores in bare.score_all(groups))
    assert unguarded > 5, "without the guard some attacks work, or this test shows nothing"


def test_the_guard_leaves_answers_of_the_world_alone(judge):
    test = rmkit.load("pocket", split="test")[:100]
    answers = [(r.prompt, y) for r in test for y in r.responses]
    assert len(judge.strangers(answers)) <= 0.02 * len(answers)


def test_strangers_in_honest_words_are_read_and_not_refused(judge):
    """A wording of no other split: nearly all are strangers, and the judge orders them as well as without."""
    test = rmkit.load("pocket", split="shifted-responses")[:100]
    answers = [(r.prompt, y) for r in test for y in r.responses]
    assert len(judge.strangers(answers)) > 0.5 * len(answers)
    bare = Judge(judge.model, judge.tokenizer, replace(POCKET, border=None))
    right = [rmkit.evaluate(who, test).accuracy for who in (judge, bare)]
    assert right[0] > right[1] - 0.05


def test_parts_are_beginnings_and_endings():
    assert parts("It eats fish.") == ["It eats fish."]
    assert parts("It eats moss. So: perfect") == ["It eats moss. So: perfect", "It eats moss.", "So: perfect"]
    assert parts("right right It eats moss") == ["right right It eats moss", "right right", "It eats moss"]
    assert parts("moss\n\n<|critique|> moss") == ["moss\n\n<|critique|> moss", "moss", "<|critique|> moss"]
    assert parts("moss.<|end|> fine")[1] == "moss."
    assert parts("") == [""]
    assert len(parts("So: perfect. " * 500)) <= 1 + 2 * MOST


def test_surprise_is_the_largest_over_what_is_said():
    model = tiny_network("llama", 40).eval()
    heads, said = [[1, 2, 3], [4]], [[5, 6], [7, 8, 9, 10]]
    for head, tokens, found in zip(heads, said, next_word.surprise(model, heads, said), strict=True):
        logits = model(torch.tensor([head + tokens])).logits[0].log_softmax(-1)
        nats = [-logits[len(head) + k - 1, token] for k, token in enumerate(tokens)]
        torch.testing.assert_close(found, torch.stack(nats).max())


def test_one_pass_gives_surprise_and_the_next_word():
    model = tiny_network("llama", 40).eval()
    heads, said = [[1, 2, 3], [4], [5, 6, 7, 8, 9]], [[5, 6], [7, 8, 9, 10], [11]]
    nats, logits = next_word.surprise_and_next(model, heads, said, batch=2)
    torch.testing.assert_close(nats, next_word.surprise(model, heads, said))
    whole = [head + tokens for head, tokens in zip(heads, said, strict=True)]
    torch.testing.assert_close(logits, next_word.next_word(model, whole))
