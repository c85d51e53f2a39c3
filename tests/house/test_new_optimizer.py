"""One rule file and one line make an optimizer, with everything that the others have.

In a copy of the package an optimizer is added that way, and nothing else is edited. Then the tests
of all optimizers are run there: they have to take it in, and it has to pass them.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULE = '''\
"""A rule for a test."""

from optlab.ops import norm, zeros_like
from optlab.rules.rule import State, rule


@rule("Wander", a=zeros_like)
def wander(p, g, s, t, *, lr=0.01, beta1=0.9, stretch=2.0, bold=False, weight_decay=0.0):
    """Nobody (2026), Algorithm 1."""
    a = beta1 * s.a + (1 - beta1) * g
    u = 2 * a if bold else a / (stretch + norm(a))
    return p - lr * (u + weight_decay * p), State(a=a)
'''
LINE = "from optlab.rules.wander import wander as wander\n"
FORMULA = r"""\begin{aligned}
a_t &= \beta_1 a_{t-1} + \left(1 - \beta_1\right) g_t \\
u_t &= \frac{a_t}{\mathrm{stretch} + \left\lVert a_t \right\rVert} \\
\theta_t &= \theta_{t-1} - \eta \left(u_t + \lambda \theta_{t-1}\right)
\end{aligned}"""
# Of the tests of all optimizers, for each thing that one gets: those that must have been run.
GENERIC = {
    "the executions, whatever the dtype": "tests/optim/test_every.py::test_the_executions_agree",
    "checkpoints": "tests/optim/test_every.py::test_resuming_at_every_step_of_twenty_is_exact",
    "documented arguments": "tests/optim/test_every.py::test_every_argument_has_its_place",
    "copies by pickle": "tests/optim/test_contract.py::test_a_copy_of_optimizer_and_parameters",
    "C": "tests/optim/test_native.py::test_every_rule_is_written",
    "vmap": "tests/rules/test_vmap.py::test_many_settings_at_once_are_as_many_runs",
    "grid training": "tests/grid/test_same_numbers.py::test_a_run_of_a_grid_is_the_run_alone",
    "SymPy": "tests/symbolic/test_vector.py::test_a_step_on_symbols_is_the_step_on_tensors",
    "JavaScript": "tests/symbolic/test_javascript.py::test_a_thousand_random_steps_of_a_layer",
    "the explorer": "tests/explorer/test_explorer_script.py::test_a_thousand_random_steps",
    "a row of the bench": "tests/bench/test_bench.py::test_each_algorithm_meets_its_rivals",
}


def python(folder, *arguments):
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests, with the new optimizer."""
    folder = tmp_path_factory.mktemp("copy")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("optlab", "tests", "book/_static/explorer"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "optlab/rules/wander.py").write_text(RULE)
    with (folder / "optlab/rules/__init__.py").open("a") as registry:
        registry.write(LINE)
    return folder


def test_it_is_a_class_with_the_rule_s_settings_and_a_formula(copy):
    done = python(
        copy,
        "-c",
        "import inspect, optlab\n"
        "names = [k for k in inspect.signature(optlab.Wander).parameters]\n"
        "assert 'Wander' in dir(optlab) and 'Wander' in optlab.__all__\n"
        "print(optlab.__file__, *names)\n"
        "print(optlab.symbolic.latex(optlab.rules.wander))",
    )
    assert done.returncode == 0, done.stderr
    first, _, formula = done.stdout.strip().partition("\n")
    assert first.split() == [
        str(copy / "optlab" / "__init__.py"),
        *("params", "lr", "beta1", "stretch", "bold", "weight_decay"),
        *("maximize", "execution", "nonfinite", "rounding"),
    ]
    assert formula == FORMULA


def test_the_tests_of_all_optimizers_take_it_in_and_it_passes_them(copy):
    written = python(copy, "-c", "from optlab.cli import main; main()", "javascript")
    assert written.returncode == 0, written.stderr
    files = sorted({name.partition("::")[0] for name in GENERIC.values()})
    chosen = "wander or Wander or committed_script or fewest_bytes"
    done = python(copy, "-m", "pytest", "-q", "-rp", "-p", "no:cacheprovider", "-k", chosen, *files)
    passed = re.findall(r"^PASSED (\S+)", done.stdout, re.M)
    missing = [
        what
        for what, test in GENERIC.items()
        if not any(name.startswith(test) and "ander" in name for name in passed)
    ]
    assert missing == [], f"{missing}\n{done.stdout[-3000:]}"
    assert done.returncode == 0, done.stdout[-3000:]
