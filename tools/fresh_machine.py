"""Follow the README word for word as on a machine that has nothing, and say what it cost.

    python3 tools/fresh_machine.py --route make --without-tests --json cost.json
    sudo python3 tools/fresh_machine.py --debian trixie

The tracked files are copied into an empty folder. Its commands are those of the README's fenced
blocks, in their order, each run by bash with an empty home, so that nothing is found in a cache.

With `--debian`, they are run in a new Debian, made by debootstrap, which has what the README says
to install by apt and nothing else: neither a browser nor a compiler. Its Python is Debian's.
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
SUITES = {"bookworm": "3.11", "trixie": "3.13", "forky": "3.14"}  # and their Pythons
MIRROR = "http://deb.debian.org/debian"
NOT_THERE = ("chromium", "chromium-browser", "google-chrome", "cc", "gcc", "c++", "g++", "clang")
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


class Here:
    """This machine: commands run beside everything that is installed on it."""

    def __init__(self, folder):
        self.folder = folder

    def inside(self, path):
        """A path as the commands see it."""
        return str(path)

    def line(self, words, cwd):
        """What runs these words in a folder."""
        return words

    def environment(self, home):
        return environment(home)


class Debian:
    """A new Debian in a folder, in which commands run by chroot. Mounts are the commands' own:
    they are gone with them, and what is deleted afterwards is in the folder."""

    ENTER = """\
    set -e
    name=$(hostname)
    grep -qw "$name" "$1/etc/hosts" || echo "127.0.0.1 localhost $name" >> "$1/etc/hosts"
    mount -t proc proc "$1/proc"
    mount --rbind /sys "$1/sys"
    mkdir -p "$1/dev/pts"
    mount -t devpts -o newinstance,ptmxmode=0666 pts "$1/dev/pts"
    mount -t tmpfs shm "$1/dev/shm"
    mount -t tmpfs tmp "$1/tmp"
    root=$1 cwd=$2
    shift 2
    exec chroot "$root" sh -c 'cd "$0" && exec "$@"' "$cwd" "$@"
    """

    def __init__(self, suite, folder):
        self.suite, self.folder = suite, folder / suite

    def inside(self, path):
        return f"/{path.relative_to(self.folder)}"

    def line(self, words, cwd):
        alone = ["unshare", "--mount", "--pid", "--fork", "--kill-child"]
        return [*alone, "sh", "-c", self.ENTER, "sh", self.folder, self.inside(cwd), *words]

    def environment(self, home):
        inside = Path(self.inside(home))
        given = {k: v.replace(str(home), str(inside)) for k, v in environment(home).items()}
        for name, value in given.items():
            if name.startswith("PIP_") or re.search("CERT|CA_BUNDLE", name, re.I):
                for path in re.findall(r"(?:(?<=file://)|(?<![\w:/.]))/[^\s:]+", value):
                    self.bring(Path(path))
        return given | {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}

    def bring(self, path):
        """A file or folder of this machine that says or holds where packages come from."""
        there = self.folder / path.relative_to("/")
        if path.is_dir() and not there.exists():
            shutil.copytree(path, there)
        elif path.is_file():
            there.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, there)

    def steps(self, readme):
        """The commands that make it, as words to run here; the last, in it."""
        programs = re.search(r"`apt install ([^`]+)`", readme)[1].split()
        yield f"debootstrap {self.suite}", [
            "debootstrap", "--variant=minbase", self.suite, self.folder, mirror(),
            *([] if known(self.suite) else ["/usr/share/debootstrap/scripts/sid"]),
        ]  # fmt: skip
        apt = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qy"]
        apt += ["-o", "Acquire::Check-Valid-Until=false"]  # a mirror that stands still serves
        yield "apt update", self.line([*apt, "update"], self.folder)
        yield (
            f"apt install {' '.join(programs)}",
            self.line([*apt, "install", *programs], self.folder),
        )
        absent = f"for name in {' '.join(NOT_THERE)}; do ! command -v $name || exit 1; done"
        yield (
            "neither browser nor compiler",
            self.line(["bash", "-ec", f"{absent}; python3 --version"], self.folder),
        )


def known(suite):
    return Path("/usr/share/debootstrap/scripts", suite).exists()


def mirror():
    """Where this machine has its Debian from."""
    for path in [
        *Path("/etc/apt").glob("sources.list"),
        *Path("/etc/apt").glob("sources.list.d/*"),
    ]:
        if path.suffix in (".list", ".sources"):
            found = re.search(
                r"^(?:URIs:|deb\s(?:\[.*?\]\s)?)\s*(\S+/debian)/?(?=\s|$)", path.read_text(), re.M
            )
            if found:
                return found[1]
    return MIRROR


def copy_tracked(target):
    target.mkdir(parents=True)
    archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["tar", "x", "-C", target], input=archive.stdout, check=True)


def timed(name, line, machine, route, **how):
    """Run a line; its row: what it cost, what it left, and what its tests left out."""
    before, start = size(machine.folder), time.monotonic()
    with (machine.folder.parent / "output.txt").open("a+") as output:
        print(f"$ {name}", file=output, flush=True)
        position = output.tell()
        done = subprocess.run(
            line, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, **how
        )
        seconds = time.monotonic() - start
        output.seek(position)
        skips = left_out(output.read())
    first = name.splitlines()[0] + (" …" if "\n" in name else "")
    return {
        "route": route,
        "command": first,
        "seconds": round(seconds, 1),
        "mb": round((size(machine.folder) - before) / 1e6),
        "status": done.returncode,
        **({"left_out": skips} if skips else {}),
    }


def left_out(output):
    """What pytest's run says at its end that it left out: counts and reasons."""
    found = re.findall(r"^=+ (left out, .*?) =+\n(.*?)(?=^=|\Z)", output, re.M | re.S)
    return {title: lines.rstrip().splitlines() for title, lines in found}


def run(route, machine, arguments):
    """A row for each step: route, command, seconds, megabytes that it left, exit status."""
    tree, home = machine.folder / route / "tree", machine.folder / route / "home"
    copy_tracked(tree)
    env = machine.environment(home)
    for kind, command in steps((tree / "README.md").read_text("utf-8"), route):
        if LONG.search(command) or (arguments.without_tests and TESTS.search(command)):
            name = command.splitlines()[0]
            yield {"route": route, "command": name, "seconds": None, "mb": None, "status": None}
            continue
        if kind == "python":
            words = [".venv/bin/python", "-c", BEFORE_PYTHON + command]
        else:
            words = ["bash", "-euo", "pipefail", "-c", command]
        row = timed(command, machine.line(words, tree), machine, route, cwd=tree, env=env)
        yield row
        if row["status"]:
            return


def new_debian(machine):
    """A row for each command that makes this Debian."""
    for name, line in machine.steps((ROOT / "README.md").read_text("utf-8")):
        row = timed(name, line, machine, machine.suite)
        yield row
        if row["status"]:
            return


@contextmanager
def working_folder(keep):
    folder = Path(tempfile.mkdtemp(prefix="fresh-machine-"))
    try:
        yield folder
    finally:
        if keep:
            print(f"kept: {folder}")
        elif f" {folder}" in Path("/proc/self/mounts").read_text():
            print(f"kept, for something is mounted in it: {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def line(row):
    if row["status"] is None:
        return f"{row['route']:8} {'left out':>9} {'':>7}     {row['command']}"
    end = "" if row["status"] == 0 else f"   FAILED with status {row['status']}"
    text = f"{row['route']:8} {row['seconds']:7.1f} s {row['mb']:5} MB     {row['command']}{end}"
    for title, lines in row.get("left_out", {}).items():
        text += "\n" + "\n".join(f"    {each}" for each in [title, *lines])
    return text


def all_rows(folder, arguments):
    machine = Here(folder / "here")
    if arguments.debian:
        machine = Debian(arguments.debian, folder)
        for row in new_debian(machine):
            yield row
            if row["status"]:
                return
    for route in ("make", "pip") if arguments.route == "all" else (arguments.route,):
        yield from run(route, machine, arguments)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--route", choices=["make", "pip", "all"], default="all")
    parser.add_argument("--debian", choices=SUITES, help="in a new Debian; needs root, debootstrap")
    parser.add_argument("--without-tests", action="store_true", help="leave out the test suite")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there, too")
    parser.add_argument("--keep", action="store_true", help="keep the folder that was worked in")
    arguments = parser.parse_args()
    if arguments.debian and (os.geteuid() or not shutil.which("debootstrap")):
        parser.error("--debian needs root, and debootstrap: apt install debootstrap")
    rows = []
    with working_folder(arguments.keep) as folder:
        for row in all_rows(folder, arguments):
            rows.append(row)
            print(line(row), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n")
        if failed := any(row["status"] for row in rows):
            print((folder / "output.txt").read_text()[-3000:], file=sys.stderr)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
