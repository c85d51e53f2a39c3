"""Follow the README word for word as on a machine that has nothing, and say what it cost.

    python3 tools/fresh_machine.py --route make --without-tests --json cost.json

The tracked files are copied into an empty folder. Its commands are those of the README's fenced
blocks, in their order, each run by bash with an empty home, so that nothing is found in a cache.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
FENCE = re.compile(r"^```(bash|python)\n(.*?)^```", re.M | re.S)
# What a machine has by its nature, and what says how it reaches the package index.
KEPT = re.compile(
    r"PATH|LANG|LC_\w+|TERM|PIP_\w+|(https?|no)_proxy|\w*(CA_BUNDLE|CERT|CERT_FILE|CERT_DIR)", re.I
)
CACHES = re.compile(r"PIP_(CACHE_DIR|TARGET|PREFIX|USER)")
TESTS = re.compile(r"make test|-m pytest")
LONG = re.compile(r"optlab (bench|outputs)$")  # minutes each, and their code is tested
# The README's Python is written for a reader who has a model.
BEFORE_PYTHON = "import torch\nmodel = torch.nn.Linear(3, 2)\n"


def steps(readme, route):
    """The commands of the README for a route, make or pip, and what it then shows to use."""
    sections = dict(re.findall(r"^## (.+?)\n(.*?)(?=^## |\Z)", readme, re.M | re.S))
    make, pip = sections["Build and test"].split("Without make:")
    building = make if route == "make" else pip
    for kind, text in FENCE.findall(building + sections["Use it"]):
        if kind == "python":
            yield kind, text
        else:
            for line in text.splitlines():
                if command := line.split("  #")[0].strip():
                    yield kind, command


def environment(home):
    kept = {k: v for k, v in os.environ.items() if KEPT.fullmatch(k) and not CACHES.fullmatch(k)}
    for name in ("tmp", "cache"):
        (home / name).mkdir(parents=True)
    return kept | {
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "XDG_CACHE_HOME": str(home / "cache"),
    }


def size(*folders):
    """Bytes on disk; a file that has several names counts once."""
    seen = {}
    for folder in folders:
        for path in folder.rglob("*"):
            if not path.is_symlink() and path.is_file():
                status = path.stat()
                seen[status.st_dev, status.st_ino] = status.st_blocks * 512
    return sum(seen.values())


def copy_tracked(target):
    target.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "x", "-C", target], input=archive.stdout, check=True)


def run(route, folder, arguments):
    """A row for each step: route, command, seconds, megabytes that it left, exit status."""
    tree, home = folder / route / "tree", folder / route / "home"
    copy_tracked(tree)
    env = environment(home)
    before = size(tree, home)
    for kind, command in steps((tree / "README.md").read_text("utf-8"), route):
        skipped = LONG.search(command) or (arguments.without_tests and TESTS.search(command))
        name = command.splitlines()[0] + (" …" if "\n" in command else "")
        if skipped:
            yield {"route": route, "command": name, "seconds": None, "mb": None, "status": None}
            continue
        start = time.monotonic()
        if kind == "python":
            line = [".venv/bin/python", "-c", BEFORE_PYTHON + command]
        else:
            line = ["bash", "-euo", "pipefail", "-c", command]
        with (folder / "output.txt").open("a") as output:
            print(f"$ {command}", file=output, flush=True)
            done = subprocess.run(
                line, cwd=tree, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )
        seconds = time.monotonic() - start
        after = size(tree, home)
        yield {
            "route": route,
            "command": name,
            "seconds": round(seconds, 1),
            "mb": round((after - before) / 1e6),
            "status": done.returncode,
        }
        before = after
        if done.returncode:
            return


@contextmanager
def working_folder(keep):
    folder = Path(tempfile.mkdtemp(prefix="fresh-machine-"))
    try:
        yield folder
    finally:
        if keep:
            print(f"kept: {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)


def line(row):
    if row["status"] is None:
        return f"{row['route']:5} {'left out':>9} {'':>7}     {row['command']}"
    end = "" if row["status"] == 0 else f"   FAILED with status {row['status']}"
    return f"{row['route']:5} {row['seconds']:7.1f} s {row['mb']:4} MB     {row['command']}{end}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--route", choices=["make", "pip", "all"], default="all")
    parser.add_argument("--without-tests", action="store_true", help="leave out the test suite")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--keep", action="store_true", help="keep the folder that was worked in")
    arguments = parser.parse_args()
    rows = []
    with working_folder(arguments.keep) as folder:
        for route in ("make", "pip") if arguments.route == "all" else (arguments.route,):
            for row in run(route, folder, arguments):
                rows.append(row)
                print(line(row), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
        if failed := any(row["status"] for row in rows):
            print((folder / "output.txt").read_text()[-3000:], file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
