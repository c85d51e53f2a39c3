"""Streams: as a terminal leaves them, in pieces of any size, in linear time."""

import time

import pytest

from optlab.running.streams import Stream


def kept(*pieces):
    stream = Stream()
    for piece in pieces:
        stream.add(piece)
    return stream.text()


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\nb", "a\nb"),
        ("10 %\r20 %\r30 %\ndone", "30 %\ndone"),
        ("windows\r\nline\r\n", "windows\r\nline\r\n"),
        ("at the end\r", "at the end\r"),
        ("abc\b\bd\n", "ad\n"),
        ("\babc", "\babc"),
        ("one\n\r\rtwo\rthree\n", "one\nthree\n"),
        ("", ""),
    ],
)
def test_a_terminals_characters_wherever_the_pieces_are_cut(text, left):
    assert kept(text) == left
    assert kept(*text) == left
    for cut in range(len(text)):
        assert kept(text[:cut], text[cut:]) == left


def test_a_progress_bar_of_hours_is_one_line():
    stream = Stream()
    for step in range(50_000):
        stream.add(f"\r{step:5d} of 50000 steps")
        assert stream.size < 60_000
    assert stream.text() == "49999 of 50000 steps"


def seconds(pieces):
    start = time.process_time()
    kept(*pieces)
    return time.process_time() - start


@pytest.mark.parametrize("piece", ["x", "x\r", "xy\b", "x\n"])
def test_the_time_grows_with_the_length(piece):
    short, long = (min(seconds([piece * 50] * n) for _ in range(3)) for n in (2_000, 16_000))
    assert long < 8 * 4 * short + 0.02


def test_a_long_line_may_end_as_on_windows_wherever_it_is_cut():
    long = "x" * 30_000
    assert kept(f"{long}\r", "\n") == kept(f"{long}\r\n") == f"{long}\r\n"
    assert kept(f"{long}\r", "y\n") == "y\n"
    assert kept(long, "\b" * 29_999, "y") == "xy"
