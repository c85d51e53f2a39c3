"""Two implementations on the same gradients."""

import numpy as np
import torch

SHAPES = [(6, 4), (3, 5), (4,), (2, 3, 5), ()]
STEPS = 12


def draw(shape, seed):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, dtype=torch.float64, generator=generator)


def start(shapes=SHAPES):
    return [torch.nn.Parameter(draw(shape, seed)) for seed, shape in enumerate(shapes)]


def gradients(step, shapes=SHAPES):
    return [draw(shape, 1000 * (step + 1) + i) for i, shape in enumerate(shapes)]


def run(make, shapes=SHAPES, steps=STEPS, scale=1.0, before=None):
    """The parameters that an optimizer of torch's kind ends with."""
    params = start(shapes)
    optimizer = make(params)
    for step in range(steps):
        for p, g in zip(params, gradients(step, shapes), strict=True):
            p.grad = scale * g
        if before:
            before(optimizer, step)
        optimizer.step()
    return [p.detach() for p in params]


def run_optax(transformation, shapes=SHAPES, steps=STEPS, **extra):
    """Where a transformation of optax leads, in float64; the parameters as tensors."""
    import jax
    import optax

    with jax.enable_x64(True):
        params = [jax.numpy.asarray(p.detach().numpy()) for p in start(shapes)]
        state = transformation.init(params)
        step_once = jax.jit(transformation.update)
        for step in range(steps):
            grads = [jax.numpy.asarray(g.numpy()) for g in gradients(step, shapes)]
            updates, state = step_once(grads, state, params, **extra)
            params = optax.apply_updates(params, updates)
        return [torch.from_numpy(np.array(p)) for p in params]


def assert_same(ours, theirs, rtol=1e-11):
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=1e-12)


def apart(ours, theirs):
    """The largest difference of any two parameters, relative to the largest of theirs."""
    return max(
        float((a - b).abs().max() / b.abs().max()) for a, b in zip(ours, theirs, strict=True)
    )
