"""What a person sees while a sweep runs, on stderr: a bar in a terminal, else a line a run."""

from __future__ import annotations

import sys
from types import TracebackType

from tqdm import tqdm

from optlab.sweep.plan import Plan, Run
from optlab.sweep.stored import FINISHED, RunRecord


class Progress:
    """Use as a context; the bar ends with it."""

    def __init__(self, plan: Plan, number: int) -> None:
        self._swept, self._failed = list(plan.swept), 0
        self._bar = tqdm(total=number, unit="run", file=sys.stderr, disable=None)

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: object, traceback: TracebackType | None
    ) -> None:
        self._bar.close()

    def ended(self, run: Run, record: RunRecord) -> None:
        """A run has ended, and is kept."""
        failed = record.status != FINISHED
        self._failed += failed
        if self._failed:
            self._bar.set_postfix(failed=self._failed)
        self._bar.update()
        if self._bar.disable or failed:
            what = _line(record.error) if failed else f"{record.seconds:.1f} s"
            self.say(f"{self._name(run)}: {what}")

    def retried(self, run: Run, error: str) -> None:
        """A run has failed, and will be tried again."""
        self.say(f"{self._name(run)}: to be tried again: {_line(error)}")

    def _name(self, run: Run) -> str:
        return " ".join(f"{name}={run.parameters[name]}" for name in self._swept)

    def say(self, text: str) -> None:
        """A line that stays, above the bar if there is one."""
        tqdm.write(text, file=sys.stderr)
        sys.stderr.flush()


def _line(text: str) -> str:
    return ": ".join(text.splitlines())
