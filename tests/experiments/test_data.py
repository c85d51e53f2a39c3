"""The data sets: what they hold, and what they say when they are not as published."""

import gzip
import hashlib
import io
import math
import random
import subprocess
import sys
import tarfile
import tracemalloc
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch

from optlab.experiments import (
    Data,
    DataError,
    cifar10,
    digits,
    fashion_mnist,
    flip_and_crop,
    mnist1d,
    nats_per_character,
    surname_characters,
    surnames,
)
from optlab.experiments.data import ALPHABET

CIFAR10 = import_module("optlab.experiments.data.cifar10")
FASHION = import_module("optlab.experiments.data.fashion_mnist")
MNIST1D = import_module("optlab.experiments.data.mnist1d")
PACKAGED = FASHION.DEBIAN  # before a test points it elsewhere


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.setenv("OPTLAB_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(FASHION, "DEBIAN", tmp_path / "debian")
    return tmp_path


def test_digits_are_split_centered_and_fixed():
    data = digits()
    assert data.x_train.shape == (1400, 64)
    assert data.x_test.shape == (397, 64)
    assert data.features == 64
    assert data.classes == 10
    assert data.x_train.mean(0).abs().max() < 1e-12
    assert torch.equal(digits().x_train, data.x_train)
    # All of scikit-learn's images are there, each once: pixel sums do not depend on order.
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    labels = torch.cat([data.y_train, data.y_test])
    assert torch.equal(labels.bincount(), torch.tensor(y).bincount())
    spread = torch.cat([data.x_train, data.x_test]) * 16
    assert torch.allclose(spread.var(0), torch.tensor(x).var(0))


def test_rescaled_multiplies_features_of_both_parts():
    data = digits()
    factors = torch.arange(64, dtype=torch.float64)
    assert torch.equal(data.rescaled(factors).x_test, data.x_test * factors)
    assert torch.equal(data.rescaled(factors).x_train[:, 0], torch.zeros(1400, dtype=torch.float64))


def test_views_of_a_task():
    images = digits().shaped(1, 8, 8)
    assert images.x_test.shape == (397, 1, 8, 8)
    assert images.features == 64
    assert torch.equal(images.shaped(-1).x_train, digits().x_train)
    pooled = images.pooled(4)
    assert pooled.x_train.shape == (1400, 1, 2, 2)
    square = images.x_train[5, 0, 4:, :4]
    assert float(pooled.x_train[5, 0, 1, 0]) == pytest.approx(float(square.mean()))
    fewer = images.first(100)
    assert len(fewer.x_train) == len(fewer.y_train) == 100
    assert len(fewer.x_test) == 397
    with pytest.raises(ValueError, match=r"first\(1401\): the task has 1400 training examples"):
        images.first(1401)


def test_mnist1d_is_the_packages_default_and_kept(here, monkeypatch):
    random.seed(5)
    np.random.seed(5)
    expected = random.random(), np.random.rand()
    random.seed(5)
    np.random.seed(5)
    made = mnist1d()
    assert (random.random(), np.random.rand()) == expected  # the global generators are left alone
    assert made.x_train.shape == (4000, 40)
    assert made.x_test.shape == (1000, 40)
    # Drawn from a fixed seed: 500 of each class, and first labels that the package documents
    # nowhere, so they are compared with its own call.
    from mnist1d.data import make_dataset

    monkeypatch.setattr(MNIST1D, "_make", lambda: pytest.fail("generated again"))
    kept = mnist1d()
    assert torch.equal(kept.x_train, made.x_train)
    oracle = make_dataset()
    assert np.array_equal(kept.x_test.numpy(), oracle["x_test"])
    assert np.array_equal(kept.y_train.numpy(), oracle["y"])
    labels = torch.cat([kept.y_train, kept.y_test])
    assert labels.bincount().tolist() == [500] * 10


def test_mnist1d_survives_a_damaged_or_unwritable_cache(here, monkeypatch):
    made = {name: np.zeros((3, 2)) for name in MNIST1D.PARTS}
    monkeypatch.setattr(MNIST1D, "_make", lambda: made)
    mnist1d()
    (kept,) = (here / "data").glob("*.npz")
    kept.write_bytes(kept.read_bytes()[:50])
    assert torch.equal(mnist1d().x_train, torch.zeros(3, 2, dtype=torch.float64))
    assert np.load(kept)["x"].shape == (3, 2)  # mended
    blocked = here / "blocked"
    blocked.write_text("a file")
    monkeypatch.setenv("OPTLAB_DATA", str(blocked))
    assert mnist1d().x_train.shape == (3, 2)


def flipped(content):
    """A bit in a header of an array, where a shorter shape is a valid one; and others."""
    for place in (content.index(b"'shape'") + 12, 30, len(content) // 2, len(content) - 5):
        yield content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def other_npz(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


def test_kept_mnist1d_is_believed_only_with_its_hash(here, monkeypatch):
    made = {name: np.arange(6.0).reshape(3, 2) for name in MNIST1D.PARTS}
    calls = []
    monkeypatch.setattr(MNIST1D, "_make", lambda: calls.append(1) or made)

    def is_made_anew():
        before = len(calls)
        assert mnist1d().x_train.tolist() == made["x"].tolist()
        return len(calls) == before + 1

    assert is_made_anew()
    assert not is_made_anew()
    (kept,) = (here / "data").glob("*.npz")
    seal = kept.with_name(f"{kept.name}.sha256")
    content, sealed = kept.read_bytes(), seal.read_bytes()
    assert sealed.decode() == f"{hashlib.sha256(content).hexdigest()}  {kept.name}\n"
    ones = {name: np.ones((3, 2)) for name in MNIST1D.PARTS}
    pickled = np.array([{}], dtype=object)
    damaged = [*flipped(content), content[:50], b"", b"x", content + b"x", other_npz(**ones)]
    for wrong in damaged:
        kept.write_bytes(wrong)
        assert is_made_anew(), wrong[:20]
        assert (kept.read_bytes(), seal.read_bytes()) == (content, sealed)
        assert not is_made_anew()
    # with a hash of its own, but not what it should be: refused by what is in it, or its name
    for wrong in (other_npz(x=np.ones(2)), b"text", other_npz(**{**ones, "y": pickled})):
        kept.write_bytes(wrong)
        seal.write_text(f"{hashlib.sha256(wrong).hexdigest()}  {kept.name}\n")
        assert is_made_anew()
    older = other_npz(**ones)
    kept.write_bytes(older)
    seal.write_text(f"{hashlib.sha256(older).hexdigest()}  mnist1d-0.0.0.npz\n")
    assert is_made_anew()
    for break_it in (seal.unlink, lambda: seal.write_bytes(b"\xff"), kept.unlink):
        break_it()
        assert is_made_anew()
        assert not is_made_anew()
    kept.unlink()
    kept.mkdir()
    assert is_made_anew()
    kept.rmdir()
    monkeypatch.setattr(import_module("optlab.experiments.data.seal"), "LARGEST", 100)
    assert is_made_anew()


def test_any_error_of_a_kept_file_is_no_loss(here, monkeypatch):
    made = {name: np.zeros((3, 2)) for name in MNIST1D.PARTS}
    monkeypatch.setattr(MNIST1D, "_make", lambda: made)
    mnist1d()
    for error in (NotImplementedError, RuntimeError, SyntaxError, MemoryError, RecursionError):

        def load(*_, error=error, **__):
            raise error("of zipfile or of a header")

        monkeypatch.setattr(MNIST1D.np, "load", load)
        assert mnist1d().x_train.shape == (3, 2)


def test_two_processes_make_mnist1d_at_once(here):
    code = "from optlab.experiments import mnist1d; print(mnist1d().x_train.sum().item())"
    started = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) for _ in range(2)
    ]
    sums = {process.communicate()[0] for process in started}
    assert [process.returncode for process in started] == [0, 0]
    assert len(sums) == 1
    assert sorted(p.suffix for p in (here / "data").iterdir()) == [".npz", ".sha256"]
    (kept,) = (here / "data").glob("*.npz")
    import_module("optlab.experiments.data.seal").read_sealed(kept)


def test_mnist1d_needs_no_home(monkeypatch):
    made = {name: np.zeros((3, 2)) for name in MNIST1D.PARTS}
    monkeypatch.setattr(MNIST1D, "_make", lambda: made)
    monkeypatch.setenv("OPTLAB_DATA", "~nobody-of-this-name/data")
    assert mnist1d().x_train.shape == (3, 2)
    with pytest.raises(DataError, match="set OPTLAB_DATA"):
        fashion_mnist()


def test_a_small_file_that_unpacks_to_any_size_is_cut_off(small_fashion, monkeypatch):
    monkeypatch.setattr(FASHION, "LARGEST", 100_000)
    path = FASHION.DEBIAN / "train-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    with pytest.raises(DataError, match=r"is damaged .*apt-get install --reinstall"):
        fashion_mnist()
    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


def test_surnames_are_the_census():
    names = surnames()
    assert len(names.names) == 88_799
    assert names.names[:3] == ("SMITH", "JOHNSON", "WILLIAMS")
    assert set("".join(names.names)) | {"\n"} == set(names.alphabet)
    rows = replace(names, names=("ABE", "LONGEST", "ZO")).encoded(5)
    assert rows.tolist() == [[0, 1, 2, 5, 0, 0], [0, 26, 15, 0, 0, 0]]


def test_surname_characters_are_every_name_once_and_end_with_a_line_end():
    data = surname_characters(6, test=1000)
    x, y = (torch.cat([getattr(data, f"{c}_{part}") for part in ("train", "test")]) for c in "xy")
    assert len(data.x_test) == len(data.y_test) == 1000
    lengths = (y > 0).sum(1)
    for name, number, begin, follow in zip(range(3), lengths, x, y, strict=False):
        n = int(number)
        assert begin.tolist()[: n + 1] == [0, *follow.tolist()[:n]], name
        assert follow.tolist()[n:] == [0] + [-100] * (5 - n), name
    assert int(lengths.max()) == 5
    spelled = sorted("".join(ALPHABET[c] for c in row[row > 0]) for row in y)
    assert spelled == sorted(name for name in surnames().names if len(name) < 6)

    again, other = surname_characters(6, test=1000), surname_characters(6, test=1000, seed=1)
    assert torch.equal(data.y_test, again.y_test)
    assert not torch.equal(data.y_test, other.y_test)
    with pytest.raises(ValueError, match=r"test must be from 1 to \d+, as .* got 90000"):
        surname_characters(6, test=90_000)


def test_nats_per_character_is_the_mean_over_places_that_have_a_target():
    data = surname_characters(6, test=10)
    logits = torch.zeros(10, 6, 27, dtype=torch.float64)
    assert float(nats_per_character(logits, data.y_test)) == pytest.approx(math.log(27))
    logits[data.y_test == 0] = 1e3 * torch.eye(27, dtype=torch.float64)[0]
    letters = int((data.y_test > 0).sum())
    expected = math.log(27) * letters / (letters + 10)  # ten line ends are known
    assert float(nats_per_character(logits, data.y_test)) == pytest.approx(expected)


IMAGES = {"x_train": (6, 28, 28), "y_train": (6,), "x_test": (4, 28, 28), "y_test": (4,)}


def idx(array: np.ndarray) -> bytes:
    """The format of the MNIST files: type and dimensions, sizes, bytes."""
    sizes = np.array(array.shape, ">i4").tobytes()
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


@pytest.fixture
def small_fashion(here, monkeypatch) -> dict[str, np.ndarray]:
    """Ten images in the place of Fashion-MNIST, as Debian would install them."""
    draw = np.random.default_rng(0)
    arrays = {name: draw.integers(0, 10, shape) for name, shape in IMAGES.items()}
    FASHION.DEBIAN.mkdir()
    files = {}
    for name, file in FASHION.FILES.items():
        content = idx(arrays[name])
        packed = gzip.compress(content)
        files[name] = replace(
            file,
            sha256=hashlib.sha256(packed).hexdigest(),
            content=hashlib.sha256(content).hexdigest(),
        )
        (FASHION.DEBIAN / file.name).write_bytes(packed)
    monkeypatch.setattr(FASHION, "FILES", files)
    return arrays


def check_small_fashion(arrays):
    got = fashion_mnist(dtype=torch.float64)
    x = torch.tensor(arrays["x_train"] / 255)
    assert got.x_train.shape == (6, 1, 28, 28)
    assert torch.allclose(got.x_train[:, 0], x - x.mean(0))
    assert torch.allclose(got.x_test[:, 0], torch.tensor(arrays["x_test"] / 255) - x.mean(0))
    assert got.y_test.tolist() == arrays["y_test"].tolist()


def test_fashion_mnist_from_debians_package(small_fashion, monkeypatch):
    monkeypatch.setattr(FASHION, "fetch", lambda *_: pytest.fail("downloaded"))
    check_small_fashion(small_fashion)


def test_fashion_mnist_from_its_address(small_fashion, here, monkeypatch):
    server = FASHION.DEBIAN.rename(here / "server")
    asked = []

    def fetch(name, url, sha256):
        asked.append(url)
        path = server / url.removeprefix(f"{FASHION.OFFICIAL}/")
        assert hashlib.sha256(path.read_bytes()).hexdigest() == sha256
        return path

    monkeypatch.setattr(FASHION, "fetch", fetch)
    check_small_fashion(small_fashion)
    assert len(asked) == 4


@pytest.mark.parametrize("damage", [lambda b: b[:-9], lambda b: b"", lambda b: gzip.compress(b"")])
def test_a_damaged_package_says_how_to_mend_it(small_fashion, monkeypatch, damage):
    monkeypatch.setattr(FASHION, "fetch", lambda *_: pytest.fail("another source"))
    path = FASHION.DEBIAN / "train-labels-idx1-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=r"labels.* is damaged .*apt-get install --reinstall"):
        fashion_mnist()


@pytest.mark.skipif(not PACKAGED.exists(), reason="needs Debian's package dataset-fashion-mnist")
def test_fashion_mnist_itself(monkeypatch):
    monkeypatch.setattr(FASHION, "DEBIAN", PACKAGED)
    got = fashion_mnist()
    assert got.x_train.shape == (60_000, 1, 28, 28)
    assert got.y_train.bincount().tolist() == [6000] * 10
    assert got.y_test.bincount().tolist() == [1000] * 10
    assert got.x_train.mean(0).abs().max() < 1e-5


def test_cifar10_reads_its_records(here, monkeypatch):
    draw = np.random.default_rng(0)
    batches = {name: draw.integers(0, 256, (4, 3073)) for name in (*CIFAR10.TRAIN, *CIFAR10.TEST)}
    for records in batches.values():
        records[:, 0] %= 10
    archive = here / "cifar.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        for name, records in batches.items():
            member = tarfile.TarInfo(name)
            member.size = records.size
            file.addfile(member, io.BytesIO(records.astype(np.uint8).tobytes()))
    asked = []
    monkeypatch.setattr(CIFAR10, "fetch", lambda *args: asked.append(args) or archive)
    got = cifar10(dtype=torch.float64)
    assert asked == [("cifar-10-binary.tar.gz", CIFAR10.URL, CIFAR10.SHA256)]
    assert got.x_train.shape == (20, 3, 32, 32)
    assert got.y_test.tolist() == batches[CIFAR10.TEST[0]][:, 0].tolist()
    assert torch.allclose(got.x_train.mean((0, 2, 3)), torch.zeros(3, dtype=torch.float64))
    assert torch.allclose(got.x_train.square().mean((0, 2, 3)), torch.ones(3, dtype=torch.float64))
    # red, then green, then blue, row by row; the test set in the units of the training set
    train = np.concatenate([batches[name] for name in CIFAR10.TRAIN])
    green = train[:, 1 + 1024 : 1 + 2048]
    pixel = batches[CIFAR10.TEST[0]][2, 1 + 1024 + 7 * 32 + 5]
    assert got.x_test[2, 1, 7, 5] == pytest.approx((pixel - green.mean()) / green.std())


def test_flip_and_crop_shifts_and_mirrors_whole_images():
    x = torch.arange(1.0, 1 + 40 * 2 * 5 * 5).reshape(40, 2, 5, 5)
    out = flip_and_crop(x, torch.Generator().manual_seed(0), padding=1)
    assert torch.equal(out, flip_and_crop(x, torch.Generator().manual_seed(0), padding=1))
    padded = torch.nn.functional.pad(x, (1, 1, 1, 1))
    kinds = set()
    for before, after in zip(padded, out, strict=True):
        (kind,) = [
            (flip, down, right)
            for flip in (False, True)
            for down in range(3)
            for right in range(3)
            for window in [before[:, down : down + 5, right : right + 5]]
            if torch.equal(after, window.flip(2) if flip else window)
        ]
        kinds.add(kind)
    assert len(kinds) > 12  # of 18
    still = flip_and_crop(x, torch.Generator().manual_seed(0), padding=0)
    assert torch.equal(still.flip(3).maximum(still), x.flip(3).maximum(x))


def test_data_is_one_type():
    assert isinstance(digits(), Data)
    assert isinstance(mnist1d(), Data)
