"""The pocket world: preferences whose true reward is known, and a language model that fits in the
repository.
"""

from rmkit.lazy import face

_WHERE = {
    "grade": "grader",
    "Grade": "grader",
    "compose": "answers",
    "preferences": "sets",
    "bench": "sets",
    "policy": "policy_model",
}
_MODULES = {
    "annotators", "answers", "build", "corpus", "facts", "grader", "language_model", "phrasing",
    "policy_model", "pretraining", "probes", "questions", "reading", "rows", "sets", "tokenizer",
}  # fmt: skip
__all__ = sorted([*_WHERE, *_MODULES])
__getattr__, __dir__ = face(__name__, _WHERE, _MODULES)
