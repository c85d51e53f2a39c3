"""Every command that a page or a message shows is one: it parses, and what it names is there.

Pages: the blocks of bash, and what stands in backticks and begins with a program. Messages: what
texts in the code tell to run. Those that are cheap are run, in an environment that has nothing.
"""

import ast
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import click
import pytest
from jupyter_book.cli.main import main as jupyter_book
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name
from papermill.cli import papermill

from optlab.cli import main as optlab
from optlab.running.declared import read_parameters
from optlab.typed import typed

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
NAME = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["name"]
PAGES = [
    *(ROOT / f"{name}.md" for name in ("README", "CONTRIBUTING", "SECURITY")),
    *sorted(ROOT.glob("book/**/*.md")),
    *sorted(ROOT.glob("notebooks/*.md")),
]
CODE = sorted(
    path
    for pattern in ("optlab/**/*.py", "site/**/*.py", "tests/**/conftest.py", "tools/*.py", "*.py")
    for path in ROOT.glob(pattern)
)
# What a machine has that has the README's packages, and what a page says to install.
SYSTEM = {"make", "git", "python3", "openssl", "export"}
INSTALLED = {"conda", "pipx", "apt", "apt-get"}
DEBIAN = {
    "git",
    "make",
    "python3-venv",
    "debootstrap",
    "dataset-fashion-mnist",
    "chromium",
    "gcc",
    "g++",
}
OUTSIDE = {"pip-audit"}  # tools that are run in environments of their own
PEERS = {"optax", "timm", "pytorch-optimizer", "schedulefree"}  # of `make oracles`
CLICK = {"optlab": optlab, "papermill": papermill, "jupyter-book": jupyter_book}
BEGIN = (
    r"(?:\.venv/bin/\S+|optlab|make|pip|%pip|pipx|python3?|papermill|dask|conda|apt(?:-get)?|"
    r"torchrun|pytest)"
)
SPAN = re.compile(r"(`+)(.+?)\1")
INLINE = re.compile(rf"{BEGIN} \S.*")
BLOCK = re.compile(r"^ *```(?:bash|sh|shell|console)\n(.*?)^ *```", re.M | re.S)
MAGIC = re.compile(r"^%pip .+$", re.M)
SAID = re.compile(
    r"`(make \w+)`|\b(make book)$|((?:\S+ -m )?\bpip install [^\n`;:,)\"]+)|\b(optlab (?:run|sweep|"
    r"outputs|bench|javascript|formulas) [^\n`;:,)\"]*)|\b(apt(?:-get)? install [^\n`;:,()\"]+)"
)
PLACE = re.compile(r"\{\}|[A-Z]{2,}|NN-\w+|https?://\S+|…")


def of_pages():
    for path in PAGES:
        text = path.read_text("utf-8")
        where = path.relative_to(ROOT).as_posix()
        for block in BLOCK.findall(text):
            for line in block.replace("\\\n", " ").splitlines():
                if (line := line.strip()) and not line.startswith("#"):
                    yield where, "block", line
        spans = [span for _, span in SPAN.findall(text)]
        for line in (*MAGIC.findall(text), *filter(INLINE.fullmatch, spans)):
            yield where, "inline", line


def of_code():
    for path in CODE:
        where = path.relative_to(ROOT).as_posix()
        for text in texts(ast.parse(path.read_text("utf-8"))):
            for found in SAID.finditer(text):
                yield where, "message", next(filter(None, found.groups())).strip()


def texts(tree):
    """The strings of a module; what an f-string puts in is {}."""
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in ast.walk(node)
        if part is not node
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(v.value if isinstance(v, ast.Constant) else "{}" for v in node.values)
        elif isinstance(node, ast.Constant) and id(node) not in inside:
            yield node.value if isinstance(node.value, str) else ""


def locked():
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {canonicalize_name(Requirement(line).name) for line in lines}


def fault(line, kind):
    """What is wrong with a command, in words; None if nothing is."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError as error:
        return f"no shell reads it: {error}"
    while words and re.fullmatch(r"\w+=.*", words[0]):
        words.pop(0)
    if not words:
        return None
    program, *words = words
    if program.startswith(".venv/bin/"):
        name = program.removeprefix(".venv/bin/")
        if not (BIN / name).exists() and name not in entry_points(group="console_scripts").names:
            return f"{program} is in no .venv"
    elif kind == "block" and program not in SYSTEM | INSTALLED:
        return f"{program} is not on a machine's path: .venv/bin/{program}"
    else:
        name = program
    return CHECKS.get(name, lambda words: None)(words)


def fault_of_make(words):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.M))
    asked = {word for word in words if "=" not in word}
    return f"no target {asked - targets}" if asked - targets else None


def fault_of_pip(words):
    if not words:
        return None
    action, *words = words
    if action not in ("install", "wheel", "freeze"):
        return f"pip {action}"
    while words:
        word = words.pop(0)
        if word in ("-r", "--requirement", "-c", "--constraint"):
            if not (ROOT / words.pop(0)).exists():
                return "a file of requirements that is not there"
        elif word in ("-w", "-e"):
            words.pop(0)
        elif (
            not word.startswith("-") and not PLACE.search(word) and (bad := fault_of_package(word))
        ):
            return bad
    return None


def fault_of_package(word):
    if word in (".", "...") or ((ROOT / word).exists() and "/" in word):
        return None
    try:
        name = canonicalize_name(Requirement(word).name)
    except InvalidRequirement:
        return f"{word!r} is no requirement"
    if name == canonicalize_name(NAME):
        return f"{NAME} is on no package index: install it from a clone, or from the site"
    if name not in locked() | PEERS | {"uv"}:
        return f"{name} is neither locked nor a peer"
    return None


def fault_of_python(words):
    if words[:2] == ["-m", "pip"]:
        return fault_of_pip(words[2:])
    if words[:1] == ["-m"]:
        if not find_spec(words[1]):
            return f"no module {words[1]}"
        words = words[2:] if words[1] == "pytest" else []
    for word in words:
        named = re.search(r"/|\.(py|ipynb)$", word) and not PLACE.search(word)
        if named and not (ROOT / word).exists():
            return f"no file {word}"
    return None


def fault_of_click(name):
    def check(words):
        words = [word for word in words if word != "{}"]
        command, path, parent = CLICK[name], name, None
        while isinstance(command, click.Group) and words:
            if words[0] in ("--version", "--help"):
                return None
            if words[0] not in command.commands:
                return f"{path} has no command {words[0]}"
            parent = click.Context(command, info_name=path, parent=parent)
            path, command = words[0], command.commands[words.pop(0)]
        if not words or not isinstance(command, click.Command):
            return None
        if any(PLACE.search(word) for word in words):  # its options are there, at the least
            known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
            unknown = {word for word in words if word.startswith("-")} - known
            return f"{name} has no option {unknown}" if unknown else None
        try:
            with command.make_context(path, list(words), parent=parent) as context:
                return fault_of_notebook(context.params)
        except click.exceptions.Exit:
            return None
        except click.ClickException as error:
            return error.format_message()

    return check


def fault_of_notebook(params):
    chapter = params.get("notebook") or params.get("notebook_path")
    if not isinstance(chapter, str) or not chapter:
        return None
    path = ROOT / chapter if chapter.endswith(".ipynb") else ROOT / f"notebooks/{chapter}.ipynb"
    if not path.is_file():
        return f"no notebook {chapter}"
    values = [*(params.get("parameters") or ())]
    if values:
        read_parameters(path).accept([(name, str(value)) for name, value in values])
    return None


def fault_of_apt(words):
    names = {word for word in words[1:] if not word.startswith("-") and not PLACE.search(word)}
    return f"{names - DEBIAN} of Debian's?" if names - DEBIAN else None


def fault_of_pipx(words):
    name = Requirement(words[1]).name
    return None if words[0] == "run" and name in OUTSIDE else f"pipx {words[0]} {name}"


def fault_of_dask(words):
    from distributed.cli import dask_scheduler, dask_worker

    command = {"scheduler": dask_scheduler.main, "worker": dask_worker.main}[words[0]]
    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    unknown = {word for word in words if word.startswith("--")} - known
    return f"dask {words[0]} has no option {unknown}" if unknown else None


def fault_of_conda(words):
    file = words[words.index("-f") + 1]
    return None if (ROOT / file).is_file() else f"no file {file}"


CHECKS = {
    "make": fault_of_make,
    "pip": fault_of_pip,
    "%pip": fault_of_pip,
    "python": fault_of_python,
    "python3": fault_of_python,
    "torchrun": lambda words: fault_of_python(words[words.index("-m") :]),
    "apt": fault_of_apt,
    "apt-get": fault_of_apt,
    "pipx": fault_of_pipx,
    "dask": fault_of_dask,
    "conda": fault_of_conda,
    **{name: fault_of_click(name) for name in CLICK},
}


def test_every_command_of_the_pages(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = list(of_pages())
    assert len({line for _, kind, line in found if kind == "block"}) >= 25
    assert {where: (line, why) for where, kind, line in found if (why := fault(line, kind))} == {}


def test_every_command_of_the_messages(monkeypatch):
    monkeypatch.chdir(ROOT)
    found = list(of_code())
    lines = {line for _, _, line in found}
    assert {"make pdf", "apt-get install --reinstall dataset-fashion-mnist"} <= lines
    assert {where: (line, why) for where, kind, line in found if (why := fault(line, kind))} == {}


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("make boook", "boook"),
        ("optlab run 03-adam", ".venv/bin/optlab"),
        (".venv/bin/optlabb run 03-adam", "is in no .venv"),
        (".venv/bin/optlab walk 03-adam", "no command walk"),
        (".venv/bin/optlab run 33-adam", "no notebook 33-adam"),
        (".venv/bin/optlab run 03-adam -p lrr 0.1", "lrr"),
        (".venv/bin/optlab run 03-adam --quickly", "--quickly"),
        (".venv/bin/optlab bench --girds", "--girds"),
        (".venv/bin/papermill notebooks/33-adam.ipynb x.ipynb", "no notebook"),
        (".venv/bin/jupyter-book buildd .", "no command buildd"),
        (".venv/bin/pip install 'optlab[sweep]'", "optlab is neither locked nor a peer"),
        (".venv/bin/pip install optlab", "optlab is neither"),
        (".venv/bin/pip install optlab-book", "no package index"),
        ("python3 -m pip install requestz", "requestz is neither"),
        (".venv/bin/pip install -r requirements.txt", "not there"),
        (".venv/bin/python -m optlab.paralel", "no module"),
        (".venv/bin/python -m pytest tests/oracle", "no file"),
        (".venv/bin/dask worker --ressources GPU=1", "--ressources"),
        ("conda env create -f environment.yaml", "no file"),
        ("apt install chromium-browsr", "chromium-browsr"),
        ("make 'book", "no shell reads it"),
    ],
)
def test_a_wrong_command_is_seen(line, word, monkeypatch):
    monkeypatch.chdir(ROOT)
    try:
        why = fault(line, "block")
    except Exception as error:  # as `accept` says of a parameter
        why = str(error)
    assert why
    assert word in why


@pytest.mark.parametrize("shown", ["README.md", "book/rerun.md", "book/sweep.md", "SECURITY.md"])
def test_the_cheap_ones_run(shown, tmp_path):
    """In an environment that has a path, a home and nothing else."""
    env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(tmp_path), "LANG": "C.UTF-8"}
    ran = 0
    for line in sorted({line for where, _, line in of_pages() if where == shown}):
        words = shlex.split(line, comments=True)
        if "--help-parameters" in words or "--help-notebook" in words or "--version" in words:
            pass
        elif words[:2] == [".venv/bin/optlab", "sweep"] and "--summary" not in words:
            words = [word for word in words if word != "--resume"]
            words += ["--dry-run", "-o", str(tmp_path / "sweep")]
            if "--scheduler" in words:
                del words[(i := words.index("--scheduler")) : i + 2]
        elif words[0] == "make" and not any(word.startswith("PY=") for word in words):
            words.append("-n")
        else:
            continue
        name = words[0].removeprefix(".venv/bin/")
        words[0] = str(BIN / name) if (BIN / name).exists() else name
        done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)
        assert done.returncode == 0, f"{line}: {done.stderr[-500:]}"
        ran += 1
    assert ran


def test_a_message_names_the_program_of_this_python(monkeypatch, tmp_path):
    folder = tmp_path / "a b/.venv/bin"
    folder.mkdir(parents=True)
    for name in ("python", "optlab"):
        (folder / name).touch(mode=0o755)
    monkeypatch.setattr("sys.executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    monkeypatch.chdir(tmp_path / "a b")
    assert typed("optlab", "javascript") == ".venv/bin/optlab javascript"
    assert typed("python", "-m", "pip", "install", "polars").startswith(".venv/bin/python -m pip")
    for elsewhere in (tmp_path / "other", folder):
        elsewhere.mkdir(exist_ok=True)
        monkeypatch.chdir(elsewhere)
        assert shlex.split(typed("optlab", "bench"))[0] == str(folder / "optlab")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin")
    assert typed("optlab", "bench") == "optlab bench"
