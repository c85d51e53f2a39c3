"""A verdict in a chapter: one line, which opens to what was asked and found.

A notebook shows all of it at once. On a page it would interrupt who reads the chapter.
"""

import re
from html import escape, unescape
from itertools import groupby
from operator import itemgetter

from docutils import nodes
from ledger_pages import LEDGER, with_scripts

from optlab.report.claims import known

BOX = re.compile(
    r'<div class="optlab-claim"><strong>([^<]*)</strong> <code>([a-z0-9-]+)</code>: '
    r"(.*?)(?: <small>\((.*?)\)</small>)?</div>",
    re.S,
)
CONDITIONS = "; to be right, "
ASKED = re.compile(r"(asked here|to be right)[:,]? (.*)", re.S)
ASKED_FOR = re.compile(r"; asked for ([^;]*)(?:; |$)")


def parted(statement):
    """What a statement says, and the remark that follows it: conditions, or what is asked here.

    >>> parted("Adam is fast (asked here: of one network)")
    ('Adam is fast', 'asked here: of one network')
    >>> parted("The step is −α_t G_t / (√V̂_t + ε)")
    ('The step is −α_t G_t / (√V̂_t + ε)', '')
    >>> parted("R(T) is at most f(T); to be right, for T ≥ 1")
    ('R(T) is at most f(T)', 'to be right, for T ≥ 1')
    """
    if CONDITIONS in statement:
        says, conditions = statement.split(CONDITIONS, 1)
        return says, CONDITIONS[2:] + conditions
    depth = 0
    for at in range(len(statement) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(statement[at], 0)
        if not depth:
            break
    remark = statement[at + 1 : -1]
    if statement.endswith(")") and statement[at - 1] == " " and re.search("[a-z]{3}", remark):
        return statement[: at - 1], remark
    return statement, ""


def figures(evidence):
    """The estimates of a measured verdict, one by one; of others the evidence as it is.

    >>> figures("gain 2 [1, 3]; asked for > 0; price 0.1 [0, 1]; asked for within 5")
    ['gain 2 [1, 3] (asked for: > 0)', 'price 0.1 [0, 1] (asked for: within 5)']
    """
    return [line for line in ASKED_FOR.sub(r" (asked for: \1)\n", evidence).split("\n") if line]


def line(box, ledger):
    """The HTML of a match of BOX as one line that opens.

    ledger: the address of the ledger, seen from the page.
    """
    verdict, id, statement, evidence = (unescape(text or "") for text in box.groups())
    says, remark = parted(statement)
    kind = nodes.make_id(verdict.removeprefix("not ").split(", but ")[0])
    asked = known().get(id)
    quote = escape(asked.quote) if asked else ""
    where = "in the paper" if asked and asked.paper else "on the slides"
    label, text = ASKED.match(remark).groups() if ASKED.match(remark) else ("remark", remark)
    found = "found with three sets of seeds" if ASKED_FOR.search(evidence) else "found"
    rows = [
        (where, quote and f"<code>{quote}</code>"),
        (label, escape(text)),
        *((found, escape(figure)) for figure in figures(evidence)),
        ("in the ledger", f'<a href="{ledger}#{id}"><code>{id}</code></a>'),
    ]
    parts = "".join(
        f"<dt>{name.capitalize()}</dt>" + "".join(f"<dd>{html}</dd>" for _, html in those)
        for name, those in groupby(filter(itemgetter(1), rows), key=itemgetter(0))
    )
    return with_scripts(
        f'<details class="optlab-claim" id="claim-{id}">'
        f'<summary><strong class="verdict verdict-{kind}">{escape(verdict)}</strong> '
        f"{escape(says)}</summary><dl>{parts}</dl></details>"
    )


def fold_verdicts(app, doctree, docname):
    back = app.builder.get_relative_uri(docname, LEDGER)
    for node in doctree.findall(nodes.raw):
        if "optlab-claim" in node.astext():
            html = BOX.sub(lambda box: line(box, back), node.astext())
            node.children = [nodes.Text(html)]


def setup(app):
    app.connect("doctree-resolved", fold_verdicts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
