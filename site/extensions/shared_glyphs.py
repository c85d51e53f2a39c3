"""After the build: the letters of a page's figures are drawn once for all of them.

matplotlib defines each letter anew in each picture, which is a fifth of what a chapter weighs.
chapter.js gives a picture that is saved its letters back.
"""

import re

from built_pages import built_pages

GLYPH = re.compile(
    r'<path d="([^"]*)" transform="scale\(0\.015625\)" id="([^"]*)" ?(?:/>|></path>)'
)
HREF = re.compile(r'href="#([^"]*)"')


def shared(html):
    """The page with the first definition of each letter alone.

    >>> path = '<path d="M0 0" transform="scale(0.015625)" id="{0}" />'
    >>> glyph = f"<defs>{path}</defs>" + '<use href="#{0}" />'
    >>> shared(glyph.format("a") + glyph.format("b")).count("<path")
    1
    >>> shared(glyph.format("a") + glyph.format("b")).endswith('<use href="#a" />')
    True
    """
    first, renamed = {}, {}

    def once(glyph):
        shape, name = glyph.groups()
        if first.setdefault(shape, name) == name:
            return glyph[0]
        renamed[name] = first[shape]
        return ""

    html = GLYPH.sub(once, html)
    return HREF.sub(lambda link: f'href="#{renamed.get(link[1], link[1])}"', html).replace(
        "<defs></defs>", ""
    )


def share(app, exception):
    if exception or app.builder.name != "html":
        return
    for path in built_pages(app.outdir):
        html = path.read_text("utf-8")
        if (lighter := shared(html)) != html:
            path.write_text(lighter, "utf-8")


def setup(app):
    app.connect("build-finished", share, priority=985)  # previews have copied whole figures
    return {"parallel_read_safe": True, "parallel_write_safe": True}
