"""The directive `interpretation`: what a rule gives, made of the rule when the book is built.

    :::{interpretation} formula lion
    :::

The first word is one of KINDS, the second the name of a rule in `optlab.rules`.
"""

import inspect
from textwrap import fill

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from optlab import optim, rules, symbolic
from optlab.optim import native
from optlab.optim.split import split

INDENT = 4 * " "


def formula(rule):
    return nodes.math_block("", symbolic.latex(rule), nowrap=False, number=None)


def optimizer(rule):
    cls = optim.OPTIMIZERS[rule.optimizer]
    given = inspect.signature(cls).parameters.values()
    bare = inspect.Signature([p.replace(annotation=p.empty) for p in given])
    head = fill(f"{cls.__name__}{bare}", 72, subsequent_indent=INDENT)
    return code("text", f"{head}\n\n{inspect.getdoc(cls)}")


def in_c(rule):
    cut = split(rule, rule.flags, list(rule.numbers), None)
    source, _, _ = native.write(cut.text, rule, "float")
    return code("c", source)


def in_javascript(rule):
    return code("javascript", symbolic.javascript_of_layer(rule))


KINDS = {"formula": formula, "optimizer": optimizer, "c": in_c, "javascript": in_javascript}


def code(language, text):
    return nodes.literal_block(text, text, language=language)


class Interpretation(SphinxDirective):
    required_arguments = 2

    def run(self):
        kind, name = self.arguments
        rule = getattr(rules, name)
        self.env.note_dependency(inspect.getsourcefile(rule.function))
        return [KINDS[kind](rule)]


def setup(app):
    app.add_directive("interpretation", Interpretation)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
