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
