"""One answer a line: right or wrong, or without a label (to be scored). Answers of a prompt are joined."""

from rmkit.data.columns import Columns, decoded, yes_or_no
from rmkit.data.formats.registry import register

_LABELS = ("label", "correct", "is_correct")


@register(
    "one answer, good or not",
    *[(name, label) for name in ("completion", "response", "messages") for label in _LABELS],
    joins=True,
)
def outcome(row: Columns) -> dict:
    """One completion and whether it is good (TRL's unpaired preference).

    {"prompt": "Is 4 even?", "completion": "Yes.", "label": true}
    {"prompt": "Is 4 even?", "completion": "No.", "label": false}
    """
    label = next(label for label in _LABELS if label in row)
    return one_answer(row) | {"correct": [yes_or_no(row[label], label)]}


def _talk(row: Columns) -> bool:
    if "chosen" in row and "rejected" in row:
        return False
    return isinstance(decoded(row.peek("messages")), list) or "response" in row or "completion" in row


@register("one answer", ("response",), ("completion",), ("messages",), when=_talk, joins=True)
def one_answer(row: Columns) -> dict:
    """A prompt and one response, or a conversation whose last turn is the response; no label.

    {"prompt": "Name a fern.", "response": "Maidenhair."}
    {"messages": [{"role": "user", "content": "Name a moss."}, {"role": "assistant", "content": "Sphagnum."}]}
    """
    if "response" in row or "completion" in row:
        return {"responses": [row["response"] if "response" in row else row["completion"]]}
    return {"prompt": None, "responses": [row["messages"]]}


def _text(row: Columns) -> bool:
    return isinstance(row.peek("output"), str) and not isinstance(decoded(row.peek("output")), list)


@register("instruction and output", ("instruction", "output"), when=_text, joins=True)
def instruction(row: Columns) -> dict:
    """Alpaca's instruction, input and output: one answer without a label.

    {"instruction": "Name a fern.", "input": "", "output": "Maidenhair."}
    """
    return {"responses": [row["output"]]}


def _sharegpt(row: Columns) -> bool:
    return isinstance(decoded(row.peek("conversations")), list)


@register("conversations", ("conversations",), when=_sharegpt, joins=True)
def conversations(row: Columns) -> dict:
    """ShareGPT: a conversation whose last turn is the response; no label.

    {"conversations": [{"from": "human", "value": "Name a fern."}, {"from": "gpt", "value": "Maidenhair."}]}
    """
    return {"prompt": None, "responses": [row["conversations"]]}
