"""The chapters under nbval: cells in any order, pictures, ends of kernels."""

import time
from collections import defaultdict
from queue import Empty

import pytest
from nbval.kernel import RunningKernel
from nbval.plugin import IPyNbCell

LOOK = (
    1.0  # seconds between looks whether a kernel that does not answer lives
)
compare = getattr(
    IPyNbCell.compare_outputs, "without_pictures", IPyNbCell.compare_outputs
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items):
    """The cells of a chapter follow each other, however tests come."""
    chapters = defaultdict(list)
    for item in items:
        if isinstance(item, IPyNbCell):
            chapters[item.parent].append(item)
    ordered = []
    for item in items:
        if not isinstance(item, IPyNbCell):
            ordered.append(item)
        else:
            ordered += sorted(
                chapters.pop(item.parent, ()), key=lambda cell: cell.cell_num
            )
    items[:] = ordered


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item):
    """Before a cell, run those above it that this kernel has not seen."""
    if not isinstance(item, IPyNbCell):
        return
    chapter = item.parent
    kernel, done = getattr(chapter, "reached", (None, 0))
    if kernel is not chapter.kernel:
        done = 0
    elif item.cell_num < done:
        chapter.kernel.stop()
        chapter.setup()
        done = 0
    code = [cell for cell in chapter.nb.cells if cell.cell_type == "code"]
    if not item.options["skip"]:
        for cell in code[done : item.cell_num]:
            if chapter.kernel.is_alive() and not skipped(cell):
                asked = chapter.kernel.execute_cell_input(
                    cell.source, allow_stdin=False
                )
                chapter.kernel.await_reply(
                    asked, item.config.option.nbval_cell_timeout
                )
                chapter.kernel.await_idle(asked, item.output_timeout)
        done = item.cell_num + 1
    chapter.reached = (chapter.kernel, done)


def skipped(cell):
    return (
        "nbval-skip" in cell.metadata.get("tags", [])
        or "# NBVAL_SKIP" in cell.source
    )


def await_reply(self, msg_id, timeout=None):
    """As nbval's, which waits for the whole timeout after a kernel's death,
    and takes a cell that ends its kernel for one that has run."""
    end = None if timeout is None else time.monotonic() + timeout
    while True:
        left = (
            LOOK if end is None else min(LOOK, max(end - time.monotonic(), 0))
        )
        try:
            message = self.get_message(stream="shell", timeout=left)
        except Empty:
            if not self.is_alive():
                raise RuntimeError(
                    "the kernel died; was there enough memory?"
                ) from None
            if end is not None and time.monotonic() >= end:
                raise
            continue
        if message["parent_header"].get("msg_id") == msg_id:
            content = message["content"]
            if content["status"] == "aborted":
                raise RuntimeError("the kernel did not run the cell")
            if any(
                item.get("source") == "ask_exit"
                for item in content.get("payload", ())
            ):
                raise RuntimeError("the cell ends the kernel with exit()")
            return


def compare_outputs(self, test, ref, skip_compare=None):
    """As nbval's, which passes over pictures, and those then."""
    from optlab.report.pictures import differences

    if not compare(self, test, ref, skip_compare):
        return False
    if found := differences(html(ref), html(test)):
        self.comparison_traceback += [
            f"The pictures differ. {line}" for line in found
        ]
        return False
    return True


def html(outputs):
    texts = (
        output.get("data", {}).get("text/html", "") for output in outputs
    )
    return "\n".join("".join(text) for text in texts)


compare_outputs.without_pictures = compare
IPyNbCell.compare_outputs = compare_outputs
RunningKernel.await_reply = await_reply
