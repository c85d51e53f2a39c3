"""optax as an oracle: twelve float64 steps on five tensors, where it computes the same algorithm.

Where it does not, the difference is shown, and which of the two the paper has. Verified with
optax 0.2.8. Install it with `pip install optax` (jax is 390 MB).
"""

import pytest
import torch
from sidebyside import apart, assert_same, gradients, run, run_optax, start

import optlab

optax = pytest.importorskip("optax", reason="optax is not installed: pip install optax")


def l2_then(decay, *chain):
    return optax.chain(optax.add_decayed_weights(decay), *chain)


SAME = {
    "SGD": (lambda p: optlab.SGD(p, lr=0.1), lambda: optax.sgd(0.1)),
    "SGD with momentum": (
        lambda p: optlab.SGD(p, lr=0.1, momentum=0.9),
        lambda: optax.sgd(0.1, momentum=0.9),
    ),
    "SGD, Nesterov, L2": (
        lambda p: optlab.SGD(p, lr=0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        lambda: l2_then(0.1, optax.sgd(0.1, momentum=0.9, nesterov=True)),
    ),
    "Adam": (
        lambda p: optlab.Adam(p, lr=0.1, eps=1e-3),
        lambda: optax.adam(0.1, eps=1e-3),
    ),
    "Adam with L2": (
        lambda p: optlab.Adam(p, lr=0.1, betas=(0.7, 0.9), weight_decay=0.1),
        lambda: l2_then(0.1, optax.adam(0.1, b1=0.7, b2=0.9)),
    ),
    "AdamW": (
        lambda p: optlab.AdamW(p, lr=0.1, weight_decay=0.1),
        lambda: optax.adamw(0.1, weight_decay=0.1),
    ),
    "AMSGrad": (
        lambda p: optlab.AMSGrad(p, lr=0.1, betas=(0.7, 0.9), eps=1e-3),
        lambda: optax.amsgrad(
            0.1, b1=0.7, b2=0.9, eps=1e-3, bias_correction_mu=False, bias_correction_nu=False
        ),
    ),
    "AdaGrad": (
        lambda p: optlab.AdaGrad(p, lr=0.1, eps=0, initial_accumulator_value=0.1),
        lambda: optax.adagrad(0.1, eps=0),
    ),
    "LAMB": (
        lambda p: optlab.LAMB(p, lr=0.1, weight_decay=0.1),
        lambda: optax.lamb(0.1, weight_decay=0.1),
    ),
    "Lion": (
        lambda p: optlab.Lion(p, lr=0.1, weight_decay=0.1),
        lambda: optax.lion(0.1, weight_decay=0.1),
    ),
    "LARS without decay": (
        lambda p: optlab.LARS(p, lr=0.1, trust_coefficient=0.1),
        lambda: optax.lars(0.1, trust_coefficient=0.1),
    ),
    "LARS, the deck's": (
        lambda p: optlab.LARS(p, lr=0.1, form="deck", momentum=0.7, weight_decay=0.1),
        lambda: l2_then(
            0.1,
            optax.ema(0.7, debias=False),
            optax.scale_by_trust_ratio(),
            optax.scale_by_learning_rate(0.1),
        ),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_algorithm(name):
    ours, theirs = SAME[name]
    assert_same(run(ours), run_optax(theirs()))


def adafactor(lr=0.02, **settings):
    import jax.numpy as jnp

    def rate(count):  # the paper's min(lr, 1/√t), which optax leaves to the schedule
        return jnp.minimum(lr, 1 / jnp.sqrt(count + 1.0))

    return optax.adafactor(rate, min_dim_size_to_factor=1, **settings)


@pytest.mark.parametrize("lr", [0.02, 0.5])
def test_adafactor(lr):
    """Up to 1e-6, since optax computes the decay rate 1 - t^-0.8 in single precision.

    Of three dimensions both factor the two largest: the shape (2, 3, 5) is among ours.
    """
    ours = run(lambda p: optlab.Adafactor(p, lr=lr, d=0.5))
    assert_same(ours, run_optax(adafactor(lr, clipping_threshold=0.5)), rtol=1e-5)


def test_adafactor_s_rate_is_not_limited_and_small_matrices_are_not_factored():
    """Shazeer and Stern (2018), propose ρ_t = min(10⁻², 1/√t); optax takes its learning
    rate as it is. And by default it factors no dimension below 128."""
    ours = run(lambda p: optlab.Adafactor(p, lr=0.5))
    assert apart(ours, run_optax(optax.adafactor(0.5, min_dim_size_to_factor=1))) > 0.1
    ours = run(lambda p: optlab.Adafactor(p, lr=0.02))
    assert apart(ours, run_optax(optax.adafactor(0.02))) > 0.01


def test_adafactor_s_decay_does_not_know_the_rate():
    """Ours, as torch's: lr · weight_decay · x. optax's: weight_decay_rate · x."""
    ours = run(lambda p: optlab.Adafactor(p, lr=0.02, weight_decay=0.5))
    assert_same(ours, run_optax(adafactor(weight_decay_rate=0.01)), rtol=1e-5)
    assert apart(ours, run_optax(adafactor(weight_decay_rate=0.5))) > 0.1


def test_adagrad_has_eps_inside_the_root():
    """Duchi, Hazan and Singer (2011), Figure 1: H = δI + diag(G)^½, δ outside the root. optax
    divides by √(sum + eps); and its sums start at 0.1, the paper's and ours at 0."""
    ours = run(lambda p: optlab.AdaGrad(p, lr=0.1, eps=0.01, initial_accumulator_value=0.1))
    assert apart(ours, run_optax(optax.adagrad(0.1, eps=0.01))) > 1e-4
    inside = run(lambda p: optlab.AdaGrad(p, lr=0.1, eps=0, initial_accumulator_value=0.11))
    assert_same(inside, run_optax(optax.adagrad(0.1, eps=0.01)))


def test_lars_divides_by_the_norm_of_the_sum():
    """You, Gitman and Ginsburg (2017), Algorithm 1: the local rate is η ‖w‖ / (‖g‖ + β ‖w‖).
    optax takes the norm of the sum, ‖g + β w‖."""
    ours = run(lambda p: optlab.LARS(p, lr=1, trust_coefficient=0.1, weight_decay=0.5))
    theirs = run_optax(optax.lars(1.0, trust_coefficient=0.1, weight_decay=0.5))
    assert apart(ours, theirs) > 0.01


def test_amsgrad_corrects_the_bias_before_the_maximum():
    """Reddi, Kale and Kumar (2018), Algorithm 2, corrects none. Corrected before the maximum,
    the divisor still never falls, but it remembers the first gradients for ever."""
    ours = run(lambda p: optlab.AMSGrad(p, lr=0.1))
    assert apart(ours, run_optax(optax.amsgrad(0.1))) > 0.1


def hessian(step):
    """Estimates some of which are negative."""
    return [(3 * g).cos() for g in gradients(step)]


def ours_sophia(beta1, delay, steps=12):
    def before(optimizer, step):
        if step >= delay:
            optimizer.update_hessian(hessian(step - delay))

    settings = {"betas": (beta1, 0.9), "rho": 0.5, "eps": 0.3, "weight_decay": 0.1}
    return run(lambda p: optlab.Sophia(p, lr=0.1, **settings), before=before, steps=steps)


def their_sophia(beta1, steps=12):
    import jax.numpy as jnp

    # Of the gradients alone, so that it can be given to both: h = cos 3g.
    estimate = optax.stateless(lambda grads, _: [jnp.cos(3 * g) for g in grads])
    # m / max(h, eps) clipped at ρ is ρ times m / max(ρ h, ρ eps) clipped at 1.
    return run_optax(
        optax.contrib.sophia(
            0.1 * 0.5,
            b1=beta1,
            b2=0.9,
            eps=0.5 * 0.3,
            gamma=0.5,
            weight_decay=0.1 / 0.5,
            update_interval=1,
            hessian_diagonal_fn=estimate,
        ),
        steps=steps,
    )


def test_sophia_without_momentum_and_one_estimate_late():
    """Liu et al. (2023), Algorithm 3, refreshes h and then steps with it;
    optax steps, and then refreshes: an estimate counts one step later."""
    assert_same(ours_sophia(0.0, delay=1), their_sophia(0.0))
    assert apart(ours_sophia(0.0, delay=0), their_sophia(0.0)) > 1e-3


def test_sophia_corrects_the_bias_of_the_momentum():
    """Liu et al. (2023), Algorithm 3, does not: m starts at zero and the first steps are short."""
    assert apart(ours_sophia(0.9, delay=1), their_sophia(0.9)) > 0.01


def test_lion_makes_nan_of_nan():
    """Chen et al. (2023), Algorithm 2, takes a sign. That of NaN is NaN in jax, and 0 in torch:
    there the weight rests for good, and only the state tells."""
    (p,) = start([(3,)])
    p.grad = torch.tensor([1.0, float("nan"), -1.0], dtype=torch.float64)
    optimizer, theirs = optlab.Lion([p]), optax.lion(1e-4)
    optimizer.step()
    assert p.isfinite().all()
    assert optimizer.state[p]["m"].isnan().tolist() == [False, True, False]
    weights = p.detach().numpy()
    updates, _ = theirs.update(p.grad.numpy(), theirs.init(weights), weights)
    assert [bool(x != x) for x in updates] == [False, True, False]


def test_lion_decays_by_default():
    """By 0.001 · lr; Chen et al. (2023), Algorithm 2, leaves λ open, and ours is 0."""
    decayed = run(lambda p: optlab.Lion(p, lr=0.1, weight_decay=0.001))
    assert_same(decayed, run_optax(optax.lion(0.1)))
    assert apart(run(lambda p: optlab.Lion(p, lr=0.1)), decayed) > 1e-5


def test_ademamix_is_ours():
    """Pagliardini et al. (2024), Algorithm 1, also with numbers that change from step to step."""
    settings = {"b1": 0.8, "b2": 0.95, "weight_decay": 0.3}
    mine = {"lr": 0.1, "betas": (0.8, 0.95), "beta3": 0.99, "alpha": 4.0, "weight_decay": 0.3}
    ours = run(lambda p: optlab.AdEMAMix(p, **mine))
    assert_same(ours, run_optax(optax.contrib.ademamix(0.1, b3=0.99, alpha=4.0, **settings)))
    from jax import numpy

    alphas, betas = [4.0 / (n + 1) for n in range(12)], [0.9 + 0.005 * n for n in range(12)]

    def change(optimizer, step):
        optimizer.param_groups[0].update(alpha=alphas[step], beta3=betas[step])

    def looked_up(table):
        return lambda count: numpy.asarray(table)[count]

    changing = optax.contrib.ademamix(0.1, b3=looked_up(betas), alpha=looked_up(alphas), **settings)
    assert_same(run(lambda p: optlab.AdEMAMix(p, **mine), before=change), run_optax(changing))


def test_schedule_free_adamw_is_ours_and_its_warm_up_begins_at_0():
    """Defazio et al. (2024), Algorithm 1, have the rate t/T of the full one in step t; optax
    has (t - 1)/T, so that nothing moves in the first."""
    mine = {"lr": 0.1, "betas": (0.8, 0.95), "weight_decay": 0.3}
    settings = {"b1": 0.8, "b2": 0.95, "weight_decay": 0.3}
    ours = run(lambda p: optlab.AdamWScheduleFree(p, **mine))
    assert_same(ours, run_optax(optax.contrib.schedule_free_adamw(0.1, **settings)))
    rising = optax.contrib.schedule_free_adamw(0.1, warmup_steps=5, **settings)
    begun = [p.detach() for p in start()]
    assert_same(run_optax(rising, steps=1), begun)
    moved = run(lambda p: optlab.AdamWScheduleFree(p, **mine, warmup_steps=5), steps=1)
    assert apart(moved, begun) > 0.01


def test_adam_s_second_number_goes_inside_the_root():
    """Kingma and Ba (2015), Algorithm 1, add ε outside the root, after both corrections; optax's
    `eps_root` adds another inside it. Together they are neither."""
    ours = run(lambda p: optlab.Adam(p, lr=0.1, eps=1e-3))
    assert_same(ours, run_optax(optax.adam(0.1, eps=1e-3)))
    assert apart(ours, run_optax(optax.adam(0.1, eps=0.0, eps_root=1e-3))) > 1e-3


def test_adamw_decays_less_by_default():
    """By 1e-4, where torch and we have 1e-2; Loshchilov and Hutter (2019) have no default."""
    ours = run(lambda p: optlab.AdamW(p, lr=0.1))
    assert apart(ours, run_optax(optax.adamw(0.1))) > 1e-3
    assert_same(
        run(lambda p: optlab.AdamW(p, lr=0.1, weight_decay=1e-4)), run_optax(optax.adamw(0.1))
    )


def test_sgd_with_nesterov_is_torch_s_and_its_trace_is_not_dampened():
    """optax's trace is torch's buffer with `dampening=0`."""
    for nesterov in (False, True):
        ours = run(lambda p, n=nesterov: optlab.SGD(p, lr=0.1, momentum=0.9, nesterov=n))
        assert_same(ours, run_optax(optax.sgd(0.1, momentum=0.9, nesterov=nesterov)))
    dampened = run(lambda p: optlab.SGD(p, lr=0.1, momentum=0.9, dampening=0.9))
    averaged = run_optax(
        optax.chain(optax.ema(0.9, debias=False), optax.scale_by_learning_rate(0.1))
    )
    assert apart(dampened, averaged) > 0.01


def test_muon_takes_the_second_dimension_for_the_outputs_and_corrects_the_bias_of_nesterov():
    """optax's layers are x W, torch's x Wᵀ: n/m is turned round in the scale. Its Nesterov step
    divides momentum and gradient by 1 - βᵗ⁺¹ and 1 - βᵗ, as NAdam does: another direction."""
    shapes = [(6, 4), (3, 5)]

    def turned(p, **settings):
        ours = [torch.nn.Parameter(x.detach().mT.contiguous()) for x in p]
        return ours, optlab.Muon(ours, lr=0.1, weight_decay=0.1, eps=1e-8, **settings)

    def ours(**settings):
        params, optimizer = turned(start(shapes), **settings)
        for step in range(12):
            for p, g in zip(params, gradients(step, shapes), strict=True):
                p.grad = g.mT.contiguous()
            optimizer.step()
        return [p.detach().mT for p in params]

    def theirs(**settings):
        return run_optax(optax.contrib.muon(0.1, weight_decay=0.1, **settings), shapes)

    assert apart(ours(nesterov=False), theirs(nesterov=False)) < 1e-5
    assert apart(ours(), theirs()) > 1e-3
    plain = run(lambda p: optlab.Muon(p, lr=0.1, weight_decay=0.1, nesterov=False), shapes)
    assert apart(plain, theirs(nesterov=False)) > 0.01
