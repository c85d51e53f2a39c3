"""Where pytorch_optimizer agrees with us and where it does not. Verified with version 4.1.0."""

import pytest
import torch
from sidebyside import apart, assert_same, gradients, run, start

import optlab
from optlab import schedules
from optlab.optim.made import MadeOptimizer
from optlab.rules import cautious, lion

MATRICES = [(6, 4), (3, 5)]


class CautiousLion(MadeOptimizer):
    of = cautious(lion)


def first_step_of_lamb(make, entries):
    """Its length over the norm of the weights."""
    p = torch.nn.Parameter(torch.ones(entries, dtype=torch.float64))
    p.grad = torch.ones_like(p)
    make([p]).step()
    return float((p.detach() - 1).norm()) / entries**0.5


def test_lamb_corrects_the_bias_outside_the_ratio_and_only_that_of_m(kozistr):
    """You et al. (2020), Algorithm 2, corrects both moments inside, so that every step has the
    length lr · φ(‖x‖). Divided by 1 - β₁ᵗ outside, the first is 1/(1 - β₁) = 10 times as long."""
    assert first_step_of_lamb(lambda p: optlab.LAMB(p, lr=0.01), 4) == pytest.approx(0.01)
    theirs = first_step_of_lamb(lambda p: kozistr.Lamb(p, lr=0.01), 4)
    assert theirs == pytest.approx(0.1, rel=1e-4)


def test_lamb_takes_the_norm_of_large_weights_for_10(kozistr):
    """You et al. (2020) leave φ open; ours is the identity. Here ‖x‖ = 20 and φ = 10."""
    assert first_step_of_lamb(lambda p: optlab.LAMB(p, lr=0.01), 400) == pytest.approx(0.01)
    theirs = first_step_of_lamb(lambda p: kozistr.Lamb(p, lr=0.01), 400)
    assert theirs == pytest.approx(0.05, rel=1e-4)


def test_lamb_s_decay_is_beside_the_ratio(kozistr):
    """You et al. (2020), Algorithm 2: λx is part of the step whose norm is taken. By default
    pytorch_optimizer shrinks the weights by lr · λ first, as AdamW does."""
    p = torch.nn.Parameter(torch.ones(2, 2, dtype=torch.float64))
    p.grad = torch.zeros_like(p)
    kozistr.Lamb([p], lr=0.1, weight_decay=0.5).step()
    assert_same([p.detach()], [torch.full((2, 2), 1 - 0.1 * 0.5, dtype=torch.float64)])
    q = torch.nn.Parameter(torch.ones(2, 2, dtype=torch.float64))
    q.grad = torch.zeros_like(q)
    optlab.LAMB([q], lr=0.1, weight_decay=0.5).step()
    assert_same([q.detach()], [torch.full((2, 2), 1 - 0.1, dtype=torch.float64)])


def test_lars_is_ours_for_matrices_and_sgd_for_vectors(kozistr):
    """You, Gitman and Ginsburg (2017), Algorithm 1, has one local rate for each layer; here a
    layer is a tensor."""
    settings = {"lr": 1.0, "momentum": 0.9, "weight_decay": 0.1, "trust_coefficient": 0.1}

    def ours(p):
        return optlab.LARS(p, **settings)

    def theirs(p):
        return kozistr.LARS(p, **settings)

    assert_same(run(ours, MATRICES), run(theirs, MATRICES))
    sgd = run(lambda p: optlab.SGD(p, lr=1.0, momentum=0.9), [(4,)])
    assert_same(run(theirs, [(4,)]), sgd)
    assert apart(run(ours, [(4,)]), sgd) > 0.1


def test_lars_overwrites_the_gradients(kozistr):
    """Ours, as torch's, leaves them as they are: tests/optim/test_every.py."""
    (p,) = start([(3, 4)])
    p.grad = gradients(0, [(3, 4)])[0]
    kept = p.grad.clone()
    kozistr.LARS([p], weight_decay=0.1).step()
    assert not torch.equal(p.grad, kept)


def test_sophia_is_ours_given_the_same_estimates(kozistr):
    def estimates(step):
        return [torch.cos(3 * g) for g in gradients(step, MATRICES)]

    settings = {"lr": 0.1, "betas": (0.9, 0.8), "weight_decay": 0.1, "eps": 0.3}

    def ours_before(optimizer, step):
        optimizer.update_hessian(estimates(step))

    ours = run(lambda p: optlab.Sophia(p, rho=0.5, **settings), MATRICES, before=ours_before)
    params = start(MATRICES)
    theirs = kozistr.SophiaH(params, p=0.5, **settings)
    for step in range(12):
        for p, g in zip(params, gradients(step, MATRICES), strict=True):
            p.grad = g
        theirs.step(hessian=estimates(step))
    assert_same(ours, [p.detach() for p in params])


def test_adafactor_has_a_momentum_in_bfloat16_by_default(kozistr):
    """Shazeer and Stern (2018) propose none (β₁ = 0), which saves its memory."""
    (p,) = start([(6, 4)])
    p.grad = gradients(0, [(6, 4)])[0]
    optimizer = kozistr.AdaFactor([p])
    optimizer.step()
    assert optimizer.state[p]["exp_avg"].dtype == torch.bfloat16


def test_caution_counts_one_entry_more(kozistr):
    """The first version of its authors' code, which their paper has as ξ = 1: of d entries n are
    left, and their step is multiplied by d/(n + 1), so that a single entry moves half as far.
    Ours, as their later code, has d/n."""

    def first_step(make):
        p = torch.nn.Parameter(torch.zeros(4, dtype=torch.float64))
        p.grad = torch.tensor([1.0, 1.0, 1.0, 0.0], dtype=torch.float64)
        make([p]).step()
        return p.detach().tolist()

    theirs = first_step(lambda p: kozistr.Lion(p, lr=0.3, weight_decay=0, cautious=True))
    assert theirs == pytest.approx([-0.3 * 4 / 4] * 3 + [0])
    ours = first_step(lambda p: CautiousLion(p, lr=0.3))
    assert ours == pytest.approx([-0.3 * 4 / 3] * 3 + [0])


def test_lion_is_ours_with_its_decay_beside_the_sign_or_in_it(kozistr):
    """Chen et al. (2023), Algorithm 2: beside it. Asked to (weight_decouple=False),
    pytorch_optimizer adds the decay to the gradient."""
    settings = {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.5}
    ours = run(lambda p: optlab.Lion(p, **settings))
    assert_same(ours, run(lambda p: kozistr.Lion(p, **settings)))
    inside = run(lambda p: kozistr.Lion(p, **settings, weight_decouple=False))
    assert apart(ours, inside) > 0.01


def test_ademamix_is_ours_with_decoupled_decay_and_the_schedules_beside(kozistr):
    """Pagliardini et al. (2024), Algorithm 1. pytorch_optimizer has β3 as the third of betas, and
    one T for both schedules; its decay is by default added to the gradient."""
    mine = {"lr": 0.1, "betas": (0.8, 0.95), "beta3": 0.99, "alpha": 4.0, "weight_decay": 0.3}
    its = {**mine, "betas": (0.8, 0.95, 0.99), "weight_decouple": True}
    del its["beta3"]
    ours = run(lambda p: optlab.AdEMAMix(p, **mine))
    assert_same(ours, run(lambda p: kozistr.AdEMAMix(p, **its)))
    inside = run(lambda p: kozistr.AdEMAMix(p, **{**its, "weight_decouple": False}))
    assert apart(ours, inside) > 0.01

    growing = {
        "alpha": schedules.ademamix_alpha(8),
        "beta3": schedules.ademamix_beta3(8, 0.8, 0.99),
    }
    made = []

    def scheduled(p):
        made.append(optlab.AdEMAMix(p, **mine))
        made.append(schedules.LRScheduler(made[0], growing))
        return made[0]

    def count(optimizer, step):
        if step:
            made[1].step()

    grown = run(scheduled, before=count)
    assert_same(grown, run(lambda p: kozistr.AdEMAMix(p, **its, t_alpha_beta3=8)))
    assert apart(ours, grown) > 0.01


def test_schedule_free_adamw_is_ours(kozistr):
    """And the package's of its authors, not that of their paper."""
    settings = {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3, "warmup_steps": 5}

    def theirs(p):
        optimizer = kozistr.ScheduleFreeAdamW(p, **settings)
        optimizer.train()
        return optimizer

    ours = run(lambda p: optlab.AdamWScheduleFree(p, **settings))
    assert_same(ours, run(theirs), rtol=1e-10)


def test_muon_is_ours_but_for_its_rounding(kozistr):
    """Groups, defaults and scales are those of the original and of Liu et al. (2025)."""
    shapes, common = [(6, 4), (3, 5)], {"lr": 0.1, "weight_decay": 0.1}

    def theirs(p, **flags):
        return kozistr.Muon([{"params": p, "use_muon": True, **common}], **flags)

    for ours, flags in (("original", {}), ("match_rms_adamw", {"use_adjusted_lr": True})):
        mine = run(lambda p, s=ours: optlab.Muon(p, **common, adjust_lr_fn=s), shapes)
        assert apart(mine, run(lambda p, f=flags: theirs(p, **f), shapes)) < 0.05
