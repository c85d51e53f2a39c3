"""Rules as C functions: the same numbers, one kernel, no memory, and clear failures."""

import os
import subprocess
import sys

import pytest
import torch
from every import parameters_for
from hyper import REGISTERED, numbers
from twins import parameters, train

import optlab
from optlab import rules
from optlab.optim import execution, native
from optlab.optim.native import elements, matrices, toolchain
from optlab.optim.split import split

pytestmark = pytest.mark.skipif(native.compiler() is None, reason="no C compiler")

HYPER = {
    "gradient_descent": {"lr": 0.1},
    "momentum": {"lr": 0.1, "momentum": 0.9, "dampening": 0.2},
    "adagrad": {"lr": 0.1, "delta": 1e-3},
    "adagrad_dual": {"lr": 0.1, "delta": 1e-3},
    "adam": {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-8},
    "adamw": {
        "lr": 0.1,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-8,
        "weight_decay": 0.1,
        "eta": 0.5,
    },
    "amsgrad": {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 0.0},
    "adafactor_vector": {"lr": 0.1, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 0.5},
    "lars": {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.02},
    "lars_deck": {"lr": 0.1, "beta1": 0.9, "weight_decay": 0.1},
    "lamb": {"lr": 0.1, "beta1": 0.9, "beta2": 0.99, "eps": 1e-6, "weight_decay": 0.1},
    "schedule_free": {
        "lr": 0.1,
        "beta1": 0.9,
        "beta2": 0.99,
        "eps": 1e-8,
        "weight_decay": 0.1,
        "warmup_steps": 3.0,
    },
    "sophia": {"lr": 0.1, "beta1": 0.9, "rho": 0.04, "eps": 1e-12, "weight_decay": 0.1},
}
VECTORS = [(170, 201), (elements.BLOCK,), (elements.BLOCK + 1,), (3, 4), (0,), ()]
MATRICES = {
    "adafactor": {"lr": 0.1, "beta2_decay": -0.8, "eps1": 1e-30, "eps2": 1e-3, "d": 0.5},
    "factored_adam": {"lr": 0.1, "beta2": 0.9, "eps": 1e-8},
}
HYPER |= MATRICES
ALL = {**HYPER, **{rule.name: numbers(rule) for rule in REGISTERED}}
SHAPES_OF_MATRICES = [
    (2 * matrices.ROWS + 1, matrices.BLOCK + 1),
    (matrices.ROWS, 3),
    (2, 3, 65, 5),
    (1, 7),
    (7, 1),
    (0, 4, 5),
]


@pytest.fixture(autouse=True)
def fresh_memory():
    execution.forget_kernels()
    yield
    execution.forget_kernels()


def steps(name, execute, dtype=torch.float64, gradients=torch.randn_like, n=4):
    """Parameters and state after n steps of a rule, all of them in one list."""
    rule, hyper = getattr(rules, name), ALL[name]
    flags = {k: v for k, v in rule.hyperparameters.items() if k not in hyper}
    torch.manual_seed(0)
    shapes = SHAPES_OF_MATRICES if name in MATRICES else VECTORS
    params = [torch.randn(shape, dtype=dtype) for shape in shapes]
    state = {k: [start(p) for p in params] for k, start in rule.initial.items()}
    for t in range(1, n + 1):
        grads = [gradients(p) for p in params]
        execute(execution.Batch(rule, t, {**hyper, **flags}, params, grads, state, None))
    return [*params, *(x for xs in state.values() for x in xs)]


def cut(name):
    rule, hyper = getattr(rules, name), ALL[name]
    flags = {k: v for k, v in rule.hyperparameters.items() if k not in hyper}
    return split(rule, flags, tuple(hyper), None)


def written(name, real="float"):
    split_rule = cut(name)
    return native.write(split_rule.text, split_rule.rule, real)[0]


def make(name):
    return native.kernel(cut(name), torch.float32)


@pytest.mark.parametrize("name", ALL)
def test_it_is_the_rule(name):
    for ours, plain in zip(
        steps(name, execution.compiled), steps(name, execution.plain), strict=True
    ):
        assert torch.allclose(ours, plain, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", ALL)
def test_it_is_the_rule_in_float32(name):
    ours = steps(name, execution.compiled, torch.float32)
    for a, b in zip(ours, steps(name, execution.plain, torch.float32), strict=True):
        assert torch.allclose(a, b, rtol=2e-5, atol=2e-6)


FUSIBLE = [name for name in ALL if split(getattr(rules, name), {}, list(ALL[name]), None).fusible]


@pytest.mark.parametrize("name", FUSIBLE)
def test_every_rule_is_written(name, monkeypatch):
    # `compiled` must not have gone to torch.compile or to lists
    monkeypatch.setattr(torch, "compile", None)
    monkeypatch.setattr(execution, "foreach", None)
    steps(name, execution.compiled, n=1)


BY_LISTS = {"FullAdaGrad", "Muon"} | {
    name
    for name, cls in optlab.optim.OPTIMIZERS.items()
    if hasattr(cls, "of") and cls.of.name in ALL and cls.of.name not in FUSIBLE
}


@pytest.mark.parametrize("name", sorted(optlab.optim.OPTIMIZERS))
def test_auto_goes_by_c_for_small_models_where_the_rule_can_be_written(name, monkeypatch):
    # where it does not, it has to take lists: a compiler in Python would need ten seconds
    went = []
    foreach = execution.foreach
    monkeypatch.setattr(torch, "compile", None)
    monkeypatch.setattr(execution, "foreach", lambda batch: went.append(batch) or foreach(batch))
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        params = parameters_for(name, dtype, [(3, 2), (4,), ()])
        train(getattr(optlab, name)(params, lr=0.01), params, 3)
        assert bool(went) == (name in BY_LISTS or dtype == torch.bfloat16)
        went.clear()


@pytest.mark.parametrize("name", ["adam", "amsgrad", "sophia", "lamb", "adagrad"])
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_goes_where_the_rule_sends_it(name, bad):
    def gradients(p):
        g = torch.ones_like(p)
        if g.dim() == 2:
            g[1, 2] = bad
        return g

    ours = steps(name, execution.compiled, gradients=gradients)
    for a, b in zip(ours, steps(name, execution.plain, gradients=gradients), strict=True):
        assert torch.equal(a.isnan(), b.isnan())
        assert torch.allclose(a.nan_to_num(), b.nan_to_num(), rtol=1e-9)


def test_zero_weights_and_gradients():
    for name in ("lars", "lamb", "amsgrad", "adagrad"):
        ours = steps(name, execution.compiled, gradients=torch.zeros_like)
        plain = steps(name, execution.plain, gradients=torch.zeros_like)
        for a, b in zip(ours, plain, strict=True):
            assert a.isfinite().all()
            assert torch.allclose(a, b)


def test_the_number_of_threads_changes_nothing():
    def with_threads(n):
        before = torch.get_num_threads()
        torch.set_num_threads(n)
        try:
            return steps("lamb", execution.compiled)
        finally:
            torch.set_num_threads(before)

    for one, two in zip(with_threads(1), with_threads(2), strict=True):
        assert torch.equal(one, two)


def test_a_norm_makes_two_passes_and_everything_else_one():
    loops = {name: written(name).count("#pragma omp simd") for name in HYPER}
    two = {"lars", "lars_deck", "lamb", "adafactor_vector", "factored_adam"}
    three = {"adafactor"}  # sums of rows and columns, size of the update, step
    assert loops == {n: 3 if n in three else 2 if n in two else 1 for n in HYPER}


def test_what_a_pass_has_stored_is_read_in_the_next():
    # LAMB: moments in the first pass, parameters in the second, and no array besides
    first, second = written("lamb").split("#pragma omp parallel")[1:]
    p, g, m, v = (f"a{k}[j]" for k in range(4))
    assert f"{m} =" in first
    assert f"{v} =" in first
    assert f"{p} =" not in first
    assert f"{p} =" in second
    assert g not in second
    assert f"{m} =" not in second


def test_an_old_value_that_a_later_pass_needs_is_not_overwritten_before():
    def shrinking(p, g, s, t, *, lr):
        m = s.m + g
        return p - lr * optlab.ops.norm(m) * s.m, rules.State(m=m)

    rule = rules.Rule(shrinking, {"m": torch.ones_like})
    p, g = torch.randn(5, dtype=torch.float64), torch.randn(5, dtype=torch.float64)
    expected, state = rule(p, g, rule.init(p), 1, lr=0.1)
    s = {"m": [rule.init(p).m]}
    execution.compiled(execution.Batch(rule, 1, {"lr": 0.1}, [p], [g], s, None))
    assert torch.allclose(p, expected)
    assert torch.allclose(s["m"][0], state.m)


def test_one_kernel_serves_all_sizes_and_values(monkeypatch):
    made = []
    kernel = native.kernel
    monkeypatch.setattr(native, "kernel", lambda *key: made.append(key) or kernel(*key))
    for settings in ({"lr": 0.1}, {"lr": 0.2, "betas": (0.5, 0.6)}, {"lr": torch.tensor(0.1)}):
        for shapes in ([(5,)], [(40, 50), (3,)]):
            params = parameters(shapes)
            train(optlab.Adam(params, **settings, execution="compiled"), params, 3)
    assert len(made) == 1


@pytest.mark.parametrize("name", ["adam", "lamb", "adafactor"])
def test_runs_are_stepped_each_with_its_own_numbers(name):
    """One call for stacked tensors is a call for each run."""
    split_rule, runs = cut(name), 3
    generator = torch.Generator().manual_seed(0)
    shapes = [(5, 4), (7, 3)]
    arrays = []
    for shape in shapes:
        p, g = (torch.rand(runs, *shape, generator=generator) for _ in range(2))
        state = [torch.stack([start(x) for x in p]) for start in split_rule.rule.initial.values()]
        arrays.append([p, g, *state])
    alone = [[[x[r].clone() for x in xs] for xs in arrays] for r in range(runs)]
    numbers = torch.tensor(
        [split_rule.numbers(1, *(v / (r + 1) for v in ALL[name].values())) for r in range(runs)]
    )
    native.kernel(split_rule, torch.float32, runs=True).of(arrays).run(numbers)
    one = native.kernel(split_rule, torch.float32)
    for r in range(runs):
        one(alone[r], numbers[r])
        for xs, ys in zip(arrays, alone[r], strict=True):
            torch.testing.assert_close([x[r] for x in xs], ys, rtol=0, atol=0)


def test_a_step_keeps_the_tensors_it_was_given():
    """Such as a gradient that is a copy and of which nobody else knows."""
    p, state = torch.zeros(3000), [torch.zeros(3000), torch.zeros(3000)]
    step = make("adam").of([[p, torch.ones(3000), *state]])
    _ = [torch.full((3000,), 7.0) for _ in range(20)]
    step.run(cut("adam").numbers(1, *ALL["adam"].values()))
    assert torch.all(state[0] == state[0][0])
    torch.testing.assert_close(state[0][0].item(), 1 - ALL["adam"]["beta1"], rtol=1e-5, atol=0)


def test_the_library_is_kept_between_processes(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTLAB_CACHE", str(tmp_path / "kernels"))
    make("adam")
    (library,) = (tmp_path / "kernels").iterdir()
    monkeypatch.setattr(subprocess, "run", None)
    make("adam")
    assert [library] == list((tmp_path / "kernels").iterdir())


def test_a_refused_source_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTLAB_CACHE", str(tmp_path))
    monkeypatch.setattr(toolchain, "FLAGS", ("--no-such-flag",))
    with pytest.raises(native.CannotCompile, match="no-such-flag"):
        make("adam")
    assert list(tmp_path.iterdir()) == []


def test_no_compiler_says_what_to_install(monkeypatch):
    monkeypatch.setenv("CC", "no-such-compiler")
    with pytest.raises(native.CannotCompile, match="install gcc, or set CC"):
        make("adam")


def test_backward_notices_that_a_parameter_has_changed():
    p = torch.nn.Parameter(torch.randn(3, dtype=torch.float64))
    loss = (p**2).sum()
    p.grad = torch.ones_like(p)
    optlab.Adam([p], execution="compiled").step()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        loss.backward()


def test_a_step_needs_no_memory():
    code = """
import resource, torch, optlab
p = torch.nn.Parameter(torch.randn(8_000_000))
p.grad = torch.randn_like(p)
optimizer = optlab.LAMB([p], execution="compiled")
optimizer.step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for _ in range(3):
    optimizer.step()
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ
    )
    assert int(done.stdout) < 4_000  # kB; one array of this size takes 32,000


def test_arrays_are_counted_right():
    split_rule = cut("amsgrad")
    source, arrays, flat = native.write(split_rule.text, split_rule.rule, "double")
    assert flat
    assert arrays == 5  # parameter, gradient, m, v, v_hat
    assert "#define REAL double" in source
