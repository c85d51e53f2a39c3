"""Where npm's packages cannot be had, one line says so, and a site is built without the editor."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOBODY = "http://127.0.0.1:9"  # the port of no service


def test_without_a_registry_one_line_says_what_is_missing(tmp_path):
    for name in ("tools/npm_packages.py", "site/live/package.json", "site/live/package-lock.json"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    env = {
        **os.environ,
        "npm_config_registry": NOBODY,
        "npm_config_cache": str(tmp_path / "cache"),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": "",
    }
    command = [sys.executable, tmp_path / "tools/npm_packages.py"]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0
    (line,) = done.stdout.splitlines()
    assert line.startswith("The site is built without the editor of rules")
    assert not done.stderr
    assert not (tmp_path / ".node/.ok").exists()


def test_the_lock_pins_each_package_by_its_hash_and_names_no_host():
    text = (ROOT / "site/live/package-lock.json").read_text()
    assert "resolved" not in text
    assert text.count('"node_modules/') == text.count('"integrity": "sha512-')
