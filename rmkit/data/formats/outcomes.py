"""One answer a line: right or wrong, or without a label (to be scored). Answers of a prompt are joined."""

from rmkit.data.columns import Columns, UnusableError, decoded, items, says_something, yes_or_no
from rmkit.data.formats.registry import register

_LABELS = ("label", "correct", "is_correct", "kto_tag", "correctness")
# The names that say most stand first: beside any of them, `answer` may be the right one.
_ANSWERS = (
    "model_response",
    "model_answer",
    "model_output",
    "llm_response",
    "generated_solution",
    "generated_answer",
    "response",
    "completion",
    "generation",
    "prediction",
)
_JUDGED = ("messages", "conversations", "output", "answer")  # without a label they may be anything


@register(
    "one answer, good or not",
    *[(name, label) for name in (*_ANSWERS, *_JUDGED) for label in _LABELS],
    *[("instruction", "output", label) for label in _LABELS],
    joins=True,
)
def outcome(row: Columns) -> dict:
    """One completion and whether it is good (TRL's unpaired preference).

    {"prompt": "Is 4 even?", "completion": "Yes.", "label": true}
    {"prompt": "Is 4 even?", "completion": "No.", "label": false}
    """
    label = row.among(_LABELS)[0]
    return one_answer(row) | {"correct": [None if row.scoring else yes_or_no(row[label], label)]}


def _talk(row: Columns) -> bool:
    if "chosen" in row and "rejected" in row:
        return False
    return bool(row.among(_ANSWERS)) or isinstance(decoded(row.peek("messages")), list)


@register("one answer", *[(name,) for name in _ANSWERS], ("messages",), when=_talk, joins=True)
def one_answer(row: Columns) -> dict:
    """A prompt and one response, or a conversation whose last turn is the response; no label.

    {"prompt": "Name a fern.", "response": "Maidenhair."}
    {"messages": [{"role": "user", "content": "Name a moss."}, {"role": "assistant", "content": "Sphagnum."}]}
    """
    name = row.among((*_ANSWERS, *_JUDGED))[0]
    return {"responses": [row[name]]} | ({"prompt": None} if name in ("messages", "conversations") else {})


def _text(row: Columns) -> bool:
    return isinstance(row.peek("output"), str) and not isinstance(decoded(row.peek("output")), list)


@register("instruction and output", ("instruction", "output"), when=_text, joins=True)
def instruction(row: Columns) -> dict:
    """Alpaca's instruction, input and output: one answer without a label.

    {"instruction": "Name a fern.", "input": "", "output": "Maidenhair."}
    """
    return {"responses": [row["output"]]}


def _sharegpt(row: Columns) -> bool:
    return isinstance(decoded(row.first("conversations", "conversation")), list)


@register("conversations", ("conversations",), ("conversation",), when=_sharegpt, joins=True)
def conversations(row: Columns) -> dict:
    """ShareGPT: a conversation whose last turn is the response; no label. LIMA's turns are plain texts.

    {"conversations": [{"from": "human", "value": "Name a fern."}, {"from": "gpt", "value": "Maidenhair."}]}
    """
    column = row.among(("conversations", "conversation"))[0]
    if not says_something(row.peek(column)):
        raise UnusableError("empty")
    talk = items(row, column)
    if all(isinstance(turn, str) for turn in talk) and len(talk) % 2 == 0:
        roles = ("user", "assistant")
        talk = [{"role": roles[i % 2], "content": text} for i, text in enumerate(talk)]
    return {"prompt": None, "responses": [talk]}
