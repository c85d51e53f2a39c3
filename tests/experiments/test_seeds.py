"""Seeds: whole numbers from 0 to 2**32 - 1, and one line for anything else, before any work."""

import numpy as np
import pytest
import torch

from optlab import experiments, seeds
from optlab.experiments import robust

BAD = [-1, 2**32, 2**64, 0.5, 1.0, "3", None, True, [1], np.float64(2), float("nan")]


@pytest.mark.parametrize(
    "seed", [0, 7, 2**32 - 1, np.int64(7), np.uint32(2**32 - 1), torch.tensor(7)]
)
def test_whole_numbers_are_seeds(seed):
    number = seeds.checked(seed)
    assert type(number) is int
    assert number == int(seed)
    torch.Generator().manual_seed(number)
    np.random.default_rng(number)
    np.random.RandomState(number)


def trained(seed):
    data = experiments.digits().first(10)
    model = experiments.mlp([64, 10], seed=0)
    before = [p.clone() for p in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    try:
        experiments.train(model, data, optimizer, epochs=1, batch_size=10, seed=seed)
    finally:
        assert all(map(torch.equal, before, model.parameters()))


USERS = {
    "train": trained,
    "mlp": lambda seed: experiments.mlp([4, 2], seed=seed),
    "surnames": lambda seed: experiments.surname_characters(6, test=10, seed=seed),
}


@pytest.mark.parametrize("use", [seeds.checked, *USERS.values()], ids=["checked", *USERS])
@pytest.mark.parametrize("seed", BAD, ids=repr)
def test_anything_else_is_refused_in_one_line(use, seed):
    with pytest.raises(ValueError, match=r"seed must be a whole number, 0 <= seed < 2\*\*32") as e:
        use(seed)
    assert "\n" not in str(e.value)
    assert "got" in str(e.value)


def test_nobody_seeds_a_generator_unchecked():
    import inspect

    from optlab.experiments.models import build, cnn, mlp, transformer

    for module in (robust, build, cnn, mlp, transformer):
        assert "manual_seed(seed)" not in inspect.getsource(module)
