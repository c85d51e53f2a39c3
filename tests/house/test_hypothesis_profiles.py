"""Property tests: the same examples at each run, and others once a day."""

import os
import re
import subprocess
import sys
from pathlib import Path

import hypothesis
import yaml

HOUSE = Path(__file__).parents[2]
PROBE = """
from hypothesis import given, settings, strategies as st

@settings(max_examples=20)
@given(st.integers())
def test_drawn(x):
    with open("drawn", "a") as file:
        file.write(f"{x}\\n")
"""


def drawn(folder, profile):
    """What a run of a property test draws under the profile, by the house's conftest.py."""
    (folder / "test_probe.py").write_text(PROBE)
    lines = (HOUSE / "conftest.py").read_text().splitlines()
    profiles = [x for x in "\n".join(lines).split("\n\n") if "register_profile" in x]
    (folder / "conftest.py").write_text("import os\nimport hypothesis\n" + "\n".join(profiles))
    environment = {k: v for k, v in os.environ.items() if k not in ("HYPOTHESIS_PROFILE", "CI")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_probe.py"],
        cwd=folder,
        env=environment | ({} if profile is None else {"HYPOTHESIS_PROFILE": profile}),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    text = (folder / "drawn").read_text()
    (folder / "drawn").unlink()
    return text


def test_this_run_draws_what_every_run_draws():
    if os.environ.get("HYPOTHESIS_PROFILE") in (None, "", "ci"):
        assert hypothesis.settings.default.derandomize
        assert hypothesis.settings.default.database is None
    else:
        assert not hypothesis.settings.default.derandomize


def test_runs_draw_the_same(tmp_path):
    assert len({drawn(tmp_path, profile) for profile in (None, "", "ci")}) == 1


def test_random_runs_do_not(tmp_path):
    assert drawn(tmp_path, "random") != drawn(tmp_path, "random")


def test_no_test_chooses_for_itself_whether_it_is_random():
    for path in (HOUSE / "tests").rglob("test_*.py"):
        if path != Path(__file__):
            text = path.read_text()
            assert not re.search(r"derandomize=False|@seed\(|hypothesis\.seed", text), path


def test_the_daily_run_draws_at_random():
    file = yaml.safe_load((HOUSE / ".github/workflows/random.yml").read_text())
    assert file[True]["schedule"] == [{"cron": "23 2 * * *"}]  # YAML reads "on" as true
    (step,) = [s for s in file["jobs"]["random"]["steps"] if s.get("name") == "Draw examples"]
    assert step["env"] == {"HYPOTHESIS_PROFILE": "random"}
    pattern = re.search(r'grep -rlE "(.*?)"', step["run"]).group(1)
    named = [p for p in (HOUSE / "tests").rglob("test_*.py") if re.search(pattern, p.read_text())]
    using = [p for p in (HOUSE / "tests").rglob("test_*.py") if "@given(" in p.read_text()]
    assert set(using) <= set(named)
    assert len(using) > 5
