"""The page 404.html, which a server shows where there is none.

It may stand at any depth, so that it loads nothing and links with the whole path.
"""

from urllib.parse import urlsplit


def pages(app):
    if app.builder.name != "html":
        return
    home = app.builder.get_target_uri(app.config.root_doc)
    path = urlsplit(app.config.html_baseurl).path.rstrip("/")
    search = "search.html"
    links = {"home": home, "search": search}
    if app.config.html_baseurl:
        links = {name: f"{path}/{page}" for name, page in links.items()}
    yield "404", {**links, "book": app.config.html_title}, "not-found.html"


def setup(app):
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
