"""The repository's public address, set once in `_config.yml`, and what follows from it.

While it is empty, no button and no absolute address appears anywhere.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit
from xml.sax.saxutils import escape

BUTTONS = ("use_repository_button", "use_edit_page_button", "use_issues_button")
UNLISTED = ("search", "genindex", "404")  # pages that a search engine should not offer


def pages_address(repository):
    """Where GitHub Pages shows a repository: https://OWNER.github.io/NAME/."""
    owner, name = urlsplit(repository).path.strip("/").split("/")
    return f"https://{owner}.github.io/{name}/"


def derive(app, config):
    options = config.html_theme_options
    repository = options["repository_url"] = (options.get("repository_url") or "").rstrip("/")
    if repository:
        options.update(dict.fromkeys(BUTTONS, True))
        config.html_baseurl = config.html_baseurl or pages_address(repository)
    config.html_baseurl = os.environ.get("BOOK_ADDRESS") or config.html_baseurl


def write_sitemap(app, exception):
    if exception or not app.config.html_baseurl or app.builder.name != "html":
        return
    pages = [p for p in sorted(app.env.found_docs) if p not in UNLISTED]
    base = app.config.html_baseurl.rstrip("/")
    lines = [
        f"<url><loc>{escape(f'{base}/{app.builder.get_target_uri(p)}')}</loc></url>" for p in pages
    ]
    head = '<?xml version="1.0" encoding="utf-8"?>'
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    text = "\n".join([head, f'<urlset xmlns="{space}">', *lines, "</urlset>", ""])
    Path(app.outdir, "sitemap.xml").write_text(text, "utf-8")


def setup(app):
    app.connect("config-inited", derive, priority=1)  # before the theme reads its options
    app.connect("build-finished", write_sitemap)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
