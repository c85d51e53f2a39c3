"""Where timm agrees with us and where it does not. Verified with timm 1.0.31."""

import pytest
import torch
from sidebyside import apart, assert_same, gradients, run, start

import optlab
from optlab.optim.made import MadeOptimizer
from optlab.rules import cautious, lion, with_decay

LARGE = [(20, 30), (7,)]
MANY = [(60, 50), (7,), ()]
SETTINGS = {"lr": 0.1, "weight_decay": 0.1}


def test_lamb_is_ours_without_its_clipping(timm):
    """You et al. (2020), Algorithm 2, clip nothing; timm scales all gradients together down to
    the norm 1 unless max_grad_norm=None."""
    ours = run(lambda p: optlab.LAMB(p, **SETTINGS))
    assert_same(ours, run(lambda p: timm.Lamb(p, **SETTINGS, max_grad_norm=None)))
    # Adam forgets a factor that all gradients share; these are clipped to one norm each.
    assert apart(ours, run(lambda p: timm.Lamb(p, **SETTINGS))) > 1e-3


def test_without_decay_lamb_is_adam(timm):
    """You et al. (2020), Algorithm 2, has the ratio for every λ, 0 among them."""

    def theirs(p, **flags):
        return timm.Lamb(p, lr=0.1, weight_decay=0, max_grad_norm=None, **flags)

    assert_same(run(theirs), run(lambda p: optlab.Adam(p, lr=0.1, eps=1e-6)))
    ours = run(lambda p: optlab.LAMB(p, lr=0.1))
    assert_same(ours, run(lambda p: theirs(p, always_adapt=True)))


def test_lars_is_ours_and_without_decay_sgd(timm):
    """You, Gitman and Ginsburg (2017), Algorithm 1, has the local rate for every β."""

    def theirs(p, decay, **flags):
        settings = {"lr": 1.0, "momentum": 0.9, "trust_coeff": 0.1, "eps": 0, **flags}
        return timm.Lars(p, weight_decay=decay, **settings)

    def ours(p, decay):
        return optlab.LARS(p, lr=1.0, momentum=0.9, trust_coefficient=0.1, weight_decay=decay)

    assert_same(run(lambda p: ours(p, 0.1)), run(lambda p: theirs(p, 0.1)))
    sgd = run(lambda p: optlab.SGD(p, lr=1.0, momentum=0.9))
    assert_same(run(lambda p: theirs(p, 0)), sgd)
    assert_same(run(lambda p: ours(p, 0)), run(lambda p: theirs(p, 0, always_adapt=True)))


def test_adafactor_is_ours_for_large_matrices_and_does_not_factor_small_ones(timm):
    assert_same(run(optlab.Adafactor, LARGE), run(timm.Adafactor, LARGE))
    assert apart(run(optlab.Adafactor, [(16, 30)]), run(timm.Adafactor, [(16, 30)])) > 1e-3


@pytest.mark.parametrize(("shape", "same"), [((20, 30, 3, 3), True), ((3, 20, 5, 30), False)])
def test_adafactor_factors_the_first_two_dimensions_or_the_last(timm, shape, same):
    """Ours factors the two largest wherever they are."""
    difference = apart(run(optlab.Adafactor, [shape]), run(timm.Adafactor, [shape]))
    assert (difference < 1e-10) == same


def test_adafactor_s_decay_is_scaled_like_its_step(timm):
    """By the rate times the parameter's root mean square, here 3. Ours, as torch's, by lr alone."""
    factors = []
    for Adafactor in (optlab.Adafactor, timm.Adafactor):
        p = torch.nn.Parameter(torch.full((20, 30), 3.0, dtype=torch.float64))
        p.grad = torch.zeros_like(p)
        Adafactor([p], weight_decay=0.5).step()
        factors.append(float(p.detach().mean() / 3))
    assert factors == pytest.approx([1 - 0.5 * 0.01, 1 - 0.5 * 0.01 * 3], rel=1e-12)


def test_lion_is_ours(timm):
    settings = {**SETTINGS, "betas": (0.8, 0.95)}
    assert_same(run(lambda p: optlab.Lion(p, **settings)), run(lambda p: timm.Lion(p, **settings)))


class CautiousLion(MadeOptimizer):
    of = with_decay(cautious(lion))


def test_caution_is_ours(timm):
    """Liang et al. (2024), Algorithm 1, with 0.001 for the least mean of the mask, in AdamW and,
    with the decay outside, in Lion. A tensor in which no entry, or fewer than a thousandth, agree
    is among them."""
    for lr in (0.1, 1e-3):
        settings = {"lr": lr, "weight_decay": 0.1}
        ours = run(lambda p, s=settings: optlab.AdamW(p, **s, caution=True), MANY)
        theirs = run(lambda p, s=settings: timm.AdamW(p, **s, caution=True), MANY)
        assert_same(ours, theirs)
        assert apart(ours, run(lambda p, s=settings: timm.AdamW(p, **s), MANY)) > lr / 10
        ours = run(lambda p, s=settings: CautiousLion(p, **s), MANY)
        assert_same(ours, run(lambda p, s=settings: timm.Lion(p, **s, caution=True), MANY))

    def rare(optimizer, step):  # of 3000 entries one or none has a gradient
        for group in optimizer.param_groups:
            for p in group["params"]:
                kept = p.grad.flatten()[0].clone()
                p.grad.zero_().view(-1)[0] = kept

    def of(cls, **flags):
        return run(lambda p: cls(p, lr=1e-3, caution=True, **flags), [(60, 50)], before=rare)

    assert_same(of(optlab.AdamW), of(timm.AdamW))


def test_caution_in_single_precision_is_ours_up_to_rounding(timm):
    """Ours is a change of the new weights: what a step rounds is rounded before the mask."""
    ends = []
    for cls in (optlab.AdamW, timm.AdamW):
        params = [torch.nn.Parameter(p.detach().float()) for p in start(MANY)]
        optimizer = cls(params, lr=1e-3, caution=True)
        for step in range(50):
            for p, g in zip(params, gradients(step, MANY), strict=True):
                p.grad = g.float()
            optimizer.step()
        ends.append([p.detach() for p in params])
    assert apart(*ends) < 1e-5


def test_muon_is_ours_with_the_original_s_settings(timm):
    """By default timm takes the scale of Liu et al. (2025), other coefficients for each of the
    five steps, and no Nesterov; its iteration is in bfloat16."""
    shapes = [(20, 30), (30, 20)]
    settings = {"lr": 0.1, "weight_decay": 0.1}

    def theirs(p, **flags):
        return timm.Muon(p, **settings, **flags)

    original = {"ns_coefficients": "original", "nesterov": True}
    for scale in ("original", "match_rms_adamw", "rms_to_rms"):
        ours = run(lambda p, s=scale: optlab.Muon(p, **settings, adjust_lr_fn=s), shapes)
        found = run(lambda p, s=scale: theirs(p, **original, adjust_lr_fn=s), shapes)
        assert apart(ours, found) < 0.02
    defaults = timm.Muon(start(shapes)).defaults
    assert (defaults["nesterov"], defaults["adjust_lr_fn"]) == (False, "match_rms_adamw")
    assert apart(run(theirs, shapes), run(lambda p: optlab.Muon(p, **settings), shapes)) > 0.04
