"""A cluster on this computer is its owner's alone, whatever Dask is configured to do."""

import asyncio
import gc
import os
import socket
import ssl
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import dask
import psutil
import pytest
from distributed import Client
from distributed.comm import connect
from distributed.security import Security

from optlab.sweep import cluster

SECONDS = 5  # of patience with what must not answer

# What people set for other clusters: encryption, pages, folders, code to load, an early end.
SETTINGS = {
    "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION": "True",
    "DASK_DISTRIBUTED__COMM__DEFAULT_SCHEME": "'ws'",
    "DASK_DISTRIBUTED__COMM__TLS__CA_FILE": "/nowhere/ca.pem",
    "DASK_DISTRIBUTED__SCHEDULER__PRELOAD": "['no_such_module']",
    "DASK_DISTRIBUTED__SCHEDULER__IDLE_TIMEOUT": "1ms",
    "DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES": "['no_such_module']",
    "DASK_DISTRIBUTED__WORKER__PRELOAD": "['no_such_module']",
    "DASK_DISTRIBUTED__WORKER__LIFETIME__DURATION": "1ms",
    "DASK_DISTRIBUTED__WORKER__RESOURCES__GPU": "7",
    "DASK_DISTRIBUTED__NANNY__PRELOAD": "['no_such_module']",
    "DASK_DISTRIBUTED__NANNY__ENVIRON__OMP_NUM_THREADS": "77",
    "DASK_SCHEDULER_ADDRESS": "tcp://127.0.0.1:9",
    "DASK_TEMPORARY_DIRECTORY": "/nowhere",
}


def listening():
    """The ports of this process and those that it has started."""
    found = set()
    for process in [psutil.Process(), *psutil.Process().children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):  # an earlier test's, which has ended meanwhile
            found |= {
                connection.laddr.port
                for connection in process.net_connections("inet")
                if connection.status == psutil.CONN_LISTEN
            }
    return found


@pytest.fixture(scope="module")
def others():
    """The ports before there was a cluster."""
    return listening()


@pytest.fixture(scope="module")
def client(tmp_path_factory, others):
    """Of a cluster with one worker, started under those settings."""
    folder = tmp_path_factory.mktemp("configuration")
    (folder / "site.yaml").write_text("distributed: {worker: {daemon: false, connections: {}}}")
    before = dict(os.environ)
    os.environ.update(SETTINGS)
    dask.config.refresh(paths=[str(folder)])
    try:
        with cluster.local_cluster(1, gpus=False) as client:
            client.wait_for_workers(1, timeout=60)
            yield client
    finally:
        assert os.environ == before | SETTINGS
        for name in SETTINGS:
            del os.environ[name]
        dask.config.refresh()


@pytest.fixture(autouse=True)
def _no_half_made_client_left():
    """One that is collected while another starts would wait for it for ever, and be waited for."""
    yield
    gc.collect()


def addresses(client):
    """Of the scheduler, the worker and its nanny."""
    workers = client.scheduler_info()["workers"]
    return [
        client.scheduler.address,
        *workers,
        *(worker["nanny"] for worker in workers.values()),
    ]


def environment():
    return {name: os.environ.get(name) for name in ("PYTHONSAFEPATH", "OMP_NUM_THREADS")}


def test_it_works_under_any_configuration(client):
    assert client.submit(sum, [1, 2]).result(SECONDS * 4) == 3
    assert client.submit(environment).result() == {
        "PYTHONSAFEPATH": None,
        "OMP_NUM_THREADS": str(cluster.usable_cores()),
    }
    [worker] = client.scheduler_info()["workers"].values()
    assert worker["resources"] == {}
    assert len(addresses(client)) == 3
    assert all(address.startswith("tls://127.0.0.1:") for address in addresses(client))


def refused(address, **options):
    async def attempt():
        comm = await connect(address, timeout=SECONDS, **options)
        try:
            await comm.write({"op": "identity", "reply": True})
            return await asyncio.wait_for(comm.read(), SECONDS)
        finally:
            comm.abort()

    # In a thread of its own: after a test with a browser, this one has an event loop that runs.
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises((OSError, TimeoutError, asyncio.TimeoutError)),
    ):
        pytest.fail(f"{address} answers {pool.submit(lambda: asyncio.run(attempt())).result()}")
    return True


def test_nobody_without_its_certificate_gets_in(client):
    stranger = Security.temporary()
    for address in addresses(client):
        assert refused(address, **stranger.get_connection_args("client"))
        assert refused(address.replace("tls://", "tcp://"))
    with pytest.raises(OSError, match="certificate does not match"):
        Client(client.scheduler.address, security=stranger, timeout=1)


def test_a_scheduler_with_tls_takes_who_has_its_certificates(client, tmp_path):
    def settings(security):
        pem = {
            "ca-file": security.tls_ca_file,
            "client.cert": security.tls_client_cert,
            "client.key": security.tls_client_key,
        }
        for name, text in pem.items():
            (tmp_path / name).write_text(text)
        return {f"distributed.comm.tls.{name}": str(tmp_path / name) for name in pem}

    address = client.scheduler.address
    with (
        dask.config.set(settings(client.security)),
        cluster.existing_cluster(address) as other,
    ):
        assert other.submit(sum, [2, 3]).result(SECONDS) == 5
    with (
        dask.config.set(settings(Security.temporary())),
        pytest.raises(cluster.RunError, match=r"does not accept .* set those of its cluster: DASK"),
    ):
        cluster.existing_cluster(address).__enter__()


def test_nothing_else_listens_and_no_port_shows_a_page(client, others):
    ports = listening() - others
    assert ports == {int(address.rpartition(":")[2]) for address in addresses(client)}
    plain = ssl.create_default_context()
    plain.check_hostname, plain.verify_mode = False, ssl.CERT_NONE

    def answer(port, encrypted):
        """To a browser: nothing, though it may take a while to be shown the door."""
        try:
            with socket.create_connection(("127.0.0.1", port), SECONDS) as connection:
                if encrypted:
                    connection = plain.wrap_socket(connection)
                connection.sendall(b"GET /info/main/workers.html HTTP/1.0\r\n\r\n")
                return connection.recv(100)
        except OSError:
            return b""

    with ThreadPoolExecutor() as pool:
        asked = [(port, encrypted) for port in ports for encrypted in (False, True)]
        assert set(pool.map(lambda one: answer(*one), asked)) == {b""}


def scratch(dask_worker):
    return dask_worker.local_directory


def module_path():
    return sys.path


def test_its_folders_are_closed_to_others(client):
    [folder] = client.run(scratch).values()
    [path] = client.run(module_path).values()
    private = next(parent for parent in Path(folder).parents if parent.name.startswith("optlab-"))
    assert stat.S_IMODE(private.stat().st_mode) == 0o700
    assert private.stat().st_uid == os.getuid()
    for place in {*map(Path, path), *map(Path, sys.path)}:
        if place.is_relative_to(Path(cluster.tempfile.gettempdir())) and "dask" in str(place):
            assert place.is_relative_to(private)


def test_a_damaged_configuration_is_named_in_one_line(tmp_path):
    (tmp_path / "damaged.yaml").write_text("distributed: [")
    program = (
        "from optlab.running.errors import RunError\n"
        "from optlab.sweep.cluster import existing_cluster, local_cluster\n"
        "for made in local_cluster(1, gpus=False), existing_cluster('tcp://127.0.0.1:9'):\n"
        "    try: made.__enter__()\n"
        "    except RunError as error: print(error)"
    )
    environment = {**os.environ, "DASK_CONFIG": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment
    )
    lines = done.stdout.splitlines()
    assert len(lines) == 2, done.stderr
    for line in lines:
        assert line.startswith("Dask cannot read its configuration; mend or remove it: ")
        assert "damaged.yaml" in line


@pytest.mark.parametrize(
    ("address", "settings", "line"),
    [
        ("tls://127.0.0.1:9", {}, r"needs certificates; set DASK_DISTRIBUTED__COMM__TLS__CA_FILE,"),
        ("tls://127.0.0.1:9", {"ca-file": "/no/ca", "client.cert": "/no/c"}, "cannot read /no/ca;"),
        ("tcp://127.0.0.1:9", {"require": True}, "is refused by Dask: .*encryption"),
        (
            "nonsense://127.0.0.1:9",
            {},
            r"^--scheduler nonsense://.* is refused \(.*; give tcp",
        ),
        ("tcp://127.0.0.1:x", {}, r"^--scheduler tcp://127.0.0.1:x is refused \(.*; give tcp:"),
        ("tcp://127.0.0.1", {}, r"^--scheduler tcp://127.0.0.1 is refused \(.*; give tcp:"),
        ("", {}, r"^--scheduler  is refused \(.*; give tcp:"),
        ("127.0.0.1:9", {}, "no Dask scheduler answers at 127"),
    ],
)
def test_a_scheduler_that_cannot_be_reached_is_one_line(address, settings, line):
    tls = {f"distributed.comm.tls.{k}": v for k, v in settings.items() if k != "require"}
    more = {
        "distributed.comm.require-encryption": settings.get("require"),
        "distributed.comm.timeouts.connect": "300ms",
    }
    with dask.config.set(tls | more), pytest.raises(cluster.RunError, match=line) as caught:
        cluster.existing_cluster(address).__enter__()
    assert "\n" not in str(caught.value)


def test_workers_that_do_not_start_are_one_line(monkeypatch):
    def fail(*arguments, **options):
        raise RuntimeError("Nanny failed to start.\nmore")

    monkeypatch.setattr("distributed.SpecCluster", fail)
    with pytest.raises(
        cluster.RunError, match=r"^no cluster of 2 starts .*: Nanny failed to start.$"
    ):
        cluster.local_cluster(2, gpus=False).__enter__()


def test_no_folder_for_temporary_files_is_one_line(monkeypatch):
    monkeypatch.setattr(cluster.tempfile, "tempdir", "/nowhere")
    with pytest.raises(cluster.RunError, match=r"^there is no folder .* set TMPDIR to one$"):
        cluster.local_cluster(2, gpus=False).__enter__()
