"""Lesson 00: an answer mixed from segments, seen by the grader and by the reward model."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from rmkit.data.preferences import Preferences
from rmkit.models.reward_model import RewardModel
from rmkit.notebook import theme
from rmkit.pocket import grader

PROMPT = (
    "Card: The otter eats fish. It lives in rivers. It has four legs.\n"
    "Visitor: What does the otter eat, and where does it live?"
)
RIGHT = ("The otter eats fish.", "It lives in rivers.")
WRONG = ("The otter eats nectar.", "It lives in deserts.")
UNASKED = ("It has four legs.",)
FILLER = ("The park is lovely today.", "Nature is wonderful.", "The weather is fine.")
COUNTS = (range(3), range(3), range(2), range(4), (False, True))  # what each slider allows, in their order


def mix(right: int, wrong: int, unasked: int, filler: int, repeat: bool) -> str:
    """The answer with this many segments of each kind; `repeat` says the first of them once more."""
    said = [*RIGHT[:right], *WRONG[:wrong], *UNASKED[:unasked], *FILLER[:filler]]
    return " ".join([*said, *said[:1]] if repeat else said)


@dataclass
class Mixer:
    """Two judges of one mixed answer, each on the scale of what it thinks of the answers of a test set.

    Gaps of the reward are log-odds, it has no zero, and the gold reward is measured otherwise. "Better than
    80 % of the test answers" is a number that both can give.
    """

    model: RewardModel
    rewards: np.ndarray  # (N,) of all test answers, sorted
    gold: np.ndarray  # (N,) sorted

    @classmethod
    def of(cls, model: RewardModel, test: Preferences) -> "Mixer":
        """Score the answers of a pocket test set once."""
        rewards = np.concatenate([row.numpy() for row in model.score_all(test)])
        gold = np.concatenate([record.ratings["gold"] for record in test])
        return cls(model, np.sort(rewards), np.sort(gold))

    def compute(self, **segments) -> dict:
        """Both judgments of the mixed answer, as percentiles of the test answers."""
        text = mix(**segments)
        reward = float(self.model.score(PROMPT, [text])[0])
        gold = grader.grade(PROMPT, text).gold
        places = [percentile(self.gold, gold), percentile(self.rewards, reward)]
        return {"places": places, "text": text, "reward": reward, "gold": gold}

    def furthest(self, n: int = 3) -> pd.DataFrame:
        """The n answers of all that the sliders can mix on which the two judges are furthest apart."""
        mixed = itertools.product(*COUNTS)
        texts = list(dict.fromkeys(mix(*counts) for counts in mixed if any(counts[:4])))
        gold = [percentile(self.gold, grader.grade(PROMPT, text).gold) for text in texts]
        model = [percentile(self.rewards, float(reward)) for reward in self.model.score(PROMPT, texts)]
        table = pd.DataFrame({"answer": texts, "gold reward": gold, "reward model": model})
        table["apart"] = (table["reward model"] - table["gold reward"]).abs()
        return table.sort_values("apart", ascending=False, kind="stable").head(n).round(0)


def percentile(everybody: np.ndarray, value: float) -> float:
    """Percent of everybody (N,), sorted, below the value, equals counting half."""
    below, above = np.searchsorted(everybody, value, "left"), np.searchsorted(everybody, value, "right")
    return 50.0 * (below + above) / len(everybody)


def mixer_draw(arrays: dict) -> go.Figure:
    """Two bars on one scale: what is true, and what the model thinks."""
    figure = theme.figure(
        "better than ... % of the test answers", "", x_range=(0, 100), y_range=None, title="Two judges"
    )
    figure.add_bar(
        x=arrays["places"],
        y=["gold reward", "reward model"],
        orientation="h",
        marker={"color": [theme.GREEN, theme.BLUE]},
        text=[f"{place:.0f} %" for place in arrays["places"]],
        showlegend=False,
    )
    figure.update_layout(height=260)
    return figure


def mixer_say(arrays: dict) -> str:
    """The answer, and both numbers in their own units."""
    text = arrays["text"] or "(says nothing)"
    return f"“{text}” Gold reward {arrays['gold']:.2f}; the model's reward {arrays['reward']:+.2f}."
