"""Lesson 15's exhibit: a server that turns every score into 1."""

import numpy as np

from rmkit.notebook.exhibit import Exhibit


def _serve(planted: bool) -> dict[str, float]:
    """200 pairs whose better answer has 1 more reward on average.

    planted: the answer is a softmax over the labels, of which a reward model has one.
    """
    rng = np.random.default_rng(0)
    better, worse = rng.normal(1.0, 1.0, 200), rng.normal(0.0, 1.0, 200)

    def answer(reward: np.ndarray) -> np.ndarray:
        labels = reward[:, None]  # (200, 1): one label
        if not planted:
            return labels[:, 0]
        powers = np.exp(labels - labels.max(1, keepdims=True))
        return (powers / powers.sum(1, keepdims=True))[:, 0]

    a, b = answer(better), answer(worse)
    return {
        "lowest": round(float(min(a.min(), b.min())), 3),
        "highest": round(float(max(a.max(), b.max())), 3),
        "agreement": round(float(((np.sign(a - b) + 1) / 2).mean()), 3),
        "tied": int((a == b).sum()),
    }


EXHIBITS = (
    Exhibit(
        name="softmax_of_one",
        lesson="15_real_preferences",
        symptom="The server answers without an error, and every answer has a score of exactly 1.",
        cause="A classifier's endpoint takes a softmax over the labels. A reward model has one label, and "
        "the softmax of one number is 1, whatever the number.",
        cure="Ask for the raw number: in SGLang the endpoint /classify and not /v1/classify, in vLLM "
        "use_activation=False. Then compare ten served scores with ten of model.score.",
        source="huggingface/transformers#7726 (2020, fixed) and vllm-project/vllm#18313 (2025, fixed: a "
        "sigmoid instead); SGLang's /v1/classify takes F.softmax(embedding_tensor, dim=0) of whatever "
        "labels there are (serving_classify.py at 01144484)",
        run=_serve,
        symptom_in=lambda seen: seen["lowest"] == seen["highest"],
    ),
)
