"""optlab: deep-learning optimizers, each written once, as its paper writes it."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optlab.optim import SGD as SGD
    from optlab.optim import Adam as Adam

__version__ = "0.1.0"

# Loaded when first used (PEP 562): the command line answers without waiting for torch.
_OPTIMIZERS = ("SGD", "Adam")
_MODULES = ("ops", "rules", "symbolic", "optim", "online", "experiments", "report")

__all__ = [*_OPTIMIZERS, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _OPTIMIZERS:
        return getattr(import_module("optlab.optim"), name)
    if name in _MODULES:
        return import_module(f"optlab.{name}")
    raise AttributeError(f"module 'optlab' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_OPTIMIZERS, *_MODULES])
