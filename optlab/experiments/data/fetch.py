"""Files from their official addresses, by SHA-256, resumed where a download broke off."""

from __future__ import annotations

import os
import sys
import warnings
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock

from optlab.experiments.data.errors import DataError

RETRIES = 1  # within one call; a later call resumes too
_OTHER_BYTES, _WHOLE_FILE = 416, 200  # answers to a request for the rest of a file


def folder() -> Path:
    """Where data sets are kept: $OPTLAB_DATA, or `optlab` in the user's data folder."""
    given = os.environ.get("OPTLAB_DATA")
    return Path(given).expanduser() if given else platformdirs.user_data_path("optlab")


def fetch(name: str, url: str, sha256: str) -> Path:
    """The file `name` in the data folder, downloaded from `url` where it is missing.

    A file takes its name only once it is complete and its hash agrees. An interrupted download
    stays beside it as `….part` and is continued by the next call.
    Raises DataError, one line with a remedy, if the file there is damaged, if the address
    cannot be reached, or if it sends other bytes.
    """
    from requests import RequestException  # which only a download needs

    target = folder() / name
    check(target, sha256, f"delete it and run again to download it from {url}")
    pooch = _pooch()
    keeper = pooch.create(
        path=folder(),
        base_url="",
        registry={name: f"sha256:{sha256}"},
        urls={name: url},
        retry_if_failed=RETRIES,
    )
    by_hand = f"or put {target.name} into {target.parent}"
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder() / ".lock"):
            return Path(keeper.fetch(name, downloader=_Resuming(target)))
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
    except OSError as error:
        raise DataError(
            f"cannot write {target} ({error.strerror}): set OPTLAB_DATA to a folder that can be"
            " written to"
        ) from None


def check(path: Path, sha256: str, remedy: str) -> None:
    """DataError if there is a file with another hash."""
    if path.exists() and _pooch().file_hash(str(path)) != sha256:
        raise DataError(f"{path} is damaged (its SHA-256 is not the published one): {remedy}")


def _pooch() -> Any:
    """pooch, which imports tqdm, which would warn in a notebook of widgets that are missing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pooch
    pooch.get_logger().setLevel("WARNING")
    return pooch


class _Resuming:
    """A downloader for pooch that continues `….part`, where the server can send a rest."""

    def __init__(self, target: Path):
        self.part = target.with_name(f"{target.name}.part")

    def __call__(self, url: str, output: str, keeper: Any) -> None:
        with self.part.open("ab") as file:

            def from_the_start(response: Any, *args: Any, **kwargs: Any) -> None:
                if response.status_code in (_WHOLE_FILE, _OTHER_BYTES):
                    file.truncate(0)

            here = file.tell()
            rest = {"Range": f"bytes={here}-"} if here else {}
            _pooch().HTTPDownloader(
                headers={"Accept-Encoding": "identity", **rest},
                hooks={"response": from_the_start},
                progressbar=sys.stderr.isatty(),
            )(url, file, keeper)
        self.part.replace(output)
