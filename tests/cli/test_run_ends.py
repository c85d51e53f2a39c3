"""How a run ends: an exit is a failure, a limit holds, and what ran is kept whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell

from optlab import writing
from optlab.cli import main
from optlab.running import client, execute, files, kernel, notebook
from optlab.running.notebook import INJECTED

WHERE = ["failed in cell 5, which begins: "]


@pytest.fixture
def here(sample, monkeypatch):
    monkeypatch.chdir(sample.parent.parent)
    return sample.parent.parent


@pytest.fixture
def optlab(here):
    return lambda *arguments: CliRunner().invoke(main, [*arguments])


def cells(sample, *sources, tags=()):
    """The sample with these cells after its check. tags: of the second of them."""
    book = nbformat.read(sample, 4)
    made = [new_code_cell(source, id=f"own-{i}") for i, source in enumerate(sources)]
    if tags:
        made[1].metadata["tags"] = list(tags)
    book.cells[3:] = made
    sample.write_bytes(notebook.encode(book))


def said(result):
    return [line for line in result.stderr.splitlines() if line and "Executing" not in line]


def text_of(path):
    book = nbformat.read(path, 4)
    return "".join(o.get("text", "") for c in book.cells for o in c.get("outputs", []))


EXITS = {
    "raise SystemExit(0)": "SystemExit(0): a run goes to its last cell",
    "import sys; sys.exit(None)": "SystemExit(): a run goes to its last cell",
    "exit()": "the cell ends the kernel with exit(); a run goes to its last cell",
    "quit": "the cell ends the kernel with exit(); a run goes to its last cell",
    "import os; os._exit(0)": "the kernel died; was there enough memory?",
    "import os; os.kill(os.getpid(), 9)": "the kernel died; was there enough memory?",
}


@pytest.mark.parametrize("source", EXITS)
@pytest.mark.parametrize("last", [False, True])
def test_a_cell_that_exits_fails_the_run_and_is_named(optlab, sample, source, last):
    cells(sample, "print('before')", source, *([] if last else ["print('after')"]))
    result = optlab("run", "99")
    assert result.exit_code == 1
    number = 7 if "SystemExit" in EXITS[source] else 5  # two cells above say that it failed
    assert said(result) == [
        f"failed in cell {number}, which begins: {source}",
        EXITS[source],
        "kept as runs/99-sample-failed.ipynb",
    ]
    assert text_of("runs/99-sample-failed.ipynb").startswith("before\n")
    assert "after" not in text_of("runs/99-sample-failed.ipynb")


@pytest.mark.parametrize("source", ["raise SystemExit(0)", "exit()"])
def test_outputs_of_a_notebook_that_exits_are_not_stored(optlab, sample, source):
    cells(sample, "print(1)", source)
    before = sample.read_bytes()
    result = optlab("outputs")
    assert result.exit_code == 1
    assert said(result)[1].endswith(f"failed in cell 5, which begins: {source}")
    assert sample.read_bytes() == before


def test_nothing_is_recorded_of_a_run_that_exits(optlab, sample, here):
    claim = nbformat.read(sample, 4).cells[-1].source
    cells(sample, claim, "raise SystemExit(0)", claim)
    assert optlab("run", "99", "--record").exit_code == 1
    assert not (here / "book").exists()


def test_cells_that_may_raise(optlab, sample):
    cells(sample, "print(1)", "1 / 0", "print('AFTER')", tags=["raises-exception"])
    assert optlab("run", "99").exit_code == 0
    cells(sample, "print(1)", "1 / 0", "print('AFTER')", "{}[2]", tags=["raises-exception"])
    assert said(optlab("run", "99"))[:2] == [
        "failed in cell 9, which begins: {}[2]",
        "KeyError: 2",
    ]
    cells(sample, "print(1)", "exit()", "print('AFTER')", tags=["raises-exception"])
    assert said(optlab("run", "99"))[0] == "failed in cell 5, which begins: exit()"


def test_an_error_without_words_is_told_by_standard_error(optlab, sample):
    cells(sample, "%nosuchmagic")
    assert said(optlab("run", "99"))[1] == (
        "UsageError: Line magic function `%nosuchmagic` not found."
    )


@pytest.mark.parametrize("command", ["run", "outputs"])
def test_a_limit_of_time(optlab, sample, command):
    cells(sample, "print(1, flush=True)", "import time; time.sleep(60)")
    before, start = sample.read_bytes(), time.monotonic()
    result = optlab(command, "99", "--timeout", "1")
    assert time.monotonic() - start < 30
    assert result.exit_code == 1
    assert "failed in cell 5, which begins: import time; time.sleep(60)" in result.stderr
    assert "the limit of 1 s ran out" in result.stderr
    assert sample.read_bytes() == before


@pytest.mark.parametrize("limit", ["0", "-1", "nan", "inf", "soon", "1e300"])
@pytest.mark.parametrize("command", ["run", "outputs"])
def test_a_limit_that_is_none(optlab, command, limit):
    result = optlab(command, "99", f"--timeout={limit}")
    assert result.exit_code == 2
    assert f"{limit!r} is refused: give seconds, more than 0" in result.stderr


@pytest.mark.parametrize("source", ["while True: print('x' * 99)", "while True: print(end='x')"])
def test_a_limit_of_outputs(optlab, sample, monkeypatch, source):
    monkeypatch.setattr(client, "LARGEST", 1_000_000)
    cells(sample, source)
    result = optlab("run", "99", "--timeout", "60")
    assert said(result)[:2] == [
        f"failed in cell 4, which begins: {source}",
        "its outputs are too large: a run keeps 1 MB of them; print less",
    ]
    assert Path("runs/99-sample-failed.ipynb").stat().st_size < 4_000_000


def test_outputs_of_all_cells_count_together(optlab, sample, monkeypatch):
    monkeypatch.setattr(client, "LARGEST", 1_000_000)
    show = "from IPython.display import HTML, display; display(HTML('x' * 400_000))"
    cells(sample, show, show, show)
    assert said(optlab("run", "99"))[0].startswith("failed in cell 6")
    cells(sample, f"{show}; from IPython.display import clear_output; clear_output()", show, show)
    assert optlab("run", "99").exit_code == 0


def test_children_of_a_killed_kernel_die(optlab, sample):
    start = "import subprocess; print(subprocess.Popen({}).pid)"
    cells(
        sample,
        start.format("['sleep', '600']"),
        start.format("['sleep', '600'], start_new_session=True"),
        "import os; os.kill(os.getpid(), 9)",
    )
    assert optlab("run", "99").exit_code == 1
    children = [int(word) for word in text_of("runs/99-sample-failed.ipynb").split()]
    assert len(children) == 2
    # A killed process takes a moment to die on a busy machine.
    end = time.monotonic() + 10
    while (left := [pid for pid in children if alive(pid)]) and time.monotonic() < end:
        time.sleep(0.05)
    assert not left


def alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [
        ("run", signal.SIGINT, 130),
        ("run", signal.SIGTERM, 143),
        ("run", signal.SIGHUP, 129),
        ("outputs", signal.SIGINT, 130),
    ],
)
def test_an_interrupt_keeps_what_ran(sample, here, number, code, command):
    mark = here / "begun"
    cells(sample, "print('done')", f"print('half', flush=True)\n{write(mark)}", "print('never')")
    before = sample.read_bytes()
    program = "from optlab.cli import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, command, "99"],
        cwd=here,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # under nohup it is ignored
    )
    while not mark.exists() and process.poll() is None:
        time.sleep(0.05)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    lines = [line for line in errors.splitlines() if "interrupted" in line]
    assert lines[0].endswith("interrupted in cell 5, which begins: print('half', flush=True)")
    assert "Traceback" not in errors
    assert sample.read_bytes() == before
    if command == "run":
        assert lines[1] == "kept as runs/99-sample-interrupted.ipynb"
        assert text_of(here / "runs/99-sample-interrupted.ipynb") == "done\nhalf\n"
        assert os.listdir(here / "runs") == ["99-sample-interrupted.ipynb"]


def write(mark):
    return f"open({str(mark)!r}, 'w').close()\nimport time; time.sleep(60)"


def without_links(*names, **options):
    raise OSError(95, "Operation not supported")


def test_a_disk_without_hard_links(optlab, sample, monkeypatch):
    monkeypatch.setattr(os, "link", without_links)
    cells(sample, "print(lr)")
    for number in ("", "-2", "-3"):
        result = optlab("run", "99")
        assert result.stdout == f"runs/99-sample{number}.ipynb\n"
        assert text_of(result.stdout.strip()) == "0.1\n"
    assert len(os.listdir("runs")) == 3


@pytest.mark.parametrize("text", ["界" * 300, "é" * 120, "a" * 500, "😀" * 99])
def test_names_are_short_in_bytes(text):
    name = files.run_name("03-adam", {"label": text})
    assert 80 < len(name.encode()) <= 100 or not text.isalpha()
    draft = files.draft_of(Path(f"{name}-interrupted.ipynb")).name
    assert max(len(f"{name}-interrupted-100.ipynb".encode()), len(draft.encode())) < 143


def test_a_full_disk_loses_nothing(optlab, sample, monkeypatch, tmp_path):
    cells(sample, "print(lr)")
    real, elsewhere = writing._write, tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(elsewhere))
    monkeypatch.setattr(execute, "SAVED", 0.0)

    def full(path, content):
        if path.parent.name == "runs":
            raise OSError(28, "No space left on device")
        return real(path, content)

    monkeypatch.setattr(writing, "_write", full)
    result = optlab("run", "99")
    assert result.exit_code == 1
    assert said(result) == [
        "the run is finished",
        "cannot write in runs: No space left on device",
        f"kept as {elsewhere}/99-sample.ipynb",
    ]
    assert text_of(elsewhere / "99-sample.ipynb") == "0.1\n"


@pytest.mark.parametrize(
    "source",
    [
        r"print('a\ud800b')",
        r"import sys; print('a\ud800b'); print('c', file=sys.stderr); sys.stdout.flush()",
        r"import sys; sys.stderr.write('a\ud800b'); sys.stderr.flush(); sys.stderr.write('c')",
        r"from IPython.display import display; display({'text/plain': 'a\ud800b'}, raw=True)",
    ],
)
def test_text_that_utf_8_cannot_hold(optlab, sample, source):
    """It is kept, and so is what is sent with it. (In a report of this test such text would end
    the process that sends it.)"""
    cells(sample, source, "print('after')")
    assert optlab("run", "99").exit_code == 0
    content = Path("runs/99-sample.ipynb").read_text(encoding="utf-8")
    assert content.count(r"a\ud800b") > source.count("a\ud800b")
    assert text_of("runs/99-sample.ipynb").endswith("after\n")


def test_a_source_that_utf_8_cannot_hold(optlab, sample):
    cells(sample, "print('a\ud800b')", "print('after')")
    result = optlab("run", "99")
    assert result.exit_code == 1
    assert said(result)[1].endswith("surrogates not allowed")


def test_a_run_can_be_run_again(optlab, sample):
    cells(sample, "print(lr, seed)")
    first = optlab("run", "99", "-p", "lr", "0.5").stdout.strip()
    assert "(default 0.5)" in optlab("run", first, "--help-parameters").stdout
    second = optlab("run", first, "-p", "seed", "7").stdout.strip()
    assert second == "runs/99-sample-lr=0.5-seed=7.ipynb"
    assert text_of(second) == "0.5 7\n"
    assert text_of(optlab("run", second, "-p", "lr", "0.7").stdout.strip()) == "0.7 7\n"
    book = nbformat.read(second, 4)
    assert sum(INJECTED in c.metadata.get("tags", []) for c in book.cells) == 1
    refused = optlab("run", second, "--record")
    assert refused.exit_code == 2
    assert "only scale, seed, device may be set, not lr" in refused.stderr


def test_a_failed_run_can_be_run_again(optlab, sample):
    cells(sample, "assert lr < 1", "print('fine')")
    assert optlab("run", "99", "-p", "lr", "3").exit_code == 1
    again = optlab("run", "runs/99-sample-lr=3.0-failed.ipynb", "-p", "lr", "0.5")
    assert again.exit_code == 0
    assert len(nbformat.read(again.stdout.strip(), 4).cells) == 6


def test_a_long_folder_for_temporary_files(optlab, sample, monkeypatch, tmp_path):
    cells(sample, "print(lr)")
    deep = tmp_path / ("x" * 100)
    deep.mkdir()
    monkeypatch.setattr(kernel.tempfile, "gettempdir", lambda: str(deep))
    assert optlab("run", "99").exit_code == 0
    monkeypatch.setattr(kernel.tempfile, "mkdtemp", without_links)
    result = optlab("run", "99")
    assert result.exit_code == 1
    assert said(result)[-1].startswith("a kernel needs a folder for its sockets")


BROKEN = {
    "import sys; sys.exit('no such library')": "it died; no such library",
    "import time; time.sleep(60)": "no answer in 2 s",
}


@pytest.mark.parametrize("program", BROKEN)
@pytest.mark.parametrize("command", ["run", "outputs"])
def test_a_kernel_that_does_not_start(optlab, sample, monkeypatch, program, command):
    spec = kernel.KernelSpec(argv=[sys.executable, "-c", program, "{connection_file}"])
    monkeypatch.setattr(kernel.Kernel, "kernel_spec", spec)
    monkeypatch.setattr(client, "START_SECONDS", 2.0)
    before = sample.read_bytes()
    result = optlab(command, "99")
    assert result.exit_code == 1
    assert said(result)[-1] == f"the kernel does not start: {BROKEN[program]}"
    assert sample.read_bytes() == before


def test_an_edit_made_meanwhile_is_kept_beside_what_was_executed(optlab, sample, here):
    edit = f"from pathlib import Path; p = Path({str(sample)!r}); t = p.read_text()"
    cells(sample, "print('new')", f"{edit}; p.write_text(t.replace('# Sample', '# Edited'))")
    before = sample.read_text()
    result = optlab("outputs")
    assert result.exit_code == 1
    assert said(result)[1:] == [
        "notebooks/99-sample.ipynb was changed while it was executed, and is left as it is now",
        "kept as runs/99-sample-outputs.ipynb",
    ]
    assert sample.read_text() == before.replace("# Sample", "# Edited")
    assert text_of(here / "runs/99-sample-outputs.ipynb") == "new\n"


def test_links_modes_and_owners_stay(optlab, sample, here):
    cells(sample, "print('new')")
    store = here / "store"
    store.mkdir()
    real = sample.rename(store / "real.ipynb")
    real.chmod(0o600)
    sample.symlink_to(real)
    assert optlab("outputs").exit_code == 0
    assert sample.is_symlink()
    assert text_of(real) == "new\n"
    assert real.stat().st_mode & 0o777 == 0o600
    cells(sample, "print('newer')")
    os.link(real, store / "other.ipynb")
    assert optlab("outputs").exit_code == 0
    assert text_of(store / "other.ipynb") == text_of(sample) == "newer\n"
    assert sorted(p.name for p in store.iterdir()) == ["other.ipynb", "real.ipynb"]


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["outputs", "--times", "/proc/t.json"], "cannot write the times into /proc/t.json: "),
        (["outputs", "--times", "damaged.json"], "damaged.json has no times of notebooks ("),
        (["outputs", "--times", "list.json"], "list.json has no times of notebooks ("),
        (["run", "99", "--record"], "cannot write the record book/results/99-sample.ci.json: "),
        (["run", "99", "-o", "-"], "-o - is refused: give a folder for the new notebook"),
        (["run", "99", "-o", "list.json/x"], "cannot write in list.json/x: Not a directory"),
        (["run", "99", "-o", "/proc/x"], "cannot write in /proc/x: "),
        (["run", "98"], "no notebook '98' here: there are 99-sample"),
        (["run", "notebooks/98-folder.ipynb"], "no notebook 'notebooks/98-folder.ipynb' here"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_run(optlab, sample, here, arguments, line):
    (here / "damaged.json").write_text("{")
    (here / "list.json").write_text("[]")
    (sample.parent / "98-folder.ipynb").mkdir()
    (here / "book").mkdir()
    (here / "book/results").write_text("a file")
    cells(sample, "print(lr)")
    result = optlab(*arguments)
    assert result.exit_code == 2
    assert result.stderr.startswith(line)
    assert result.stderr.count("\n") == 1
    assert not os.path.exists("runs")


def test_times_of_a_new_folder_and_of_notebooks_before_one_that_fails(optlab, sample, here):
    cells(sample, "1 / 0")
    good = json.loads(sample.read_text())
    good["cells"][3]["source"] = "print(1)"
    (sample.parent / "01-good.ipynb").write_text(json.dumps(good))
    assert optlab("outputs", "--times", "new/times.json").exit_code == 1
    assert list(json.loads((here / "new/times.json").read_text())["seconds"]) == ["01-good"]


def test_a_working_folder_that_is_gone(optlab, sample, tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for arguments in (["run", "99"], ["run", str(sample)], ["outputs"]):
        result = optlab(*arguments)
        assert result.exit_code == 2
        assert result.stderr.count("\n") == 1
        assert not isinstance(result.exception, OSError)


def test_braces_in_paths_are_characters(optlab, sample, here):
    cells(sample, "print(lr)")
    folder = here / "a{b}"
    folder.mkdir()
    odd = sample.rename(folder / "{c}.ipynb")
    result = optlab("run", str(odd), "-o", "r{d}/{}")
    assert result.exit_code == 0, result.stderr
    assert text_of(result.stdout.strip()) == "0.1\n"
