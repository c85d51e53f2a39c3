"""What a reference leads to shows beside it: statements, equations, figures, exercises, sources.

On the same page, static/previews.js finds it. What stands on other pages is in scripts of data, one
for each page that is referred to. Such a script is loaded when a reference to its page is pointed
at; so that a page weighs nothing more before, and has previews also where it is opened as a file.
"""

import json
import re
from html import unescape
from pathlib import Path, PurePosixPath
from posixpath import normpath, relpath
from urllib.parse import unquote

from built_pages import built_pages

FOLDER = "_static/previews"
REFERENCE = re.compile(r'<a class="reference internal" href="([^"#]+)#([^"]+)"')
LINK = re.compile(r'(\s(?:href|src)=")([^"]*)"')
ID = re.compile(r'\sid="[^"]*"')
PREVIEWED = {"citation", "exercise", "math", "optlab-figure", "proof"}
HEAVIEST = 30_000  # bytes of a preview; a figure that is heavier shows its caption
MARK = re.compile(r' data-previews="[^"]*"')
PICTURE = re.compile(r"<svg\b.*?</svg>", re.S)


def element(html, anchor):
    """The element that has this id, as it stands in the page, or None."""
    at = html.find(f' id="{anchor}"')
    if at < 0:
        return None
    start, depth = html.rindex("<", 0, at), 0
    name = re.compile(r"<(\w+)").match(html, start)[1]
    for tag in re.compile(rf"<(/?){name}\b").finditer(html, start):
        depth += -1 if tag[1] else 1
        if depth == 0:
            return html[start : html.index(">", tag.start()) + 1]
    return None


def is_previewed(html):
    found = re.match(r'<\w+\b[^>]*?\sclass="([^"]*)"', html)
    return bool(found and PREVIEWED & set(found[1].split()))


def moved(html, page, to):
    """The element without ids, its links from `page` made to hold on the page `to`."""

    def link(found):
        target = found[2]
        if re.match(r"[a-z]+:|//", target):
            return found[0]
        path, hash_, anchor = target.partition("#")
        whole = normpath(str(PurePosixPath(page).parent / path)) if path else page
        return f'{found[1]}{relpath(whole, str(PurePosixPath(to).parent))}{hash_}{anchor}"'

    # A picture refers to its own parts, whose names no other has.
    pictures = [*PICTURE.findall(html), ""] if len(html) <= HEAVIEST else [""]
    texts = PICTURE.split(html) if len(pictures) > 1 else [PICTURE.sub("", html)]
    return "".join(
        LINK.sub(link, ID.sub("", text)) + picture
        for text, picture in zip(texts, pictures, strict=True)
    )


def file_name(page):
    return page.removesuffix(".html").replace("/", "-")


def previews(page, html, read):
    """What the references of a page to other pages show: by page, and then by their addresses.

    read: a function of a page's path, relative to the site; it gives its HTML or None.
    """
    found = {}
    for path, anchor in set(REFERENCE.findall(html)):
        other = normpath(str(PurePosixPath(page).parent / unquote(path)))
        text = read(other) if other != page else None
        part = element(text, unescape(unquote(anchor))) if text else None
        if part and is_previewed(part):
            of = found.setdefault(other, {})
            of[unescape(f"{path}#{anchor}")] = moved(part, other, page)
    return {other: dict(sorted(of.items())) for other, of in sorted(found.items())}


def write(app, exception):
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    (out / FOLDER).mkdir(parents=True, exist_ok=True)
    pages = {path.relative_to(out).as_posix(): path.read_text("utf-8") for path in built_pages(out)}
    for page, html in pages.items():
        folder, names = f"{FOLDER}/{file_name(page)}", []
        for other, found in previews(page, html, pages.get).items():
            names.append(file_name(other))
            data = json.dumps(found, ensure_ascii=False)
            (out / folder).mkdir(exist_ok=True)
            (out / folder / f"{names[-1]}.js").write_text(f"bookPreviews({data});\n", "utf-8")
        marked = MARK.sub("", html)
        if names:
            value = " ".join([f"{'../' * page.count('/')}{folder}/", *names])
            marked = marked.replace("<html", f'<html data-previews="{value}"', 1)
        if marked != html:
            (out / page).write_text(marked, "utf-8")


def setup(app):
    app.connect("build-finished", write, priority=980)  # when pages are as they will be
    return {"parallel_read_safe": True, "parallel_write_safe": True}
