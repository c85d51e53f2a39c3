"""Which workers of a cluster can do runs, and what is missing where none can."""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from optlab.sweep.cluster import GPU
from optlab.sweep.errors import Stopped
from optlab.sweep.estimate import counted

if TYPE_CHECKING:
    from distributed import Client

EVERY = 60.0  # seconds between two lines on what is missing
LOOK = 2.0  # seconds between two looks at the workers

FIT = "optlab-sweep"  # the resource of workers that can do runs, of which each run takes one
NEEDED = ("optlab", "distributed", "torch", "nbformat", "nbclient", "ipykernel")


@dataclass
class Workers:
    """The workers of a cluster, as this client has found them.

    New ones are asked what they have, and those that have all get the resource FIT: runs go to
    them alone, one at a time to each. local: the sweep's own workers, which come with it.
    """

    client: Client
    gpu: bool
    local: bool
    lacking: dict[str, str] = field(default_factory=dict)  # by address, what a worker lacks
    fit: set[str] = field(default_factory=set)
    told: set[str] = field(default_factory=set)  # of those that lack something
    able: set[str] = field(default_factory=set)  # those of the last look that could do runs
    stranded: bool = False  # whether, since this was last set to False, all of these were replaced

    def missing(self) -> str:
        """One line on what the sweep waits for; empty if some worker can do runs.

        Stopped if the scheduler does not answer any more.
        """
        information = self.client.scheduler_info()
        if "workers" not in information:
            raise Stopped("the scheduler is gone")
        known = information["workers"]
        if not self.local:
            self._look(known)
        fit = set(known) if self.local else self.fit
        able = {one for one in fit if not self.gpu or known[one].get("resources", {}).get(GPU)}
        if able and not self.able & known.keys():
            self.stranded = True
        if able:
            self.able = able
            return ""
        return self._missing(known, fit, information["address"])

    def _missing(self, known: dict[str, Any], fit: set[str], address: str) -> str:
        if not known and self.local:
            return "waiting for a worker: none is left on this computer, Dask starts another"
        if not known:
            gpu = " --resources GPU=1" if self.gpu else ""
            command = f"dask worker {address} --nthreads 1{gpu}"
            return f"waiting for a worker: the cluster has none; start one with: {command}"
        if not fit:
            worker, why = next(iter(self.lacking.items()))
            none = f"none of the {len(known)} workers can"
            can = none if len(known) > 1 else "the one worker cannot"
            return f"waiting for a worker: {can} do runs; {worker} {why}"
        return (
            f"waiting for a GPU: of {counted(len(fit), 'worker')}, none announces one; "
            "start workers with --resources GPU=1"
        )

    def unfit(self) -> str:
        """One line on workers that get no runs; empty if there are no new ones."""
        new = self.lacking.keys() - self.told
        self.told |= new
        if not new:
            return ""
        address = min(new)
        return f"{counted(len(new), 'worker')} cannot do runs: {address} {self.lacking[address]}"

    def _look(self, known: dict[str, Any]) -> None:
        self.fit &= known.keys()
        self.lacking = {one: why for one, why in self.lacking.items() if one in known}
        if not self.fit:
            self.lacking = {}  # somebody may have installed what was missing
        new = [address for address in known if address not in self.fit | self.lacking.keys()]
        if not new:
            return
        answers = self.client.run(_admission(), workers=new, on_error="return")
        for address, answer in answers.items():
            if answer == "":
                self.fit.add(address)
            else:
                self.lacking[address] = (
                    answer if isinstance(answer, str) else f"cannot be asked: {answer!r}"
                )


class Watch:
    """Says what a sweep waits for, at its start and every minute, while no worker can do runs."""

    def __init__(self, missing: Callable[[], str], say: Callable[[str], None]) -> None:
        """missing: what there is to say, or nothing. It is asked by one thread at a time."""
        self._missing, self._say = missing, say
        self._last, self._said_at = "", 0.0

    def look(self) -> bool:
        """Whether runs can be done; says what is missing if that is new, or was long ago."""
        line, now = self._missing(), time.monotonic()
        if line and (line != self._last or now - self._said_at >= EVERY):
            self._say(line)
            self._said_at = now
        self._last = line
        return not line

    @contextmanager
    def looking(self, then: Callable[[], None]) -> Iterator[None]:
        """Look every few seconds while the context lasts, whatever its thread waits for, and do
        something after each look that finds workers."""
        end = threading.Event()

        def look() -> None:
            while not end.wait(LOOK):
                try:
                    if self.look():
                        then()
                except Exception:
                    if end.wait(LOOK):  # the scheduler is gone or slow: the sweep will tell
                        return

        thread = threading.Thread(target=look, name="optlab-sweep-watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            end.set()
            thread.join(timeout=LOOK)


def _admission() -> Callable[..., Awaitable[str]]:
    """What a worker is asked. As a function within a function it travels by value, so that a
    worker without this package can read it, and say so."""
    from optlab.sweep.work import Job

    needed, resource = NEEDED, FIT
    given = {one.name for one in fields(Job)}

    async def admit(dask_worker: Any) -> str:
        """On a worker: what it lacks in words, or an empty text and the resource."""
        from dataclasses import fields
        from importlib import import_module
        from importlib.util import find_spec

        def there(name: str) -> bool:
            try:
                return find_spec(name) is not None
            except (ImportError, ValueError):
                return False

        missing = [name for name in needed if not there(name)]
        if missing:
            return f"lacks {', '.join(missing)}"
        try:
            known = {one.name for one in fields(import_module("optlab.sweep.work").Job)}
        except Exception as error:
            return f"has an optlab that cannot do runs: {type(error).__name__}: {error}"
        if known != given:
            return "has another version of optlab, which cannot do these runs"
        await dask_worker.set_resources(**{resource: 1})
        return ""

    return admit
