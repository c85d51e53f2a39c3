"""Kernels that find torch loaded: each is forked from a process that did nothing but import.

A kernel takes four seconds of a core to import what every chapter imports, and the tests start
some eighty. `install()` lets Jupyter in this process start a kernel of this interpreter by a fork
instead, wherever that makes no difference to what runs in it: it is a fresh process with a session,
folder, arguments and streams of its own, and its names, random numbers and threads are as at the
start of Python. Loaded are only modules that the chapters import first of all, or that load
themselves when they are named (torch's and optlab's), so that a forgotten import fails as ever;
and what optlab, torch and sympy load for themselves once they are used.
A kernel that is to get other environment variables than the tests have, other streams, or that is
not this interpreter's, is started as Jupyter starts it; so is every kernel where there is no Linux.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

# In the order in which they load fastest; all of them are what chapters import.
LOADED = ("numpy", "torch", "sympy", "matplotlib.figure", "IPython.display", "ipykernel.kernelapp")
# Loaded by optlab itself as soon as they are named: see optlab/__init__.py.
ROOMS = ("ops", "rules", "schedules", "symbolic", "optim", "grid", "online", "experiments")
ROOMS += ("report",)
# Loaded by optlab and torch for data and grids, and by sympy to simplify: four seconds of a core.
# No chapter's code has these names, nor does it need them to be loaded.
USED = ("sklearn.datasets", "torch._dynamo", "sympy.physics.units")
BACKEND = "module://matplotlib_inline.backend_inline"  # what a kernel sets for matplotlib to read
# Variables that are read where they are used, or by Jupyter only: they may differ. The last row
# are set by modules that tests import (jax, torch's inductor, scikit-learn), for themselves.
MAY_DIFFER = ("JPY_", "JUPYTER_", "PYTEST_", "PYDEVD_", "PWD", "OLDPWD", "SHLVL", "_")
MAY_DIFFER += ("JAX_", "TF_CPP_", "TPU_", "TORCHINDUCTOR_CACHE_DIR", "KMP_")
MAY_DIFFER += ("OPTLAB_",)  # ours are read where they are used


# In the process that starts kernels


class Forked:
    """A forked kernel, with what Jupyter uses of `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lines = connection.makefile("r")
        self.pid = int(self._lines.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """As Popen's; a kernel whose parent has gone has ended, too."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("kernel", timeout or 0)
            self.returncode = int(self._lines.readline() or -signal.SIGKILL)
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class Parent:
    """The process from which kernels are forked: started with the first of them, and ended with
    this process, however that ends."""

    def __init__(self) -> None:
        self.environment = dict(os.environ)
        self._requests: socket.socket | None = None

    def launch(self, arguments: list[str], environment: dict[str, str], cwd, streams) -> Forked:
        if self._requests is None:
            self._requests = self._start()
        ours, theirs = socket.socketpair()
        with theirs:
            # Absolute, since that process may have been started elsewhere.
            folder = str(Path(cwd).absolute())
            request = {"arguments": arguments, "environment": environment, "cwd": folder}
            message = json.dumps(request).encode()
            header = len(message).to_bytes(8, "big")
            fds = [theirs.fileno(), *(stream.fileno() for stream in streams)]
            socket.send_fds(self._requests, [header], fds)
            self._requests.sendall(message)
        return Forked(ours)

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            command = [sys.executable, __file__, str(theirs.fileno())]
            process = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=self.environment | {"MPLBACKEND": BACKEND},
                start_new_session=True,
            )
        atexit.register(process.wait)
        atexit.register(ours.close)  # before the wait: it is what ends the process
        return ours


def read(variables: dict[str, str]) -> dict[str, str]:
    """Those that modules may have read as they were loaded."""
    return {k: v for k, v in variables.items() if not k.startswith(MAY_DIFFER)}


def differs(environment: dict[str, str], own: dict[str, str]) -> bool:
    """Whether a variable differs that modules may have read as they were loaded."""
    return read(environment) != read(own)


def install() -> None:
    """From now on, fork the kernels that this process starts. Once is enough."""
    from jupyter_client.provisioning import local_provisioner

    start = local_provisioner.launch_kernel
    if sys.platform != "linux" or getattr(start, "forks", False):
        return
    parent = Parent()

    def launch_kernel(cmd, stdin=None, stdout=None, stderr=None, env=None, cwd=None, **more):
        env = dict(os.environ) if env is None else env
        streams = [sys.__stdout__ if stdout is None else stdout]
        streams += [sys.__stderr__ if stderr is None else stderr]
        if (
            cmd[:3] != [sys.executable, "-m", "ipykernel_launcher"]
            or differs(env, parent.environment)
            or stdin is not None
            or not all(hasattr(stream, "fileno") for stream in streams)
        ):
            return start(cmd, stdin=stdin, stdout=stdout, stderr=stderr, env=env, cwd=cwd, **more)
        return parent.launch(cmd[3:], env, cwd or Path.cwd(), streams)

    launch_kernel.forks = True
    launch_kernel.parent = parent
    local_provisioner.launch_kernel = launch_kernel


# In the process that kernels are forked from


def load() -> None:
    """Import what kernels are to find, and start no thread: a fork has but one."""
    from importlib import import_module

    for name in (*LOADED, *(f"optlab.{room}" for room in ROOMS), *USED):
        import_module(name)
    threads = len(os.listdir("/proc/self/task"))
    assert threads == 1, f"{threads} threads: a fork has only one of them"
    gc.collect()
    gc.freeze()  # what is loaded is looked through by no kernel, and so stays shared


def serve(requests: socket.socket) -> list[str]:
    """Fork a kernel for each request, until there is nobody to ask; say when one ends, and how.
    Returns in each kernel, with its arguments."""
    running: dict[int, socket.socket] = {}
    ended, noted = socket.socketpair()
    for end in (ended, noted):
        end.setblocking(False)
    signal.set_wakeup_fd(noted.fileno())
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    while True:
        ready, _, _ = select.select([requests, ended], [], [])
        if ended in ready:
            ended.recv(4096)
            _say_which(running)
        if requests in ready:
            request, fds = _receive(requests)
            if request is None:
                for pid in running:
                    os.kill(pid, signal.SIGKILL)
                sys.exit()
            asked, *streams = fds
            connection = socket.socket(fileno=asked)
            pid = os.fork()
            if pid == 0:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                for other in (requests, ended, noted, *running.values()):
                    other.close()
                arguments = _become(request, streams)
                # Told by the kernel, once signals for its group would not end its parent.
                connection.sendall(f"{os.getpid()}\n".encode())
                connection.close()
                return arguments
            for stream in streams:
                os.close(stream)
            running[pid] = connection


def _say_which(running: dict[int, socket.socket]) -> None:
    while running:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with running.pop(pid) as connection, suppress(OSError):  # who asked may have gone
            connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _receive(requests: socket.socket) -> tuple[dict | None, list[int]]:
    header, fds, _, _ = socket.recv_fds(requests, 8, 3)
    if not header:
        return None, []
    message = b""
    while len(message) < int.from_bytes(header, "big"):
        message += requests.recv(65536)
    return json.loads(message), fds


def _become(request: dict, streams: list[int]) -> list[str]:
    """Make this process what `python -m ipykernel_launcher` is at its start."""
    import numpy
    import torch

    os.setsid()
    for ours, stream in zip((1, 2), streams, strict=True):
        os.dup2(stream, ours)
        os.close(stream)
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["environment"])
    os.environ["JPY_PARENT_PID"] = str(os.getppid())
    numpy.random.seed()  # anew, as at the start of Python; the module random does so itself
    torch.default_generator.seed()
    # With its parent, the kernel ends; the variable was read as ipykernel was loaded.
    return [*request["arguments"], f"--IPKernelApp.parent_handle={os.getppid()}"]


def main() -> None:
    # The folder of this script is on no kernel's path.
    sys.path.pop(0)
    load()
    with socket.socket(fileno=int(sys.argv[1])) as requests:
        arguments = serve(requests)
    from ipykernel import kernelapp

    sys.argv[1:] = arguments
    kernelapp.launch_new_instance()


if __name__ == "__main__":
    main()
