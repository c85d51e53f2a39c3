"""What authors write and editors save: it runs, or one line says what cannot be read."""

import json

import nbformat
import pytest
from click.testing import CliRunner

from optlab.cli import main
from optlab.running.declared import read_parameters
from optlab.running.errors import RunError


@pytest.fixture
def book(sample, monkeypatch):
    monkeypatch.chdir(sample.parent.parent)
    return json.loads(sample.read_text())


@pytest.fixture
def optlab(book, sample):
    """Run the command on the notebook as it now is, or on whatever else is to be in the file."""

    def run(*arguments, content=None):
        sample.write_text(json.dumps(book) if content is None else content)
        return CliRunner().invoke(main, ["run", "99", *arguments])

    return run


def declare(book, line, rule="any"):
    """One more parameter, `x`."""
    book["cells"][1]["source"] += [f"\n{line}"]
    check = "".join(book["cells"][2]["source"]).replace("nesterov=", f"x={rule!r}, nesterov=")
    book["cells"][2]["source"] = check


# What stands in the cell; what -p gives, and as which value; what --help-parameters says.
ALLOWED = [
    ("x: Literal['a', 'b'] = 'a'  # which", "b", "b", "x: 'a' or 'b' (default 'a')  which"),
    ("x: int | None = None", "3", 3, "x: an int or None (default None)"),
    ("x: typing.Optional[float] = 2**-3", "None", None, "x: a float or None (default 0.125)"),
    (
        "x: tuple[float, float] = (0.9, 0.99)",
        "(0.5,1)",
        (0.5, 1.0),
        "x: a tuple of 2 floats (default (0.9, 0.99))",
    ),
    ("x: tuple[int, bool] = (1, True)", "2,false", (2, False), "x: a tuple of int, bool (default"),
    ("x: list[int] = [1]", "[1, 2]", [1, 2], "x: a list of ints (default [1])"),
    ("x: 'int' = -1", "-2", -2, "x: an int (default -1)"),
]


@pytest.mark.parametrize(("line", "text", "value", "described"), ALLOWED)
def test_types_that_authors_write(book, optlab, sample, line, text, value, described):
    declare(book, line)
    assert optlab("--help-parameters").stdout.splitlines()[-1].startswith(described)
    parameters = read_parameters(sample)
    accepted = parameters.accept([("x", text)])["x"]
    assert accepted == value
    assert type(accepted) is type(value)
    with pytest.raises(RunError, match=r"^x = .* is refused: it must be "):
        parameters.accept([("x", "?,?,?")])


NOT_ALLOWED = {
    "x: dict = {}": "parameters cell: cannot check the type 'dict'; use int, float,",
    "x: np.ndarray = 1": "parameters cell: cannot check the type 'np.ndarray'; use int,",
    "x: list[list[int]] = [[1]]": "parameters cell: cannot check the type 'list[list[int]]';",
    "x: float = math.pi": "parameters cell: line 8: the default of x, math.pi, is no constant;",
    "x: int = 9**9**9": "parameters cell: line 8: the default of x, 9 ** 9 ** 9, is no constant;",
    "x: float": "parameters cell: line 8: parameter x has no value; give it a default",
    "x: float = = 1": "parameters cell, line 8: invalid syntax",
    "x: int = 1; %matplotlib inline": "parameters cell, line 8: invalid syntax",
}


@pytest.mark.parametrize("line", NOT_ALLOWED)
def test_what_cannot_be_a_parameter(book, optlab, line):
    declare(book, line)
    refused(optlab(), NOT_ALLOWED[line])


def refused(result, words):
    assert result.exit_code == 2
    assert result.stderr.startswith("notebooks/99-sample.ipynb")
    assert words in result.stderr
    assert result.stderr.count("\n") == 1


RULES = {
    "lr=RULE": "the cell after the parameters: the rule lr=RULE is no literal; write it out",
    "lr='> 0', **more": "the cell after the parameters: **more cannot be read without running it",
    "": "check_parameters: parameter 'lr' has no rule",
    "lr='> 0', mu='any'": "check_parameters: 'mu' has a rule but is not an annotated parameter",
    "lr='positive'": "cannot read the rule lr='positive'; write",
    "lr=3": "cannot read the rule lr=3; write",
    "lr='> 0': 1": "the cell after the parameters, line 4: ",
}


@pytest.mark.parametrize("rule", RULES)
def test_rules_that_cannot_be_read(book, optlab, rule):
    check = "".join(book["cells"][2]["source"])
    assert 'lr="> 0",' in check
    book["cells"][2]["source"] = check.replace('lr="> 0",', f"{rule}," if rule else "")
    refused(optlab(), RULES[rule])


@pytest.mark.parametrize("head", ["%matplotlib inline", "%pip list", "!ls", "%%time", "?print"])
@pytest.mark.parametrize("cell", [1, 2])
def test_lines_for_ipython_in_the_first_cells(book, optlab, head, cell):
    book["cells"][cell]["source"] = [f"{head}\n", *book["cells"][cell]["source"]]
    result = optlab("--help-parameters")
    assert result.exit_code == 0, result.stderr
    assert "lr: a float > 0 (default 0.1)  step size" in result.stdout.splitlines()


def test_settings_beside_magics_are_recorded(book, optlab, sample):
    book["cells"][3]["source"] = '%matplotlib inline\nsizes = {"ci": {"runs": 2}}[scale]'
    book["cells"][4]["source"] = "this is not Python at all"
    optlab("--help-parameters")
    from optlab.running.declared import read_settings

    assert read_settings(sample, "ci") == {"runs": 2}


def test_a_comment_does_not_speak_to_the_terminal(book, optlab):
    declare(book, "x: int = 1  # \x1b[31mred\x1b]0;title\x07 text")
    [line] = [x for x in optlab("--help-parameters").stdout.splitlines() if x.startswith("x:")]
    assert line.isprintable()


@pytest.mark.parametrize("content", ["[]", "1", '"a"', "null", '{"cells": null}', '{"cells": {}}'])
def test_json_that_is_no_notebook(optlab, content):
    refused(optlab(content=content), "is not a notebook: it has no list of cells")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cells": [1]}, "is not a notebook: cell 1 has no type"),
        ({"cells": [{"cell_type": "code", "source": [1]}]}, "cell 1 has no text"),
        ({"cells": [{"cell_type": "code", "metadata": []}]}, "cell 1: its metadata are not a set"),
        ({"metadata": 3}, "its metadata are not a set of names and values"),
        ({"nbformat": 3, "cells": None, "worksheets": []}, "is a notebook of an old format"),
        ({"nbformat": 5}, "is a notebook of format 5; optlab reads 4"),
        ({"nbformat_minor": "x"}, "is a notebook of format 4.'x'"),
        ({"metadata": {"kernelspec": {"language": "R"}}}, "is written in R; optlab runs Python"),
        ({"metadata": {"language_info": {"name": "julia"}}}, "is written in julia;"),
    ],
)
def test_json_that_is_no_notebook_we_can_run(book, optlab, change, words):
    refused(optlab(content=json.dumps(book | change)), words)


def test_bytes_that_are_no_text(optlab, sample, book):
    optlab("--help-parameters")
    sample.write_bytes(b"\xff\xfe\x00")
    refused(CliRunner().invoke(main, ["run", "99"]), "is not a notebook: ")
    refused(optlab(content="[" * 100_000), "is not a notebook: maximum recursion depth")


def old_format(book, minor):
    book["nbformat_minor"] = minor
    for cell in book["cells"]:
        cell.pop("id", None)


def unfinished(book):
    """What tools leave out or set to null."""
    book["metadata"] = None
    for cell in book["cells"]:
        cell["metadata"] = cell["metadata"] or None
        cell.pop("outputs", None)
        cell.pop("execution_count", None)
    del book["cells"][0]["source"], book["cells"][0]["metadata"]


@pytest.mark.parametrize(
    "change",
    [
        unfinished,
        lambda book: book["metadata"].pop("kernelspec"),
        lambda book: old_format(book, 0),
        lambda book: old_format(book, 4),
        lambda book: old_format(book, 5),
        lambda book: [cell.update(id="same") for cell in book["cells"]],
    ],
    ids=["unfinished", "no language", "4.0", "4.4", "4.5 without ids", "equal ids"],
)
def test_notebooks_that_are_only_odd_run(book, optlab, sample, recwarn, change):
    book["cells"][3:] = [dict(book["cells"][3], source="print(lr)")]
    change(book)
    result = optlab("-p", "lr", "0.5")
    assert result.exit_code == 0, result.stderr
    made = nbformat.read(result.stdout.strip(), 4)
    assert "".join(o.get("text", "") for o in made.cells[-1].outputs) == "0.5\n"
    assert [line for line in result.stderr.splitlines() if line and "Executing" not in line] == []
    assert not recwarn.list
    book["cells"][3]["source"] = "1 / 0"
    sample.write_text(json.dumps(book))
    failed = CliRunner().invoke(main, ["outputs", "99"])
    assert failed.stderr.splitlines()[-2:] == [
        "notebooks/99-sample.ipynb: failed in cell 4, which begins: 1 / 0",
        "ZeroDivisionError: division by zero",
    ]


def test_text_that_is_no_utf_8(book, optlab):
    declare(book, "x: str = 'a'")
    result = optlab("-p", "x", "\udcff")
    assert result.exit_code == 2
    assert result.stderr == "x is refused: '\\udcff' is no text in UTF-8\n"
