"""rmkit: learn reward modeling and experiment with it.

One idea carries the library: everything is a group, one prompt, K responses, and what people said about
them. The files stand in rooms (theory, data, notebook, evaluation, models, training, pocket, lessons); what
a user types stands here. Names load on first use, so `import rmkit` is instant and the doctor can speak when
torch is broken.
"""

import sys
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec

__version__ = "0.1.0"

_WHERE = {
    "load": "data.preferences",
    "Preferences": "data.preferences",
    "Record": "data.preferences",
    "RewardModel": "models.reward_model",
    "ablate": "training.ablation.run",
    "fit": "training.loop",
    "label": "training.labeling.panel",
    "Settings": "training.settings",
    "evaluate": "evaluation.report",
    "evaluate_steps": "evaluation.steps",
    "reward_report": "training.reward_report.report",
    "InputError": "errors",
}
# rmkit.NAME -> the file of that name in its room.
_FACES = {
    "ablation": "training.ablation",
    "aspects": "training.aspects",
    "batching": "training.batching",
    "bradley_terry": "theory.bradley_terry",
    "checkpoint": "training.checkpoint",
    "checks": "lessons.checks",
    "claims": "notebook.claims",
    "cleaning": "data.cleaning",
    "comparisons": "theory.comparisons",
    "cost": "models.cost",
    "doctor": "notebook.doctor",
    "evaluation": "evaluation",
    "features": "models.features",
    "formats": "data.formats",
    "generative": "models.generative",
    "hub": "models.hub",
    "intervals": "theory.intervals",
    "ledger": "data.ledger",
    "losses": "theory.losses",
    "minimize": "theory.minimize",
    "museum": "lessons.museum",
    "networks": "models.networks",
    "packing": "models.packing",
    "paths": "paths",
    "people": "training.people",
    "pocket": "pocket",
    "policies": "models.policies",
    "preferences": "data.preferences",
    "records": "data.records",
    "statistics": "theory.statistics",
    "templates": "models.templates",
    "training": "training",
    "widgets": "notebook.widgets",
}
__all__ = sorted([*_WHERE, *_FACES])


def __getattr__(name: str):
    if name in _WHERE:
        return getattr(import_module(f"rmkit.{_WHERE[name]}"), name)
    if name in _FACES:
        return import_module(f"rmkit.{_FACES[name]}")
    raise AttributeError(f"module 'rmkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


class _Faces(MetaPathFinder, Loader):
    """`import rmkit.losses` and `from rmkit.losses import ...` find the file in its room, the same module."""

    def find_spec(self, name: str, path=None, target=None) -> ModuleSpec | None:
        package, _, face = name.partition(".")
        if package == "rmkit" and _FACES.get(face, face) != face:
            return ModuleSpec(name, self)
        return None

    def create_module(self, spec: ModuleSpec):
        module = import_module(f"rmkit.{_FACES[spec.name.partition('.')[2]]}")
        self.own = module.__spec__, module
        return module

    def exec_module(self, module) -> None:
        module.__spec__ = self.own[0]  # the import system wrote the face's address over it


sys.meta_path.append(_Faces())
