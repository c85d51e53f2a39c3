"""A Content-Security-Policy on every page: scripts are ours, known by address or by hash.

Styles may be inline, since formulas and figures have them; everything else is of this site.
"""

import re
from base64 import b64encode
from hashlib import sha256

from built_pages import built_pages
from sphinx.util import logging

logger = logging.getLogger(__name__)

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
# A page with the editor of a rule runs WebAssembly, in a worker that is under the page's policy.
EDITOR = re.compile(r'<script [^>]*src="[^"]*live/later\.js')
WITH_EDITOR = {"script-src": "'self' 'wasm-unsafe-eval'", "worker-src": "'self' blob:"}
META = re.compile(r'\n    <meta http-equiv="Content-Security-Policy"[^>]*>')
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>(.*?)</script>", re.S)
HANDLER = re.compile(r'(<[a-z]+\b[^>]*?)\son([a-z]+)="([^"]*)"')
# What the theme's buttons do, which book.js does in their place: a policy forbids handlers.
ACTIONS = {"window.print()": "print", "toggleFullScreen()": "fullscreen"}


def without_handlers(html, name):
    def named(found):
        start, event, code = found.groups()
        if event == "click" and code in ACTIONS:
            return f'{start} data-action="{ACTIONS[code]}"'
        logger.warning("%s: the handler on%s=%r would not run", name, event, code)
        return found[0]

    return HANDLER.sub(named, html)


def policy(html):
    """The content of the <meta> tag for this page."""
    hashes = {
        f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'"
        for script in INLINE.findall(html)
    }
    rules = {**POLICY, **(WITH_EDITOR if EDITOR.search(html) else {})}
    rules["script-src"] = " ".join([rules["script-src"], *sorted(hashes)])
    return "; ".join(f"{name} {value}" for name, value in rules.items())


def protect(app, exception):
    if exception or app.builder.name != "html":
        return
    for page in built_pages(app.outdir):
        # A page that this build did not write has its policy of the last one.
        html = META.sub("", without_handlers(page.read_text("utf-8"), page.name))
        meta = f'<meta http-equiv="Content-Security-Policy" content="{policy(html)}">'
        page.write_text(html.replace("<head>", f"<head>\n    {meta}", 1), "utf-8")


def setup(app):
    app.connect("build-finished", protect, priority=999)  # when scripts are as they will be
    return {"parallel_read_safe": True, "parallel_write_safe": True}
