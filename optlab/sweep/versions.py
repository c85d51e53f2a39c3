"""Which code made a run: the package's commit and files, and torch's version."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

from optlab import __version__, provenance
from optlab.running.errors import RunError
from optlab.sweep.stored import RunRecord


def here() -> dict[str, str]:
    """Of this process: python, torch, optlab, and the package's commit and the hash of its files.
    Nothing of it is loaded."""
    files = provenance.files_hash()
    torch = provenance.versions("torch")
    return {**torch, "optlab": __version__, "commit": _commit(files), "files": files}


@lru_cache(maxsize=4)
def _commit(files: str) -> str:
    """Of the package while its files are these; git is not asked for each run."""
    return provenance.commit()


def package(versions: Mapping[str, str]) -> str:
    """The package in one word: its version with the commit, or with the hash of its files where
    they are not as committed."""
    commit, files = versions.get("commit", "unknown"), versions.get("files", "unknown")
    clean = commit != "unknown" and not commit.endswith("-dirty")
    return f"{versions.get('optlab', 'unknown')}+{commit if clean else f'files.{files}'}"


def name(versions: Mapping[str, str]) -> str:
    """What a person is told of versions."""
    return f"optlab {package(versions)} with torch {versions.get('torch', 'unknown')}"


def same(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether runs by the two may stand side by side: the files of the package and torch are the
    same. A commit that changed other files makes no difference, and what is not known does."""
    names = ("files", "torch")
    return all(n in one and n in other and one[n] == other[n] for n in names)


def refuse_mixture(records: Iterable[RunRecord], now: Mapping[str, str], where: object) -> None:
    """RunError if these runs, which are to be kept, were made by other code than the new ones."""
    others = Counter(name(r.versions) for r in records if not same(r.versions, now))
    if others:
        made = "; ".join(f"{number} by {version}" for version, number in others.items())
        raise RunError(
            f"{where} has finished runs of other code ({made}), and this is {name(now)}; "
            "give --mix to keep them beside new ones, or another folder with -o"
        )
