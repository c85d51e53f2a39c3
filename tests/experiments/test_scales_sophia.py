"""The settings of the chapter on Sophia: equal budgets, and enough seeds."""

import pytest
import torch

from optlab.experiments import nats_per_character, settings
from optlab.experiments.scales import SCALES


@pytest.mark.parametrize("scale", SCALES)
def test_every_method_is_tuned_on_a_grid_of_one_size(scale):
    s = settings("14-sophia", scale)
    sizes = {
        len(s.adam_lr) * len(s.adam_beta2),
        len(s.adam_lr) * len(s.weight_decay),
        len(s.longest) * len(s.rho),
    }
    assert len(sizes) == 1
    assert s.seeds >= 5
    assert s.task.steps_per_epoch * s.task.batch_size >= s.task.examples


def test_the_committed_task_is_in_double_precision_and_spells():
    task = settings("14-sophia", "ci").task
    data, model = task.data(), task.model(seed=0)
    assert len(data.y_train) == task.examples
    assert len(data.y_test) == task.test
    with torch.no_grad():
        loss = nats_per_character(model(data.x_test), data.y_test)
    assert loss.dtype == torch.float64
    assert 3 < float(loss) < 4  # about log 27
