"""What a cell prints, as a terminal would have left it, in time that grows with its length only."""

from __future__ import annotations

LINE = 12  # characters that a notebook's file has around each line


class Stream:
    """One stream of a cell. `size` is about that of what is kept so far, in a notebook's file.

    A carriage return takes back its line, unless a line feed follows, and a backspace the
    character before it, so that a progress bar of hours is one line.
    """

    def __init__(self) -> None:
        self._lines: list[str] = []  # finished
        self._open: list[str] = []  # of the last line, which may still be taken back
        self._settled = 0  # characters of it when it was last looked through
        self._length = 0
        self._done = 0

    @property
    def size(self) -> int:
        return self._done + self._length

    def add(self, text: str) -> None:
        head, feed, tail = text.rpartition("\n")
        if feed:
            for line in ("".join(self._open) + head).split("\n"):
                self._lines.append(_settled(line) + "\n")
                self._done += len(self._lines[-1]) + LINE
            self._open, self._length, self._settled = [], 0, 0
        if tail:
            self._open.append(tail)
            self._length += len(tail)
        if self._length > 2 * self._settled + 10_000:
            # A carriage return at the end is left, since a line feed may follow.
            line = _settled("".join(self._open))
            self._open, self._length, self._settled = [line], len(line), len(line)

    def text(self) -> str:
        return "".join(self._lines) + _settled("".join(self._open))


def _settled(line: str) -> str:
    """A line without line feed, after its backspaces and carriage returns."""
    if "\b" in line:
        kept: list[str] = []
        for character in line:
            if character == "\b" and kept and kept[-1] not in "\b\r":
                kept.pop()
            else:
                kept.append(character)
        line = "".join(kept)
    return line[line.rfind("\r", 0, len(line) - 1) + 1 :] if "\r" in line[:-1] else line
