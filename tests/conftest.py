"""A tiny notebook of the book's kind, for the tests of the tools that handle notebooks; and what
becomes of a test that asks for a compiled step where nothing can compile."""

from collections.abc import Generator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from optlab.running.execute import renew_outputs

PARAMETERS = """\
seed: int = 0  # seed of every random draw
device: str = "auto"  # where tensors live: auto, cpu or cuda
scale: str = "ci"  # size of the experiment: ci (seconds)
lr: float = 0.1  # step size
beta1: float = 0.9  # decay of the first moment
steps: list[int] = [10, 20]  # numbers of steps
nesterov: bool = False  # look ahead"""
CHECK = """\
from optlab import report

report.check_parameters(
    globals(), seed=">= 0", device=("auto", "cpu", "cuda"), scale=("ci",), lr="> 0",
    beta1="in [0, 1)", steps="> 0", nesterov="any",
)"""
WORK = """\
print(f"{lr=} {steps=} {nesterov=}")
assert lr < 100, "this sample cannot take such a step"
lr * 2"""
FIGURE = """\
_ = seed, device, scale, beta1

def curve(ax):
    ax.plot([1, 2, 3], [lr, lr / 2, lr / 4], label="loss")
    ax.set(xlabel="step", ylabel="loss")

report.figure(curve, caption="The loss halves.", alt="A falling curve.", name="sample-loss")"""
CLAIM = """\
report.claim("adam-line-4", lr > 0, evidence=f"gap {lr:.2f}")"""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, object, object]:
    """Leave a test out that asked for execution="compiled" on a machine without a C compiler: what
    it then meets, a refusal that names the remedy, has tests of its own."""
    try:
        return (yield)
    except Exception as error:
        if type(error).__name__ == "CannotCompile" and "no C++ compiler found" in str(error):
            from optlab.optim import native  # by now loaded

            if native.compiler() is None:
                pytest.skip("no C compiler")
        raise


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    """The sample notebook, without outputs, in tmp_path/notebooks."""
    return _write(tmp_path)


@pytest.fixture(scope="session")
def executed_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample notebook with its outputs. To be copied, not changed."""
    path = _write(tmp_path_factory.mktemp("sample"))
    renew_outputs(path)
    return path


def _write(folder: Path) -> Path:
    cells = [
        new_markdown_cell("# Sample", id="title"),
        new_code_cell(PARAMETERS, id="parameters", metadata={"tags": ["parameters"]}),
        new_code_cell(CHECK, id="check"),
        new_code_cell(WORK, id="work"),
        new_code_cell(FIGURE, id="figure"),
        new_code_cell(CLAIM, id="claim"),
    ]
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    path = folder / "notebooks" / "99-sample.ipynb"
    path.parent.mkdir()
    nbformat.write(new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path
