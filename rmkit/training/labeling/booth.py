"""A voting booth without a screen: which pair is asked, on which side, what was expected, what was said.

The screen is panel.py. A vote is on disk before anything here knows of it.
"""

import datetime
import time
import uuid
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np

from rmkit.data.preferences import as_preferences, prompt_key
from rmkit.data.records import Record
from rmkit.errors import InputError, did_you_mean
from rmkit.models.features import features
from rmkit.training.labeling.taste import Taste, differences
from rmkit.training.labeling.track import Track
from rmkit.training.labeling.vote_file import VoteFile

ORDERS = ("random", "least sure")
RANKS = {"left": [1, 2], "right": [2, 1], "tie": [1, 1]}
BLOCK = 4  # of so many pairs that are asked one after another, half are turned


class Booth:
    """One person's votes on pairs: `.shown` is asked now, `.vote("left")` goes on to the next.

    preferences: groups of two responses, whatever `rmkit.load` takes; nothing that others said of them is
        used or written. A pair that stands there twice is asked once.
    out: a .jsonl file; where it holds votes of this annotator the booth goes on behind them.
    order: "random", or "least sure": next comes the pair whose vote teaches the head most (`Taste`).
    model: whose frozen features the head sees (`rmkit.features`); None: no head, and no expectations.
    seed: of the order, which all annotators share, so that they meet on the same pairs first, and of the
        sides, which differ by annotator.
    """

    def __init__(
        self,
        preferences,
        out: str | Path,
        annotator: str = "me",
        *,
        order: str = "random",
        tell: bool = True,
        model: str | Path | None = "pocket",
        seed: int = 0,
    ):
        if not isinstance(annotator, str) or not annotator.strip():
            raise InputError(f"annotator={annotator!r}: give a name, so that votes can be told apart.")
        if order not in ORDERS:
            raise InputError(f"order={order!r} is unknown{did_you_mean(str(order), ORDERS)}")
        if order == "least sure" and model is None:
            raise InputError('order="least sure" needs a head: name a model.')
        self.annotator, self.order, self.tell, self.seed = annotator, order, tell, seed
        self.pairs = _pairs(preferences)
        self.file = VoteFile(out)
        self.taste = None if model is None else Taste(differences(features(self.pairs, model)))
        self._queue = np.random.default_rng(seed).permutation(len(self.pairs))
        self._sides = _sides(len(self.pairs), seed, annotator)
        self._again: list[int] = []  # pairs that were taken back: they are asked first
        places = {_key(record): i for i, record in enumerate(self.pairs)}
        mine = [(n, line) for n, line in enumerate(self.file.lines) if line["annotator"] == annotator]
        known = [(n, places.get(_key_of(line))) for n, line in mine if not _extra(line).get("undone")]
        self._asked = [(n, i) for n, i in known if i is not None]  # (line of the file, pair), one a turn
        self.elsewhere = len(known) - len(self._asked)  # votes of this person on pairs that are not here
        self._next()

    # --- what is asked --------------------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether no pair is left."""
        return self.current is None

    @property
    def shown(self) -> Record:
        """The record asked now, its left response first, with all that the source knows of it."""
        if self.done:
            raise InputError(f"All {len(self.pairs)} pairs were asked: give the booth other pairs.")
        return self.pairs[self.current].choose([1, 0] if self.turned else [0, 1])

    @property
    def votes(self) -> list[dict]:
        """This person's lines on these pairs that stand, skipped ones too, the oldest first."""
        return [self.file.lines[n] for n, _ in self._asked]

    @property
    def shares(self) -> list[tuple[int, float]]:
        """(place in `pairs`, share of the vote for its first response) of every vote that is no skip."""
        voted = [(i, self.file.lines[n]) for n, i in self._asked if self.file.lines[n].get("ranks")]
        return [(i, _for_first(line, self.pairs[i])) for i, line in voted]

    @property
    def track(self) -> Track:
        """How good the expectations were so far."""
        return Track.of(self.votes)

    def _next(self) -> None:
        asked = {i for _, i in self._asked}
        rest = [i for i in self._queue if i not in asked]
        again = [i for i in self._again if i not in asked]
        self.current = self.expected = None
        self.turned = False
        if self.taste is not None:
            voted = self.shares
            self.taste.learn([i for i, _ in voted], [share for _, share in voted])
        if rest:
            worth = self.taste.worth_asking()[rest] if self.order == "least sure" else None
            first = rest[0] if worth is None else rest[int(worth.argmax())]
            self.current = int(again[-1] if again else first)
            self.turned = bool(self._sides[len(self._asked)])
            if self.taste is not None and voted:
                left = self.taste.expects()[self.current]
                self.expected = round(float(1 - left if self.turned else left), 4)
        self._since = time.monotonic()

    # --- what is said ---------------------------------------------------------------------------------------

    def vote(self, side: str, strength: int | None = None) -> dict:
        """Write a vote for "left", "right" or "tie", and ask the next pair. Returns the line.

        strength: how much better, or how sure: 0 to 3, Llama 2's four steps, None where it was not said. A
        tie has none.
        """
        if side not in RANKS:
            raise InputError(f"side={side!r} is unknown{did_you_mean(str(side), RANKS)}")
        if strength not in (None, 0, 1, 2, 3):
            raise InputError(f"strength={strength!r}: give 0 (hardly) to 3 (by far), or None.")
        said = {"ranks": RANKS[side]}
        if strength is not None and side != "tie":
            said["strength"] = strength
        return self._write(said, {})

    def skip(self) -> dict:
        """Write that this pair was passed over: a record without ranks. It is not asked again."""
        return self._write({}, {"skipped": True})

    def undo(self) -> dict:
        """Take the last vote or skip back and ask its pair again; the line stays, without ranks, and says
        what it was. Returns the line.
        """
        if not self._asked:
            raise InputError("There is no vote here to take back.")
        number, index = self._asked[-1]
        line = dict(self.file.lines[number])
        was = {name: line.pop(name) for name in ("ranks", "strength") if name in line}
        extra = _extra(line)
        was |= {"skipped": True} if extra.get("skipped") else {}
        line["extra"] = extra | {"undone": was | {"at": _now()}}
        self.file.replace(number, line)
        self._asked.pop()
        self._again.append(index)
        self._next()
        return line

    def _write(self, said: dict, more: dict) -> dict:
        shown = self.shown
        about = {
            "pair": shown.id,
            "time": _now(),
            "seconds": round(time.monotonic() - self._since, 1),
            "turned": self.turned,
            "seed": self.seed,
            "order": self.order,
            "expected": self.expected,
            "told": self.tell and self.expected is not None,
        }
        # A vote has an id of its own: a file that is read twice holds it once, and two people who forgot to
        # take a name, and say the same, are two votes.
        bare = Record(shown.prompt, shown.responses, subset=shown.subset, annotator=self.annotator)
        said |= {"id": uuid.uuid4().hex}
        line = replace(bare, **said, extra=about | more).to_dict()
        self.file.append(line)
        self._asked.append((len(self.file.lines) - 1, self.current))
        self._next()
        return line


def _pairs(preferences) -> list[Record]:
    records = list(as_preferences(preferences))
    for number, record in enumerate(records):
        if len(record.responses) != 2:
            raise InputError(
                f"{record.where or record.id or f'record {number}'} has {len(record.responses)} responses, "
                "and two are asked at a time: give pairs, such as preferences.to_pairs()."
            )
    pairs: dict[tuple, Record] = {}
    for record in records:
        pairs.setdefault(_key(record), record)
    if not pairs:
        raise InputError("There is no pair to vote on.")
    return list(pairs.values())


def _key(record: Record) -> tuple:
    return prompt_key(record), frozenset(text.strip() for text in record.responses)


def _key_of(line: dict) -> tuple:
    return _key(Record(line.get("prompt", ""), line["responses"]))


def _sides(n: int, seed: int, annotator: str) -> np.ndarray:
    """(n,) bool: is the n-th pair asked shown the other way round? Half of every `BLOCK` are."""
    rng = np.random.default_rng([seed, zlib.crc32(annotator.encode("utf-8"))])
    blocks = [rng.permutation(np.arange(BLOCK) % 2 == 1) for _ in range(0, n, BLOCK)]
    return np.concatenate(blocks)[:n]


def _extra(line: dict) -> dict:
    return line.get("extra") or {}


def _for_first(line: dict, pair: Record) -> float:
    """The share of this vote that goes to the first response of the pair, wherever it was shown."""
    left, right = line["ranks"]
    share = 0.5 if left == right else float(left < right)
    return share if line["responses"][0].strip() == pair.responses[0].strip() else 1 - share


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
