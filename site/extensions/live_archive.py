"""The Python that runs in the reader's browser, as two archives of bytecode, made once.

`python`: the standard library of Pyodide, SymPy and mpmath, without what no rule needs; it changes
with the locks. `optlab`: the rooms of the package that import nothing else. Both are kept, by what
they are made of, in `_build/live`.
"""

import gzip
import subprocess
from fnmatch import fnmatch
from hashlib import sha256
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile, ZipInfo

ROOT = Path(__file__).parents[2]
NODE = ROOT / ".node"
PYODIDE = NODE / "node_modules/pyodide"
KEPT = ROOT / "_build/live"
COMPILE = ROOT / "site/live/compile.mjs"
ROOMS = ("__init__.py", "ops.py", "live", "rules", "schedules", "symbolic")
# Of libraries: tests, and what no step of a rule and no check of it needs.
LEFT_OUT = (
    *("*/tests/*", "*/benchmarks/*"),
    *("encodings/[!_ailru]*", "encodings/iso*"),  # those of Unicode, ASCII and Latin 1 are left
    *(f"{name}/*" for name in ("_pyrepl", "email", "html", "http", "multiprocessing", "sqlite3")),
    *(f"{name}/*" for name in ("unittest", "wsgiref", "xml", "xmlrpc", "zoneinfo", "pydoc_data")),
    *(f"{name}.py" for name in ("_pydatetime", "_pyio", "bdb", "doctest", "ftplib", "imaplib")),
    *(f"{name}.py" for name in ("ipaddress", "mailbox", "modulefinder", "optparse", "pdb")),
    *(f"{name}.py" for name in ("pickletools", "plistlib", "poplib", "pstats", "pydoc", "smtplib")),
    *(f"{name}.py" for name in ("calendar", "compileall", "configparser", "gettext", "mimetypes")),
    *(f"{name}.py" for name in ("tarfile", "tomllib", "trace", "tracemalloc", "uuid", "wave")),
    *(f"sympy/parsing/{name}/*" for name in ("autolev", "c", "fortran", "latex")),
    *(f"sympy/physics/{name}/*" for name in ("biomechanics", "continuum_mechanics", "control")),
    *(f"sympy/physics/{name}/*" for name in ("hep", "mechanics", "optics", "quantum", "vector")),
    *(f"sympy/{name}/*" for name in ("categories", "crypto", "diffgeom", "holonomic")),
    *(f"sympy/{name}/*" for name in ("liealgebras", "sandbox", "stats", "testing", "unify")),
    *(f"sympy/printing/{name}*" for name in ("aesara", "c.", "cxx", "fortran", "llvm", "pytorch")),
    *(f"sympy/printing/{name}*" for name in ("rust", "tensorflow", "theano")),
    *(f"sympy/polys/{name}" for name in ("numberfields/res*", "subresultants*", "modulargcd*")),
    *(f"sympy/{name}.py" for name in ("integrals/intpoly", "utilities/autowrap")),
    "sympy/tensor/array/expressions/*",
    *(f"sympy/{name}/*" for name in ("utilities/_compilation", "vector")),
)
LIBRARIES = ("mpmath", "sympy")


def has_packages():
    """Whether npm's packages are there, by which the editor of rules is built."""
    return (NODE / ".ok").is_file() and (NODE / "node").exists()


def of_libraries():
    """The sources of the standard library, SymPy and mpmath: name in the archive, and bytes."""
    with ZipFile(PYODIDE / "python_stdlib.zip") as library:
        found = {name: library.read(name) for name in library.namelist() if name[-1] != "/"}
    for name in LIBRARIES:
        folder = Path(find_spec(name).origin).parent
        found |= {
            path.relative_to(folder.parent).as_posix(): path.read_bytes()
            for path in folder.rglob("*.py")
        }
    return {k: v for k, v in found.items() if not any(fnmatch(k, out) for out in LEFT_OUT)}


def of_optlab():
    folder = ROOT / "optlab"
    paths = (path for room in ROOMS for path in [folder / room, *(folder / room).rglob("*.py")])
    return {p.relative_to(ROOT).as_posix(): p.read_bytes() for p in paths if p.is_file()}


def zipped(files):
    """An archive of the files, the same whenever it is made."""
    data = BytesIO()
    with ZipFile(data, "w") as archive:
        for name in sorted(files):
            archive.writestr(ZipInfo(name), files[name])
    return data.getvalue()


def compiled(name, files, level):
    """The archive as bytecode, compressed: the file that has it, named by what is in it.

    RuntimeError: Node could not make it.
    """
    sources = zipped(files)
    made_of = sha256(sources + COMPILE.read_bytes() + (PYODIDE / "package.json").read_bytes())
    kept = KEPT / f"{name}.{made_of.hexdigest()[:12]}.bin"
    if not kept.is_file():
        KEPT.mkdir(parents=True, exist_ok=True)
        given, made = kept.with_suffix(".in"), kept.with_suffix(".out")
        given.write_bytes(sources)
        command = [NODE / "node", COMPILE, given, made, str(level)]
        done = subprocess.run(command, cwd=NODE, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"the {name} of the editor was not made: {done.stderr[-2000:]}")
        kept.with_suffix(".part").write_bytes(gzip.compress(made.read_bytes(), mtime=0))
        kept.with_suffix(".part").replace(kept)
        given.unlink()
        made.unlink()
    return kept
