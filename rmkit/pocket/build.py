"""`make data`: write the pocket world's sets, their checksums and their card from the seeds.

python -m rmkit.pocket.build            writes data/pocket
python -m rmkit.pocket.build --check    writes nothing; exit code 1 if a shipped file differs
"""

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

from rmkit.pocket import aims, annotators, facts, grader, nulls, questions, sets

CHECKSUMS = "checksums.txt"


def encode(rows: list[dict]) -> bytes:
    """One JSON object a line."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def checksums(files: dict[str, bytes]) -> bytes:
    """As sha256sum writes and checks them."""
    lines = [f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in sorted(files.items())]
    return "".join(lines).encode()


def files() -> tuple[dict[str, bytes], dict[str, list[dict]]]:
    """({file name: bytes} of all sets and their checksums, {set: rows})."""
    made = sets.shipped_rows()
    data = {f"{name}.jsonl": encode(rows) for name, rows in made.items()}
    return data | {CHECKSUMS: checksums(data)}, made


def card(made: dict[str, list[dict]]) -> str:
    """The data card, with the null rules measured on the test set."""
    template = (Path(__file__).parent / "card.md").read_text(encoding="utf-8")
    golds = {name: [row["ratings"]["gold"] for row in rows] for name, rows in made.items()}
    noisy, true = nulls.table(made["train"], made["test"]), nulls.table(made["train"], made["test"], "gold")
    lines = [f"| {rule} | {noisy[rule]:.1%} | {true[rule]:.1%} |" for rule in noisy]
    sizes = [
        f"| `{name}.jsonl` | {len(rows)} | "
        + (f"{annotators.ceiling(golds[name]):.1%} |" if name != "bench" else "no annotators |")
        for name, rows in made.items()
    ]
    filled = {
        "ANIMALS": str(len(facts.ANIMALS)),
        "UNSEEN": ", ".join(facts.UNSEEN),
        "KINDS": ", ".join(questions.KINDS),
        "WEIGHTS": ", ".join(f"{name} {weight:.2f}" for name, weight in grader.WEIGHTS.items()),
        "TEMPERATURE": f"{annotators.TEMPERATURE:.2f}",
        "SETS": "\n".join(sizes),
        "NULLS": "\n".join(lines),
        "TASTES": ", ".join(grader.TASTES),
        "CAMPS": "\n".join(_camp(name, weights) for name, weights in annotators.CAMPS.items()),
        "AIMS": "\n".join(aim.line for aim in aims.measured(made)),
    }
    for name, text in filled.items():
        template = template.replace("{{" + name + "}}", text)
    return template


def _camp(name: str, weights: dict[str, float]) -> str:
    return f"| {name} | " + ", ".join(f"{aspect} {weight:g}" for aspect, weight in weights.items()) + " |"


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m rmkit.pocket.build", description="Write data/pocket.")
    parser.add_argument("--check", action="store_true", help="compare only; exit code 1 if a file differs")
    options = parser.parse_args(arguments)
    start = time.perf_counter()
    data, made = files()
    folder = sets.folder()
    if options.check:
        changed = [n for n, b in data.items() if not (folder / n).is_file() or (folder / n).read_bytes() != b]
        print("\n".join(f"differs: {name}" for name in changed) or f"{len(data)} files as shipped")
        return int(bool(changed))
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in data.items():
        (folder / name).write_bytes(content)
    (folder / "README.md").write_text(card(made), encoding="utf-8")
    total = sum(map(len, data.values())) / 1e6
    print(f"{len(data)} files, {total:.1f} MB, in {folder} ({time.perf_counter() - start:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
