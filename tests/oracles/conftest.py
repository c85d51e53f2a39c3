"""Other people's implementations, where they are installed."""

import importlib
import os
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import pytest
import torch

os.environ.setdefault("JAX_PLATFORMS", "cpu")


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def timm():
    """timm's optimizers alone: timm itself wants torchvision."""
    if "timm" not in sys.modules:  # the bench, tested in the same process, may have come first
        spec = find_spec("timm")
        if spec is None:
            pytest.skip("timm is not installed: pip install --no-deps timm")
        root = Path(next(iter(spec.submodule_search_locations)))
        for name, folder in (("timm", root), ("timm.optim", root / "optim")):
            stub = ModuleType(name)
            stub.__path__ = [str(folder)]
            sys.modules[name] = stub

    class Optimizers:
        AdamW = importlib.import_module("timm.optim.adamw").AdamWLegacy
        Adafactor = importlib.import_module("timm.optim.adafactor").Adafactor
        Lamb = importlib.import_module("timm.optim.lamb").Lamb
        Lion = importlib.import_module("timm.optim.lion").Lion
        Lars = importlib.import_module("timm.optim.lars").Lars
        Muon = importlib.import_module("timm.optim.muon").Muon

    return Optimizers


@pytest.fixture(scope="session")
def kozistr():
    """The package pytorch_optimizer."""
    return pytest.importorskip(
        "pytorch_optimizer",
        reason="pytorch_optimizer is not installed: pip install --no-deps pytorch_optimizer",
    )
