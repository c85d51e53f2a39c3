"""Write optlab/optim/classes.pyi, which tells type checkers what the optimizers take.

    python tools/stubs.py [--check]

Constructors are made from the rules when the package is imported, where no type checker sees
them. --check: write nothing; exit status 1 if the file is another.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from pathlib import Path

from optlab.optim.classes import MADE, OPTIMIZERS

PATH = Path(__file__).resolve().parents[1] / "optlab" / "optim" / "classes.pyi"
HEAD = """\
# Written by tools/stubs.py from the rules and their classes.

import torch
from torch.optim.optimizer import ParamsT

from optlab.optim import (
{modules}
)
from optlab.optim.made import MadeOptimizer
from optlab.optim.optimizer import RuleOptimizer

MADE: dict[str, type[MadeOptimizer]]
OPTIMIZERS: dict[str, type[RuleOptimizer]]
OF_THE_DECK: frozenset[str]

__all__ = [
{names}
]
"""


def stub() -> str:
    """The text of the file."""
    modules = sorted({module(cls) for name, cls in OPTIMIZERS.items() if name not in MADE})
    ordered = sorted(OPTIMIZERS, key=lambda name: (not name.isupper(), name))  # as ruff has it
    names = "\n".join(f'    "{name}",' for name in ordered)
    listed = "\n".join(f"    {module}," for module in modules)
    head = HEAD.format(modules=listed, names=names)
    return head + "".join(f"\n{declared(name, cls)}" for name, cls in OPTIMIZERS.items())


def module(cls: type) -> str:
    return cls.__module__.rpartition(".")[2]


def declared(name: str, cls: type) -> str:
    base = "MadeOptimizer" if name in MADE else f"{module(cls)}.{name}"
    lines = []
    for parameter in inspect.signature(cls).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY and "*," not in lines:
            lines.append("*,")
        given = parameter.default is not parameter.empty
        default = f" = {parameter.default!r}".replace("'", '"') if given else ""
        lines.append(f"{parameter.name}: {parameter.annotation}{default},")
    arguments = "".join(f"        {line}\n" for line in ("self,", *lines))
    return f"class {name}({base}):\n    def __init__(\n{arguments}    ) -> None: ...\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it is another")
    check = parser.parse_args().check
    new = stub()
    if PATH.is_file() and PATH.read_text(encoding="utf-8") == new:
        return 0
    if check:
        name = PATH.relative_to(PATH.parents[2])
        print(f"{name} is not what the rules give; run: python tools/stubs.py", file=sys.stderr)
        return 1
    PATH.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
