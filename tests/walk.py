"""Walking along given gradients."""

import torch


def walk(rule, start, gradients, **hyper):
    """Parameter and state after a step of `rule` for each of `gradients`."""
    p, s = start, rule.init(start)
    for t, g in enumerate(gradients, start=1):
        p, s = rule(p, g, s, t, **hyper)
    return p, s


def path(rule, start, gradients, **hyper):
    """The parameters after each step."""
    points, p, s = [], start, rule.init(start)
    for t, g in enumerate(gradients, start=1):
        p, s = rule(p, g, s, t, **hyper)
        points.append(p)
    return points


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def randn(*shape, seed=0):
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def assert_same(a, b, rtol=1e-13, atol=1e-14):
    """Equal up to a few roundings."""
    a, b = (torch.as_tensor(x, dtype=torch.float64) for x in (a, b))
    torch.testing.assert_close(a, b, rtol=rtol, atol=atol)


def train_torch(optimizer, start, gradients, **settings):
    """Where an optimizer of torch goes along the same gradients."""
    p = torch.nn.Parameter(start.clone())
    made = optimizer([p], foreach=False, **settings)
    points = []
    for g in gradients:
        p.grad = g.clone()
        made.step()
        points.append(p.detach().clone())
    return points
