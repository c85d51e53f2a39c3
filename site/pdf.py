"""`make pdf`: print the book, built as a single page, with Chromium.

python site/pdf.py FOLDER_OF_THE_SITE FILE.pdf
"""

import shutil
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FOOT = (
    '<div style="font: 8px sans-serif; width: 100%; text-align: center">'
    '<span class="pageNumber"></span></div>'
)

# Links to other pages of the book lead to places on the one page that it is now; what is not on
# it, such as settings of the explorer, becomes text. Citations have ids that several pages share
# with each other and with the list of references, to which links with these ids lead.
LINKS = r"""() => {
  document.querySelectorAll(".bibtex-citation[id]").forEach((cited) => cited.removeAttribute("id"));
  for (const link of document.querySelectorAll("a[href]")) {
    const href = link.getAttribute("href");
    if (/^[a-z]+:/i.test(href)) continue;  // of another site
    const [path, place] = href.split("#");
    const target = place ? decodeURIComponent(place) : `document-${path.replace(/\.html$/, "")}`;
    if (document.getElementById(target)) link.setAttribute("href", `#${target}`);
    else link.removeAttribute("href");
  }
}"""


def main(site, pdf):
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        sys.exit(f"make pdf needs Chromium: install one of {', '.join(BROWSERS)}")
    # Paths on the page are relative to the root, and the page is not there.
    page_file = Path(site, "all.html")
    shutil.copyfile(Path(site, "book/index.html"), page_file)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(color_scheme="light")
        page.set_default_timeout(600_000)
        page.goto(page_file.resolve().as_uri())
        # What is folded is opened as by a reader's own printing; anything else that is, here.
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.evaluate(LINKS)
        page.evaluate("document.fonts.ready")
        page.pdf(
            path=pdf,
            format="A4",
            scale=0.85,
            margin={"top": "18mm", "bottom": "18mm", "left": "16mm", "right": "16mm"},
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=FOOT,
            outline=True,
            tagged=True,
        )
        chromium.close()
    if b"(file:" in Path(pdf).read_bytes():
        sys.exit(f"{pdf} has links to files of this computer")
    print(pdf)


if __name__ == "__main__":
    main(*sys.argv[1:])
