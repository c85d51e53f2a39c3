"""What --grid can say."""

import pytest

from optlab.report.parameters import Kind
from optlab.running.errors import RunError
from optlab.sweep.grid import name_and_values, read_values


@pytest.mark.parametrize(
    ("text", "annotation", "values"),
    [
        ("0,0.01, 0.1", "float", ["0", "0.01", "0.1"]),
        ("1e-4:1e-1:log4", "float", ["1e-4", "0.001", "0.01", "1e-1"]),
        ("1e-4:1e-3:log3", "float", ["1e-4", "0.000316228", "1e-3"]),
        ("0,0.1:0.4:lin4", "float", ["0", "0.1", "0.2", "0.3", "0.4"]),
        ("1:0:lin3", "float", ["1", "0.5", "0"]),
        ("16:128:log4", "int", ["16", "32", "64", "128"]),
        ("[1,2],[3],4", "list[int]", ["[1,2]", "[3]", "4"]),
        ("a:b,c", "str", ["a:b", "c"]),
        ("1e-308:1e308:log5", "float", ["1e-308", "1e-154", "1", "1e+154", "1e308"]),
        ("-1.5e308:1.5e308:lin3", "float", ["-1.5e308", "0", "1.5e308"]),
        ("5e-324:1:log3", "float", ["5e-324", "2.22276e-162", "1"]),
        ('"a,b"', "str", ["a,b"]),
        (""" 'a,b' , c,"d" """, "str", ["a,b", "c", "d"]),
        ('"say ""a,b""",""', "str", ['say "a,b"', ""]),
        ("it's,that's", "str", ["it's", "that's"]),
        ('"a,b', "str", ['"a', "b"]),
        ("f(x,y),[a,b]", "str", ["f(x,y)", "[a,b]"]),
        ("(0.9,0.99),(0.8,1)", "tuple[float, ...]", ["(0.9,0.99)", "(0.8,1)"]),
        ("[1,2],3", "tuple[int, ...]", ["[1,2]", "3"]),
    ],
)
def test_values(text, annotation, values):
    assert read_values("x", text, Kind.of(annotation)) == values


@pytest.mark.parametrize(
    ("text", "annotation", "reason"),
    [
        ("1,,2", "float", "there is an empty value"),
        ("1:2", "float", "write a range as LOW:HIGH:logN or LOW:HIGH:linN"),
        ("1:2:geo3", "float", "write a range as LOW:HIGH:logN or LOW:HIGH:linN"),
        ("a:2:log3", "float", "its ends must be numbers"),
        ("0:1:log3", "float", "the ends of a logarithmic range must be > 0"),
        ("1:1:lin3", "float", "it needs two different ends and 2 to 10000 values"),
        ("1:inf:lin3", "float", "it needs two different ends and 2 to 10000 values"),
        ("nan:1:lin3", "float", "it needs two different ends and 2 to 10000 values"),
        ("-inf:1:lin3", "float", "it needs two different ends and 2 to 10000 values"),
        (",", "str", "there is an empty value"),
        ("1,", "float", "there is an empty value"),
        ("1:2:lin1", "float", "it needs two different ends and 2 to 10000 values"),
        ("1:2:lin99999999", "float", "it needs two different ends and 2 to 10000 values"),
        ("10:100:log3", "int", "31.6228 is no int; list the values instead"),
    ],
)
def test_refused(text, annotation, reason):
    with pytest.raises(RunError, match=f"^--grid x={text} is refused: {reason}$"):
        read_values("x", text, Kind.of(annotation))


def test_name():
    assert name_and_values("lr=1,2") == ("lr", "1,2")
    for text in ("lr", "=1", "lr="):
        with pytest.raises(RunError, match="write --grid NAME=VALUE,VALUE,…"):
            name_and_values(text)
