"""The training loop: what it does, and that it can be interrupted."""

import math

import pytest
import torch

import optlab
from optlab.experiments import Data, digits, flip_and_crop, mlp, resnet26, train
from optlab.schedules import LRScheduler, cosine


def test_train_starts_at_guessing_learns_and_is_reproducible():
    def run():
        model = mlp([64, 16, 10], seed=0)
        optimizer = optlab.Adam(model.parameters(), lr=0.02)
        return train(model, digits(), optimizer, epochs=2, batch_size=100, seed=3)

    first, second = run(), run()
    assert first == second
    assert len(first.loss) == len(first.error) == 3
    assert first.loss[0] == pytest.approx(math.log(10), abs=0.15)
    assert first.loss[-1] < 0.7
    assert first.error[-1] < 0.2


def test_train_takes_each_example_once_an_epoch():
    seen = []

    class Recorder(torch.nn.Linear):
        def forward(self, x):
            if torch.is_grad_enabled():
                seen.append(x.detach())
            return super().forward(x)

    data, model = digits(), Recorder(64, 10, dtype=torch.float64)
    train(model, data, optlab.SGD(model.parameters(), lr=0.0), epochs=1, batch_size=64, seed=0)
    assert [len(x) for x in seen] == [64] * 21 + [56]
    batches = torch.cat(seen)
    assert not torch.equal(batches, data.x_train)  # shuffled
    assert torch.allclose(batches.sort(0).values, data.x_train.sort(0).values)


@pytest.fixture(autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


class Interrupted(Exception):
    pass


def noisy(seed=0):
    """A network that draws numbers while it trains and keeps statistics: what is easily lost."""
    model = torch.nn.Sequential(
        mlp([64, 12], seed=seed),
        torch.nn.BatchNorm1d(12, dtype=torch.float64),
        torch.nn.Dropout(0.3),
        torch.nn.ReLU(),
        mlp([12, 10], seed=seed + 1),
    )
    return model


def jitter(x, generator):
    return x + 0.01 * torch.randn(x.shape, generator=generator, dtype=x.dtype)


def long_run(checkpoint=None, *, epochs=6, stop_after=None, **changes):
    """Six epochs of four batches with everything that has a state; with `stop_after`, broken off
    in the middle of an epoch, after that many whole ones."""
    made = {"lr": 0.01, "seed": 3, "batch_size": 64, "cls": optlab.AdamW, "T": 24} | changes
    model = noisy()
    optimizer = made["cls"](model.parameters(), lr=made["lr"])
    scheduler = LRScheduler(optimizer, cosine(T=made["T"]))
    batches = 0

    def augment(x, generator):
        nonlocal batches
        batches += 1
        if stop_after is not None and batches > 4 * stop_after + 2:
            raise Interrupted
        return jitter(x, generator)

    augment.__qualname__ = "jitter"
    before = torch.get_rng_state()
    run = train(
        model,
        digits().first(256),
        optimizer,
        epochs=epochs,
        batch_size=made["batch_size"],
        seed=made["seed"],
        scheduler=scheduler,
        augment=augment,
        predict_at=(2, 5),
        checkpoint=checkpoint,
    )
    assert torch.equal(torch.get_rng_state(), before)
    return run, model, optimizer, scheduler


def same(a, b):
    run_a, model_a, optimizer_a, scheduler_a = a
    run_b, model_b, optimizer_b, scheduler_b = b
    assert run_a == run_b
    assert run_a.predictions.keys() == run_b.predictions.keys() == {2, 5}
    for epoch, predicted in run_a.predictions.items():
        assert torch.equal(predicted, run_b.predictions[epoch])
    for x, y in zip(model_a.state_dict().values(), model_b.state_dict().values(), strict=True):
        assert torch.equal(x, y)
    for p, q in zip(model_a.parameters(), model_b.parameters(), strict=True):
        for x, y in zip(optimizer_a.state[p].values(), optimizer_b.state[q].values(), strict=True):
            assert torch.equal(torch.as_tensor(x), torch.as_tensor(y))
    assert scheduler_a.get_last_lr() == scheduler_b.get_last_lr()


def test_an_interrupted_run_goes_on_with_the_same_bits(tmp_path):
    whole = long_run()
    file = tmp_path / "runs" / "a.pt"
    for epochs in (0, 2, 1):
        with pytest.raises(Interrupted):
            long_run(file, stop_after=epochs)
        torch.manual_seed(99)  # whatever else went on in between
    same(long_run(file), whole)
    same(long_run(file), whole)  # already finished: nothing is trained again
    assert [p.name for p in file.parent.iterdir()] == ["a.pt"]


def test_a_finished_run_can_be_made_longer(tmp_path):
    long_run(tmp_path / "a.pt", epochs=5)
    same(long_run(tmp_path / "a.pt"), long_run())


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"seed": 4}, "seed 3 there, 4 here"),
        ({"batch_size": 32}, "batch_size 64 there, 32 here"),
        ({"lr": 0.02}, "optimizer AdamW"),
        ({"cls": optlab.Adam}, "optimizer AdamW"),
        ({"T": 99}, r"schedules \{'lr': \['cosine\(T=24, eta_min=0\)'\]\} there"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, changes, name):
    long_run(tmp_path / "a.pt", epochs=5)
    with pytest.raises(ValueError, match=rf"a.pt is of another run \({name}.*delete it"):
        long_run(tmp_path / "a.pt", **changes)


def test_a_checkpoint_that_is_too_long_or_damaged_is_refused(tmp_path):
    file = tmp_path / "a.pt"
    long_run(file)
    with pytest.raises(ValueError, match="has 6 epochs already, and 5 are asked"):
        long_run(file, epochs=5)
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"cannot be read .*delete it to begin anew"):
        long_run(file)


def test_a_crash_while_saving_leaves_the_checkpoint_before(tmp_path, monkeypatch):
    whole = long_run()
    save, calls = torch.save, []

    def crash(state, path):
        calls.append(path)
        if len(calls) == 3:
            path.write_bytes(b"half")
            raise Interrupted
        save(state, path)

    monkeypatch.setattr(torch, "save", crash)
    with pytest.raises(Interrupted):
        long_run(tmp_path / "a.pt")
    assert [p.name for p in tmp_path.iterdir()] == ["a.pt"]
    same(long_run(tmp_path / "a.pt"), whole)


def test_the_global_generator_is_not_used():
    """And is left as it was, which `long_run` asserts."""
    torch.manual_seed(1)
    first = long_run()
    torch.manual_seed(2)
    same(long_run(), first)


def test_evaluation_does_not_depend_on_how_it_is_split(monkeypatch):
    whole = long_run(epochs=2)[0]
    monkeypatch.setattr("optlab.experiments.training.AT_ONCE", 300)
    parts = long_run(epochs=2)[0]
    assert parts.loss == pytest.approx(whole.loss, rel=1e-12)
    assert parts.error == whole.error
    assert torch.allclose(parts.predictions[2], whole.predictions[2])
    assert torch.allclose(whole.predictions[2].sum(1), torch.ones(397, dtype=torch.float64))
    wrong = whole.predictions[2].argmax(1) != digits().y_test
    assert float(wrong.double().mean()) == whole.error[2]


def test_the_scheduler_is_stepped_after_every_update():
    model = mlp([64, 10], seed=0)
    optimizer = optlab.SGD(model.parameters(), lr=1.0)
    rates = []
    optimizer.register_step_post_hook(lambda *_: rates.append(optimizer.param_groups[0]["lr"]))
    scheduler = LRScheduler(optimizer, cosine(T=8))
    train(model, digits(), optimizer, epochs=2, batch_size=400, seed=0, scheduler=scheduler)
    assert rates == [cosine(T=8)(t) for t in range(8)]


def test_mixed_precision_computes_in_bfloat16_and_keeps_float32():
    seen = []

    class Spy(torch.nn.Module):
        def forward(self, x):
            seen.append(x.dtype)
            return x

    model = mlp([64, 12, 10], seed=0, dtype=torch.float32).insert(1, Spy())
    optimizer = optlab.Adam(model.parameters(), lr=0.01)
    data = digits(dtype=torch.float32)
    run = train(model, data, optimizer, epochs=2, batch_size=100, seed=0, autocast=torch.bfloat16)
    assert set(seen) == {torch.bfloat16}
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert run.loss[2] < run.loss[0] / 1.5


@pytest.mark.parametrize(
    ("dtype", "autocast", "message"),
    [
        (torch.float32, None, "the data are torch.float32 and the model torch.float64: give both"),
        (torch.float64, torch.float16, "autocast must be None or torch.bfloat16"),
    ],
)
def test_what_does_not_fit_is_refused_before_training(dtype, autocast, message):
    model = mlp([64, 10], seed=0)
    optimizer = optlab.SGD(model.parameters(), lr=1.0)
    data = digits(dtype=dtype)
    with pytest.raises(ValueError, match=message):
        train(model, data, optimizer, epochs=1, batch_size=9, seed=0, autocast=autocast)


def test_progress_is_shown_only_when_asked_for(capsys):
    model = mlp([64, 10], seed=0)
    optimizer = optlab.SGD(model.parameters(), lr=0.1)
    train(model, digits(), optimizer, epochs=1, batch_size=700, seed=0)
    assert capsys.readouterr() == ("", "")
    train(model, digits(), optimizer, epochs=1, batch_size=700, seed=0, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "2/2" in err
    assert "loss=" in err


CUDA = pytest.param(
    "cuda", marks=pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
)


@pytest.mark.parametrize("device", ["cpu", CUDA])
def test_the_papers_network_trains_and_goes_on_with_the_same_bits(tmp_path, device, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    x = torch.randn(40, 3, 32, 32, generator=torch.Generator().manual_seed(0)).to(device)
    y = torch.arange(40).remainder(2).to(device)

    def run(epochs, file=None):
        model = resnet26(4, device=device)
        optimizer = optlab.AdamW(model.parameters(), lr=0.01)
        kept = {"checkpoint": file, "augment": flip_and_crop, "autocast": torch.bfloat16}
        data = Data(x, y, x[:8], y[:8])
        return train(model, data, optimizer, epochs=epochs, batch_size=10, seed=0, **kept)

    whole = run(4)
    run(2, tmp_path / "a.pt")
    assert run(4, tmp_path / "a.pt") == whole
    assert whole.loss[4] < whole.loss[0]


def test_the_bar_of_a_run_that_goes_on_counts_all_epochs(tmp_path, capsys):
    for epochs in (1, 3):
        model = mlp([64, 4, 10], seed=0)
        optimizer = optlab.SGD(model.parameters(), lr=0.1)
        kept = {"checkpoint": tmp_path / "run", "progress": epochs == 3}
        train(model, digits(), optimizer, epochs=epochs, batch_size=700, seed=0, **kept)
    shown = capsys.readouterr().err
    assert "2/4" in shown
    assert "4/4" in shown


def test_a_model_is_given_what_augmentation_makes_with_its_layout():
    """Convolutions of another layout are rounded otherwise."""
    seen = []

    class Recorder(torch.nn.Conv2d):
        def forward(self, x):
            if torch.is_grad_enabled():
                seen.append(x.stride())
            return super().forward(x).mean((2, 3))

    data = digits(test=1700).shaped(1, 8, 8)
    model = Recorder(1, 10, 3, dtype=torch.float64)
    made = flip_and_crop(data.x_train[:50], torch.Generator())
    optimizer = optlab.SGD(model.parameters(), lr=0.1)
    train(model, data, optimizer, epochs=1, batch_size=50, seed=0, augment=flip_and_crop)
    assert made.stride() != data.x_train.stride()
    assert set(seen) == {made.stride()}
