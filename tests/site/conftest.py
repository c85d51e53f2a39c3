"""The site, built from the committed notebooks, and a browser to read it in."""

import gc
import os
import re
import shutil
import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from bs4 import BeautifulSoup
from filelock import FileLock

ROOT = Path(__file__).parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
# What no parsed page needs, and takes most of the time of parsing: the tags that show a formula,
# beside its MathML, and the tags that color code. Only what has no text of its own there, and only
# tags that have nothing but a class, are left out; whatever else there was is still on the page.
GLYPHS = re.compile(r"(<mjx-math\b[^>]*>)(?:\s*<[^>]*>)*?\s*(</mjx-math>)")
COLORED = re.compile(r'<span class="[a-z][a-z0-9]{0,2}">([^<]*)</span>')


@pytest.fixture(scope="session")
def site(tmp_path_factory, worker_id):
    """The folder of the site, built from nothing with warnings as errors, once for all workers;
    or, where $BOOK_SITE names one, that folder, so that what was tested can be published."""
    if built := os.environ.get("BOOK_SITE"):
        assert Path(built, "book/index.html").is_file(), f"there is no site in {built}: make book"
        return Path(built)
    base = tmp_path_factory.getbasetemp()
    out = (base if worker_id == "master" else base.parent) / "site"
    with FileLock(f"{out}.lock"):
        if not out.exists():
            out.mkdir()
            builder = Path(sys.executable).with_name("jupyter-book")
            build = subprocess.run(
                [builder, "build", ROOT, "-W", "--keep-going", "--path-output", out],
                capture_output=True,
                text=True,
            )
            if build.returncode:
                (out / "failed").write_text(build.stdout[-3000:] + build.stderr[-3000:])
        failed = out / "failed"
        assert not failed.exists(), failed.read_text()
    return out / "_build" / "html"


@pytest.fixture(scope="session")
def pages(site):
    """Path relative to the site, and parsed page, of every page but the redirect at the root.
    They are all tests': whoever changes a page, changes a copy."""
    gc.disable()  # it would look through millions of things that stay, again and again
    try:
        parsed = {
            path.relative_to(site).as_posix(): BeautifulSoup(
                COLORED.sub(r"\1", GLYPHS.sub(r"\1\2", path.read_text())), "html.parser"
            )
            for path in sorted(site.rglob("*.html"))
            if "_static" not in path.parts
        }
        gc.freeze()
    finally:
        gc.enable()
    redirect = parsed.pop("index.html")
    assert "book/index.html" in str(redirect.find("meta", {"http-equiv": "Refresh"}))
    assert len(parsed) >= 7
    return parsed


@pytest.fixture(scope="session")
def visits(tmp_path_factory, worker_id):
    """What tests have measured of pages as they opened them, in all processes of this run."""
    from reading import Visits

    base = tmp_path_factory.getbasetemp()
    folder = (base if worker_id == "master" else base.parent) / "visits"
    folder.mkdir(exist_ok=True)
    return Visits(folder)


@pytest.fixture(scope="session")
def address(site):
    """Where the site is served on this machine: under a path, as a project's pages are."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

        def translate_path(self, path):
            under = path.removeprefix("/a/book") if path.startswith("/a/book/") else "/none"
            return super().translate_path(under)

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=site))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/a/book"
    server.shutdown()


@pytest.fixture(scope="session")
def browser():
    """Chromium; tests that need it are skipped where there is none, and in CI they fail."""
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        report = pytest.fail if os.environ.get("BOOK_CI") else pytest.skip
        report(f"no Chromium found (looked for {', '.join(BROWSERS)})")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def window(browser):
    """A function of width: a browser window, one for each, which keeps its cache."""
    contexts = {}

    def open_(width):
        if width not in contexts:
            contexts[width] = browser.new_context(
                viewport={"width": width, "height": 900}, reduced_motion="reduce"
            )
        return contexts[width]

    return open_
