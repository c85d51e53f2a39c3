"""Random histories of an optimizer: whatever happens between its steps, lists and kernels do what
the plain rule does, or refuse where it refuses."""

import copy
import io

import pytest
import torch
from every import EVERY, make, shapes_for
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import Parameter

from optlab.optim import execution

LABELS = [label for label in EVERY if not label.startswith(("FullAdaGrad", "Sophia"))]
LABELS.remove("Muon polar")  # a decomposition is no smooth function of a singular gradient
SHAPES = [(5, 3), (7,), (), (2, 3, 4)]

EVENTS = st.one_of(
    st.tuples(st.just("step"), st.integers(0, 15)),  # which parameters have no gradient
    st.tuples(st.just("step"), st.just(0)),
    st.tuples(st.just("dtype"), st.sampled_from([torch.float64, torch.float32])),
    st.tuples(st.just("layout"), st.sampled_from(["transposed", "negative", "strided"])),
    st.tuples(st.just("gradients"), st.sampled_from(["negative", "strided", "expanded", "shared"])),
    st.tuples(st.just("state"), st.sampled_from([torch.float64, torch.float32])),
    st.tuples(st.just("lr"), st.sampled_from([0.0, 0.03, 0.2])),
    st.tuples(st.just("copy"), st.sampled_from(["deepcopy", "load", "file"])),
    st.tuples(st.just("group"), st.just(None)),
    st.tuples(st.just("misshapen"), st.integers(0, 3)),
)


def drawn(shape, seed, dtype=torch.float64):
    return torch.randn(
        shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    ).to(dtype)


LAYOUTS = {
    "transposed": lambda x: x.t().contiguous().t() if x.dim() == 2 else x,
    "negative": lambda x: torch._neg_view(-x),
    "strided": lambda x: x.repeat_interleave(2, -1)[..., ::2] if x.dim() else x,
    "expanded": lambda x: x.mean().expand(x.shape),
    "shared": lambda x: x,
    None: lambda x: x,
}


class History:
    """An optimizer, and what happens to it."""

    def __init__(self, label, execution):
        self.label, self.execution = label, execution
        self.params = [Parameter(drawn(s, i)) for i, s in enumerate(shapes_for(label, SHAPES))]
        self.optimizer = make(label, self.params, execution=execution)
        self.t, self.gradients = 0, None

    def happen(self, event, what):
        getattr(self, event)(what)

    def step(self, without):
        for i, p in enumerate(self.params):
            self.t += 1
            g = LAYOUTS[self.gradients](drawn(p.shape, 100 + self.t, p.dtype))
            p.grad = p.data if self.gradients == "shared" else g
            if without >> i & 1:
                p.grad = None
        self.optimizer.step()

    def dtype(self, dtype):
        for p in self.params:
            p.grad = None
            p.data = p.data.to(dtype)

    def layout(self, name):
        for p in self.params:
            p.data = LAYOUTS[name](p.data.resolve_neg())

    def state(self, dtype):
        for state in self.optimizer.state.values():
            for key, x in state.items():
                if key != "step":
                    state[key] = x.to(dtype)

    def lr(self, lr):
        self.optimizer.param_groups[-1]["lr"] = lr

    def copy(self, way):
        if way == "deepcopy":
            self.params, self.optimizer = copy.deepcopy((self.params, self.optimizer))
            return
        saved = self.optimizer.state_dict()
        if way == "file":
            file = io.BytesIO()
            torch.save(saved, file)
            file.seek(0)
            saved = torch.load(file)
        groups = [{"params": g["params"]} for g in self.optimizer.param_groups]
        self.optimizer = make(self.label, groups, execution=self.execution)
        self.optimizer.load_state_dict(saved)

    def group(self, _):
        p = Parameter(drawn((4, 2), len(self.params), self.params[0].dtype))
        self.params.append(p)
        self.optimizer.add_param_group({"params": [p]})

    def misshapen(self, i):
        """A state of another shape, which is refused; then it is put right."""
        p = self.params[i]
        state = self.optimizer.state[p]
        for key, x in state.items():
            if key != "step" and x.dim():
                state[key] = torch.ones((*x.shape, 2), dtype=x.dtype)
                before = [q.detach().clone() for q in self.params]
                p.grad = torch.ones_like(p)
                with pytest.raises(RuntimeError, match="has the shape"):
                    self.optimizer.step()
                for q, old in zip(self.params, before, strict=True):
                    assert torch.equal(q, old)
                state[key] = x
                return

    def gradients_(self, name):
        self.gradients = name


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(LABELS), st.lists(EVENTS, min_size=2, max_size=8))
def test_lists_and_kernels_do_what_the_plain_rule_does(label, events):
    runs = [History(label, e) for e in ("plain", "foreach", "compiled")]
    exact = all(what != torch.float32 for _, what in events)
    for event, what in [("step", 0), *events, ("step", 0)]:
        for run in runs:
            run.happen("gradients_" if event == "gradients" else event, what)
        for run in runs[1:]:
            for p, q in zip(run.params, runs[0].params, strict=True):
                assert p.dtype == q.dtype
                torch.testing.assert_close(
                    p.detach().resolve_neg(),
                    q.detach().resolve_neg(),
                    rtol=1e-9 if exact else 2e-3,
                    atol=1e-9 if exact else 2e-4,
                )


def test_the_kernels_are_reached(monkeypatch):
    """The histories would say little if all of them went to lists."""
    taken = []
    real = execution._run_kernel
    monkeypatch.setattr(
        execution, "_run_kernel", lambda *args: (real(*args), taken.append(len(args[4])))
    )
    History("AdamW", "compiled").happen("step", 0)
    assert taken == [len(SHAPES)]
