"""Metrics: numbers that a notebook shows and a sweep compares."""

import math

import numpy as np
import pytest
import torch

from optlab.report import metric
from optlab.report.metrics import MIME, Metric, metrics
from optlab.running.execute import renew_outputs


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (0.123456, "loss: 0.1235"),
        (3, "loss: 3"),
        (torch.tensor(0.5), "loss: 0.5"),
        (np.float32(1e-9), "loss: 1e-09"),
        (math.nan, "loss: not finite"),
        (-math.inf, "loss: not finite"),
    ],
)
def test_one_line(value, line, capsys):
    metric("loss", value)
    assert capsys.readouterr().out == line + "\n"


@pytest.mark.parametrize("value", ["1", None, True, torch.ones(2), [1.0]])
def test_only_a_number(value):
    with pytest.raises(TypeError, match="metric 'loss' must be a number"):
        metric("loss", value)


def test_what_a_notebook_stores():
    bundle = Metric("loss", 0.5)._repr_mimebundle_()
    assert bundle == {"text/plain": "loss: 0.5", MIME: {"name": "loss", "value": 0.5}}


def test_what_is_read_from_a_notebook(sample):
    text = sample.read_text()
    work = 'report.metric(\\"a\\", 1); report.metric(\\"b\\", lr); report.metric(\\"a\\", 2)\\n'
    assert "lr * 2" in text
    sample.write_text(text.replace("lr * 2", work.replace("\\n", "") + "\\nlr * 2"))
    renew_outputs(sample)
    assert metrics(sample) == {"a": 2.0, "b": 0.1}
