"""Whatever the network: a grid gives the numbers of runs alone, or refuses it in one line.

EQUAL are networks that are trained, and compared with `experiments.train`; REFUSED are those that
are not. Each network is a function without arguments; what it draws is seeded by its caller.
"""

import itertools
import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

import optlab
from optlab import experiments, rules
from optlab.grid import train_grid

pytestmark = pytest.mark.filterwarnings("ignore")

LRS, SEEDS, EPOCHS, STEPS, BATCH = (0.02, 0.1), (3, 5), 2, 6, 40  # batches of 40, 40 and 10
HYPER = {"weight_decay": 0.1, "beta1": 0.8, "beta2": 0.9, "eps": 1e-3}


def plain():
    return nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))


def changed(how, make=plain):
    """A network to which something is done after it is made."""

    def build():
        network = make()
        how(network)
        return network

    return build


class Of(nn.Module):
    """A linear layer of what `function` makes of the inputs; self is its first argument."""

    def __init__(self, function, **attributes):
        super().__init__()
        self.linear = nn.Linear(6, 3)
        for name, value in attributes.items():
            if isinstance(value, torch.Tensor) and not isinstance(value, nn.Parameter):
                self.register_buffer(name, value)
            else:
                setattr(self, name, value)
        self.function = function

    def forward(self, x):
        return self.linear(self.function(self, x))


def running_mean(self, x):
    if self.training:
        self.mu = 0.9 * self.mu + 0.1 * x.mean(0)
    return x - self.mu


def running_mean_in_place(self, x):
    if self.training:
        self.mu.mul_(0.9).add_(0.1 * x.mean(0))
    return x - self.mu


def count(self, x):
    if self.training:
        self.calls += 1
    return x / (1 + 0.1 * self.calls)


def count_in_list(self, x):
    if self.training:
        self.calls.append(len(x))
    return x / (1 + 0.1 * len(self.calls))


def count_by_iterator(self, x):
    return x / (1 + 0.1 * next(self.calls)) if self.training else x


def count_late(self, x):
    """Another network after 1000 calls, which no trial gets to."""
    if self.training:
        self.calls += 1
    return x if self.calls < 1000 else 2 * x


def noise_of_its_own(self, x):
    if self.training:
        x = x + 0.1 * torch.randn(x.shape, generator=self.generator, dtype=x.dtype)
    return self.norm(x)


def remember(self, x):
    self.last = x.sum()  # nothing reads it
    return x


def mask(self, x):
    if getattr(self, "ones", None) is None:
        self.ones = torch.ones(6, 6, dtype=x.dtype).tril()
    return x @ self.ones


class Unused(nn.Module):
    def __init__(self, first=nn.Identity, width=6):
        super().__init__()
        self.first, self.used = first(), nn.Linear(width, 3)
        self.unused = nn.Linear(4, 2)

    def forward(self, x):
        return self.used(self.first(x).flatten(1))


def convolution():
    return nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 3, 3))


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.up, self.down, self.out = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 3)
        self.down.weight = self.up.weight

    def forward(self, x):
        return self.out(self.down(self.up(x).tanh()))


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention, self.out = nn.MultiheadAttention(6, 2, batch_first=True), nn.Linear(6, 3)

    def forward(self, x):
        x = x[:, None] * torch.arange(1, 4, dtype=x.dtype)[:, None]
        return self.out(self.attention(x, x, x)[0].mean(1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm, self.out = nn.LSTM(2, 4, batch_first=True), nn.Linear(4, 3)

    def forward(self, x):
        return self.out(self.lstm(x.view(-1, 3, 2))[0][:, -1])


def doubled(function):
    return lambda *inputs: 2 * function(*inputs)


def replace_forward(module):
    module.forward = doubled(module.forward)


def halve_gradients(network):
    for module in (network[0], network[2]):
        module.register_full_backward_pre_hook(lambda m, out: tuple(g / 2 for g in out))
    network[1].register_full_backward_hook(lambda m, into, out: tuple(g / 2 for g in into))


def clamp(p):
    p.grad.clamp_(-0.01, 0.01)


def normed(norm, width=5, **settings):
    return nn.Sequential(nn.Linear(6, width), norm(width, **settings), nn.Linear(width, 3))


def twice_the_same():
    layer = nn.Linear(6, 6)
    return nn.Sequential(layer, nn.Tanh(), layer, nn.Tanh(), layer, nn.Linear(6, 3))


def noisy(network):
    return nn.Sequential(nn.BatchNorm1d(6), nn.Dropout(0.5), network)


def freeze(network):
    network[0].requires_grad_(False)


EQUAL = {
    "buffer": lambda: Of(running_mean, mu=torch.zeros(6)),
    "buffer, in place": lambda: Of(running_mean_in_place, mu=torch.zeros(6)),
    "counter in a buffer": lambda: Of(count, calls=torch.zeros(())),
    "counter in an attribute": lambda: Of(count, calls=0),
    "counter in a list": lambda: Of(count_in_list, calls=[]),
    "counter that matters late": lambda: Of(count_late, calls=0),
    "counter of itertools": lambda: Of(count_by_iterator, calls=itertools.count()),
    "generator of its own": lambda: Of(
        noise_of_its_own, generator=torch.Generator().manual_seed(1), norm=nn.BatchNorm1d(6)
    ),
    "attribute written only": lambda: Of(remember),
    "mask made when it is needed": lambda: Of(mask),
    "attribute of each seed": lambda: Of(lambda self, x: x * self.k[0], k=[float(torch.rand(1))]),
    "forward hook of all": changed(lambda m: m.register_forward_hook(lambda m, i, o: 2 * o)),
    "forward hook": changed(lambda m: m[0].register_forward_hook(lambda m, i, o: 2 * o)),
    "pre-hook of all": changed(lambda m: m.register_forward_pre_hook(lambda m, i: 2 * i[0])),
    "pre-hook": changed(lambda m: m[2].register_forward_pre_hook(lambda m, i: 2 * i[0])),
    "forward replaced": changed(replace_forward),
    "forward of a layer replaced": changed(lambda m: replace_forward(m[0])),
    "gradient mask": changed(lambda m: m[0].weight.register_hook(lambda g: g * (g > 0))),
    "gradient halved by modules": changed(halve_gradients),
    "gradient clamped when it is there": changed(
        lambda m: [p.register_post_accumulate_grad_hook(clamp) for p in m.parameters()]
    ),
    "weight_norm": changed(lambda m: parametrizations.weight_norm(m[0])),
    "weight_norm, old": changed(lambda m: nn.utils.weight_norm(m[0])),
    "spectral_norm": changed(lambda m: parametrizations.spectral_norm(m[0])),
    "spectral_norm, old": changed(lambda m: nn.utils.spectral_norm(m[0])),
    "orthogonal": changed(lambda m: parametrizations.orthogonal(m[0])),
    "pruned": changed(lambda m: prune.l1_unstructured(m[0], "weight", amount=0.4)),
    "torch.jit.script": lambda: torch.jit.script(plain()),
    "evaluation, statistics, dropout": changed(lambda m: m.eval(), lambda: noisy(plain())),
    "evaluation": changed(lambda m: m.eval()),
    "unused": Unused,
    "unused beside a convolution": lambda: Unused(convolution, 12),
    "unused beside statistics": lambda: Unused(lambda: nn.BatchNorm1d(6)),
    "frozen": changed(freeze),
    "one layer three times": twice_the_same,
    "tied": Tied,
    "attention": Attention,
    "recurrent": Recurrent,
    "InstanceNorm": lambda: nn.Sequential(
        convolution(), nn.InstanceNorm1d(3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)
    ),
    "GroupNorm": lambda: nn.Sequential(
        convolution(), nn.GroupNorm(3, 3), nn.Tanh(), nn.Flatten(), nn.Linear(12, 3)
    ),
    "LayerNorm": lambda: normed(nn.LayerNorm),
    "BatchNorm": lambda: normed(nn.BatchNorm1d),
    "BatchNorm of the batch": lambda: normed(nn.BatchNorm1d, track_running_stats=False),
}


def seeded(make):
    def build(seed):
        torch.manual_seed(seed)
        return make().double()

    return build


def alone(network, task, lr, seed):
    betas = HYPER["beta1"], HYPER["beta2"]
    optimizer = optlab.AdamW(
        network.parameters(), lr=lr, betas=betas, eps=HYPER["eps"], weight_decay=0.1
    )
    return experiments.train(network, task, optimizer, epochs=EPOCHS, batch_size=BATCH, seed=seed)


def in_a_grid(model, task, **settings):
    return train_grid(
        model,
        task,
        rules.with_decay(rules.adam),
        {"lr": LRS, **HYPER},
        **{"steps": STEPS, "batch_size": BATCH, "seeds": SEEDS, **settings},
    )


def compare(model, task, **settings):
    """That the runs of a grid are runs alone; gives the grid."""
    run = in_a_grid(model, task, snapshots=[STEPS], **settings)
    for (k, lr), (s, seed) in itertools.product(enumerate(LRS), enumerate(SEEDS)):
        network = model(seed)
        wanted = alone(network, task, lr, seed)
        assert run.loss[k, s].tolist() == pytest.approx(wanted.loss, rel=1e-8)
        assert run.error[k, s].tolist() == pytest.approx(wanted.error, rel=1e-8)
        for name, p in network.named_parameters():
            if p.requires_grad:
                here = run.snapshots[STEPS][name][k, s]
                torch.testing.assert_close(here, p.detach(), rtol=1e-7, atol=1e-9)
    return run


@pytest.mark.parametrize("name", EQUAL)
def test_a_run_of_a_grid_is_the_run_alone(task, name):
    compare(seeded(EQUAL[name]), task)


def test_no_random_numbers_of_others_are_used_up(task):
    def states():
        return torch.get_rng_state().tolist(), random.getstate(), np.random.get_state()[1].tolist()

    drawn = states()
    in_a_grid(seeded(plain), task, steps=1)
    in_a_grid(seeded(lambda: noisy(plain())), task, steps=1)
    with pytest.raises(ValueError, match="numpy"):
        in_a_grid(seeded(lambda: Of(of_numpy)), task, steps=1)
    assert states() == drawn


LOG = []
COUNTS = itertools.count()
GENERATOR = torch.Generator()
CALLS = 0


class OfClass(Of):
    calls = 0


def global_list(self, x):
    if self.training:
        LOG.append(1)
    return x / (1 + 0.1 * len(LOG))


def global_list_late(self, x):
    if self.training:
        LOG.append(1)
    return x if len(LOG) < 1000 else 2 * x


def global_number(self, x):
    global CALLS
    CALLS += self.training
    return x / (1 + CALLS)


def global_iterator(self, x):
    return x / (1 + next(COUNTS)) if self.training else x


def global_generator(self, x):
    return self.norm(x) * torch.rand(1, generator=GENERATOR, dtype=x.dtype)


def class_attribute(self, x):
    OfClass.calls += self.training
    return x / (1 + OfClass.calls)


def count_always(self, x):
    self.calls += 1
    return x / (1 + 0.1 * self.calls)


def first_batch(self, x):
    if self.mean is None:
        self.mean = x.mean(0)
    return x - self.mean


def of_python(self, x):
    return x * random.random() if self.training else x


def of_numpy(self, x):
    return x * np.random.rand() if self.training else x


def of_numpy_in_evaluation(self, x):
    return x * np.random.rand()


def sometimes(self, x):
    self.calls += self.training
    return self.extra(x) if self.calls % 2 else x


def log_hook(network):
    network[0].register_forward_hook(lambda m, i, o: LOG.append(1))


def log_gradient(network):
    network[0].weight.register_hook(lambda g: g / (1 + next(COUNTS)))


REFUSED = {
    "global list": (lambda: Of(global_list), "LOG changes at every call, .* share it: keep it in"),
    "global list that matters late": (lambda: Of(global_list_late), "LOG changes at every call"),
    "global list of a hook": (changed(log_hook), "LOG changes at every call"),
    "global iterator of a hook": (changed(log_gradient), "COUNTS changes at every call"),
    "global number": (lambda: Of(global_number), "CALLS changes at every call"),
    "global iterator": (lambda: Of(global_iterator), "COUNTS changes at every call"),
    "global generator": (
        lambda: Of(global_generator, norm=nn.BatchNorm1d(6)),
        "GENERATOR changes at every call",
    ),
    "class attribute": (lambda: OfClass(class_attribute), "OfClass.calls changes at every call"),
    "counter of evaluations": (
        lambda: Of(count_always, calls=0),
        "calls is changed by evaluation.*: change it only if self.training",
    ),
    "buffer that counts evaluations": (
        lambda: Of(count_always, calls=torch.zeros(())),
        "calls is changed by evaluation",
    ),
    "first batch": (lambda: Of(first_batch, mean=None), "mean is changed by evaluation"),
    "Python's random numbers": (lambda: Of(of_python), "generator of Python's random changes"),
    "NumPy's random numbers": (lambda: Of(of_numpy), "generator of numpy.random changes"),
    "NumPy's in evaluation": (lambda: Of(of_numpy_in_evaluation), "numpy.random"),
    "dropout": (
        lambda: nn.Sequential(nn.Linear(6, 5), nn.Dropout(), nn.Linear(5, 3)),
        "Dropout '1' draws random numbers.*: set p=0",
    ),
    "dropout, evaluation": (
        changed(lambda m: m.eval(), lambda: nn.Sequential(nn.Linear(6, 3), nn.Dropout())),
        "Dropout '1' draws random numbers",
    ),
    "dropout as a function": (
        lambda: Of(lambda self, x: nn.functional.dropout(x, training=self.training)),
        "it draws random numbers: take them out",
    ),
    "generator of its own": (
        lambda: Of(
            lambda self, x: x + torch.rand(6, generator=self.g, dtype=x.dtype), g=torch.Generator()
        ),
        "draws random numbers",
    ),
    "draws in evaluation": (
        lambda: Of(lambda self, x: self.norm(x) + torch.rand_like(x), norm=nn.BatchNorm1d(6)),
        "draws random numbers in evaluation: draw only if self.training",
    ),
    "used in some steps": (
        lambda: Of(sometimes, calls=torch.zeros(()), extra=nn.Linear(6, 6)),
        "extra.bias is used in some steps and not in others",
    ),
    "nothing used": (
        lambda: Of(lambda self, x: x.detach(), linear=nn.Identity(), other=nn.Linear(6, 3)),
        "fails on a batch: element 0 of tensors does not require grad",
    ),
    "no parameters": (nn.Identity, "the model has no parameters that require gradients"),
    "all frozen": (changed(lambda m: m.requires_grad_(False)), "no parameters that require"),
    "no shape yet": (lambda: nn.Sequential(nn.LazyLinear(3)), "0.weight has no shape yet"),
    "two outputs": (lambda: Of(lambda self, x: x, linear=nn.LSTM(6, 3)), "must give one tensor"),
    "sparse": (
        lambda: Of(
            lambda self, x: self.e((x > 0).long()).flatten(1), e=nn.Embedding(2, 1, sparse=True)
        ),
        "the gradient of e.weight is sparse",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_grid_cannot_have_is_refused_in_one_line(task, name, monkeypatch):
    monkeypatch.setattr("optlab.grid.train._train", None)  # it is not gotten to
    make, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        in_a_grid(seeded(make), task)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300
