"""The reference: what autodoc makes of docstrings, for the names in each room's `__all__`.

A page's own text introduces its room, so that docstrings of modules are left out.
"""

import re

from sphinx.ext.autodoc import DataDocumenter, FunctionDocumenter

from optlab.ops import Operation
from optlab.rules import Rule

# A line for each argument is a list of descriptions without terms, which is no list for axe.
ARGUMENTS = re.compile(r'<dl>\s*(<dd><em class="sig-param">.*?)</dl>', re.S)


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


def leave_out_rules(app, what, name, obj, skip, options):
    """Of an optimizer: its documentation names them."""
    return True if what == "class" and isinstance(obj, Rule) else None


def arguments_as_lines(app, pagename, templatename, context, doctree):
    def lines(found):
        inner = found[1].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
        return f'<span class="sig-lines">{inner}</span>'

    if "sig-param" in context.get("body", ""):
        context["body"] = ARGUMENTS.sub(lines, context["body"])


def setup(app):
    app.setup_extension("sphinx.ext.autodoc")
    app.add_autodocumenter(CalledDocumenter)
    app.connect("autodoc-process-docstring", leave_out_modules)
    app.connect("autodoc-skip-member", leave_out_rules)
    app.connect("html-page-context", arguments_as_lines)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
