"""Benchmarks of right and wrong answers: RewardBench, its second edition, RM-Bench."""

from rmkit.data.columns import BadValueError, Columns, decoded
from rmkit.data.formats.pairs import pair
from rmkit.data.formats.registry import register


@register(
    "RewardBench",
    ("prompt", "chosen", "chosen_model", "rejected", "rejected_model", "subset", "id"),
    benchmark=True,
)
def rewardbench(row: Columns) -> dict:
    """RewardBench: one right and one wrong answer of each item.

    {"prompt": "2 + 2?", "chosen": "4.", "chosen_model": "a", "rejected": "5.", "rejected_model": "b",
     "subset": "math", "id": 1}
    """
    return pair(row)


def _lists(row: Columns) -> bool:
    return all(
        isinstance(decoded(row.peek(column)), list)
        and all(isinstance(t, str) for t in decoded(row.peek(column)))
        for column in ("chosen", "rejected")
    )


@register("RewardBench 2", ("prompt", "chosen", "rejected", "num_correct"), when=_lists, benchmark=True)
def rewardbench2(row: Columns) -> dict:
    """Lists of right and wrong answers ("Ties" has several right ones).

    {"prompt": "Name a colour.", "chosen": ["Red.", "Blue."], "rejected": ["Seven."], "num_correct": 2,
     "subset": "Ties"}
    """
    right, wrong = _texts(row, "chosen"), _texts(row, "rejected")
    correct = [True] * len(right) + [False] * len(wrong)
    return {
        "responses": right + wrong,
        "ranks": [1 if good else 2 for good in correct],
        "correct": correct,
    }


def _texts(row: Columns, column: str) -> list[str]:
    texts = decoded(row[column])
    if not isinstance(texts, list) or not texts:
        raise BadValueError(column, "a list of one or more texts")
    return texts


@register("RM-Bench", ("prompt", "chosen", "rejected"), when=_lists, benchmark=True)
def rmbench(row: Columns) -> dict:
    """RM-Bench: right and wrong answers, each in three styles.

    {"id": 1, "domain": "chat", "prompt": "Name a fern.", "chosen": ["Maidenhair.", "Maidenhair, a fern.",
     "# Fern\\n- Maidenhair"], "rejected": ["Oak.", "Oak, a fern.", "# Fern\\n- Oak"]}
    """
    return rewardbench2(row)
