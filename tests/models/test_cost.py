"""The sentence before something slow: it measures, it grows with the work, and it reads as words."""

import pytest
from rmkit.cost import duration, estimate, seconds_per_response
from tiny import tiny_model, tiny_tokenizer

from rmkit.errors import InputError
from rmkit.models import cost
from rmkit.models.reward_model import RewardModel


@pytest.fixture(autouse=True)
def forgotten():
    seconds_per_response.cache_clear()


@pytest.mark.parametrize("kind", ["llama", "gpt2", "bert"])
def test_a_model_is_timed_and_named(tmp_path, kind):
    folder = tiny_model(tmp_path / kind, kind)
    said = estimate(folder, responses=12_345, tokens=20)
    assert said.startswith(f"{folder} on this machine (")
    assert said.count(".") == folder.count(".") + 1
    assert "12,345 responses of 20 tokens" in said
    assert seconds_per_response(folder, 20) > 0


def test_the_pass_that_is_timed_holds_as_many_tokens_as_it_says(tmp_path, monkeypatch):
    folder = tiny_model(tmp_path / "m", tokenizer=tiny_tokenizer(chat=True))
    seen = []
    rewards = RewardModel.rewards
    monkeypatch.setattr(
        RewardModel, "rewards", lambda self, batch: seen.append(batch) or rewards(self, batch)
    )
    estimate(folder, responses=5, tokens=77)
    assert [batch.tokens for batch in seen] == [77 * cost.ROWS] * 2
    estimate(folder, responses=500, tokens=77)
    assert len(seen) == 2  # measured once


def test_twice_the_responses_cost_twice_the_time(monkeypatch):
    monkeypatch.setattr(cost, "seconds_per_response", lambda name, tokens: 0.02)
    assert "takes about 20 seconds; one training pass over them about 60 seconds." in estimate("pocket", 1000)
    assert "takes about 40 seconds; one training pass over them about 2 minutes." in estimate("pocket", 2000)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "less than a second"),
        (1.2, "about 1 second"),
        (89, "about 89 seconds"),
        (90, "about 2 minutes"),
        (5399, "about 90 minutes"),
        (5400, "about 2 hours"),
        (3600 * 5000, "about 5,000 hours"),
    ],
)
def test_durations(seconds, words):
    assert duration(seconds) == words


@pytest.mark.parametrize("wrong", [{"responses": 0}, {"responses": 5, "tokens": -1}])
def test_what_cannot_be_counted_is_refused(wrong):
    with pytest.raises(InputError, match="must be at least 1"):
        estimate("pocket", **wrong)
