"""What a page says of itself: a description for search engines and previews, in plain text, and
a line at its foot with the date of its last change, versions and commit."""

import html
import re
import subprocess
from html import escape
from importlib.metadata import version
from textwrap import shorten

from docutils import nodes

from optlab import __version__

LENGTH = 200  # of a description, in characters: what search engines show
SENTENCE = re.compile(r"(?<=[.?!])\s+")
LABELS = "One idea.", "Before this.", "In the deck."  # of a chapter's card
MATH = "\N{REPLACEMENT CHARACTER}"


def description(doctree):
    """The first sentences of a page that hold no formula, or None: a chapter's card comes first.
    A first sentence that is too long loses its end.
    """
    found = ""
    for paragraph in doctree.findall(nodes.paragraph):
        if isinstance(paragraph.parent, nodes.entry | nodes.list_item):
            continue
        whole = paragraph.deepcopy()
        for math in list(whole.findall(lambda n: isinstance(n, nodes.math | nodes.math_block))):
            math.replace_self(nodes.Text(MATH))
        for sentence in SENTENCE.split(" ".join(whole.astext().split())):
            if found and sentence in LABELS:
                return found
            if sentence == "Before this.":
                break
            if MATH in sentence or sentence in LABELS:
                continue
            if found and len(found) + len(sentence) >= LENGTH:
                return found
            found = shorten(f"{found} {sentence}".strip(), LENGTH, placeholder=" …")
    return found or None


def about(title, text):
    """The description, which says what it is about where its own words do not."""
    if text is None or title.casefold() in text.casefold():
        return text
    return shorten(f"{title}. {text}", LENGTH, placeholder=" …")


def previews(app, pagename, templatename, context, doctree):
    """<meta> tags: Open Graph's, with the address where it is known."""
    if doctree is None:
        return
    title = re.sub(r"<[^>]*>", "", context["title"])
    tags = {"og:title": title, "og:type": "article", "og:site_name": app.config.html_title}
    if text := about(html.unescape(title), description(doctree)):
        tags["og:description"] = text
        context["metatags"] += f'\n<meta name="description" content="{escape(text)}">'
    if app.config.html_baseurl:
        tags["og:url"] = f"{app.config.html_baseurl.rstrip('/')}/{context['pagename']}.html"
    context["metatags"] += "".join(
        f'\n<meta property="{name}" content="{escape(value)}">' for name, value in tags.items()
    )


def git(app, *arguments):
    """What git says, or nothing, as outside a repository."""
    try:
        command = ["git", "-C", app.srcdir, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return ""


def read_history(app):
    """The commit, and when each file was last changed: {path: date}."""
    app.book_commit = git(app, "rev-parse", "--short=8", "HEAD").strip()
    app.book_changed, date = {}, ""
    for line in git(app, "log", "--format=@%cs", "--name-only", "--no-renames").splitlines():
        if line.startswith("@"):
            date = line[1:]
        elif line:
            app.book_changed.setdefault(line, date)


def foot(app, pagename, templatename, context, doctree):
    path = app.env.doc2path(pagename, base=False) if pagename in app.env.found_docs else None
    context["colophon"] = {
        "changed": app.book_changed.get(str(path)),
        "commit": app.book_commit,
        "repository": app.config.html_theme_options.get("repository_url"),
        "versions": {"optlab": __version__, "torch": version("torch").split("+")[0]},
    }


def setup(app):
    app.connect("builder-inited", read_history)
    app.connect("html-page-context", previews)
    app.connect("html-page-context", foot)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
