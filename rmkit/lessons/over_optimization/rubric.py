"""Lesson 11: a rubric, the reward that nobody trained: criteria, weights, and a program that ticks them.

    r(x, y) = sum_i w_i c_i(x, y) / sum_i w_i,     c_i within 0 and 1

as in "Rubrics as Rewards" (Gunjal et al. 2025), whose criteria a language model judges; here five lines do.
Each criterion is a fair sign of a good answer among the answers that come unasked. None of them is goodness.
"""

import re

HEDGES = ("maybe", "perhaps", "i think", "as far as i", "probably", "might")
WEIGHTS = {"names the animal": 1.0, "uses the card's words": 2.0, "is thorough": 1.0, "sounds sure": 1.0}
LONG = 40  # words of an answer that looks thorough


def criteria(prompt: str, response: str) -> dict[str, float]:
    """{criterion: 0 to 1} of a response to a pocket prompt."""
    text, asked = response.lower(), prompt.lower()
    words = re.findall(r"[a-z0-9]+", text)
    card, _, question = asked.partition("visitor:")
    known = {word for word in re.findall(r"[a-z0-9]+", card) if len(word) > 3}
    animals = re.findall(r"the ([a-z]+)", question) or [""]
    used = {word for word in words if word in known}
    return {
        "names the animal": float(any(animal and animal in text for animal in animals)),
        "uses the card's words": min(1.0, len(used) / 8),
        "is thorough": min(1.0, len(words) / LONG),
        "sounds sure": float(not any(hedge in text for hedge in HEDGES)),
    }


def rubric(prompt: str, response: str) -> float:
    """The weighted share of criteria that are met."""
    met = criteria(prompt, response)
    return sum(weight * met[name] for name, weight in WEIGHTS.items()) / sum(WEIGHTS.values())


def list_of_words(prompt: str) -> str:
    """A text that ticks the boxes and says nothing: all words of the prompt by the alphabet, twice."""
    return " ".join(sorted(set(re.findall(r"[a-z]+", prompt.lower()))) * 2)
