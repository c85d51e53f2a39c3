"""What a run leaves out is counted by reason, and fails the run unless it is on the list."""

import fnmatch
import re
import tomllib
from pathlib import Path

import pytest
import skip_list

ROOT = Path(__file__).parents[2]
LIST = """
[[skip]]
tests = "tests/test_a.py::*"
reason = "no unicorn*"
where = "no program unicorn"

[[skip]]
tests = "tests/*"
reason = "no GPU"
where = "anywhere"

[[skip]]
tests = "tests/*"
reason = "no bash"
where = "no program bash"

[[skip]]
tests = "tests/*"
reason = "one core"
where = "fewer than 1000 cores"
ci = true
"""
PASSES = "def test_passes(): pass\n"
SKIPS = "import pytest\ndef test_skips(): pytest.skip({!r})\n"


@pytest.fixture
def run(pytester, monkeypatch):
    """Run these files, as name="text", under the plugin; the result, and its summary's lines."""
    monkeypatch.delenv("BOOK_CI", raising=False)
    monkeypatch.delenv("PYTEST_ADDOPTS", raising=False)
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def run_(*options, ini="", **files):
        for name, text in files.items():
            path = pytester.path / "tests" / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        (pytester.path / "tests/skips.toml").write_text(LIST)
        paths = "" if "testpaths" in ini else "testpaths = tests\n"
        (pytester.path / "pytest.ini").write_text(f"[pytest]\n{paths}{ini}")
        usual = ("-p", "skip_list", *(("-p", "xdist") if "-n" in options else ()))
        return pytester.runpytest_inprocess(*usual, *options)

    return run_


def fails(result, *lines):
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*left out, and not allowed: this fails the run*", *lines])


def passes(result, *lines):
    assert result.ret == 0
    result.stdout.fnmatch_lines(list(lines))
    result.stdout.no_fnmatch_line("*not allowed*")


def test_listed_skips_are_counted_by_reason(run):
    two = SKIPS.format("no unicorn here") + "def test_too(): pytest.skip('no unicorn here')\n"
    result = run(test_a=two, test_b=SKIPS.format("no GPU") + PASSES)
    passes(
        result, "*left out, as tests/skips.toml allows*", "    1  no GPU", "    2  no unicorn here"
    )


@pytest.mark.parametrize(
    ("files", "line"),
    [
        (
            {"test_a": SKIPS.format("too slow")},
            "tests/test_a.py::test_skips: too slow (not listed)",
        ),
        ({"test_b": SKIPS.format("no unicorn")}, "*::test_skips: no unicorn (not listed)"),
        (
            {"test_a": SKIPS.format("no bash")},
            "*: no bash (listed where there is no program bash, which is not so here)",
        ),
        (
            {"test_a": "import pytest\n@pytest.mark.skip\ndef test_x(): pass\n"},
            "*::test_x: unconditional skip (not listed)",
        ),
        (
            {"test_a": "import pytest\npytest.importorskip('unicorn')\n" + PASSES},
            "tests/test_a.py: could not import 'unicorn'*(not listed)",
        ),
        (
            {"test_a": "import pytest\n@pytest.mark.xfail(reason='a bug')\ndef test_x(): 1 / 0\n"},
            "*::test_x: expected to fail: a bug (not listed)",
        ),
        (
            {"test_a": "import pytest\ndef test_x(): pytest.xfail('a bug')\n"},
            "*::test_x: expected to fail: a bug (not listed)",
        ),
        (
            {"test_a": "import pytest\n@pytest.mark.xfail\ndef test_x(): pass\n"},
            "*::test_x: passes, though expected to fail:*(not listed)",
        ),
        (
            {
                "test_a": "import pytest\n@pytest.mark.parametrize('x', [])\ndef test_x(x): pass\n"
                + PASSES
            },
            "*::test_x[[]NOTSET[]]: got empty parameter set*(not listed)",
        ),
        (
            {
                "test_a": "import unittest\nclass Test(unittest.TestCase):\n"
                "    def test_x(self): self.skipTest('later')\n"
            },
            "*::test_x: later (not listed)",
        ),
        (
            {
                "test_a": "import pytest\n@pytest.fixture\ndef f(): pytest.skip('later')\n"
                "def test_x(f): pass\n"
            },
            "*::test_x: later (not listed)",
        ),
        ({"test_a": "def found_by_none(): pass\n"}, "tests/test_a.py: no test was found*"),
    ],
)
def test_anything_else_fails(run, files, line):
    fails(run(test_good=PASSES, **files), line)


def test_several_processes_are_one_run(run):
    files = {
        "test_a": "import pytest\npytest.importorskip('unicorn')\n" + PASSES,
        "test_b": "import pytest\ndef test_x(): pytest.xfail('a bug')\n",
        "test_c": "def found_by_none(): pass\n",
        "test_d": SKIPS.format("no GPU"),
        "test_e": SKIPS.format("too slow"),
    }
    result = run("-n", "2", test_good=PASSES, **files)
    fails(result)
    lines = result.outlines
    cut = next(i for i, line in enumerate(lines) if "not allowed" in line)
    lines = [line.partition(": ") for line in lines[cut + 1 :] if line.startswith("tests/")]
    assert sorted(first for first, _, _ in lines) == [
        "tests/test_a.py", "tests/test_b.py::test_x", "tests/test_c.py",
        "tests/test_e.py::test_skips",
    ]  # fmt: skip
    result.stdout.fnmatch_lines(["    1  no GPU"])


def test_in_ci_only_what_is_said_to_be_allowed_there(run, monkeypatch):
    monkeypatch.setenv("BOOK_CI", "1")
    fails(run(test_a=SKIPS.format("no unicorn")), "*: no unicorn (not allowed in CI)")
    passes(run(test_a=SKIPS.format("no GPU"), test_b=SKIPS.format("one core")))


@pytest.mark.parametrize(
    ("ini", "conftest"),
    [
        ("addopts = --ignore=tests/test_a.py", ""),
        ("addopts = --deselect=tests/test_a.py", ""),
        ("addopts = -k passes", ""),
        ("", "collect_ignore = ['test_a.py']"),
        ("", "def pytest_collection_modifyitems(items): items.pop()"),
        ("python_files = test_g*.py", ""),
        ("testpaths = tests/test_good.py", ""),
    ],
)
def test_a_setting_that_takes_tests_away_fails(run, ini, conftest):
    result = run(test_good=PASSES, conftest=conftest, test_a="def test_x(): pass\n", ini=ini)
    if "addopts = -k" in ini or "deselect" in ini or "pop()" in conftest:
        fails(result, "1 tests were deselected, and not by the command line")
    else:
        fails(result, "tests/test_*.py: no test was found in it")


def test_what_settings_take_away_from_several_processes_fails(run):
    files = {"test_good": PASSES, "test_a": "def test_x(): pass\n"}
    result = run("-n", "1", ini="addopts = -k passes", **files)
    fails(result, "1 tests were deselected, and not by the command line")


@pytest.mark.parametrize(
    "options",
    [
        ("tests/test_good.py",),
        ("tests/test_good.py::test_passes",),
        ("-k", "passes"),
        ("-kpasses",),
        ("--deselect=tests/test_a.py",),
        ("--deselect", "tests/test_a.py::test_x"),
        ("--ignore=tests/test_a.py",),
        ("-x", "tests/test_good.py"),
    ],
)
def test_a_part_may_be_run(run, options, monkeypatch):
    passes(run(*options, test_good=PASSES, test_a="def test_x(): pass\n"), "*1 passed*")
    if options[0].startswith(("-k", "--")):
        monkeypatch.setenv("BOOK_CI", "1")
        assert run(*options).ret == 1


def test_a_failure_stays_a_failure(run):
    result = run(test_a=SKIPS.format("no unicorn"), test_b="def test_x(): 1 / 0\n")
    assert result.ret == 1
    result.stdout.fnmatch_lines(["    1  no unicorn"])
    result.stdout.no_fnmatch_line("*not allowed*")


def test_a_list_that_cannot_be_read_as_meant_is_refused(run, pytester, monkeypatch):
    for wrong, line in [
        (LIST.replace("fewer than 1000 cores", "on Mondays"), "*'on Mondays' is not a known place"),
        (LIST.replace('where = "anywhere"\n', ""), "*each entry names tests, reason, where: *"),
    ]:
        monkeypatch.setattr(f"{__name__}.LIST", wrong)
        result = run(test_a=PASSES)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines([line])


def test_the_list_of_the_book_names_what_is_there():
    """An entry that no test can give any more is a hole."""
    entries = tomllib.loads((ROOT / skip_list.LIST).read_text())["skip"]
    files = {path.relative_to(ROOT).as_posix(): path for path in ROOT.glob("tests/**/*.py")}
    for entry in entries:
        pattern = entry["tests"].partition("::")[0]
        named = [path.read_text() for name, path in files.items() if fnmatch.fnmatch(name, pattern)]
        words = entry["reason"].rstrip("*")
        assert any(words in re.sub(r'"\n\s*f?"', "", text) for text in named), entry
    assert all(skip_list.here(place) is not None for place in {e["where"] for e in entries})


def test_places(monkeypatch, tmp_path):
    assert skip_list.here("anywhere") is True
    assert skip_list.here(f"no file {tmp_path}") is False
    assert skip_list.here(f"no file {tmp_path}/x") is True
    assert skip_list.here("no module torch") is False
    assert skip_list.here("fewer than 1 cores") is False
    assert skip_list.here("Python before 3.11") is False
    assert skip_list.here("Python from 3.11") is True
    monkeypatch.delenv("CXX", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert skip_list.here("no C++ compiler") is True
    (tmp_path / "g++").touch(mode=0o755)
    assert skip_list.here("no C++ compiler") is False
    assert skip_list.here("on Mondays") is None
