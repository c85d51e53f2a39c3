"""What a sweep's folder holds is believed only as far as it is what a sweep writes: whatever it
holds, there is one line, nothing outside is touched, and nothing that finished is lost."""

import json
import os
import shutil

import pytest
from click.testing import CliRunner

from optlab.cli import main
from optlab.running.errors import RunError
from optlab.sweep import command, summary
from optlab.sweep.folder import Folder
from optlab.sweep.plan import make_plan
from optlab.sweep.stored import FAILED, FINISHED, RunRecord
from optlab.sweep.table import make_table
from optlab.sweep.versions import here

CODE = here()


def record(plan, run, status=FINISHED):
    return RunRecord(
        id=run.id, notebook=plan.notebook, code=plan.code, parameters=run.parameters,
        status=status, verdicts={}, metrics={"loss": 1.0}, seconds=1.0, attempts=1,
        error="" if status == FINISHED else "failed", versions=CODE, worker="here",
    )  # fmt: skip


@pytest.fixture
def plan(small):
    return make_plan(small[0], [], [], 3)


@pytest.fixture
def kept(plan, tmp_path):
    """The folder of a sweep that two of three runs have finished."""
    folder = Folder(tmp_path / "kept")
    with folder.claim(plan, resume=False):
        for run in plan.runs[:2]:
            folder.keep(record(plan, run), "{}", "")
    return folder.path


@pytest.fixture
def optlab(monkeypatch):
    """The command, where no run is made, and the summary has no kernel."""
    monkeypatch.setattr(command, "_run_missing", lambda *arguments: None)
    monkeypatch.setattr(summary, "write_summary", lambda folder, plan: folder.path)

    def run(*arguments):
        result = CliRunner().invoke(main, ["sweep", *map(str, arguments)])
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return run


def edited(path, **changes):
    content = json.loads(path.read_text())
    for name, value in changes.items():
        if value is None:
            del content[name]
        else:
            content[name] = value
    path.write_text(json.dumps(content))


DAMAGES = {
    "empty": lambda path: path.write_text(""),
    "half": lambda path: path.write_text(path.read_text()[:100]),
    "no JSON": lambda path: path.write_bytes(b"\xff\xfe"),
    "a list": lambda path: path.write_text("[]"),
    "null": lambda path: path.write_text("null"),
    "deep": lambda path: path.write_text("[" * 100_000),
    "a key less": lambda path: edited(path, fixed=None),
    "another type": lambda path: edited(path, swept=[1]),
    "runs that are none": lambda path: edited(path, runs=[1, 2]),
    "a run without parameters": lambda path: edited(path, runs=[{"id": "0" * 16}]),
    "outside": lambda path: leads_to(path, "../../outside"),
    "absolute": lambda path: leads_to(path, "/etc"),
    "here": lambda path: leads_to(path, "."),
    "a number": lambda path: leads_to(path, 7),
    "a name with more": lambda path: leads_to(path, "0123456789abcdef\n"),
    "the notebook outside": lambda path: edited(path, notebook="../../98-small"),
    "a link": lambda path: linked(path),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
}


def leads_to(path, id):
    content = json.loads(path.read_text())
    content["runs"][0]["id"] = id
    path.write_text(json.dumps(content))


def linked(path):
    path.rename(path.with_name("elsewhere.json"))
    path.symlink_to("elsewhere.json")


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_plan_is_one_line_and_made_anew(optlab, small, kept, tmp_path, plan, damage):
    outside = tmp_path / "outside"
    shutil.copytree(kept / "runs" / plan.runs[0].id, outside)
    DAMAGES[damage](kept / "sweep.json")
    for arguments in (["--summary", kept], [small[0], "--seeds", "3", "-o", kept]):
        result = optlab(*arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "sweep.json" in result.stderr
        assert result.stderr.endswith(
            "; give the sweep again with --resume, which keeps what has finished\n"
        )
    if (kept / "sweep.json").is_dir():
        (kept / "sweep.json").rmdir()
    result = optlab(small[0], "--seeds", "3", "-o", kept, "--resume")
    assert (result.exit_code, result.stderr) == (1, "")
    assert "2 of 3 runs finished, 0 failed\n" in result.stdout
    assert optlab("--summary", kept).exit_code == 1


def test_a_plan_with_more_than_is_known_is_read(optlab, kept):
    edited(kept / "sweep.json", colour="red")
    result = optlab("--summary", kept)
    assert (result.exit_code, result.stderr) == (1, "")


def test_a_plan_that_is_gone_is_no_loss(optlab, small, kept):
    (kept / "sweep.json").unlink()
    assert optlab("--summary", kept).stderr == f"{kept} is not the folder of a sweep\n"
    result = optlab(small[0], "--seeds", "3", "-o", kept)
    assert result.stderr == f"{kept} has other files; give another folder with -o\n"
    result = optlab(small[0], "--seeds", "3", "-o", kept, "--resume")
    assert "2 of 3 runs finished" in result.stdout


RECORDS = {
    "empty": lambda path: path.write_text(""),
    "gone": lambda path: path.unlink(),
    "a key less": lambda path: edited(path, metrics=None),
    "another run's": lambda path: edited(path, id="0" * 16),
    "a metric that is text": lambda path: edited(path, metrics={"loss": "1"}),
    "a metric that is not finite": lambda path: path.write_text(
        path.read_text().replace('"loss": 1.0', '"loss": NaN')
    ),
    "an endless number": lambda path: path.write_text(
        path.read_text().replace('"loss": 1.0', '"loss": ' + "9" * 400)
    ),
    "seconds that are text": lambda path: edited(path, seconds="x"),
    "a link": lambda path: linked(path),
}


@pytest.mark.parametrize("damage", RECORDS)
def test_a_damaged_record_is_one_line_and_its_run_is_done_again(
    optlab, small, kept, plan, damage, monkeypatch
):
    path = kept / "runs" / plan.runs[0].id / "record.json"
    RECORDS[damage](path)
    result = optlab("--summary", kept)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"{path} is damaged (")

    def run_missing(plan, notebook, folder, *others):
        done = {run.id for run in folder.finished(plan)}
        assert done == {plan.runs[1].id}
        for run in plan.runs:
            if run.id not in done:
                folder.keep(record(plan, run), "{}", "")

    monkeypatch.setattr(command, "_run_missing", run_missing)
    result = optlab(small[0], "--seeds", "3", "-o", kept, "--resume")
    assert (result.exit_code, result.stderr) == (0, "")


@pytest.mark.parametrize("which", ["run", "runs"])
def test_links_out_of_the_folder_are_refused(optlab, small, kept, plan, tmp_path, which):
    place = kept / "runs" / plan.runs[0].id if which == "run" else kept / "runs"
    shutil.move(place, tmp_path / "outside")
    place.symlink_to(tmp_path / "outside")
    for arguments in (["--summary", kept], [small[0], "--seeds", "3", "-o", kept, "--resume"]):
        result = optlab(*arguments)
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert f" is a link out of {kept}; remove it" in result.stderr
    assert (tmp_path / "outside").is_dir()


@pytest.mark.parametrize("name", ["runs", "failed"])
def test_a_link_to_an_empty_folder_outside_is_refused_too(optlab, small, tmp_path, name):
    (tmp_path / "outside").mkdir()
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / name).symlink_to(tmp_path / "outside")
    result = optlab(small[0], "--seeds", "3", "-o", tmp_path / "kept", "--resume")
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert f"{name} is a link out of " in result.stderr
    assert list((tmp_path / "outside").iterdir()) == []


def test_a_long_plan_is_not_written_again_and_again(small, tmp_path, monkeypatch):
    plan, folder = make_plan(small[0], [], [], 3), Folder(tmp_path / "kept")
    with folder.claim(plan, resume=False):
        monkeypatch.setattr("optlab.sweep.folder.plan_to_json", None)
        assert not folder.restore(plan)


def test_a_link_to_the_folder_itself_is_none_of_these(optlab, kept, tmp_path):
    (tmp_path / "link").symlink_to(kept)
    assert optlab("--summary", tmp_path / "link").exit_code == 1


def test_a_run_has_one_row_also_after_a_crash(kept, plan):
    """Between the writing of runs/ID and the removal of failed/ID."""
    folder, run = Folder(kept), plan.runs[0]
    shutil.rmtree(folder.place(run.id, FINISHED))
    folder.keep(record(plan, run, FAILED), "{}", "traceback")
    shutil.copytree(folder.place(run.id, FAILED), kept / "aside")
    folder.keep(record(plan, run), "{}", "")
    shutil.move(kept / "aside", folder.place(run.id, FAILED))
    assert folder.place(run.id, FAILED).is_dir()
    assert (len(folder.finished(plan)), folder.failed(plan)) == (2, [])
    assert make_table(plan, folder.records(plan))["status"].to_list() == ["finished"] * 2
    with folder.claim(plan, resume=True):
        assert not folder.place(run.id, FAILED).exists()


def test_a_disk_without_locks_is_refused(plan, tmp_path, monkeypatch):
    def fail(self):
        raise NotImplementedError("no flock here")

    monkeypatch.setattr("filelock.FileLock._acquire", fail)
    with pytest.raises(RunError, match=r"without locks, .* on another disk with -o$"):
        Folder(tmp_path / "kept").claim(plan, resume=False).__enter__()
