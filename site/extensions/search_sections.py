"""The search: an index of sections, not of pages, and what `site/search.yml` knows beside it.

Sphinx's index has pages alone, so that a result leads to the top of a chapter. This one has the
words of each section, numbered statement, glossary entry and documented object. Code is left
out; of formulas, Greek letters with their numbers are words. `static/search.js` ranks.
"""

import re
import unicodedata
from collections import Counter
from pathlib import Path

import sphinx.search
import yaml
from built_pages import built_pages
from docutils import nodes
from sphinx import addnodes
from sphinx.search import IndexBuilder

WORD = re.compile(r"\d+(?:\.\d+)+|[^\W_]+")
GREEK = re.compile(
    r"\\(?:var)?(alpha|beta|gamma|delta|epsilon|eta|theta|kappa|lambda|mu|rho|sigma|tau)(?![a-z])"
    r"(?:_\{?(\d)\b\}?)?"
)
# What is no text, or is found by its own page: cells, markup, the list of the literature.
SILENT = (nodes.literal_block, nodes.raw, nodes.comment, nodes.citation, addnodes.desc_signature)
INDEX = re.compile(r'[ \t]*<script src="([^"]*)searchindex\.js"[^>]*></script>\n?')


def spoken(text):
    """Greek letters by name, and digits that stand low or high as digits."""
    text = unicodedata.normalize("NFKC", text)
    names = (
        unicodedata.name(c).split()[-1].lower() if "α" <= c.lower() <= "ω" else c for c in text
    )
    return "".join(names).lower()


def words_of_formula(tex):
    """Its Greek letters, such as beta2 of β₂."""
    return " ".join(name + (number or "") for name, number in GREEK.findall(tex))


class Section:
    """A place that a search can lead to: its anchor, title and words."""

    def __init__(self, anchor, title, counts=None):
        self.anchor, self.title, self.counts = anchor, title, Counter(counts)


class Sections(IndexBuilder):
    """Sphinx's index with the words by section: `sections`, by page, and what ranks them."""

    def __init__(self, env, lang, options, scoring):
        super().__init__(env, lang, options, scoring)
        self.sections = {}
        self.known = yaml.safe_load(Path(env.srcdir, "site/search.yml").read_text("utf-8"))
        self._stems = {}

    def stem(self, word):
        if word not in self._stems:
            self._stems[word] = self.lang.stem(word).lower()
        return self._stems[word]

    def split(self, text):
        text = spoken(text)
        for pattern, word in self.known["spellings"].items():
            text = re.sub(pattern, word.replace("$", "\\"), text)
        return [self.stem(word) for word in WORD.findall(text)]

    def feed(self, docname, filename, title, doctree):
        self._titles[docname], self._filenames[docname] = title, filename
        self._all_titles[docname] = []
        numbers = self.env.toc_fignumbers.get(docname, {})
        found = self.sections[docname] = [Section("", title)]

        def visit(node, here):
            if isinstance(node, addnodes.desc):
                signature = node.next_node(addnodes.desc_signature)
                if signature is not None and signature["ids"]:
                    here = Section(signature["ids"][0], signature["ids"][0])
                    found.append(here)
            elif isinstance(node, SILENT):
                return
            elif isinstance(node, nodes.section) and node.parent.parent is not None:
                if name := node.next_node(nodes.title):
                    here = Section(node["ids"][0], titled(name))
                    found.append(here)
            elif isinstance(node, nodes.term) and node["ids"]:
                here = Section(node["ids"][0], titled(node))
                found.append(here)
            elif isinstance(node, nodes.Element) and (statement := self.statement(node, numbers)):
                here = Section(node["ids"][0], statement)
                found.append(here)
            if isinstance(node, nodes.math | nodes.math_block):
                here.counts.update(self.split(words_of_formula(node.astext())))
            elif isinstance(node, nodes.Text):
                here.counts.update(self.split(str(node)))
            else:
                for child in node.children:
                    visit(child, here)

        visit(doctree, found[0])

    def statement(self, node, numbers):
        """The name of a numbered statement, such as "Proposition 3 (…)", or None."""
        if not node.get("ids") or not isinstance(node.get("realtype", node.get("type")), str):
            return None
        for kind, of_kind in numbers.items():
            for anchor in node["ids"]:
                if anchor in of_kind and node.get("title") is not None:
                    number = ".".join(map(str, of_kind[anchor]))
                    name = f" {node['title']}" if node["title"] else ""
                    return f"{node.get('realtype', kind).capitalize()} {number}{name}"
        return None

    def prune(self, docnames):
        super().prune(docnames)
        self.sections = {n: s for n, s in self.sections.items() if n in self._titles}

    def freeze(self):
        docnames = sorted(self._titles)
        sections, words = [], {}
        for page, docname in enumerate(docnames):
            for section in self.sections.get(docname, ()):
                length = section.counts.total()
                for word, count in sorted(section.counts.items()):
                    words.setdefault(word, []).extend([len(sections), count])
                sections.append([page, section.anchor, section.title, length])
        places = self.known["places"]
        weights = [
            places[max((p for p in places if docname.startswith(p)), key=len, default="book/")]
            for docname in docnames
        ]
        return {
            "envversion": self.env.version,
            "docnames": docnames,
            "filenames": [self._filenames[n] for n in docnames],
            "titles": [self._titles[n] for n in docnames],
            "sections": sections,
            "words": dict(sorted(words.items())),
            "weights": weights,
            "subjects": [self.split(self.known["subjects"].get(n, "")) for n in docnames],
            "asking": self.known["asking"],
            "spellings": self.known["spellings"],
            "synonyms": self.known["synonyms"],
            "titletokens": [self.split(s[2]) for s in sections],
            # What Sphinx reads back in the next build.
            "alltitles": {},
            "terms": {},
            "titleterms": {},
        }

    def load(self, stream, format):
        kept = stream.read()
        module = self.formats[format] if isinstance(format, str) else format
        frozen = module.loads(kept)
        if not isinstance(frozen, dict) or frozen.get("envversion") != self.env.version:
            raise ValueError("old format")
        names = frozen["docnames"]
        self._titles = dict(zip(names, frozen["titles"], strict=True))
        self._filenames = dict(zip(names, frozen["filenames"], strict=True))
        self._all_titles = {name: [] for name in names}
        flat = [Section(anchor, title) for _, anchor, title, _ in frozen["sections"]]
        for word, pairs in frozen["words"].items():
            for section, count in zip(pairs[::2], pairs[1::2], strict=True):
                flat[section].counts[word] = count
        self.sections = {name: [] for name in names}
        for section, (page, *_) in zip(flat, frozen["sections"], strict=True):
            self.sections[names[page]].append(section)


def titled(node):
    """A title as text, with the Greek letters of its formulas."""
    parts = []
    for leaf in node.findall(lambda n: isinstance(n, nodes.Text)):
        tex = isinstance(leaf.parent, nodes.math)
        parts.append(plain(leaf.astext()) if tex else leaf.astext())
    return "".join(parts)


def plain(tex):
    """A short formula in characters: β2 for \\beta_2, T for T."""

    def letter(found):
        name = found[1].upper().replace("LAMBDA", "LAMDA")
        return unicodedata.lookup(f"GREEK SMALL LETTER {name}") + (found[2] or "")

    return re.sub(r"[\\{}]|\\[a-z]+", "", GREEK.sub(letter, tex))


def place_scripts(app, exception):
    """The ranking after Sphinx's tools; the index when somebody searches, not with each page."""
    if exception or app.builder.name != "html":
        return
    for path in built_pages(app.outdir):

        def scripts(found, alone=path.name == "search.html"):
            ranking = f'  <script src="{found[1]}_static/search.js"></script>\n'
            return ranking + (found[0] if alone else "")

        html = path.read_text("utf-8")
        if (placed := INDEX.sub(scripts, html)) != html:
            path.write_text(placed, "utf-8")


def setup(app):
    sphinx.search.IndexBuilder = Sections  # there is no setting for it
    app.connect("build-finished", place_scripts, priority=940)  # before scripts are deferred
    return {"parallel_read_safe": True, "parallel_write_safe": True}
