"""A notebook's file: read whatever state it is in, given parameters, written."""

# mypy: untyped-calls-exclude=nbformat

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optlab.running.errors import RunError

PARAMETERS = "parameters"
INJECTED = "injected-parameters"  # as papermill has it
ERROR_MARK = "papermill-error-cell-tag"


def load(path: Path) -> dict[str, Any]:
    """The notebook as JSON has it, with metadata, outputs and sources where they belong.

    RunError, in one line, if it cannot be read or is none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}") from None
    return parse(content, str(path))


def parse(content: bytes, name: str) -> dict[str, Any]:
    """As `load`, of a file's content. name: what errors call it."""
    try:
        book = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{name} is not a notebook: {error}") from None
    if not isinstance(book, dict) or not isinstance(book.get("cells"), list):
        if isinstance(book, dict) and isinstance(book.get("worksheets"), list):
            raise RunError(f"{name} is a notebook of an old format: open and save it in Jupyter")
        raise RunError(f"{name} is not a notebook: it has no list of cells")
    if not isinstance(book.get("nbformat_minor", 4), int):
        raise RunError(
            f"{name} is a notebook of format 4.{book['nbformat_minor']!r}; give a number"
        )
    if book.get("nbformat", 4) != 4:
        raise RunError(f"{name} is a notebook of format {book['nbformat']!r}; optlab reads 4")
    _metadata(book, name)
    for number, cell in enumerate(book["cells"], start=1):
        where = f"{name} is not a notebook: cell {number}"
        if not isinstance(cell, dict) or not isinstance(cell.get("cell_type"), str):
            raise RunError(f"{where} has no type")
        _metadata(cell, where)
        tags = cell["metadata"].get("tags", [])
        if not isinstance(tags, list):
            cell["metadata"]["tags"] = [tags] if isinstance(tags, str) else []
        source = cell.get("source", "")
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str):
            raise RunError(f"{where} has no text")
        cell["source"] = source
        if cell["cell_type"] == "code":
            if not isinstance(cell.get("outputs"), list):
                cell["outputs"] = []
            cell.setdefault("execution_count", None)
    language = _language(book["metadata"])
    if language.lower() not in ("python", "ipython", "python3"):
        raise RunError(f"{name} is written in {language}; optlab runs Python")
    return book


def code_cells(book: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [cell for cell in book["cells"] if cell["cell_type"] == "code"]


def tagged(cell: Mapping[str, Any], tag: str) -> bool:
    return tag in cell["metadata"].get("tags", [])


def node(book: dict[str, Any]) -> Any:
    """The notebook as nbformat has it, without outputs."""
    import nbformat

    book.setdefault("nbformat", 4)
    book.setdefault("nbformat_minor", 4)
    if book["nbformat_minor"] >= 5:
        seen: set[str] = set()
        for number, cell in enumerate(book["cells"]):
            own = cell.get("id")
            if not isinstance(own, str) or not own or own in seen:
                cell["id"] = f"cell-{number}" if f"cell-{number}" not in seen else f"cell--{number}"
            seen.add(cell["id"])
    made = nbformat.reads(json.dumps(book), as_version=4)
    for cell in made.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            cell.execution_count, cell.outputs = None, []
    return made


def inject(book: Any, values: Mapping[str, Any]) -> None:
    """Set parameters in a cell after the one tagged `parameters`, as papermill does.

    The cell of an earlier run is replaced, and what it told of its failure is taken out.
    """
    import nbformat

    book.cells = [cell for cell in book.cells if not tagged(cell, ERROR_MARK)]
    if not values:
        return
    lines = ["# Parameters", *(f"{name} = {_text(value)}" for name, value in values.items())]
    cell = nbformat.v4.new_code_cell("\n".join(lines) + "\n", metadata={"tags": [INJECTED]})
    if (book.nbformat, book.nbformat_minor) < (4, 5):
        del cell["id"]
    earlier = [i for i, one in enumerate(book.cells) if tagged(one, INJECTED)]
    if earlier:
        book.cells[earlier[0]] = cell
        return
    places = [i + 1 for i, one in enumerate(book.cells) if tagged(one, PARAMETERS)]
    book.cells.insert(places[0] if places else 0, cell)


def mark_error(book: Any, index: int) -> int:
    """Say at the head and before the cell that it failed, as papermill does; its new index."""
    import nbformat

    count = book.cells[index].execution_count
    texts = (
        f"**This run failed in [cell [{count}]](#papermill-error-cell).**",
        '<span id="papermill-error-cell">**The run failed in the next cell.**</span>',
    )
    head, here = (
        nbformat.v4.new_markdown_cell(text, metadata={"tags": [ERROR_MARK]}) for text in texts
    )
    if (book.nbformat, book.nbformat_minor) < (4, 5):
        for cell in (head, here):
            del cell["id"]
    book.cells[index:index] = [here]
    book.cells[0:0] = [head]
    return index + 2


def encode(book: Any) -> bytes:
    """The file's content. Half of a pair of surrogates, which UTF-8 cannot hold, is escaped."""
    import nbformat

    text: str = nbformat.writes(book)
    return (text + "\n" * (not text.endswith("\n"))).encode("utf-8", "backslashreplace")


def _text(value: Any) -> str:
    if isinstance(value, float) and value != value:
        return "float('nan')"
    if value in (float("inf"), -float("inf")):
        return f"float('{value}')"
    return repr(value)


def _metadata(part: dict[str, Any], where: str) -> None:
    if part.get("metadata") is None:
        part["metadata"] = {}
    if not isinstance(part["metadata"], dict):
        raise RunError(f"{where}: its metadata are not a set of names and values")


def _language(metadata: Mapping[str, Any]) -> str:
    """What the notebook says that it is written in; Python where it does not."""
    for key, field in (("language_info", "name"), ("kernelspec", "language")):
        part = metadata.get(key)
        if isinstance(part, dict) and isinstance(part.get(field), str) and part[field]:
            return str(part[field])
    return "python"
