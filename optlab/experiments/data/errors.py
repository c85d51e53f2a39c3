"""What can go wrong with a data set."""


class DataError(RuntimeError):
    """A data set that cannot be had as it was published; the message is one line with a remedy."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the message alone, without the stack above it."""
        return [str(self)]
