"""check_parameters: what is refused, in which words, and what is the author's mistake."""

import ast
import linecache
import subprocess
import sys

import pytest

from optlab.report import ParameterError, check_parameters, torch_device
from optlab.report.declarations import NoConstant, constant, declarations
from optlab.report.parameters import Kind


def check(value, annotation=float, rule="> 0", name="lr"):
    check_parameters({"__annotations__": {name: annotation}, name: value}, **{name: rule})


@pytest.mark.parametrize(
    ("annotation", "value", "rule"),
    [
        (float, 0.1, "> 0"),
        (float, 1, "> 0"),
        (float, 0, ">= 0"),
        (float, 0, "in [0, 1)"),
        (float, 1, "in (0, 1]"),
        (float, 1e300, "in (0, inf)"),
        (float, -1e-3, "in (-1e-2, 0)"),
        (int, 3, "<= 3"),
        (bool, True, "any"),
        (str, "cpu", ("auto", "cpu")),
        (int, 2, (1, 2, 4)),
        (list[float], [0.9, 0], "in [0, 1)"),
        (tuple[int, ...], (1, 2), "> 0"),
        (list, ["a", 1], "any"),
        ("list[str]", ["a"], ("a", "b")),
    ],
)
def test_accepted_in_silence(annotation, value, rule, capsys):
    check(value, annotation, rule)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("annotation", "value", "rule", "wanted"),
    [
        (float, -1, "> 0", "a float > 0"),
        (float, "banana", "> 0", "a float > 0"),
        (float, "0.1", "any", "a float"),
        (float, True, "> 0", "a float > 0"),
        (float, float("nan"), "any", "a finite float"),
        (float, float("inf"), "> 0", "a finite float > 0"),
        (float, 1, "in [0, 1)", "a float in [0, 1)"),
        (float, 0, "in (0, 1]", "a float in (0, 1]"),
        (int, 1.0, "> 0", "an int > 0"),
        (int, True, ">= 0", "an int >= 0"),
        (int, True, "any", "an int"),
        (int, 4, "< 4", "an int < 4"),
        (bool, 1, "any", "a bool"),
        (str, "tpu", ("auto", "cpu", "cuda"), "'auto', 'cpu' or 'cuda'"),
        (str, 1, "any", "a str"),
        (list[float], [0.9, 1.0], "in [0, 1)", "a list of floats, each in [0, 1)"),
        (list[float], 0.9, "in [0, 1)", "a list of floats, each in [0, 1)"),
        (list, ["a"], "> 0", "a list of values, each > 0"),
    ],
)
def test_refused_in_one_clear_line(annotation, value, rule, wanted):
    with pytest.raises(ParameterError) as caught:
        check(value, annotation, rule)
    assert str(caught.value) == (
        f"lr = {value!r} is refused: it must be {wanted}; "
        "change it in the parameters cell or with -p lr VALUE"
    )


def test_every_problem_is_reported_and_a_notebook_shows_nothing_else():
    namespace = {"__annotations__": {"a": int, "b": float, "c": str}, "a": -1, "b": 2, "c": "x"}
    with pytest.raises(ParameterError) as caught:
        check_parameters(namespace, a="> 0", b="> 0", c=("y", "z"))
    lines = caught.value._render_traceback_()
    assert [line.split()[0] for line in lines] == ["a", "c"]
    assert "\n".join(lines) == str(caught.value)


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        ({}, "parameter 'lr' has no rule"),
        ({"lr": "> 0", "mu": "> 0"}, "'mu' has a rule but is not an annotated parameter"),
        ({"lr": "positive"}, "cannot read the rule lr='positive'"),
        ({"lr": ()}, r"cannot read the rule lr=\(\)"),
        ({"lr": "in [0; 1]"}, "cannot read the rule"),
    ],
)
def test_a_wrong_call_is_the_authors_mistake(rules, words):
    with pytest.raises(TypeError, match=words):
        check_parameters({"__annotations__": {"lr": float}, "lr": 0.1}, **rules)


def test_a_declared_parameter_without_value_or_with_a_type_unknown_here():
    with pytest.raises(TypeError, match="parameter 'lr' has no value"):
        check_parameters({"__annotations__": {"lr": float}}, lr="> 0")
    with pytest.raises(TypeError, match="cannot check the type 'dict'"):
        check({}, dict, "any")


def test_a_type_reads_the_same_from_source_and_from_the_running_program():
    for annotation in (int, float, str, bool, list, list[float], tuple[int, ...]):
        text = annotation if isinstance(annotation, str) else str(annotation)
        text = text.removeprefix("<class '").removesuffix("'>")
        assert Kind.of(annotation) == Kind.of(text)


def test_cuda_where_there_is_none(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    line = "device = 'cuda' is refused: torch finds no CUDA device here; use device 'cpu' or 'auto'"
    with pytest.raises(ParameterError) as caught:
        check("cuda", str, ("auto", "cpu", "cuda"), name="device")
    assert str(caught.value) == line
    with pytest.raises(ParameterError, match="no CUDA device"):
        torch_device("cuda")
    assert torch_device("auto").type == "cpu"


def test_cuda_where_there_is_one(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    check("cuda", str, ("auto", "cpu", "cuda"), name="device")
    assert torch_device("auto").type == torch_device("cuda").type == "cuda"


def test_the_check_is_light():
    program = (
        "import sys; from optlab.report.parameters import problems;"
        "assert problems({'lr': 'float'}, {'lr': -1}, {'lr': '> 0'});"
        "sys.exit(' '.join({'torch', 'numpy', 'matplotlib'} & sys.modules.keys()) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


LINES = "seed: int = 0\nlr: float = 0.1  # step size"
CHECK = 'check_parameters(globals(), seed=">= 0", lr="> 0")'
BAD = "lr = 'x' is refused: it must be a float > 0;"


def run_cells(*cells, history=True, last_only=None):
    """As IPython runs them: statement by statement. last_only: keep annotations as Python 3.14
    does, where a module's globals have a function that gives those of the last statement."""
    namespace = {"check_parameters": check_parameters}
    if history:
        namespace["In"] = [""]
    for cell in cells:
        if history:
            namespace["In"].append(cell)
        for statement in ast.parse(cell).body:
            code = compile(ast.Module([statement], []), "cell", "exec", dont_inherit=True)
            exec(code, namespace)  # noqa: S102  (as a kernel does)
            if last_only and (own := namespace.pop("__annotations__", None)):
                namespace["__annotate__"] = lambda form, own=own: own
    return namespace


@pytest.mark.parametrize("last_only", [False, True])
@pytest.mark.parametrize("history", [False, True])
@pytest.mark.parametrize("between", ["# Parameters\nlr = 0.5", "x = 1"])
def test_types_are_found_wherever_python_keeps_them(last_only, history, between):
    run_cells(LINES, between, CHECK, history=history, last_only=last_only)
    with pytest.raises(ParameterError, match=BAD):
        run_cells(LINES, between, "lr = 'x'", CHECK, history=history, last_only=last_only)


@pytest.mark.parametrize(
    ("first", "refused"),
    [
        (LINES, False),
        ("from typing import Optional\nseed: Optional[int] = None\nlr: float = 0.1", False),
        ("seed: int = 0.5\nlr: float = 0.1", True),
    ],
)
def test_types_are_read_from_the_text_of_the_cells_alone(first, refused):
    cells = [first, CHECK]
    if refused:
        with pytest.raises(ParameterError, match=r"seed = 0\.5 is refused"):
            run_cells(*cells, last_only=True)
    else:
        run_cells(*cells, last_only=True)


def test_a_module_of_python_3_14_evaluates_its_annotations_when_asked():
    namespace = {"__annotate__": lambda form: {"seed": int, "lr": float}, "seed": 0, "lr": "x"}
    with pytest.raises(ParameterError, match=BAD):
        check_parameters(namespace, seed=">= 0", lr="> 0")
    with pytest.raises(TypeError, match="parameter 'lr' has no rule"):
        check_parameters(namespace, seed=">= 0")


def test_a_cell_that_was_edited_and_an_annotated_variable_elsewhere_do_not_count():
    run_cells(LINES + "\nold: int = 1", CHECK.replace("lr=", "old='any', lr="), LINES, CHECK)
    run_cells(LINES, "helper: dict = {}", CHECK, CHECK)
    with pytest.raises(TypeError, match="parameter 'mu' has no rule"):
        run_cells(LINES + "\nmu: float = 1", CHECK)


@pytest.mark.parametrize(
    "head", ["%matplotlib inline", "!pip install optlab", "# a comment", "%%time", "import math"]
)
def test_lines_that_only_ipython_reads_stand_beside_parameters(head):
    [seed, lr] = declarations(f"{head}\n{LINES}")
    assert (seed.name, seed.annotation, lr.name, lr.comment) == ("seed", "int", "lr", "step size")


def test_a_comment_tells_a_terminal_nothing():
    [one] = declarations("a: int = 1  # red \x1b[31mtext\x1b]0;title\x07\x9b and \u202eback")
    assert one.comment.isprintable()
    assert one.comment.startswith("red [31mtext")


@pytest.mark.parametrize(
    ("annotation", "accepted", "refused", "words"),
    [
        ("int | None", [1, None], [1.5, "a", True], "an int or None"),
        ("typing.Optional[float]", [1, 0.5, None], ["a"], "a float or None"),
        ("Literal['a', 'b']", ["a"], ["c", 1, None], "'a' or 'b'"),
        ("t.Literal[1, 2, None]", [1, None], [True, 3, "1"], "1 or 2 or None"),
        ("int | float", [1, 0.5], ["1", None], "a float"),
        ("tuple[float, float]", [(0.9, 1), [0, 1]], [(1,), (1, 2, 3), 1], "a tuple of 2 floats"),
        ("tuple[int, str]", [(1, "a")], [("a", 1)], "a tuple of int, str"),
        ("List[bool]", [[True]], [[1]], "a list of bools"),
        ("list[Literal['a', 'b']]", [["a"], []], [["c"]], "a list of strs, each 'a' or 'b'"),
        ("list[int] | None", [[1], None], [["a"]], "a list of ints or None"),
        ("'int'", [1], ["1"], "an int"),
        ("Final[int]", [1], ["1"], "an int"),
    ],
)
def test_types_that_authors_write(annotation, accepted, refused, words):
    for value in accepted:
        check(value, annotation, "any")
    for value in refused:
        with pytest.raises(ParameterError) as caught:
            check(value, annotation, "any")
        assert f"it must be {words};" in str(caught.value)


def test_a_rule_does_not_hold_for_none():
    check(None, "float | None", "> 0")
    with pytest.raises(ParameterError, match="it must be a float > 0 or None;"):
        check(-1, "float | None", "> 0")
    with pytest.raises(ParameterError, match="it must be 'a' or None;"):
        check("b", "str | None", ("a", None))


@pytest.mark.parametrize(
    "annotation", ["dict[str, int]", "list[list[int]]", "int | str", "Path", "np.ndarray", "f(x)"]
)
def test_any_other_type_is_refused_with_those_that_are_allowed(annotation):
    with pytest.raises(TypeError) as caught:
        Kind.of(annotation)
    assert str(caught.value) == (
        f"cannot check the type {annotation!r}; use int, float, str, bool, Literal[...], a list or"
        " tuple of them such as list[float], or one of these | None"
    )


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2**-3", 0.125),
        ("-(1 + 2) * 4 // 5", -3),
        ("[1 / 4, -2e-3]", [0.25, -0.002]),
        ("(1, 'a')", (1, "a")),
        ("float('inf')", float("inf")),
        ("None", None),
    ],
)
def test_constants_are_calculated(text, value):
    assert constant(ast.parse(text, mode="eval").body) == value


@pytest.mark.parametrize(
    "text",
    ["9**9**9", "1 / 0", "'a' * 10**9", "[0] * 9", "math.pi", "open('x')", "lr", "'%s' % 1"],
)
def test_what_must_be_run_is_no_constant(text):
    with pytest.raises(NoConstant):
        constant(ast.parse(text, mode="eval").body)


def test_a_seed_has_32_bits():
    check(2**32 - 1, int, ">= 0", name="seed")
    check(2**40, int, ">= 0", name="steps")
    for value in (2**32, 2**64, 10**30):
        with pytest.raises(ParameterError) as caught:
            check(value, int, ">= 0", name="seed")
        assert str(caught.value).startswith(
            f"seed = {value} is refused: it must be an int >= 0 and less than 2**32;"
        )


def test_the_text_of_a_cell_is_found_where_python_keeps_it_for_tracebacks():
    linecache.cache["a-cell"] = (1, None, [f"{line}\n" for line in LINES.splitlines()], "a-cell")
    space = {"seed": 1.5, "lr": 0.1, "types": {"lr": float}}
    exec(compile("def __annotate__(form): return types", "a-cell", "exec"), space)  # noqa: S102
    with pytest.raises(ParameterError, match="it must be an int >= 0"):
        check_parameters(space, seed=">= 0", lr="> 0")
