"""Run the cells of a notebook one after the other, within limits, and say how it ended."""

# mypy: untyped-calls-exclude=nbclient

from __future__ import annotations

import asyncio
import contextlib
import re
import signal
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from queue import Empty
from types import FrameType
from typing import Any

from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete

from optlab.running.errors import RunError
from optlab.running.kernel import START_SECONDS, Kernel, private_folder
from optlab.running.streams import Stream

LARGEST = 50_000_000  # characters of a notebook's outputs
LOOK = 0.2  # seconds between looks whether the kernel lives
QUIET = 10.0  # seconds without a message after which a cell that has replied is taken as done
_ANSI = re.compile(r"\x1b\[[\d;]*m")


@dataclass(frozen=True)
class Stop:
    """Why a run stopped. index: the cell, or None before the first. what: one line, or the
    messages of refused parameters. error: whether the cell raised. signal: of an interrupt."""

    index: int | None
    what: str
    traceback: str = ""
    error: bool = False
    refused: bool = False
    signal: int = 0


class _Stopped(Exception):
    """Raised where the run is to go no further; `stop` says why, and in which cell once caught."""

    def __init__(
        self, what: str, traceback: str = "", *, error: bool = False, refused: bool = False
    ) -> None:
        super().__init__(what)
        self.stop = Stop(None, what, traceback, error=error, refused=refused)


class Client(NotebookClient):
    """nbclient's reading of messages, with streams merged as they come."""

    def __init__(self, book: Any) -> None:
        super().__init__(book, record_timing=False, store_widget_state=False)
        self.streams: dict[str, tuple[Any, Stream]] = {}
        self.heard = 0  # messages
        self.size = 0  # of the outputs of cells that are done, in characters
        self._shown = 0  # of those of this cell that are not a stream

    def open_cell(self) -> None:
        self.streams, self._shown = {}, 0
        self.clear_before_next_output = False

    def output(
        self, outs: list[Any], msg: dict[str, Any], display_id: str | None, cell_index: int
    ) -> Any:
        hooked = self.output_hook_stack[msg["parent_header"].get("msg_id")]
        if self.clear_before_next_output and not hooked:
            self.open_streams_are_gone()
        if msg["msg_type"] == "stream" and not hooked:
            if self.clear_before_next_output:
                outs[:] = []
                self.clear_display_id_mapping(cell_index)
                self.clear_before_next_output = False
            name, text = msg["content"]["name"], msg["content"]["text"]
            if name not in self.streams:
                message = {**msg, "content": {"name": name, "text": ""}}
                self.streams[name] = super().output(outs, message, None, cell_index), Stream()
            # One character beyond the limit is what ends the run; a kernel may send megabytes more.
            self.streams[name][1].add(text[: max(0, LARGEST + 1 - self.size - self.now)])
            return None
        out = super().output(outs, msg, display_id, cell_index)
        self._shown += _size(out)
        return out

    def clear_output(self, outs: list[Any], msg: dict[str, Any], cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        if not outs:
            self.open_streams_are_gone()

    def open_streams_are_gone(self) -> None:
        self.streams, self._shown = {}, 0

    def settle(self, cell: Any) -> None:
        """Write the text of the streams into the cell's outputs, standard output first."""
        for out, stream in self.streams.values():
            out["text"] = stream.text()
        outs = cell.outputs
        for i in range(len(outs) - 1):
            if (outs[i].get("name"), outs[i + 1].get("name")) == ("stderr", "stdout"):
                outs[i], outs[i + 1] = outs[i + 1], outs[i]

    def close_cell(self, cell: Any) -> None:
        self.settle(cell)
        self.size += self.now

    @property
    def now(self) -> int:
        return self._shown + sum(stream.size for _, stream in self.streams.values())


def _size(out: Any) -> int:
    data = out.get("data", {}) if out else {}
    return sum(len(text) if isinstance(text, str) else len(str(text)) for text in data.values())


class Runner:
    """One run of a notebook's cells, in place, in a kernel of its own.

    book: a notebook, as nbformat has it. cwd: the kernel's working folder. seconds: for all
    cells together, or None. after: called whenever a cell has run.
    """

    def __init__(
        self,
        book: Any,
        *,
        cwd: Path,
        seconds: float | None = None,
        after: Callable[[], None] = lambda: None,
    ) -> None:
        self._book, self._cwd, self._seconds = book, cwd, seconds
        self._after = after
        self._index: int | None = None
        self._signal = 0

    def run(self) -> Stop | None:
        """Run them; None if all did. RunError if the kernel does not start."""
        return _to_end(self._with_signals)

    async def _with_signals(self) -> Stop | None:
        task = asyncio.ensure_future(self._run())
        with _signals(self._interrupted, task):
            try:
                return await task
            except asyncio.CancelledError:
                if not self._signal:
                    raise
                return Stop(self._index, "interrupted", signal=self._signal)

    def _interrupted(self, task: asyncio.Future[Any], number: int) -> None:
        if not self._signal:  # a second one would only disturb the end
            self._signal = number
            task.cancel()

    async def _run(self) -> Stop | None:
        with private_folder() as folder:
            client, kernel = Client(self._book), Kernel.in_folder(folder)
            client.km, whole = kernel, False
            try:
                await kernel.begin(self._cwd)
                await self._connect(client, kernel)
                end = None if self._seconds is None else time.monotonic() + self._seconds
                for index, cell in enumerate(self._book.cells):
                    if cell.cell_type == "code" and cell.source.strip():
                        self._index = index
                        await self._cell(client, kernel, cell, index, end)
                        self._after()
                whole = True
                return None
            except _Stopped as stopped:
                return replace(stopped.stop, index=self._index)
            finally:
                if client.kc is not None:
                    client.kc.stop_channels()
                await kernel.end(now=not whole)

    async def _connect(self, client: Client, kernel: Kernel) -> None:
        client.kc = kernel.client()
        client.kc.start_channels()
        try:
            await client.kc.wait_for_ready(timeout=START_SECONDS)
            info = client.kc.kernel_info()
            reply = await asyncio.wait_for(client.async_wait_for_reply(info), START_SECONDS)
        except (RuntimeError, TimeoutError):
            alive = await kernel.is_alive()
            how = f"no answer in {START_SECONDS:g} s" if alive else "it died"
            words = kernel.last_words()
            raise RunError(
                f"the kernel does not start: {how}" + (f"; {words}" if words else "")
            ) from None
        if reply:
            self._book.metadata["language_info"] = reply["content"]["language_info"]

    async def _cell(
        self, client: Client, kernel: Kernel, cell: Any, index: int, end: float | None
    ) -> None:
        """Run one cell. _Stopped if the run is to go no further."""
        kc: Any = client.kc
        cell.outputs = []
        client.open_cell()
        client.code_cells_executed += 1
        asked = kc.execute(cell.source, store_history=True, stop_on_error=False)
        outputs = asyncio.ensure_future(self._outputs(client, asked, cell, index))
        replied = asyncio.ensure_future(_reply(kc, asked))
        died = asyncio.ensure_future(_death(kernel))
        tasks = (outputs, replied, died)
        try:
            left = None if end is None else max(end - time.monotonic(), 0.0)
            await _first_that_counts(outputs, replied, died, left)
            if outputs.done() and (error := outputs.exception()):
                raise error
            if not replied.done():
                if not died.done():
                    raise _Stopped(f"the limit of {self._seconds:g} s ran out")
                raise _Stopped("the kernel died; was there enough memory?")
            await self._rest(client, outputs)
            cell["execution_count"] = client.code_cells_executed
            _judge(cell, replied.result()["content"])
            if not await kernel.is_alive():
                raise _Stopped("the kernel died; was there enough memory?")
        finally:
            if not outputs.done():  # what it has said is on its way
                await asyncio.wait({outputs}, timeout=0.5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            client.close_cell(cell)

    async def _rest(self, client: Client, outputs: asyncio.Future[None]) -> None:
        """The outputs that arrive after the reply."""
        heard = -1
        while not outputs.done() and heard != client.heard:
            heard = client.heard
            await asyncio.wait({outputs}, timeout=QUIET)
        if outputs.done() and (error := outputs.exception()):
            raise error

    async def _outputs(self, client: Client, asked: str, cell: Any, index: int) -> None:
        kc: Any = client.kc
        while True:
            try:
                message = await kc.get_iopub_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            client.heard += 1
            try:
                client.process_message(message, cell, index)
            except CellExecutionComplete:
                return
            if client.size + client.now > LARGEST:
                raise _Stopped(
                    f"its outputs are too large: a run keeps {LARGEST // 10**6} MB of them; print"
                    " less"
                )


async def _first_that_counts(
    outputs: asyncio.Future[None],
    replied: asyncio.Future[Any],
    died: asyncio.Future[None],
    left: float | None,
) -> None:
    """Wait for the reply, the kernel's death, outputs that are too large, or the end of time."""
    waiting: set[asyncio.Future[Any]] = {outputs, replied, died}
    end = None if left is None else time.monotonic() + left
    while True:
        timeout = None if end is None else max(end - time.monotonic(), 0.0)
        done, waiting = await asyncio.wait(
            waiting, timeout=timeout, return_when=asyncio.FIRST_COMPLETED
        )
        too_large = outputs.done() and outputs.exception()
        if not done or replied.done() or died.done() or too_large:
            return


async def _reply(kc: Any, asked: str) -> Any:
    while True:
        with contextlib.suppress(Empty):
            message = await kc.get_shell_msg(timeout=1)
            if message["parent_header"].get("msg_id") == asked:
                return message


async def _death(kernel: Kernel) -> None:
    while await kernel.is_alive():
        await asyncio.sleep(LOOK)


def _judge(cell: Any, reply: dict[str, Any]) -> None:
    """_Stopped if the cell failed. Its tag `raises-exception` allows it to raise, not to exit."""
    if any(item.get("source") == "ask_exit" for item in reply.get("payload", ())):
        raise _Stopped("the cell ends the kernel with exit(); a run goes to its last cell")
    if reply["status"] == "ok" or "raises-exception" in cell.metadata.get("tags", ()):
        return
    name, value = reply.get("ename") or "", _ANSI.sub("", reply.get("evalue") or "").strip()
    traceback = _ANSI.sub("", "\n".join(reply.get("traceback") or ()))
    if name == "ParameterError":
        raise _Stopped(value, traceback, error=True, refused=True)
    if name == "SystemExit":
        name, value = f"SystemExit({value})", "a run goes to its last cell"
    raise _Stopped(f"{name or 'it failed'}: {value or _last_error(cell)}", traceback, error=True)


def _last_error(cell: Any) -> str:
    """Where an error has no text: the last line on standard error."""
    texts = [o.get("text", "") for o in cell.outputs if o.get("name") == "stderr"]
    lines = _ANSI.sub("", "".join(texts)).strip().splitlines()
    return lines[-1].strip() if lines else "the kernel gives no reason"


def _to_end(work: Callable[[], Coroutine[Any, Any, Stop | None]]) -> Stop | None:
    """Run it in an event loop of its own, in another thread where this one has a loop."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work())
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(work())).result()


@contextlib.contextmanager
def _signals(act: Callable[[asyncio.Future[Any], int], None], task: asyncio.Future[Any]) -> Any:
    """While it lasts, signals that end a program end the run in good order instead. In the main
    thread alone, and those that are ignored stay so."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    loop, before = asyncio.get_running_loop(), {}
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        handler: Callable[[int, FrameType | None], Any] | int | None = signal.getsignal(number)
        if handler not in (signal.SIG_IGN, None):
            before[number] = handler
            loop.add_signal_handler(number, act, task, number)
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            signal.signal(number, handler)
