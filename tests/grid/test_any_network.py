"""Whatever the network: a grid gives the numbers of runs alone, or refuses it in one line.

EQUAL are networks that are trained, and compared with `experiments.train`; REFUSED are those that
are not. Each network is a function without arguments; what it draws is seeded by its caller.
"""

import itertools
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils import parametrizations, prune

import optlab
from optlab import experiments, rules
from optlab.grid import train_grid
from optlab.grid.describe import describe
from optlab.grid.starts import Starts

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
    """Another network from the sixth call on, which no trial gets to."""
    if self.training:
        self.calls += 1
    return x if self.calls < 6 else 2 * x


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


class Listed(nn.Module):
    """Uses its weight by another way than its name."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 3)
        self.weights = [self.linear.weight]

    def forward(self, x):
        return x @ self.weights[0].T + self.linear.bias


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


def late(weight):
    """Whether weights have grown, as they have after some steps, and not in a trial."""
    return (weight.abs().max() > 0.45).to(weight.dtype)


def late_mask(network):
    network[0].weight.register_hook(lambda g: g * (1 - late(network[0].weight)))


def late_hook(network):
    network[0].register_forward_hook(lambda m, i, o: o * (1 + late(m.weight)))


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
    "counter that matters late, beside a convolution": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 1, 1), nn.Flatten(), Of(count_late, calls=0)
    ),
    "parameters in a list": Listed,
    "counter of itertools": lambda: Of(count_by_iterator, calls=itertools.count()),
    "generator of its own": lambda: Of(
        noise_of_its_own, generator=torch.Generator().manual_seed(1), norm=nn.BatchNorm1d(6)
    ),
    "attribute written only": lambda: Of(remember),
    "mask made when it is needed": lambda: Of(mask),
    "attribute of each seed": lambda: Of(lambda self, x: x * self.k[0], k=[float(torch.rand(1))]),
    "attribute of each seed that matters late": lambda: Of(
        lambda self, x: x * (1 + late(self.linear.weight) * self.k), k=float(torch.rand(1))
    ),
    "another network in training": lambda: Of(lambda self, x: x * (1 + self.training)),
    "gradient mask that matters late": changed(late_mask),
    "forward hook that matters late": changed(late_hook),
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


def in_a_grid(model, task, **more):
    return train_grid(
        model,
        task,
        rules.with_decay(rules.adam),
        {"lr": LRS, **HYPER},
        **{"steps": STEPS, "batch_size": BATCH, "seeds": SEEDS, **more},
    )


def compare(model, task, **more):
    """That the runs of a grid are runs alone; gives the grid."""
    run = in_a_grid(model, task, snapshots=[STEPS], **more)
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


PURE = [
    *("evaluation", "another network in training", "one layer three times", "tied", "attention"),
    *("GroupNorm", "InstanceNorm", "LayerNorm", "BatchNorm of the batch"),
    *("unused", "unused beside a convolution", "frozen", "weight_norm", "forward hook"),
    *("forward of a layer replaced", "attribute written only", "mask made when it is needed"),
]


@pytest.mark.parametrize("name", PURE)
def test_functions_of_parameters_are_not_made_slow(task, name):
    kind = describe(
        Starts(seeded(EQUAL[name]), SEEDS), task, nn.functional.cross_entropy, BATCH, False, None
    )
    assert kind.separate == ""


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
    monkeypatch.setattr("optlab.grid.training.Training.train", None)  # it is not gotten to
    make, message = REFUSED[name]
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        in_a_grid(seeded(make), task)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_network_that_is_given_is_copied_or_a_function_is_asked_for(task):
    torch.manual_seed(0)
    mine = Of(count, calls=0).double()
    before = {n: x.clone() for n, x in mine.state_dict().items()}
    run = in_a_grid(mine, task, seeds=[3])
    assert mine.calls == 0
    assert all(torch.equal(x, before[n]) for n, x in mine.state_dict().items())
    torch.manual_seed(0)
    wanted = alone(Of(count, calls=0).double(), task, LRS[0], 3)
    assert run.loss[0, 0].tolist() == pytest.approx(wanted.loss, rel=1e-9)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (lambda m: m[0].weight.register_hook(lambda g: g / 2), "0.weight has a hook, which copies"),
        (replace_forward, "a copy would still use the network given, by a hook, a closure"),
        (lambda m: replace_forward(m[2]), "a copy would still use 2 of the network given"),
        (
            lambda m: m[0].register_forward_hook(lambda _, i, o: o + m[2].bias.sum()),
            "a copy would still use",
        ),
        (lambda m: prune.l1_unstructured(m[0], "weight", amount=0.4), "cannot be copied"),
        (lambda m: m.append(torch.jit.script(nn.Linear(3, 3))), "what torch.jit made"),
    ],
)
def test_a_network_given_of_which_copies_would_differ(task, how, message):
    network = plain()
    how(network)
    with pytest.raises(ValueError, match=f"{message}.*: give a function seed -> network") as caught:
        in_a_grid(network.double(), task)
    assert "\n" not in str(caught.value)


def test_functions_that_make_starts(task):
    with pytest.raises(ValueError, match=r"model\(3\) gives another network .*: seed all that it"):
        in_a_grid(lambda seed: plain().double(), task)
    with pytest.raises(TypeError, match=r"model\(3\) gave None"):
        in_a_grid(lambda seed: None, task)
    for wrong in ("mlp", None):
        with pytest.raises(TypeError, match=r"model must be a torch\.nn\.Module or a function"):
            in_a_grid(wrong, task)

    def with_layers(seed):
        network = seeded(plain)(seed)
        network[0].requires_grad_(seed == SEEDS[0])
        return network

    with pytest.raises(ValueError, match=r"networks of one shape .* seeds 3 and 5 differ"):
        in_a_grid(with_layers, task)


def test_a_function_that_gives_one_network_again_and_again(task):
    kept = plain().double()

    def build(seed):
        torch.manual_seed(seed)
        for layer in (kept[0], kept[2]):
            layer.reset_parameters()
        return kept

    def anew(seed):
        torch.manual_seed(seed)
        network = plain().double()
        torch.manual_seed(seed)
        for layer in (network[0], network[2]):
            layer.reset_parameters()
        return network

    run, wanted = in_a_grid(build, task), in_a_grid(anew, task)
    assert torch.equal(run.loss, wanted.loss)
    assert run.loss[0, 0, 0] != run.loss[0, 1, 0]


def test_parameters_used_with_one_seed_only(task):
    class Chosen(nn.Module):
        def __init__(self, which):
            super().__init__()
            self.a, self.b, self.which = nn.Linear(6, 3), nn.Linear(6, 3), which

        def forward(self, x):
            return self.a(x) if self.which else self.b(x)

    with pytest.raises(ValueError, match="is used with seed 3 or with seed 5, and not with both"):
        in_a_grid(lambda seed: seeded(lambda: Chosen(seed == 3))(seed), task)


def test_hooks_of_all_modules(task):
    hook = nn.modules.module.register_module_forward_hook(
        lambda m, i, o: 2 * o if isinstance(m, nn.Linear) else None
    )
    try:
        compare(seeded(plain), task)
    finally:
        hook.remove()


def test_losses_and_augmentations_that_keep_something(task):
    LOG.clear()

    class Weighted:
        calls = 0

        def __call__(self, z, y):
            self.calls += 1
            return nn.functional.cross_entropy(z, y) / self.calls

    def logged(z, y):
        LOG.append(1)
        return nn.functional.cross_entropy(z, y)

    losses = {"the loss.calls": Weighted(), "the loss LOG": logged}
    for place, loss in losses.items():
        with pytest.raises(ValueError, match=f"{place} changes at every call"):
            in_a_grid(seeded(plain), task, loss=loss)

    def counted(x, generator):
        return x * next(COUNTS)

    def drawn(x, generator):
        return x + torch.rand_like(x)

    def of_numpy(x, generator):
        return x + np.random.rand()

    def shorter(x, generator):
        return x[1:]

    def reading(x, generator):
        return x / 0 + int("x")

    augmentations = {
        "COUNTS changes at every call": counted,
        "draws from torch's global generator": drawn,
        "numpy.random changes at every call": of_numpy,
        "as many inputs as it is given": shorter,
        "augment fails on a batch: invalid literal": reading,
    }
    for message, augment in augmentations.items():
        with pytest.raises(ValueError, match=message) as caught:
            in_a_grid(seeded(plain), task, augment=augment)
        assert "\n" not in str(caught.value)


def test_a_loss_that_is_called_for_each_run(task):
    """Where networks are trained one after another, the loss may do what vmap cannot."""

    def loss(z, y):
        values = nn.functional.cross_entropy(z, y, reduction="none")
        return values[values > values.median().item()].mean()

    make = EQUAL["BatchNorm"]
    run = in_a_grid(seeded(make), task, loss=loss)
    network = seeded(make)(SEEDS[1])
    network.eval()
    wanted = loss(network(task.x_test), task.y_test).item()
    assert run.test_loss[0, 1, 0].item() == pytest.approx(wanted)


def test_a_last_batch_of_one_example_that_a_network_cannot_take(task):
    short = replace(task, x_train=task.x_train[:81], y_train=task.y_train[:81])
    with pytest.raises(ValueError, match="fails on a batch: Expected more than 1 value"):
        in_a_grid(seeded(EQUAL["BatchNorm"]), short)
    in_a_grid(seeded(EQUAL["BatchNorm"]), short, drop_last=True)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32])
@pytest.mark.parametrize("name", ["evaluation", "attention", "GroupNorm", "BatchNorm of the batch"])
def test_other_dtypes_are_not_refused(task, name, dtype):
    def build(seed):
        return seeded(EQUAL[name])(seed).to(dtype)

    here = replace(task, x_train=task.x_train.to(dtype), x_test=task.x_test.to(dtype))
    run = in_a_grid(build, here)
    for s, seed in enumerate(SEEDS):
        wanted = alone(build(seed), here, LRS[0], seed).loss
        assert run.loss[0, s].tolist() == pytest.approx(wanted, rel=20 * torch.finfo(dtype).eps)


def test_snapshots_have_the_outputs_of_each_seed(task):
    """Frozen parameters and buffers are those of the seed's start."""

    def make():
        network = changed(freeze)()
        network.register_buffer("scale", torch.rand(1))
        network.register_forward_hook(lambda m, i, o: o * m.scale)
        return network

    for build in (seeded(make), seeded(EQUAL["gradient mask"])):
        run = in_a_grid(build, task, snapshots=[STEPS])
        outputs = run.outputs(task.x_test, at=STEPS)
        for (k, lr), (s, seed) in itertools.product(enumerate(LRS), enumerate(SEEDS)):
            network = build(seed)
            alone(network, task, lr, seed)
            network.eval()
            torch.testing.assert_close(outputs[k, s], network(task.x_test).detach())
    run = in_a_grid(seeded(EQUAL["buffer"]), task, snapshots=[STEPS])
    with pytest.raises(ValueError, match="parameters only, and not mu, which training changes"):
        run.outputs(task.x_test, at=STEPS)


def test_no_estimate_of_the_hessian_of_networks_with_hooks(task):
    numbers = {"lr": 0.1, "beta1": 0.9, "beta2": 0.9, "rho": 1.0, "eps": 1e-8, "weight_decay": 0.0}
    more = {"steps": 1, "batch_size": BATCH, "hessian": "hutchinson"}
    for name, kept in (("gradient mask", "the hook of 0.weight"), ("buffer", "mu")):
        with pytest.raises(ValueError, match=f"for networks without {kept}"):
            train_grid(seeded(EQUAL[name]), task, rules.sophia, numbers, **more)


def test_a_class_may_take_the_seed(task):
    class Seeded(nn.Sequential):
        def __init__(self, seed):
            torch.manual_seed(seed)
            super().__init__(*plain().double())

    compare(Seeded, task)


PIECES = {
    "linear": lambda: nn.Linear(6, 6),
    "linear without bias": lambda: nn.Linear(6, 6, bias=False),
    "tanh": nn.Tanh,
    "relu": nn.ReLU,
    "relu in place": lambda: nn.Sequential(nn.Linear(6, 6), nn.ReLU(inplace=True)),
    "gelu": nn.GELU,
    "prelu": nn.PReLU,
    "softmax": lambda: nn.Softmax(-1),
    "layer norm": lambda: nn.LayerNorm(6),
    "group norm": lambda: nn.GroupNorm(2, 6),
    "rms norm": lambda: nn.RMSNorm(6),
    "statistics": lambda: nn.BatchNorm1d(6),
    "statistics of the batch": lambda: nn.BatchNorm1d(6, track_running_stats=False),
    "statistics without weights": lambda: nn.BatchNorm1d(6, affine=False, momentum=None),
    "convolution": lambda: nn.Sequential(
        nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 2, 3, padding=1), nn.AvgPool1d(2), nn.Flatten()
    ),
    "unused": lambda: Unused(width=6),
    "frozen": lambda: nn.Linear(6, 6).requires_grad_(False),
    "weight norm": lambda: parametrizations.weight_norm(nn.Linear(6, 6)),
    "counter": lambda: Of(count, calls=0),
    "mean": lambda: Of(running_mean, mu=torch.zeros(6)),
}


@settings(max_examples=15, derandomize=True, deadline=None, database=None)
@given(st.lists(st.sampled_from(sorted(PIECES)), max_size=4), st.booleans(), st.booleans())
def test_random_networks(names, hooked, again):
    """Layers in any order, some of them twice, with a hook: each is trained as alone."""

    def make():
        layers = []
        for name in names:
            piece = PIECES[name]()
            narrow = isinstance(piece, Of | Unused)
            layers.append(nn.Sequential(piece, nn.Linear(3, 6)) if narrow else piece)
        if again and layers:
            layers.append(layers[0])
        network = nn.Sequential(*layers, nn.Linear(6, 3))
        if hooked:
            network[-1].weight.register_hook(lambda g: g.clamp(-0.1, 0.1))
        return network

    compare(seeded(make), TASK)


def _task():
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(120, 6, dtype=torch.float64, generator=generator)
    y = torch.randint(3, (120,), generator=generator)
    return experiments.Data(x[:90], y[:90], x[90:], y[90:])


TASK = _task()
