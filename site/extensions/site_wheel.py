"""The package as a wheel in `wheels/`, beside the pages, for a notebook to install by one line.

It is made of the source that the site is made of, with the recorded runs that chapters show, and
two builds are byte-identical. While the site's public address is not known, a page names the wheel
by its path from there, and a script in the page makes an address of it.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from optlab import __version__

NAME = f"optlab_book-{__version__}-py3-none-any.whl"
FOLDER = "wheels"
LINE = "%pip install -q {}"
NEEDED = ("pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")
BUILD = "import sys; from setuptools import build_meta; build_meta.build_wheel(sys.argv[1])"
EPOCH = "315532800"  # 1980-01-01, the first date that a zip file can have


def build(source, out):
    """Make the wheel of the tree `source` in the folder `out`; its path."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name)
        for file in NEEDED:
            shutil.copy(source / file, copy / file)
        leave = shutil.ignore_patterns("__pycache__", "*.pyc")
        shutil.copytree(source / "optlab", copy / "optlab", ignore=leave)
        shutil.copytree(source / "book/results", copy / "optlab/book/results")
        for path in copy.rglob("*"):  # whatever the umask of who cloned it
            path.chmod(0o755 if path.is_dir() else 0o644)
        out.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-c", BUILD, out.resolve()],
            cwd=copy,
            env=os.environ | {"SOURCE_DATE_EPOCH": EPOCH, "PYTHONWARNINGS": "ignore"},
            umask=0o022,
            capture_output=True,
            text=True,
        )
    if done.returncode:
        raise RuntimeError(
            f"the wheel could not be built:\n{done.stdout[-500:]}{done.stderr[-2000:]}"
        )
    return out / NAME


def address(app, docname):
    """The wheel's address: absolute where the site's is known, else relative to a page."""
    if base := app.config.html_baseurl:
        return f"{base.rstrip('/')}/{FOLDER}/{NAME}"
    return "../" * app.builder.get_target_uri(docname).count("/") + f"{FOLDER}/{NAME}"


def add_wheel(app):
    if app.builder.name == "html":
        build(Path(app.srcdir), Path(app.outdir, FOLDER))


def setup(app):
    app.connect("builder-inited", add_wheel)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
