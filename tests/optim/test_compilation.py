"""When torch.compile makes a kernel, how often, and what happens where it cannot.

On a CPU, C comes first (test_native): here no C compiler is found.
"""

import itertools

import pytest
import torch
from compilers import NEEDS_CXX
from torch._dynamo.utils import counters
from twins import assert_alike, parameters, train

import optlab
from optlab.optim import execution, native


def graphs():
    return counters["stats"]["unique_graphs"]


@pytest.fixture(autouse=True)
def fresh_memory(monkeypatch):
    """Each test finds nothing compiled, nothing given up, and no C compiler."""
    monkeypatch.setattr(native, "compiler", lambda: None)

    def forget():
        torch._dynamo.reset()
        execution.forget_kernels()

    forget()
    yield
    forget()


CHANGES = {
    "Adam": [{"lr": 0.3}, {"lr": torch.tensor(0.2)}, {"betas": (0.5, 0.75)}, {"eps": 1e-3}],
    "SGD": [{"lr": 0.3}, {"lr": torch.tensor(0.2)}, {"momentum": 0.5}, {"dampening": 0.5}],
}


@NEEDS_CXX
@pytest.mark.parametrize("weight_decay", [0, 0.1])
@pytest.mark.parametrize("name", ["Adam", "SGD"])
def test_one_kernel_serves_all_lengths_and_all_values(name, weight_decay):
    def train_new(lengths, **settings):
        params = parameters(lengths, torch.float32)
        momentum = {"momentum": 0.9} if name == "SGD" else {}
        settings = {"weight_decay": weight_decay, **momentum, **settings}
        optimizer = getattr(optlab, name)(params, **settings, execution="compiled")
        train(optimizer, params, 2)
        return optimizer, params

    before = graphs()
    optimizer, params = train_new([(1500,)])
    assert graphs() == before + 1
    for settings in CHANGES[name]:
        optimizer.param_groups[0].update(settings)
        train(optimizer, params, 2)
        train_new([(40, 50), (1024,), (5,), (), (3, 4000)], **settings)
    if weight_decay:
        train_new([(2048,)], weight_decay=0.2)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.5, total_steps=12)
    for step in range(10):
        train(optimizer, params, [step])
        scheduler.step()
    # SGD with dampening is another rule: the first gradient is not damped.
    assert graphs() == before + (2 if name == "SGD" else 1)


@NEEDS_CXX
def test_small_tensors_are_not_worth_a_kernel():
    before = graphs()
    params = parameters([(1023,), (3,), (0,), ()])
    train(optlab.Adam(params, execution="compiled"), params, 2)
    assert graphs() == before


def test_auto_leaves_a_small_model_alone():
    before = graphs()
    params = parameters()
    train(optlab.Adam(params), params, 2)
    assert graphs() == before


@pytest.fixture
def worth_compiling(monkeypatch):
    """Any model counts as large enough."""
    monkeypatch.setitem(execution.WORTH_COMPILING, "cpu", 0)


def reference(steps=3):
    params = parameters()
    return train(torch.optim.Adam(params), params, steps)


@NEEDS_CXX
@pytest.mark.usefixtures("worth_compiling")
def test_auto_compiles_a_large_model():
    before = graphs()
    params = parameters()
    assert_alike(train(optlab.Adam(params), params, 3), reference())
    assert graphs() == before + 1


@pytest.mark.usefixtures("worth_compiling")
@pytest.mark.filterwarnings("error")
def test_auto_without_a_compiler_uses_lists(monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    before = graphs()
    params = parameters()
    assert_alike(train(optlab.Adam(params), params, 3), reference())
    assert graphs() == before


def broken_kernel(works_for):
    """A kernel of `torch.compile` that fails after some calls."""
    calls = itertools.count()

    def compile_instead(function, **_):
        def kernel(*args):
            if next(calls) >= works_for:
                raise torch._dynamo.exc.TorchDynamoException("no space left\non the device")
            function(*args)

        return kernel

    return compile_instead


@NEEDS_CXX
@pytest.mark.usefixtures("worth_compiling")
@pytest.mark.parametrize("works_for", [0, 1, 3])
def test_auto_warns_once_and_goes_on_where_compilation_fails(monkeypatch, works_for):
    # also halfway through a step: no parameter is updated twice, none left out
    monkeypatch.setattr(torch, "compile", broken_kernel(works_for))
    shapes = [(7,), (1500,), (), (1600,), (2000,)]
    params, expected = parameters(shapes), parameters(shapes)
    with pytest.warns(UserWarning) as caught:  # noqa: PT030
        train(optlab.Adam(params), params, 3)
    (warning,) = caught
    assert str(warning.message) == (
        "compilation failed on cpu (no space left); optlab goes on with execution='foreach'"
    )
    assert_alike(params, train(torch.optim.Adam(expected), expected, 3))
    train(optlab.SGD(params), params, 1)  # and does not try again


@NEEDS_CXX
def test_asking_for_a_kernel_that_cannot_be_made_is_an_error(monkeypatch):
    monkeypatch.setattr(torch, "compile", broken_kernel(0))
    params = parameters()
    before = [p.detach().clone() for p in params]
    optimizer = optlab.Adam(params, execution="compiled")
    with pytest.raises(torch._dynamo.exc.TorchDynamoException):
        train(optimizer, params, 1)
    assert_alike(params, before, rtol=0, atol=0)
    assert all(optimizer.state[p]["step"] == 0 for p in params)


class Tagged(torch.Tensor):
    """A tensor subclass, as DTensor is."""


@pytest.mark.usefixtures("worth_compiling")
def test_auto_leaves_subclasses_to_their_own_dispatch():
    before = graphs()
    params = [torch.nn.Parameter(p.detach().as_subclass(Tagged)) for p in parameters()]
    assert type(params[0]) is Tagged
    assert_alike(train(optlab.Adam(params), params, 3), reference())
    assert graphs() == before


@pytest.mark.parametrize("cls", [optlab.AdamW, optlab.LAMB])
def test_torch_compile_of_a_training_loop_goes_around_the_step(cls):
    """The step runs as it does alone; in the graphs is the rest."""

    def trained(wrap):
        torch.manual_seed(0)
        model = torch.nn.Linear(5, 3)
        optimizer, x = cls(model.parameters(), lr=0.1), torch.randn(4, 5)

        def update():
            optimizer.zero_grad()
            model(x).square().sum().backward()
            optimizer.step()

        update = wrap(update)
        for _ in range(3):
            update()
        return model.weight.detach()

    graphs = []

    def backend(graph, _):
        graphs.append(graph)
        return graph.forward

    alone = trained(lambda update: update)
    assert torch.equal(trained(lambda update: torch.compile(update, backend=backend)), alone)
    targets = {str(node.target) for graph in graphs for node in graph.graph.nodes}
    assert graphs
    assert not [name for name in targets if "_foreach" in name or "sqrt" in name]
