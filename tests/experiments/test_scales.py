"""The table of settings: complete, consistent, and the papers' own where it says so."""

from dataclasses import fields, is_dataclass
from importlib import import_module
from pathlib import Path

import pytest
import torch

import optlab
from optlab.experiments import digits, mnist1d, scales, settings
from optlab.experiments.scales import CHAPTERS, SCALES, Task
from optlab.experiments.scales.task import SHAPES, TRAINING
from optlab.schedules import cycle_ends

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ALL = [(chapter, scale) for chapter in CHAPTERS for scale in SCALES]


def tasks(chapter, scale):
    values = settings(chapter, scale)
    return [v for f in fields(values) if isinstance(v := getattr(values, f.name), Task)]


def test_each_file_is_the_settings_of_one_chapter_in_the_book_s_order():
    found = sorted(path.stem for path in Path(scales.__file__).parent.glob("c[0-9]*.py"))
    assert [f"c{chapter.replace('-', '_')}" for chapter in CHAPTERS] == found
    assert len(found) >= 9
    for chapter, name in zip(CHAPTERS, found, strict=True):
        assert (NOTEBOOKS / f"{chapter}.ipynb").is_file()
        module = import_module(f"optlab.experiments.scales.{name}")
        assert tuple(module.SCALES) == SCALES
        for scale, made in module.SCALES.items():
            assert type(made) is module.Settings
            assert settings(chapter, scale) is made


def test_no_class_of_settings_bears_an_optimizer_s_name():
    names = {
        cls.__name__
        for rows in CHAPTERS.values()
        for made in rows.values()
        for cls in type(made).__mro__
    }
    assert names == {"Settings", "Experiment", "object"}
    assert names.isdisjoint(optlab.__all__)


@pytest.mark.parametrize(("chapter", "scale"), ALL)
def test_every_scale_has_the_same_kind_of_settings(chapter, scale):
    assert type(settings(chapter, scale)) is type(settings(chapter, "ci"))
    assert is_dataclass(settings(chapter, scale))


@pytest.mark.parametrize(("chapter", "scale"), ALL)
def test_every_network_takes_the_data_of_its_task(chapter, scale):
    for task in tasks(chapter, scale):
        if task.network in ("mlp", "normalized_mlp", "cnn"):
            model = task.model(seed=0)
            out = model(torch.zeros(2, *task.shape, dtype=task.dtype))
            assert out.shape == (2, 10)
            assert {p.dtype for p in model.parameters()} == {task.dtype}
        else:
            assert task.shape == (3, 32, 32)
            assert task.model(seed=0, device="meta").head.out_features == 10


def test_unknown_names_are_refused_with_those_there_are():
    with pytest.raises(ValueError, match="no settings for '07'; there are 07-adamw, 08-adamwr"):
        settings("07", "ci")
    with pytest.raises(ValueError, match="no scale 'tiny'; there are ci, small, gpu, paper"):
        settings("07-adamw", "tiny")


def test_tasks_know_the_sizes_of_their_data():
    for name, load in {"digits": digits, "mnist1d": mnist1d}.items():
        data = load()
        assert TRAINING[name] == len(data.y_train)
        task = Task(name, "mlp", (4,), batch_size=100)
        assert task.steps_per_epoch == TRAINING[name] / 100
        assert task.data().x_train.shape == (TRAINING[name], *task.shape)
    assert Task("digits", "mlp", (4,)).steps_per_epoch == 11  # 10 of 128 and one of 120
    assert Task("digits", "mlp", (4,), examples=256).steps_per_epoch == 2


def test_a_task_takes_the_part_of_the_data_that_it_names():
    task = Task("digits", "cnn", (4,), examples=100, pool=2, precision="float32")
    data = task.data()
    assert data.x_train.shape == (100, 1, 4, 4)
    assert data.x_test.shape == (397, 1, 4, 4)
    assert data.x_train.dtype == torch.float32
    whole = digits().shaped(1, 8, 8)
    square = whole.x_train[7, 0, 2:4, 4:6]
    assert float(data.x_train[7, 0, 1, 2]) == pytest.approx(float(square.mean()), abs=1e-6)
    assert task.model(seed=0)(data.x_train).shape == (100, 10)


def test_fashion_mnist_is_asked_for_by_its_name(monkeypatch):
    sets = import_module("optlab.experiments.data")
    asked = []

    def small(dtype):
        asked.append(dtype)
        return digits(dtype=dtype).first(20).shaped(1, 8, 8)

    monkeypatch.setattr(sets, "fashion_mnist", small)
    monkeypatch.setitem(SHAPES, "fashion_mnist", (1, 8, 8))
    task = Task("fashion_mnist", "mlp", (4,), pool=2, examples=10, precision="float32")
    assert task.data().x_train.shape == (10, 16)
    assert asked == [torch.float32]


@pytest.mark.parametrize("scale", SCALES)
def test_runs_with_restarts_end_at_the_end_of_a_cycle(scale):
    restarts, ensemble = settings("08-adamwr", scale), settings("13-snapshot-ensembles", scale)
    assert cycle_ends(restarts.T_0, restarts.T_mult, restarts.epochs)[-1] == restarts.epochs
    ends = cycle_ends(ensemble.T_0, ensemble.T_mult, ensemble.epochs)
    assert ends[-1] == ensemble.epochs
    assert len(ends) >= ensemble.snapshots
    assert max(ensemble.members) <= ensemble.runs
    sgdr = settings("12-sgdr", scale)
    assert all(cycle_ends(T_0, T_mult, sgdr.epochs) for T_0, T_mult in sgdr.restarts)
    assert max(sgdr.milestones) < sgdr.epochs
    assert (sgdr.epochs, 1) in sgdr.restarts  # the chapter's one cosine
    assert sgdr.rate_seeds >= 2


@pytest.mark.parametrize("scale", ["ci", "small", "gpu"])
def test_what_stands_for_a_claim_has_enough_seeds(scale):
    adamw = settings("07-adamw", scale)
    assert min(adamw.seeds, adamw.long_seeds) >= 5
    assert settings("08-adamwr", scale).seeds >= 5
    sgdr = settings("12-sgdr", scale)
    assert min(sgdr.seeds, sgdr.rate_seeds) >= 5
    assert settings("13-snapshot-ensembles", scale).runs >= 5


def test_the_committed_scale_is_in_double_precision_on_data_that_need_no_network():
    for chapter in CHAPTERS:
        for task in tasks(chapter, "ci"):
            assert task.dataset in ("digits", "mnist1d")
            assert (task.precision, task.augment) == ("float64", False)


def test_paper_settings_of_adamw():
    paper = settings("07-adamw", "paper")
    assert (paper.task.dataset, paper.task.network, paper.task.sizes) == (
        "cifar10",
        "resnet26",
        (64,),
    )
    assert (paper.task.batch_size, paper.task.augment, paper.epochs) == (128, True, 100)
    assert paper.milestones == (30, 60, 80)
    assert paper.lr == tuple(0.01 / 2**k for k in range(10, 0, -1))
    assert {0.0, 0.001 / 8, 0.001 / 4} <= set(paper.weight_decay)
    assert (paper.long_task.sizes, paper.long_epochs, paper.long_lr) == ((96,), 1800, 0.001)
    assert (len(paper.long_l2), len(paper.long_norm)) == (12, 7)
    restarts = settings("08-adamwr", "paper")
    ends = cycle_ends(restarts.T_0, restarts.T_mult, restarts.epochs)
    assert ends == [100, 300, 700, 1500]
    assert {0.025, 0.05} <= set(restarts.norm)


def test_paper_settings_of_sgdr():
    paper = settings("12-sgdr", "paper")
    assert (paper.task.network, paper.task.sizes, paper.task.batch_size) == (
        "wide_resnet",
        (28, 10),
        128,
    )
    assert (paper.epochs, paper.seeds, paper.milestones, paper.gamma) == (
        200,
        5,
        (60, 120, 160),
        0.2,
    )
    assert (paper.default_eta, paper.eta_max) == ((0.1, 0.05), 0.05)
    assert (paper.momentum, paper.weight_decay) == (0.9, 5e-4)
    assert paper.restarts == ((50, 1), (100, 1), (200, 1), (1, 2), (10, 2))
    ensembles = settings("13-snapshot-ensembles", "paper")
    ends = cycle_ends(ensembles.T_0, ensembles.T_mult, ensembles.epochs)
    assert ends[-ensembles.snapshots :] == [30, 70, 150]
    assert (ensembles.runs, ensembles.members) == (16, (1, 3, 16))
