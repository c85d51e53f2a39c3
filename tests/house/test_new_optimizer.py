"""One rule file and one line make an optimizer, with everything that the others have.

In a copy of the package two optimizers are added that way, one of them with products of matrices,
and nothing else is edited. Then the tests of all optimizers are run there: they have to take them
in, and these have to pass them.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from optlab.optim import native

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
OF_MATRICES = '''\
"""A rule with products, for a test."""

from optlab.ops import matmul, norm, transpose, zeros_like
from optlab.rules.rule import State, rule


@rule("Straighten", M=zeros_like)
def straighten(X, G, s, t, *, lr=0.02, beta1=0.95, weight_decay=0.0):
    """Nobody (2026), Algorithm 2."""
    M = beta1 * s.M + (1 - beta1) * G
    U = M / (1 + norm(M))
    O = 1.5 * U - 0.5 * matmul(matmul(U, transpose(U)), U)
    return X - lr * (O + weight_decay * X), State(M=M)
'''
LINES = """\
from optlab.rules.straighten import straighten as straighten
from optlab.rules.wander import wander as wander
"""
FORMULAS = {
    "wander": r"""\begin{aligned}
a_t &= \beta_1 a_{t-1} + \left(1 - \beta_1\right) g_t \\
u_t &= \frac{a_t}{\mathrm{stretch} + \left\lVert a_t \right\rVert} \\
\theta_t &= \theta_{t-1} - \eta \left(u_t + \lambda \theta_{t-1}\right)
\end{aligned}""",
    "straighten": r"""\begin{aligned}
M_t &= \beta_1 M_{t-1} + \left(1 - \beta_1\right) g_t \\
U_t &= \frac{M_t}{1 + \left\lVert M_t \right\rVert} \\
O_t &= 1.5 U_t - 0.5 U_t U_t^\top U_t \\
\theta_t &= \theta_{t-1} - \eta \left(O_t + \lambda \theta_{t-1}\right)
\end{aligned}""",
}
SETTINGS = {
    "wander": ("Wander", "lr", "beta1", "stretch", "bold", "weight_decay"),
    "straighten": ("Straighten", "lr", "beta1", "weight_decay"),
}
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
BUT = {"straighten": {"C"}}  # which leaves products to torch
if native.compiler() is None:
    BUT = {name: {"C", "a row of the bench"} for name in ("straighten", "wander")}


def python(folder, *arguments):
    return subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True)


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """The package and its tests, with the new optimizer."""
    folder = tmp_path_factory.mktemp("copy")
    skip = shutil.ignore_patterns("__pycache__")
    for name in ("optlab", "tests", "site/static/explorer"):
        shutil.copytree(ROOT / name, folder / name, ignore=skip)
    shutil.copy(ROOT / "pyproject.toml", folder)
    (folder / "optlab/rules/wander.py").write_text(RULE)
    (folder / "optlab/rules/straighten.py").write_text(OF_MATRICES)
    with (folder / "optlab/rules/__init__.py").open("a") as registry:
        registry.write(LINES)
    return folder


@pytest.mark.parametrize("name", FORMULAS)
def test_it_is_a_class_with_the_rule_s_settings_and_a_formula(copy, name):
    cls, *settings = SETTINGS[name]
    done = python(
        copy,
        "-c",
        "import inspect, optlab\n"
        f"names = [k for k in inspect.signature(optlab.{cls}).parameters]\n"
        f"assert '{cls}' in dir(optlab) and '{cls}' in optlab.__all__\n"
        "print(optlab.__file__, *names)\n"
        f"print(optlab.symbolic.latex(optlab.rules.{name}))",
    )
    assert done.returncode == 0, done.stderr
    first, _, formula = done.stdout.strip().partition("\n")
    assert first.split() == [
        str(copy / "optlab" / "__init__.py"),
        *("params", *settings),
        *("maximize", "execution", "nonfinite", "rounding"),
    ]
    assert formula == FORMULAS[name]


def test_the_tests_of_all_optimizers_take_them_in_and_they_pass_them(copy):
    written = python(copy, "-c", "from optlab.cli import main; main()", "javascript")
    assert written.returncode == 0, written.stderr
    files = sorted({name.partition("::")[0] for name in GENERIC.values()})
    names = [*SETTINGS, *(cls for cls, *_ in SETTINGS.values())]
    chosen = " or ".join([*names, "committed_script", "fewest_bytes"])
    done = python(copy, "-m", "pytest", "-q", "-rp", "-p", "no:cacheprovider", "-k", chosen, *files)
    passed = re.findall(r"^PASSED (\S+)", done.stdout, re.M)
    missing = [
        (name, what)
        for name in SETTINGS
        for what in GENERIC.keys() - BUT.get(name, set())
        if not any(p.startswith(GENERIC[what]) and name[1:] in p for p in passed)
    ]
    assert missing == [], f"{missing}\n{done.stdout[-3000:]}"
    assert done.returncode == 0, done.stdout[-3000:]
