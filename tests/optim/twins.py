"""Small problems that two optimizers can be run on side by side."""

import torch

SHAPES = [(40, 30), (), (0,), (7,), (2, 3, 5)]  # one that is large enough for a kernel


def parameters(shapes=SHAPES, dtype=torch.float64):
    """The same parameters each time it is called."""
    generator = torch.Generator().manual_seed(0)
    return [
        torch.nn.Parameter(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))
        for shape in shapes
    ]


def give_gradients(params, step):
    """The gradients of a step: random, the same for every list of parameters alike."""
    generator = torch.Generator().manual_seed(1 + step)
    for p in params:
        g = torch.randn(p.shape, generator=generator, dtype=torch.float64)
        p.grad = g.to(p.device, p.dtype)


def train(optimizer, params, steps):
    """Run an optimizer for the given steps (a range or a number of them); the parameters."""
    for step in range(steps) if isinstance(steps, int) else steps:
        give_gradients(params, step)
        optimizer.step()
    return params


def assert_alike(ours, theirs, rtol=1e-12, atol=1e-13):
    """Compare lists of tensors."""
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a.detach(), b.detach(), rtol=rtol, atol=atol)
