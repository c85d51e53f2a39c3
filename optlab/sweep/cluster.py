"""The Dask cluster that a sweep runs on: one of this computer, or one that is there already."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from optlab.running.errors import RunError
from optlab.sweep.cores import usable_cores

if TYPE_CHECKING:
    from distributed import Client

TLS = ("ca-file", "client.cert", "client.key")  # Dask's settings of a client's certificates
GPU = "GPU"  # the resource that workers announce, and of which a run may ask one


@contextmanager
def local_cluster(workers: int, *, gpus: bool) -> Iterator[Client]:
    """Processes of this computer, which end with the context or with this process.

    They share the processor cores that this process may use evenly. gpus: each worker sees one
    GPU and announces it. Nobody else gets in: scheduler and workers talk through TLS, with a
    certificate that is made for this cluster and that only its processes have. Dask's
    configuration is left aside, and no module is taken from the working folder or from a folder
    that others may write to.
    """
    with _configuration(), _safe_path(), _private_folder() as own:
        from distributed import Client, Nanny, SpecCluster
        from distributed.security import Security

        from optlab.sweep.nodes import Scheduler, Worker

        threads = max(1, usable_cores() // workers)
        security = Security.temporary()
        place = {
            "host": "127.0.0.1",
            "protocol": "tls://",
            "security": security,
            "local_directory": own,  # Dask puts it on the module path: others must not write to it
        }
        specification = {}
        for number in range(workers):
            environment = {"OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
            if gpus:
                environment["CUDA_VISIBLE_DEVICES"] = visible_gpus()[number]
            specification[number] = {
                "cls": Nanny,
                "options": {
                    **place,
                    "worker_class": Worker,
                    "nthreads": 1,
                    "memory_limit": 0,  # what a run needs is its kernel's, which Dask ignores
                    "silence_logs": logging.CRITICAL,
                    "env": environment,
                    "resources": {GPU: 1} if gpus else {},
                },
            }
        try:
            cluster = SpecCluster(
                workers=specification,
                scheduler={"cls": Scheduler, "options": {**place, "port": 0}},
                security=security,
                silence_logs=logging.CRITICAL,
            )
        except Exception as error:
            why = _first_line(error)
            raise RunError(f"no cluster of {workers} starts on this computer: {why}") from None
        with cluster, Client(cluster) as client:
            yield client


@contextmanager
def existing_cluster(address: str) -> Iterator[Client]:
    """A scheduler that is there already; it and its workers go on after the context.

    RunError if none answers in the time that Dask's configuration allows for a connection, or
    if that configuration does not fit the address.
    """
    with _readable_configuration():
        from distributed import Client

    _require_address(address)
    if address.startswith("tls://"):
        _require_certificates(address)
    try:
        client = Client(address)
    except (OSError, ValueError) as error:
        if "certificate" in str(error):
            raise RunError(
                f"{address} does not accept Dask's certificates here; set those of its cluster: "
                + ", ".join(map(_variable, TLS))
            ) from None
        raise RunError(f"no Dask scheduler answers at {address}; is it tcp://HOST:8786?") from None
    except Exception as error:
        why = _first_line(error)
        raise RunError(f"--scheduler {address} is refused by Dask: {why}") from None
    with client:
        yield client


def visible_gpus() -> list[str]:
    """The names of the GPUs that this process may use, as CUDA_VISIBLE_DEVICES has them."""
    if (named := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        names = [name.strip() for name in named.split(",")]
        ends = [i for i, name in enumerate(names) if name in ("", "-1", "NoDevFiles")]
        return names[: ends[0]] if ends else names  # CUDA, too, ignores what follows one that is no
    import torch

    return [str(number) for number in range(torch.cuda.device_count())]


@contextmanager
def _readable_configuration() -> Iterator[None]:
    """Importing Dask reads its configuration. RunError in one line if that is damaged."""
    try:
        yield
    except ImportError:
        raise
    except Exception as error:
        why = _first_line(error)
        raise RunError(f"Dask cannot read its configuration; mend or remove it: {why}") from None


@contextmanager
def _configuration() -> Iterator[None]:
    """Dask's own defaults, whatever its files and the environment say: those settings are for
    other clusters, and some would end this one or load code."""
    with _readable_configuration():
        import dask
        import distributed  # noqa: F401  its defaults

    defaults = dask.config.merge(*dask.config.defaults)
    names = {*dask.config.config, *defaults}
    with dask.config.set({name: defaults.get(name) for name in names}):
        yield


@contextmanager
def _safe_path() -> Iterator[None]:
    """Let processes that start meanwhile take no module from the working folder; and undo what
    Dask sets in the environment for its workers."""
    from optlab.sweep.nodes import SAFE

    before = dict(os.environ)
    os.environ.setdefault("PYTHONSAFEPATH", SAFE)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)


@contextmanager
def _private_folder() -> Iterator[str]:
    """A folder that nobody else may look into; gone afterwards."""
    try:
        folder = tempfile.TemporaryDirectory(prefix="optlab-dask-", ignore_cleanup_errors=True)
    except OSError as error:
        raise RunError(
            f"there is no folder for temporary files ({error.strerror}); set TMPDIR to one"
        ) from None
    with folder as name:
        yield name


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0] or type(error).__name__


def _require_address(address: str) -> None:
    """RunError if no connection to it could be tried."""
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import get_backend

    try:
        scheme, place = parse_address(address)
        get_backend(scheme)
        parse_host_port(place)
    except (ValueError, RuntimeError) as error:
        why = _first_line(error)
        raise RunError(f"--scheduler {address} is refused ({why}); give tcp://HOST:8786") from None


def _require_certificates(address: str) -> None:
    """RunError if Dask's configuration has no certificates, or names files that are not there."""
    import dask

    paths = {name: dask.config.get(f"distributed.comm.tls.{name}", None) for name in TLS}
    if missing := [name for name in TLS[:2] if not paths[name]]:  # a key may be in cert's file
        variables = ", ".join(_variable(name) for name in missing)
        raise RunError(f"--scheduler {address} needs certificates; set {variables}")
    for name, path in paths.items():
        if path and "\n" not in path and not os.access(path, os.R_OK):
            raise RunError(f"--scheduler {address}: cannot read {path}; set {_variable(name)}")


def _variable(name: str) -> str:
    """The environment variable by which Dask takes a setting of its TLS."""
    return "DASK_DISTRIBUTED__COMM__TLS__" + name.upper().replace(".", "__").replace("-", "_")
