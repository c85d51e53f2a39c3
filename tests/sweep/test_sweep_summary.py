"""The table and the summary of a sweep say what its runs gave."""

import math
from dataclasses import replace
from itertools import product

import pytest

from optlab.running.errors import RunError
from optlab.sweep.figures import means, picture, read_results
from optlab.sweep.folder import Folder
from optlab.sweep.plan import Plan, run_id
from optlab.sweep.plan import Run as PlannedRun
from optlab.sweep.stored import FAILED, FINISHED, RunRecord
from optlab.sweep.table import make_table


def Run(name, parameters):
    """A run; its id is as those of sweeps."""
    return PlannedRun(run_id(name, parameters), parameters)


def record(run, loss):
    """What is kept of a run that ended with this loss; None: that failed."""
    failed = loss is None
    fields = {
        "status": FAILED if failed else FINISHED,
        "verdicts": {} if failed else {"adam-line-4": "misprint" if loss < 2 else "not misprint"},
        "metrics": {} if failed else {"loss": loss if math.isfinite(loss) else None},
        "error": "failed in cell 3, which begins: x\nValueError: y" if failed else "",
    }
    return RunRecord(
        id=run.id, notebook="98-small", code="code", parameters=run.parameters, seconds=1.0,
        attempts=1, versions={}, worker="here", **fields,
    )  # fmt: skip


def keep(path, swept, ended, losses, runs):
    """The folder of a sweep whose first runs have ended, with these losses; None: failed."""
    plan, folder = Plan("98-small", "code", swept, {}, runs), Folder(path)
    with folder.claim(plan, resume=False):
        for run, loss in zip(ended, losses, strict=True):
            folder.keep(record(run, loss), "", "")
    return path


def test_means_are_over_seeds_and_what_failed_is_a_gap(tmp_path):
    swept = {"lr": [0.1, 0.2], "momentum": [0, 0.9], "seed": [0, 1]}
    losses = [1.0, 3.0, 5.0, None, 7.0, math.nan, 9.0]  # of seeds 0 and 1 in turn
    runs = [
        Run(f"{lr} {momentum} {seed}", {"lr": lr, "momentum": momentum, "seed": seed})
        for lr in swept["lr"] for momentum in swept["momentum"] for seed in swept["seed"]
    ]  # fmt: skip
    folder = keep(tmp_path / "kept", swept, runs[:-1], losses, runs)
    results = read_results(folder)
    assert repr(results) == "6 of 8 runs finished, 1 failed"
    assert results.columns == ["metric.loss", "verdict.adam-line-4", "seconds"]
    found = means(results).select("finished", "failed", "metric.loss", "verdict.adam-line-4")
    assert found.rows() == [(2, 0, 2.0, 0.5), (1, 1, 5.0, 0.0), (2, 0, 7.0, 0.0), (1, 0, 9.0, 0.0)]
    drawn = picture(results, "metric.loss").digest
    assert "value 2 … 9, min 2, max 9, mean 5.5, 2 not finite" in drawn
    with pytest.raises(KeyError, match=r"no column 'loss'; there are metric\.loss"):
        picture(results, "loss")


def test_more_parameters_are_more_panels_and_one_is_a_curve(tmp_path):
    swept = {"lr": [0.1, 0.2], "beta": [0.5, 0.9], "how": ["a", "b"]}
    runs = [
        Run(f"{lr} {beta} {how}", {"lr": lr, "beta": beta, "how": how})
        for lr in swept["lr"] for beta in swept["beta"] for how in swept["how"]
    ]  # fmt: skip
    folder = keep(tmp_path / "three", swept, runs, [1, 2, 3, 4, 5, 6, 7, 8], runs)
    drawn = picture(read_results(folder), "metric.loss").digest
    assert "1. how a\nloss: 20 points" in drawn
    assert "value 1 … 7" in drawn
    assert "2. how b" in drawn
    assert "value 2 … 8" in drawn
    swept = {"lr": [0.001, 0.01, 0.1]}
    runs = [Run(str(lr), {"lr": lr}) for lr in swept["lr"]]
    folder = keep(tmp_path / "one", swept, runs, [1.0, 4.0, 2.0], runs)
    drawn = picture(read_results(folder), "metric.loss").digest
    assert drawn == "loss: 3 points, x 0.001 to 0.1, y 1 … 2, min 1, max 4, mean 2.33"


def test_before_any_run_has_ended(tmp_path):
    runs = [Run("a", {"lr": 0.1}), Run("b", {"lr": 0.2})]
    results = read_results(keep(tmp_path / "none", {"lr": [0.1, 0.2]}, [], [], runs))
    assert repr(results) == "0 of 2 runs finished, 0 failed"
    assert "nowhere finite" in picture(results, "seconds").digest


def test_a_run_that_fails_and_then_succeeds_is_there_once(tmp_path):
    run = Run("a", {"lr": 0.1})
    plan = Plan("98-small", "code", {"lr": [0.1]}, {}, [run])
    folder = Folder(tmp_path / "kept")
    with folder.claim(plan, resume=False):
        folder.keep(record(run, None), "", "traceback")
        assert make_table(plan, folder.records(plan))["error"].to_list() == [
            "failed in cell 3, which begins: x: ValueError: y"
        ]
        folder.keep(record(run, 1.0), "", "")
    assert (folder.failed(plan), folder.finished(plan)) == ([], [run])
    assert make_table(plan, folder.records(plan))["status"].to_list() == ["finished"]


def test_a_damaged_record_is_named(tmp_path):
    run = Run("a", {"lr": 0.1})
    path = keep(tmp_path / "kept", {"lr": [0.1]}, [run], [1.0], [run])
    (path / "runs" / run.id / "record.json").write_text("{")
    with pytest.raises(RunError, match=r"record\.json is damaged \(.*\); delete .*--resume$"):
        read_results(path)


ODD = ["$x_{$", "_x", "a\nb", "<b>", "\x1b[1m", "^a$", "é – ß", "$", "$$", r"\\frac{", "%s{}"]


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_any_name_and_any_number_can_be_pictured(tmp_path, axes):
    """What a notebook names is shown as it is, and no number ends the summary."""
    largest = [1.7e308, -1.7e308, 1e-320, 5.0, None, 1e99, 0.0, 1e308]
    swept = {name: ["$x_{$", "\x00"] if i else [1e-320, 1.0] for i, name in enumerate("abc"[:axes])}
    runs = [
        Run("odd", dict(zip(swept, values, strict=True))) for values in product(*swept.values())
    ]
    plan = Plan("98-small", "code", swept, {}, runs)
    folder = Folder(tmp_path / "odd")
    with folder.claim(plan, resume=False):
        for number, run in enumerate(runs):
            metrics = {name: largest[(number + i) % 8] for i, name in enumerate(ODD)}
            verdicts = dict.fromkeys(ODD, "misprint" if number % 2 else "not misprint")
            kept = replace(record(run, 1.0), metrics=metrics, verdicts=verdicts)
            folder.keep(kept, "", "")
    results = read_results(folder.path)
    assert len(results.columns) == 2 * len(ODD) + 1
    for column in results.columns[:: 1 if axes == 1 else 5]:
        picture(results, column)
    assert " means are beyond what can be drawn." in picture(results, "metric.$x_{$").caption
    shown = picture(results, "metric.$x_{$")
    assert "$x_{$" in shown.digest if axes == 1 else "$x_{$" in shown.caption
    assert len(means(results)) == 2**axes


def test_the_mean_of_large_numbers_is_finite(tmp_path):
    swept = {"lr": [0.1, 0.2], "seed": [0, 1, 2]}
    runs = [Run("large", {"lr": 0.1, "seed": seed}) for seed in range(3)]
    results = read_results(keep(tmp_path / "kept", swept, runs, [1.7e308, 1.7e308, 1.1e308], runs))
    assert means(results)["metric.loss"].to_list() == pytest.approx([1.5e308], rel=1e-12)


def test_values_that_one_column_cannot_hold_together(tmp_path):
    seeds = [2**70, 1, -(2**65)]
    runs = [Run("seed", {"seed": seed}) for seed in seeds]
    results = read_results(keep(tmp_path / "kept", {"seed": seeds}, runs, [1.0, 2.0, 3.0], runs))
    assert results.table["seed"].to_list() == [str(seed) for seed in seeds]
    picture(results, "metric.loss")


def test_two_columns_of_one_name_are_refused_in_one_line(tmp_path):
    """By planning; but an older sweep may be there."""
    runs = [Run("old", {"seconds": 1.0})]
    with pytest.raises(RunError, match="two columns of the table would be called seconds"):
        read_results(keep(tmp_path / "kept", {"seconds": [1.0]}, runs, [1.0], runs))
