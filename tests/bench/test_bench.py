"""The bench runs, counts right and reports what it left out; its times are not tested."""

import dataclasses
import importlib
import inspect
import json
import re
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from compilers import NEEDS_C
from hyper import numbers

import optlab
from optlab import rules
from optlab.bench import grid, saving, together
from optlab.bench import steps as bench
from optlab.bench.protocol import Bench
from optlab.cli import main
from optlab.experiments import contest
from optlab.optim import MADE, execution, native
from optlab.optim.classes import OF_THE_DECK
from optlab.optim.split import split

LARGE = bench.transformer()
RESULTS = Path(__file__).parents[2] / "book" / "results"


@pytest.fixture(autouse=True)
def tiny(monkeypatch):
    monkeypatch.setattr(bench, "transformer", lambda: [(40, 50), (3,)])
    monkeypatch.setattr(bench, "copy_bandwidth", lambda place: 8e9)


def shapes_size(shapes):
    return sum(torch.Size(shape).numel() for shape in shapes)


def test_the_shapes_are_of_the_sizes_that_the_page_names(monkeypatch):
    monkeypatch.undo()
    assert 20e6 < shapes_size(bench.transformer()) < 30e6
    assert 15e3 < shapes_size(bench.small_net()) < 25e3
    assert len(bench.small_net()) == 10


@pytest.mark.parametrize("name", bench.CONTESTS)
def test_each_algorithm_meets_its_rivals_in_torch(name):
    conditions, large, small = bench.run("cpu", 3, [name], memory=False)
    assert conditions["torch"] == torch.__version__
    assert (large.shapes, small.shapes) == ("transformer", "small net")
    torch_rivals = {k for k in bench.CONTESTS[name].rivals if k.startswith("torch")}
    assert torch_rivals <= set(large.rivals_ms)
    assert set(large.rivals_ms) | set(large.left_out) == set(bench.CONTESTS[name].rivals)
    assert large.ratios == {k: large.ms / ms for k, ms in large.rivals_ms.items()}
    entries = 2000 if bench.CONTESTS[name].matrices else 2003
    traffic = bench.CONTESTS[name].bytes * entries / (large.ms / 1e3)
    assert large.of_copy_bandwidth == pytest.approx(traffic / 8e9)


def test_the_fewest_bytes_are_what_the_kernels_move():
    """Arrays read and written by the passes of each C function, 4 bytes each."""
    hyper = {
        "SGD": (rules.momentum, ("lr", "momentum", "dampening")),
        "AdaGrad": (rules.adagrad, ("lr", "delta")),
        "Adam": (rules.adam, ("lr", "beta1", "beta2", "eps")),
        "AMSGrad": (rules.amsgrad, ("lr", "beta1", "beta2", "eps")),
        "Adafactor": (rules.adafactor, ("lr", "beta2_decay", "eps1", "eps2", "d")),
        "LARS": (rules.lars, ("lr", "momentum", "weight_decay", "trust_coefficient")),
        "LAMB": (rules.lamb, ("lr", "beta1", "beta2", "eps", "weight_decay")),
        "Sophia": (rules.sophia, ("lr", "beta1", "rho", "eps", "weight_decay")),
    }
    hyper |= {name: (cls.of, tuple(numbers(cls.of))) for name, cls in MADE.items()}
    for name, (rule, names) in hyper.items():
        flags = {k: v for k, v in rule.hyperparameters.items() if k not in names}
        cut = split(rule, flags, names, None)
        text = cut.text
        if not cut.fusible:  # products are torch's: at least a pass over parameter, gradient, state
            assert bench.CONTESTS[name].bytes == 4 * (3 + 2 * len(rule.initial)), name
            continue
        source, arrays, _ = native.write(text, rule, "float")
        source = source.replace("[e]", "[j]")  # the place in a matrix, and in a vector
        moved = 0
        for part in source.split("#pragma omp simd")[1:]:
            loop = part.split("}")[0]
            for k in range(arrays):
                writes = loop.count(f"a{k}[j] = ")
                reads = loop.count(f"a{k}[j]") > writes
                moved += 4 * (reads + writes)
        assert moved == bench.CONTESTS[name].bytes == 4 * native.passes_of(text, rule).moved(), name


@NEEDS_C
def test_the_command_writes_what_it_measured(tmp_path):
    out, picture = tmp_path / "bench.json", tmp_path / "bench.svg"
    command = ["bench", "AdamW", "--rounds", "3", "--no-memory"]
    done = CliRunner().invoke(main, [*command, "--json", str(out), "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    record = json.loads(out.read_text())
    assert [row["algorithm"] for row in record["rows"]] == ["AdamW", "AdamW"]
    assert "torch fused" in done.output
    assert picture.read_text().startswith("<?xml")


@pytest.mark.parametrize("more", [[], ["--together"]])
def test_without_a_compiler_it_is_refused_in_one_line(monkeypatch, more):
    monkeypatch.setattr(execution, "has_compiler", lambda device: False)
    done = CliRunner().invoke(main, ["bench", *more])
    assert done.exit_code == 2
    assert "no C compiler was found: install gcc or clang, or set CC" in done.output


def test_an_unknown_algorithm_is_refused_with_the_known_ones():
    done = CliRunner().invoke(main, ["bench", "Adamax"])
    assert done.exit_code == 2
    assert "Adamax" in done.output
    assert "AdamW" in done.output


def test_a_grid_meets_its_loop(monkeypatch, tmp_path):
    small = dict(list(grid.networks("cpu").items())[:1])
    monkeypatch.setattr(grid, "networks", lambda device: {k: (*v[:2], 3) for k, v in small.items()})
    monkeypatch.setattr(grid.run, "__defaults__", ("cpu", 5, (1, 3), "auto"))
    path = tmp_path / "grid.json"
    plot = tmp_path / "grid.svg"
    options = ["--grid", "--rounds", "3", "--json", str(path), "--plot", str(plot)]
    done = CliRunner().invoke(main, ["bench", *options])
    assert done.exit_code == 0, done.output
    rows = json.loads(path.read_text())["rows"]
    assert [(r["network"], r["configurations"]) for r in rows] == [
        ("digits 64-64-10", 1),
        ("digits 64-64-10", 3),
    ]
    assert all(r["ratio"] == r["loop_ms"] / r["grid_ms"] for r in rows)
    assert plot.stat().st_size > 0


def test_a_grid_of_named_algorithms_is_refused():
    done = CliRunner().invoke(main, ["bench", "SGD", "--grid"])
    assert done.exit_code == 2
    assert "leave ALGORITHMS out" in done.output


def test_the_times_that_the_book_shows_are_of_all_that_it_compares():
    ratios, conditions = together.recorded()
    assert contest.contestants(10).keys() <= ratios.keys() <= bench.CONTESTS.keys()
    assert ratios["SGD"] == 1
    assert conditions["parameters"] == shapes_size(LARGE)


@NEEDS_C
def test_our_optimizers_take_turns(tmp_path):
    file, picture = tmp_path / "bench.json", tmp_path / "bench.png"
    command = ["bench", "--together", "--rounds", "3", "--json", file, "--plot", picture]
    done = CliRunner().invoke(main, [str(word) for word in command])
    assert done.exit_code == 0, done.output
    recorded = json.loads(file.read_text())
    assert recorded["conditions"]["parameters"] == 2003
    rows = {row["algorithm"]: row for row in recorded["rows"]}
    assert rows.keys() == bench.CONTESTS.keys()
    assert rows["SGD"]["ratio"] == 1
    for row in rows.values():
        assert row["ratio"] == pytest.approx(row["ms"] / rows["SGD"]["ms"])
    assert picture.stat().st_size > 0
    refused = CliRunner().invoke(main, ["bench", "--together", "Adam"])
    assert refused.exit_code == 2
    assert "--together times all: leave" in refused.output


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A working folder with a book; returns where its benches are kept."""
    (tmp_path / "book" / "results").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "book" / "results" / "bench"


def kept(folder, kind, version, date, **conditions):
    row = {"together": together.Row("SGD", 1.0, float(date[-1]))}.get(kind)
    told = {"device": "cpu", "torch": "2", "optlab": version, "date": date, "machine": "A (R) chip"}
    saving.save([row], told | conditions, folder / kind / f"{version}-{date}.json")


@NEEDS_C
def test_a_bench_is_kept_for_the_book(book):
    command = ["bench", "--together", "--rounds", "3", "--record"]
    for _ in range(2):  # the second takes the place of the first
        done = CliRunner().invoke(main, command)
        assert done.exit_code == 0, done.output
    [file] = (book / "together").iterdir()
    name = rf"{optlab.__version__}-[a-z][a-z0-9-]*-cores-\d+-threads?\.json"
    assert re.fullmatch(name, file.name)
    assert done.output.splitlines()[-1] == f"book/results/bench/together/{file.name}"
    [stored] = saving.recorded("together")
    assert stored.rows[0].algorithm == "SGD"
    told = stored.conditions
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?|unknown", told["commit"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", told["date"])
    assert (told["rounds"], told["parameters"]) == (3, 2003)
    assert stored.machine.endswith((" thread", " threads"))
    assert f"machine {stored.machine}" in done.output


def test_part_of_a_bench_is_not_kept(book):
    refused = CliRunner().invoke(main, ["bench", "SGD", "--record"])
    assert refused.exit_code == 2
    assert "--record keeps times of all: leave ALGORITHMS out" in refused.output


def test_without_a_book_nothing_is_measured(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused = CliRunner().invoke(main, ["bench", "--record"])
    assert refused.exit_code == 2
    assert "no book/results here; work where book/ is" in refused.output


def test_the_newest_on_a_cpu_is_shown_beside_the_bytes(book):
    kept(book, "together", "0.1.0", "2026-01-03")
    kept(book, "together", "0.2.0", "2026-01-04")
    kept(book, "together", "0.0.9", "2026-01-02")
    kept(book, "together", "0.2.0", "2026-01-05", device="a GPU")
    dates = [run.conditions["date"][-1] for run in saving.recorded("together")]
    assert dates == ["5", "4", "3", "2"]
    ratios, conditions = together.recorded()
    assert (ratios, conditions["optlab"]) == ({"SGD": 4.0}, "0.2.0")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "(Expecting property name"),
        ('{"rows": []}', "('conditions')"),
        ('{"conditions": {"device": "cpu", "optlab": "1"}, "rows": []}', "('torch')"),
        (
            '{"conditions": {}, "rows": [{"name": 1}]}',
            "(got an unexpected keyword argument 'name')",
        ),
        ('{"conditions": {}, "rows": [1]}', "argument after ** must be a mapping"),
    ],
)
def test_a_file_that_is_no_bench_is_named_in_one_line(book, text, why):
    path = book / "grid" / "0.1.0-a.json"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    with pytest.raises(ValueError, match="is not a bench of grid") as caught:
        saving.recorded("grid")
    line = str(caught.value)
    assert line.startswith(str(path))
    assert why in line
    assert re.search(r"make it anew with \S*optlab bench --grid --record$", line)
    assert "\n" not in line


@pytest.mark.parametrize("kind", saving.KINDS)
def test_the_books_benches_are_of_committed_code_and_whole(kind):
    assert {path.parent.name for path in RESULTS.glob("bench/*/*")} <= saving.KINDS.keys()
    for run in saving.recorded(kind, RESULTS):
        assert not run.conditions.get("commit", "").endswith("-dirty")
        if kind != "grid":
            # One from before an optimizer was added lacks it; those of the deck are all there.
            deck = bench.CONTESTS.keys() & OF_THE_DECK
            assert deck <= {row.algorithm for row in run.rows} <= bench.CONTESTS.keys()


@pytest.mark.parametrize("name", bench.CONTESTS)
def test_a_rule_that_is_given_estimates_has_them_when_it_is_timed(name):
    contest = bench.CONTESTS[name]
    step = bench.our_step(contest, [(4, 3), (2,)], torch.device("cpu"), "plain")
    kept = [s["hessian"] for s in step.__self__.state.values() if "hessian" in s]
    assert len(kept) == (2 if name == "Sophia" else 0)
    assert all((h > 0).all() for h in kept)


@pytest.mark.parametrize("kind", saving.KINDS)
def test_every_kind_is_a_bench(kind):
    """A module with what the command calls, whatever it measures; `mypy` checks the types."""
    module = importlib.import_module(f"optlab.bench.{kind}")
    for name in ("run", "table", "plot"):
        named = list(inspect.signature(getattr(Bench, name)).parameters)[1:]
        assert list(inspect.signature(getattr(module, name)).parameters)[: len(named)] == named
    assert dataclasses.is_dataclass(module.Row)
