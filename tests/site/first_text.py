"""Milliseconds until the first text of pages shows, on a slow connection, at a phone's width.

    python tests/site/first_text.py [--site _build/html] [--runs 5] [PAGE …]

The site is served as GitHub Pages serves it: gzipped, over connections that are kept. Each run
has a cold cache, and Chromium's emulated network: 1.6 Mbit/s down, 150 ms for a request to be
answered. The table has the median and the extremes of first-contentful-paint of all runs, the
kilobytes transferred until then and until the page is loaded, and the requests until then.
These are timings: they mean something on a quiet machine only, and are no test.
"""

import argparse
import gzip
import shutil
import statistics
from functools import cache, partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
PAGES = ("book/index", "notebooks/03-adam", "notebooks/05-amsgrad", "book/explorer")
NETWORK = {
    "offline": False,
    "latency": 150,  # milliseconds
    "downloadThroughput": 1.6e6 / 8,  # bytes a second
    "uploadThroughput": 750e3 / 8,
}
ZIPPED = {".html", ".css", ".js", ".svg", ".json"}
PAINT = """new Promise((done) => {
    const first = () => performance.getEntriesByName('first-contentful-paint')[0];
    if (first()) done(first().startTime);
    else new PerformanceObserver((_, observer) => {
        if (first()) { observer.disconnect(); done(first().startTime); }
    }).observe({type: 'paint', buffered: true});
})"""
LOADED = """(until) => {
    const all = [...performance.getEntriesByType('navigation'),
                 ...performance.getEntriesByType('resource')];
    const before = all.filter((entry) => entry.responseEnd <= until);
    const size = (entries) => entries.reduce((sum, entry) => sum + entry.transferSize, 0) / 1000;
    return [size(before), size(all), before.length];
}"""


@cache
def zipped(path):
    return gzip.compress(path.read_bytes(), mtime=0)


class Pages(SimpleHTTPRequestHandler):
    """Files, gzipped where that helps; HTTP/1.1, so that connections are kept."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        if path.suffix not in ZIPPED or not path.is_file():
            return super().do_GET()
        body = zipped(path)
        self.send_response(200)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Encoding", "gzip")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def measure(browser, address):
    """Milliseconds to the first text, kilobytes until then and in all, requests until then."""
    context = browser.new_context(viewport={"width": 360, "height": 780}, device_scale_factor=2)
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    network.send("Network.setCacheDisabled", {"cacheDisabled": True})
    network.send("Network.emulateNetworkConditions", NETWORK)
    page.goto(address, wait_until="load", timeout=120_000)
    first = page.evaluate(PAINT)
    sizes = page.evaluate(LOADED, first)
    context.close()
    return first, *sizes


def main():
    options = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    options.add_argument("pages", nargs="*", default=PAGES, metavar="PAGE")
    options.add_argument("--site", type=Path, default=Path("_build/html"))
    options.add_argument("--runs", type=int, default=5)
    given = options.parse_args()
    for name in given.pages:
        if not (given.site / f"{name}.html").is_file():
            options.error(f"no {name}.html in {given.site}: make book, or give --site")
    chromium = next(filter(None, map(shutil.which, BROWSERS)), None)
    if chromium is None:
        options.error(f"Chromium is needed: install one of {', '.join(BROWSERS)}")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Pages, directory=given.site))
    Thread(target=server.serve_forever, daemon=True).start()
    root = f"http://127.0.0.1:{server.server_port}"
    print(f"{'page':32}{'median ms':>10}{'from':>7}{'to':>7}{'kB':>6}{'of':>6}{'requests':>10}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in given.pages:
            runs = [measure(browser, f"{root}/{name}.html") for _ in range(given.runs)]
            first, before, loaded, requests = zip(*runs, strict=True)
            print(
                f"{name:32}{statistics.median(first):10.0f}{min(first):7.0f}{max(first):7.0f}"
                f"{statistics.median(before):6.0f}{statistics.median(loaded):6.0f}"
                f"{statistics.median(requests):10.0f}"
            )
        browser.close()
    server.shutdown()


if __name__ == "__main__":
    main()
