"""The reference: what autodoc makes of docstrings, for the names in each room's `__all__`.

A page's own text introduces its room, so that docstrings of modules are left out.
"""

from sphinx.ext.autodoc import DataDocumenter, FunctionDocumenter

from optlab.ops import Operation
from optlab.rules import Rule


class CalledDocumenter(FunctionDocumenter):
    """Rules and operations, which are objects, shown as the functions that they are called as."""

    objtype = "called"
    directivetype = "function"
    priority = DataDocumenter.priority + 1

    @classmethod
    def can_document_member(cls, member, membername, isattr, parent):
        return isinstance(member, Rule | Operation)


def leave_out_modules(app, what, name, obj, options, lines):
    if what == "module":
        lines.clear()


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.add_autodocumenter(CalledDocumenter)
    app.connect("autodoc-process-docstring", leave_out_modules)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
