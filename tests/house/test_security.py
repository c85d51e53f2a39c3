"""What SECURITY.md promises of the source, where the linter has no rule for it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = sorted([*(ROOT / "optlab").rglob("*.py"), *(ROOT / "site").rglob("*.py")])
REFUSED = {
    "S102": "exec('1')",
    "S301": "import pickle\npickle.load(open('x', 'rb'))",
    "S307": "eval('1')",
    "S506": "import yaml\nyaml.load('x', yaml.Loader)",
    "S602": "import subprocess\nsubprocess.run(input(), shell=True)",
    "S605": "import os\nos.system(input())",
}


def loads(source):
    """Calls of torch.load, each with what it says of weights_only."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "torch.load":
            given = {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
            yield given.get("weights_only")


def test_torch_loads_weights_only():
    found = {str(path): list(loads(path.read_text("utf-8"))) for path in SOURCES}
    assert sum(map(len, found.values())) >= 1
    assert {path: calls for path, calls in found.items() if set(calls) - {"True"}} == {}
    assert list(loads("torch.load(f)\ntorch.load(f, weights_only=False)")) == [None, "False"]


@pytest.mark.parametrize("rule", REFUSED)
def test_the_linter_refuses(rule):
    ruff = [Path(sys.executable).with_name("ruff"), "check", "--output-format", "concise"]
    done = subprocess.run(
        [*ruff, "--stdin-filename", "optlab/new.py", "-"],
        input=REFUSED[rule], cwd=ROOT, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert rule in done.stdout
