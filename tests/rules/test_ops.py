"""The operations: by hand on numbers, the same on tensors and lists, refused elsewhere."""

import re
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg
import torch
from walk import assert_same, randn, tensor

from optlab import ops
from optlab.optim.tensorlist import TensorList
from optlab.symbolic import vector

ELEMENTWISE = [
    (ops.sqrt, (9.0,), 3.0),
    (ops.sign, (-2.0,), -1),
    (ops.sign, (0.0,), 0),
    (ops.sign, (5,), 1),
    (ops.maximum, (2.0, 3.0), 3.0),
    (ops.maximum, (-2.0, -3.0), -2.0),
    (ops.minimum, (2.0, 3.0), 2.0),
    (ops.minimum, (3.0, 2.0), 2.0),
    (ops.divide, (3.0, 2.0), 1.5),
    (ops.divide, (0.0, 0.0), 0.0),
    (ops.divide, (-3.0, 0.0), -3.0),
    (ops.ratio, (3.0, 2.0), 1.5),
    (ops.ratio, (0.0, 2.0), 1.0),
    (ops.ratio, (3.0, 0.0), 1.0),
    (ops.ratio, (0.0, 0.0), 1.0),
]


@pytest.mark.parametrize(("operation", "args", "value"), ELEMENTWISE)
def test_on_numbers_tensors_and_lists(operation, args, value):
    assert operation(*args) == value
    on_tensors = operation(*(tensor([a, a]) for a in args))
    assert on_tensors.tolist() == [value, value]
    on_lists = operation(*(TensorList([tensor(a), tensor([a])]) for a in args))
    assert [x.tolist() for x in on_lists.tensors] == [value, [value]]


@pytest.mark.parametrize("operation", [ops.maximum, ops.minimum])
@pytest.mark.parametrize("number", [2.0, 2])
def test_a_number_may_stand_on_either_side(operation, number):
    x = tensor([1.0, 3.0])
    expected = [operation(2.0, 1.0), operation(2.0, 3.0)]
    assert operation(x, number).tolist() == operation(number, x).tolist() == expected
    for listed in (operation(TensorList([x]), number), operation(number, TensorList([x]))):
        assert listed.tensors[0].tolist() == expected


def test_a_number_over_a_tensor():
    assert ops.divide(2.0, tensor([4.0, 0.0])).tolist() == [0.5, 2.0]
    assert ops.ratio(2.0, tensor(4.0)).item() == 0.5
    assert [x.tolist() for x in ops.divide(2.0, TensorList([tensor([4.0, 0.0])])).tensors] == [
        [0.5, 2.0]
    ]


@pytest.mark.parametrize("operation", [ops.maximum, ops.minimum, ops.divide])
def test_nan_is_not_hidden(operation):
    x, y = tensor([float("nan"), 1.0]), tensor([1.0, float("nan")])
    assert operation(x, y).isnan().all()


def test_whole_tensors_by_hand():
    x = tensor([[1.0, -2.0, 2.0], [0.0, 4.0, 0.0]])
    assert ops.norm(x).item() == 5
    assert ops.mean(x).item() == pytest.approx(5 / 6)
    assert ops.row_sums(x).tolist() == [[1], [4]]
    assert ops.column_sums(x).tolist() == [[1, 2, 2]]
    assert_same(ops.row_means(x), [[1 / 3], [4 / 3]])
    assert_same(ops.column_means(x), [[0.5, 1, 1]])
    assert ops.zero_rows(x).tolist() == [[0], [0]]
    assert ops.zero_columns(x).tolist() == [[0, 0, 0]]
    assert ops.zero_matrix(x).shape == (6, 6)
    assert ops.outer(tensor([1.0, 2.0]), tensor([3.0, 5.0])).tolist() == [[3, 5], [6, 10]]


def test_rows_and_columns_are_those_of_the_last_two_dimensions():
    x = randn(4, 2, 3)
    for operation in ops.OF_ROWS_AND_COLUMNS:
        assert_same(operation(x), torch.stack([operation(matrix) for matrix in x]))


def test_a_number_is_a_tensor_of_one_entry():
    for operation in (ops.norm, ops.mean, *ops.OF_ROWS_AND_COLUMNS):
        assert operation(tensor([[3.0]])).item() == operation(3.0)
    assert ops.norm(-3.0) == 3
    assert ops.solve_root(9.0, 1.0, 8.0) == 2
    assert_same(ops.solve_root(tensor([[9.0]]), 1.0, tensor([8.0])), [2])


def test_a_copy_is_a_value_of_its_own():
    x = tensor([1.0])
    made = ops.copy(x)
    x += 1
    assert made.tolist() == [1.0]


@pytest.mark.parametrize("delta", [0.0, 0.3])
def test_the_root_of_a_matrix_is_scipy_s(delta):
    factor = randn(5, 5)
    a, x = factor @ factor.T, randn(5, seed=1)
    h = delta * np.eye(5) + scipy.linalg.sqrtm(a.numpy())
    assert_same(ops.solve_root(a, delta, x), np.linalg.solve(h, x.numpy()), rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_the_root_of_a_singular_matrix_is_inverted_where_it_can_be(scale):
    # Of rank 2 in dimension 6: the pseudo-inverse, although rounding leaves small eigenvalues.
    factor = scale * randn(6, 2)
    a, x = factor @ factor.T, factor @ tensor([1.0, -2.0])
    expected = np.linalg.pinv(scipy.linalg.sqrtm(a.numpy()).real, rcond=1e-6) @ x.numpy()
    assert_same(ops.solve_root(a, 0.0, x), expected, rtol=1e-6, atol=1e-7)
    across = torch.linalg.svd(factor)[0][:, -1]  # what the matrix maps to 0
    assert ops.solve_root(a, 0.0, x + across) @ across == pytest.approx(0, abs=1e-6)
    assert_same(ops.solve_root(a, scale, across), across / scale, rtol=1e-6, atol=1e-6 / scale)


def test_the_root_is_calculated_in_double_precision_and_returned_in_the_shape_of_x():
    x = randn(2, 2).float()
    a = ops.outer(x, x)
    assert a.dtype == torch.float64
    solution = ops.solve_root(a, 0.0, x)
    assert solution.dtype == torch.float32
    assert_same(solution, (x / x.norm()).double(), rtol=1e-6)


def test_fractions_stay_exact():
    assert ops.divide(Fraction(1), Fraction(3)) == Fraction(1, 3)
    assert ops.maximum(Fraction(1, 3), Fraction(1, 2)) == Fraction(1, 2)


@pytest.mark.parametrize("operation", [ops.norm, ops.row_sums, ops.zeros_like, ops.copy])
def test_an_array_of_numpy_is_refused(operation):
    with pytest.raises(TypeError, match=f"{operation.name} has no meaning for ndarray: give"):
        operation(np.ones((2, 2)))


def alone(program):
    """What a program prints, line by line, in a process that has imported nothing."""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()


STEP = "adam({x}, {x}, adam.init({x}), 1, lr=0.5, beta1=0.5, beta2=0.75, eps=0)[0]"
LOADED = "print(*(name for name in ('torch', 'sympy', 'numpy') if name in sys.modules))"


def test_a_rule_runs_on_numbers_without_torch_and_sympy():
    program = f"import sys; from optlab.rules import adam; print({STEP.format(x=2.0)}); {LOADED}"
    assert alone(program) == ["1.5", ""]


def test_a_schedule_runs_on_numbers_without_torch_and_sympy():
    program = f"import sys; from optlab.schedules import cosine; print(cosine(4)(1.0)); {LOADED}"
    assert alone(program) == ["0.8535533905932737", ""]


@pytest.mark.parametrize(
    ("library", "x"),
    [("torch", "torch.tensor([2.0], dtype=torch.float64)"), ("sympy", "sympy.Symbol('x')")],
)
def test_the_first_value_of_a_library_brings_its_meanings(library, x):
    program = f"""
import sys, {library}
from optlab.rules import adam
loaded = "optlab.tensors" in sys.modules or "optlab.symbolic" in sys.modules
print(loaded)
print({STEP.format(x=x)})"""
    expected = {"torch": "tensor([1.5000], dtype=torch.float64)", "sympy": "x - 0.5*x/sqrt(x**2)"}
    before, value = alone(program)
    assert before == "False"
    assert value.replace("1.0*", "") == expected[library]


def test_what_sympy_has_beyond_scalars_is_refused_in_one_line_that_names_the_remedy():
    (line,) = alone("""
import sympy
from optlab.rules import adam
x = sympy.Matrix([1, 2])
try:
    adam(x, x, adam.init(x), 1, lr=0.1, beta1=0.9, beta2=0.9, eps=0)
except TypeError as error:
    print(error)""")
    assert re.fullmatch(
        "[a-z_]+ has no meaning for SymPy's .*Matrix: "
        "give it SymPy scalars, or the vectors of optlab.symbolic",
        line,
    )


@pytest.mark.parametrize(
    "operation", [*ops.OF_ROWS_AND_COLUMNS, ops.outer, ops.zero_matrix, ops.zero_rows]
)
def test_a_vector_of_symbols_has_no_rows_and_no_matrix(operation):
    x = vector("x", 2)
    with pytest.raises(TypeError, match=f"{operation.name} has no meaning for Vector: give"):
        operation(x, x) if operation is ops.outer else operation(x)


def test_an_operation_prints_as_its_name():
    assert repr(ops.divide) == "<operation divide>"
