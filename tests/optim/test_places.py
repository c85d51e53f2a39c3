"""Addresses, offsets and storages of many tensors, asked in one call."""

import pytest
import torch
from compilers import NEEDS_C
from torch.nn import Parameter

import optlab
from optlab.optim import native, plan
from optlab.optim.native import places as module


def facts(tensors, fixed):
    return (
        [x.data_ptr() for x in tensors],
        [x.storage_offset() for x in tensors],
        [(x.storage_offset() + x.numel()) * x.itemsize for x in tensors],
        fixed,
    )


@pytest.fixture(params=[pytest.param("in C", marks=NEEDS_C), "by torch's methods"])
def ask(request):
    """Both ways to ask."""
    make = native.places_of if request.param == "in C" else plan._Places

    def made(tensors, fixed):
        found = make(*facts(tensors, fixed))
        assert found is not None
        return found

    return made


def drawn():
    whole = torch.arange(40.0)
    return [
        torch.ones(3, 4),
        Parameter(torch.ones(5)),
        whole[8:16],
        torch.tensor(3.0, dtype=torch.float64),
        torch.empty(0),
        torch.ones(2, 2),
        whole[20:].view(4, 5),
    ]


def test_tensors_that_stay_are_where_they_were(ask):
    tensors = drawn()
    here = ask(tensors, 5)
    for x in tensors:
        x.detach().add_(1)
    assert [here.moved(tensors) for _ in range(3)] == [False] * 3


def test_the_last_ones_may_move_and_are_followed(ask):
    tensors = drawn()
    here = ask(tensors, 5)
    moved = [*tensors[:5], tensors[5].clone(), tensors[6]]
    addresses = [x.data_ptr() for x in moved[5:]]
    assert here.moved(moved) == addresses
    assert here.moved(moved) is False
    assert here.moved(tensors) == [x.data_ptr() for x in tensors[5:]]


def shrink(x, offset=0):
    """Make the storage of x too small, mostly at the same address."""
    raw = x.untyped_storage()
    raw.resize_(8)
    raw.resize_(offset + x.nbytes - 4)


CHANGES = {
    "a parameter's data is replaced": lambda x: setattr(x[1], "data", torch.ones(5)),
    "a tensor is another": lambda x: x.__setitem__(0, torch.ones(3, 4)),
    "two change places": lambda x: x.__setitem__(slice(0, 2), [x[1], x[0]]),
    "a storage is freed": lambda x: x[0].untyped_storage().resize_(0),
    "a storage is too small": lambda x: shrink(x[0]),
    "a parameter's is": lambda x: shrink(x[1].data),
    "that of the last one is": lambda x: shrink(x[5]),
    "that of a view is": lambda x: x[2].untyped_storage().resize_(9 * 4),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_is_not_as_it_was_is_seen(ask, change):
    tensors = drawn()
    here = ask(tensors, 5)
    change(tensors)
    assert here.moved(tensors) is True


def test_the_offset_is_looked_at_also_where_the_address_is_the_same(ask):
    whole = torch.arange(40.0)
    here = ask([whole[8:16], torch.ones(2)], 1)
    other = torch.frombuffer(whole.numpy()[4:].data, dtype=torch.float32)[4:12]
    assert other.data_ptr() == whole[8:16].data_ptr()
    assert here.moved([other, torch.ones(2)]) is True


def test_the_last_of_those_that_may_not_move_is_held_as_well(ask):
    tensors = [torch.ones(2), torch.ones(3), torch.ones(4)]
    here = ask(tensors, 2)
    assert here.moved([tensors[0], torch.ones(3), tensors[2]]) is True


@pytest.fixture
def _asked_anew():
    module._function.cache_clear()
    yield
    module._function.cache_clear()


@pytest.mark.usefixtures("_asked_anew")
@pytest.mark.parametrize("what", ["_functions", "load"])
def test_without_torch_s_functions_or_a_compiler_there_is_none(what, monkeypatch):
    errors = {"_functions": AttributeError("no aoti_torch"), "load": native.CannotCompile("none")}

    def fail(*_):
        raise errors[what]

    monkeypatch.setattr(module, what, fail)
    assert native.places_of([], [], [], 0) is None


@pytest.mark.usefixtures("_asked_anew")
def test_a_torch_that_answers_otherwise_is_not_believed(monkeypatch):
    """The offset where the size is expected, say."""
    address, offset, size = module._functions()
    for wrong in ((address, size, offset), (address, offset, offset), (address, size, size)):
        module._function.cache_clear()
        monkeypatch.setattr(module, "_functions", lambda wrong=wrong: [*wrong])
        assert native.places_of([], [], [], 0) is None


@pytest.mark.usefixtures("_asked_anew")
@pytest.mark.parametrize("answer", [0, 1, 2])
def test_a_loop_that_always_says_the_same_is_not_believed(answer, monkeypatch):
    monkeypatch.setattr(module, "load", lambda _: lambda *_: answer)
    assert native.places_of([], [], [], 0) is None


def test_a_step_by_one_way_is_a_step_by_the_other(monkeypatch):
    ends = []
    for without in (False, True):
        if without:
            monkeypatch.setattr(plan, "places_of", lambda *_: None)
        torch.manual_seed(0)
        params = [Parameter(torch.randn(4, 5)), Parameter(torch.randn(3))]
        optimizer = optlab.AdamW(params, execution="compiled")
        for _ in range(5):
            for p in params:
                p.grad = torch.randn(p.shape)
            optimizer.step()
        kind = plan._Places if without else native.Places
        assert type(optimizer._plan.addresses._places) is kind
        ends.append([p.detach() for p in params])
    torch.testing.assert_close(*ends, rtol=0, atol=0)
