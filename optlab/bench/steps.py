"""How fast a step is: against its own memory traffic, and against other implementations.

All rivals of an algorithm take turns within one run, so that a machine that slows down
slows all of them; what is reported is the median. Times of different runs are not comparable,
ratios are.
"""

from __future__ import annotations

import importlib
import importlib.util
import multiprocessing
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import nn

import optlab
from optlab.optim import execution, native
from optlab.optim.split import split
from optlab.rules import Rule

PEERS = ("timm", "pytorch_optimizer")
Make = Callable[[list[nn.Parameter]], torch.optim.Optimizer]


@dataclass(frozen=True)
class Contest:
    """ours: our class and its settings; bytes: the fewest bytes a step moves for each
    float32 parameter, every array read or written once a pass; rivals: by name.
    matrices: whether it is for the matrices within a network; all get no other parameters, and
    where ours is timed beside our others, it leaves these to AdamW."""

    ours: str
    settings: dict[str, Any]
    bytes: int
    rivals: dict[str, tuple[str, dict[str, Any]]]
    matrices: bool = False


def _torch(name: str, fused: bool = True, **settings: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    ways: dict[str, dict[str, Any]] = {"torch single": {"foreach": False}}
    ways["torch foreach"] = {"foreach": True}
    if fused:
        ways["torch fused"] = {"fused": True}
    return {way: (f"torch.optim:{name}", {**settings, **flags}) for way, flags in ways.items()}


def _extra(package: str, name: str, **settings: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    return {package.split(".")[0]: (f"{package}:{name}", settings)}


CONTESTS = {
    "SGD": Contest("SGD", {"momentum": 0.9}, 20, _torch("SGD", lr=1e-3, momentum=0.9)),
    "AdaGrad": Contest("AdaGrad", {}, 20, _torch("Adagrad")),
    "Adam": Contest("Adam", {}, 28, _torch("Adam")),
    "AdamW": Contest("AdamW", {}, 28, _torch("AdamW")),
    "AMSGrad": Contest("AMSGrad", {}, 36, _torch("Adam", amsgrad=True)),
    "Adafactor": Contest(
        "Adafactor",
        {},
        24,
        _torch("Adafactor", fused=False)
        | _extra("timm.optim.adafactor", "Adafactor", lr=None)
        | _extra("pytorch_optimizer", "AdaFactor"),
    ),
    "LARS": Contest(
        "LARS",
        {"weight_decay": 1e-4},
        28,
        _extra("timm.optim.lars", "Lars", momentum=0.9, weight_decay=1e-4)
        | _extra("pytorch_optimizer", "LARS", weight_decay=1e-4),
    ),
    "LAMB": Contest(
        "LAMB",
        {"weight_decay": 1e-2},
        40,
        _extra("timm.optim.lamb", "Lamb", weight_decay=1e-2)
        | _extra("pytorch_optimizer", "Lamb", weight_decay=1e-2),
    ),
    "Sophia": Contest("Sophia", {}, 24, _torch("AdamW")),
    "Muon": Contest(
        "Muon",
        {"ns_precision": "bfloat16"},  # as the others take their products
        20,
        {"torch": ("torch.optim:Muon", {})}
        | _extra(
            "timm.optim.muon", "Muon", ns_coefficients="original", nesterov=True, verbose=False
        ),
        matrices=True,
    ),
}


def _made(rule: Rule) -> Contest:
    """Of an optimizer without an entry above: with its defaults, and without rivals."""
    cut = split(rule, rule.flags, list(rule.numbers), None)
    if cut.fusible:
        arrays = native.passes_of(cut.text, rule).moved()
    else:  # at least: parameter and state read and written, gradient read
        arrays = 2 * (1 + len(rule.initial)) + 1
    return Contest(str(rule.optimizer), {}, 4 * arrays, {})


CONTESTS |= {name: _made(cls.of) for name, cls in optlab.optim.MADE.items()}


def transformer(d: int = 512, layers: int = 6, vocabulary: int = 8000) -> list[tuple[int, ...]]:
    """Shapes of a small transformer's parameters: 23 million in 73 tensors."""
    block: list[tuple[int, ...]] = [(3 * d, d), (3 * d,), (d, d), (d,), (4 * d, d), (4 * d,)]
    block += [(d, 4 * d), (d,), (d,), (d,), (d,), (d,)]
    return [(vocabulary, d), *(shape for _ in range(layers) for shape in block)]


def _is_within(shape: Sequence[int]) -> bool:
    """Whether it is of a matrix between two layers, and not of a vector or of a table of words."""
    return len(shape) == 2 and shape[0] <= 8 * shape[1]


def small_net() -> list[tuple[int, ...]]:
    """Shapes of a small network's parameters: 20 thousand in 10 tensors."""
    sizes = [64, 96, 96, 32, 16, 10]
    return [s for n, m in pairwise(sizes) for s in ((m, n), (m,))]


@dataclass
class Row:
    """One algorithm: milliseconds a step of ours and of each rival, and what follows."""

    algorithm: str
    shapes: str
    parameters: int
    execution: str
    ms: float
    first_step_s: float
    rivals_ms: dict[str, float]
    left_out: dict[str, str]
    of_copy_bandwidth: float
    peak_over_state_mb: float | None = None
    ratios: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.ratios = {name: self.ms / ms for name, ms in self.rivals_ms.items()}


def run(
    device: str, rounds: int, algorithms: Iterable[str] = (), memory: bool = True
) -> Iterator[Row | dict[str, Any]]:
    """First the conditions of the run, then a Row for each algorithm (default: all) and size."""
    place = torch.device(device)
    bandwidth = copy_bandwidth(place)
    yield {
        "device": torch.cuda.get_device_name() if place.type == "cuda" else device,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "optlab": optlab.__version__,
        **_peers(),
        "copy_gb_s": bandwidth / 1e9,
    }
    for name in tuple(algorithms) or CONTESTS:
        for shapes_name, shapes, how in (
            ("transformer", transformer(), "compiled"),
            ("small net", small_net(), "auto"),
        ):
            row = _contest(name, shapes_name, shapes, how, place, rounds, bandwidth)
            if memory and how == "compiled" and place.type == "cpu":
                row.peak_over_state_mb = _in_a_process(name)
            yield row


def _peers() -> dict[str, str]:
    """Versions of the packages beside torch that take part."""
    found = {}
    for name in PEERS:
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _contest(
    name: str,
    shapes_name: str,
    shapes: list[tuple[int, ...]],
    how: str,
    place: torch.device,
    rounds: int,
    bandwidth: float,
) -> Row:
    contest = CONTESTS[name]
    if contest.matrices:
        shapes = [shape for shape in shapes if _is_within(shape)]
    execution.forget_kernels()
    ours = our_step(contest, shapes, place, how)
    begin = time.perf_counter()
    ours()
    _wait(place)
    first = time.perf_counter() - begin
    steps, left_out = {"ours": ours}, {}
    for rival, (where, settings) in contest.rivals.items():
        module, attribute = where.split(":")
        try:
            cls = getattr(_import(module), attribute)
            steps[rival] = cls(_parameters(shapes, place), **settings).step
            steps[rival]()
        except ImportError:
            left_out[rival] = "not installed"
        except Exception as error:
            steps.pop(rival, None)
            left_out[rival] = f"{type(error).__name__}: {str(error).splitlines()[0][:80]}"
    ms = {k: 1e3 * t for k, t in medians(steps, rounds, place).items()}
    n = sum(torch.Size(shape).numel() for shape in shapes)
    reached = contest.bytes * n / (ms["ours"] / 1e3) / bandwidth
    mine = ms.pop("ours")
    return Row(name, shapes_name, n, how, mine, first, ms, left_out, reached)


def _import(module: str) -> Any:
    """Import a module; of timm its optimizers alone, since timm itself wants torchvision."""
    package = module.split(".")[0]
    if package == "timm" and package not in sys.modules:
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            raise ImportError(package)
        root = Path(next(iter(spec.submodule_search_locations)))
        for name, folder in ((package, root), (f"{package}.optim", root / "optim")):
            stub = ModuleType(name)
            stub.__path__ = [str(folder)]
            sys.modules[name] = stub
    return importlib.import_module(module)


def our_step(
    contest: Contest, shapes: list[tuple[int, ...]], place: torch.device, how: str
) -> Callable[[], Any]:
    """The step of our optimizer, with fixed gradients."""
    params = _parameters(shapes, place)
    groups: list[Any] = [{"params": params}]
    if contest.matrices:
        groups = [{"params": [p for p in params if _is_within(p.shape)]}]
        groups.append({"params": [p for p in params if not _is_within(p.shape)], "use_muon": False})
    optimizer = getattr(optlab, contest.ours)(groups, **contest.settings, execution=how)
    if optimizer.rule_for(params[0], optimizer.param_groups[0]).estimated:
        optimizer.update_hessian([torch.rand_like(p) for p in params])
    step: Callable[[], Any] = optimizer.step
    return step


def medians(
    steps: dict[str, Callable[[], Any]], rounds: int, place: torch.device
) -> dict[str, float]:
    """Median seconds of each, taken in turn; short steps are repeated within a turn."""
    times: dict[str, list[float]] = {k: [] for k in steps}
    repeats = {}
    for name, step in steps.items():
        step()
        repeats[name] = max(1, min(100, int(0.005 / _time(step, 1, place))))
    for _ in range(rounds):
        for name, step in steps.items():
            times[name].append(_time(step, repeats[name], place))
    return {name: statistics.median(ts) for name, ts in times.items()}


def _time(step: Callable[[], Any], repeats: int, place: torch.device) -> float:
    _wait(place)
    begin = time.perf_counter()
    for _ in range(repeats):
        step()
    _wait(place)
    return (time.perf_counter() - begin) / repeats


def _wait(place: torch.device) -> None:
    if place.type == "cuda":
        torch.cuda.synchronize()


def copy_bandwidth(place: torch.device, n: int = 32_000_000) -> float:
    """Bytes a second that copying a float32 vector reads and writes."""
    source, target = torch.rand(n, device=place), torch.empty(n, device=place)
    return 8 * n / medians({"copy": lambda: target.copy_(source)}, 9, place)["copy"]


def _parameters(shapes: list[tuple[int, ...]], place: torch.device) -> list[nn.Parameter]:
    generator = torch.Generator().manual_seed(0)
    params = [nn.Parameter(0.02 * torch.randn(s, generator=generator).to(place)) for s in shapes]
    for p in params:
        p.grad = 0.01 * torch.randn(p.shape, generator=generator).to(place)
    return params


def _in_a_process(name: str) -> float:
    """Megabytes that steps need beyond parameters, gradients and state, in a process of its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name,))


def _peak(name: str) -> float:
    step = our_step(CONTESTS[name], transformer(), torch.device("cpu"), "compiled")
    step()  # makes the state and compiles
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(3):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3


def table(row: Row) -> str:
    """A row as text."""
    rivals = "  ".join(f"{name} ×{1 / ratio:.2f}" for name, ratio in row.ratios.items())
    out = "".join(f"  {name}: {why}" for name, why in row.left_out.items())
    copy = f"{row.of_copy_bandwidth:5.0%} of copy" if row.shapes == "transformer" else " " * 13
    peak = "" if row.peak_over_state_mb is None else f"  +{row.peak_over_state_mb:.0f} MB"
    first = f"first {row.first_step_s:4.1f} s"
    return (
        f"{row.algorithm:10}{row.shapes:12}{row.ms:9.3f} ms  {copy}  {first}{peak}"
        f"  | time of others: {rivals}{out}"
    )


def plot(rows: list[Row], path: Path) -> None:
    """Time relative to ours, a group of bars for each algorithm, for the large model."""
    from matplotlib.figure import Figure

    large = [row for row in rows if row.shapes == "transformer"]
    names = list(dict.fromkeys(name for row in large for name in row.ratios))
    figure = Figure(figsize=(9, 4), layout="constrained")
    ax = figure.add_subplot()
    width = 0.8 / max(1, len(names))
    for k, name in enumerate(names):
        at = [i + (k - len(names) / 2) * width for i, r in enumerate(large) if name in r.ratios]
        ax.bar(at, [1 / r.ratios[name] for r in large if name in r.ratios], width, label=name)
    ax.axhline(1, color="black", linewidth=1)
    ax.set(ylabel="time of a step / ours", yscale="log")
    ax.set_xticks(range(len(large)), [row.algorithm for row in large])
    ax.legend()
    figure.savefig(path)
