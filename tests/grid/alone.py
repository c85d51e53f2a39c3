"""One run by hand, as a textbook has it: what every run of a grid is compared with."""

import torch
from torch.nn.functional import cross_entropy

from optlab.rules import Rule


def mini_batches(n, *, steps, batch_size, seed, drop_last=False):
    """Indices of `steps` mini-batches: each epoch goes once through 0, …, n - 1 in a new order."""
    generator, done = torch.Generator().manual_seed(seed), 0
    while done < steps:
        for batch in torch.randperm(n, generator=generator).split(batch_size):
            if done == steps or (drop_last and len(batch) < batch_size):
                break
            done += 1
            yield batch


def train(model, task, rule, hyper, *, steps, batch_size, seed, multipliers=None, drop_last=False):
    """Parameters after `steps` updates, loss and error on the test set after each update."""
    params = list(model.parameters())
    rules = [rule if isinstance(rule, Rule) else rule(p) for p in params]
    states = [r.init(p.detach()) for r, p in zip(rules, params, strict=True)]
    batches = mini_batches(
        len(task.y_train), steps=steps, batch_size=batch_size, seed=seed, drop_last=drop_last
    )
    curve, batch_losses = [look(model, task)], []
    for t, batch in enumerate(batches, start=1):
        loss = cross_entropy(model(task.x_train[batch]), task.y_train[batch])
        batch_losses.append(loss.item())
        grads = torch.autograd.grad(loss, params)
        now = {k: v * (multipliers or {}).get(k, lambda t: 1.0)(t - 1) for k, v in hyper.items()}
        with torch.no_grad():
            for i, (p, g) in enumerate(zip(params, grads, strict=True)):
                wanted = {k: v for k, v in now.items() if k in rules[i].hyperparameters}
                new_p, states[i] = rules[i](p.detach(), g, states[i], t, **wanted)
                p.copy_(new_p)
        curve.append(look(model, task))
    return {
        "params": {name: p.detach() for name, p in model.named_parameters()},
        "test_loss": torch.tensor([x for x, _ in curve], dtype=torch.float64),
        "error": torch.tensor([x for _, x in curve], dtype=torch.float64),
        "batch_loss": torch.tensor(batch_losses, dtype=torch.float64),
    }


@torch.no_grad()
def look(model, task):
    outputs = model(task.x_test)
    wrong = (outputs.argmax(1) != task.y_test).double().mean()
    return cross_entropy(outputs, task.y_test).item(), wrong.item()
