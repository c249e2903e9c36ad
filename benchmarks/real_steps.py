"""Do frozen features of a real model find wrong steps? Two heads beside two rules that read nothing.

    python benchmarks/real_steps.py solutions.steps.jsonl [--only TEXT] [--solutions 300] [--model NAME]

The file is what `rmkit.load` takes, with labeled steps. Each solution is read once by a model that is not
trained (`step_features`, kept on disk). A process head learns from step labels, an outcome head from whether
the whole solution is right (`lessons/outcome_and_process/heads.py`). Prompts are split in three; two parts
train for the third: every solution is judged by heads that never saw its prompt. Penalty and threshold are
chosen on a fifth of the training prompts. The rules are those of `rmkit.evaluation.steps`.
"""

import argparse

import numpy as np
import pandas as pd

import rmkit
from rmkit.data.preferences import prompt_key
from rmkit.evaluation.first_error import best_threshold, f1_values, first_below
from rmkit.evaluation.steps import StepScore, evaluate_steps
from rmkit.lessons.outcome_and_process.heads import PENALTIES, cross_entropy, logistic
from rmkit.models.step_features import step_features
from rmkit.theory.intervals import accuracy_interval, mean_interval

FOLDS, KINDS = 3, ("process", "outcome")


def solutions(source: str, only: str, most: int) -> rmkit.Preferences:
    """Records of one solution each whose id holds `only`, at most so many, drawn at random."""
    found = rmkit.load(source)
    kept = rmkit.Preferences([record for record in found if only in (record.id or "")], name=found.name)
    return kept.take(most, seed=0) if most < len(kept) else kept


def table(vectors: list, preferences: rmkit.Preferences) -> pd.DataFrame:
    """One row a step: its solution, prompt, place, label (NaN = not judged), is all right, features, last."""
    rows = []
    for number, (record, (own,)) in enumerate(zip(preferences, vectors, strict=True)):
        for place, (label, vector) in enumerate(zip(record.step_labels[0], own.numpy(), strict=True)):
            known = np.nan if label is None else float(label)
            whole = float(all(each == 1 for each in record.step_labels[0]))
            rows.append((number, prompt_key(record), place, known, whole, vector.astype(float)))
    names = ["solution", "prompt", "place", "label", "right", "vector"]
    steps = pd.DataFrame(rows, columns=names)
    steps["last"] = steps.groupby("solution")["place"].transform("max") == steps["place"]
    return steps


def stacked(steps: pd.DataFrame) -> np.ndarray:
    """(steps, D)"""
    return np.stack(steps["vector"].to_list())


def learned(kind: str, train: pd.DataFrame, others: pd.DataFrame) -> np.ndarray:
    """(D + 1,): the head whose penalty has the lowest log-loss, of its own kind of label, on the others."""
    target = "label" if kind == "process" else "right"

    def known(steps: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
        read = steps["label"].notna() if kind == "process" else steps["last"]
        return stacked(steps[read]), steps[read][target].to_numpy()

    (x, y), (new, truth) = known(train), known(others)
    fits = {l2: logistic(x, y, l2=l2) for l2 in PENALTIES}
    return min(fits.values(), key=lambda w: cross_entropy(new @ w[:-1] + w[-1], truth).mean())


def wide(steps: pd.DataFrame, column: str) -> np.ndarray:
    """(solutions, places), NaN where there is no step."""
    return steps.pivot(index="solution", columns="place", values=column).to_numpy(dtype=float)


def first_wrong(steps: pd.DataFrame) -> np.ndarray:
    labels = wide(steps, "label")
    return np.where((labels == 0).any(1), (labels == 0).argmax(1), -1)


def judged(steps: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """The steps with the rewards of both heads above their thresholds, and the rate of right at a place."""
    names = np.array(sorted(steps["prompt"].unique()))
    shuffled = np.random.default_rng(seed).permutation(names)
    fold = {name: place % FOLDS for place, name in enumerate(shuffled)}
    parts = []
    for held in range(FOLDS):
        mine = steps["prompt"].map(fold) == held
        train, test = steps[~mine].copy(), steps[mine].copy()
        mean, deviation = (f(stacked(train), axis=0) for f in (np.mean, np.std))
        for part in (train, test):
            part["vector"] = list((stacked(part) - mean) / (deviation + 1e-6))
        tune = train["prompt"].isin(train["prompt"].drop_duplicates().iloc[::5])
        for kind in KINDS:
            w = learned(kind, train[~tune], train[tune])
            known = train[tune].assign(z=stacked(train[tune]) @ w[:-1] + w[-1])
            test[f"{kind} z"] = stacked(test) @ w[:-1] + w[-1]
            test[kind] = test[f"{kind} z"] - best_threshold(wide(known, "z"), first_wrong(known))
        seen = train[train["label"].notna()].groupby("place")["label"].agg(["sum", "count"])
        rate = (seen["sum"] + 1) / (seen["count"] + 2)
        rate = test["place"].map(rate).fillna(0.5)
        test["place z"] = np.log(rate / (1 - rate))
        parts.append(test)
    return pd.concat(parts).sort_index()


def said(each: tuple[float, float, float]) -> str:
    return "{:.3f} [{:.3f}, {:.3f}]".format(*each)


def row(score: StepScore) -> list[str]:
    return [said((score.accuracy, *score.interval)), f"{score.error:.3f}", f"{score.right:.3f}"]


def report(steps: pd.DataFrame, preferences: rmkit.Preferences) -> str:
    rows, first, known = {}, first_wrong(steps), steps[steps["label"].notna()]
    for kind in KINDS:
        rewards = [[group[kind].tolist()] for _, group in steps.groupby("solution")]
        scores = evaluate_steps(rewards, preferences).scores
        each = mean_interval(f1_values(first_below(wide(steps, kind), 0.0), first))
        rows[kind] = [*row(scores["rewards"]), said(each)]
    for rule in ("majority", "position"):
        rows[f"{rule} rule"] = [*row(scores[rule]), f"{scores[rule].f1:.3f}"]
    columns = ["step accuracy", "errors found", "right left alone", "F1 of the first error"]
    shown = pd.DataFrame.from_dict(rows, orient="index", columns=columns)
    truth, place, head = known["label"], known["place z"], known["process z"]
    nats = cross_entropy(place, truth) - cross_entropy(head, truth)
    hits = ((known["process"] >= 0) == truth) * 1.0 - ((place >= 0) == truth)
    more = {"n": mean_interval(nats.groupby(known["prompt"]).mean())}
    more["s"] = mean_interval(hits.groupby(known["prompt"]).mean())
    last = steps[steps["last"]].set_index("solution")
    called = {"outcome head": last["outcome z"] >= 0, "process head calls no step wrong": alone(steps)}
    ends = {}
    for name, each in called.items():
        right = each == last["right"]
        ends[name] = said((right.mean(), *accuracy_interval(right, last["prompt"])))
    base = max(last["right"].mean(), 1 - last["right"].mean())
    return (
        f"{shown.to_string()}\n\nprocess head ahead of the rate at a step's place, over prompts: "
        f"log-loss {said(more['n'])} nats, step accuracy {said(more['s'])}\n"
        f"is the whole solution right? {ends}; always the commoner answer {base:.3f}"
    )


def alone(steps: pd.DataFrame) -> pd.Series:
    """For each solution, whether the process head calls none of its steps wrong."""
    return steps.groupby("solution")["process"].min() >= 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data")
    parser.add_argument("--only", default="", help="solutions whose id holds this text")
    parser.add_argument("--solutions", type=int, default=300)
    parser.add_argument("--model", default="smollm2-135m")
    arguments = parser.parse_args()
    chosen = solutions(arguments.data, arguments.only, arguments.solutions)
    vectors = step_features(chosen, arguments.model)
    whole = [n for n, (own,) in enumerate(vectors) if not own.isnan().any()]
    print(f"{len(chosen) - len(whole)} solutions were longer than the model reads, and are left out")
    chosen = rmkit.Preferences([chosen[n] for n in whole], name=chosen.name)
    steps = table([vectors[n] for n in whole], chosen)
    judged_steps = steps["label"].notna().sum()
    print(f"{len(chosen)} solutions, {judged_steps} judged steps, read by {arguments.model}")
    print(report(judged(steps), chosen))


if __name__ == "__main__":
    main()
