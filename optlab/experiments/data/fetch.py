"""Files from their official addresses, by SHA-256, resumed where a download broke off."""

from __future__ import annotations

import os
import threading
import time
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import platformdirs
from filelock import FileLock, Timeout

from optlab.experiments.data.errors import DataError

RETRIES = 1  # within one call; a later call resumes too
LARGEST = 2**28  # bytes of a file; the largest of ours has 170 MB
PATIENCE = 60.0  # seconds in which at least this many bytes must come:
LEAST = 60_000
WAITING = 3600.0  # seconds for another process that downloads
_OTHER_BYTES, _WHOLE_FILE = 416, 200  # answers to a request for the rest of a file
_AT_ONCE = 2**16


def folder() -> Path:
    """Where data sets are kept: $OPTLAB_DATA, or `optlab` in the user's data folder."""
    given = os.environ.get("OPTLAB_DATA")
    try:
        return Path(given).expanduser() if given else platformdirs.user_data_path("optlab")
    except RuntimeError:  # no home
        raise DataError("no folder for data is known: set OPTLAB_DATA to one") from None


def fetch(name: str, url: str, sha256: str) -> Path:
    """The file `name` in the data folder, downloaded from `url` where it is missing.

    A file takes its name only once it is complete and its hash agrees. An interrupted download
    stays beside it as `….part` and is continued by the next call. One that is larger than
    `LARGEST`, or slower than `LEAST` bytes in `PATIENCE` seconds, is cut off.
    Raises DataError, one line with a remedy, if the file there is damaged, if the address
    cannot be reached, or if it sends other bytes.
    """
    target = folder() / name
    if check(target, sha256, f"delete it and run again to download it from {url}"):
        return target
    from requests import RequestException  # which only a download needs

    pooch = _pooch()
    keeper = pooch.create(
        path=folder(),
        base_url="",
        registry={name: f"sha256:{sha256}"},
        urls={name: url},
        retry_if_failed=RETRIES,
    )
    by_hand = f"or put {target.name} into {target.parent}"
    part = target.with_name(f"{target.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder() / ".lock", timeout=WAITING):
            return Path(keeper.fetch(name, downloader=_Resuming(part)))
    except ValueError:  # pooch's, of a hash that differs
        raise DataError(
            f"{url} sent other bytes than those published (SHA-256 differs), and nothing of it"
            f" was kept: try again later, {by_hand}"
        ) from None
    except RequestException as error:
        raise DataError(
            f"cannot download {url} ({type(error).__name__}): run again when it can be reached,"
            f" which continues where it broke off, {by_hand}"
        ) from None
    except _TooLargeError:
        part.unlink(missing_ok=True)
        raise DataError(
            f"{url} sends more than {LARGEST} bytes, which is not what was published, and nothing"
            f" of it was kept: try again later, {by_hand}"
        ) from None
    except _TooSlowError:
        raise DataError(
            f"cannot download {url} (fewer than {LEAST} bytes in {PATIENCE:g} seconds): run again"
            f" later, which continues where it broke off, {by_hand}"
        ) from None
    except Timeout:
        raise DataError(
            f"another process has been downloading into {folder()} for {WAITING:g} seconds: stop"
            f" it and run again, {by_hand}"
        ) from None
    except OSError as error:
        raise DataError(
            f"cannot write {target} ({error.strerror}): set OPTLAB_DATA to a folder that can be"
            " written to"
        ) from None


def check(path: Path, sha256: str, remedy: str) -> bool:
    """Whether there is a file. DataError if it has another hash, or cannot be read."""
    try:
        if not path.exists():
            return False
        known = path.stat().st_size <= LARGEST and _pooch().file_hash(str(path)) == sha256
    except NotADirectoryError:
        return False  # the folder is said to be no folder where it is written to
    except OSError as error:
        raise DataError(f"cannot read {path} ({error.strerror}): {remedy}") from None
    if not known:
        raise DataError(f"{path} is damaged (its SHA-256 is not the published one): {remedy}")
    return True


def _pooch() -> Any:
    """pooch, which imports tqdm, which would warn in a notebook of widgets that are missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pooch
    pooch.get_logger().setLevel("WARNING")
    return pooch


class _TooLargeError(Exception):
    pass


class _TooSlowError(Exception):
    pass


class _Resuming:
    """A downloader for pooch that continues `….part`, where the server can send a rest."""

    def __init__(self, part: Path):
        self.part = part

    def __call__(self, url: str, output: str, keeper: Any) -> None:
        with self.part.open("ab") as file:
            _Transfer(url, file).run()
        self.part.replace(output)


class _Transfer:
    """A download into a file, watched from outside: whoever waits for a socket sees neither that
    a byte a minute is too slow, nor a header without an end."""

    def __init__(self, url: str, file: BinaryIO):
        self.url, self.file = url, file
        self.received = 0
        self.error: BaseException | None = None
        self.over = threading.Event()  # for the thread: nothing more is to be written
        self.lock = threading.Lock()

    def run(self) -> None:
        thread = threading.Thread(target=self._work, daemon=True)
        thread.start()
        try:
            since, before = time.monotonic(), 0
            while thread.is_alive():
                thread.join(min(PATIENCE / 10, 0.5))
                if self.received - before >= LEAST:
                    since, before = time.monotonic(), self.received
                elif thread.is_alive() and time.monotonic() - since > PATIENCE:
                    raise _TooSlowError
        finally:
            with self.lock:
                self.over.set()
        if self.error is not None:
            raise self.error

    def _work(self) -> None:
        try:
            self._receive()
        except BaseException as error:  # raised where it was asked for
            self.error = error

    def _receive(self) -> None:
        import requests
        import urllib3
        from tqdm import tqdm

        here = self.file.tell()
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={here}-"} if here else {})}
        with requests.get(self.url, headers=headers, stream=True, timeout=PATIENCE) as answer:
            if answer.status_code in (_WHOLE_FILE, _OTHER_BYTES):
                self.file.truncate(0)
                here = 0
            answer.raise_for_status()
            coming = answer.headers.get("Content-Length", "")
            if coming.isdecimal() and here + int(coming) > LARGEST:
                raise _TooLargeError
            total = here + int(coming) if coming.isdecimal() else None
            with tqdm(total=total, initial=here, unit="B", unit_scale=True, disable=None) as bar:
                try:
                    while chunk := answer.raw.read1(_AT_ONCE):
                        with self.lock:
                            if self.over.is_set():
                                return
                            self.file.write(chunk)
                        self.received += len(chunk)
                        bar.update(len(chunk))
                        if here + self.received > LARGEST:
                            raise _TooLargeError
                except (urllib3.exceptions.HTTPError, OSError) as error:
                    if isinstance(error, OSError) and error.errno is not None:
                        raise  # of the disk
                    raise requests.exceptions.ConnectionError(str(error)) from None
