"""Whatever other code did to parameters, gradients and state between two steps: the step is
calculated rightly, or refused in one line before anything has changed."""

import copy
import re

import pytest
import torch
from compilers import for_dtypes
from every import EVERY, make
from torch.nn import Parameter

import optlab
from optlab.optim import execution, inspection, memory, native

EXECUTIONS = ("plain", "foreach", "compiled", "auto")
every_execution = pytest.mark.parametrize("execution", EXECUTIONS)


@pytest.fixture(autouse=True)
def worth_compiling(monkeypatch):
    """Under "auto", any model is large enough for a kernel, where there is a compiler."""
    monkeypatch.setitem(execution.WORTH_COMPILING, "cpu", 0)


def drawn(shape, seed, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def adam(params, execution, **settings):
    return optlab.Adam(params, lr=0.1, eps=0.01, execution=execution, **settings)


def by_hand(p, grads):
    """Adam's steps in float64, with lr 0.1 and eps 0.01."""
    p = p.detach().double().clone()
    m = v = torch.zeros_like(p)
    for t, g in enumerate(grads, 1):
        m, v = 0.9 * m + 0.1 * g.double(), 0.999 * v + 0.001 * g.double() ** 2
        p = p - 0.1 * (m / (1 - 0.9**t)) / ((v / (1 - 0.999**t)).sqrt() + 0.01)
    return p


@pytest.mark.parametrize(
    "dtypes",
    [
        (torch.float32, torch.float64),
        (torch.float64, torch.float32),
        (torch.float32, torch.bfloat16, torch.float32),
        (torch.float32, torch.float16),
        (torch.bfloat16, torch.float64),
    ],
    ids=str,
)
@every_execution
def test_the_model_may_change_its_dtype(execution, dtypes):
    for_dtypes(execution, *dtypes)
    model = torch.nn.Linear(40, 30).to(dtypes[0])
    optimizer = adam(model.parameters(), execution)
    p, grads = model.weight, []
    start = p.detach().clone()
    for k in range(2 * len(dtypes)):
        model.to(dtypes[k // 2])
        grads.append(drawn(p.shape, k).to(p.dtype))
        p.grad = grads[-1].clone()
        model.bias.grad = torch.ones_like(model.bias)
        optimizer.step()
    half = any(d.itemsize == 2 for d in dtypes)
    assert torch.allclose(p.double(), by_hand(start, grads), rtol=0, atol=2e-2 if half else 1e-6)


def test_the_model_may_change_its_dtype_while_it_is_large():
    model = torch.nn.Linear(1024, 600)
    optimizer = optlab.AdamW(model.parameters())
    for dtype in (torch.float32, torch.float64, torch.float32):
        model.to(dtype)
        optimizer.zero_grad()
        model(torch.ones(2, 1024, dtype=dtype)).sum().backward()
        optimizer.step()
    assert model.weight.isfinite().all()


STATES = {
    "larger": ((50, 100), (60, 100)),
    "smaller": ((60, 100), (50, 100)),
    "a little larger": ((50, 100), (50, 101)),
    "one that would be broadcast": ((50, 100), (1, 100)),
    "one number": ((50, 100), ()),
    "other order": ((50, 100), (100, 50)),
    "as a vector": ((50, 100), (5000,)),
    "one dimension more": ((50, 100), (1, 50, 100)),
}


@pytest.mark.parametrize("shapes", STATES.values(), ids=STATES)
@every_execution
def test_a_state_of_another_shape_is_refused(execution, shapes):
    here, there = shapes
    first, p = Parameter(drawn((3, 1200), 0)), Parameter(drawn(here, 1))
    optimizer = adam([{"params": [first]}, {"params": [("embedding", p)]}][1:], execution)
    optimizer.add_param_group({"params": [("first", first)]})
    p.grad, first.grad = drawn(here, 2), drawn(first.shape, 3)
    optimizer.step()
    optimizer.state[p]["exp_avg_sq"] = torch.ones(there, dtype=p.dtype)
    before = copy.deepcopy([p, first, optimizer.state_dict()["state"]])
    with pytest.raises(RuntimeError) as e:
        optimizer.step()
    assert "\n" not in str(e.value)
    assert re.search(
        rf"state 'exp_avg_sq' of parameter 'embedding', of shape {re.escape(str(here))}, "
        rf"has the shape {re.escape(str(there))}, not .*: load a state of this model, or delete",
        str(e.value),
    )
    same(before, [p, first, optimizer.state_dict()["state"]])
    del optimizer.state[p]
    optimizer.step()


def same(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=0)


ADAFACTOR = {"row_var": (40, 2), "col_var": (2, 30)}


@pytest.mark.parametrize("key", ADAFACTOR)
@every_execution
def test_the_rows_and_columns_of_adafactor_have_their_shapes(execution, key):
    p = Parameter(drawn((40, 30), 0))
    optimizer = optlab.Adafactor([p], execution=execution)
    p.grad = drawn(p.shape, 1)
    optimizer.step()
    optimizer.state[p][key] = torch.ones(ADAFACTOR[key], dtype=p.dtype)
    with pytest.raises(RuntimeError, match=f"state '{key}' of parameter 0, .* not "):
        optimizer.step()


def grown(p):
    p.data = torch.cat([p.data, p.data])


def shrunk(p):
    p.data = p.data[:10].clone()


def set_to_less(p):
    p.data.set_(p.data[:10].clone())
    p.data = p.data.detach()[:10]


@pytest.mark.parametrize("change", [grown, shrunk, set_to_less])
@pytest.mark.parametrize("fresh_gradient", [True, False])
@every_execution
def test_new_data_of_another_shape_is_refused(execution, change, fresh_gradient):
    p = Parameter(drawn((60, 100), 0))
    optimizer = adam([p], execution)
    p.grad = drawn(p.shape, 1)
    optimizer.step()
    change(p)
    if fresh_gradient:
        p.grad = None
        p.grad = torch.ones_like(p)
    before = p.detach().clone()
    with pytest.raises(RuntimeError, match=r"has the shape \(60, 100\), not") as e:
        optimizer.step()
    assert ("gradient" in str(e.value)) == (not fresh_gradient)
    same(p.detach(), before)


@every_execution
def test_new_data_of_the_same_shape_is_stepped(execution):
    p, g = Parameter(drawn((60, 100), 0)), drawn((60, 100), 1)
    optimizer = adam([p], execution)
    p.data = drawn((60, 100), 2)
    p.grad = g
    optimizer.step()
    assert torch.allclose(p, by_hand(drawn((60, 100), 2), [g]), rtol=1e-12)


@pytest.mark.parametrize("size", [0, 8, 5000 * 8])
@pytest.mark.parametrize("which", ["parameter", "gradient", "state"])
@every_execution
def test_freed_and_shrunk_memory_is_refused(execution, which, size):
    p = Parameter(drawn((60, 100), 0))
    optimizer = adam([p], execution)
    p.grad = drawn(p.shape, 1)
    optimizer.step()
    x = {"parameter": p, "gradient": p.grad, "state": optimizer.state[p]["exp_avg"]}[which]
    x.untyped_storage().resize_(size)
    with pytest.raises(RuntimeError, match=rf"parameter 0.* has {size} bytes of memory, too few"):
        optimizer.step()


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float64, torch.float32])
@every_execution
def test_a_state_that_was_cast_keeps_its_dtype(execution, dtype):
    p = Parameter(drawn((60, 100), 0, torch.float32))
    optimizer = adam([p], execution)
    start, grads = p.detach().clone(), [drawn(p.shape, k, torch.float32) for k in range(3)]
    for g in grads:
        p.grad = g.clone()
        optimizer.step()
        state = optimizer.state[p]
        state["exp_avg"] = state["exp_avg"].to(dtype)
        state["exp_avg_sq"] = state["exp_avg_sq"].to(torch.float64)
    rough = dtype.itemsize == 2
    assert torch.allclose(p.double(), by_hand(start, grads), rtol=0, atol=3e-3 if rough else 1e-6)


@every_execution
def test_a_state_of_whole_numbers_is_refused(execution):
    p = Parameter(drawn((60, 100), 0))
    optimizer = adam([p], execution)
    p.grad = drawn(p.shape, 1)
    optimizer.step()
    optimizer.state[p]["exp_avg"] = optimizer.state[p]["exp_avg"].long()
    with pytest.raises(RuntimeError, match=r"'exp_avg' of parameter 0.*torch\.int64"):
        optimizer.step()


@every_execution
def test_a_state_elsewhere_is_refused(execution):
    p = Parameter(drawn((60, 100), 0))
    optimizer = adam([p], execution)
    p.grad = drawn(p.shape, 1)
    optimizer.step()
    optimizer.state[p]["exp_avg"] = optimizer.state[p]["exp_avg"].to("meta")
    with pytest.raises(RuntimeError, match=r"'exp_avg' of parameter 0.* is on meta, the parameter"):
        optimizer.step()


@pytest.mark.skipif(not hasattr(torch.Tensor, "grad_dtype"), reason="no grad_dtype in this torch")
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64, torch.float16])
@every_execution
def test_the_gradient_may_be_of_another_dtype(execution, dtype):
    p = Parameter(drawn((60, 100), 0, torch.float32))
    p.grad_dtype = dtype
    start, grads = p.detach().clone(), [drawn(p.shape, k).to(dtype) for k in (1, 2)]
    optimizer = adam([p], execution)
    for g in grads:
        p.grad = g.clone()
        optimizer.step()
    assert torch.allclose(p.double(), by_hand(start, grads), rtol=0, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.complex128], ids=str)
@every_execution
def test_negative_bits_are_signs(execution, dtype):
    for_dtypes(execution, dtype)
    g = drawn((60, 100), 1).to(dtype)
    runs = []
    for view in (torch.neg, torch._neg_view):
        p = Parameter(drawn((60, 100), 0).to(dtype))
        optimizer = adam([p], execution)
        for k in range(3):
            p.grad = view(g) if k != 1 else -g
            if k == 2:  # all of them
                p.data = view(-p.data)
                for key in ("exp_avg", "exp_avg_sq"):
                    optimizer.state[p][key] = view(-optimizer.state[p][key])
            optimizer.step()
        runs.append(p.detach().resolve_neg())
    torch.testing.assert_close(*runs, rtol=1e-12, atol=1e-12)


def test_negative_bits_are_signs_to_torch_compile_too(monkeypatch):
    monkeypatch.setattr(native, "compiler", lambda: None)
    seen = []
    monkeypatch.setattr(torch, "compile", lambda f, **_: lambda *xs: seen.append(xs) or f(*xs))
    execution.forget_kernels()
    p = Parameter(torch.ones(2000))
    p.grad = torch._neg_view(torch.ones(2000))
    optlab.SGD([p], lr=0.1, execution="compiled").step()
    execution.forget_kernels()
    assert torch.allclose(p, torch.tensor(1.1))
    assert not seen


@pytest.mark.parametrize("where", ["parameter", "state"])
@every_execution
def test_conjugate_bits_go_right_or_are_refused(execution, where):
    p = Parameter(drawn((60, 100), 0, torch.complex128))
    optimizer = adam([p], execution)
    p.grad = drawn(p.shape, 1, torch.complex128)
    optimizer.step()
    if where == "parameter":
        p.data = p.data.conj()
    else:
        optimizer.state[p]["exp_avg"] = optimizer.state[p]["exp_avg"].conj()
    with pytest.raises(RuntimeError, match=r"parameter 0.* conjugate bit.*resolve_conj"):
        optimizer.step()


class Tagged(torch.Tensor):
    """A tensor subclass, as DTensor is."""


@pytest.mark.parametrize("where", ["parameter", "gradient", "state"])
@every_execution
def test_subclasses_keep_their_dispatch(execution, where, monkeypatch):
    p = drawn((60, 100), 0)
    g = drawn((60, 100), 1)
    ordinary = Parameter(drawn((60, 100), 5))
    expected = by_hand(p, [g, g])
    p = Parameter(p.as_subclass(Tagged) if where == "parameter" else p)
    optimizer = adam([p, ordinary], execution)
    for _ in range(2):
        p.grad = g.as_subclass(Tagged) if where == "gradient" else g.clone()
        ordinary.grad = g.clone()
        optimizer.step()
        if where == "state":
            state = optimizer.state[p]
            state["exp_avg"] = state["exp_avg"].as_subclass(Tagged)
    assert torch.allclose(p.as_subclass(torch.Tensor), expected, rtol=1e-12)
    assert torch.allclose(ordinary, by_hand(drawn((60, 100), 5), [g, g]), rtol=1e-12)


@every_execution
def test_fake_tensors_are_stepped_by_their_own_dispatch(execution):
    from torch._subclasses.fake_tensor import FakeTensorMode

    with FakeTensorMode():
        p = Parameter(torch.ones(60, 100))
        p.grad = torch.ones(60, 100)
    optimizer = optlab.SGD([p], lr=0.1, momentum=0.9, execution=execution)
    optimizer.step()
    assert optimizer.state[p]["momentum_buffer"].shape == (60, 100)


@every_execution
def test_meta_tensors_are_stepped_to_nothing(execution):
    p = Parameter(torch.ones(60, 100, device="meta"))
    p.grad = torch.ones(60, 100, device="meta")
    optimizer = adam([p], execution)
    optimizer.step()
    assert optimizer.state[p]["exp_avg"].is_meta


@every_execution
def test_functional_tensors_and_written_zeros(execution):
    p = Parameter(torch.ones(60, 100))
    optimizer = optlab.SGD([p], lr=0.1, execution=execution)
    p.grad = torch._efficientzerotensor((60, 100))
    optimizer.step()
    assert torch.equal(p, torch.ones(60, 100))
    p = torch._to_functional_tensor(torch.ones(60, 100)).requires_grad_()
    optimizer = optlab.SGD([p], lr=0.1, execution=execution)
    p.grad = torch._to_functional_tensor(torch.ones(60, 100))
    optimizer.step()
    torch._sync(p)
    assert torch.allclose(torch._from_functional_tensor(p.detach()), torch.tensor(0.9))


@every_execution
def test_an_expanded_parameter_is_refused_and_an_expanded_gradient_is_not(execution):
    p = Parameter(torch.ones(1, 100, dtype=torch.float64).expand(60, 100))
    q = Parameter(torch.ones(60, 100, dtype=torch.float64))
    optimizer = adam([q, p], execution)
    q.grad = torch.ones(1, 100, dtype=torch.float64).expand(60, 100)
    optimizer.step()
    after = by_hand(torch.ones(60, 100), [torch.ones(60, 100)])
    assert torch.allclose(q, after, rtol=1e-12)
    p.grad = torch.ones(60, 100, dtype=torch.float64)
    with pytest.raises(RuntimeError, match=r"parameter 1, .* several elements in one place"):
        optimizer.step()
    assert torch.allclose(q, after, rtol=1e-12)


@every_execution
def test_the_same_parameter_twice_is_refused(execution):
    p, q = Parameter(torch.ones(3)), Parameter(torch.ones(2))
    with pytest.raises(ValueError, match=r"parameter 0, of shape \(3,\), is given twice: list"):
        adam([p, q, p], execution)
    with pytest.raises(ValueError, match=r"parameter 'embedding', .* twice"):
        adam([("embedding", p), ("head", p)], execution)
    optimizer = adam([q], execution)
    with pytest.raises(ValueError, match="twice"):
        optimizer.add_param_group({"params": iter([p, p])})
    assert len(optimizer.param_groups) == 1
    with pytest.raises(ValueError, match="more than one parameter group"):  # torch's own
        optimizer.add_param_group({"params": [q]})


def test_a_lazy_parameter_twice_is_refused():
    p = torch.nn.LazyLinear(3).weight
    with pytest.raises(ValueError, match=r"parameter 0, not initialized, is given twice"):
        adam([p, p], "auto")


OVERLAPPING = {
    "the same": lambda w: w,
    "columns": lambda w: w[:, :2],
    "flat": lambda w: w.view(-1),
    "last row": lambda w: w[-1],
    "transposed": lambda w: w.t(),
    "other dtype": lambda w: w.view(torch.float32),
}


@pytest.mark.parametrize("view", OVERLAPPING.values(), ids=OVERLAPPING)
def test_parameters_that_share_memory_are_refused(view):
    w = torch.ones(40, 30, dtype=torch.float64)
    p, q = Parameter(w), Parameter(view(w))
    message = r"parameter 1, of shape \(.*\), shares memory with parameter 0"
    with pytest.raises(ValueError, match=message) as e:
        adam([p, q], "auto")
    assert "\n" not in str(e.value)
    optimizer = adam([p], "auto")
    with pytest.raises(ValueError, match=message):
        optimizer.add_param_group({"params": [q]})
    assert len(optimizer.param_groups) == 1


APART = {
    "rows": lambda w: (w[:20], w[20:]),
    "columns": lambda w: (w[:, :7], w[:, 7:]),
    "every other": lambda w: (w[:, ::2], w[:, 1::2]),
    "empty": lambda w: (w, w[:0]),
    "checkered": lambda w: (w[::2, ::3], w[1::2, 1::3]),
}


@pytest.mark.parametrize("views", APART.values(), ids=APART)
@every_execution
def test_parts_side_by_side_are_not_shared_memory(execution, views):
    w, g = drawn((40, 30), 0), drawn((40, 30), 1)
    expected = [by_hand(x, [y, y]) for x, y in zip(views(w), views(g), strict=True)]
    params = [Parameter(x) for x in views(w)]
    optimizer = adam(params, execution)
    for _ in range(2):
        for p, y in zip(params, views(g), strict=True):
            p.grad = y
        optimizer.step()
    for p, x in zip(params, expected, strict=True):
        assert torch.allclose(p, x, rtol=1e-12)


@pytest.mark.parametrize("view", OVERLAPPING.values(), ids=OVERLAPPING)
@every_execution
def test_memory_that_comes_to_be_shared_is_refused(execution, view):
    p, q = Parameter(drawn((40, 30), 0)), Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = adam([{"params": [p]}, {"params": [q]}], execution)
    q.data = torch.ones(1)
    q.data = view(p.data)
    p.grad, q.grad = torch.ones_like(p), torch.ones_like(q)
    before = p.detach().clone()
    with pytest.raises(RuntimeError, match=r"shares memory with that of parameter [01]") as e:
        optimizer.step()
    assert "\n" not in str(e.value)
    same(p.detach(), before)
    q.data = q.data.clone()
    optimizer.step()


SHARED = {
    "state with state": lambda o, p, q: o.state[q].update(exp_avg=o.state[p]["exp_avg"]),
    "state with its own": lambda o, p, q: o.state[q].update(exp_avg=o.state[q]["exp_avg_sq"]),
    "state with parameter": lambda o, p, q: o.state[q].update(exp_avg=p.data),
    "state with a part": lambda o, p, q: o.state[q].update(
        exp_avg=torch.cat([o.state[p]["exp_avg"]] * 2)[5:45].set_(
            o.state[p]["exp_avg"].untyped_storage(), 0, (40, 30), (30, 1)
        )
    ),
}


@pytest.mark.parametrize("tie", SHARED.values(), ids=SHARED)
@every_execution
def test_state_that_shares_memory_is_refused(execution, tie):
    p, q = Parameter(drawn((40, 30), 0)), Parameter(drawn((40, 30), 1))
    optimizer = adam([p, q], execution)
    for _ in range(2):
        p.grad, q.grad = drawn(p.shape, 2), drawn(p.shape, 3)
        before = [p.detach().clone(), q.detach().clone()]
        if optimizer.state:
            tie(optimizer, p, q)
            with pytest.raises(
                RuntimeError, match=r"shares memory with the state 'exp_avg.*: give each"
            ):
                optimizer.step()
            same([p.detach(), q.detach()], before)
        else:
            optimizer.step()


@pytest.mark.parametrize("label", EVERY)
@every_execution
def test_a_gradient_that_is_written_memory_is_read_before(label, execution):
    shapes = (6, 5) if label.startswith("FullAdaGrad") else (40, 30)

    def run(tied):
        p, q = Parameter(drawn(shapes, 0)), Parameter(drawn(shapes, 1))
        optimizer = make(label, [p, q], execution=execution)
        for _ in range(2):
            if tied:
                p.grad, q.grad = q.data, p.data
            else:
                p.grad, q.grad = q.detach().clone(), p.detach().clone()
            optimizer.step()
            if tied:
                p.grad = q.grad = None
        return [p.detach(), q.detach()]

    same(run(tied=True), run(tied=False))


@every_execution
def test_two_parameters_may_share_a_gradient(execution):
    p, q, g = Parameter(drawn((40, 30), 0)), Parameter(drawn((40, 30), 1)), drawn((40, 30), 2)
    p.grad = q.grad = g
    adam([p, q], execution).step()
    for x, seed in ((p, 0), (q, 1)):
        assert torch.allclose(x, by_hand(drawn((40, 30), seed), [g]), rtol=1e-12)


def test_nothing_has_changed_when_the_last_parameter_is_refused():
    params = [Parameter(drawn((40, 30), k)) for k in range(4)]
    optimizer = adam([{"params": [p]} for p in params], "auto")
    for p in params:
        p.grad = torch.ones_like(p)
    optimizer.step()
    optimizer.state[params[-1]]["exp_avg"] = torch.ones(3, dtype=torch.float64)
    before = copy.deepcopy([p.detach() for p in params] + [optimizer.state_dict()["state"]])
    with pytest.raises(RuntimeError, match=r"parameter 3.* has the shape \(3,\)"):
        optimizer.step()
    same([p.detach() for p in params] + [optimizer.state_dict()["state"]], before)


def test_a_misaligned_tensor_does_not_reach_a_kernel():
    raw = torch.frombuffer(bytearray(8 * 2000 + 8), dtype=torch.uint8)
    p = torch.frombuffer(raw.numpy()[1:-7].data, dtype=torch.float64)
    batch = execution.Batch(
        optlab.rules.gradient_descent, 1, {"lr": 0.1}, [p], [torch.ones(2000).double()], {}, None
    )
    (found,) = inspection.inspect([batch])
    assert found.lists == [0]
    assert not found.fits


def test_what_was_compiled_for_is_all_that_fits():
    def found(p, **state):
        state = {k: [v] for k, v in state.items()}
        rule = optlab.rules.momentum
        batch = execution.Batch(rule, 1, {"lr": 0.1}, [p], [torch.ones_like(p)], state, None)
        return inspection.inspect([batch])[0]

    p = torch.ones(40, 30)
    (name,) = optlab.rules.momentum.initial
    assert found(p, **{name: torch.zeros(40, 30)}).fits == [0]
    assert found(p, **{name: torch.zeros(40, 30).double()}).lists == [0]
    assert found(p, **{name: torch.zeros(30, 40).t()}).lists == [0]
    assert found(p, **{name: torch._neg_view(torch.zeros(40, 30))}).own == [0]
    assert found(p, **{name: torch.zeros(40, 30).as_subclass(Tagged)}).own == [0]


@pytest.mark.parametrize("seed", range(30))
def test_shared_memory_is_found_by_trying(seed):
    """Against writing to the one and looking at the other."""
    generator = torch.Generator().manual_seed(seed)

    def one(n):
        return int(torch.randint(n, (), generator=generator))

    base = torch.zeros(40)
    views = []
    for _ in range(4):
        shape, stride = (1 + one(3), 1 + one(3)), (one(6), one(6))
        last = sum((n - 1) * s for n, s in zip(shape, stride, strict=True))
        views.append(base.as_strided(shape, stride, one(40 - last)))
    pairs = []
    for k, y in enumerate(views):
        for i, x in enumerate(views[:k]):
            base.zero_()
            x.fill_(1)
            expected = bool(y.any())
            assert memory.share(x, y) == expected
            if expected:
                pairs.append((i, k))
        base.copy_(torch.arange(40))
        assert memory.repeats(y) == (len(y.unique()) < y.numel())
        assert (k in [j for _, j in pairs]) == bool(memory.meeting([y], views[:k]))
    assert memory.first_shared(views) == (pairs[0] if pairs else None)
