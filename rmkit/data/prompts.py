"""The prompt that the answers of a row share, and what each answers to it."""

from dataclasses import dataclass, field, replace

from rmkit.data.beginnings import joined, same_turn, shared, taken_off
from rmkit.data.columns import BadRowError, BadValueError, Columns, UnusableError, are_objects
from rmkit.data.question import SYSTEM, with_system
from rmkit.data.templates import templated
from rmkit.data.transcripts import (
    Messages,
    is_plain,
    is_talk,
    is_unsplit,
    messages,
    prompt,
    transcript,
    turns_named,
    written,
)

# Under which names an answer that is an object holds its text.
ANSWER_TEXT = (
    "content",
    "text",
    "response",
    "value",
    "answer",
    "completion",
    "output",
    "generation",
    "generated_text",
    "message",
    "messages",
)

# Notes of the ledger: rows that are kept, and what was done to them.
NO_PROMPT = "no prompt"
UNSPLIT = "transcript left as text"
REPEATED = "prompt taken off the answers"
IMPLICIT = "prompt taken from the answers' beginning"
TEMPLATED = "chat template's marks taken off"
SEVERAL_TURNS = "response of several turns"
THOUGHT = "reasoning beside a message not read"


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
    thought = [THOUGHT] if any(map(_thinks, answers)) else []
    if any(isinstance(talk, str) for talk in talks):
        talks = [_as_answer(a, talk, question) for a, talk in zip(answers, talks, strict=True)]
    if isinstance(question, list) and question[-1]["role"] == "assistant" and len(question) > 1:
        # A whole conversation beside the answers: its last turn is one of them.
        last = [talk[-1]["content"] if isinstance(talk, list) else talk for talk in talks]
        question = question[:-1] if question[-1]["content"] in last else question
    if any(isinstance(talk, list) for talk in talks):
        found = _from_conversations(question, _as_conversations(talks), row)
    elif all(isinstance(talk, str) for talk in talks):
        found = _from_texts(question, talks, row)
    else:
        found = Exchange("" if question is None else question, talks)
    if question is None and found.prompt:
        found.prompt = with_system(row, found.prompt)
    found.notes += thought
    return _noted(found, row)


def unchanged(question: str | Messages, answers: list, row: Columns) -> Exchange:
    """A prompt and its answers as they stand, with the same notes."""
    return replace(_noted(Exchange(question, answers), row), prompt=question)


def _noted(found: Exchange, row: Columns) -> Exchange:
    if not _has_words(found.prompt):
        found.prompt = ""
        _refuse_lost_question(row)
        found.notes.append(NO_PROMPT)
    elif row.vague and row.find(row.vague) in row.read:
        _refuse_vague(row, row.vague)
    if isinstance(found.prompt, str) and is_unsplit(found.prompt):
        found.notes.append(UNSPLIT)
    return found


def _has_words(asked: str | Messages) -> bool:
    texts = [asked] if isinstance(asked, str) else [message["content"] for message in asked]
    return any(text.strip() for text in texts if isinstance(text, str))


def _as_talk(answer: object) -> object:
    """A conversation where the answer is one (a message, a list, or text that holds it); else as it is."""
    if is_talk(answer):
        return messages(answer, "answer")
    if isinstance(answer, dict):  # {"text": ..., "model": ...}
        inside = next((answer[name] for name in ANSWER_TEXT if answer.get(name) is not None), None)
        return _as_talk(inside) if inside is not None else turns_named(answer) or answer
    if isinstance(answer, list) and len(answer) == 1 and isinstance(answer[0], str):
        return _as_talk(answer[0])  # one answer in a list
    if answer and are_objects(answer):
        return messages(answer, "answer")
    # A list of other things is no conversation: it is counted as "not text", not taken for turns.
    return tuple(answer) if isinstance(answer, list) else answer


def _as_answer(answer: object, talk: object, question: str | Messages | None) -> object:
    """The text, where it only looks like messages: beside plain texts, and with another first question."""
    if not isinstance(answer, str) or not isinstance(talk, list):
        return talk
    ours = talk[0]["role"] == "assistant" or _holds(talk, question)
    return talk if ours and talk[-1]["role"] == "assistant" else answer


def _as_conversations(talks: list) -> list[Messages]:
    """Conversations as they are, and texts beside them as the assistant's turn after the same question."""
    whole = next(talk for talk in talks if isinstance(talk, list))
    before = whole[:-1] if whole[0]["role"] != "assistant" else []
    made = [[*before, {"role": "assistant", "content": t}] if isinstance(t, str) else t for t in talks]
    if not all(isinstance(talk, list) for talk in made):
        raise UnusableError("empty" if None in made else "not text")
    return made


def _holds(talk: Messages, question: str | Messages | None) -> bool:
    """Whether a conversation holds the stated question, if there is one."""
    stated = question[-1]["content"] if isinstance(question, list) else question or ""
    return any(stated.strip() in turn["content"] for turn in talk)


_THOUGHTS = ("reasoning_content", "reasoning", "thinking")  # where servers put what a model thought before


def _thinks(answer: object) -> bool:
    """Whether a message of a conversation holds its reasoning in a field of its own: no part of the text."""
    turns = answer if isinstance(answer, list) else [answer]
    return any(isinstance(turn, dict) and any(turn.get(name) for name in _THOUGHTS) for turn in turns)


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


def _refuse_vague(row: Columns, column: str) -> None:
    """Refuse a `topic` as the question while another text of the row may be the question."""
    if others := row.unread_text():
        raise BadRowError(
            f"column {column!r} may be the question, or column {others[0]!r}: rename the one that is to "
            "'prompt', or drop the other",
            f"question in {column!r} or {others[0]!r}",
        )


def _from_conversations(question: str | Messages | None, talks: list[Messages], row: Columns) -> Exchange:
    shared = 0
    # The last message is always the answer, even where all answers are the same.
    while all(shared < len(talk) - 1 for talk in talks) and all(
        same_turn(talk[shared], talks[0][shared]) for talk in talks
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
    system, question = _apart(question, row)
    prompt_of_all = joined(question, beginning)
    told = [prompt_of_all] if isinstance(prompt_of_all, str) else [turn["content"] for turn in prompt_of_all]
    if isinstance(question, str) and not any(question.strip() in text for text in told):
        row.read -= row.asked  # what the columns said is no part of this conversation: it stays in `extra`
    if system:
        turns = (
            [{"role": "user", "content": prompt_of_all}] if isinstance(prompt_of_all, str) else prompt_of_all
        )
        prompt_of_all = turns if system[0] in turns else [*system, *turns]
        row.read |= {row.find(name) for name in row.among(SYSTEM)}
    return Exchange(prompt_of_all, said, notes)


def _apart(question: str | Messages, row: Columns) -> tuple[Messages, str | Messages]:
    """(the system's turn, the question as text) where columns of the row hold these; else ([], as it is)."""
    alone = isinstance(question, list) and [turn["role"] for turn in question] == ["system", "user"]
    if alone and any(row.peek(name) == question[0]["content"] for name in row.among(SYSTEM)):
        return question[:1], question[1]["content"]
    return [], question


def _from_texts(question: str | Messages | None, answers: list[str], row: Columns) -> Exchange:
    marked = [_written_by_template(question, answer) for answer in answers]
    turns = [transcript(answer) or turn for answer, turn in zip(answers, marked, strict=True)]
    if all(turn and turn[-1]["role"] == "assistant" for turn in turns) and _repeat(question, turns):
        found = _from_conversations(question, turns, row)
        found.notes += [TEMPLATED] if all(marked) else []
        found.notes += [REPEATED] if question and _begin_with(question, turns) else []
        return found
    if question is not None:
        return _without_prompt(question, answers)
    if row.unread_text():
        return Exchange("", answers)  # words in common are no question while a column may hold it
    return _implicit(answers)


def _written_by_template(question: str | Messages | None, answer: str) -> Messages | None:
    """The conversation that a template wrote, in which the stated question stands; else None."""
    talk = templated(answer)
    return talk if talk and _holds(talk, question) else None


def _repeat(question: str | Messages | None, talks: list[Messages]) -> bool:
    """Whether transcripts stand for whole conversations: each begins with the prompt, or with the others."""
    together = len(talks) > 1 and all(talk[0] == talks[0][0] for talk in talks)
    return not question or together or _begin_with(question, talks)


def _begin_with(question: str | Messages, talks: list[Messages]) -> bool:
    asked_turns = [{"role": "user", "content": question.strip()}] if isinstance(question, str) else question
    return all(len(talk) > len(asked_turns) and talk[: len(asked_turns)] == asked_turns for talk in talks)


def _without_prompt(question: str | Messages, answers: list[str]) -> Exchange:
    """Answers without the prompt that all of them repeat."""
    stated = question if isinstance(question, str) else question[-1]["content"]
    found, rest = taken_off(stated, answers) or (None, [])
    if found is None or (found != stated and isinstance(question, list)):
        return Exchange(question, answers)
    return Exchange(found if isinstance(question, str) else question, rest, [REPEATED])


def _implicit(answers: list[str]) -> Exchange:
    """TRL's implicit prompt: the beginning in common."""
    found = shared(answers) if len(answers) > 1 else None
    return Exchange("", answers) if found is None else Exchange(prompt(found[0]), found[1], [IMPLICIT])


def checked_prompt(value: object) -> str | Messages:
    """A prompt that a format gave, in the common form."""
    if value is None or value != value:
        return ""
    if not isinstance(value, str | list | dict):
        raise BadValueError("prompt", "text or a list of chat messages")
    return prompt(value)
