"""Files are whole or not there, where the disk fails too."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from optlab import writing


@pytest.fixture
def full_disk(monkeypatch):
    """Nothing reaches the disk any more."""

    def fail(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "fsync", fail)


def test_a_file_is_replaced_or_stays(tmp_path, full_disk):
    path = tmp_path / "table.csv"
    writing.write(path, b"old")
    writing.write(path, b"new")
    full_disk()
    with pytest.raises(OSError, match="No space left"):
        writing.write(path, b"newer, but the disk is full")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_folder_is_whole_or_not_there(tmp_path, full_disk):
    writing.write_folder(tmp_path / "a", {"one": b"1", "two": b"2"})
    writing.write_folder(tmp_path / "a", {"one": b"3"})
    full_disk()
    with pytest.raises(OSError, match="No space left"):
        writing.write_folder(tmp_path / "b", {"one": b"1"})
    assert os.listdir(tmp_path) == ["a"]
    assert [path.read_bytes() for path in (tmp_path / "a").iterdir()] == [b"3"]


def test_what_a_killed_process_began_is_removed(tmp_path):
    (tmp_path / ".a.draft").mkdir()
    (tmp_path / ".a.draft" / "half").touch()
    (tmp_path / ".b.draft").touch()
    (tmp_path / "whole").touch()
    writing.remove_drafts(tmp_path)
    assert os.listdir(tmp_path) == ["whole"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF])
def test_a_file_system_that_cannot_sync_is_none_that_cannot_write(tmp_path, monkeypatch, number):
    """As with folders on CIFS, and with all on some of FUSE."""

    def fail(file):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    writing.write(tmp_path / "table.csv", b"new")
    writing.write_folder(tmp_path / "a", {"one": b"1"})
    assert (tmp_path / "table.csv").read_bytes() == b"new"
    assert (tmp_path / "a" / "one").read_bytes() == b"1"


def test_a_folder_that_cannot_be_opened_to_sync_it(tmp_path, monkeypatch):
    opened = os.open

    def refuse(path, flags, *mode, **options):
        if flags & os.O_DIRECTORY:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *mode, **options)

    monkeypatch.setattr(os, "open", refuse)
    writing.write(tmp_path / "table.csv", b"new")
    assert (tmp_path / "table.csv").read_bytes() == b"new"


def test_links_are_replaced_and_not_followed(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_bytes(b"as it was")
    place = tmp_path / "place"
    place.mkdir()
    for name in ("table.csv", ".table.csv.draft"):
        (place / name).symlink_to(outside / "kept")
    for name in ("a", ".a.draft", ".b.draft"):
        (place / name).symlink_to(outside)
    writing.write(place / "table.csv", b"new")
    writing.write_folder(place / "a", {"kept": b"new"})
    writing.remove_drafts(place)
    assert (outside / "kept").read_bytes() == b"as it was"
    assert os.listdir(outside) == ["kept"]
    assert sorted(os.listdir(place)) == ["a", "table.csv"]
    assert not any(path.is_symlink() for path in place.iterdir())
    (place / "link").symlink_to(outside / "kept")
    with pytest.raises(OSError, match="not a plain file"):
        writing.read(place / "link")


def test_the_writer_is_the_only_one_and_needs_no_torch():
    code = "import sys, optlab.writing; assert not {'torch', 'numpy', 'sympy'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    package = Path(writing.__file__).parent
    by_hand = re.compile(
        r"os\.(replace|rename|fsync|link)\b|mkstemp|NamedTemporaryFile|\.replace\(path\)"
    )
    others = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        if path != Path(writing.__file__) and by_hand.search(path.read_text("utf-8"))
    ]
    assert others == []


def by_another(path, content):
    """As torch.save writes into the draft."""
    with writing.replacing(path) as draft:
        draft.write_bytes(content)


@pytest.mark.parametrize("way", [writing.write, writing.rewrite, writing.write_new, by_another])
def test_a_disk_that_fails_leaves_what_was_there(tmp_path, full_disk, way):
    path = tmp_path / "a.json"
    path.write_bytes(b"old")
    full_disk()
    with pytest.raises(OSError, match="No space left"):
        way(path, b"new")
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["a.json"]


def test_what_fails_while_it_is_written_leaves_nothing(tmp_path):
    path = tmp_path / "new" / "a.pt"
    with writing.replacing(path) as draft:
        draft.write_bytes(b"old")

    def interrupted():
        with writing.replacing(path) as draft:
            draft.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["a.pt"]


def test_two_writers_of_one_file_do_not_share_a_draft(tmp_path):
    path = tmp_path / "a"
    with writing.replacing(path) as first, writing.replacing(path) as second:
        first.write_bytes(b"1")
        second.write_bytes(b"2")
    assert path.read_bytes() == b"1"
    assert os.listdir(tmp_path) == ["a"]
