"""Files of a sweep are whole or not there, where the disk fails too."""

import errno
import os

import pytest

from optlab.sweep import files


@pytest.fixture
def full_disk(monkeypatch):
    """Nothing reaches the disk any more."""

    def fail(number):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    return lambda: monkeypatch.setattr(os, "fsync", fail)


def test_a_file_is_replaced_or_stays(tmp_path, full_disk):
    path = tmp_path / "table.csv"
    files.write(path, b"old")
    files.write(path, b"new")
    full_disk()
    with pytest.raises(OSError, match="No space left"):
        files.write(path, b"newer, but the disk is full")
    assert path.read_bytes() == b"new"
    assert os.listdir(tmp_path) == ["table.csv"]


def test_a_folder_is_whole_or_not_there(tmp_path, full_disk):
    files.write_folder(tmp_path / "a", {"one": b"1", "two": b"2"})
    files.write_folder(tmp_path / "a", {"one": b"3"})
    full_disk()
    with pytest.raises(OSError, match="No space left"):
        files.write_folder(tmp_path / "b", {"one": b"1"})
    assert os.listdir(tmp_path) == ["a"]
    assert [path.read_bytes() for path in (tmp_path / "a").iterdir()] == [b"3"]


def test_what_a_killed_process_began_is_removed(tmp_path):
    (tmp_path / ".a.draft").mkdir()
    (tmp_path / ".a.draft" / "half").touch()
    (tmp_path / ".b.draft").touch()
    (tmp_path / "whole").touch()
    files.remove_drafts(tmp_path)
    assert os.listdir(tmp_path) == ["whole"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF])
def test_a_file_system_that_cannot_sync_is_none_that_cannot_write(tmp_path, monkeypatch, number):
    """As with folders on CIFS, and with all on some of FUSE."""

    def fail(file):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fail)
    files.write(tmp_path / "table.csv", b"new")
    files.write_folder(tmp_path / "a", {"one": b"1"})
    assert (tmp_path / "table.csv").read_bytes() == b"new"
    assert (tmp_path / "a" / "one").read_bytes() == b"1"


def test_a_folder_that_cannot_be_opened_to_sync_it(tmp_path, monkeypatch):
    opened = os.open

    def refuse(path, flags, *mode, **options):
        if flags & os.O_DIRECTORY:
            raise PermissionError(errno.EACCES, "Permission denied")
        return opened(path, flags, *mode, **options)

    monkeypatch.setattr(os, "open", refuse)
    files.write(tmp_path / "table.csv", b"new")
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
    files.remove_drafts(place)
    (place / ".a.draft").symlink_to(outside)
    files.write(place / "table.csv", b"new")
    files.write_folder(place / "a", {"kept": b"new"})
    assert (outside / "kept").read_bytes() == b"as it was"
    assert os.listdir(outside) == ["kept"]
    assert sorted(os.listdir(place)) == ["a", "table.csv"]
    assert not any(path.is_symlink() for path in place.iterdir())
    (place / "link").symlink_to(outside / "kept")
    with pytest.raises(OSError, match="not a plain file"):
        files.read(place / "link")
