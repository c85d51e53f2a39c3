"""Each execution of each option against torch.optim, on the same gradients."""

import pytest
import torch
from twins import SHAPES, assert_alike, parameters, train

import optlab
from optlab.rules import State, momentum

EXECUTIONS = ["plain", "foreach", "compiled"]
LR = torch.tensor(0.05, dtype=torch.float64)
OPTIONS = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "maximize": True}),
    ("SGD", {"lr": 0.1, "weight_decay": 0.2}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": LR, "momentum": 0.9, "dampening": 0.3}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "maximize": True}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "dampening": 0.3, "weight_decay": 0.2}),
    ("Adam", {}),
    ("Adam", {"lr": 0.1, "betas": (0.7, 0.95), "eps": 1e-2}),
    ("Adam", {"lr": 0.1, "maximize": True}),
    ("Adam", {"lr": LR}),
    ("Adam", {"lr": LR.reshape(1), "weight_decay": 0.2}),
    ("Adam", {"lr": 0.1, "betas": (0.0, 0.0)}),
    ("AdamW", {}),
    ("AdamW", {"lr": LR, "betas": (0.7, 0.95), "eps": 1e-2, "weight_decay": 0.2}),
    ("AdamW", {"lr": 0.1, "weight_decay": 0, "maximize": True}),
    ("AdaGrad", {}),
    ("AdaGrad", {"lr": LR, "weight_decay": 0.2, "eps": 1e-2, "maximize": True}),
    ("AdaGrad", {"lr": 0.1, "initial_accumulator_value": 0.5}),
]


def both(name, options, dtype, execution, steps=5, shapes=SHAPES):
    ours, theirs = parameters(shapes, dtype), parameters(shapes, dtype)
    ours_lr = {"lr": options["lr"].clone()} if isinstance(options.get("lr"), torch.Tensor) else {}
    train(getattr(optlab, name)(ours, **options | ours_lr, execution=execution), ours, steps)
    cls = torch.optim.Adagrad if name == "AdaGrad" else getattr(torch.optim, name)
    train(cls(theirs, **options, foreach=False), theirs, steps)
    return ours, theirs


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize(("name", "options"), OPTIONS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128], ids=str)
def test_double_precision(name, options, dtype, execution):
    assert_alike(*both(name, options, dtype, execution))


# Where torch agrees on what Adafactor is: vectors and matrices, and a negligible epsilon1 (it
# bounds the square root by it from below; the paper adds it to the squares).
@pytest.mark.parametrize("execution", ["plain", "foreach"])
@pytest.mark.parametrize(
    "options",
    [{}, {"lr": LR, "weight_decay": 0.2, "maximize": True}, {"d": 2.0, "beta2_decay": -0.5}],
    ids=str,
)
def test_adafactor(options, execution):
    shapes = [(40, 30), (7,), (5, 9), ()]
    common = {"eps": (1e-30, 1e-3), **options}
    assert_alike(*both("Adafactor", common, torch.float64, execution, shapes=shapes))


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("SGD", {"lr": 0.1, "momentum": 0.9}),
        ("Adam", {"lr": 0.01}),
        ("AdamW", {"lr": 0.01}),
        ("AdaGrad", {"lr": 0.01, "eps": 1e-3}),
    ],
)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64], ids=str)
def test_single_precision(name, options, dtype, execution):
    assert_alike(*both(name, options, dtype, execution), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize(
    ("name", "options", "dtype"),
    [
        ("Adam", {"lr": 0.01, "weight_decay": 0.1}, torch.bfloat16),
        ("SGD", {"lr": 0.01, "momentum": 0.9}, torch.float16),
    ],
)
def test_half_precision_is_single_precision_rounded_once_a_step(name, options, dtype, execution):
    ours = parameters(dtype=dtype)
    optimizer = getattr(optlab, name)(ours, **options, execution=execution)
    reference = [torch.nn.Parameter(p.detach().float()) for p in ours]
    oracle = getattr(torch.optim, name)(reference, **options)
    for step in range(10):
        train(optimizer, ours, [step])
        for p, r in zip(ours, reference, strict=True):
            r.grad = p.grad.float()
        oracle.step()
        with torch.no_grad():
            for r in reference:
                r.copy_(r.to(dtype))
    differ = [(p.float() != r).flatten() for p, r in zip(ours, reference, strict=True)]
    assert torch.cat(differ).float().mean() < 0.005  # where float32's last bit turned a rounding
    assert_alike([p.float() for p in ours], reference, rtol=torch.finfo(dtype).eps, atol=1e-6)


@pytest.mark.parametrize("execution", EXECUTIONS)
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("nonfinite", ["propagate", "skip"])
def test_dampening_leaves_the_first_gradient_of_a_late_buffer_alone(
    nonfinite, weight_decay, execution
):
    # A schedule may switch momentum on; torch then starts the buffer as the gradient itself.
    ours, theirs = parameters(), parameters()
    settings = {"lr": 0.1, "dampening": 0.5, "weight_decay": weight_decay}
    optimizers = [
        optlab.SGD(ours, **settings, execution=execution, nonfinite=nonfinite),
        torch.optim.SGD(theirs, **settings),
    ]
    for optimizer, params in zip(optimizers, (ours, theirs), strict=True):
        train(optimizer, params, range(2))
        optimizer.param_groups[0]["momentum"] = 0.9
        train(optimizer, params, range(2, 5))
    assert_alike(ours, theirs)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_the_first_gradient_is_that_of_the_first_step_that_is_taken(execution):
    ours, theirs = parameters(), parameters()
    settings = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    optimizer = optlab.SGD(ours, **settings, execution=execution, nonfinite="skip")
    optimizer.init_state()
    for p in ours:
        p.grad = torch.full_like(p, torch.nan)
    optimizer.step()
    train(optimizer, ours, 3)
    train(torch.optim.SGD(theirs, **settings), theirs, 3)
    assert_alike(ours, theirs)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_each_parameter_has_a_first_gradient_of_its_own(execution):
    runs = []
    for module, more in ((torch.optim, {}), (optlab, {"execution": execution})):
        params = parameters()
        optimizer = module.SGD(params, lr=0.1, momentum=0.9, dampening=0.5, **more)
        for step in range(4):
            for p in params:
                p.grad = torch.full_like(p, step + 1.0)
            params[0].grad = None if step < 2 else params[0].grad
            optimizer.step()
        runs.append(params)
    assert_alike(*runs)


class Unusual(optlab.optim.RuleOptimizer):
    """A rule whose state is its input, and whose new parameter is its old state."""

    def __init__(self, params, execution):
        super().__init__(params, {"lr": 0.5, "execution": execution, "maximize": False})

    def rule(self, group):
        return lagging


def lagging_step(p, g, s, t, *, lr):
    return s.next, State(old=p, next=p - lr * g, seen=g)


lagging = type(momentum)(
    lagging_step, {"old": torch.zeros_like, "next": torch.zeros_like, "seen": torch.zeros_like}
)


@pytest.mark.parametrize("execution", EXECUTIONS)
def test_values_that_are_handed_on_are_read_before_they_are_overwritten(execution):
    params = parameters(SHAPES[:1])
    optimizer = Unusual(params, execution)
    (p,), state = params, State(old=0, next=torch.zeros(40, 30, dtype=torch.float64), seen=0)
    expected = p.detach().clone()
    for step in range(3):
        train(optimizer, params, [step])
        expected, state = lagging_step(expected, p.grad, state, step + 1, lr=0.5)
        assert_alike([p], [expected])
        for key, value in vars(state).items():
            assert_alike([optimizer.state[p][key]], [value])
        kept = optimizer.state[p]["seen"].clone()
        p.grad.zero_()
        assert torch.equal(optimizer.state[p]["seen"], kept)
        state.seen = kept
