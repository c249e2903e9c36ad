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
    "pool": "samples",
    "graded_samples": "samples",
}
_MODULES = {
    "aims", "annotators", "answers", "build", "corpus", "facts", "grader", "language_model", "muon",
    "phrasing", "policy_model", "pretraining", "probes", "questions", "reading", "rows", "samples", "sets",
    "tokenizer", "twins",
}  # fmt: skip
__all__ = sorted([*_WHERE, *_MODULES])
__getattr__, __dir__ = face(__name__, _WHERE, _MODULES)
