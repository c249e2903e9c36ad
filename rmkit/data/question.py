"""The question of a row: under which names it stands in public sets, and what else belongs to it."""

from rmkit.data.columns import BadValueError, Columns, decoded, says_something
from rmkit.data.transcripts import Messages, earlier_turns, is_talk, messages, prompt

# Where the question itself may stand; the first of these that a row has is read.
QUESTION = (
    "orig_instruction",  # beside it, `instruction` is what a judge was told
    "prompt",
    "question",
    "instruction",
    "query",
    "problem",
    "user_prompt",
    "user_input",
    "user_query",
    "user_message",
    "user_question",
    "user_request",
    "goal",
    "request",
    "input",
    "inputs",
    "human_input",
    "human",
    "input_text",
    "prompt_text",
    "question_text",
    "query_text",
    "instruction_text",
    "problem_statement",
    "original_prompt",
    "post",
    "body",
    "selftext",
    "article",
    "document",
    "passage",
    "source_text",
    "text_prompt",
    "task_description",
    "topic",
)
WHOLE_QUESTION = ("orig_instruction", "prompt")  # nothing else asks anything beside these
# Names that as often stand beside the question as hold it: alone they do, beside another text one must ask.
VAGUE = ("topic", "task_description", "context")
ASIDE_OF_TALK = ("topic", "task_description")  # beside a conversation they only say what it is about

# Where turns before the question may stand, and where the whole conversation may.
BEFORE = (
    "history",
    "chat_history",
    "conversation_history",
    "dialogue_history",
    "dialog_history",
    "message_history",
    "previous_turns",
    "previous_messages",
    "context",
    "context_messages",
    "dialogue",
    "dialog",
)
WHOLE = (
    "conversations",
    "conversation",
    "messages",
    "contents",
    "trajectory",
    "prompt_messages",
    "conversation_input",
    "chat",
    "turns",
)
SYSTEM = ("system", "system_prompt", "system_message")
# What a question may be about, as text: before it, or after it where a separator is named.
MATERIAL = {
    "query": "\n",
    "problem": "\n",
    "input": "\n",
    "context": None,
    "passage": None,
    "document": None,
    "article": None,
    "body": "\n\n",
    "selftext": "\n\n",
    "title": None,
}
ASIDE = (*BEFORE, *WHOLE, *SYSTEM, *MATERIAL, "instruction")


def asked(row: Columns) -> str | Messages | None:
    """The prompt of a row: question, instruction + input, history, context, system ..., whatever is there.

    None where the row has no such column; the prompt may then stand in the answers.
    """
    read_before = set(row.read)
    column = _question_column(row)
    if column in ASIDE_OF_TALK and _asks(row):
        column = None  # the conversation is the question, and this is about it
    question = None if column is None else row[column]
    question = prompt(_whole(question), column) if says_something(question) else None
    if question and not row.among(ASIDE):  # most rows: nothing but the question
        row.asked, row.vague = row.read - read_before, column if column in VAGUE else None
        return question
    if isinstance(question, str | None) and column is not None:
        question = _with_material(row, question or "", column)
    earlier = _earlier_column(row, question)
    before = [] if earlier is None else _turns(row, earlier)
    column = earlier if isinstance(before, str) and not question else column
    question = _after(before, question)
    if question is None and row.among(QUESTION):
        question = ""  # the column is there and holds null
    question = with_system(row, question)
    alone = column in VAGUE and earlier in (None, column)
    row.asked, row.vague = row.read - read_before, column if alone else None
    return question


def _asks(row: Columns) -> bool:
    """Whether the row holds a conversation that ends with a question."""
    talks = (decoded(row.peek(name)) for name in row.among(WHOLE))
    return any(is_talk(talk) and messages(talk, "messages")[-1]["role"] == "user" for talk in talks)


def _earlier_column(row: Columns, question: str | Messages | None) -> str | None:
    """The column with what was said before the question, if any; columns that say nothing are read."""
    unread = [name for name in row.among(BEFORE + WHOLE) if row.find(name) not in row.read]
    filled = [n for n in unread if _read(row, n) and isinstance(row.peek(n), str | list | dict)]
    return next((name for name in filled if _comes_before(row, name, question)), None)


def _after(before: str | Messages, question: str | Messages | None) -> str | Messages | None:
    """The question with what was said before it: a text goes into its turn, turns go before it."""
    if not before:
        return question
    if isinstance(before, str) and isinstance(question, list):
        place = max(i for i, turn in enumerate(question) if turn["role"] == "user" or i == 0)
        asks = question[place] | {"content": f"{before}\n\n{question[place]['content']}"}
        return [*question[:place], asks, *question[place + 1 :]]
    if isinstance(before, str):
        return f"{before}\n\n{question}" if question else before
    new = [{"role": "user", "content": question}] if isinstance(question, str) and question else question
    return before if not new or before[-len(new) :] == new else [*before, *new]


def _question_column(row: Columns) -> str | None:
    """The first question column that says something, else the first that is there; empty ones are read."""
    named = row.among(QUESTION)
    if len(named) < 2:  # most rows
        return named[0] if named else None
    return next((name for name in named if _read(row, name)), named[0])


def _read(row: Columns, name: str) -> bool:
    """Whether a column says something; one that holds null or nothing has been looked at, too."""
    if says_something(row.peek(name)):
        return True
    row[name]
    return False


def _turns(row: Columns, name: str) -> str | Messages:
    """The turns of a column; several bare texts are turns only where its name speaks of a dialogue."""
    value = decoded(_whole(row[name]))
    if name in WHOLE and isinstance(value, list) and len(value) > 1 and isinstance(value[0], str):
        raise BadValueError(name, 'chat messages that say who speaks, each {"role": ..., "content": text}')
    return earlier_turns(value, name)


def _comes_before(row: Columns, name: str, question: str | Messages | None) -> bool:
    """Whether a column holds turns before the question: a whole conversation that repeats it does not."""
    if not question or name in BEFORE:
        return True
    talk = decoded(row.peek(name))
    if not isinstance(question, str) or not isinstance(talk, list) or not is_talk(talk):
        return False
    texts = [turn.get("content", turn.get("value")) for turn in talk]
    if not all(isinstance(text, str) and text.strip() for text in texts):
        return False
    repeated = any(text.strip() in question or question.strip() in text for text in texts)
    repeated = repeated or any(texts[-1] == value for value in row.values())  # it goes on to an answer
    return not repeated and messages(talk, name)[-1]["role"] == "assistant"


def _whole(question: object) -> object:
    """WebGPT's question is an object with its full text; OpenAI's fine-tuning `input` one with messages."""
    if not isinstance(question, dict) or {"role", "from"} & set(question):
        return question
    return next((question[name] for name in _TEXT_OF if question.get(name) is not None), question)


_TEXT_OF = ("full_text", "messages", "text", "content")


def _with_material(row: Columns, question: str, column: str) -> str:
    """The question and the text that it is about: instruction, a line break, input; context before it."""
    if column not in WHOLE_QUESTION and row.find("instruction") not in row.read:
        told = row.get("instruction")
        if isinstance(told, str) and told.strip() and told.strip() not in question:
            question = f"{told}\n{question}"
    for name in row.among(tuple(MATERIAL)):
        if row.find(name) in row.read or (name in ("query", "problem") and column != "instruction"):
            continue
        text, after = row.peek(name), MATERIAL[name]
        if not _read(row, name) or not isinstance(text, str) or is_talk(text):
            continue
        row[name]  # read, even where the question holds it already
        if text.strip() not in question:
            parts = (question, text) if after else (text, question)
            question = (after or "\n\n").join(part for part in parts if part)
    return question


def with_system(row: Columns, question: str | Messages | None) -> str | Messages | None:
    """The question with the row's system prompt before it, where there is one and it has none."""
    told = () if question is None else row.among(SYSTEM)
    system = next((row[name] for name in told if _read(row, name)), None)
    if question is None or not isinstance(system, str) or not system.strip():
        return question
    if isinstance(question, str):
        begun = question.startswith(system.strip()) and len(system.split()) > 2
        question = question[len(system.strip()) :].lstrip() if begun else question
    turns = [{"role": "user", "content": question}] if isinstance(question, str) else question
    if turns[:1] and turns[0]["role"] == "system":
        if turns[0]["content"].strip() != system.strip():  # it stays in `extra`
            row.read -= {row.find(name) for name in row.among(SYSTEM)}
        return turns
    return [{"role": "system", "content": system}, *turns]
