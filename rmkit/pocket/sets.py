"""The pocket world as Preferences: the sets that ship, or any other from the dials."""

from pathlib import Path

from rmkit.arguments import argument
from rmkit.data import preferences as general
from rmkit.errors import InputError, did_you_mean
from rmkit.paths import data_folder
from rmkit.pocket import bench_items, questions, rows
from rmkit.pocket.annotators import TEMPERATURE

# The sets that ship: split -> number of groups, all pairs, seed 0.
SHIPPED = {
    "train": 2500,
    "validation": 400,
    "test": 1000,
    "shifted-prompts": 400,
    "shifted-responses": 400,
    "confounded": 1000,
    "unconfounded": 1000,
}
BENCH = 80  # items of each subset


def folder() -> Path:
    return data_folder() / "pocket"


def preferences(
    n: int | None = None,
    k: int = 2,
    *,
    temperature: float = TEMPERATURE,
    length_bias: float = 0.0,
    position_bias: float = 0.0,
    flattery_bias: float = 0.0,
    noise: float = 0.0,
    ties: float = 0.0,
    camps: int | list[str] | dict[str, dict[str, float]] | None = None,
    strengths: bool = True,
    steps: bool = True,
    split: str = "train",
    kinds: list[str] | None = None,
    seed: int | str = 0,
) -> "general.Preferences":
    """Groups of one question, k answers and what simulated annotators said.

    n: groups; None for as many as ship (2,500 in "train"). With no other argument the shipped file is read;
        anything else is generated, the same from the same arguments.
    temperature: of the choice, in gold reward (0: always the better one). The default lets a judge who
        knows the gold reward agree with the annotators on about 80 % of the pairs.
    length_bias, position_bias, flattery_bias: gold reward that ten more words, the first place, one
        courtesy are worth to an annotator. noise: share of blind judgments. ties: nu of Davidson.
    camps: how many of `annotators.CAMPS`, their names, or {name: {aspect: weight}}; they take turns
    (`annotator`). strengths, steps: with `strength` (0 to 3, Llama 2's four words), with `steps` and
        `step_labels` where legs are counted.
    split: train, validation, test, shifted-prompts (animals of no other split), shifted-responses (a
        wording of no other split), confounded (longer answers are most often the better ones) and
        unconfounded (the same questions; length says nothing). kinds: some of `questions.KINDS`.

    Each record carries the truth: `ratings["gold"]` and the six aspects, beside the annotator's `likert`;
    `correct`; `subset` is the kind of question. Questions and answers depend on n, k, split, kinds and seed
    alone.
    """
    if split not in rows.SPLITS:
        raise InputError(f"There is no split {split!r} of the pocket world{did_you_mean(split, rows.SPLITS)}")
    n = None if n is None else argument("n", n, kind=int, least=1)
    k = argument("k", k, kind=int, least=1)
    dials = {
        "temperature": temperature,
        "length_bias": length_bias,
        "position_bias": position_bias,
        "flattery_bias": flattery_bias,
        "noise": noise,
        "ties": ties,
        "camps": camps,
    }
    plain = (
        dials == rows.DIALS
        and (n, k, seed, kinds) == (None, 2, 0, None)
        and strengths
        and steps
        and split in SHIPPED
    )
    if plain:
        path = folder() / f"{split}.jsonl"
        if not path.is_file():
            raise InputError(f"{path} is missing: rebuild it with `make data`.")
        found = general.load(path)
    else:
        if n is None:
            n = SHIPPED.get(split, 0)
        unknown = [kind for kind in kinds or () if kind not in questions.KINDS]
        if unknown:
            raise InputError(
                f"There is no kind of question {unknown[0]!r}; there is {', '.join(questions.KINDS)}."
            )
        chosen = tuple(kinds) if kinds else questions.KINDS
        made = rows.rows(
            n, k, split=split, seed=seed, strengths=strengths, steps=steps, kinds=chosen, **dials
        )
        found = general.load(made, clean=False)
    found.name = "pocket" if split == "train" else f"pocket, {split}"
    return found


def bench() -> "general.Preferences":
    """The small bench in RewardBench's shape: chat, chat-hard, safety, reasoning; the better answer by gold
    reward.
    """
    found = general.load(folder() / "bench.jsonl")
    found.name = "pocket bench"
    return found


def shipped_rows() -> dict[str, list[dict]]:
    """Everything that `make data` writes: {file name without ending: rows}."""
    made = {split: rows.rows(n, split=split) for split, n in SHIPPED.items()}
    return made | {"bench": bench_items.items(BENCH)}
