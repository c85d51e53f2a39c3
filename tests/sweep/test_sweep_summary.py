"""The table and the summary of a sweep say what its runs gave."""

import math

import pytest

from optlab.running.errors import RunError
from optlab.sweep.figures import means, picture, read_results
from optlab.sweep.folder import FAILED, FINISHED, Folder, Record
from optlab.sweep.plan import Plan, Run
from optlab.sweep.table import make_table


def record(run, loss):
    """What is kept of a run that ended with this loss; None: that failed."""
    failed = loss is None
    fields = {
        "status": FAILED if failed else FINISHED,
        "verdicts": {} if failed else {"adam-line-4": "refuted" if loss < 2 else "not refuted"},
        "metrics": {} if failed else {"loss": loss if math.isfinite(loss) else None},
        "error": "failed in cell 3, which begins: x\nValueError: y" if failed else "",
    }
    return Record(
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
    (path / "runs" / "a" / "record.json").write_text("{")
    with pytest.raises(RunError, match=r"record\.json is damaged; delete .*/a and run the sweep"):
        read_results(path)
