"""The kernel of a run: this interpreter's, reached by nobody else, and ended with its children."""

# mypy: untyped-calls-exclude=jupyter_client

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_async

from optlab.running import packer
from optlab.running.errors import RunError

# Of the kernel application, not of what runs in it; it logs as an error that it is asked to end.
ARGUMENTS = [
    "--log-level=CRITICAL",
    "--HistoryManager.hist_file=:memory:",
    f"--Session.packer={packer.NAME}",
]
LONGEST = 80  # bytes of a folder's name; a socket's whole name has some 100
MARK = "JPY_OPTLAB_RUN"  # what a kernel and all processes that it starts have in common
START_SECONDS = 60.0


class Kernel(AsyncKernelManager):
    """A kernel of this interpreter, whatever kernels are installed, with sockets in `folder`.

    Of free ports, as Jupyter takes them, two kernels that start at once may get the same, and
    others on this computer may connect to them.
    """

    folder: Path
    mark: str

    @property
    def kernel_spec(self) -> KernelSpec:
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        return KernelSpec(argv=command, display_name="Python 3", language="python", name="python3")

    @classmethod
    def in_folder(cls, folder: Path) -> Kernel:
        kernel = cls(kernel_name="python3", transport="ipc", ip=str(folder / "kernel"))
        kernel.connection_file = str(folder / "connection.json")
        kernel.session.packer = packer.NAME
        kernel.folder, kernel.mark = folder, secrets.token_hex(16)
        return kernel

    async def begin(self, cwd: Path) -> None:
        """Start the process. RunError if it cannot be started."""
        try:
            with (self.folder / "errors").open("wb") as errors:
                await self.start_kernel(
                    extra_arguments=ARGUMENTS,
                    cwd=str(cwd),
                    env={**os.environ, MARK: self.mark},
                    stdout=errors,
                    stderr=errors,
                )
        except (OSError, RuntimeError) as error:
            raise RunError(f"the kernel does not start: {error}") from None

    def last_words(self) -> str:
        """The last line that the kernel's process wrote, other than from the notebook."""
        try:
            text = (self.folder / "errors").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1][:300] if lines else ""

    async def end(self, *, now: bool) -> None:
        """End it, and all that it has started. now: without asking."""
        try:
            if self.has_kernel:
                await self.shutdown_kernel(now=now)
        except (OSError, RuntimeError):
            pass  # it has ended already
        finally:
            end_marked(self.mark)
            await ensure_async(self.cleanup_resources())


def end_marked(mark: str) -> None:
    """Kill the processes with this mark in their environment: a kernel's children, also those
    that have left its group, and none else's."""
    wanted, processes = f"{MARK}={mark}".encode(), Path("/proc")
    for _ in range(3):  # some may be starting others
        found = False
        for entry in processes.glob("[0-9]*/environ"):
            with contextlib.suppress(OSError):
                if wanted in entry.read_bytes().split(b"\0"):
                    os.kill(int(entry.parent.name), signal.SIGKILL)
                    found = True
        if not found:
            return


@contextlib.contextmanager
def private_folder() -> Iterator[Path]:
    """A folder for this user alone, whose name is short enough for sockets; gone afterwards."""
    places = [tempfile.gettempdir(), os.environ.get("XDG_RUNTIME_DIR", ""), "/tmp", "/var/tmp"]
    for place in places:
        if not place or len(os.fsencode(place)) > LONGEST - len("/optlab-xxxxxxxx"):
            continue
        try:
            folder = Path(tempfile.mkdtemp(prefix="optlab-", dir=place))
        except OSError:
            continue
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        return
    raise RunError(
        "a kernel needs a folder for its sockets, and there is none with a short name that can be"
        " written to; set TMPDIR to one"
    )
