"""optlab: deep-learning optimizers, each written once, as its paper writes it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optlab import experiments as experiments
    from optlab import grid as grid
    from optlab import online as online
    from optlab import ops as ops
    from optlab import optim as optim
    from optlab import report as report
    from optlab import rules as rules
    from optlab import schedules as schedules
    from optlab import symbolic as symbolic
    from optlab.optim import param_groups as param_groups
    from optlab.optim.classes import *  # noqa: F403 - as classes.pyi has them

__version__ = "0.1.0"  # the one place: pyproject.toml reads it from here

_MODULES = (
    "ops",
    "rules",
    "schedules",
    "symbolic",
    "optim",
    "grid",
    "online",
    "experiments",
    "report",
)


if not TYPE_CHECKING:  # which would take every name for one that there is
    # Loaded when first used (PEP 562): the command line answers without waiting for torch.
    def __getattr__(name: str) -> Any:
        if name in _MODULES:
            return import_module(f"optlab.{name}")
        if name == "__all__":
            return [*_optimizers(), *_MODULES]
        # A class has a capital: looking for a submodule, as an import does, must not load torch.
        if name == "param_groups" or (name[:1].isupper() and name in _optimizers()):
            return getattr(import_module("optlab.optim"), name)
        raise AttributeError(f"module 'optlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_optimizers(), *_MODULES])


def _optimizers() -> list[str]:
    return [*import_module("optlab.optim").OPTIMIZERS, "param_groups"]
