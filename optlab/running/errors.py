"""What can go wrong with a run, other than a fault in this program."""


class RunError(Exception):
    """The message is for a person: a line for each problem, each with its remedy."""


class CellError(RunError):
    """A notebook stopped in one of its cells; the message names it."""

    def __init__(self, message: str, traceback: str = "") -> None:
        super().__init__(message)
        self.traceback = traceback  # as Jupyter shows it, without colors


class Interrupted(RunError):
    """A signal ended the run; the message says where, and what is kept."""

    def __init__(self, message: str, signal: int = 2) -> None:
        super().__init__(message)
        self.signal = signal
