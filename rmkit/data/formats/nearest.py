"""What to say of rows that no format reads: what they lack, and a rename only where it is one of spelling."""

import difflib
import re

from rmkit.data.column_names import holds_words
from rmkit.data.columns import Columns, plain

_SIMPLEST = (
    "Simplest are prompt + responses + ranks, or prompt + chosen + rejected; "
    "@rmkit.formats.register adds a format"
)
_RANKING = ("ranking", "rankings")
_LONG = 4  # words: a shorter text may be a name
_ASKED = ("prompt", "question", "instruction", "query", "input", "context", "messages", "conversations")


def sentence(row: Columns, known: dict[str, list[tuple[str, ...]]]) -> str:
    """Why no format reads a row, and what to do. known: {format: the columns it asks for}."""
    columns = list(row)
    found = ", ".join(map(repr, columns)) or "none"
    if are_bare_names(row) or _are_contests(row):
        return (
            f"these rows say who won, and hold no texts to compare (columns {found}): rmkit.load reads "
            "prompts and their responses; rmkit.bradley_terry.fit takes battles and rankings."
        )
    if near := _nearest(columns, known):
        name, layout, advice = near
        hint = f"the nearest is {name}, which wants {' + '.join(layout)} ({'; '.join(advice)})"
    elif row.among(_ASKED):
        hint = "the prompt may be there, but no column whose name says that it holds answers"
    elif any(holds_words(value, _LONG) for value in row.values()):
        hint = "rename those of the prompt and of its answers"
    else:
        hint = "none of them holds a text of several words"
    return f"no format has these columns: {found}; {hint}. {_SIMPLEST}."


def are_bare_names(row: Columns) -> bool:
    """Whether winner and loser are no answers but names: nothing is asked, and no cell is a text."""
    named = len(row.among(("winner", "loser"))) == 2
    return named and not row.among(_ASKED) and not any(holds_words(value, _LONG) for value in row.values())


def _are_contests(row: Columns) -> bool:
    """Whether a row names items and who won, or ranks them, and holds no two texts to compare."""
    from rmkit.theory.battle_words import COUNTED, SIDES, WINNER  # SciPy: only where a sentence is needed

    told = bool(row.among(WINNER)) or any(len(row.among(names)) == len(names) for names in COUNTED)
    battles = told and any(len(row.among(pair)) == 2 for pair in SIDES)
    rankings = row.among(_RANKING)
    texts = [name for name, value in row.items() if plain(name) not in _RANKING and holds_words(value, _LONG)]
    return bool(battles or rankings) and len(texts) < 2


def _nearest(columns: list[str], known: dict) -> tuple[str, tuple[str, ...], list[str]] | None:
    """(format, its columns, what to rename or add) where all but one column are there, or nearly so."""
    there = {plain(column) for column in columns}
    taken = {plain(name) for layouts in known.values() for layout in layouts for name in layout}
    free = [column for column in columns if plain(column) not in taken]
    best, least = None, (2, 0)
    for name, layouts in known.items():
        for layout in layouts:
            missing = [wanted for wanted in layout if plain(wanted) not in there]
            renames = {wanted: column for wanted in missing for column in free if _misspelled(column, wanted)}
            lacking, exact = len(missing) - len(renames), len(layout) - len(missing)
            enough = lacking == 0 or exact > 1 or set(layout) & there & {"chosen", "rejected"}
            if enough and len(set(renames.values())) == len(renames) and (lacking, -exact) < least:
                told = [
                    f"rename {renames[w]!r} to {w!r}" if w in renames else f"there is no {w!r}"
                    for w in missing
                ]
                best, least = (name, layout, told), (lacking, -exact)
    return best


def _misspelled(column: str, wanted: str) -> bool:
    """Whether a name is the wanted one with a word misspelled, and no plural and no word of its own."""
    if plain(column) in (f"field{plain(wanted)}", f"my{plain(wanted)}"):
        return True
    here, there = (re.split(r"[\s_.-]+", name.lower()) for name in (str(column), wanted))
    differ = [pair for pair in zip(here, there, strict=False) if pair[0] != pair[1]]
    if len(here) != len(there) or len(differ) != 1:
        return False
    (said, meant), plural = differ[0], {f"{here[-1]}s", f"{there[-1]}s"} & {here[-1], there[-1]}
    near = difflib.SequenceMatcher(None, said, meant).ratio() >= 0.75 and abs(len(said) - len(meant)) < 3
    return near and said[:1] == meant[:1] and (not plural or said.endswith("ss"))
