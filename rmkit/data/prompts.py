"""The question of a row, under the names that public sets use, and the answers to it."""

from dataclasses import dataclass, field

from rmkit.data.columns import BadRowError, BadValueError, Columns, UnusableError, decoded
from rmkit.data.transcripts import (
    Messages,
    is_plain,
    is_talk,
    is_unsplit,
    messages,
    prompt,
    transcript,
    written,
)

# Where the question itself may stand; the first of these that a row has is read.
QUESTION = (
    "orig_instruction",  # beside it, `instruction` is what a judge was told
    "prompt",
    "question",
    "instruction",
    "query",
    "problem",
    "input",
    "user_prompt",
    "user_input",
    "user_query",
    "user_message",
    "request",
    "input_text",
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
# Where turns before the question may stand, and where the whole conversation may.
_BEFORE = ("history", "context", "context_messages", "dialogue", "dialog")
_WHOLE = ("conversations", "conversation", "messages", "contents", "trajectory")
_SYSTEM = ("system", "system_prompt", "system_message")
_MATERIAL = (
    "input",
    "context",
    "passage",
    "document",
    "body",
    "selftext",
    "title",
)  # what a question may be about, as text

_ASIDE = (*_BEFORE, *_WHOLE, *_SYSTEM, *_MATERIAL)

# Notes of the ledger: rows that are kept, and what was done to them.
NO_PROMPT = "no prompt"
UNSPLIT = "transcript left as text"
REPEATED = "prompt taken off the answers"
IMPLICIT = "prompt taken from the answers' beginning"
SEVERAL_TURNS = "response of several turns"


def asked(row: Columns) -> str | Messages | None:
    """The prompt of a row: question, instruction + input, history, context, system ..., whatever is there.

    None where the row has no such column; the prompt may then stand in the answers.
    """
    read_before = set(row.read)
    question = _first_written(row)
    question = question if question in (None, "", []) else prompt(_whole(question), "prompt")
    question = "" if question == [] else question
    if question and not row.among(_ASIDE):  # most rows: nothing but the question
        row.asked = row.read - read_before
        return question
    if isinstance(question, str):
        question = _with_material(row, question)
    earlier = row.among(_BEFORE if question else _BEFORE + _WHOLE)
    unread = [name for name in earlier if row.find(name) not in row.read]
    before = row.first(*unread)
    before = [] if before is None else _turns(before)
    if isinstance(before, str):
        question = "\n\n".join(part for part in (before, question) if isinstance(part, str) and part)
        before = []
    if before:
        new = [{"role": "user", "content": question}] if isinstance(question, str) and question else question
        question = before if not new or before[-len(new) :] == new else [*before, *new]
    if question is None and row.among(QUESTION):
        question = ""  # the column is there and holds null
    question = _with_system(row, question)
    row.asked = row.read - read_before
    return question


def _first_written(row: Columns) -> object:
    """The first question column that says something, else the first that is there, else None."""
    named = row.among(QUESTION)
    if len(named) < 2:  # most rows
        return row[named[0]] if named else None
    there = [name for name in named if row.peek(name) is not None]
    written_in = [name for name in there if row.peek(name) not in ("", [])]
    return row[(*written_in, *there, *named)[0]]  # a column that holds null has been looked at, too


def _whole(question: object) -> object:
    """WebGPT's question is an object with its full text; OpenAI's fine-tuning `input` one with messages."""
    if not isinstance(question, dict):
        return question
    return next((question[name] for name in ("full_text", "messages") if name in question), question)


def _with_material(row: Columns, question: str) -> str:
    """The question and the text that it is about: instruction, a line break, input; context before it."""
    for column in row.among(_MATERIAL):
        if row.find(column) in row.read:
            continue
        text = row.peek(column)
        if text in (None, ""):
            row[column]  # read, and empty
        elif isinstance(text, str) and text.strip() and not is_talk(text):
            row[column]  # read, even where the question holds it already
            if text.strip() not in question:
                after = {"input": "\n", "body": "\n\n", "selftext": "\n\n"}.get(column)
                question = f"{text}\n\n{question}" if after is None else f"{question}{after}{text}"
    return question


def _turns(value: object) -> str | Messages:
    """Earlier turns: messages, pairs [question, answer], texts in turn, a transcript, or a text."""
    value = decoded(value)
    if isinstance(value, str):
        return transcript(value) or value
    if isinstance(value, list) and all(isinstance(turn, list | tuple) and len(turn) == 2 for turn in value):
        value = [text for turn in value for text in turn]
    if isinstance(value, list) and all(isinstance(text, str) for text in value):
        roles = ("user", "assistant")
        return [{"role": roles[i % 2], "content": text} for i, text in enumerate(value)]
    return messages(value, "history")


def _with_system(row: Columns, question: str | Messages | None) -> str | Messages | None:
    system = None if question is None else row.first(*_SYSTEM)
    if question is None or not isinstance(system, str) or not system.strip():
        return question
    turns = [{"role": "user", "content": question}] if isinstance(question, str) else question
    return (
        turns
        if turns[:1] and turns[0]["role"] == "system"
        else [{"role": "system", "content": system}, *turns]
    )


@dataclass
class Exchange:
    """A prompt, the responses to it, and notes on what was done to either."""

    prompt: str | Messages
    responses: list
    notes: list[str] = field(default_factory=list)


def exchange(question: str | Messages | None, answers: list, row: Columns) -> Exchange:
    """The prompt that all answers share, and what each answers to it.

    question: None where the prompt is the beginning that all answers have in common.
    answers: texts, or conversations (messages, or transcripts) that may or may not repeat the prompt.
    """
    if isinstance(question, str) and all(map(is_plain, answers)):  # most rows
        return _noted(_without_prompt(question, answers), row)
    talks = [None if answer in ([], {}) else _as_talk(answer) for answer in answers]
    if isinstance(question, list) and question[-1]["role"] == "assistant" and len(question) > 1:
        # A whole conversation beside the answers: its last turn is one of them.
        last = [talk[-1]["content"] if isinstance(talk, list) else talk for talk in talks]
        question = question[:-1] if question[-1]["content"] in last else question
    if any(isinstance(talk, list) for talk in talks):
        if not all(isinstance(talk, list) for talk in talks):
            talks = [[{"role": "assistant", "content": t}] if isinstance(t, str) else t for t in talks]
        if not all(isinstance(talk, list) for talk in talks):
            raise UnusableError("empty" if None in talks else "not text")
        found = _from_conversations(question, talks, row)
    elif all(isinstance(talk, str) for talk in talks):
        found = _from_texts(question, talks, row)
    else:
        found = Exchange("" if question is None else question, talks)
    if question is None and found.prompt:
        found.prompt = _with_system(row, found.prompt)
    return _noted(found, row)


def unchanged(question: str | Messages, answers: list, row: Columns) -> Exchange:
    """A prompt and its answers as they stand, with the same notes."""
    return _noted(Exchange(question, answers), row)


def _noted(found: Exchange, row: Columns) -> Exchange:
    if not found.prompt:
        _refuse_lost_question(row)
        found.notes.append(NO_PROMPT)
    elif isinstance(found.prompt, str) and is_unsplit(found.prompt):
        found.notes.append(UNSPLIT)
    return found


def _as_talk(answer: object) -> object:
    """A conversation where the answer is one (a message, a list, or text that holds it); else as it is."""
    if is_talk(answer):
        return messages(answer, "answer")
    if isinstance(answer, dict):  # {"text": ..., "model": ...}
        return next((_as_talk(answer[n]) for n in ("content", "text", "response") if n in answer), answer)
    if isinstance(answer, list) and answer and all(isinstance(part, dict) for part in answer):
        return messages(answer, "answer")
    # A list of other things is no conversation: it is counted as "not text", not taken for turns.
    return tuple(answer) if isinstance(answer, list) else answer


def _refuse_lost_question(row: Columns) -> None:
    others = row.unread_text()
    if others:
        named = ", ".join(map(repr, others))
        columns = "column" if len(others) == 1 else "columns"
        raise BadRowError(
            f"no prompt was found, and the text of {columns} {named} is not used: rename the column of the "
            "question to 'prompt', or drop the others",
            f"no prompt, column {named} unused",
        )


def _from_conversations(question: str | Messages | None, talks: list[Messages], row: Columns) -> Exchange:
    shared = 0
    # The last message is always the answer, even where all answers are the same.
    while all(shared < len(talk) - 1 for talk in talks) and all(
        talk[shared] == talks[0][shared] for talk in talks
    ):
        shared += 1
    if len(talks) == 1 and talks[0][-1]["role"] != "assistant":
        raise UnusableError("last turn is not the assistant's")
    # An answer begins with the assistant: where histories differ earlier, at the turn before.
    while shared and any(talk[shared]["role"] != "assistant" for talk in talks):
        shared -= 1
    beginning, rest = talks[0][:shared], [talk[shared:] for talk in talks]
    if any(turns[0]["role"] != "assistant" for turns in rest):
        raise UnusableError("prompts differ")
    notes = [SEVERAL_TURNS] if any(len(turns) > 1 for turns in rest) else []
    said = [written(turns) for turns in rest]
    if question is None:
        return Exchange(beginning or "", said, notes)
    prompt_of_all = _joined(question, beginning)
    told = [prompt_of_all] if isinstance(prompt_of_all, str) else [turn["content"] for turn in prompt_of_all]
    if isinstance(question, str) and not any(question.strip() in text for text in told):
        row.read -= row.asked  # what the columns said is no part of this conversation: it stays in `extra`
    return Exchange(prompt_of_all, said, notes)


def _joined(stated: str | Messages, beginning: Messages) -> str | Messages:
    """The stated prompt and the shared beginning of the conversations, which may repeat it."""
    if not beginning:
        return stated
    if isinstance(stated, str):
        asked_in_it = any(message["role"] == "user" for message in beginning)
        return beginning if asked_in_it or not stated else [*beginning, {"role": "user", "content": stated}]
    if stated[-len(beginning) :] == beginning or stated[: len(beginning)] == beginning:
        return stated
    n = len(stated)
    return beginning if stated in (beginning[:n], beginning[-n:]) else stated + beginning


def _from_texts(question: str | Messages | None, answers: list[str], row: Columns) -> Exchange:
    turns = [transcript(answer) for answer in answers]
    if all(turn and turn[-1]["role"] == "assistant" for turn in turns) and _repeat(question, turns):
        found = _from_conversations(question, turns, row)
        found.notes += [REPEATED] if question and _begin_with(question, turns) else []
        return found
    if question is not None:
        return _without_prompt(question, answers)
    if row.unread_text():
        return Exchange("", answers)  # words in common are no question while a column may hold it
    return _implicit(answers)


def _repeat(question: str | Messages | None, talks: list[Messages]) -> bool:
    """Whether transcripts stand for whole conversations: each begins with the prompt, or with the others."""
    together = len(talks) > 1 and all(talk[0] == talks[0][0] for talk in talks)
    return not question or together or _begin_with(question, talks)


def _begin_with(question: str | Messages, talks: list[Messages]) -> bool:
    asked_turns = [{"role": "user", "content": question.strip()}] if isinstance(question, str) else question
    return all(len(talk) > len(asked_turns) and talk[: len(asked_turns)] == asked_turns for talk in talks)


def _without_prompt(question: str | Messages, answers: list[str]) -> Exchange:
    """Answers without the prompt that all of them repeat: two answers or more, of three words or more."""
    stated = (question if isinstance(question, str) else question[-1]["content"]).strip()
    if len(answers) < 2 or not all(a.lstrip().startswith(stated) for a in answers):
        return Exchange(question, answers)
    if len(stated.split()) < 3 and len(stated) < 20:
        return Exchange(question, answers)
    rest = [answer.lstrip()[len(stated) :] for answer in answers]
    if any(not text.strip() or (text[0].isalnum() and stated[-1].isalnum()) for text in rest):
        return Exchange(question, answers)
    return Exchange(question, [text.lstrip() for text in rest], [REPEATED])


def _implicit(answers: list[str]) -> Exchange:
    """TRL's implicit prompt: the beginning in common, up to the last cue of a transcript or whole word."""
    if len(answers) == 1:
        return Exchange("", answers)
    shortest = min(len(answer) for answer in answers)
    n = next((i for i in range(shortest) if len({answer[i] for answer in answers}) > 1), shortest)
    shared = answers[0][:n]
    cue = shared.rfind("\n\nAssistant:")
    if cue >= 0:
        n = cue + len("\n\nAssistant:")
    else:
        n = max((i + 1 for i, letter in enumerate(shared) if letter.isspace()), default=0)  # whole words only
    if len(answers[0][:n].split()) < 3:  # two answers may well begin with the same word
        return Exchange("", answers)
    return Exchange(prompt(answers[0][:n].strip()), [answer[n:] for answer in answers], [IMPLICIT])


def checked_prompt(value: object) -> str | Messages:
    """A prompt that a format gave, in the common form."""
    if value is None:
        return ""
    if not isinstance(value, str | list | dict):
        raise BadValueError("prompt", "text or a list of chat messages")
    return prompt(value)
