"""Every run of a sweep, checked and named before any starts."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from optlab.running.declared import Parameters, parameters_of
from optlab.running.errors import RunError
from optlab.running.notebook import parse
from optlab.sweep.grid import LARGEST, name_and_values, read_values

SEED = "seed"

# What the table and the means have beside the parameters; what begins with one of PREFIXES, too.
COLUMNS = ("status", "seconds", "error", "run", "finished", "failed")
VERDICT, METRIC, VERSION = PREFIXES = ("verdict.", "metric.", "version.")


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
    fixed: what -p sets. source: the notebook as it was read, once: `code` is its hash, and the
    runs are of it, whatever becomes of the file. A stored plan is without it.
    """

    notebook: str
    code: str
    swept: dict[str, list[Any]]
    fixed: dict[str, Any]
    runs: list[Run]
    source: str = field(default="", repr=False, compare=False)


def make_plan(
    notebook: Path, grids: Sequence[str], fixed: Iterable[tuple[str, str]], seeds: int | None
) -> Plan:
    """Check every combination of the grid's values; nothing is run.

    grids, fixed: as on the command line, `lr=0.1,0.2` and (name, text). seeds: the grid
    seed=0,1,…,seeds-1. RunError has a line for each name or value that is refused.
    """
    source, declared = _read_once(notebook)
    _refuse_columns(notebook, declared)
    fixed = list(fixed)
    _refuse_broken_text([*grids, *(text for pair in fixed for text in pair)])
    axes: dict[str, list[str]] = {}
    for name, text in map(name_and_values, grids):
        if name in axes:
            raise RunError(f"--grid {name} is given twice; write its values in one")
        axes[name] = read_values(name, text, declared.kind(name))
    number = math.prod(map(len, axes.values())) * (1 if seeds is None else seeds)
    if number > LARGEST:  # before so many are made
        raise RunError(f"these are {number} runs; a sweep has at most {LARGEST}")
    if seeds is not None:
        if SEED in axes:
            raise RunError(f"--seeds and --grid {SEED} name the same; give one of them")
        axes[SEED] = [str(seed) for seed in range(seeds)]
    if not axes:
        raise RunError("nothing to sweep: give --grid NAME=VALUE,VALUE,… or --seeds N")
    swept, constant = _accept(declared, axes, fixed)
    for name, values in swept.items():
        if (twice := _first_twice(values)) is not None:
            raise RunError(f"--grid {name} has the value {twice!r} twice")
    code, runs = code_hash(source), []
    for combination in product(*swept.values()):
        given = constant | dict(zip(swept, combination, strict=True))
        parameters = {name: given.get(name, one.default) for name, one in declared.all.items()}
        runs.append(Run(run_id(code, parameters), parameters))
    return Plan(notebook.stem, code, swept, constant, runs, source)


def _read_once(notebook: Path) -> tuple[str, Parameters]:
    """The notebook's text, and the parameters that this text declares."""
    try:
        content = notebook.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read {notebook}: {error.strerror or error}") from None
    book = parse(content, str(notebook))
    return json.dumps(book), parameters_of(book, str(notebook))


def _refuse_columns(notebook: Path, declared: Parameters) -> None:
    """The table could not be made, after all runs."""
    if taken := [n for n in declared.all if n in COLUMNS or n.startswith(PREFIXES)]:
        raise RunError(
            f"{notebook} has a parameter named {taken[0]}, as a column of a sweep's table is; "
            "give the parameter another name"
        )


def _refuse_broken_text(texts: Iterable[str]) -> None:
    """A command line may hold bytes that are no text; no file could keep them."""
    for text in texts:
        try:
            text.encode()
        except UnicodeEncodeError:
            raise RunError(f"{text!r} is refused: it is not UTF-8 text") from None


def _first_twice(values: list[Any]) -> Any:
    seen = set()
    for value in values:
        key = tuple(value) if isinstance(value, list) else value
        if key in seen:
            return value
        seen.add(key)
    return None


def _accept(
    declared: Parameters, axes: dict[str, list[str]], fixed: list[tuple[str, str]]
) -> tuple[dict[str, list[Any]], dict[str, Any]]:
    """The values of each axis, and those that all runs have. Each value is checked once, and not
    once a run. RunError, with a line for each name or value that is refused."""
    refused: dict[str, None] = {}  # in order, and each line once
    constant: dict[str, Any] = {}
    try:
        constant = declared.accept(fixed)
    except RunError as error:
        refused.update(dict.fromkeys(str(error).splitlines()))
    swept: dict[str, list[Any]] = {}
    for name, texts in axes.items():
        read = [declared.read([*fixed, (name, text)]) for text in texts]
        refused.update((line, None) for _, lines in read for line in lines)
        swept[name] = [given.get(name) for given, _ in read]
    if refused:
        raise RunError("\n".join(refused))
    return swept, {name: value for name, value in constant.items() if name not in swept}


def code_hash(source: str) -> str:
    """SHA-256 of a notebook's code cells, in order: text and outputs may change, code may not.

    source: the notebook, as JSON.
    """
    cells = json.loads(source)["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return _sha256(code)


def run_id(code: str, parameters: dict[str, Any]) -> str:
    """The name of a run: the same for the same code and the same values of all parameters."""
    return _sha256([code, parameters])[:16]


def _sha256(content: Any) -> str:
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()
