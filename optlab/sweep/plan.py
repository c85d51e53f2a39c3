"""Every run of a sweep, checked and named before any starts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from optlab.report.parameters import Kind
from optlab.running.declared import Parameters, read_parameters, read_value
from optlab.running.errors import RunError
from optlab.sweep.grid import LARGEST, name_and_values, read_values

SEED = "seed"


@dataclass(frozen=True)
class Run:
    """One combination. id: what the run is kept under, made of the notebook's code and all
    values. parameters: the value of every parameter of the notebook."""

    id: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Plan:
    """A notebook and the runs asked for, the first swept parameter varying slowest.

    code: hash of the notebook's code. swept: the values of each parameter of the grid.
    fixed: what -p sets.
    """

    notebook: str
    code: str
    swept: dict[str, list[Any]]
    fixed: dict[str, Any]
    runs: list[Run]


def make_plan(
    notebook: Path, grids: Sequence[str], fixed: Iterable[tuple[str, str]], seeds: int | None
) -> Plan:
    """Check every combination of the grid's values; nothing is run.

    grids, fixed: as on the command line, `lr=0.1,0.2` and (name, text). seeds: the grid
    seed=0,1,…,seeds-1. RunError has a line for each name or value that is refused.
    """
    declared = read_parameters(notebook)
    axes: dict[str, list[str]] = {}
    for name, text in map(name_and_values, grids):
        if name in axes:
            raise RunError(f"--grid {name} is given twice; write its values in one")
        axes[name] = read_values(name, text, _kind(declared, name))
    if seeds is not None:
        if SEED in axes:
            raise RunError(f"--seeds and --grid {SEED} name the same; give one of them")
        axes[SEED] = [str(seed) for seed in range(seeds)]
    if not axes:
        raise RunError("nothing to sweep: give --grid NAME=VALUE,VALUE,… or --seeds N")
    if (number := math.prod(map(len, axes.values()))) > LARGEST:
        raise RunError(f"these are {number} runs; a sweep has at most {LARGEST}")
    fixed, code = list(fixed), code_hash(notebook)
    runs = _runs(declared, code, axes, fixed)
    swept = {name: [_read(declared, name, text) for text in axes[name]] for name in axes}
    for name, values in swept.items():
        if twice := [value for i, value in enumerate(values) if value in values[:i]]:
            raise RunError(f"--grid {name} has the value {twice[0]!r} twice")
    return Plan(notebook.stem, code, swept, declared.accept(fixed), runs)


def _runs(
    declared: Parameters, code: str, axes: dict[str, list[str]], fixed: list[tuple[str, str]]
) -> list[Run]:
    defaults = {name: parameter.default for name, parameter in declared.all.items()}
    runs, refused = [], {}  # refused: a set in order, as many combinations share their faults
    for texts in product(*axes.values()):
        try:
            given = declared.accept([*fixed, *zip(axes, texts, strict=True)])
        except RunError as error:
            refused.update(dict.fromkeys(str(error).splitlines()))
        else:
            runs.append(Run(run_id(code, defaults | given), defaults | given))
    if refused:
        raise RunError("\n".join(refused))
    return runs


def code_hash(notebook: Path) -> str:
    """SHA-256 of the code cells, in order: text and outputs may change, code may not."""
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return _sha256(code)


def run_id(code: str, parameters: dict[str, Any]) -> str:
    """The name of a run: the same for the same code and the same values of all parameters."""
    return _sha256([code, parameters])[:16]


def _sha256(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _kind(declared: Parameters, name: str) -> Kind:
    """Of a name that the notebook does not have: text, which `accept` then refuses."""
    known = name in declared.all
    return Kind.of(declared.all[name].annotation) if known else Kind("str")


def _read(declared: Parameters, name: str, text: str) -> Any:
    return read_value(text, _kind(declared, name))
