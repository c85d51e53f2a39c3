"""Where torch.optim differs from the papers and from us. Verified with torch 2.13.0.

Where it agrees is in tests/optim/test_parity.py; its AMSGrad in tests/rules/test_amsgrad.py, its
warm restarts in tests/schedules/test_restarts.py.
"""

import pytest
import torch
from sidebyside import STEPS, apart, assert_same, gradients, run, start

import optlab

TINY = (1e-30, 1e-3)


def test_adafactor_is_ours_for_matrices_and_factors_the_last_two_dimensions_of_more():
    """Shazeer and Stern (2018) factor matrices. For a convolution of 3 × 3 torch keeps two thirds
    of all second moments; we, optax and timm factor the largest dimensions."""

    def theirs(p):
        return torch.optim.Adafactor(p, lr=0.1, eps=TINY)

    def ours(p):
        return optlab.Adafactor(p, lr=0.1)

    assert_same(run(ours, [(6, 4), (5,)]), run(theirs, [(6, 4), (5,)]))
    convolution = [(6, 4, 3, 3)]
    assert apart(run(ours, convolution), run(theirs, convolution)) > 0.01
    entries = {}
    for make in (ours, theirs):
        p = torch.nn.Parameter(torch.ones(64, 32, 3, 3))
        p.grad = torch.ones_like(p)
        optimizer = make([p])
        optimizer.step()
        state = optimizer.state[p]
        entries[make] = state["row_var"].numel() + state["col_var"].numel()
    assert entries == {ours: 9 * (64 + 32), theirs: 64 * 32 * (3 + 3)}


def test_adafactor_s_epsilon_is_a_floor_of_the_root_and_not_added_to_squares():
    """Shazeer and Stern (2018) average G² + ε₁. With gradients far below √ε₁ their step, and
    ours, is short; torch's floor of ε₁ under the root leaves it whole."""
    shapes, g = [(6, 4)], 1e-20
    still = run(lambda p: torch.optim.SGD(p, lr=0.0), shapes)

    def moved(make):
        return apart(run(make, shapes, scale=g), still)

    assert moved(lambda p: optlab.Adafactor(p, lr=0.1, eps=TINY)) < 1e-4
    assert moved(lambda p: torch.optim.Adafactor(p, lr=0.1, eps=TINY)) > 0.1


def test_adafactor_s_default_epsilon_is_that_of_the_first_parameter():
    """One bfloat16 parameter before it changes what a float32 parameter does. Ours are each
    for itself: tests/optim/test_adafactor_class.py."""
    ends = []
    for order in (1, -1):
        single = torch.nn.Parameter(torch.ones(4, 3))
        half = torch.nn.Parameter(torch.ones(4, 3, dtype=torch.bfloat16))
        optimizer = torch.optim.Adafactor([single, half][::order], lr=0.1)
        for p in (single, half):
            p.grad = torch.full_like(p, 1e-6)
        optimizer.step()
        ends.append(float((1 - single.detach()).max()))
    first, second = ends
    assert first > 10 * second > 0


def test_loading_in_one_process_shares_the_state():
    """Ours copies it: tests/optim/test_every.py."""
    p, q = (torch.nn.Parameter(torch.ones(3)) for _ in range(2))
    source, target = torch.optim.Adam([p]), torch.optim.Adam([q])
    p.grad = torch.ones(3)
    source.step()
    target.load_state_dict(source.state_dict())
    assert target.state[q]["exp_avg"] is source.state[p]["exp_avg"]


def test_adamw_multiplies_its_decay_by_the_rate_and_the_paper_by_the_schedule():
    """Loshchilov and Hutter (2019), Algorithm 2, line 12: θ - η_t (α m̂ / (√v̂ + ε) + λ θ), where
    the schedule's η_t multiplies both and α the first alone. With α = 0.1, torch's decay is a
    tenth of the paper's; with λ/α in place of λ the two are one, under any schedule."""

    def halve(optimizer, step):
        if step == 5:
            optimizer.param_groups[0]["lr"] /= 2

    def paper(p, decay=0.1):
        return optlab.AdamW(p, lr=0.1, weight_decay=decay, decay_by="schedule")

    def theirs(p, decay=0.1):
        return torch.optim.AdamW(p, lr=0.1, weight_decay=decay)

    assert apart(run(paper, before=halve), run(theirs, before=halve)) > 0.1
    once = [p * (1 - 0.1) for p in run(lambda p: torch.optim.SGD(p, lr=0.0), steps=1)]
    assert_same(run(paper, steps=1, scale=0.0), once)
    decayed = run(lambda p: theirs(p, 0.1 / 0.1), before=halve)
    assert_same(run(paper, before=halve), decayed)
    assert_same(run(lambda p: optlab.AdamW(p, lr=0.1, weight_decay=0.1)), run(theirs))


def test_adamw_decays_by_default_and_adam_does_not():
    decays = {name: getattr(torch.optim, name)(start()) for name in ("Adam", "AdamW")}
    found = {name: optimizer.defaults["weight_decay"] for name, optimizer in decays.items()}
    assert found == {"Adam": 0, "AdamW": 0.01}
    assert optlab.AdamW(start()).defaults["weight_decay"] == 0.01


def velocity(params, lr=0.1, momentum=0.9):
    """Sutskever et al. (2013), equations 1 and 2: v ← μ v - ε g, θ ← θ + v, with ε of each step."""
    v = [torch.zeros_like(p) for p in params]
    lrs = [lr / 2 if step >= 5 else lr for step in range(STEPS)]
    points = [p.detach().clone() for p in params]
    for step, eps in enumerate(lrs):
        v = [momentum * v_i - eps * g for v_i, g in zip(v, gradients(step), strict=True)]
        points = [p + v_i for p, v_i in zip(points, v, strict=True)]
    return points


def test_sgd_s_buffer_adds_up_gradients_and_not_steps():
    """After the rate is halved, old gradients count by the new rate in torch, and in ours; in the
    form with a velocity they keep the rate that they came with. With one rate the two are one."""

    def halve(optimizer, step):
        if step == 5:
            optimizer.param_groups[0]["lr"] /= 2

    def theirs(p):
        return torch.optim.SGD(p, lr=0.1, momentum=0.9)

    assert_same(
        run(lambda p: optlab.SGD(p, lr=0.1, momentum=0.9), before=halve), run(theirs, before=halve)
    )
    assert apart(velocity(start()), run(theirs, before=halve)) > 0.01
    assert_same(velocity(start()), run(theirs, before=velocity_like))


def velocity_like(optimizer, step):
    """Halve the rate, and double the buffers with it."""
    if step == 5:
        optimizer.param_groups[0]["lr"] /= 2
        for state in optimizer.state.values():
            state["momentum_buffer"] *= 2


def test_sgd_s_first_gradient_is_not_dampened():
    """torch's buffer starts as the first gradient, whatever `dampening` is; so does ours."""
    p = start([(3,)])
    optimizer = torch.optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.5)
    p[0].grad = torch.ones(3, dtype=torch.float64)
    optimizer.step()
    assert optimizer.state[p[0]]["momentum_buffer"].tolist() == [1.0, 1.0, 1.0]
    settings = {"lr": 0.1, "momentum": 0.9, "dampening": 0.5}
    assert_same(
        run(lambda p: optlab.SGD(p, **settings)), run(lambda p: torch.optim.SGD(p, **settings))
    )


MATRICES = [(6, 4), (3, 5), (4, 4)]
SCALES = ("original", "match_rms_adamw")


def in_double_precision(monkeypatch):
    """torch's Muon rounds momentum to bfloat16 before its Newton-Schulz steps; not here."""
    monkeypatch.setattr(torch.Tensor, "bfloat16", torch.Tensor.clone)


@pytest.mark.parametrize("settings", [{}, {"nesterov": False, "momentum": 0.5}], ids=str)
@pytest.mark.parametrize("scale", SCALES)
def test_muon_is_ours_but_for_its_rounding_to_bfloat16(settings, scale, monkeypatch):
    """Step by step: the same matrices up to the rounding of eight bits, and without it."""
    common = {"lr": 0.1, "weight_decay": 0.1, "adjust_lr_fn": scale, **settings}
    for steps in range(1, 7):
        ours = run(lambda p: optlab.Muon(p, **common), MATRICES, steps)
        theirs = run(lambda p: torch.optim.Muon(p, **common), MATRICES, steps)
        assert 1e-4 < apart(ours, theirs) < 0.05
        with monkeypatch.context() as patch:
            in_double_precision(patch)
            exact = run(lambda p: torch.optim.Muon(p, **common), MATRICES, steps)
        assert_same(ours, exact)


def test_muon_s_documentation_adds_gradients_up_and_its_code_averages_them():
    """B ← μ B + G in the documentation, B ← μ B + (1 - μ) G in the code, as here. The step is
    the same, since it forgets a factor; the buffer of a state is not."""
    p = torch.nn.Parameter(torch.ones(3, 2))
    p.grad = torch.ones_like(p)
    optimizer = torch.optim.Muon([p], momentum=0.75)
    optimizer.step()
    assert (optimizer.state[p]["momentum_buffer"] == 0.25).all()


def test_muon_s_defaults_are_not_those_of_the_original():
    """Its code has lr 0.02 and no decay, as ours has; torch 0.001 and 0.1."""
    theirs, ours = torch.optim.Muon(start([(2, 2)])), optlab.Muon(start([(2, 2)]))
    found = [[o.defaults[k] for k in ("lr", "weight_decay")] for o in (theirs, ours)]
    assert found == [[1e-3, 0.1], [0.02, 0.0]]
