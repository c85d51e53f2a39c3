"""Plans and records as JSON, which is believed only as far as it is what a sweep writes.

A sweep's folder may come from elsewhere, from another version, or from a disk that was full.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from optlab.sweep.plan import Plan, Run

FINISHED, FAILED = "finished", "failed"

_ID = re.compile("[0-9a-f]{16}")


@dataclass(frozen=True)
class RunRecord:
    """What is known of a run. verdicts and metrics: by name, as its notebook showed them;
    a metric that was not finite is None. seconds: of the attempt that is kept. error: where
    and how it failed, else empty. versions: of Python, torch and optlab, with the commit and
    the hash of the package that ran. worker: the computer it ran on."""

    id: str
    notebook: str
    code: str
    parameters: dict[str, Any]
    status: str
    verdicts: dict[str, str]
    metrics: dict[str, float | None]
    seconds: float
    attempts: int
    error: str
    versions: dict[str, str] = field(default_factory=dict)
    worker: str = ""


def plan_to_json(plan: Plan) -> bytes:
    """All of a plan but the notebook itself."""
    content = asdict(plan)
    del content["source"]
    return _dump(content)


def record_to_json(record: RunRecord) -> bytes:
    return _dump(asdict(record))


def plan_from_json(content: bytes) -> Plan:
    """ValueError if it is no plan: what is missing, of another type, or leads elsewhere."""
    found = _object(content)
    missing = {"notebook", "code", "swept", "fixed", "runs"} - found.keys()
    _require(not missing, f"it has no {', '.join(sorted(missing))}")
    _require(_plain(found["notebook"]), f"its notebook is {found['notebook']!r}")
    _require(isinstance(found["code"], str), "its code is no text")
    _require(isinstance(found["swept"], dict), "swept is no object")
    _require(all(isinstance(v, list) for v in found["swept"].values()), "swept has no lists")
    _require(isinstance(found["fixed"], dict), "fixed is no object")
    _require(isinstance(found["runs"], list), "runs is no list")
    runs = []
    for run in found["runs"]:
        _require(isinstance(run, dict) and {"id", "parameters"} <= run.keys(), "a run lacks its id")
        _require(is_id(run["id"]), f"a run's id is {run['id']!r}")
        _require(isinstance(run["parameters"], dict), f"run {run['id']} has no parameters")
        missing = found["swept"].keys() - run["parameters"].keys()
        _require(not missing, f"run {run['id']} has no {', '.join(sorted(missing))}")
        runs.append(Run(run["id"], run["parameters"]))
    _require(len({run.id for run in runs}) == len(runs), "two runs have the same id")
    return Plan(found["notebook"], found["code"], found["swept"], found["fixed"], runs)


def record_from_json(content: bytes, run: str) -> RunRecord:
    """The record of the run of this id. ValueError if it is none, or another's."""
    found = _object(content)
    known = {f.name for f in fields(RunRecord)}
    missing = known - {"versions", "worker"} - found.keys()
    _require(not missing, f"it has no {', '.join(sorted(missing))}")
    record = RunRecord(**{name: value for name, value in found.items() if name in known})
    texts = [record.notebook, record.code, record.status, record.error, record.worker]
    _require(all(isinstance(text, str) for text in texts), "a text is none")
    _require(record.id == run, f"it is of the run {record.id!r}")
    _require(_plain(record.notebook), f"its notebook is {record.notebook!r}")
    _require(record.status in (FINISHED, FAILED), f"its status is {record.status!r}")
    _require(isinstance(record.parameters, dict), "parameters is no object")
    for texts_by_name in (record.verdicts, record.versions):
        _require(isinstance(texts_by_name, dict), "verdicts or versions is no object")
        _require(all(isinstance(text, str) for text in texts_by_name.values()), "a verdict is none")
    _require(isinstance(record.metrics, dict), "metrics is no object")
    for value in record.metrics.values():
        _require(value is None or _number(value), f"a metric is {value!r}")
    _require(_number(record.seconds), f"seconds is {record.seconds!r}")
    return record


def is_id(text: Any) -> bool:
    """Whether a run may be called so. It names a folder, so it must not lead anywhere else."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def _dump(content: Any) -> bytes:
    text = json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "backslashreplace")  # a lone surrogate is \ud800 in JSON, too


def _object(content: bytes) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    _require(isinstance(found, dict), "it is no object")
    return dict(found)


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise ValueError(otherwise)


def _plain(name: Any) -> bool:
    """Whether a name stays in its folder."""
    return isinstance(name, str) and bool(name) and not re.search(r"[/\\\0]|^\.{1,2}$", name)


def _number(value: Any) -> bool:
    """Whether it is a number that a table can hold."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False
