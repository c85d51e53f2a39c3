"""Small problems that two optimizers can be run on side by side."""

import torch

import optlab

SHAPES = [(40, 30), (), (0,), (7,), (2, 3, 5)]  # one that is large enough for a kernel


def _draw(shape, dtype, seed):
    """Random numbers in double precision, then rounded: all dtypes get the same ones."""
    generator = torch.Generator().manual_seed(seed)
    exact = torch.complex128 if dtype.is_complex else torch.float64
    return torch.randn(shape, generator=generator, dtype=exact).to(dtype)


def parameters(shapes=SHAPES, dtype=torch.float64):
    """The same parameters each time it is called."""
    return [torch.nn.Parameter(_draw(shape, dtype, i)) for i, shape in enumerate(shapes)]


def give_gradients(params, step):
    """The gradients of a step: random, the same for every list of parameters alike."""
    for i, p in enumerate(params):
        p.grad = _draw(p.shape, p.dtype, 1000 * (step + 1) + i).to(p.device)


def train(optimizer, params, steps):
    """Run an optimizer for the given steps (a range or a number of them); the parameters."""
    for step in range(steps) if isinstance(steps, int) else steps:
        give_gradients(params, step)
        if isinstance(optimizer, optlab.Sophia):
            optimizer.update_hessian([_curvature(p.grad) for p in params])
        optimizer.step()
    return params


def _curvature(g):
    """What the tests take for an estimate of the Hessian's diagonal; some of it is negative."""
    if g.is_complex():
        return torch.view_as_complex(_curvature(torch.view_as_real(g)))
    return torch.cos(3 * g)


def assert_alike(ours, theirs, rtol=1e-12, atol=1e-13):
    """Compare lists of tensors."""
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), rtol=rtol, atol=atol)
