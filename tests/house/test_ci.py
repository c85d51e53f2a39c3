"""What CI runs installs what is missing, whoever runs it, and lets no browser test be skipped."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / ".ci/run"
OWN = ("bash", "dirname", "env", "touch", "chmod", "cat")  # what the script and these stand-ins use
APT = """\
#!/usr/bin/env bash
echo "apt-get $*" >>"$LOG"
[ "$1" = install ] || exit 0
package="${@: -1}"
case " $FAILS " in *" $package "*) exit 100;; esac
[ "$package" = chromium ] && touch "$BIN/chromium" && chmod +x "$BIN/chromium"
exit 0
"""
MAKE = """\
#!/usr/bin/env bash
echo "make $* BOOK_CI=$BOOK_CI" >>"$LOG"
case " $FAILS " in *" make-$1 "*) exit 2;; esac
"""
SUDO = '#!/usr/bin/env bash\necho "sudo $*" >>"$LOG"\nshift\nexec "$@"\n'


def machine(tmp_path, *programs, root=True, fails=""):
    """Run the script where only these programs are; returns its exit status, and what it called."""
    bin_, log = tmp_path / "bin", tmp_path / "log"
    bin_.mkdir()
    texts = {
        "apt-get": APT,
        "make": MAKE,
        "sudo": SUDO,
        "id": f"#!/usr/bin/env bash\necho {0 if root else 1000}\n",
    }
    for name in OWN:
        (bin_ / name).symlink_to(shutil.which(name))
    (bin_ / "python3").symlink_to(sys.executable)
    for name in ("id", "make", *programs):
        (bin_ / name).write_text(texts.get(name, "#!/usr/bin/env bash\n"))
        (bin_ / name).chmod(0o755)
    env = {"PATH": str(bin_), "BIN": str(bin_), "LOG": str(log), "FAILS": fails}
    done = subprocess.run([SCRIPT], env=env, capture_output=True, text=True)
    return done, log.read_text().splitlines()


def installed(calls):
    return {call.split()[-1] for call in calls if call.startswith("apt-get install")}


COMPILERS = ("gcc", "g++", "git")
TESTED = ["make oracles BOOK_CI=1", "make test BOOK_CI=1"]


def test_a_new_machine_gets_a_browser_and_compilers(tmp_path):
    done, calls = machine(tmp_path, "apt-get")
    assert done.returncode == 0, done.stderr
    assert {"chromium", *COMPILERS} <= installed(calls)
    assert calls[0] == "apt-get update -q"
    assert calls[-2:] == TESTED
    assert "no Chromium" not in done.stderr


@pytest.mark.parametrize("browser", ["chromium", "chromium-browser", "google-chrome"])
def test_what_is_there_is_not_installed(tmp_path, browser):
    _, calls = machine(tmp_path, "apt-get", browser, *COMPILERS)
    assert not installed(calls) & {"chromium", *COMPILERS, "python3-venv"}


@pytest.mark.parametrize("browser", ["chromium", "google-chrome"])
def test_it_needs_no_apt_where_nothing_is_missing(tmp_path, browser):
    done, calls = machine(tmp_path, browser, *COMPILERS)
    assert done.returncode == 0, done.stderr
    assert calls == TESTED
    assert "Chromium" not in done.stderr


def test_without_root_it_asks_sudo_which_may_not_wait_for_a_password(tmp_path):
    done, calls = machine(tmp_path, "apt-get", "sudo", *COMPILERS, root=False)
    assert done.returncode == 0, done.stderr
    asked = [call for call in calls if call.startswith("sudo")]
    assert asked
    assert all(call.startswith("sudo -n env DEBIAN_FRONTEND=noninteractive ") for call in asked)
    assert "chromium" in installed(calls)


def test_a_package_that_cannot_be_had_keeps_out_no_other(tmp_path):
    done, calls = machine(tmp_path, "apt-get", fails="gcc")
    assert "gcc could not be installed." in done.stderr
    assert {"chromium", "g++", "git"} <= installed(calls)
    assert calls[-2:] == TESTED


def test_a_browser_that_cannot_be_had_is_said_and_the_tests_run(tmp_path):
    done, calls = machine(tmp_path, "apt-get", *COMPILERS, fails="chromium")
    assert "chromium could not be installed." in done.stderr
    assert "There is no Chromium, so that the browser tests will fail." in done.stderr
    assert calls[-1] == TESTED[-1]


@pytest.mark.parametrize(("fails", "status"), [("make-test", 2), ("make-oracles", 0)])
def test_its_exit_status_is_that_of_the_tests(tmp_path, fails, status):
    done, calls = machine(tmp_path, "chromium", *COMPILERS, fails=fails)
    assert done.returncode == status
    assert calls == TESTED


@pytest.mark.parametrize(("ci", "outcome"), [("1", "errors"), ("", "skipped")])
def test_in_ci_a_browser_test_without_a_browser_fails(pytester, monkeypatch, ci, outcome):
    monkeypatch.setenv("BOOK_CI", ci)
    monkeypatch.setenv("PATH", str(pytester.path))
    pytester.makeconftest((ROOT / "tests/site/conftest.py").read_text())
    pytester.makepyfile("def test_page(browser): pass")
    result = pytester.runpytest_inprocess("-p", "no:cacheprovider")
    result.assert_outcomes(**{outcome: 1})
