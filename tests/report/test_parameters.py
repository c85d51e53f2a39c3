"""check_parameters: what is refused, in which words, and what is the author's mistake."""

import subprocess
import sys

import pytest

from optlab.report import ParameterError, check_parameters, torch_device
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
