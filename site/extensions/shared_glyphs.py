"""After the build: the letters of a page's figures are drawn once for all of them.

matplotlib defines each letter anew in each picture, which is a fifth of what a chapter weighs.
They stand in a picture of their own, as a script may put a widget in the place of any other.
chapter.js gives a picture that is saved its letters back.
"""

import re

from built_pages import built_pages

GLYPH = re.compile(
    r'<path d="([^"]*)" transform="scale\(0\.015625\)" id="([^"]*)" ?(?:/>|></path>)'
)
BODY = re.compile(r"<body[^>]*>")
HREF = re.compile(r'href="#([^"]*)"')


def shared(html):
    """The page with each letter defined once, in a hidden picture at the beginning of its body.

    >>> path = '<path d="M0 0" transform="scale(0.015625)" id="{0}" />'
    >>> glyph = f"<defs>{path}</defs>" + '<use href="#{0}" />'
    >>> shared("<body>" + glyph.format("a") + glyph.format("b"))  # doctest: +NORMALIZE_WHITESPACE
    '<body><svg hidden class="letters"><path d="M0 0" transform="scale(0.015625)"
     id="a"></path></svg><use href="#a" /><use href="#a" />'
    """
    first, renamed = {}, {}

    def lend(glyph):
        shape, name = glyph.groups()
        renamed[name] = first.setdefault(shape, name)
        return ""

    html = GLYPH.sub(lend, html)
    if not first:
        return html
    html = HREF.sub(lambda link: f'href="#{renamed.get(link[1], link[1])}"', html)
    letters = "".join(
        f'<path d="{shape}" transform="scale(0.015625)" id="{name}"></path>'
        for shape, name in first.items()
    )
    picture = f'<svg hidden class="letters">{letters}</svg>'
    return BODY.sub(lambda body: body[0] + picture, html.replace("<defs></defs>", ""), count=1)


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
