"""What every notebook keeps: a text twin, one checked parameters cell, clean stored outputs.

Each rule is a function from a notebook to its faults. All rules are run on all notebooks,
and each rule is seen to bite on the sample notebook with that one fault put in.
"""

import ast
import re
import symtable
from pathlib import Path

import jupytext
import nbformat
import pytest

from optlab.running.declared import read_parameters

NOTEBOOKS = sorted(Path(__file__).parents[2].glob("notebooks/*.ipynb"))


def code(book):
    return [cell for cell in book.cells if cell.cell_type == "code"]


def outputs(book):
    return [output for cell in code(book) for output in cell.outputs]


def twin_differs(path, book):
    def essence(cells):
        return [(c.cell_type, c.source, c.metadata.get("tags", [])) for c in cells]

    text = path.with_suffix(".md")
    if not text.exists():
        return [f"{text.name} is missing"]
    here, there = essence(book.cells), essence(jupytext.read(text).cells)
    if len(here) != len(there):
        return [f"{len(here)} cells, {len(there)} in {text.name}"]
    return [f"not as in {text.name}: {a}" for a, b in zip(here, there, strict=True) if a != b]


def parameters_cell(path, book):
    tagged = [i for i, c in enumerate(code(book)) if "parameters" in c.metadata.get("tags", [])]
    if tagged != [0]:
        return [f"code cells tagged parameters: {tagged}, wanted the first alone"]
    cell = code(book)[0].source
    lines = [line for line in cell.splitlines() if line.strip()]
    names = [line.split(":")[0] for line in lines]
    faults = [
        f"not `name: type = value  # meaning`: {line}" for line in lines if not declared(line)
    ]
    faults += [f"no parameter {n}" for n in ("seed", "device", "scale") if n not in names]
    try:
        faults += [
            f"no meaning: {p.name}" for p in read_parameters(path).all.values() if not p.meaning
        ]
    except Exception as error:  # whatever keeps `optlab run` from reading it
        faults.append(f"optlab run cannot read it: {error}")
    return faults


def declared(line):
    return re.fullmatch(r"\w+: [\w\[\], .]+ = .+  # .+", line)


def check_comes_next(path, book):
    return [] if "check_parameters(" in code(book)[1].source else ["parameters are not checked"]


def annotations_elsewhere(path, book):
    """A later annotated variable would count as a parameter when the check runs again."""
    return [
        f"annotated outside the parameters cell: {ast.unparse(node)}"
        for cell in code(book)[1:]
        for node in ast.parse(cell.source).body
        if isinstance(node, ast.AnnAssign)
    ]


def parameters_reach_the_work(path, book):
    """Each is read after it is checked, and none is given another value: a second run with other
    numbers would otherwise compute the same again."""
    read, written = set(), set()
    for cell in code(book)[2:]:
        tables = [symtable.symtable(cell.source, "cell", "exec")]
        for table in tables:  # grows: a function's names are its own but for the global ones
            tables += table.get_children()
            for name in table.get_symbols():
                if table.get_type() == "module" or name.is_global():
                    read |= {name.get_name()} if name.is_referenced() else set()
                    written |= {name.get_name()} if name.is_assigned() else set()
    names = [line.split(":")[0] for line in code(book)[0].source.splitlines() if ": " in line]
    return [f"{name} is never read" for name in names if name not in read] + [
        f"{name} is given another value" for name in names if name in written
    ]


def executed_in_order(path, book):
    counts = [cell.execution_count for cell in code(book)]
    return [] if counts == list(range(1, len(counts) + 1)) else [f"execution counts {counts}"]


def error_or_stderr(path, book):
    return [
        f"{o.get('name') or o.output_type}: {o.get('text') or o.get('evalue')}"
        for o in outputs(book)
        if o.output_type == "error" or o.get("name") == "stderr"
    ]


def traces_of_a_run(path, book):
    found = [
        f"{key} in the notebook's metadata"
        for key in ("papermill", "widgets")
        if key in book.metadata
    ]
    for cell in book.cells:
        found += [
            f"{k} in a cell's metadata" for k in ("papermill", "execution") if k in cell.metadata
        ]
    return found


UNSTABLE = {
    "an address": r"\b0x[0-9a-f]{6,}",
    "a path": r"(?<![\w/:.])/(?:home|root|tmp|usr|work|Users|opt|mnt|var)/\w",
    "a progress bar": r"\d+%\|| ?(?:it|cell|step)/s\b",
    "a time": r"\b\d+(?:\.\d+)? ?(?:ms|µs|seconds)\b",
}


def unstable_text(path, book):
    texts = [o.get("text", "") for o in outputs(book)]
    texts += [
        v for o in outputs(book) for k, v in o.get("data", {}).items() if k.startswith("text/")
    ]
    return [
        f"{what} in an output: {match[0]}"
        for text in texts
        for what, pattern in UNSTABLE.items()
        if (match := re.search(pattern, re.sub(r"(?s)<svg\b.*?</svg>", "", text)))
    ]


def pictures_without_alt_text(path, book):
    data = [o.get("data", {}) for o in outputs(book)]
    faults = [f"{k} has no alt text" for d in data for k in d if k.startswith("image/")]
    for html in (d.get("text/html", "") for d in data):
        described = re.findall(r'role="img" aria-label="[^"]*\w[^"]*"', html)
        if re.search(r"<svg|<img", html) and not described:
            faults.append(f"a picture has no alt text: {html[:60]}")
    return faults


RULES = [
    twin_differs,
    parameters_cell,
    check_comes_next,
    annotations_elsewhere,
    parameters_reach_the_work,
    executed_in_order,
    error_or_stderr,
    traces_of_a_run,
    unstable_text,
    pictures_without_alt_text,
]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_notebook(path, rule):
    assert rule(path, nbformat.read(path, 4)) == []


def test_every_text_twin_has_its_notebook():
    texts = Path(__file__).parents[2].glob("notebooks/*.md")
    assert {text.stem for text in texts} == {path.stem for path in NOTEBOOKS}


@pytest.fixture(scope="module")
def clean(executed_sample):
    """The sample notebook, executed, with its twin."""
    book = nbformat.read(executed_sample, 4)
    jupytext.write(book, executed_sample.with_suffix(".md"), fmt="md:myst")
    return executed_sample


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_a_clean_notebook_has_no_fault(clean, rule):
    assert rule(clean, nbformat.read(clean, 4)) == []


def said(text):
    return nbformat.v4.new_output("stream", text=text)


def shown(**data):
    mime = {k.replace("_", "/"): v for k, v in data.items()}
    return nbformat.v4.new_output("display_data", data=mime)


READS_ALL = "seed, device, scale, lr, beta1, steps, nesterov"
READS_BUT_ITS_OWN = """\
def step(nesterov):
    return nesterov, [steps for steps in (lr, beta1)], seed, device, scale"""
FAULTS = [
    (twin_differs, lambda b: b.cells[3].update(source="1")),
    (twin_differs, lambda b: b.cells[3].metadata.update(tags=["hide"])),
    (twin_differs, lambda b: b.cells.pop()),
    (parameters_cell, lambda b: b.cells[1].metadata.pop("tags")),
    (parameters_cell, lambda b: b.cells[3].metadata.update(tags=["parameters"])),
    (parameters_cell, lambda b: b.cells[1].update(source=b.cells[1].source + "\nmu = 1  # x")),
    (parameters_cell, lambda b: b.cells[1].update(source=b.cells[1].source + "\nmu: int = 1")),
    (parameters_cell, lambda b: b.cells[1].update(source="lr: float = 0.1  # step size")),
    (check_comes_next, lambda b: b.cells[2].update(source="pass")),
    (annotations_elsewhere, lambda b: b.cells[3].update(source="x: int = 1")),
    (parameters_reach_the_work, lambda b: b.cells[3].update(source="lr * 2, steps")),
    (parameters_reach_the_work, lambda b: b.cells[3].update(source=READS_ALL + "\nlr = 0.1")),
    (parameters_reach_the_work, lambda b: b.cells[3].update(source=READS_ALL + "\nlr *= 1")),
    (parameters_reach_the_work, lambda b: b.cells[3].update(source=READS_BUT_ITS_OWN)),
    (executed_in_order, lambda b: b.cells[3].update(execution_count=7)),
    (executed_in_order, lambda b: b.cells[3].update(execution_count=None)),
    (error_or_stderr, lambda b: b.cells[3].outputs.append(nbformat.v4.new_output("error"))),
    (error_or_stderr, lambda b: b.cells[3].outputs.append({**said("careful"), "name": "stderr"})),
    (traces_of_a_run, lambda b: b.metadata.update(papermill={})),
    (traces_of_a_run, lambda b: b.cells[3].metadata.update(execution={})),
    (unstable_text, lambda b: b.cells[3].outputs.append(said("<A at 0x7f00aa11>"))),
    (unstable_text, lambda b: b.cells[3].outputs.append(said("read /home/me/data"))),
    (unstable_text, lambda b: b.cells[3].outputs.append(said("12%|##  | 3.4 it/s"))),
    (unstable_text, lambda b: b.cells[3].outputs.append(shown(text_html="in 3.2 seconds"))),
    (pictures_without_alt_text, lambda b: b.cells[3].outputs.append(shown(image_png="aGk="))),
    (
        pictures_without_alt_text,
        lambda b: b.cells[3].outputs.append(shown(text_html="<svg></svg>")),
    ),
]


@pytest.mark.parametrize(("rule", "spoil"), FAULTS, ids=[r.__name__ for r, _ in FAULTS])
def test_a_rule_bites(clean, rule, spoil, tmp_path):
    book = nbformat.read(clean, 4)
    spoil(book)
    path = tmp_path / clean.name
    nbformat.write(nbformat.from_dict(book), path)
    path.with_suffix(".md").write_bytes(clean.with_suffix(".md").read_bytes())
    assert rule(path, nbformat.read(path, 4)) != []
