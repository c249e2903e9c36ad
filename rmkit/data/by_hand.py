"""A prompt and its responses given by hand, such as to `score`: read as they would be in a file."""

from collections.abc import Iterable, Mapping, Set

from rmkit.arguments import seen
from rmkit.data import transcripts
from rmkit.data.columns import BadValueError, UnusableError
from rmkit.data.records import Prompt
from rmkit.errors import InputError

_LIST = "score takes a list of one or more responses: model.score(prompt, [response])."


def group(prompt: object, responses: object) -> tuple[Prompt, list[str]]:
    """(prompt, K texts) of a text or chat messages, and of texts or the assistant's messages.

    Raises InputError where the prompt is neither, or the responses are no list of these.
    """
    try:
        prompt = transcripts.prompt(prompt)
    except BadValueError as error:
        raise InputError(f"The {error.column} must be {error.wanted}.") from error
    except UnusableError as error:
        raise InputError(f"The prompt holds {error}, which no model here reads.") from error
    for said in [prompt] if isinstance(prompt, str) else [message["content"] for message in prompt]:
        _check_whole(said, "The prompt")
    if isinstance(responses, str | bytes | Mapping | Set) or not isinstance(responses, Iterable):
        raise InputError(_LIST)
    texts = [_text(response, number) for number, response in enumerate(responses, 1)]
    if not texts:
        raise InputError(_LIST)
    return prompt, texts


def _text(response: object, number: int) -> str:
    if not isinstance(response, str) and transcripts.is_talk(response):
        try:
            turns = transcripts.messages(response, "response")
        except (BadValueError, UnusableError) as error:
            raise InputError(f"Response {number} cannot be read: {error}.") from error
        if turns[0]["role"] == "assistant":
            response = transcripts.written(turns)
    if not isinstance(response, str):
        raise InputError(f"Response {number} is {seen(response)}; it must be a text.")
    _check_whole(response, f"Response {number}")
    return response


def _check_whole(text: str, what: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        place = f"at character {error.start + 1}"
        raise InputError(
            f"{what} holds half of a surrogate pair {place}, which is no text: remove it."
        ) from error
