"""The bench runs, counts right and reports what it left out; its times are not tested."""

import json

import pytest
import torch
from click.testing import CliRunner
from hyper import numbers

from optlab import rules
from optlab.bench import grid, together
from optlab.bench import steps as bench
from optlab.cli import main
from optlab.experiments import contest
from optlab.optim import MADE, native
from optlab.optim.split import split

LARGE = bench.transformer()


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
    conditions, large, small = bench.run([name], "cpu", 3, memory=False)
    assert conditions["torch"] == torch.__version__
    assert (large.shapes, small.shapes) == ("transformer", "small net")
    torch_rivals = {k for k in bench.CONTESTS[name].rivals if k.startswith("torch")}
    assert torch_rivals <= set(large.rivals_ms)
    assert set(large.rivals_ms) | set(large.left_out) == set(bench.CONTESTS[name].rivals)
    assert large.ratios == {k: large.ms / ms for k, ms in large.rivals_ms.items()}
    traffic = bench.CONTESTS[name].bytes * 2003 / (large.ms / 1e3)
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
        text = split(rule, flags, names, None).text
        source, arrays, _ = native.write(text, rule, "float")
        source = source.replace("[e]", "[j]")  # the place in a matrix, and in a vector
        moved = 0
        for part in source.split("#pragma omp simd")[1:]:
            loop = part.split("}")[0]
            for k in range(arrays):
                writes = loop.count(f"a{k}[j] = ")
                reads = loop.count(f"a{k}[j]") > writes
                moved += 4 * (reads + writes)
        assert moved == bench.CONTESTS[name].bytes == 4 * native.plan_of(text, rule).moved(), name


def test_the_command_writes_what_it_measured(tmp_path):
    out, picture = tmp_path / "bench.json", tmp_path / "bench.svg"
    command = ["bench", "AdamW", "--rounds", "3", "--no-memory"]
    done = CliRunner().invoke(main, [*command, "--json", str(out), "--plot", str(picture)])
    assert done.exit_code == 0, done.output
    record = json.loads(out.read_text())
    assert [row["algorithm"] for row in record["rows"]] == ["AdamW", "AdamW"]
    assert "torch fused" in done.output
    assert picture.read_text().startswith("<?xml")


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
    assert ratios.keys() == contest.contestants(10).keys() <= bench.CONTESTS.keys()
    assert ratios["SGD"] == 1
    assert conditions["parameters"] == shapes_size(LARGE)


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
