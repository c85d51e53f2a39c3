"""The order of mini-batches, which grids and runs alone have in common."""

import pytest
import torch

from optlab.experiments import Data
from optlab.learning.batches import batches, fed, steps_per_epoch


def seeded(seed):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def data():
    x = torch.arange(20.0, dtype=torch.float64).view(10, 2)
    return Data(x, torch.arange(10), x[:3], torch.arange(3))


@pytest.mark.parametrize(("n", "size", "steps"), [(10, 4, 7), (10, 5, 4), (3, 8, 2), (10, 4, 1)])
@pytest.mark.parametrize("drop_last", [False, True])
def test_every_epoch_is_a_permutation_of_its_own_for_each_seed(n, size, steps, drop_last):
    if drop_last and size > n:
        return
    found = list(batches(n, size, steps, [3, seeded(5)], drop_last))
    assert len(found) == steps
    in_epoch = steps_per_epoch(n, size, drop_last)
    for column, seed in enumerate((3, 5)):
        generator = seeded(seed)
        for first in range(0, steps, in_epoch):
            order = torch.randperm(n, generator=generator)
            for k, batch in enumerate(found[first : first + in_epoch]):
                assert torch.equal(batch[column], order[k * size : (k + 1) * size])


def test_nothing_is_drawn_after_the_last_batch_that_is_asked_for():
    generator, other = seeded(0), seeded(0)
    list(batches(10, 5, 4, [generator]))
    for _ in range(2):
        torch.randperm(10, generator=other)
    assert torch.equal(generator.get_state(), other.get_state())


def test_augmentation_draws_between_permutations_from_the_seed_s_generator(data):
    def augment(x, generator):
        return x + torch.rand(len(x), 1, generator=generator, dtype=x.dtype)

    generators = [seeded(1), seeded(2)]
    found = list(fed(data, batches(10, 6, 3, generators), generators, augment))
    for column, seed in enumerate((1, 2)):
        generator = seeded(seed)
        order = torch.randperm(10, generator=generator)
        for k, batch in enumerate((order[:6], order[6:])):
            wanted = augment(data.x_train[batch], generator)
            assert torch.equal(found[k][0][column], wanted)
            assert torch.equal(found[k][1][column], data.y_train[batch])
        batch = torch.randperm(10, generator=generator)[:6]
        assert torch.equal(found[2][0][column], augment(data.x_train[batch], generator))
