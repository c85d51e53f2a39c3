"""What `make` asks first: may this Python be used, and is .venv one of its own, and in place?

    python3 tools/check_python.py .venv [--asked]

prints `refused` and a line that says why, if this Python is too old or too new; or `anew`, if there
is a .venv that cannot stay: it was moved or copied here, its Python is gone or not allowed, or it
is of another Python than the one that somebody asked for (`--asked`); and nothing otherwise. A
finished .venv of another Python that is allowed does stay, unless another is asked for.

It must run on the Python that it refuses: nothing here is newer than Python 2.7.
"""

from __future__ import print_function

import os
import re
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def allowed():
    """The least version, and the first that is too new, as pyproject.toml has them."""
    with open(os.path.join(ROOT, "pyproject.toml")) as file:
        found = re.search(r'^requires-python = ">=3\.(\d+),<3\.(\d+)"$', file.read(), re.M)
    return (3, int(found.group(1))), (3, int(found.group(2)))


def fault(version):
    """Why this version (a pair of numbers) is refused, in one line; else None."""
    least, too_new = allowed()
    if least <= version < too_new:
        return None
    return "this is Python {}.{}, and the book needs 3.{} to 3.{}: name one, as in {}".format(
        version[0], version[1], least[1], too_new[1] - 1, "make PY=python3.{}".format(least[1])
    )


def why_anew(folder, wanted):
    """Why this environment cannot stay, if it cannot; wanted: the version that it must have."""
    python = os.path.join(folder, "bin", "python")
    ask = "import sys; print('{}.{}'.format(*sys.version_info))"
    try:
        answer = subprocess.check_output([python, "-c", ask], stderr=subprocess.STDOUT)
        version = tuple(int(number) for number in answer.decode().strip().split("."))
    except (OSError, ValueError, subprocess.CalledProcessError):
        return "its Python is gone"
    if fault(version) or (wanted and version != wanted):
        return "it is of Python {}.{}".format(*version)
    home = made_in(folder)
    if home is None:
        return "it has no programs"
    if os.path.realpath(home) != os.path.realpath(folder):
        return "it was made in {}".format(home)
    return None


def made_in(folder):
    """The folder in which its programs look for their Python."""
    for program in ("jupyter-book", "pytest", "pip"):
        try:
            with open(os.path.join(folder, "bin", program), "rb") as file:
                head = file.read(1000).decode("utf-8", "replace")
        except OSError:
            continue
        found = re.match(r"#!(?:/bin/sh\n'''exec' \"?)?(/.*?)/bin/python", head)
        if found:
            return found.group(1).replace("\\ ", " ")
    return None


def main(folder, asked):
    version = sys.version_info[:2]
    refused = fault(version)
    finished = os.path.exists(os.path.join(folder, ".ok"))
    anew = None
    if os.path.exists(folder):
        anew = why_anew(folder, version if asked or not finished else None)
    if refused and (asked or anew or not finished):
        print("refused " + refused)
    elif anew:
        print("{} is made anew: {}.".format(folder, anew), file=sys.stderr)
        print("anew")


if __name__ == "__main__":
    main(sys.argv[1], "--asked" in sys.argv[2:])
